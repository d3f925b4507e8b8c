"""The table of the servers' logs: each entry that ever stood in one, and what became of it there."""

from collections.abc import Iterable, Sequence
from math import nan
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from raftcore.recording.columns import as_list, shape_of
from raftcore.recording.frames import LOG, Words, frame
from raftcore.recording.rows import Rows
from raftcore.statemachine.language import show_command
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ClientId, Index, Term

NOWHERE = -1


class Told(NamedTuple):
    """What an entry says of itself."""

    term: Term
    command: str | None
    configuration: str | None
    client: ClientId | None
    sequence_num: int | None
    proposed_at_ms: float | None


Kinds: TypeAlias = tuple[type[ev.ServerEvent], ...]

_SIMPLE: Kinds = (ev.EntriesAppended, ev.Committed, ev.Applied, ev.LogTruncated)
_RARE: Kinds = (ev.SnapshotInstalled, ev.Restarted)


def log_frame(rows: Rows) -> pd.DataFrame:
    """One row for each entry that a server appended, in order of time. Entries that came within a snapshot have none."""
    table = _Table()
    logs = [_Log(table, number) for number in range(len(rows.words("server")))]
    rare = dict(rows.events(*_RARE))
    kinds = {kind.__name__: kind for kind in (*_SIMPLE, *_RARE)}
    kind_of = [kinds.get(name) for name in rows.words("kind")]
    at = rows.where(*_SIMPLE, *_RARE)
    columns = [rows.codes("kind")[at], rows.codes("server")[at], rows.numbers("at_ms")[at], rows.numbers("index")[at]]
    entries = iter(_entries(rows))
    for position, code, server, at_ms, index in zip(at.tolist(), *(column.tolist() for column in columns), strict=True):
        log, kind = logs[server], kind_of[code]
        if kind is ev.Committed:
            log.commit(at_ms, index)
        elif kind is ev.Applied:
            log.apply(at_ms, index)
        elif kind is ev.EntriesAppended:
            log.append(at_ms, index, next(entries))
        elif kind is ev.LogTruncated:
            log.truncate(at_ms, index)
        elif kind is ev.Restarted:
            log.restart(at_ms, rare[position])
        else:
            log.install(at_ms, rare[position])
    return table.frame(rows.words("server"))


def _entries(rows: Rows) -> list[list[Told]]:
    """What each EntriesAppended tells. Followers append what their leader did, so most of it is read only once."""
    decode = shape_of(ev.EntriesAppended).decode
    known: dict[bytes, list[Told]] = {}
    said: list[bytes] = as_list(rows.table.column("rest").take(rows.where(ev.EntriesAppended)))
    for rest in said:
        if rest not in known:
            (entries,) = decode(rest)
            known[rest] = list(map(_told, entries))
    return [known[rest] for rest in said]


def _told(entry: Entry) -> Told:
    command = entry.command
    if command is None:
        return Told(entry.term, None, None, None, None, entry.at_ms)
    if isinstance(command, Configuration):
        return Told(entry.term, None, show_configuration(command), None, None, entry.at_ms)
    return Told(entry.term, show_command(command), None, entry.client_id or None, entry.sequence_num, entry.at_ms)


def show_configuration(configuration: Configuration) -> str:
    """S1 S2 S3, with the voters to be behind |, the learners behind + and the voters who will be learners behind >.

    >>> show_configuration(Configuration(("S1", "S2"), ("S1", "S3"), ("S4",), ("S2",)))
    'S1 S2 | S1 S3 + S4 > S2'
    """
    parts = ((" | ", configuration.next_voters), (" + ", configuration.learners), (" > ", configuration.learners_next))
    return " ".join(configuration.voters) + "".join(mark + " ".join(names) for mark, names in parts if names)


class _Table:
    """The rows so far, column by column."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.server: list[int] = []
        self.index: list[Index] = []
        self.appended_at_ms: list[float] = []
        self.committed_at_ms: list[float] = []
        self.applied_at_ms: list[float] = []
        self.removed_at_ms: list[float] = []

    def add(self, server: int, at_ms: float, first_index: Index, entries: Sequence[Told]) -> range:
        """Rows for these entries, and which they are."""
        count, unknown = len(entries), [nan] * len(entries)
        self.told += entries
        self.server += [server] * count
        self.index += range(first_index, first_index + count)
        self.appended_at_ms += [at_ms] * count
        self.committed_at_ms += unknown
        self.applied_at_ms += unknown
        self.removed_at_ms += unknown
        return range(len(self.told) - count, len(self.told))

    def frame(self, servers: Sequence[str]) -> pd.DataFrame:
        told = zip(*self.told, strict=True) if self.told else ((),) * len(Told._fields)
        data: dict[str, Any] = dict(zip(Told._fields, told, strict=True))
        return frame(LOG, data | vars(self) | {"server": Words.of(self.server, servers)})


class _Log:
    """One server's log, as rows of the table: that of the entry at index i is `rows[i - 1]`, or NOWHERE."""

    def __init__(self, table: _Table, server: int) -> None:
        self.table = table
        self.server = server
        self.rows: list[int] = []
        self.commit_index = 0

    def append(self, at_ms: float, first_index: Index, entries: Sequence[Told]) -> None:
        self.rows += self.table.add(self.server, at_ms, first_index, entries)

    def commit(self, at_ms: float, index: Index) -> None:
        self._note(self.table.committed_at_ms, at_ms, self.rows[self.commit_index : index])
        self.commit_index = index

    def apply(self, at_ms: float, index: Index) -> None:
        self._note(self.table.applied_at_ms, at_ms, self.rows[index - 1 : index])

    def truncate(self, at_ms: float, last_index: Index) -> None:
        self._note(self.table.removed_at_ms, at_ms, self.rows[last_index:])
        del self.rows[last_index:]

    def install(self, at_ms: float, event: ev.SnapshotInstalled) -> None:
        """A leader's snapshot took the log's place, or only that of its beginning."""
        included = event.last_included_index
        if not event.kept:
            self._note(self.table.removed_at_ms, at_ms, (row for row in self.rows if self._is_uncommitted(row)))
            self._leave(included)
        self.commit_index = included

    def restart(self, at_ms: float, event: ev.Restarted) -> None:
        """What was not synced is gone. An entry that is told again is the same one, where its term is the same."""
        kept = max(event.kept_index, event.snapshot_index)
        before = self.rows[kept:]
        self._leave(kept)
        for place, told in enumerate(map(_told, event.entries)):
            row = before[place] if place < len(before) else NOWHERE
            if row != NOWHERE and self.table.told[row].term == told.term:
                before[place] = NOWHERE
                self.rows.append(row)
            else:
                self.rows += self.table.add(self.server, at_ms, kept + place + 1, [told])
        self._note(self.table.removed_at_ms, at_ms, before)
        self.commit_index = event.snapshot_index

    def _leave(self, last_index: Index) -> None:
        """Let the log end here; of entries that stand in a snapshot alone there are no rows."""
        del self.rows[last_index:]
        self.rows += [NOWHERE] * (last_index - len(self.rows))

    def _is_uncommitted(self, row: int) -> bool:
        return row != NOWHERE and self.table.committed_at_ms[row] != self.table.committed_at_ms[row]  # NaN is unlike itself

    @staticmethod
    def _note(column: list[float], at_ms: float, rows: Iterable[int]) -> None:
        """Write down when this first happened to these rows."""
        for row in rows:
            if row != NOWHERE and column[row] != column[row]:
                column[row] = at_ms
