"""Whose data a recording is, where that is no cluster: a trace that is there already, or a file."""

from contextlib import AbstractContextManager
from functools import cached_property
from typing import Protocol

import pyarrow as pa

from raftcore.recording.columns import to_events
from raftcore.recording.file import Header
from raftcore.recording.rows import Rows
from raftcore.recording.validation import naming_damage
from raftcore.trace.stream import Trace
from raftcore.vocabulary.events import Created
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import Scenario


class Source(Protocol):
    """Whose data a recording is."""

    @property
    def trace(self) -> Trace: ...
    @property
    def scenario(self) -> Scenario: ...
    @property
    def server_ids(self) -> tuple[ServerId, ...]: ...
    @property
    def now_ms(self) -> float: ...


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


class Loaded:
    """What a file holds. Its events are made when somebody asks for them: tables need none. Raises FileError where they can't be."""

    def __init__(self, table: pa.Table, header: Header, name: str) -> None:
        self._table = table
        self._name = name
        self.scenario = header.scenario
        self.now_ms = header.now_ms
        self._founders = tuple(f"S{number}" for number in range(1, header.scenario.size + 1))

    @cached_property
    def trace(self) -> Trace:
        """Everything that happened."""
        with self.reading():
            trace = Trace(self._founders, to_events(self._table))
            trace.view()  # events that follow on no others fail here, and not in whoever looks at them
        return trace

    @cached_property
    def server_ids(self) -> tuple[ServerId, ...]:
        """Those of the beginning, and those that were created since."""
        with self.reading():
            return (*self._founders, *(event.server for _, event in Rows(self._table).events(Created)))

    def reading(self) -> AbstractContextManager[None]:
        """Turn what fails while the columns are read into a FileError that names the file."""
        return naming_damage(self._name)
