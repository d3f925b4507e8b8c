"""A run as data. Its events stand in typed columns, each portion converted once; the file and the tables are made of those."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Protocol

import msgspec
import pyarrow as pa
from msgspec.structs import replace

from raftcore.files import save_atomically
from raftcore.recording.columns import SCHEMA, Converter, to_events
from raftcore.recording.file import Header, from_parquet, to_parquet, versions
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import FileError
from raftcore.vocabulary.events import Created, Event
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import Scenario

PORTION = 65_536


class Source(Protocol):
    """Whose data a recording is: a cluster that goes on, a trace, or a file."""

    @property
    def trace(self) -> Trace: ...
    @property
    def scenario(self) -> Scenario: ...
    @property
    def server_ids(self) -> tuple[ServerId, ...]: ...
    @property
    def now_ms(self) -> float: ...


class Recording:
    """All data of a run: `trace`, `scenario`, and the answer to each question as a pandas DataFrame.

    `cluster.recording` grows while the run goes on, `Recording.load(path)` is a file's, and `Recording(Told(trace, scenario))` that of a
    trace which is there already.
    """

    def __init__(self, run: Source, table: pa.Table | None = None) -> None:
        self._run = run
        self._table: Callable[[], pa.Table] = _Growing(run).table if table is None else lambda: table

    # ---- the run

    @property
    def trace(self) -> Trace:
        """Everything that happened so far."""
        return self._run.trace

    @property
    def scenario(self) -> Scenario:
        """What repeats the run: configuration, seed, and the actions so far."""
        return self._run.scenario

    @property
    def config(self) -> Config:
        """The knobs of the cluster."""
        return self.scenario.config

    @property
    def server_ids(self) -> tuple[ServerId, ...]:
        """S1 … Sn, and those that were created since."""
        return self._run.server_ids

    @property
    def now_ms(self) -> float:
        """Up to when the run is known, in simulated milliseconds."""
        return self._run.now_ms

    @property
    def view(self) -> ClusterView:
        """The cluster at the end of what is known, as an immutable value."""
        return replace(self.trace.view(), at_ms=self.now_ms)

    # ---- files

    def save(self, path: str | Path) -> None:
        """Write one Parquet file, which repeats the run and which pandas.read_parquet opens too.

        What stands at `path` is replaced, whole or not at all. Raises OSError.
        """
        data = self._to_parquet()
        save_atomically(path, lambda file: file.write_bytes(data))

    @classmethod
    def load(cls, path: str | Path) -> "Recording":
        """The recording that was saved there. Raises FileError, or FileNotFoundError."""
        table, header = from_parquet(Path(path).read_bytes(), str(path))
        return cls(_Loaded(table, header, str(path)), table)

    def to_html(self, path: str | Path) -> None:
        """Write one page of HTML in which the run plays by itself, with no kernel, server or network: to hand in, or to send.

        What stands at `path` is replaced, whole or not at all. Raises OSError.
        """
        from widgets.page.page import write_page  # noqa: PLC0415  the one way from here to a screen; see the contracts in pyproject.toml

        write_page(self, path)

    def _to_parquet(self) -> bytes:
        now_ms, scenario, server_ids = self.now_ms, self.scenario, self.server_ids
        table = self._table()
        header = Header(made_with=versions(), scenario=scenario, server_ids=server_ids, now_ms=now_ms, events=len(table))
        return to_parquet(table, header)


class _Growing:
    """The columns of a run that goes on: as many portions as were asked for, each converted once."""

    def __init__(self, run: Source) -> None:
        self._run = run
        self._converter = Converter()
        self._lock = RLock()  # a screen and a cell may ask at once
        self._table = pa.Table.from_batches([], SCHEMA)

    def table(self) -> pa.Table:
        """All columns so far."""
        with self._lock:
            new = list(portions(self._run.trace, len(self._table)))
            if new:
                tables = [self._table, *map(self._converter.table, new)]
                self._table = pa.concat_tables(tables).combine_chunks().unify_dictionaries()
            return self._table


def portions(trace: Trace, position: int) -> Iterator[list[Event]]:
    """The events from this position to the end of the trace as it is now."""
    end = len(trace)
    for start in range(position, end, PORTION):
        yield list(trace[start : min(start + PORTION, end)])


class Told:
    """A trace that is there already, and its scenario."""

    def __init__(self, trace: Trace, scenario: Scenario) -> None:
        self.trace = trace
        self.scenario = scenario

    @property
    def now_ms(self) -> float:
        """When the last event happened."""
        return self.trace.end_ms

    @property
    def server_ids(self) -> tuple[ServerId, ...]:
        """Those of the beginning, and those that were created since."""
        return (*self.trace.server_ids, *(event.server for event in self.trace if type(event) is Created))


class _Loaded:
    """What a file holds. Its events are made when somebody asks for them: tables need none."""

    def __init__(self, table: pa.Table, header: Header, name: str) -> None:
        self._table = table
        self._name = name
        self.scenario = header.scenario
        self.server_ids = header.server_ids
        self.now_ms = header.now_ms

    @cached_property
    def trace(self) -> Trace:
        try:
            return Trace(self.server_ids[: self.scenario.size], to_events(self._table))
        except (KeyError, ValueError, TypeError, msgspec.DecodeError) as error:
            raise FileError(f"{self._name} is damaged: its columns tell no events ({error!r})") from None
