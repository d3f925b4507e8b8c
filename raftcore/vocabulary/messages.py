"""What servers and clients say to each other: log entries, the RPCs of Figure 2, and the client's request.

A message is frozen, names its sender, and can be understood alone, so that a late, repeated or reordered
one does no harm. Fields stand in the paper's order.

A reply is of the term of its request: its `term` is that term, and it counts only while that term lasts. The one exception is a refusal for
a stale term (§5.1), whose `term` is later than the request's. It says nothing but that term: the old sender may lead in it again, and would
take all else for an answer to what it asks now.
"""

from typing import TypeAlias, final

from msgspec import Struct

from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import Address, ClientId, Index, Reason, ServerId, Term


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """A log entry: the term in which a leader received it, and the command (§5.3).

    `command` is None for the no-op with which a leader opens its reign (§8), or the cluster's new configuration (§6). `client_id`,
    `sequence_num` and `session_id` say whose request it was (Figure 6.1 of the thesis); `at_ms` is the leader's time when it took
    the entry in, which never falls along a log: sessions expire by it (thesis 6.3).
    """

    term: Term
    command: Command | Configuration | None = None
    client_id: ClientId = ""
    sequence_num: int = 0
    session_id: Index = 0
    at_ms: float = 0.0


class RequestVote(Struct, frozen=True, gc=False, tag=True):
    """A candidate asks for a vote (§5.2). `transferred`: its leader told it to, so that leader need not be protected (thesis 4.2.3)."""

    term: Term
    candidate_id: ServerId
    last_log_index: Index
    last_log_term: Term
    transferred: bool = False


class RequestVoteReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to RequestVote; `reason` says why a vote was refused."""

    term: Term
    voter_id: ServerId
    vote_granted: bool
    reason: Reason | None = None


class PreVote(Struct, frozen=True, gc=False, tag=True):
    """A server asks whether it would win an election of `next_term`, before it begins one (thesis 9.6). It binds nobody."""

    next_term: Term
    candidate_id: ServerId
    last_log_index: Index
    last_log_term: Term


class PreVoteReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to PreVote, with the voter's own term; `next_term` repeats what was asked."""

    term: Term
    next_term: Term
    voter_id: ServerId
    vote_granted: bool
    reason: Reason | None = None


@final
class AppendEntries(Struct, frozen=True, gc=False, tag=True):
    """A leader replicates entries; with none, it is a heartbeat (§5.3).

    `round`: the leader's latest round of heartbeats when it sent this. The answer repeats it, and so tells since when the follower
    has known of no later leader (thesis 6.4).
    """

    term: Term
    leader_id: ServerId
    prev_log_index: Index
    prev_log_term: Term
    entries: tuple[Entry, ...]
    leader_commit: Index
    round: int = 0


@final
class AppendEntriesReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to AppendEntries.

    On success the follower's log equals the leader's up to `match_index`. On a refusal `prev_log_index` repeats
    what was refused, and `conflict_term`, `conflict_index` let the leader skip a whole term at a time (end of §5.3):
    the term that stands at `prev_log_index` and the first index of it, or term 0 and the first index that is absent. `round` repeats the
    request's. A refusal for a stale term carries only `term` and `reason`.
    """

    term: Term
    follower_id: ServerId
    success: bool
    match_index: Index = 0
    prev_log_index: Index = 0
    conflict_term: Term = 0
    conflict_index: Index = 0
    reason: Reason | None = None
    round: int = 0


class InstallSnapshot(Struct, frozen=True, gc=False, tag=True):
    """A leader sends a piece of its snapshot to a follower that lacks entries which are compacted away (§7, Figure 13)."""

    term: Term
    leader_id: ServerId
    last_included_index: Index
    last_included_term: Term
    configuration: Configuration
    offset: int
    data: bytes
    done: bool
    round: int = 0


class InstallSnapshotReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to InstallSnapshot: of the snapshot that ends at `last_included_index` the follower holds the first `offset` bytes.

    `installed`: its log now covers all that the snapshot does. A refusal for a stale term carries only `term` and `reason`.
    """

    term: Term
    follower_id: ServerId
    last_included_index: Index
    offset: int
    installed: bool
    round: int = 0
    reason: Reason | None = None


class TimeoutNow(Struct, frozen=True, gc=False, tag=True):
    """A leader tells a follower that has its whole log to stand for election at once (thesis 3.10).

    `round`: the leader's latest round of heartbeats. It says so again in every round for as long as it wants it, so one that comes after
    a later round was given up, or is about to be repeated.
    """

    term: Term
    leader_id: ServerId
    round: int = 0


class ClientRequest(Struct, frozen=True, gc=False, tag=True):
    """A client asks for a command to be replicated and applied (§8), within its session (0: it has none)."""

    client_id: ClientId
    sequence_num: int
    command: Command
    session_id: Index = 0


class ClientReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to ClientRequest: the state machine's result, or a refusal.

    `is_answer`: the command was carried out. `ok` and `value` are the state machine's result, and `index` is where in the log the command
    stands; for a read that is no entry, up to where the log had been applied. Where `ok` is False the command failed, and `reason` says
    why: MISMATCH, TOO_LARGE. It has changed nothing, and is not to be asked again.
    `is_unknown`: whether the command was applied is not known any more (SESSION_EXPIRED, OVERTAKEN).
    Else it was not taken in (NOT_LEADER, TRANSFERRING, TOO_MANY_REQUESTS): ask `leader_id`, or if None, later.
    """

    client_id: ClientId
    sequence_num: int
    server_id: ServerId
    ok: bool
    value: str | None = None
    index: Index = 0
    leader_id: ServerId | None = None
    reason: Reason | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the command was carried out, be it that it failed."""
        return self.reason is None or self.reason in _FAILURES

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows any more if the command was applied."""
        return self.reason in _UNKNOWN


_FAILURES = frozenset({Reason.MISMATCH, Reason.TOO_LARGE})
_UNKNOWN = frozenset({Reason.SESSION_EXPIRED, Reason.OVERTAKEN})


Rpc: TypeAlias = (
    AppendEntries
    | AppendEntriesReply
    | RequestVote
    | RequestVoteReply
    | PreVote
    | PreVoteReply
    | InstallSnapshot
    | InstallSnapshotReply
    | TimeoutNow
)
"""What servers say to each other. Each but PreVote carries its sender's term."""

Message: TypeAlias = Rpc | ClientRequest | ClientReply

Envelope: TypeAlias = tuple[Address, Message]
"""A message and where it is to go."""
