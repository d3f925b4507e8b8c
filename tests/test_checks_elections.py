"""Invariants of terms, votes and roles: each with what breaks it, and with what looks like it and does not."""

import pytest
from stories import Story

from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER

# ---- Election Safety


def test_two_leaders_of_one_term_count_even_if_the_first_leads_no_more() -> None:
    story = Story(5)
    first = story.elect("S1", 1, by="S2 S3")
    story.tell(ev.RoleChanged, "S1", FOLLOWER, 1)
    second = story.elect("S4", 1, by="S5")
    (violation,) = story.found("Election Safety")
    assert violation.sentence == "S1 and S4 were both elected in term 1"
    assert (violation.servers, violation.evidence) == (("S1", "S4"), (first, second))


def test_a_leader_of_a_later_term_beside_one_that_does_not_know_it_is_no_violation() -> None:
    story = Story(5)
    story.elect("S1", 1, by="S2 S3")
    story.elect("S4", 2, by="S3 S5")
    assert story.broken == []


def test_a_reign_that_a_sole_voter_forgot_before_anybody_heard_of_it_may_be_led_again() -> None:
    story = Story(1)
    for _ in range(2):
        story.tell(ev.RoleChanged, "S1", CANDIDATE, 1)
        story.tell(ev.VoteCounted, "S1", "S1", 1)
        story.tell(ev.RoleChanged, "S1", LEADER, 1)
        story.tell(ev.Crashed, "S1")
        story.tell(ev.Restarted, "S1", 0, None, 0, ())
    assert story.broken == []


@pytest.mark.parametrize("stop", [ev.Crashed, ev.Halted])
def test_a_leader_that_others_elected_led_in_its_term_though_it_crashed_before_that_was_saved(stop: type[ev.Event]) -> None:
    story = Story(5)
    story.tell(ev.RoleChanged, "S1", CANDIDATE, 1)
    for voter in ("S1", "S2", "S3"):
        story.tell(ev.VoteCounted, "S1", voter, 1)
    story.tell(ev.RoleChanged, "S1", LEADER, 1)
    story.tell(stop, "S1", *["its disk is damaged"] * (stop is ev.Halted))
    story.elect("S4", 1, by="S5")
    assert "S1 and S4 were both elected in term 1" in [violation.sentence for violation in story.found("Election Safety")]


def test_a_sole_voter_that_saved_its_term_led_in_it_though_it_crashed() -> None:
    story = Story(3)
    story.elect("S1", 1, by="")
    story.tell(ev.Crashed, "S1")
    story.elect("S2", 1, by="S3")
    assert [violation.sentence for violation in story.found("Election Safety")] == ["S1 and S2 were both elected in term 1"]


# ---- Vote Once


def test_a_vote_for_two_candidates_of_a_term_is_found_across_a_crash() -> None:
    story = Story(5)
    story.stand("S1", 1)
    story.stand("S2", 1)
    given = story.vote("S3", "S1", 1)
    story.tell(ev.Crashed, "S3")
    story.tell(ev.Restarted, "S3", 1, None, 0, ())
    again = story.send("S3", "S2", RequestVoteReply(1, "S3", vote_granted=True))
    lost, twice = story.violations
    assert lost.sentence == "S3 had its vote of term 1 for S1 on its disk, and lost it in a crash"
    assert twice.sentence == "S3 gave its vote of term 1 to S1, and then to S2 too"
    assert (twice.property, twice.evidence) == ("Vote Once", (given, again))


def test_a_candidate_has_voted_for_itself() -> None:
    story = Story(3)
    story.stand("S1", 1)
    story.send("S1", "S3", RequestVote(1, "S1", 0, 0))
    story.send("S1", "S2", RequestVoteReply(1, "S1", vote_granted=True))
    assert [it.sentence for it in story.violations] == ["S1 gave its vote of term 1 to S1, and then to S2 too"]


def test_the_same_vote_may_be_given_again() -> None:
    story = Story(3)
    story.stand("S1", 1)
    story.vote("S2", "S1", 1)
    story.vote("S2", "S1", 1)
    story.elect("S3", 2, by="S2")
    assert story.broken == []


def test_a_vote_is_on_the_disk_before_it_is_given() -> None:
    story = Story(3)
    story.stand("S1", 1)
    story.follow(1, "S2")
    story.send("S2", "S1", RequestVoteReply(1, "S2", vote_granted=True))
    (violation,) = story.violations
    assert violation.property == "Vote Once"
    assert "before the vote was on its disk" in violation.sentence


@pytest.mark.parametrize("vote, words", [("S2", "then for S2"), (None, "then for nobody")])
def test_a_vote_that_is_on_the_disk_stays_there_for_its_term(vote: str | None, words: str) -> None:
    story = Story(3)
    story.follow(1, "S3")
    first = story.save("S3", vote="S1")
    again = story.save("S3", vote="S1")
    second = story.save("S3", vote=vote)
    (violation,) = story.violations
    assert violation.sentence == f"S3 saved its vote of term 1 for S1, and {words}"
    assert (violation.property, violation.evidence) == ("Vote Once", (again, second))
    assert first < again


def test_a_vote_that_is_saved_belongs_to_its_term() -> None:
    story = Story(3)
    story.follow(1, "S3")
    story.save("S3")
    story.save("S3", vote="S1")
    story.follow(2, "S3")
    story.save("S3")
    story.save("S3", vote="S2")
    assert story.broken == []


def test_a_vote_is_counted_only_by_whom_it_was_given_to() -> None:
    story = Story(5)
    story.stand("S1", 1)
    story.vote("S2", "S1", 1)
    story.stand("S1", 2)
    story.tell(ev.VoteCounted, "S1", "S2", 2)
    (violation,) = story.violations
    assert violation.sentence == "S1 counts a vote of S2 for term 2, which S2 gave to nobody"


def test_a_promise_binds_nobody() -> None:
    story = Story(3)
    story.tell(ev.VoteCounted, "S1", "S2", 1, True)
    story.tell(ev.VoteCounted, "S3", "S2", 1, True)
    assert story.broken == []


def test_a_vote_that_was_neither_saved_nor_given_may_be_lost() -> None:
    story = Story(3)
    story.follow(1, "S2")
    story.tell(ev.VoteGranted, "S2", "S1", 1)
    story.tell(ev.Crashed, "S2")
    story.tell(ev.Restarted, "S2", 0, None, 0, ())
    story.stand("S3", 1)
    story.vote("S2", "S3", 1)
    assert story.broken == []


# ---- Monotonic Term


def test_a_term_falls_neither_while_a_server_runs_nor_in_a_crash() -> None:
    story = Story(3)
    story.follow(4, "S1")
    story.save("S1")
    story.follow(3, "S1")
    assert story.violations[0].sentence == "S1 went back from term 4 to term 3"
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 2, None, 0, ())
    assert [it.property for it in story.violations] == ["Monotonic Term"] * 2


def test_a_term_that_was_not_saved_may_be_lost_in_a_crash() -> None:
    story = Story(3)
    story.follow(4, "S1")
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 0, None, 0, ())
    story.follow(1, "S1")
    assert story.broken == []


# ---- Legal Transitions


@pytest.mark.parametrize("role", [LEADER, CANDIDATE])
def test_nobody_becomes_anything_but_in_the_order_of_figure_4(role) -> None:
    story = Story(3)
    story.follow(1, "S1")
    story.tell(ev.RoleChanged, "S1", role, 1)
    (violation,) = story.found("Legal Transitions")
    assert violation.sentence == f"S1 was follower of term 1, and became {role.value} of term 1"


def test_a_leader_does_not_stand_and_a_candidate_wins_in_its_own_term_only() -> None:
    story = Story(3)
    story.elect("S1", 1, by="S2")
    story.tell(ev.RoleChanged, "S1", CANDIDATE, 2)
    story.tell(ev.RoleChanged, "S1", LEADER, 3)
    assert len(story.found("Legal Transitions")) == 2


def test_a_candidate_may_stand_again_win_and_step_down() -> None:
    story = Story(3)
    story.stand("S1", 1)
    story.elect("S1", 2, by="S2")
    story.tell(ev.RoleChanged, "S1", FOLLOWER, 2)
    story.stand("S1", 3)
    story.follow(3, "S1")
    assert story.broken == []


def test_a_server_that_restarts_counts_from_the_term_that_it_has_read_and_what_was_saved_stays_saved() -> None:
    story = Story()
    story.tell(ev.Synced, "S1", 2, "S2", 0)
    story.tell(ev.Crashed, "S1", False)
    story.tell(ev.Restarted, "S1", 3, "S3", 0, (), 0)  # term 3 was written and not synced
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 2, "S2", 0, (), 0)  # and is lost
    assert story.broken == []
    story.tell(ev.RoleChanged, "S1", FOLLOWER, 1)
    assert story.broken == ["Monotonic Term"]
