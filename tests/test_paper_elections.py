"""The paper on terms, elections and who may win one, as tests: a sentence each, with its section.

test_election.py looks at the single rules; here they are all in force, with the defaults of a careful engineer.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plays import CAREFUL, THE_RULES, Play, reign_of_s1

from raftcore.consensus.door import DeadlineReached
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Reason

VOTERS = Configuration(("S1", "S2", "S3"))

# ---- terms


@pytest.mark.parametrize(
    "stale",
    [
        AppendEntries(3, "S2", 0, 0, (), 0),
        RequestVote(3, "S2", 9, 9),
        InstallSnapshot(3, "S2", 9, 3, VOTERS, 0, b"", done=True),
    ],
)
def test_a_request_of_an_earlier_term_is_refused_and_changes_nothing(stale: Message) -> None:
    """§5.1."""
    play = Play(3, term=4)
    before = play.disks["S1"], play.state("S1").deadline_ms
    play.pass_ms(50)
    answer = play.tell("S1", stale)

    assert isinstance(answer, AppendEntriesReply | RequestVoteReply | InstallSnapshotReply)
    assert answer.term == 4
    assert not getattr(answer, "success", False) | getattr(answer, "vote_granted", False) | getattr(answer, "installed", False)
    assert (play.disks["S1"], play.state("S1").deadline_ms) == before
    assert play.state("S1").leader_id is None


@pytest.mark.parametrize(
    "answer",
    [
        AppendEntriesReply(5, "S2", False),
        RequestVoteReply(5, "S2", vote_granted=False),
        PreVoteReply(5, 2, "S2", vote_granted=False),
        InstallSnapshotReply(5, "S2", 1, 0, installed=False),
    ],
)
def test_a_leader_that_is_answered_from_a_later_term_follows(answer: Message) -> None:
    """§5.1: a candidate or leader that finds its term to be out of date at once becomes a follower."""
    play = reign_of_s1()
    play.step("S1", answer)

    assert play.state("S1").role is FOLLOWER
    assert play.disks["S1"][0] == HardState(5, None)


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=40))
def test_of_two_candidates_of_a_term_at_most_one_wins(order: list[tuple[int, bool]]) -> None:
    """§5.2, Election Safety: in whatever order the mail comes, and however often."""
    play = Play(5)
    for name in ("S1", "S2"):
        play.step(name, DeadlineReached())
    for choice, again in order:
        if not play.mail:
            break
        source, target, message = play.mail[choice % len(play.mail)]
        if not again:
            play.mail.remove((source, target, message))
        play.step(target, message)

    assert not (play.leads("S1") and play.leads("S2"))


def test_a_candidate_that_hears_the_leader_of_its_term_follows_it() -> None:
    """§5.2, (b)."""
    play = Play(3, THE_RULES)
    play.stand("S3")
    play.elect("S1", heard_by="S2")
    assert play.state("S3").role is CANDIDATE
    play.heartbeat("S1", heard_by="S3")

    assert play.state("S3").role is FOLLOWER
    assert play.state("S3").leader_id == "S1"
    assert play.disks["S3"][0] == HardState(1, "S3"), "the vote stays spent"


def test_a_new_leader_lets_everybody_hear_it_at_once() -> None:
    """§5.2: so that nobody begins another election."""
    play = Play(5, THE_RULES)
    play.stand("S1")
    play.step("S1", RequestVoteReply(1, "S2", vote_granted=True))
    play.step("S1", RequestVoteReply(1, "S3", vote_granted=True))

    assert [(target, type(message)) for _, target, message in play.mail] == [(name, AppendEntries) for name in ("S2", "S3", "S4", "S5")]


def test_a_heartbeat_puts_the_election_off() -> None:
    """§5.2."""
    play = reign_of_s1()
    play.pass_ms(100)
    play.heartbeat("S1", heard_by="S2")

    assert play.state("S2").deadline_ms == play.now_ms + 225
    assert play.state("S3").deadline_ms == play.now_ms + 125


# ---- the election restriction, which holds for votes and for promises

ENDINGS = [
    ("1 2", (2, 2), True),  # the same log
    ("1 2", (1, 3), True),  # a later term wins, however short the log
    ("1 2", (9, 1), False),  # an earlier term loses, however long
    ("1 2", (3, 2), True),
    ("1 2", (1, 2), False),
    ("", (0, 0), True),
]


@pytest.mark.parametrize("pre_vote", [False, True])
@pytest.mark.parametrize("log, ending, granted", ENDINGS)
def test_only_a_log_that_is_as_up_to_date_as_the_voters_wins_it(log: str, ending: tuple[int, int], granted: bool, pre_vote: bool) -> None:
    """§5.4.1: compare the terms of the last entries, then the lengths."""
    play = Play(3, logs={"S1": log}, term=4)
    answer = play.tell("S1", (PreVote if pre_vote else RequestVote)(5, "S2", *ending))

    assert isinstance(answer, RequestVoteReply | PreVoteReply)
    assert answer.vote_granted is granted
    assert answer.reason is (None if granted else Reason.LOG_BEHIND)


def test_who_lacks_what_is_committed_is_never_elected() -> None:
    """§5.4.1, Leader Completeness: each committed entry stands on one server at least of any majority."""
    play = reign_of_s1(5)
    entry = play.propose("S1", "kept", heard_by="S2 S3")
    assert play.commit("S1") == 2
    play.pass_ms(300)
    for loser in ("S4", "S5"):
        play.stand(loser, heard_by="S2 S3 S4 S5")
        assert not play.leads(loser)
    play.elect("S2", heard_by="S3 S4 S5")

    assert play.state("S2").log.entries[1] == entry


# ---- pre-vote


def test_to_ask_for_promises_changes_nobodys_term_and_spends_nobodys_vote() -> None:
    """Thesis 9.6."""
    play = Play(3, THE_RULES, term=4, config=CAREFUL)
    play.pass_ms(300)
    timers = [play.state(name).deadline_ms for name in ("S2", "S3")]
    play.step("S1", DeadlineReached())
    for name in ("S2", "S3"):
        (ask,) = play.take_mail(name)
        play.step(name, ask)

    assert all(play.disks[name][0] == HardState(4) for name in play.members)
    assert [play.state(name).deadline_ms for name in ("S2", "S3")] == timers


def test_a_promise_binds_nobody() -> None:
    """Thesis 9.6: the same server may promise its vote to many, and then give it to one."""
    play = Play(3, term=4)
    for candidate in ("S1", "S2", "S1"):
        promise = play.tell("S3", PreVote(5, candidate, 0, 0))
        assert isinstance(promise, PreVoteReply)
        assert promise.vote_granted
    assert [granted_by(play, "S3", candidate) for candidate in ("S2", "S1")] == [True, False]


def granted_by(play: Play, voter: str, candidate: str) -> bool:
    reply = play.tell(voter, RequestVote(5, candidate, 0, 0))
    assert isinstance(reply, RequestVoteReply)
    return reply.vote_granted


def test_whoever_is_cut_off_asks_for_ever_and_its_term_stays() -> None:
    """Thesis 9.6: so it does no harm when it comes back."""
    play = reign_of_s1()
    for _ in range(10):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2")
        play.stand("S3")
    assert play.disks["S3"][0].current_term == 1
    play.heartbeat("S1", heard_by=play.all)
    play.stand("S3", heard_by=play.all)

    assert play.leads("S1")
    assert play.state("S1").current_term == 1


@pytest.mark.parametrize(
    "ask, reason",
    [
        (PreVote(3, "S2", 9, 9), Reason.STALE_TERM),
        (PreVote(4, "S2", 9, 9), Reason.ALREADY_VOTED),
        (PreVote(4, "S3", 9, 9), None),
        (PreVote(5, "S2", 0, 0), Reason.LOG_BEHIND),
        (PreVote(5, "S2", 9, 9), None),
    ],
)
def test_a_promise_is_given_where_a_vote_would_be(ask: PreVote, reason: Reason | None) -> None:
    """Thesis 9.6."""
    play = Play(3, logs={"S1": "1"}, term=3)
    play.tell("S1", RequestVote(4, "S3", 1, 1))
    answer = play.tell("S1", ask)

    assert answer == PreVoteReply(4, ask.next_term, "S1", reason is None, reason)


def test_who_is_refused_a_promise_learns_of_the_later_term() -> None:
    """Thesis 9.6: to keep silent instead would let a laggard with the only good log ask in vain for ever."""
    play = Play(3, THE_RULES, logs={"S1": "1 1"}, term=1, config=CAREFUL)
    play.step("S2", AppendEntriesReply(7, "S3", False))
    play.pass_ms(300)
    play.stand("S1", heard_by="S2")
    assert play.state("S1").current_term == 7
    play.stand("S1", heard_by="S2")

    assert play.leads("S1")
    assert play.state("S1").current_term == 8


def test_promises_are_counted_by_voter_and_only_for_the_term_that_is_asked_for() -> None:
    """Thesis 9.6 with §5.2."""
    play = Play(5, config=CAREFUL)
    play.step("S1", DeadlineReached())
    for promise in [PreVoteReply(0, 1, "S2", True)] * 3 + [PreVoteReply(0, 2, "S3", True), PreVoteReply(0, 1, "S4", False)]:
        play.step("S1", promise)
    assert play.state("S1").role is FOLLOWER
    play.step("S1", PreVoteReply(0, 1, "S5", True))

    assert play.state("S1").role is CANDIDATE


@pytest.mark.parametrize("guard", [False, True])
def test_without_the_guard_a_promise_ignores_a_live_leader(guard: bool) -> None:
    """Thesis 9.6 with 4.2.3: that voters have not heard from a leader is the guard's part of a promise."""
    play = reign_of_s1(config=Config(snapshot_every=0, leader_guard=guard))
    play.stand("S3", heard_by="S1 S2")

    assert play.leads("S3") is not guard
    assert play.state("S1").current_term == (1 if guard else 2)


def test_a_promise_that_comes_after_the_leader_was_heard_is_void() -> None:
    """Thesis 9.6."""
    play = reign_of_s1(5)
    play.pass_ms(200)
    play.stand("S3")
    play.heartbeat("S1", heard_by="S3")
    for voter in ("S2", "S4", "S5"):
        play.step("S3", PreVoteReply(1, 2, voter, vote_granted=True))

    assert play.state("S3").role is FOLLOWER
    assert play.state("S3").current_term == 1


# ---- the guard of a live leader


@pytest.mark.parametrize("pre_vote", [False, True])
@pytest.mark.parametrize("silence_ms, rate, guarded", [(0, 1, True), (149, 1, True), (150, 1, False), (75, 2, False), (150, 0.5, True)])
def test_who_has_heard_a_leader_within_the_shortest_timeout_takes_no_part(
    silence_ms: float, rate: float, guarded: bool, pre_vote: bool
) -> None:
    """Thesis 4.2.3: it neither grants the vote nor takes the term. The time is that of the server's own clock."""
    play = reign_of_s1()
    play.state("S2").clock_rate = rate
    play.pass_ms(silence_ms)
    answer = play.tell("S2", (PreVote if pre_vote else RequestVote)(9, "S3", 9, 9))

    assert isinstance(answer, RequestVoteReply | PreVoteReply)
    assert answer.reason is (Reason.LEADER_HEARD if guarded else None)
    assert play.state("S2").current_term == (1 if guarded or pre_vote else 9)


def test_who_has_heard_a_leader_takes_no_part_in_a_later_term_either_that_another_told_it_of() -> None:
    """Thesis 4.2.3, 6.4.1: a late answer lets it enter the term, and its promise to the leader it has heard still holds."""
    play = reign_of_s1()
    play.step("S2", PreVoteReply(9, 2, "S3", vote_granted=False))
    assert play.state("S2").current_term == 9
    answer = play.tell("S2", RequestVote(9, "S3", 9, 9))
    assert answer == RequestVoteReply(9, "S2", vote_granted=False, reason=Reason.LEADER_HEARD)
    play.pass_ms(150)
    answer = play.tell("S2", RequestVote(9, "S3", 9, 9))

    assert answer == RequestVoteReply(9, "S2", vote_granted=True)


def test_a_leader_is_guarded_by_itself_while_a_majority_answers_it() -> None:
    """Thesis 4.2.3 with 6.2."""
    play = reign_of_s1()
    play.pass_ms(149)
    play.step("S1", RequestVote(9, "S3", 9, 9))
    assert play.leads("S1")
    play.pass_ms(1)
    play.step("S1", RequestVote(9, "S3", 9, 9))

    assert not play.leads("S1")


def test_a_server_that_restarts_guards_the_leader_it_may_have_heard() -> None:
    """Thesis 4.2.3, 6.4.1: or a crash would break a lease."""
    play = reign_of_s1()
    play.restart("S2")
    play.pass_ms(149)
    answer = play.tell("S2", RequestVote(9, "S3", 9, 9))

    assert answer == RequestVoteReply(1, "S2", vote_granted=False, reason=Reason.LEADER_HEARD)


# ---- check-quorum


def test_a_leader_that_no_majority_answers_for_a_timeout_steps_down_in_its_term() -> None:
    """Thesis 6.2: the longest timeout, after which others would stand."""
    play = reign_of_s1()
    play.pass_ms(299)
    play.heartbeat("S1", heard_by="")
    assert play.leads("S1")
    play.pass_ms(1)
    play.heartbeat("S1", heard_by="")

    assert play.state("S1").role is FOLLOWER
    assert play.disks["S1"][0] == HardState(1, "S1")
    assert play.state("S1").deadline_ms == play.now_ms + 225


def test_a_leader_that_just_a_majority_answers_stays() -> None:
    """Thesis 6.2."""
    play = reign_of_s1(5)
    for _ in range(5):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2 S3")
    assert play.leads("S1")
    for _ in range(2):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2")
    assert play.state("S1").role is LEADER
    play.pass_ms(100)
    play.heartbeat("S1", heard_by="S2")

    assert play.state("S1").role is FOLLOWER


def test_without_the_check_a_leader_that_is_cut_off_leads_on() -> None:
    """§5.2: in the paper only a later term ends a reign."""
    play = reign_of_s1(config=Config(snapshot_every=0, check_quorum=False))
    for _ in range(10):
        play.pass_ms(300)
        play.heartbeat("S1", heard_by="")

    assert play.leads("S1")
