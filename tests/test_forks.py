"""Several runs in one lab: the tree of them, where two differ, and what stands beside."""

import pytest
from test_player import wait_until
from test_playhead import forked

from raftcore import Cluster, diff
from raftcore.vocabulary.errors import ConfigError, ControlError
from widgets import Lab
from widgets.branch import Branch, Parting
from widgets.forks import Forks
from widgets.frame import Frame, Line
from widgets.playhead import Playhead
from widgets.run_title import RunTitle


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(2_000)
    return cluster


def drawn(head: Playhead) -> dict:
    lines = tuple(branch.line for branch in head.branches)
    beside = head.beside.branch.number if head.two else None
    said = {"lines": lines, "chosen": head.main.branch.number, "beside": beside, "parted": head.parted(head.sights)}
    return Forks().draw(Frame(view=head.view, **said))


def test_of_one_run_there_is_no_tree(cluster: Cluster):
    picture = drawn(Playhead(cluster))
    assert picture == {"lines": []}


def test_each_run_stands_below_the_one_that_it_parted_from(cluster: Cluster):
    head = Playhead(cluster)
    for number, at_ms in ((1, 900), (1, 500), (2, 700)):
        head.choose(number)
        head.go_to(at_ms)
        forked(head)
    lines = drawn(head)["lines"]
    assert [(one["name"], one["parent"], one["at_ms"]) for one in lines] == [
        ("run 1", None, 0),
        ("fork 2", 1, 900),
        ("fork 4", 2, 700),
        ("fork 3", 1, 500),
    ]


def test_two_runs_differ_at_the_first_event_that_both_have_and_not_where_one_has_only_not_come_so_far(cluster: Cluster):
    head = Playhead(cluster)
    head.go_to(1_000)
    fork = forked(head)
    assert head.parted(head.sights) is None
    assert drawn(head)["parted"]["words"] == "fork 2 and run 1 do not differ so far."
    fork.run_for(100)
    assert head.parted(head.sights) is None
    fork.crash("S1")
    fork.run_for(200)
    found = head.parted(head.sights)
    assert found == diff(fork, cluster)
    assert found.at_ms == 1_100
    assert drawn(head)["parted"]["words"] == "fork 2 and run 1 first differ at 1,100 ms."
    assert drawn(head)["parted"]["events"][0] == "fork 2, 1,100 ms: you: crash S1"
    cluster.run_for(5_000)
    assert head.parted(head.sights) is found


def test_only_what_is_new_is_compared(cluster: Cluster, monkeypatch):
    fork = cluster.fork()
    one = Branch(1, cluster)
    parting = Parting(one, Branch(2, fork, one, 2_000.0))
    compared = []
    monkeypatch.setattr("widgets.branch.diff", lambda a, b, since: (compared.append(since), diff(a, b, since))[1])
    for _ in range(3):
        assert parting.find() is None
        cluster.run_for(100)
        ended = len(fork.trace)
        fork.run_for(100)
    assert compared[0] == cluster.trace.position_before(2_000)
    assert compared[-1] <= ended
    assert compared == sorted(compared)


def test_runs_of_different_seeds_are_compared_from_the_beginning(cluster: Cluster):
    other = Cluster(size=3, seed=3)
    other.run_for(2_000)
    head = Playhead(cluster)
    head.compare(other)
    assert head.parted(head.sights) == diff(cluster, other)
    assert [branch.line.name for branch in head.branches] == ["run 1", "run 2"]


def test_a_fork_that_was_made_in_code_is_shown_beside_its_run(cluster: Cluster):
    fork = cluster.fork(at_ms=800)
    with Lab(cluster) as lab:
        lab.pause()
        lab.compare(fork)
        head = lab._player.head
        assert (head.main.run, head.beside.run, head.two) == (cluster, fork, True)
        assert head.branches[1].line.parent == 1
        lab.compare(fork)
        assert len(head.branches) == 2
        lab.compare(cluster)
        assert not head.two
        with pytest.raises(ConfigError, match="'fork' is no run"):
            lab.compare("fork")  # type: ignore[arg-type]  # that is the point
        assert len(head.branches) == 2
    with pytest.raises(ControlError, match="closed"):
        lab.compare(fork)


def test_what_stands_beside_is_made_once_and_only_when_it_is_needed(cluster: Cluster):
    with Lab(cluster) as lab:
        lab.pause()
        halves = next(box for box in lab.children if "rl-lab-pair" in box._dom_classes)
        assert len(halves.children) == 1
        lab._player.take({"do": "fork"})
        wait_until(lambda: len(halves.children) == 2)
        second = halves.children[1]
        title, ring = second.children[0], second.children[1].children[0]
        wait_until(lambda: title.state["name"] == "run 1")
        ring._handle_custom_msg({"do": "crash", "server": "S2"}, [])
        assert not cluster.view.servers["S2"].alive
        assert lab.cluster.view.servers["S2"].alive
        lab._player.take({"do": "alone"})
        wait_until(lambda: len(halves.children) == 1)
        lab._player.take({"do": "choose", "run": 1})
        wait_until(lambda: len(halves.children) == 2)
        assert halves.children[1] is second
        wait_until(lambda: title.state["name"] == "fork 2")


def test_a_title_says_which_run_and_whether_that_is_its_end():
    lines = (Line(1, None, 0.0, 900.0), Line(2, 1, 400.0, 500.0))
    view = Cluster(size=1).view
    alone = RunTitle().draw(Frame(view=view, lines=lines[:1]))
    end = RunTitle().draw(Frame(view=view, lines=lines, run=2, chosen=2, beside=1))
    past = RunTitle().draw(Frame(view=view, lines=lines, run=1, chosen=2, beside=1, past=True))
    recording = RunTitle().draw(Frame(view=view, lines=lines, run=1, chosen=2, beside=1, lives=False))
    assert not alone["shown"]
    assert (end["name"], end["at"], end["chosen"]) == ("fork 2", "0 ms, its end so far", True)
    assert (past["name"], past["at"], past["chosen"]) == ("run 1", "0 ms", False)
    assert recording["at"] == "0 ms, the recording's end"
