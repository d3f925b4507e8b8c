"""Leader Completeness and State Machine Safety: what breaks them, and what looks like it and does not."""

import pytest
from stories import Story, no_op, put

from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import LEADER

# ---- Leader Completeness


def test_a_leader_without_what_was_committed_in_an_earlier_term_is_found() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    wrote = story.append("S1", no_op(1))
    story.save("S1", "S1")
    story.keep("S2", no_op(1))
    said = story.commit("S1", 1)
    elected = story.elect("S3", 2, by="S2")
    (violation,) = story.found("Leader Completeness")
    assert violation.sentence == "S3 leads in term 2 without the no-op of term 1 at index 1, which is committed since term 1"
    assert violation.evidence == (wrote, said, elected)


def test_a_deposed_leader_that_does_not_know_it_yet_need_not_have_what_its_successor_commits() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.elect("S3", 2, by="S2")
    story.keep("S3 S2", no_op(2))
    story.commit("S3 S2", 1)
    assert story.broken == []


def test_a_candidate_whose_last_vote_came_late_may_lead_after_a_later_term_has_committed() -> None:
    story = Story(5)
    story.stand("S1", 1)
    story.vote("S2", "S1", 1)
    story.vote("S3", "S1", 1)
    story.elect("S5", 2, by="S3 S4")
    story.keep("S5 S3 S4", no_op(2))
    story.commit("S5", 1)
    story.tell(ev.RoleChanged, "S1", LEADER, 1)
    assert story.broken == []


def test_what_is_committed_late_must_be_in_the_log_of_a_leader_elected_before_that() -> None:
    story = Story(5)
    story.elect("S1", 1, by="S2 S3")
    story.keep("S1 S2 S3", no_op(1))
    story.elect("S5", 2, by="S3 S4")
    story.commit("S1", 1)
    (violation,) = story.found("Leader Completeness")
    assert violation.sentence.startswith("S5 leads in term 2 without the no-op of term 1 at index 1")


def test_a_deposed_leader_may_commit_late_what_its_successor_has() -> None:
    story = Story(5)
    story.elect("S1", 1, by="S2 S3")
    story.keep("S1 S2 S3", no_op(1))
    story.elect("S3", 2, by="S4 S5")
    story.keep("S3", no_op(2))
    story.commit("S1", 1)
    assert story.broken == []


def test_a_voter_without_the_entries_of_old_terms_may_vote_for_one_that_cannot_win() -> None:
    """Its committed entries are all of old terms; the candidate's log ends in a later one, and nobody is elected."""
    story = Story(5)
    story.elect("S1", 1, by="S2 S3")
    story.keep("S1 S2 S3", no_op(1))
    story.commit("S1 S2 S3", 1)
    story.follow(2, "S5")
    story.append("S5", no_op(2))
    story.stand("S5", 3)
    story.vote("S2", "S5", 3)
    assert story.broken == []


# ---- State Machine Safety


def test_two_servers_that_commit_different_entries_at_an_index_are_found() -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.reign()
    story.keep("S1 S2", put(1, 1))
    story.commit("S1", 2)
    story.follow(2, "S3")
    story.append("S3", no_op(1), no_op(2))
    story.save("S3")
    story.tell(ev.Committed, "S3", 2)
    (violation,) = story.found("State Machine Safety")
    assert violation.sentence == "S3 committed the no-op of term 2 at index 2, where S1 had committed SET x 1"
    assert violation.servers == ("S1", "S3")


def test_servers_may_commit_at_their_own_pace() -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.reign()
    story.keep("S1 S2", put(1, 1))
    story.commit("S1 S2", 2)
    story.follow(1, "S3")
    story.keep("S3", no_op(1), put(1, 1))
    story.commit("S3", 1)
    story.commit("S3", 2)
    assert story.broken == []


def test_two_servers_to_whom_one_entry_comes_to_different_things_are_found() -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.reign()
    story.keep("S1 S2", put(1, 1))
    story.commit("S1", 2)
    story.tell(ev.Committed, "S2", 2)
    story.tell(ev.Applied, "S2", 2, "x", "9")
    (violation,) = story.violations
    assert violation.sentence == "S1 applied index 2 so that x held 1, and S2 so that x held 9"


def image(store: dict[str, str]) -> bytes:
    machine = StateMachine(1_000)
    machine.apply_all(1, [Entry(1, Set(key, value)) for key, value in store.items()])
    return machine.image()


@pytest.mark.parametrize(
    "index, term, data, what",
    [
        (3, 1, image({"x": "1"}), "installed a snapshot that ends at index 3, which nobody has committed"),
        (2, 2, image({"x": "1"}), "and that entry is of term 2; S1 committed one of term 1 there"),
        (2, 1, image({"x": "2"}), "and its store is not what the entries up to there come to"),
        (2, 1, b"nothing", "and its store is not what the entries up to there come to"),
    ],
)
def test_a_snapshot_that_holds_something_else_is_found(index: int, term: int, data: bytes, what: str) -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.reign()
    story.keep("S1 S2", put(1, 1))
    story.commit("S1", 2)
    story.tell(ev.SnapshotInstalled, "S3", index, term, False, data)
    (violation,) = story.violations
    assert violation.property == "State Machine Safety"
    assert what in violation.sentence


def test_a_snapshot_that_holds_what_the_entries_come_to_is_right() -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.ask(2, Set("x", "2"))
    story.reign()
    story.keep("S1 S2", put(1, 1), put(1, 2, "2"))
    story.commit("S1", 3)
    story.follow(1, "S3")
    story.tell(ev.SnapshotInstalled, "S3", 2, 1, False, image({"x": "1"}))
    story.save("S3")
    story.keep("S3", put(1, 2, "2"))
    story.commit("S3", 3)
    assert story.broken == []


def test_a_snapshot_of_what_was_not_applied_is_found() -> None:
    story = Story()
    story.reign()
    story.keep("S1", no_op(1))
    story.tell(ev.SnapshotTaken, "S1", 2, 1, 10)
    (violation,) = story.violations
    assert violation.sentence == "S1 took a snapshot that ends at index 2, and has applied no more than 1"
