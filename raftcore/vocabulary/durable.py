"""What a server must save before it answers (Figure 2, "Persistent state"): the records of its write-ahead log."""

from typing import TypeAlias

from msgspec import Struct

from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index, ServerId, Term


class HardState(Struct, frozen=True, gc=False, array_like=True, tag="hard_state"):
    """Term and vote, saved in one record: a crash between the two could let a server vote twice in a term."""

    current_term: Term = 0
    voted_for: ServerId | None = None


class LogSuffix(Struct, frozen=True, gc=False, array_like=True, tag="log_suffix"):
    """From `first_index` on the log holds exactly these entries; what stood there before is gone."""

    first_index: Index
    entries: tuple[Entry, ...]


Record: TypeAlias = HardState | LogSuffix
