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
    of which the follower holds the first `offset` bytes. in_flight: the last index of each AppendEntries with entries that is
    not answered yet, oldest first. catching_up: whether it has installed a snapshot, and may lack much of what followed that.
    """

    next_index: Index
    match_index: Index = 0
    match_round: int = 0
    state: FollowerState = PROBE
    in_flight: deque[Index] = field(default_factory=deque)
    snapshot: Snapshot | None = None
    offset: int = 0
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


MOST_ROUNDS = 100
"""Rounds without an answer that a leader remembers. An answer to a later one counts for those before it."""


MOST_READS = 10_000
"""Reads that wait at a leader; the oldest go unanswered when more come, and their clients ask again."""


class Reign(Struct):
    """What a leader keeps for the time that it leads.

    round: the number of its latest round of heartbeats. round_is_out: whether that has been sent.
    answered: the latest round that each server has answered; its own is `round`.
    sent: (round, time) of those that no majority has answered yet, oldest first.
    quorum_heard_ms: when it sent the latest message that a majority has answered; at first, when it was elected.
    lease_until_ms: until when no other can be elected, if clocks drift no more than they may (thesis 6.4.1).
    early_reads: those that came before it had committed an entry of its term. reads: those that wait for a round, oldest first.
    transfer: to whom it hands over. transferred: whether it ever told anyone to stand, so that the guard on votes can't be counted on.
    """

    quorum_heard_ms: float
    round: int = 0
    round_is_out: bool = True
    answered: dict[ServerId, int] = {}
    sent: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MOST_ROUNDS))
    lease_until_ms: float = -inf
    early_reads: deque[ClientRequest] = field(default_factory=lambda: deque(maxlen=MOST_READS))
    reads: deque[PendingRead] = field(default_factory=lambda: deque(maxlen=MOST_READS))
    transfer: Transfer | None = None
    transferred: bool = False
    change: Change | None = None

    def stretch(self, now_ms: float, factor: float) -> None:
        """Let every stretch of time between `now_ms` and what is kept here be `factor` times as long."""
        self.quorum_heard_ms = now_ms - (now_ms - self.quorum_heard_ms) * factor
        self.lease_until_ms = now_ms + (self.lease_until_ms - now_ms) * factor
        moved = [(number, now_ms - (now_ms - sent_ms) * factor) for number, sent_ms in self.sent]
        self.sent = deque(moved, maxlen=MOST_ROUNDS)
