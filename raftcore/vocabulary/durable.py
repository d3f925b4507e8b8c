"""What a server must save before it answers (Figure 2, "Persistent state"): the records of its write-ahead log."""

from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ClientId, Index, ServerId, Term


class HardState(Struct, frozen=True, gc=False, array_like=True, tag="hard_state"):
    """Term and vote, saved in one record: a crash between the two could let a server vote twice in a term."""

    current_term: Term = 0
    voted_for: ServerId | None = None


class LogSuffix(Struct, frozen=True, gc=False, array_like=True, tag="log_suffix"):
    """From `first_index` on the log holds exactly these entries; what stood there before is gone."""

    first_index: Index
    entries: tuple[Entry, ...]


class Session(Struct, frozen=True, gc=False, array_like=True):
    """What the state machine remembers of a client (thesis 6.3): its latest command, the answer to it, and when that was, in log time."""

    client_id: ClientId
    sequence_num: int
    ok: bool
    value: str | None
    active_at_ms: float


class Image(Struct, frozen=True):
    """The state machine as it was after some entry: what a snapshot contains, beside the configuration (§7).

    sessions: by number, the least recently active first.
    """

    kv_store: dict[str, str]
    sessions: dict[Index, Session]


class Snapshot(Struct, frozen=True, array_like=True):
    """What stands in for the log up to `last_included_index` (Figure 12). `data` is an Image, as MessagePack."""

    last_included_index: Index
    last_included_term: Term
    configuration: Configuration
    data: bytes


class Checkpoint(Struct, frozen=True, array_like=True, tag="checkpoint"):
    """All that a server must not forget, in one record: with it a new write-ahead log begins, and the one before is needed no more.

    The entries follow the snapshot; without a snapshot they begin at index 1.
    """

    hard_state: HardState
    snapshot: Snapshot | None
    entries: tuple[Entry, ...]


Record: TypeAlias = HardState | LogSuffix | Checkpoint
