"""The table of the servers: their state over time."""

from typing import Any

import numpy as np
import pandas as pd

from raftcore.recording.frames import SERVERS, Words, frame
from raftcore.recording.rows import Array, Rows
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import FOLLOWER, Role

ROLES = tuple(role.value for role in Role)

SAY_STATE = (
    ev.ConfigurationChanged, ev.Created, ev.RoleChanged, ev.Committed, ev.Applied, ev.EntriesAppended, ev.LogTruncated,
    ev.SnapshotInstalled, ev.Crashed, ev.Halted, ev.Restarted, ev.Paused, ev.Resumed,
)  # fmt: skip
"""The events that a server's row can follow from; the first of all says which configuration it begins with, or that it exists."""

STATE = ("alive", "paused", "role", "term", "commit_index", "last_applied", "last_index")
BEGINNING = {"alive": 1}


class _Changes:
    """What of the servers' state is set by which of the events that say something of it; all other state stays as it was."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.positions = rows.where(*SAY_STATE)
        self.state = {name: np.zeros(len(self.positions), dtype=np.int64) for name in STATE}
        self.known = {name: np.zeros(len(self.positions), dtype=bool) for name in STATE}

    def set(self, positions: Array | list[int], **state: Any) -> None:
        """Let this state hold from these positions on."""
        places = np.searchsorted(self.positions, positions)
        for name, value in state.items():
            self.state[name][places] = value
            self.known[name][places] = True

    def fill(self) -> None:
        """Carry each server's state on, from where it was set to where it is set anew."""
        count = len(self.positions)
        order = np.argsort(self.rows.codes("server")[self.positions], kind="stable")
        servers = self.rows.codes("server")[self.positions][order]
        first = np.ones(count, dtype=bool)
        first[1:] = servers[1:] != servers[:-1]
        changed = first.copy()
        for name in STATE:
            values, known = self.state[name][order], self.known[name][order]
            values[first & ~known] = BEGINNING.get(name, 0)
            values = values[np.maximum.accumulate(np.where(known | first, np.arange(count), 0))]
            changed[1:] |= values[1:] != values[:-1]
            self.state[name][order] = values
        self.changed = np.zeros(count, dtype=bool)
        self.changed[order] = changed


def servers_frame(rows: Rows) -> pd.DataFrame:
    """One row whenever a server's state has changed."""
    changes = _Changes(rows)
    index, entries, term = rows.numbers("index"), rows.numbers("entries"), rows.numbers("term")
    roles = np.array([ROLES.index(word) if word in ROLES else -1 for word in rows.words("what")], dtype=np.int64)
    at = rows.where(ev.RoleChanged)
    changes.set(at, role=roles[rows.codes("what")[at]] if len(at) else 0, term=term[at])
    at = rows.where(ev.Committed)
    changes.set(at, commit_index=index[at])
    at = rows.where(ev.Applied)
    changes.set(at, last_applied=index[at])
    at = rows.where(ev.EntriesAppended)
    changes.set(at, last_index=index[at] + entries[at] - 1)
    at = rows.where(ev.LogTruncated)
    changes.set(at, last_index=index[at])
    changes.set(rows.where(ev.Paused), paused=1)
    changes.set(rows.where(ev.Resumed), paused=0)
    down = {"paused": 0, "role": ROLES.index(FOLLOWER.value)}
    changes.set(rows.where(ev.Crashed, ev.Halted), alive=0, commit_index=0, last_applied=0, **down)
    for position, event in rows.events(ev.Restarted):
        base = event.snapshot_index
        last_index = max(event.kept_index, base) + len(event.entries)
        changes.set([position], alive=1, term=event.current_term, commit_index=base, last_applied=base, last_index=last_index, **down)
    for position, event in rows.events(ev.SnapshotInstalled):
        included = event.last_included_index
        changes.set([position], commit_index=included, last_applied=included, **({} if event.kept else {"last_index": included}))
    changes.fill()
    return _frame(rows, changes)


def _frame(rows: Rows, changes: _Changes) -> pd.DataFrame:
    at, shown = changes.positions[changes.changed], changes.changed
    data: dict[str, Any] = {name: values[shown] for name, values in changes.state.items()}
    data |= {name: data[name].astype(bool) for name in ("alive", "paused")}
    data["role"] = Words(data["role"], ROLES)
    data["server"] = Words(rows.codes("server")[at], rows.words("server"))
    data["at_ms"] = rows.numbers("at_ms")[at]
    return frame(SERVERS, data)
