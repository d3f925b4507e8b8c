"""Elections (§5.2) and the election restriction (§5.4.1): who gets a vote, and what a vote is worth."""

from itertools import combinations

import pytest
from plays import FIGURE_2, Play

from raftcore import Cluster
from raftcore.consensus import election
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.events import VoteCounted
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, PreVote, PreVoteReply, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Reason, Role


def granted(term: int, voter: str) -> RequestVoteReply:
    return RequestVoteReply(term, voter, vote_granted=True)


# ---- the candidate


@pytest.mark.parametrize(
    "size, granting, refusing, role",
    [
        (1, "", "", LEADER),
        (2, "", "S2", CANDIDATE),
        (2, "S2", "", LEADER),
        (3, "S2", "", LEADER),
        (3, "S3", "S2", LEADER),
        (3, "", "S2 S3", CANDIDATE),
        (4, "S2", "", CANDIDATE),
        (4, "S2 S3", "S4", LEADER),
        (5, "S2", "S3 S4", CANDIDATE),
        (5, "S2 S3", "S4 S5", LEADER),
        (5, "S2 S3 S4 S5", "", LEADER),
    ],
)
def test_the_tally_of_votes_decides(size: int, granting: str, refusing: str, role: Role) -> None:
    play = Play(size)
    play.stand("S1")
    for voter in refusing.split():
        play.step("S1", RequestVoteReply(1, voter, vote_granted=False, reason=Reason.ALREADY_VOTED))
    for voter in granting.split():
        play.step("S1", granted(1, voter))

    assert play.state("S1").role is role
    assert play.state("S1").current_term == 1


def test_standing_begins_a_term_votes_for_oneself_and_asks_all_others() -> None:
    play = Play(3, logs={"S1": "1 2"}, term=4)
    play.step("S1", DeadlineReached())
    ask = RequestVote(term=5, candidate_id="S1", last_log_index=2, last_log_term=2)

    assert play.mail == [("S1", "S2", ask), ("S1", "S3", ask)]
    assert play.disks["S1"][0] == HardState(5, "S1")


def test_votes_are_a_set_so_a_repeated_one_counts_once() -> None:
    play = Play(5)
    play.stand("S1")
    for _ in range(4):
        play.step("S1", granted(1, "S2"))

    assert play.state("S1").role is CANDIDATE
    assert [event.voter for event in play.told(VoteCounted)] == ["S1", "S2"]


def test_a_vote_of_an_earlier_term_is_void() -> None:
    play = Play(5)
    play.stand("S1")
    play.stand("S1")
    play.step("S1", granted(1, "S2"))
    play.step("S1", granted(1, "S3"))
    assert play.state("S1").role is CANDIDATE

    play.step("S1", granted(2, "S2"))
    play.step("S1", granted(2, "S3"))
    assert play.leads("S1")


def test_votes_counted_without_looking_at_the_term_elect_two_leaders() -> None:
    """The same with a rule that forgets it: so the test above can fail."""

    def careless(me: NodeState, reply: RequestVoteReply) -> None:
        if me.role is CANDIDATE and reply.vote_granted:
            me.count_vote(reply.voter_id)

    play = Play(5, Rules(absorb_request_vote_reply=careless))
    play.stand("S1")
    play.stand("S1")
    play.step("S1", granted(1, "S2"))
    play.step("S1", granted(1, "S3"))
    assert play.leads("S1")


def test_a_vote_after_the_decision_changes_nothing() -> None:
    play = Play(3)
    play.elect("S1", heard_by="S2")
    ready = play.step("S1", granted(1, "S3"))
    assert [list(ready.save), list(ready.send), list(ready.events)] == [[], [], []]


def test_a_candidate_that_hears_of_a_later_term_gives_up() -> None:
    play = Play(3)
    play.stand("S1")
    play.step("S1", RequestVoteReply(7, "S2", vote_granted=False, reason=Reason.STALE_TERM))
    assert (play.state("S1").role, play.state("S1").current_term, play.state("S1").voted_for) == (FOLLOWER, 7, None)


def test_a_candidate_that_hears_the_leader_of_its_term_steps_down_and_keeps_its_vote() -> None:
    play = Play(3)
    play.stand("S1")
    play.stand("S2")
    play.step("S1", AppendEntries(1, "S2", 0, 0, (), 0))
    assert (play.state("S1").role, play.state("S1").leader_id) == (FOLLOWER, "S2")

    answer = play.tell("S1", RequestVote(1, "S3", 9, 9))
    assert answer == RequestVoteReply(1, "S1", vote_granted=False, reason=Reason.ALREADY_VOTED)
    assert play.disks["S1"][0] == HardState(1, "S1")


def test_a_leader_keeps_its_vote_too() -> None:
    play = Play(3)
    play.elect("S1", heard_by="S2")
    assert play.tell("S1", RequestVote(1, "S3", 9, 9)).reason is Reason.ALREADY_VOTED


# ---- the voter


@pytest.mark.parametrize(
    "mine, last_log_index, last_log_term, reason",
    [
        ("", 0, 0, None),
        ("", 1, 1, None),
        ("1", 0, 0, Reason.LOG_BEHIND),
        ("1 1", 2, 1, None),
        ("1 1", 1, 1, Reason.LOG_BEHIND),
        ("1 1", 3, 1, None),
        ("1 1 1 1", 1, 2, None),  # the later term wins, however short
        ("1 2", 5, 1, Reason.LOG_BEHIND),  # the earlier term loses, however long
        ("1 2", 2, 2, None),
    ],
)
def test_a_vote_goes_only_to_a_log_that_is_as_up_to_date(mine: str, last_log_index: int, last_log_term: int, reason: Reason | None) -> None:
    play = Play(3, logs={"S1": mine}, term=2)
    answer = play.tell("S1", RequestVote(3, "S2", last_log_index, last_log_term))
    assert (answer.vote_granted, answer.reason) == (reason is None, reason)
    assert play.state("S1").voted_for == ("S2" if reason is None else None)


def test_a_rule_that_compares_lengths_first_elects_a_leader_without_what_is_committed() -> None:
    """S1 has a long log of term 1; S2 and S3 hold a committed entry of term 2."""

    def longer_wins(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        if (me.log.last_index, me.log.last_term) > (ask.last_log_index, ask.last_log_term):
            return election.refuse(me, Reason.LOG_BEHIND)
        me.vote_for(ask.candidate_id)
        return granted(me.current_term, me.id)

    logs = {"S1": "1 1 1", "S2": "1 2", "S3": "1 2"}
    right, wrong = Play(3, logs=logs, term=2), Play(3, Rules(answer_request_vote=longer_wins), logs, term=2)
    for play in (right, wrong):
        play.stand("S1", heard_by="S2 S3")
    assert not right.leads("S1")
    assert wrong.leads("S1")


def test_a_server_votes_once_a_term_and_again_in_the_next() -> None:
    play = Play(3)
    assert play.tell("S1", RequestVote(1, "S2", 0, 0)).vote_granted
    assert play.tell("S1", RequestVote(1, "S3", 5, 1)) == RequestVoteReply(1, "S1", False, Reason.ALREADY_VOTED)
    assert play.tell("S1", RequestVote(2, "S3", 0, 0)).vote_granted


def test_a_repeated_request_of_the_same_candidate_is_granted_again() -> None:
    """Its answer may have been lost."""
    play = Play(3)
    ask = RequestVote(1, "S2", 0, 0)
    assert play.tell("S1", ask) == play.tell("S1", ask) == granted(1, "S1")


def test_a_vote_survives_a_crash() -> None:
    play = Play(3)
    play.tell("S1", RequestVote(1, "S2", 0, 0))
    play.restart("S1")
    assert play.tell("S1", RequestVote(1, "S3", 0, 0)).reason is Reason.ALREADY_VOTED
    assert play.tell("S1", RequestVote(1, "S2", 0, 0)).vote_granted


def test_an_earlier_term_gets_no_vote_and_learns_the_present_one() -> None:
    play = Play(3, term=4)
    assert play.tell("S1", RequestVote(3, "S2", 9, 3)) == RequestVoteReply(4, "S1", False, Reason.STALE_TERM)
    assert play.disks["S1"][0] == HardState(4, None)


def test_a_refused_candidate_still_brings_its_term() -> None:
    play = Play(3, logs={"S1": "1"}, term=1)
    assert play.tell("S1", RequestVote(6, "S2", 0, 0)) == RequestVoteReply(6, "S1", False, Reason.LOG_BEHIND)
    assert play.disks["S1"][0] == HardState(6, None)


def test_only_a_granted_vote_gives_the_candidate_time() -> None:
    """A refused one must not, or a server that can't win keeps those from standing who can (§5.2)."""
    play = Play(3, logs={"S1": "1"}, term=1)
    before = play.state("S1").deadline_ms
    play.now_ms = 100.0
    play.tell("S1", RequestVote(6, "S2", 0, 0))
    assert play.state("S1").deadline_ms == before
    play.tell("S1", RequestVote(6, "S3", 1, 1))
    assert play.state("S1").deadline_ms == 100 + 225


def test_a_split_vote_elects_nobody_and_the_next_term_may() -> None:
    play = Play(4)
    play.stand("S1", heard_by="S2")
    play.stand("S3", heard_by="S4")
    assert not play.leads("S1")
    assert not play.leads("S3")
    play.elect("S3", heard_by="S1 S4")
    assert play.state("S3").current_term == 2


def test_a_reign_begins_with_a_no_op_told_to_all() -> None:
    play = Play(3, Rules(), {"S1": "1"}, term=1)
    play.stand("S1")
    play.step("S1", granted(2, "S2"))
    no_op = play.state("S1").log.entries[-1]

    assert (no_op.term, no_op.command) == (2, None)
    expected = AppendEntries(2, "S1", 1, 1, (no_op,), 0, round=1)
    assert play.mail[-2:] == [("S1", "S2", expected), ("S1", "S3", expected)]
    assert play.tell("S2", expected) == AppendEntriesReply(2, "S2", False, 0, 1, 0, 1, Reason.LOG_GAP, round=1)


def test_a_new_leader_assumes_that_all_logs_equal_its_own() -> None:
    play = Play(3, FIGURE_2, {"S1": "1 1"}, term=1)
    play.elect("S1", heard_by="S2")
    assert {(progress.next_index, progress.match_index) for progress in play.state("S1").progress.values()} == {(3, 0)}


# ---- pre-vote (thesis 9.6)


def test_of_two_that_ask_at_once_the_one_with_the_lower_name_goes_on() -> None:
    play = Play(3, Rules(), config=Config())
    play.step("S1", DeadlineReached())
    play.step("S2", DeadlineReached())
    play.now_ms = 200.0  # nobody guards the start of the run any more
    play.talk("S1", "S2")
    assert [play.leads(name) for name in play.members] == [True, False, False]
    assert play.state("S2").current_term == 1


def test_a_server_gives_way_to_a_rival_once_in_a_term_and_then_goes_on_asking() -> None:
    """The rival may hear no majority, and this server may be the only one that does."""
    play = Play(3, Rules(), config=Config())
    play.now_ms = 200.0  # nobody guards the start of the run any more
    play.step("S3", DeadlineReached())
    assert play.tell("S3", PreVote(1, "S1", 0, 0)) == PreVoteReply(0, 1, "S3", vote_granted=True)
    assert play.state("S3").pre_votes == set()
    play.step("S3", DeadlineReached())
    for rival in ("S1", "S2"):
        assert play.tell("S3", PreVote(1, rival, 0, 0)) == PreVoteReply(0, 1, "S3", vote_granted=True)
    play.step("S3", PreVoteReply(0, 1, "S2", vote_granted=True))

    assert (play.state("S3").role, play.state("S3").current_term) == (CANDIDATE, 1)


def test_a_server_gives_way_again_in_a_later_term_and_who_asks_for_nothing_gives_no_way() -> None:
    play = Play(3, Rules(), config=Config())
    play.now_ms = 200.0  # nobody guards the start of the run any more
    for term in range(3):
        play.step("S3", RequestVote(term, "S2", 0, 0))
        play.take_mail()
        play.pass_ms(300)
        play.tell("S3", PreVote(term + 1, "S1", 0, 0))
        play.step("S3", DeadlineReached())
        assert play.state("S3").pre_votes == {"S3"}
        play.tell("S3", PreVote(term + 1, "S1", 0, 0))
        assert play.state("S3").pre_votes == set()


@pytest.mark.parametrize("centre", ["S1", "S3", "S5"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_one_server_alone_reaches_a_majority_it_leads_soon_whatever_its_name(centre: str, seed: int) -> None:
    """A star (jgroups-raft#211): each round of pre-votes takes one election timeout, and a second one is enough."""
    cluster = Cluster(5, seed=seed, config=Config(delay_ms=(30.0, 50.0)))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(500)
    others = [name for name in cluster.server_ids if name != centre]
    for one, other in combinations(others, 2):
        cluster.cut(one, other)

    cluster.run_until(lambda view: view.leader == centre, limit_ms=2_000)
    cluster.run_for(5_000)
    assert cluster.leader == centre
    assert not cluster.violations


def test_a_promise_is_told_with_the_term_that_it_is_for() -> None:
    me = NodeState("S1", Configuration(("S1", "S2", "S3")), Config(), lambda: 0.5, HardState(2))
    election.start_pre_vote(me)
    election.absorb_pre_vote_reply(me, PreVoteReply(2, 3, "S2", vote_granted=True))

    counted = [(event.voter, event.term, event.pre_vote) for event in me.events if isinstance(event, VoteCounted)]
    assert counted == [("S1", 3, True), ("S2", 3, True)]


def test_to_follow_without_a_round_says_nothing_of_rounds() -> None:
    me = NodeState("S1", Configuration(("S1", "S2", "S3")), Config(), lambda: 0.5, HardState(2))
    me.follow("S2")
    assert (me.leader_id, me.leader_round) == ("S2", 0)
