"""The columns of a run that goes on: each portion of its events is converted once, by whoever asks first."""

from collections.abc import Iterator
from threading import RLock

import pyarrow as pa

from raftcore.interrupts import Uninterrupted
from raftcore.recording.columns import SCHEMA, Converter
from raftcore.recording.sources import Source
from raftcore.trace.stream import Trace
from raftcore.vocabulary.events import Event

PORTION = 8_192
"""Events that are converted at once: they are looked at again and again, and so many fit in a processor's cache."""

EMPTY = pa.Table.from_batches([], SCHEMA)


class Growing:
    """What has been converted so far. `table`: the columns of a run that is over."""

    def __init__(self, run: Source, table: pa.Table | None = None) -> None:
        self._run = run
        self._over = table is not None
        self._converter = Converter()
        self._lock = RLock()  # a screen, a cell and a stream may ask at once
        self._parts: list[pa.Table] = [table] if table is not None else []
        self._count = sum(map(len, self._parts))

    def table(self) -> pa.Table:
        """All columns up to now, in one piece."""
        with self._lock:
            self._grow()
            if len(self._parts) > 1:
                self._parts = [pa.concat_tables(self._parts).unify_dictionaries().combine_chunks()]
            return self._parts[0] if self._parts else EMPTY

    def since(self, position: int) -> pa.Table:
        """The columns of what came from this position on; what came before is not touched."""
        with self._lock:
            self._grow()
            found, start = [EMPTY], self._count
            for part in reversed(self._parts):
                if start <= position:
                    break
                start -= len(part)
                found.append(part.slice(max(position - start, 0)))
            return pa.concat_tables(reversed(found)).unify_dictionaries()

    def _grow(self) -> None:
        if self._over:
            return
        for events in portions(self._run.trace, self._count):
            with Uninterrupted():
                self._convert(events)

    def _convert(self, events: list[Event]) -> None:
        """Take in the next portion."""
        try:
            self._parts.append(self._converter.table(events))
            self._count += len(events)
        except BaseException:  # half of it is known, so another converter must begin anew
            self._converter, self._parts, self._count = Converter(), [], 0
            raise


def portions(trace: Trace, position: int) -> Iterator[list[Event]]:
    """The events from this position to the end of the trace as it is now."""
    end = len(trace)
    for start in range(position, end, PORTION):
        yield list(trace[start : min(start + PORTION, end)])
