"""Everything that can happen in a run, one small Struct each. Every screen, table and check reads only these.

Events are in order of time, and untracked by the garbage collector (gc=False): a million of them cost it nothing.
"""

from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Entry, Message
from raftcore.vocabulary.names import Address, ClientId, Index, Reason, Role, ServerId, Term


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
    """The server refused its vote. `term` is the candidate's."""

    candidate: ServerId
    term: Term
    reason: Reason


class VoteCounted(ServerEvent, frozen=True, gc=False, tag=True):
    """The candidate `server` holds the vote of `voter`."""

    voter: ServerId
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


class Committed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's commit index rose to `index`."""

    index: Index


class TimerSet(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's next deadline: the end of its election timeout, or a leader's next heartbeat."""

    deadline_ms: float


# ---- what a server's disk and state machine do


class Synced(ServerEvent, frozen=True, gc=False, tag=True):
    """All that the server wrote is now on its disk: this term and vote, and the log up to `last_index`."""

    current_term: Term
    voted_for: ServerId | None
    last_index: Index


class Applied(ServerEvent, frozen=True, gc=False, tag=True):
    """The server's state machine applied the entry at `index`.

    `changed_key` now holds `new_value` (None: it is absent), or is None where nothing changed.
    """

    index: Index
    changed_key: str | None
    new_value: str | None


# ---- what happens to a server


class Crashed(ServerEvent, frozen=True, gc=False, tag=True):
    """The server stopped and forgot everything that was not synced."""


class Restarted(ServerEvent, frozen=True, gc=False, tag=True):
    """The server started from its disk: with this term and vote, and a log of which the first `kept_index`

    entries are those that it had when it stopped, followed by `entries`.
    """

    current_term: Term
    voted_for: ServerId | None
    kept_index: Index
    entries: tuple[Entry, ...]


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
    | EntriesAppended
    | LogTruncated
    | AppendRefused
    | ProgressChanged
    | Committed
    | TimerSet
    | Synced
    | Applied
    | Crashed
    | Restarted
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
