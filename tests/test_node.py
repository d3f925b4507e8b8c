"""The only door: a stimulus goes in, and a Ready comes out that says what to save, send and apply."""

import pytest
from plays import AS_IN_THE_PAPER, FIGURE_2, Play, log_of

from raftcore.consensus.door import DeadlineReached, Saved
from raftcore.consensus.node import RaftNode
from raftcore.consensus.rules import Rules
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState, LogSuffix
from raftcore.vocabulary.events import Committed, EntriesAppended, LogTruncated, RoleChanged, VoteGranted
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, Reason


def new_node(size: int = 3, log: str = "", term: int = 0, rules: Rules = FIGURE_2) -> RaftNode:
    members = tuple(f"S{number}" for number in range(1, size + 1))
    node = RaftNode("S1", Configuration(members), AS_IN_THE_PAPER, lambda: 0.5, rules, HardState(term), None, log_of(log))
    node.start(0.0)
    return node


RPCS = [
    RequestVote(7, "S2", 0, 0),
    RequestVoteReply(7, "S2", vote_granted=False, reason=Reason.ALREADY_VOTED),
    AppendEntries(7, "S2", 0, 0, (), 0),
    AppendEntriesReply(7, "S2", success=False, reason=Reason.STALE_TERM),
]


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: type(rpc).__name__)
def test_every_rpc_of_a_later_term_makes_a_follower_of_that_term(rpc: object) -> None:
    for role in ("follower", "candidate", "leader"):
        play = Play(3)
        if role != "follower":
            play.stand("S1", heard_by="S2" if role == "leader" else "")
        play.step("S1", rpc)
        assert (play.state("S1").role, play.state("S1").current_term) == (FOLLOWER, 7)
        assert play.disks["S1"][0].current_term == 7


def test_a_node_starts_with_what_its_disk_held_and_waits() -> None:
    node = RaftNode("S1", Configuration(("S1", "S2")), AS_IN_THE_PAPER, lambda: 0.0, FIGURE_2, HardState(4, "S2"), None, log_of("1 4"))
    ready = node.start(1_000.0)
    assert (ready.deadline_ms, list(ready.save), list(ready.send), ready.apply) == (1_150.0, [], [], ())
    assert (node.state.current_term, node.state.voted_for, node.state.log.last_index) == (4, "S2", 2)
    assert (node.state.role, node.state.commit_index, node.state.saved_index) == (FOLLOWER, 0, 2)


def test_the_timeout_is_drawn_from_the_range() -> None:
    for draw, deadline_ms in ((0.0, 150.0), (0.5, 225.0), (0.999, 299.85)):
        node = RaftNode("S1", Configuration(("S1", "S2")), AS_IN_THE_PAPER, lambda draw=draw: draw, FIGURE_2, HardState())
        assert node.start(0.0).deadline_ms == pytest.approx(deadline_ms)


def test_term_and_vote_are_saved_in_one_record() -> None:
    ready = new_node().step(RequestVote(3, "S2", 0, 0), 1.0)
    assert ready.save == [HardState(3, "S2")]
    assert [type(event) for event in ready.events] == [RoleChanged, VoteGranted]


def test_what_did_not_change_is_not_saved_again() -> None:
    node = new_node()
    assert node.step(RequestVote(3, "S2", 0, 0), 1.0).save
    assert not node.step(RequestVote(3, "S2", 0, 0), 2.0).save
    assert not node.step(AppendEntries(3, "S2", 0, 0, (), 0), 3.0).save


def test_a_truncation_is_saved_as_the_suffix_that_takes_its_place_and_told() -> None:
    ready = new_node(log="1 1 2 2", term=2).step(AppendEntries(3, "S2", 2, 1, (Entry(3),), 0), 1.0)
    assert ready.save == [HardState(3, None), LogSuffix(3, (Entry(3),))]
    assert [type(event) for event in ready.events][-2:] == [LogTruncated, EntriesAppended]


def test_a_leader_does_not_count_its_own_entry_before_it_is_saved() -> None:
    node = new_node(size=1)
    node.step(DeadlineReached(), 300.0)
    ready = node.step(ClientRequest("C1", 1, Set("x", "1")), 301.0)
    assert ready.save
    assert not ready.apply
    ready = node.step(Saved(), 302.0)
    assert ([entry.command for entry in ready.apply], ready.apply_from) == ([Set("x", "1")], 1)
    assert [type(event) for event in ready.events] == [Committed]


def test_followers_can_commit_what_the_leader_itself_has_not_saved() -> None:
    """A majority is a majority (thesis 10.2.1)."""
    node = new_node()
    node.step(DeadlineReached(), 300.0)
    node.step(RequestVoteReply(1, "S2", vote_granted=True), 301.0)
    node.step(ClientRequest("C1", 1, Set("x", "1")), 302.0)
    assert not node.step(AppendEntriesReply(1, "S2", True, 1), 303.0).apply
    assert node.step(AppendEntriesReply(1, "S3", True, 1), 304.0).apply


def test_a_truncated_entry_no_longer_counts_as_saved() -> None:
    node = new_node(log="1 2 2", term=2)
    node.step(AppendEntries(3, "S2", 1, 1, (Entry(3),), 0), 1.0)
    assert node.state.saved_index == 1
    node.step(Saved(), 2.0)
    assert node.state.saved_index == 2


def test_committed_entries_are_handed_over_once_and_in_order() -> None:
    node = new_node(log="1 1 1", term=1)
    first = node.step(AppendEntries(1, "S2", 3, 1, (), 2), 1.0)
    again = node.step(AppendEntries(1, "S2", 3, 1, (), 2), 2.0)
    rest = node.step(AppendEntries(1, "S2", 3, 1, (), 3), 3.0)
    assert [(len(ready.apply), ready.apply_from) for ready in (first, again, rest)] == [(2, 1), (0, 3), (1, 3)]


def test_a_deadline_makes_followers_and_candidates_stand_and_leaders_speak() -> None:
    node = new_node()
    node.step(DeadlineReached(), 300.0)
    ready = node.step(DeadlineReached(), 600.0)
    assert (node.state.role, node.state.current_term) == (CANDIDATE, 2)
    assert [type(message) for _, message in ready.send] == [RequestVote, RequestVote]

    node.step(RequestVoteReply(2, "S2", vote_granted=True), 601.0)
    ready = node.step(DeadlineReached(), 651.0)
    assert [type(message) for _, message in ready.send] == [AppendEntries, AppendEntries]
    assert ready.deadline_ms == 701.0


def test_a_reply_meant_for_a_client_means_nothing_to_a_server() -> None:
    ready = new_node().step(ClientReply("C1", 1, "S2", ok=True), 1.0)
    assert [list(ready.save), list(ready.send), list(ready.apply), list(ready.events)] == [[], [], [], []]


def test_a_swapped_rule_is_obeyed() -> None:
    refused = RequestVoteReply(3, "S1", vote_granted=False, reason=Reason.LOG_BEHIND)
    node = new_node(rules=Rules(answer_request_vote=lambda _me, _ask: refused))
    assert list(node.step(RequestVote(3, "S2", 9, 9), 1.0).send) == [("S2", refused)]


def test_an_answer_that_changes_nothing_brings_the_ready_of_the_one_before() -> None:
    play = Play(3)
    play.stand("S1", heard_by="S2 S3")
    node, term = play.nodes["S1"], play.state("S1").current_term
    _, *quiet = [node.step(AppendEntriesReply(term, "S2", success=True), 5.0) for _ in range(3)]
    assert quiet[0] is quiet[1]
    assert (quiet[0].send, quiet[0].save, quiet[0].apply, quiet[0].events) == ((), (), (), ())
    assert quiet[0].deadline_ms == play.state("S1").deadline_ms

    node.step(DeadlineReached(), quiet[0].deadline_ms)  # the next heartbeat is due later
    later = node.step(AppendEntriesReply(term, "S2", success=True), quiet[0].deadline_ms)
    assert later.deadline_ms > quiet[0].deadline_ms
