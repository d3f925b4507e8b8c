"""Everything that can happen in a run, one small Struct each. Every screen, table and check reads only these.

Events are in order of time, and untracked by the garbage collector (gc=False): a million of them cost it nothing.
"""

from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import Command, ReadMode
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Entry, Message
from raftcore.vocabulary.names import Address, ClientId, FollowerState, Index, Reason, Role, ServerId, Term


class Event(Struct, frozen=True, gc=False, tag=True):
    """Something that happened at `at_ms`, in simulated milliseconds since the start of the run."""

    at_ms: float


class ServerEvent(Event, frozen=True, gc=False, tag=True):
    """Something that happened at one server."""

    server: ServerId


# ---- what a server's Raft node does


class RoleChanged(ServerEvent, frozen=True, gc=False, tag=True):
    """The server took a role in a term: either of the two is new."""

    role: Role
    term: Term


class LeaderRecognized(ServerEvent, frozen=True, gc=False, tag=True):
    """The server heard from the leader of its term for the first time."""

    leader: ServerId
    term: Term


class VoteGranted(ServerEvent, frozen=True, gc=False, tag=True):
    """The server gave its vote of this term to the candidate (to itself when it starts an election)."""

    candidate: ServerId
    term: Term


class VoteDenied(ServerEvent, frozen=True, gc=False, tag=True):
    """The server refused its vote, or only the promise of one. `term` is that of the election."""

    candidate: ServerId
    term: Term
    reason: Reason
    pre_vote: bool = False


class VoteCounted(ServerEvent, frozen=True, gc=False, tag=True):
    """The candidate `server` holds the vote of `voter`, or only the promise of one."""

    voter: ServerId
    term: Term
    pre_vote: bool = False


class PreVoteStarted(ServerEvent, frozen=True, gc=False, tag=True):
    """The server asks whether it would win an election of `term`, before it begins one (thesis 9.6)."""

    term: Term


class EntriesAppended(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's log now ends with these entries, the first of them at `first_index`."""

    first_index: Index
    entries: tuple[Entry, ...]


class LogTruncated(ServerEvent, frozen=True, gc=False, tag=True):
    """The server removed every entry after `last_index`, since they conflict with the leader's (§5.3)."""

    last_index: Index


class AppendRefused(ServerEvent, frozen=True, gc=False, tag=True):
    """The server refused an AppendEntries. `term` is the sender's."""

    leader: ServerId
    term: Term
    prev_log_index: Index
    reason: Reason


class ProgressChanged(ServerEvent, frozen=True, gc=False, tag=True):
    """What the leader `server` knows of a follower's log changed."""

    follower: ServerId
    next_index: Index
    match_index: Index
    state: FollowerState


class Committed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's commit index rose to `index`."""

    index: Index


class TimerSet(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's next deadline: the end of its election timeout, or a leader's next heartbeat."""

    deadline_ms: float


class QuorumHeard(ServerEvent, frozen=True, gc=False, tag=True):
    """A majority has answered what the leader `server` sent at `sent_ms`: it led then. Its lease on reads ends at `lease_until_ms`."""

    sent_ms: float
    lease_until_ms: float


class ConfigurationChanged(ServerEvent, frozen=True, gc=False, tag=True):
    """The server now goes by this configuration, which stands at `index` of its log (0: it was started with it)."""

    index: Index
    configuration: Configuration


class MembershipChangeEnded(ServerEvent, frozen=True, gc=False, tag=True):
    """The change that the leader `server` was asked for is done, or was given up: `why` says why, "" when it is done."""

    why: str


class TransferStarted(ServerEvent, frozen=True, gc=False, tag=True):
    """The leader `server` hands its leadership to `target`, takes in no commands meanwhile, and gives up at `deadline_ms` (thesis 3.10)."""

    target: ServerId
    deadline_ms: float


class TransferEnded(ServerEvent, frozen=True, gc=False, tag=True):
    """The server hands over no more: another leads (`done`), or the time was over."""

    target: ServerId
    done: bool


class ReadStarted(ServerEvent, frozen=True, gc=False, tag=True):
    """The leader `server` took in a read that may be answered from `read_index` on, once a majority answers `round` (thesis 6.4)."""

    client: ClientId
    sequence_num: int
    read_index: Index
    round: int


class ReadServed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server answered a read from its store, as it was after `index`."""

    client: ClientId
    sequence_num: int
    mode: ReadMode
    index: Index


# ---- what a server's disk and state machine do


class SnapshotTaken(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's state after `last_included_index` stands in for its log up to there (§7)."""

    last_included_index: Index
    last_included_term: Term
    size_bytes: int


class SnapshotInstalled(ServerEvent, frozen=True, gc=False, tag=True):
    """The server took a leader's snapshot for its own state. Of its log it kept what follows the snapshot, if anything does.

    `data` is an Image (durable.py), as MessagePack.
    """

    last_included_index: Index
    last_included_term: Term
    kept: bool
    data: bytes


class SessionExpired(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's state machine forgot a client that had not asked for anything for too long, in log time (thesis 6.3)."""

    client: ClientId
    session_id: Index


class Synced(ServerEvent, frozen=True, gc=False, tag=True):
    """All that the server wrote is now on its disk: this term and vote, and the log up to `last_index`."""

    current_term: Term
    voted_for: ServerId | None
    last_index: Index


class Applied(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's state machine applied the entry at `index`.

    `changed_key` now holds `new_value` (None: it is absent), or is None where nothing changed. `repeated`: the client's session
    knew the command already, and it was not carried out again.
    """

    index: Index
    changed_key: str | None
    new_value: str | None
    repeated: bool = False


# ---- what happens to a server


class Created(ServerEvent, frozen=True, gc=False, tag=True):
    """A new server exists, with an empty disk; it belongs to no configuration yet."""


class Crashed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server stopped and forgot its memory; with `power_loss`, its disk also lost any part of what it had not synced."""

    power_loss: bool = True


class Halted(ServerEvent, frozen=True, gc=False, tag=True):
    """The server stopped by itself, or did not start, since it can't trust its disk; `reason` is a sentence."""

    reason: str


class Restarted(ServerEvent, frozen=True, gc=False, tag=True):
    """The server started from its disk: with this term and vote, its latest snapshot, and a log of which the entries

    up to `kept_index` are those that it had when it stopped, followed by `entries`.
    """

    current_term: Term
    voted_for: ServerId | None
    kept_index: Index
    entries: tuple[Entry, ...]
    snapshot_index: Index = 0


class ClockRateChanged(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's clock now counts `rate` milliseconds in one of simulated time."""

    rate: float


class DiskChanged(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's disk is now like this."""

    disk: DiskState


class DiskDamaged(ServerEvent, frozen=True, gc=False, tag=True):
    """Somebody damaged what lies on the server's disk: `what` says how. The server learns of it when it reads."""

    what: str


class Paused(ServerEvent, frozen=True, gc=False, tag=True):
    """The server froze."""


class Resumed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server went on."""


# ---- what happens on the network


class MessageSent(Event, frozen=True, gc=False, tag=True):
    """A message left `source`; if nothing happens to it, it arrives at `deliver_at_ms`. A copy names its original."""

    id: int
    source: Address
    target: Address
    message: Message
    deliver_at_ms: float
    copy_of: int = 0


class MessageDelivered(Event, frozen=True, gc=False, tag=True):
    """The message arrived at `target`."""

    id: int
    source: Address
    target: Address
    message: Message


class MessageDropped(Event, frozen=True, gc=False, tag=True):
    """The message will never arrive."""

    id: int
    source: Address
    target: Address
    message: Message
    reason: Reason


class LinkChanged(Event, frozen=True, gc=False, tag=True):
    """One direction of a link is now like this."""

    source: Address
    target: Address
    link: Link


# ---- what people and clients do


class Acted(Event, frozen=True, gc=False, tag=True):
    """Somebody did this to the run."""

    action: Action


class Invoked(Event, frozen=True, gc=False, tag=True):
    """A client began a command: it is now on its way to a leader."""

    client: ClientId
    sequence_num: int
    command: Command


class Completed(Event, frozen=True, gc=False, tag=True):
    """A client knows the outcome of its command.

    `ok` is the state machine's verdict, or None when the client gave up and the outcome is unknown.
    `attempts` counts the servers asked.
    """

    client: ClientId
    sequence_num: int
    command: Command
    ok: bool | None
    value: str | None
    index: Index
    attempts: int
    latency_ms: float


AnyEvent: TypeAlias = (
    RoleChanged
    | LeaderRecognized
    | VoteGranted
    | VoteDenied
    | VoteCounted
    | PreVoteStarted
    | EntriesAppended
    | LogTruncated
    | AppendRefused
    | ProgressChanged
    | Committed
    | TimerSet
    | QuorumHeard
    | ConfigurationChanged
    | MembershipChangeEnded
    | TransferStarted
    | TransferEnded
    | ReadStarted
    | ReadServed
    | SnapshotTaken
    | SnapshotInstalled
    | SessionExpired
    | Synced
    | Applied
    | Created
    | Crashed
    | Halted
    | Restarted
    | ClockRateChanged
    | DiskChanged
    | DiskDamaged
    | Paused
    | Resumed
    | MessageSent
    | MessageDelivered
    | MessageDropped
    | LinkChanged
    | Acted
    | Invoked
    | Completed
)
