"""One server: what is not on the disk is neither sent nor applied, and what a crash, a pause or a slow disk does to it."""

from collections.abc import Callable, Iterable
from random import Random

import pytest
from plays import AS_IN_THE_PAPER, log_of

from raftcore.cluster.clock import VirtualClock
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.shapes import recovered
from raftcore.server import Server
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.events import Applied, Event, RoleChanged, Synced, VoteGranted
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    Envelope,
    Message,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import CANDIDATE, LEADER, Reason

SYNC_MS = 5.0


class Stage:
    """One server S1 of a few, with its clock and disk. `sent` holds (time, target, message)."""

    def __init__(self, size: int = 3, sync_ms: float = SYNC_MS, rules: Rules = Rules(), config: Config = AS_IN_THE_PAPER) -> None:  # noqa: B008  # a constant
        self.rules, self.config = rules, config
        self.members = tuple(f"S{number}" for number in range(1, size + 1))
        self.clock = VirtualClock()
        self.disk = SimDisk(lambda delay_ms, act: self.clock.call_after(delay_ms, lambda _: act(), None), DiskState(sync_ms))
        self.sent: list[tuple[float, str, Message]] = []
        self.events: list[Event] = []
        self.halted: list[str] = []
        self.start()

    def start(self) -> None:
        def send(_source: str, envelopes: Iterable[Envelope]) -> None:
            self.sent += [(self.clock.now_ms, *envelope) for envelope in envelopes]

        draw: Callable[[], float] = lambda: 0.5  # noqa: E731
        self.server = Server(
            "S1", Configuration(self.members), self.config, draw, self.rules, self.disk, self.clock, send, self.events.append, self.halt
        )
        self.server.start()

    def halt(self, _name: str, reason: str) -> None:
        self.halted.append(reason)

    def crash(self) -> None:
        """The power fails."""
        self.server.stop()
        self.disk.crash(Random(0))

    def kill(self) -> None:
        """The process alone crashes."""
        self.server.stop()
        self.disk.process_crash()

    def run_to(self, at_ms: float) -> None:
        self.clock.run(at_ms, 10_000)
        self.clock.now_ms = at_ms

    def hear(self, *messages: Message) -> None:
        for message in messages:
            self.server.hear(message)

    def take_sent(self) -> list[tuple[float, str, Message]]:
        taken, self.sent = self.sent, []
        return taken

    def on_disk(self) -> tuple[HardState, list[Entry]]:
        found = recovered({name: self.disk.read(name) for name in self.disk.names()})
        return found.hard_state, found.entries

    def lead(self) -> None:
        """Win the election of term 1 and have the no-op committed."""
        self.run_to(240)
        for peer in self.members[1:]:
            self.hear(RequestVoteReply(1, peer, vote_granted=True))
        self.run_to(249)
        for peer in self.members[1:]:
            self.hear(AppendEntriesReply(1, peer, True, 1))
        self.take_sent()


def granted(term: int) -> RequestVoteReply:
    return RequestVoteReply(term, "S1", vote_granted=True)


# ---- save, then send, then apply


def test_a_vote_leaves_only_when_it_is_on_the_disk() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(SYNC_MS - 0.1)
    assert stage.sent == []
    stage.run_to(SYNC_MS)
    assert stage.sent == [(SYNC_MS, "S2", granted(1))]
    assert stage.on_disk()[0] == HardState(1, "S2")


def test_a_server_that_crashed_before_its_vote_was_synced_may_vote_anew_since_nobody_heard_of_it() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(2)
    stage.crash()
    stage.run_to(20)
    assert stage.sent == []
    stage.disk.remove("wal.1")  # no sync had kept it

    stage.start()
    stage.hear(RequestVote(1, "S3", 0, 0))
    stage.run_to(40)
    assert stage.sent == [(25.0, "S3", granted(1))]


def test_a_server_that_crashed_after_its_vote_was_synced_remembers_it() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(SYNC_MS)
    stage.crash()
    stage.start()
    stage.hear(RequestVote(1, "S3", 0, 0), RequestVote(1, "S2", 0, 0))
    stage.run_to(2 * SYNC_MS)
    answers = [message for _, _, message in stage.sent[1:]]
    assert answers == [RequestVoteReply(1, "S1", vote_granted=False, reason=Reason.ALREADY_VOTED), granted(1)]


@pytest.mark.parametrize("crash_ms", [0.0, 2.5, 4.9, 5.0, 7.5, 10.0, 12.0])
def test_whenever_it_crashes_what_it_acknowledged_is_on_its_disk(crash_ms: float) -> None:
    stage = Stage()
    first, second = log_of("1 1")
    stage.hear(AppendEntries(1, "S2", 0, 0, (first,), 0))
    stage.run_to(1)
    stage.hear(AppendEntries(1, "S2", 1, 1, (second,), 1))
    stage.run_to(max(crash_ms, 1))
    stage.crash()
    acknowledged = max((message.match_index for _, _, message in stage.sent), default=0)
    hard_state, entries = stage.on_disk()

    assert len(entries) >= acknowledged == (0 if crash_ms < 5 else 1 if crash_ms < 10 else 2)
    assert entries == [first, second][: len(entries)]
    assert hard_state.current_term >= bool(acknowledged)


def test_what_arrives_while_the_disk_syncs_is_taken_in_together_and_shares_one_sync() -> None:
    stage = Stage()
    first, second, third = log_of("1 1 1")
    stage.hear(AppendEntries(1, "S2", 0, 0, (first,), 0))
    stage.run_to(1)
    stage.hear(AppendEntries(1, "S2", 1, 1, (second,), 0), AppendEntries(1, "S2", 2, 1, (third,), 3), AppendEntries(1, "S2", 3, 1, (), 3))
    stage.run_to(20)

    accepted = [(at_ms, message.match_index) for at_ms, _, message in stage.sent]
    assert accepted == [(5.0, 1), (10.0, 2), (10.0, 3), (10.0, 3)]
    assert [(event.at_ms, event.last_index) for event in stage.events if isinstance(event, Synced)] == [(5.0, 1), (10.0, 3)]
    assert [(event.at_ms, event.index) for event in stage.events if isinstance(event, Applied)] == [(10.0, 1), (10.0, 2), (10.0, 3)]


def test_an_answer_that_needs_no_saving_does_not_overtake_one_that_waits_for_the_disk() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(1)
    stage.hear(RequestVote(1, "S3", 0, 0))
    stage.run_to(20)
    assert [(at_ms, target) for at_ms, target, _ in stage.sent] == [(5.0, "S2"), (5.0, "S3")]


def test_entries_taken_in_and_truncated_in_one_sync_leave_the_last_word_on_the_disk() -> None:
    stage = Stage()
    old, new = log_of("1 1 1"), log_of("2", mark="new ")
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(1)
    stage.hear(AppendEntries(1, "S2", 0, 0, tuple(old), 0), AppendEntries(2, "S3", 0, 0, tuple(new), 1))
    stage.run_to(20)

    assert stage.on_disk() == (HardState(2, None), new)
    assert stage.server.node.state.saved_index == 1
    assert [event.index for event in stage.events if isinstance(event, Applied)] == [1]


def test_a_disk_that_needs_no_time_keeps_the_order_too() -> None:
    stage = Stage(sync_ms=0)
    entry = log_of("1")[0]
    stage.hear(AppendEntries(1, "S2", 0, 0, (entry,), 1))
    assert [message for _, _, message in stage.sent] == [AppendEntriesReply(1, "S1", True, 1)]
    stage.crash()
    assert stage.on_disk() == (HardState(1, None), [entry])
    kinds = [type(event) for event in stage.events]
    assert kinds.index(Synced) < kinds.index(Applied)


# ---- a leader


def test_a_leader_sends_an_entry_only_when_it_is_on_its_own_disk_and_counts_itself_then() -> None:
    stage = Stage(size=1)
    stage.run_to(250)
    stage.hear(ClientRequest("C1", 1, Set("x", "1")))
    stage.run_to(254.9)
    assert stage.sent == []
    stage.run_to(255)
    assert stage.sent == [(255.0, "C1", ClientReply("C1", 1, "S1", ok=True, index=2))]


def test_a_client_is_answered_when_its_command_is_applied_with_what_came_of_it() -> None:
    stage = Stage()
    stage.lead()
    stage.hear(ClientRequest("C1", 1, Set("x", "1")), ClientRequest("C2", 1, Get("x", ReadMode.LOG)))
    stage.run_to(262)
    stage.take_sent()
    stage.hear(AppendEntriesReply(1, "S2", True, 3))
    replies = [message for _, target, message in stage.sent if target.startswith("C")]
    assert replies == [ClientReply("C1", 1, "S1", ok=True, index=2), ClientReply("C2", 1, "S1", ok=True, value="1", index=3)]


def test_a_follower_applies_too_but_answers_nobody() -> None:
    stage = Stage()
    stage.hear(AppendEntries(1, "S2", 0, 0, tuple(log_of("1")), 1))
    stage.run_to(20)
    assert [target for _, target, _ in stage.sent] == ["S2"]
    assert [(event.changed_key, event.new_value) for event in stage.events if isinstance(event, Applied)] == [("x", "1.1")]


def test_requests_that_waited_together_share_one_record_and_one_message() -> None:
    stage = Stage()
    stage.lead()
    stage.hear(*[ClientRequest(f"C{number}", 1, Set("x", str(number))) for number in (1, 2, 3)])
    stage.run_to(249 + 2 * SYNC_MS)
    sent = [(target, [entry.client_id for entry in message.entries]) for _, target, message in stage.sent]
    assert sent == [("S2", ["C1"]), ("S3", ["C1"]), ("S2", ["C2", "C3"]), ("S3", ["C2", "C3"])]


def test_requests_that_waited_at_a_follower_are_each_sent_on() -> None:
    stage = Stage()
    stage.hear(AppendEntries(1, "S2", 0, 0, (), 0))
    stage.hear(*[ClientRequest(f"C{number}", 1, Set("x", "1")) for number in (1, 2)], RequestVote(0, "S3", 0, 0))
    stage.hear(ClientRequest("C3", 1, Set("x", "1")))
    stage.run_to(20)
    assert [target for _, target, _ in stage.sent] == ["S2", "C1", "C2", "S3", "C3"]
    redirects = [message for _, target, message in stage.sent if target.startswith("C")]
    assert {(reply.reason, reply.leader_id) for reply in redirects} == {(Reason.NOT_LEADER, "S2")}


# ---- pauses


def test_a_paused_server_does_nothing_and_then_takes_in_all_that_waited_before_it_looks_at_its_clock() -> None:
    stage = Stage()
    stage.server.pause()
    stage.run_to(1_000)
    stage.hear(AppendEntries(1, "S2", 0, 0, (), 0))
    stage.run_to(1_100)
    assert stage.sent == []

    stage.server.resume()
    stage.run_to(1_200)
    assert [(target, message.success) for _, target, message in stage.sent] == [("S2", True)]  # and no election
    stage.run_to(1_100 + SYNC_MS + 225)
    assert stage.server.node.state.current_term == 2


def test_a_paused_server_that_nobody_spoke_to_stands_as_soon_as_it_goes_on() -> None:
    stage = Stage()
    stage.server.pause()
    stage.run_to(1_000)
    stage.server.resume()
    stage.run_to(1_000 + SYNC_MS)
    assert [(at_ms, type(message)) for at_ms, _, message in stage.sent] == [(1_005.0, RequestVote)] * 2


@pytest.mark.parametrize("pause_ms, resume_ms, sent_ms", [(2, 3, 5), (2, 30, 30)])
def test_a_sync_that_ends_during_a_pause_lets_nothing_out_before_the_pause_ends(pause_ms: float, resume_ms: float, sent_ms: float) -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(pause_ms)
    stage.server.pause()
    stage.run_to(resume_ms)
    stage.server.resume()
    stage.run_to(40)
    assert stage.sent == [(sent_ms, "S2", granted(1))]


def test_a_paused_leader_speaks_again_when_it_goes_on() -> None:
    stage = Stage()
    stage.lead()
    stage.server.pause()
    stage.run_to(900)
    stage.server.resume()
    assert [(at_ms, target) for at_ms, target, _ in stage.sent] == [(900.0, "S2"), (900.0, "S3")]
    stage.run_to(950)
    assert len(stage.sent) == 4


# ---- ends and beginnings


def test_a_stopped_server_never_acts_again() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.crash()
    stage.run_to(2_000)
    assert stage.sent == []
    assert not [event for event in stage.events if isinstance(event, Synced)]


def test_a_server_starts_again_with_an_empty_store_and_applies_its_log_anew() -> None:
    stage = Stage()
    stage.hear(AppendEntries(1, "S2", 0, 0, tuple(log_of("1 1")), 2))
    stage.run_to(20)
    stage.crash()
    stage.events.clear()
    stage.start()
    assert stage.server.node.state.commit_index == 0
    stage.hear(AppendEntries(1, "S2", 2, 1, (), 2))
    stage.run_to(25)
    assert [event.index for event in stage.events if isinstance(event, Applied)] == [1, 2]


def test_deadlines_that_move_away_leave_one_wake_that_looks_again() -> None:
    stage = Stage()
    for at_ms in range(10, 1_000, 10):
        stage.hear(AppendEntries(0, "S2", 0, 0, (), 0))
        stage.run_to(at_ms)
    assert not [event for event in stage.events if isinstance(event, RoleChanged)]
    assert len(stage.clock.queue) <= 3
    stage.run_to(990 + 225)
    assert [event.term for event in stage.events if isinstance(event, VoteGranted)] == [1]
    assert stage.server.node.state.role is not LEADER


def test_a_rule_that_raises_takes_one_message_and_nothing_else() -> None:
    def answer(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        if ask.candidate_id == "S2":
            raise ZeroDivisionError
        return Rules().answer_request_vote(me, ask)

    stage = Stage(rules=Rules(answer_request_vote=answer))
    stage.hear(RequestVote(1, "S3", 0, 0), RequestVote(1, "S2", 0, 0), RequestVote(2, "S3", 0, 0))
    with pytest.raises(RuleError):
        stage.run_to(2 * SYNC_MS)
    stage.run_to(4 * SYNC_MS)
    assert [(target, message.term) for _, target, message in stage.sent] == [("S3", 1), ("S3", 2)]
    stage.run_to(300)
    assert stage.server.node.state.current_term == 3, "it still hears its own clock"


def test_a_server_whose_election_rule_raised_tries_again() -> None:
    failures = [ZeroDivisionError]

    def start_election(me: NodeState) -> None:
        if failures:
            raise failures.pop()
        Rules().start_election(me)

    stage = Stage(rules=Rules(start_election=start_election))
    with pytest.raises(RuleError):
        stage.run_to(300)
    stage.run_to(300)
    assert stage.server.node.state.role is CANDIDATE
