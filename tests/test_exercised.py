"""A property whose premise never came about is not exercised: nobody says that it holds."""

import pytest
from stories import Story

from raftcore import Cluster, Rules
from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.exercised import exercised
from raftcore.checks.situations import SITUATIONS
from raftcore.checks.watch import INVARIANTS
from raftcore.hunting.faults import Faults
from raftcore.hunting.hunt import hunt
from raftcore.hunting.story import live
from raftcore.vocabulary.errors import ControlError


def test_each_property_names_a_situation_as_its_premise() -> None:
    assert {it.premise for it in (*INVARIANTS, *BELIEFS)} <= set(SITUATIONS)


def test_a_property_is_exercised_once_its_premise_has_come_about() -> None:
    story = Story()
    assert names(story) == set()
    story.elect("S1", 1, by="S2")
    assert {"Election Safety", "Vote Once"} & names(story) == {"Election Safety"}  # hand-made: nobody told of a vote that was granted
    story = Story()
    story.reign()
    assert "Committed Is Durable" in names(story)
    assert "Leader Completeness" not in names(story)
    story.elect("S2", 2, by="S3")
    assert "Leader Completeness" in names(story)
    assert "Joint Quorum" not in names(story)


def names(story: Story) -> set[str]:
    return set(exercised(INVARIANTS, story.watch.coverage.first))


def test_a_lone_server_exercises_little() -> None:
    cluster = Cluster(1)
    cluster.run_for(2_000)
    cluster.client("C1").set("x", "1")
    properties = set(exercised(INVARIANTS, cluster.situations))
    assert {"Election Safety", "No Invention", "Terms Ordered"} <= properties
    assert not {"Log Matching", "Vote Once", "Monotonic Match", "State Machine Safety", "Leader Completeness"} & properties


def test_a_cluster_that_is_not_judged_knows_no_situations() -> None:
    with pytest.raises(ControlError, match="this cluster is not judged"):
        _ = Cluster(3, checks=False).situations
    assert Cluster(3).situations.keys() == {"timer set"}


# ---- random runs and hunts


def test_what_is_judged_at_the_end_counts_only_where_raft_promises_it() -> None:
    results = [live(seed, faults=Faults.only(["rot", "crashes"]), size=3) for seed in range(8)]
    judged = ["Convergence" in result.properties for result in results]
    assert {True, False} == set(judged)  # where bits rotted in too many logs, nothing is promised
    assert all("Answered" not in result.properties for result, was in zip(results, judged, strict=True) if not was)


def never(*_: object) -> None:
    raise ZeroDivisionError


def test_a_run_that_fails_early_has_judged_nothing_at_its_end() -> None:
    result = live(0, rules=Rules(start_reign=never))
    assert result.story
    assert not {"Convergence", "Answered", "Linearizability"} & set(result.properties)
    assert "election started" in result.situations
    assert "leader elected" not in result.situations


def words_of(**given: object) -> list[str]:
    words: list[str] = []
    assert hunt(on_progress=words.append, cores=1, **given) is None  # type: ignore[arg-type]
    return words


def test_a_hunt_in_vain_says_what_no_run_has_exercised() -> None:
    words = words_of(seeds=4, size=1, faults="commands")
    assert words[:-1] == [f"seed {seed}: all is well" for seed in range(4)]
    said, _, idle = words[-1].partition("; not exercised: ")
    assert said == "4 runs: no violation"
    assert {"Log Matching", "Joint Quorum", "Lease Excludes"} <= set(idle.split(", "))


def test_a_hunt_for_one_property_says_how_many_runs_have_exercised_it() -> None:
    words = words_of(seeds=3, size=3, faults="commands", wanted="Joint Quorum")
    assert words[:-1] == [f"seed {seed}: Joint Quorum was not exercised" for seed in range(3)]
    assert words[-1] == "3 runs: no violation of Joint Quorum; exercised in 0"
    assert words_of(seeds=[7], size=3, wanted="Election Safety") == [
        "seed 7: all is well",
        "1 run: no violation of Election Safety; exercised in 1",
    ]
