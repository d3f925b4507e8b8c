"""What servers and clients say to each other: log entries, the RPCs of Figure 2, and the client's request.

A message is frozen, names its sender, and can be understood alone, so that a late, repeated or reordered
one does no harm. Fields stand in the paper's order.
"""

from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.names import Address, ClientId, Index, Reason, ServerId, Term


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """A log entry: the term in which a leader received it, and the command (§5.3).

    `command` is None for the no-op with which a leader opens its reign (§8). `client_id` and `sequence_num`
    say whose request it was (Figure 6.1 of the thesis).
    """

    term: Term
    command: Command | None = None
    client_id: ClientId = ""
    sequence_num: int = 0


class RequestVote(Struct, frozen=True, gc=False, tag=True):
    """A candidate asks for a vote (§5.2)."""

    term: Term
    candidate_id: ServerId
    last_log_index: Index
    last_log_term: Term


class RequestVoteReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to RequestVote; `reason` says why a vote was refused."""

    term: Term
    voter_id: ServerId
    vote_granted: bool
    reason: Reason | None = None


class AppendEntries(Struct, frozen=True, gc=False, tag=True):
    """A leader replicates entries; with none, it is a heartbeat (§5.3)."""

    term: Term
    leader_id: ServerId
    prev_log_index: Index
    prev_log_term: Term
    entries: tuple[Entry, ...]
    leader_commit: Index


class AppendEntriesReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to AppendEntries.

    On success the follower's log equals the leader's up to `match_index`. On a refusal `prev_log_index` repeats
    what was refused, and `conflict_term`, `conflict_index` let the leader skip a whole term at a time (end of §5.3):
    the term that stands at `prev_log_index` and the first index of it, or term 0 and the first index that is absent.
    """

    term: Term
    follower_id: ServerId
    success: bool
    match_index: Index = 0
    prev_log_index: Index = 0
    conflict_term: Term = 0
    conflict_index: Index = 0
    reason: Reason | None = None


class ClientRequest(Struct, frozen=True, gc=False, tag=True):
    """A client asks for a command to be replicated and applied (§8)."""

    client_id: ClientId
    sequence_num: int
    command: Command


class ClientReply(Struct, frozen=True, gc=False, tag=True):
    """The answer to ClientRequest: the state machine's result, or a redirect to the leader that the server knows.

    `reason` is NOT_LEADER for a redirect (`leader_id` None: it knows none), else None; then `ok` and `value` are the
    state machine's result and `index` is where in the log the command stands.
    """

    client_id: ClientId
    sequence_num: int
    server_id: ServerId
    ok: bool
    value: str | None = None
    index: Index = 0
    leader_id: ServerId | None = None
    reason: Reason | None = None


Rpc: TypeAlias = AppendEntries | AppendEntriesReply | RequestVote | RequestVoteReply
"""What servers say to each other. Each carries its sender's term."""

Message: TypeAlias = Rpc | ClientRequest | ClientReply

Envelope: TypeAlias = tuple[Address, Message]
"""A message and where it is to go."""
