"""What stands out on the scrubber."""

import pytest
from test_playhead import recorded

from raftcore import Cluster
from raftcore.hunting.mutants import MUTANTS
from widgets.marks import MOST_MARKS, Marks
from widgets.playhead import Playhead


def kinds(marks: Marks) -> list[tuple[float, str, str]]:
    return [(mark.at_ms, mark.kind, mark.words) for mark in marks.follow()]


def test_elections_and_crashes_are_marked_as_they_happen():
    cluster = Cluster(size=3, seed=2)
    marks = Marks(cluster)
    assert kinds(marks) == []
    cluster.run_until(lambda view: view.leader is not None)
    [(_, kind, words)] = kinds(marks)
    assert (kind, words) == ("election", f"{cluster.leader} leads term {cluster.view.servers['S1'].current_term}")
    leader, at_ms = cluster.leader, cluster.now_ms
    cluster.crash(leader)
    assert kinds(marks)[1:] == [(at_ms, "crash", f"{leader} goes down")]


@pytest.mark.parametrize("shown", [lambda cluster: cluster, recorded], ids=["cluster", "recording"])
def test_a_violation_is_marked_where_it_was_seen(shown):
    mutant = next(one for one in MUTANTS if one.property == "Election Safety")
    cluster = mutant.play()
    head = Playhead(shown(cluster))
    seen = [mark for mark in head.marks(head.sights[0]) if mark.kind == "violation"]
    assert seen
    assert [mark.at_ms for mark in seen] == [violation.at_ms for violation in cluster.violations]
    assert [mark.words for mark in seen] == [f"{violation.property} is violated" for violation in cluster.violations]


def test_a_recording_has_no_marks_behind_its_end():
    cluster = Cluster(size=3, seed=2)
    run = recorded(cluster)
    cluster.run_for(1_000)
    assert kinds(Marks(run)) == []


def test_there_are_never_too_many_marks():
    cluster = Cluster(size=3, seed=2)
    marks = Marks(cluster)
    for _ in range(2 * MOST_MARKS):
        cluster.crash("S1")
        cluster.restart("S1")
        marks.follow()
    assert MOST_MARKS / 2 <= len(marks.follow()) <= MOST_MARKS


def test_a_cluster_that_is_not_judged_has_marks_but_no_violations():
    cluster = Cluster(size=3, seed=2, checks=False)
    cluster.crash("S1")
    head = Playhead(cluster)
    assert [mark.kind for mark in head.marks(head.sights[0])] == ["crash"]
