"""What a leader knows, and forgets when its reign ends: of each follower, of the majority behind it, of what it was asked for."""

from collections import deque
from math import inf

from msgspec import Struct, field

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Snapshot
from raftcore.vocabulary.messages import ClientRequest
from raftcore.vocabulary.names import PROBE, REPLICATE, SNAPSHOT, FollowerState, Index, ServerId


class Progress(Struct):
    """What a leader knows of one follower.

    next_index: the next entry to send. match_index: the highest entry known to be replicated (Figure 2). match_round: the leader's
    latest round when it learned that; what it sent in a later one was sent in that knowledge.
    state: PROBE until the leader knows where the logs agree, one message at a time; REPLICATE; SNAPSHOT while it sends `snapshot`,
    of which the follower holds the first `offset` bytes, as the leader learned in `offset_round`. in_flight: the last index of each
    AppendEntries with entries that is not answered yet, oldest first. catching_up: whether it has installed a snapshot, and may lack
    much of what followed that.
    """

    next_index: Index
    match_index: Index = 0
    match_round: int = 0
    state: FollowerState = PROBE
    in_flight: deque[Index] = field(default_factory=deque)
    snapshot: Snapshot | None = None
    offset: int = 0
    offset_round: int = 0
    catching_up: bool = False

    def probe_from(self, next_index: Index) -> None:
        """Find out anew where the logs agree; nothing sent before counts any more."""
        self.next_index = next_index
        self.state = PROBE
        self.snapshot = None
        self.in_flight.clear()

    def forget_match(self) -> None:
        """The follower has lost what it had: nothing is known of its log."""
        self.match_index = 0
        self.catching_up = False

    def send_snapshot(self, snapshot: Snapshot) -> None:
        """Begin to send a snapshot; entries wait until it is installed."""
        self.state = SNAPSHOT
        self.snapshot = snapshot
        self.offset = 0
        self.in_flight.clear()

    def absorb_offset(self, offset: int, answered_round: int, known_round: int) -> bool:
        """How much of the snapshot the follower holds, as it answered to a round; whether that says anything new.

        Less than before is true only of an answer to what was sent since the leader learned of more: then a crash has lost the rest. Any
        other is late, and to go back for each of them would send the same pieces many times over. `known_round`: the leader's latest one.
        """
        if offset == self.offset or (offset < self.offset and answered_round <= self.offset_round):
            return False
        self.offset, self.offset_round = offset, known_round
        return True

    @property
    def fed_from(self) -> Index | None:
        """Behind which entry the follower needs all, if it is being brought up to date by a snapshot and what follows that."""
        if self.snapshot:
            return self.snapshot.last_included_index
        return self.match_index if self.catching_up else None

    def absorb_match(self, match_index: Index, known_round: int) -> bool:
        """The follower's log equals the leader's up to here; whether that says anything new. `known_round`: the leader's latest one."""
        news = False
        if self.state is not REPLICATE and (self.snapshot is None or match_index >= self.snapshot.last_included_index):
            self.state = REPLICATE
            self.catching_up = self.snapshot is not None
            self.snapshot = None
            self.in_flight.clear()
            news = True
        if match_index <= self.match_index:
            return news
        self.match_index = match_index
        self.match_round = known_round
        self.next_index = max(self.next_index, match_index + 1)
        while self.in_flight and self.in_flight[0] <= match_index:
            self.in_flight.popleft()
        return True


class Transfer(Struct, frozen=True):
    """A leadership transfer under way (thesis 3.10): to whom, and when it is given up."""

    target: ServerId
    deadline_ms: float


class Change(Struct):
    """A change of the configuration that the leader was asked for, and how its newcomers catch up (thesis 4.2.1).

    They have caught up with a round when they hold the entries up to `target_index`, the leader's last one when it began.
    """

    wanted: Configuration
    target_index: Index
    began_ms: float
    rounds: int = 1


class PendingRead(Struct, frozen=True):
    """A read that waits for a majority to answer `round`, so that it is known that nobody led since it came (thesis 6.4)."""

    ask: ClientRequest
    round: int


EXACT_ROUNDS = 100
"""Up to so many rounds without an answer a leader remembers when it sent each. Of n more it remembers about 100 ln(n / 100)."""


MOST_READS = 10_000
"""Reads that wait at a leader. One that comes while so many wait is refused."""


def moved(at_ms: float, now_ms: float, factor: float) -> float:
    """The moment that is `factor` times as far from `now_ms`.

    >>> moved(90.0, now_ms=100.0, factor=2.0), moved(-inf, now_ms=100.0, factor=2.0)
    (80.0, -inf)
    """
    return now_ms + (at_ms - now_ms) * factor


class Reign(Struct):
    """What a leader keeps for the time that it leads.

    round: the number of its latest round of heartbeats. round_is_out: whether that has been sent.
    answered: the latest round that each server has answered; its own is `round`.
    sent: (round, time) of those that no majority has answered yet, oldest first; of more than EXACT_ROUNDS only some.
    quorum_heard_ms: when it sent the latest message that a majority has answered; at first, when it was elected.
    lease_until_ms: until when no other can be elected, if clocks drift no more than they may (thesis 6.4.1).
    early_reads: those that came before it had committed an entry of its term. reads: those that wait for a round, oldest first.
    transfer: to whom it hands over. transferred: whether it ever told anyone to stand, so that the guard on votes can't be counted on.
    """

    quorum_heard_ms: float
    round: int = 0
    round_is_out: bool = True
    answered: dict[ServerId, int] = {}
    sent: deque[tuple[int, float]] = field(default_factory=deque)
    lease_until_ms: float = -inf
    early_reads: deque[ClientRequest] = field(default_factory=deque)
    reads: deque[PendingRead] = field(default_factory=deque)
    transfer: Transfer | None = None
    transferred: bool = False
    change: Change | None = None

    def remember_round(self, now_ms: float) -> None:
        """Remember when the latest round is sent, unless it follows closely on another, for how many are unanswered.

        Its answer then counts for the one before it, which is a little older: so a leader never believes to have been heard later than it
        was. The oldest ones stay: if they were forgotten for new ones, no round would ever be answered that is still remembered.
        """
        sent = self.sent
        if not sent or self.round - sent[-1][0] > (sent[-1][0] - sent[0][0]) / EXACT_ROUNDS:
            sent.append((self.round, now_ms))

    def stretch(self, now_ms: float, factor: float) -> None:
        """Let every stretch of time between `now_ms` and what is kept here be `factor` times as long."""
        self.quorum_heard_ms = moved(self.quorum_heard_ms, now_ms, factor)
        self.lease_until_ms = moved(self.lease_until_ms, now_ms, factor)
        self.sent = deque((number, moved(sent_ms, now_ms, factor)) for number, sent_ms in self.sent)
        if self.transfer:
            self.transfer = Transfer(self.transfer.target, moved(self.transfer.deadline_ms, now_ms, factor))
        if self.change:
            self.change.began_ms = moved(self.change.began_ms, now_ms, factor)
