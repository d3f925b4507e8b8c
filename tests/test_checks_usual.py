"""What is seen in one look: a leader that is wrong in one thing alone is found all the same, and so is all that asking everybody finds."""

import pytest
from stories import Story, no_op, put
from test_random_runs import RandomRun

from raftcore.checks.watch import Watch
from raftcore.hunting.mutants import MUTANTS, Mutant
from raftcore.trace.stream import Trace
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.config import Config


def test_a_leader_that_writes_what_another_entry_of_its_term_stands_for_is_found() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.ask(1, Set("x", "1"))
    story.append("S2", no_op(1))
    story.append("S1", put(1, 1))
    assert story.broken == ["Log Matching"]


def test_a_leader_that_writes_an_entry_of_an_earlier_term_is_found() -> None:
    story = Story()
    story.elect("S1", 2, by="S2")
    story.append("S1", no_op(2))
    story.append("S1", no_op(1))
    assert story.broken == ["Terms Ordered"]


def test_a_leader_that_has_committed_what_it_does_not_have_is_found_when_it_comes_back_from_there() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.keep("S1 S2", no_op(1))
    story.tell(ev.Committed, "S1", 9)
    story.keep("S1 S2", no_op(1))
    story.tell(ev.Committed, "S1", 2)
    assert [violation.sentence for violation in story.found("Monotonic Commit")] == [
        "S1 committed index 9 with a log that ends at 1",
        "S1 committed index 2 after 9",
    ]


def test_a_leader_that_commits_behind_something_else_than_what_is_committed_is_found() -> None:
    story = Story()
    story.reign()
    story.tell(ev.LogTruncated, "S2", 0)
    story.elect("S3", 2, by="S2")
    story.keep("S3 S2", no_op(2), no_op(2))
    story.tell(ev.Committed, "S3", 2)
    (violation,) = story.found("State Machine Safety")
    assert violation.sentence == "S3 committed the no-op of term 2 at index 1, where S1 had committed the no-op of term 1"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.number)
def test_of_a_planted_bug_it_sees_what_asking_all_sees(mutant: Mutant) -> None:
    cluster = mutant.play()
    assert_all_is_seen(cluster.trace, cluster.config, lambda _number: True)


@pytest.mark.parametrize("gap", [3, 20, 50])
@pytest.mark.parametrize("seed", range(6))
def test_where_part_of_a_trace_is_missing_it_sees_what_asking_all_sees(seed: int, gap: int) -> None:
    run = RandomRun(seed)
    run.trouble(rounds=60)
    assert_all_is_seen(run.cluster.trace, run.cluster.config, lambda number: bool(number % gap))


def assert_all_is_seen(trace: Trace, config: Config, told) -> None:
    events = [event for number, event in enumerate(trace) if told(number) or isinstance(event, ev.Created)]
    in_one_look, asking_all = (Watch(trace.server_ids, config, shortcuts) for shortcuts in (True, False))
    for watch in (in_one_look, asking_all):
        watch.absorb(events)
    assert in_one_look.violations == asking_all.violations
