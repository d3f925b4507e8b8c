"""The tables of the servers' logs: each entry that ever stood in one and what became of it there, and why entries left a log."""

from collections.abc import Iterable, Sequence
from math import nan
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from raftcore.recording.columns import as_list, shape_of
from raftcore.recording.frames import LOG, REMOVALS, Words, frame, frame_of
from raftcore.recording.rows import Rows
from raftcore.statemachine.language import show_command
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ClientId, Index, ServerId, Term

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

_SIMPLE: Kinds = (ev.EntriesAppended, ev.Committed, ev.Applied, ev.LogTruncated, ev.SnapshotTaken, ev.RoleChanged, ev.LeaderRecognized)
_RARE: Kinds = (ev.SnapshotInstalled, ev.Restarted)


def log_frames(rows: Rows) -> dict[str, pd.DataFrame]:
    """log: one row for each entry that a server appended, in order of time; entries that came within a snapshot have none.

    removals: one row each time that entries left a log, in order of time.
    """
    table = _Table()
    servers = rows.words("server")
    logs = [_Log(table, number, server) for number, server in enumerate(servers)]
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
        elif kind is ev.SnapshotTaken:
            log.compact(at_ms, index)
        elif kind is ev.SnapshotInstalled:
            log.install(at_ms, rare[position])
        elif kind is ev.Restarted:
            log.restart(at_ms, rare[position])
        else:
            log.term, log.leader = int(rows.numbers("term")[position]), _peer(rows, position)
    return {"log": table.frame(servers), "removals": frame_of(REMOVALS, table.removals)}


def _peer(rows: Rows, position: int) -> ServerId | None:
    code = rows.codes("peer")[position]
    return rows.words("peer")[code] if code >= 0 else None


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
        self.removed_by: list[str | None] = []
        self.removals: list[dict[str, Any]] = []

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
        self.removed_by += [None] * count
        return range(len(self.told) - count, len(self.told))

    def frame(self, servers: Sequence[str]) -> pd.DataFrame:
        told = zip(*self.told, strict=True) if self.told else ((),) * len(Told._fields)
        data: dict[str, Any] = dict(zip(Told._fields, told, strict=True))
        return frame(LOG, data | vars(self) | {"server": Words.of(self.server, servers)})


class _Log:
    """One server's log, as rows of the table: that of the entry at index i is `rows[i - 1]`, or NOWHERE.

    base: the last index that stands in the server's snapshot. term, leader: the server's, as far as the trace has told.
    """

    def __init__(self, table: _Table, number: int, server: ServerId) -> None:
        self.table = table
        self.number = number
        self.server = server
        self.rows: list[int] = []
        self.commit_index = 0
        self.base = 0
        self.term: Term = 0
        self.leader: ServerId | None = None

    def append(self, at_ms: float, first_index: Index, entries: Sequence[Told]) -> None:
        self.rows += self.table.add(self.number, at_ms, first_index, entries)

    def commit(self, at_ms: float, index: Index) -> None:
        self._note(self.table.committed_at_ms, at_ms, self.rows[self.commit_index : index])
        self.commit_index = index

    def apply(self, at_ms: float, index: Index) -> None:
        self._note(self.table.applied_at_ms, at_ms, self.rows[index - 1 : index])

    def truncate(self, at_ms: float, last_index: Index) -> None:
        self._remove(at_ms, "conflict", self.rows[last_index:])
        del self.rows[last_index:]

    def compact(self, at_ms: float, included: Index) -> None:
        """The server's own snapshot has these entries. Their rows stay: a crash may bring them back into the log."""
        present = [row for row in self.rows[self.base : included] if row != NOWHERE]
        self._tell(at_ms, "compaction", present)
        self.base = included

    def install(self, at_ms: float, event: ev.SnapshotInstalled) -> None:
        """A leader's snapshot took the log's place, or only that of its beginning."""
        included = event.last_included_index
        if not event.kept:
            self._remove(at_ms, "snapshot", [row for row in self.rows if self._is_uncommitted(row)])
            self.rows = [NOWHERE if self._is_uncommitted(row) else row for row in self.rows]
        self.compact(at_ms, included)
        if not event.kept:
            self._leave(included)
        self.commit_index = included

    def restart(self, at_ms: float, event: ev.Restarted) -> None:
        """What was not synced is gone. An entry that is told again is the same one, where its term is the same."""
        self.term, self.leader = event.current_term, None
        kept = max(event.kept_index, event.snapshot_index)
        before = self.rows[kept:]
        self._leave(kept)
        for place, told in enumerate(map(_told, event.entries)):
            row = before[place] if place < len(before) else NOWHERE
            if row != NOWHERE and self.table.told[row].term == told.term:
                before[place] = NOWHERE
                self.rows.append(row)
            else:
                self.rows += self.table.add(self.number, at_ms, kept + place + 1, [told])
        self._remove(at_ms, "crash", before)
        self.commit_index = self.base = event.snapshot_index

    def _leave(self, last_index: Index) -> None:
        """Let the log end here; of entries that stand in a snapshot alone there are no rows. ValueError: nobody can have so many."""
        if last_index > len(self.table.told):  # a leader appended each of them, so it has a row
            raise ValueError(f"a log of {last_index:,} entries, and only {len(self.table.told):,} were appended")
        del self.rows[last_index:]
        self.rows += [NOWHERE] * (last_index - len(self.rows))

    def _is_uncommitted(self, row: int) -> bool:
        return row != NOWHERE and self.table.committed_at_ms[row] != self.table.committed_at_ms[row]  # NaN is unlike itself

    def _remove(self, at_ms: float, removed_by: str, rows: Sequence[int]) -> None:
        """Write down when these rows left the log for good, and why."""
        gone = [row for row in rows if row != NOWHERE]
        self._note(self.table.removed_at_ms, at_ms, gone)
        for row in gone:
            self.table.removed_by[row] = removed_by
        self._tell(at_ms, removed_by, gone)

    def _tell(self, at_ms: float, removed_by: str, gone: Sequence[int]) -> None:
        if gone:
            first, last = self.table.index[gone[0]], self.table.index[gone[-1]]
            self.table.removals.append({
                "at_ms": at_ms, "server": self.server, "first_index": first, "last_index": last, "entries": len(gone),
                "removed_by": removed_by, "term": self.term, "leader": self.leader,
            })  # fmt: skip

    @staticmethod
    def _note(column: list[float], at_ms: float, rows: Iterable[int]) -> None:
        """Write down when this first happened to these rows."""
        for row in rows:
            if row != NOWHERE and column[row] != column[row]:
                column[row] = at_ms
