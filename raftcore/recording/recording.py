"""A run as data: the files and the tables that are made of its events."""

import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from functools import partial
from math import inf
from pathlib import Path
from threading import RLock
from typing import TypeVar

import pandas as pd
import pyarrow as pa
from msgspec.structs import asdict, replace

from raftcore.checks.violation import Violation
from raftcore.checks.watch import check_trace
from raftcore.files import save_atomically
from raftcore.recording.elections import elections_frame, pre_votes_frame, reigns_frame
from raftcore.recording.exports import edn_lines, shiviz_lines
from raftcore.recording.file import Header, from_parquet, to_parquet, versions
from raftcore.recording.frames import FRAMES, described
from raftcore.recording.growing import Growing
from raftcore.recording.logs import log_frames
from raftcore.recording.messages import events_frame, messages_frame
from raftcore.recording.outages import outages_frame
from raftcore.recording.rows import Rows
from raftcore.recording.servers import servers_frame
from raftcore.recording.sources import Loaded, Source
from raftcore.recording.stories import operations_frame, violations_frame
from raftcore.recording.stream import Portion, Stream, from_frames, is_part, part_of
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.numbers import number
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import check_path

_Getter = TypeVar("_Getter", bound=Callable[["Recording"], pd.DataFrame])


def _documented(getter: _Getter) -> _Getter:
    """Let the help of a table say what stands in its columns."""
    getter.__doc__ = f"{getter.__doc__}\n\n{described(FRAMES[getter.__name__])}\n"
    return getter


class Recording:
    """All data of a run: `trace`, `scenario`, and the answer to each question as a pandas DataFrame.

    `cluster.recording` grows while the run goes on, `Recording.load(path)` is a file's, and `Recording(Told(trace, scenario))` that of a
    trace which is there already. Times are simulated milliseconds since the start of the run.
    """

    def __init__(
        self,
        run: Source,
        table: pa.Table | None = None,
        judged: Callable[[], tuple[Violation, ...]] | None = None,
        held: AbstractContextManager[object] = nullcontext(),  # noqa: B008  # it can be entered many times
    ) -> None:
        """table: the columns of a run that is over. judged: gives what broke an invariant; None: that is found when it is asked for.

        held: while it is entered, the run does not go on.
        """
        self._held = held
        self._run = run
        self._judged = judged or (lambda: check_trace(self.trace, self.config))
        self._reading: Callable[[], AbstractContextManager[None]] = run.reading if isinstance(run, Loaded) else nullcontext
        self._growing = Growing(run, table)
        self._rows = Rows(self._growing.table())
        self._frames: dict[str, pd.DataFrame] = {}
        self._lock = RLock()  # a screen and a cell may ask at once

    # ---- the run

    @property
    def source(self) -> Source:
        """Whose data this is: a cluster, a file or a trace."""
        return self._run

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
    def parameters(self) -> dict[str, int | float | str]:
        """What tells this run from others, to be added to a table as columns: `run.operations.assign(**run.parameters)`.

        Size, seed and each knob of the configuration, by its name; a range has two, its `_min` and its `_max`.
        """
        said: dict[str, int | float | str] = {"size": self.scenario.size, "seed": self.scenario.seed}
        for name, value in asdict(self.config).items():
            if isinstance(value, tuple):
                said[f"{name}_min"], said[f"{name}_max"] = value
            else:
                said[name] = value.value if isinstance(value, Enum) else value
        return said

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

    # ---- tables

    @property
    @_documented
    def events(self) -> pd.DataFrame:
        """One row an event, in order of time: everything that happened."""
        return self._frame("events", events_frame)

    @property
    @_documented
    def messages(self) -> pd.DataFrame:
        """One row a message, in order of `sent_at_ms`."""
        return self._frame("messages", messages_frame)

    @property
    @_documented
    def servers(self) -> pd.DataFrame:
        """One row whenever a server's state has changed, in order of `at_ms`."""
        return self._frame("servers", servers_frame)

    @property
    @_documented
    def log(self) -> pd.DataFrame:
        """One row for each entry that a server appended, in order of `appended_at_ms`. What came within a snapshot has none."""
        return self._frame("log", log_frames)

    @property
    @_documented
    def operations(self) -> pd.DataFrame:
        """One row a client's command, in order of `called_at_ms`."""
        return self._frame("operations", operations_frame)

    @property
    @_documented
    def pre_votes(self) -> pd.DataFrame:
        """One row each time that a server asked for pre-votes, in order of `started_at_ms`."""
        return self._frame("pre_votes", pre_votes_frame)

    @property
    @_documented
    def elections(self) -> pd.DataFrame:
        """One row for each term in which somebody stood for election, in order of `started_at_ms`."""
        return self._frame("elections", elections_frame)

    @property
    @_documented
    def reigns(self) -> pd.DataFrame:
        """One row for each leader of a term, in order of `from_ms`."""
        return self._frame("reigns", reigns_frame)

    @property
    @_documented
    def outages(self) -> pd.DataFrame:
        """One row for each while in which no leader could have committed an entry, in order of `from_ms`. The first begins with the run."""
        return self._frame("outages", lambda rows: outages_frame(rows, self.config))

    @property
    @_documented
    def removals(self) -> pd.DataFrame:
        """One row each time that entries left a server's log, in order of `at_ms`."""
        return self._frame("removals", log_frames)

    @property
    @_documented
    def violations(self) -> pd.DataFrame:
        """One row for each invariant that was seen broken, the first few of each, in order of `at_ms`."""
        return self._frame("violations", lambda rows: violations_frame(self._violations(len(rows))))

    def _frame(self, name: str, make: Callable[[Rows], pd.DataFrame | dict[str, pd.DataFrame]]) -> pd.DataFrame:
        with self._lock:
            rows = self._all_rows()
            if name not in self._frames:
                with self._reading():
                    made = make(rows)
                self._frames |= made if isinstance(made, dict) else {name: made}
            return self._frames[name].copy(deep=False)  # whoever adds a column adds it to their own

    def _all_rows(self) -> Rows:
        with self._lock:
            table = self._growing.table()
            if len(table) != len(self._rows):
                self._rows, self._frames = Rows(table), {}
            return self._rows

    def _violations(self, events: int) -> tuple[Violation, ...]:
        """What broke an invariant in the first so many events."""
        with self._reading():
            return tuple(violation for violation in self._judged() if violation.evidence[-1] < events)

    # ---- files

    def save(self, path: str | Path) -> None:
        """Write one Parquet file, which repeats the run and which pandas.read_parquet opens too.

        What stands at `path` is replaced, whole or not at all. Raises ConfigError for what is no path, and OSError.
        """
        save_atomically(check_path(path), partial(_write_bytes, data=self._to_bytes()))

    def _to_bytes(self) -> bytes:
        now_ms, rows = self.now_ms, self._all_rows()
        header = self._header(now_ms, rows, self._violations(len(rows)))
        with self._reading():
            actions = rows.actions()
        return to_parquet(rows.table, replace(header, scenario=replace(header.scenario, actions=actions)))

    def __reduce__(self) -> tuple[Callable[[bytes, str], "Recording"], tuple[bytes, str]]:
        """To another process, as by joblib or Dask, goes what a file would hold: what is known now, of a run that goes on too."""
        return _from_bytes, (self._to_bytes(), "this recording")

    @classmethod
    def load(cls, path: str | Path) -> "Recording":
        """The recording that was saved there, or what is left of one that was broken off. Raises FileError, ConfigError and OSError.

        Warns where a later recording to the same path was broken off.
        """
        place = check_path(path)
        name, part = str(path), part_of(place)
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            if not part.exists():
                raise
            raise FileNotFoundError(f"{name} was never finished; Recording.load({str(part)!r}) has what was recorded") from None
        if part.exists() and part.stat().st_mtime_ns >= place.stat().st_mtime_ns:
            later = f"Recording.load({str(part)!r}) has what was recorded, or remove it"
            warnings.warn(f"{name} is an earlier run: a later recording to it was broken off or still goes on; {later}", stacklevel=2)
        return _from_bytes(data, name)

    def stream_to(self, path: str | Path) -> Stream:
        """Write the run to a file while it goes on, until the stream is closed: a crash loses at most the last second.

        Meanwhile it stands in `path` + ".part", which `load` reads too.

        Raises FileError where there is such a file already, ConfigError for what is no path, and OSError, also where `path` is a folder.
        """
        return Stream(self, check_path(path))

    def portion(self, position: int) -> Portion:
        """What came from this position on, as a file's bytes. Its scenario has no actions: they stand among the events."""
        with self._held:  # a run that went on meanwhile would be ever further ahead of its file
            now_ms, rows = self.now_ms, Rows(self._growing.since(position))
            return Portion(to_parquet(rows.table, self._header(now_ms, rows)), len(rows))

    def _header(self, now_ms: float, rows: Rows, violations: tuple[Violation, ...] | None = None) -> Header:
        """What a file of these rows says; none of them came later than it says. `now_ms` was true before they were taken."""
        end_ms = float(rows.numbers("at_ms")[-1]) if len(rows) else 0.0
        scenario = replace(self.scenario, actions=())
        return Header(made_with=versions(), scenario=scenario, now_ms=max(now_ms, end_ms), events=len(rows), violations=violations)

    # ---- exports

    def to_html(self, path: str | Path) -> None:
        """Write one page of HTML in which the run plays by itself, with no kernel, server or network: to hand in, or to send.

        What stands at `path` is replaced, whole or not at all. Raises ConfigError for what is no path, and OSError.
        """
        from widgets.page.page import write_page  # noqa: PLC0415  the one way from here to a screen; see the contracts in pyproject.toml

        with self._reading():
            write_page(self, check_path(path))

    def to_csv(self, folder: str | Path) -> None:
        """Write each table to a file of its own in this folder, which is made if need be: events.csv, messages.csv … Raises OSError."""
        check_path(folder).mkdir(parents=True, exist_ok=True)
        for name in FRAMES:
            text = getattr(self, name).to_csv(index=False)
            _save_text(Path(folder, f"{name}.csv"), text)

    def save_tables(self, folder: str | Path) -> None:
        """Write each table to a plain Parquet file of its own in this folder, which is made if need be: events.parquet, messages.parquet …

        pandas reads them with the same dtypes, but for the categories of a table without rows; polars, DuckDB and others read them too.
        Raises OSError.
        """
        check_path(folder).mkdir(parents=True, exist_ok=True)
        for name in FRAMES:
            data = getattr(self, name).to_parquet(index=False)
            save_atomically(Path(folder, f"{name}.parquet"), partial(_write_bytes, data=data))

    def to_edn(self, path: str | Path) -> None:
        """Write the clients' history as Jepsen does: one EDN map a line, for each call and each outcome; `read_edn` reads it.

        Stale reads are left out, as nothing follows from them, and so are the lease reads that `history` takes for stale. Raises OSError.
        """
        with self._reading():
            lines = list(edn_lines(self._all_rows(), self.server_ids[: self.scenario.size], self.config))
        _save_lines(check_path(path), lines)

    def to_shiviz(self, path: str | Path, from_ms: float = 0.0, to_ms: float = inf) -> None:
        """Write a log with vector clocks for ShiViz, which reads it with the regular expression SHIVIZ_PARSER.

        from_ms, to_ms: which while, in simulated milliseconds; ShiViz is at its best with a few hundred events. Raises ConfigError where
        that is none, and OSError.
        """
        begin_ms, end_ms = number(from_ms), number(to_ms)
        if begin_ms is None or end_ms is None or not begin_ms < end_ms:
            raise ConfigError(f"there is no while from {brief(from_ms)} to {brief(to_ms)} ms; give two moments, the later one last")
        with self._reading():
            lines = list(shiviz_lines(self._all_rows(), begin_ms, end_ms))
        _save_lines(check_path(path), lines)


def _from_bytes(data: bytes, name: str) -> Recording:
    """The recording that a file's bytes hold. Raises FileError."""
    table, header = from_frames(data, name) if is_part(data, name) else from_parquet(data, name)
    known = header.violations
    return Recording(Loaded(table, header, name), table, (lambda: known) if known is not None else None)


def _write_bytes(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _save_lines(path: str | Path, lines: Iterable[str]) -> None:
    _save_text(path, "".join(f"{line}\n" for line in lines))


def _save_text(path: str | Path, text: str) -> None:
    save_atomically(path, lambda file: file.write_bytes(text.encode()))
