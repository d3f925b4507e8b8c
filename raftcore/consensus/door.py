"""What goes through the only door of consensus: stimuli in, Ready out. Both are data; nothing calls back."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Record, Snapshot
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    Envelope,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import Index, ServerId


class DeadlineReached(Struct, frozen=True, gc=False):
    """The deadline of the last Ready has come: an election timeout, or for a leader the next heartbeat."""


class Saved(Struct, frozen=True, gc=False):
    """Everything that earlier Readys asked to save is on the disk."""


class Requests(Struct, frozen=True, gc=False):
    """Client requests that waited together: they are appended, saved and replicated together."""

    requests: tuple[ClientRequest, ...]


class ImageTaken(Struct, frozen=True, gc=False):
    """The state machine's image, as it was after the entry at `index`, is ready to stand in for the log (§7)."""

    index: Index
    data: bytes


class ChangeWanted(Struct, frozen=True, gc=False):
    """The leader is asked to change the configuration. `why_no_change` has said that it can."""

    configuration: Configuration


class TransferWanted(Struct, frozen=True, gc=False):
    """The leader is asked to hand its leadership over. `why_no_transfer` has said that it can."""

    target: ServerId


Seldom: TypeAlias = (
    RequestVote
    | RequestVoteReply
    | PreVote
    | PreVoteReply
    | InstallSnapshot
    | InstallSnapshotReply
    | TimeoutNow
    | ClientRequest
    | ClientReply
    | DeadlineReached
    | Saved
    | Requests
    | ImageTaken
    | ChangeWanted
    | TransferWanted
)

Stimulus: TypeAlias = AppendEntries | AppendEntriesReply | Seldom


class Ready(Struct, gc=False):
    """What the server must do after a step, in the order of its fields.

    save: records to write and sync before anything below happens (Figure 2: "before responding to RPCs").
    send: messages, and to whom.
    install: a leader's snapshot that takes the place of the state machine's state, or None.
    apply: committed entries for the state machine, the first of them at `apply_from`.
    reads: requests to be answered from the state machine.
    events: what happened, to be told.
    deadline_ms: when to step with DeadlineReached unless a later Ready says otherwise.
    """

    save: Sequence[Record]
    send: Sequence[Envelope]
    install: Snapshot | None
    apply: tuple[Entry, ...]
    apply_from: Index
    reads: Sequence[ClientRequest]
    events: Sequence[Event]
    deadline_ms: float


def idle(deadline_ms: float) -> Ready:
    """Nothing but the deadline."""
    return Ready((), (), None, (), 0, (), (), deadline_ms)
