"""A reply informs the term of its request and no other (§5.1): Figure 2 drops the rest, since an RPC library matches replies to requests.

S1 leads in term 1, then S2 in term 2, then S1 again in term 3. Rounds, offsets and indexes begin anew with each of these.
"""

from copy import deepcopy
from typing import Any

import pytest
from plays import CAREFUL, Play, reign_of_s1

from raftcore.consensus.door import DeadlineReached, ImageTaken
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVoteReply,
    RequestVoteReply,
)
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, SNAPSHOT, Reason

VOTERS = Configuration(("S1", "S2", "S3"))
AT_ONCE = Config(snapshot_every=0, pre_vote=False, leader_guard=False, snapshot_chunk_bytes=4)
"""Whoever stands is voted for."""

OF_TERM_1 = [
    pytest.param(AppendEntries(1, "S1", 1, 1, (), 1, 50), id="heartbeat"),
    pytest.param(AppendEntries(1, "S1", 9, 1, (), 1, 50), id="append behind the log's end"),
    pytest.param(InstallSnapshot(1, "S1", 9, 1, VOTERS, 0, b"0123", False, 50), id="snapshot"),
]


def two_reigns(config: Config = AT_ONCE) -> Play:
    """S1 leads for the second time; everybody has its no-op of term 3, and it has sent few rounds since."""
    play = reign_of_s1(config=config)
    for _ in range(20):
        play.heartbeat("S1", heard_by="S2 S3")
    for leader in ("S2", "S1"):
        play.pass_ms(300)
        play.elect(leader, heard_by=play.all)
        play.heartbeat(leader, heard_by=play.all)
    assert (play.state("S1").current_term, play.commit("S1")) == (3, 3)
    play.take_mail()
    return play


def beliefs_of(play: Play, name: str) -> Any:
    """What a server holds that a reply may change."""
    me = play.state(name)
    return deepcopy((me.role, me.current_term, me.voted_for, me.votes, me.pre_votes, me.commit_index, me.progress, me.reign))


# ---- who refuses


@pytest.mark.parametrize("late", OF_TERM_1)
def test_a_refusal_for_a_stale_term_says_nothing_but_the_term(late: Message) -> None:
    play = two_reigns()
    refusals = {
        AppendEntries: AppendEntriesReply(3, "S2", success=False, reason=Reason.STALE_TERM),
        InstallSnapshot: InstallSnapshotReply(3, "S2", 0, 0, installed=False, reason=Reason.STALE_TERM),
    }

    assert play.tell("S2", late) == refusals[type(late)]


@pytest.mark.parametrize("late", OF_TERM_1)
def test_a_late_message_of_an_earlier_reign_teaches_its_sender_nothing_when_it_leads_again(late: Message) -> None:
    play = two_reigns()
    before = beliefs_of(play, "S1")
    play.step("S1", play.tell("S2", late))

    assert beliefs_of(play, "S1") == before


# ---- who hears the refusal


FULL_REFUSALS = [
    AppendEntriesReply(3, "S2", False, 0, 3, 1, 1, Reason.STALE_TERM, 500),
    InstallSnapshotReply(3, "S2", 3, 2, installed=False, round=500, reason=Reason.STALE_TERM),
    InstallSnapshotReply(3, "S2", 9, 0, installed=True, round=500, reason=Reason.STALE_TERM),
]
OF_EARLIER_TERMS = [
    AppendEntriesReply(2, "S2", True, 9, round=500),
    AppendEntriesReply(1, "S2", False, 0, 3, 1, 1, Reason.LOG_CONFLICT, 500),
    InstallSnapshotReply(2, "S2", 9, 0, installed=True, round=500),
    RequestVoteReply(2, "S2", vote_granted=True),
    PreVoteReply(2, 3, "S2", vote_granted=True),
]


@pytest.mark.parametrize("reply", FULL_REFUSALS + OF_EARLIER_TERMS, ids=str)
def test_a_leader_learns_nothing_from_an_answer_to_an_earlier_term_whatever_it_carries(reply: Message) -> None:
    play = two_reigns()
    before = beliefs_of(play, "S1")
    play.step("S1", reply)

    assert beliefs_of(play, "S1") == before


@pytest.mark.parametrize("reply", FULL_REFUSALS, ids=str)
def test_a_refusal_for_a_stale_term_deposes_a_leader_of_an_earlier_term(reply: Message) -> None:
    play = reign_of_s1()
    play.step("S1", reply)

    assert (play.state("S1").role, play.state("S1").current_term) == (FOLLOWER, 3)


def test_a_refusal_for_a_stale_term_lets_no_read_out() -> None:
    """Thesis 6.4."""
    play = two_reigns()
    play.pass_ms(10)
    play.read("S1")
    play.take_mail()
    for refusal in FULL_REFUSALS:
        play.step("S1", refusal)

    assert play.served == []


def test_a_refusal_for_a_stale_term_extends_no_lease() -> None:
    """Thesis 6.4.1: the lease of the last round that was answered ends after 150 / 1.1 ms."""
    play = two_reigns(CAREFUL)
    play.pass_ms(100)
    play.step("S1", DeadlineReached())
    for refusal in FULL_REFUSALS:
        play.step("S1", refusal)
    play.pass_ms(50)
    play.read("S1", ReadMode.LEASE)

    assert play.served == []


def test_a_refusal_for_a_stale_term_keeps_no_leader_in_office() -> None:
    """Thesis 6.2: whom no majority has answered for an election timeout steps down."""
    play = two_reigns()
    for _ in range(4):
        play.pass_ms(100)
        play.step("S1", DeadlineReached())
        for refusal in FULL_REFUSALS:
            play.step("S1", refusal)

    assert not play.leads("S1")


def test_votes_of_another_election_do_not_count_in_this_one() -> None:
    """§5.2: neither those of an earlier term, nor a refusal in this one."""
    play = Play(3)
    play.stand("S1")
    play.stand("S1")
    for name in ("S2", "S3"):
        play.step("S1", RequestVoteReply(1, name, vote_granted=True))
        play.step("S1", RequestVoteReply(2, name, vote_granted=False, reason=Reason.STALE_TERM))

    assert (play.state("S1").role, play.state("S1").votes) == (CANDIDATE, {"S1"})


# ---- pieces of a snapshot


def piece(term: int, leader: str, offset: int, data: bytes, done: bool = False) -> InstallSnapshot:
    return InstallSnapshot(term, leader, 9, 1, VOTERS, offset, data, done, round=1)


def test_pieces_of_two_leaders_make_no_snapshot_even_where_they_cover_the_same() -> None:
    """Figure 13: an offset is one in the leader's own data."""
    play = Play(3, config=AT_ONCE)
    play.step("S3", piece(1, "S1", 0, b"old "))
    reply = play.tell("S3", piece(2, "S2", 4, b"new", done=True))

    assert reply == InstallSnapshotReply(2, "S3", 9, 0, installed=False, round=1)
    assert play.snapshots["S3"] is None


def test_a_leader_that_sends_a_snapshot_again_in_a_later_reign_is_not_sent_back_by_a_late_refusal() -> None:
    """Figure 13 with §5.1: the follower holds the first piece already."""
    play = two_reigns()
    play.step("S1", ImageTaken(3, b"0123456789"))
    progress = play.state("S1").progress["S2"]
    snapshot = play.state("S1").snapshot
    assert snapshot
    progress.send_snapshot(snapshot)
    play.step("S1", InstallSnapshotReply(3, "S2", 3, 4, installed=False, round=1))
    play.take_mail()
    play.step("S1", InstallSnapshotReply(3, "S2", 3, 0, installed=False, round=9, reason=Reason.STALE_TERM))

    assert (progress.state, progress.offset, play.take_mail("S2")) == (SNAPSHOT, 4, [])
