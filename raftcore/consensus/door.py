"""What goes through the only door of consensus: stimuli in, Ready out. Both are data; nothing calls back."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.durable import Record
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import ClientRequest, Entry, Envelope, Message
from raftcore.vocabulary.names import Index


class DeadlineReached(Struct, frozen=True, gc=False):
    """The deadline of the last Ready has come: an election timeout, or for a leader the next heartbeat."""


class Saved(Struct, frozen=True, gc=False):
    """Everything that earlier Readys asked to save is on the disk."""


class Requests(Struct, frozen=True, gc=False):
    """Client requests that waited together: they are appended, saved and replicated together."""

    requests: tuple[ClientRequest, ...]


Stimulus: TypeAlias = Message | DeadlineReached | Saved | Requests


class Ready(Struct, gc=False):
    """What the server must do after a step, in the order of its fields.

    save: records to write and sync before anything below happens (Figure 2: "before responding to RPCs").
    send: messages, and to whom.
    apply: committed entries for the state machine, the first of them at `apply_from`.
    events: what happened, to be told.
    deadline_ms: when to step with DeadlineReached unless a later Ready says otherwise.
    """

    save: Sequence[Record]
    send: Sequence[Envelope]
    apply: tuple[Entry, ...]
    apply_from: Index
    events: Sequence[Event]
    deadline_ms: float
