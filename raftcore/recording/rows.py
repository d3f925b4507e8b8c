"""The rows of a recording as numpy arrays: how the tables look at a run without making its events."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from raftcore.recording.columns import KINDS, SCHEMA, as_list, coded, read_kind
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.events import Acted, Event

Array: TypeAlias = np.ndarray[Any, Any]


class Rows:
    """A recording's columns. A position is an event's place in the trace."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._numbers: dict[str, Array] = {}
        self._words: dict[str, tuple[Array, list[str]]] = {}

    def __len__(self) -> int:
        return len(self.table)

    def numbers(self, column: str) -> Array:
        """A column of numbers, 0 where there is none."""
        if column not in self._numbers:
            self._numbers[column] = self.table.column(column).fill_null(0).to_numpy()
        return self._numbers[column]

    def present(self, column: str) -> Array:
        """Where a column of numbers has one."""
        valid: Array = self.table.column(column).is_valid().to_numpy()
        return valid

    def codes(self, column: str) -> Array:
        """A column of words, as places in `words`; -1 where there is none."""
        return self._coded(column)[0]

    def words(self, column: str) -> list[str]:
        """The words that stand in a column."""
        return self._coded(column)[1]

    def _coded(self, column: str) -> tuple[Array, list[str]]:
        if column not in self._words:
            self._words[column] = coded(self.table.column(column))
        return self._words[column]

    def where(self, *kinds: type[Event]) -> Array:
        """The positions of all events of these classes, in order."""
        wanted = {kind.__name__ for kind in kinds}
        among = np.array([name in wanted for name in self.words("kind")], dtype=bool)
        return np.flatnonzero(among[self.codes("kind")]) if len(self) else np.zeros(0, dtype=np.int64)

    def events(self, *kinds: type[Event]) -> list[tuple[int, Any]]:
        """The events of these classes with their positions, in order. For such as are few, or are to be read whole; no messages."""
        found: list[tuple[int, Any]] = []
        for kind in kinds:
            positions = self.where(kind)
            found += zip(positions.tolist(), self._read(kind, positions), strict=True)
        return sorted(found, key=lambda item: item[0])

    def _read(self, kind: type[Event], positions: Array) -> Iterable[Any]:
        if not len(positions):
            return ()
        ours = self.table.take(pa.array(positions))
        return read_kind(KINDS[kind.__name__], {name: as_list(ours.column(name)) for name in SCHEMA.names}, {})

    def actions(self) -> tuple[Action, ...]:
        """What people did to the run."""
        return tuple(event.action for _, event in self.events(Acted))
