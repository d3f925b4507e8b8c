"""Every server's log, side by side: a window of columns that follows the end, unless the person looks back.

Only the window is ever read or sent, so a picture costs the same in a long log as in a short one. What a server has compacted (§7) is a
block in front of its entries.
"""

from collections.abc import Callable

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.commands import OpenSession
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import Applied, Committed, ConfigurationChanged, EntriesAppended, Event
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import FollowerState, Index, ServerId
from widgets.checking import Checked
from widgets.frame import Frame
from widgets.part import Intent, Part, Picture, together
from widgets.still import log_still
from widgets.words import full_entry, short

COLUMNS = 60

SENDING = {
    FollowerState.PROBE: "one message at a time, until it knows where the two logs agree (§5.3).",
    FollowerState.REPLICATE: "entries as they come, without waiting for the answer to those before (thesis 10.2.2).",
    FollowerState.SNAPSHOT: "its snapshot in pieces, since entries that this server lacks are compacted away (§7).",
}
CONFIGURATION = "A configuration holds from the moment it stands in a log, committed or not (§6)."
SESSION = "A client's session begins here, and this index is its number (thesis 6.3)."
SNAPSHOT = "A snapshot stands in for the beginning of the log: it holds the state that those entries led to (§7)."


class LogGrid(Part):
    """Keeps {"do": "window", "from": index} to itself; "from": None follows the end again.

    Sends {"do": "why", "what": "entry", "server", "index"} of an entry that is not committed.
    """

    _esm = together("kit.js", "log_grid_row.js", "log_grid.js")
    _css = together("kit.css", "log_grid.css")

    def __init__(self, run: Run | None = None) -> None:
        self._from: Index | None = None
        super().__init__(run)

    def keep(self, intent: Intent) -> bool:
        if intent["do"] != "window":
            return False
        start = intent.get("from")
        self._from = start if isinstance(start, int) and start >= 1 else None
        return True

    def draw(self, frame: Frame) -> Picture:
        picture = log_picture(frame.view, self._from)
        return {
            **picture,
            "asks": True,
            "violated": sorted(frame.checked.servers),
            "evidence": evidence(frame.checked, picture["first"], picture["last"]),
        }

    def still(self, view: ClusterView) -> str:
        return log_still(view)


def log_picture(
    view: ClusterView, start: Index | None, draw_entry: Callable[[Entry], object] | None = None, columns: int = COLUMNS
) -> Picture:
    """The window from `start`, or the one that ends where the longest log ends. Before `begin` no server has an entry.

    draw_entry: what stands for each entry; if not given, its picture.
    """
    draw_entry = draw_entry or entry_picture
    logs = [server.log for server in view.servers.values()]
    end = max(log.last_index for log in logs)
    begin = min((log.base_index for log in logs if len(log)), default=end) + 1
    room = end + 1  # a leader's nextIndex stands one behind the end
    newest_first = max(begin, room - columns + 1)
    first = newest_first if start is None else max(begin, min(start, newest_first))
    last = min(first + columns - 1, room)
    numbers: dict[Entry, int] = {}
    return {
        "begin": begin,
        "first": first,
        "last": last,
        "end": end,
        "follow": start is None,
        "columns": columns,
        "servers": [row(view, server, first, last, numbers) for server in view.servers.values()],
        "entries": [draw_entry(entry) for entry in numbers],
    }


def evidence(checked: Checked, first: Index, last: Index) -> dict[ServerId, dict[str, list[str]]]:
    """Of each server, the entries of the window that show a violation, and the properties that are broken."""
    found: dict[ServerId, dict[str, list[str]]] = {}
    for broken in checked.shown:
        for _, event in broken.events:
            indexes = entries_named(event)
            for index in range(max(first, indexes.start), min(last + 1, indexes.stop)):
                properties = found.setdefault(event.server, {}).setdefault(str(index), [])  # type: ignore[attr-defined]  # who names entries has one
                if broken.violation.property not in properties:
                    properties.append(broken.violation.property)
    return found


def entries_named(event: Event) -> range:
    """The entries that an event is about. A sync names none: it may show what became of a vote."""
    match event:
        case EntriesAppended(first_index=first, entries=entries):
            return range(first, first + len(entries))
        case Committed(index=index) | Applied(index=index) | ConfigurationChanged(index=index):
            return range(index, index + 1)
        case _:
            return range(0)


def entry_picture(entry: Entry) -> list[object]:
    """Its term, what fits its box, what it says in full, and its look."""
    if isinstance(entry.command, Configuration):
        return [entry.term, short(entry.command), f"{full_entry(entry)}. {CONFIGURATION}", "configuration"]
    if isinstance(entry.command, OpenSession):
        return [entry.term, short(entry.command), f"{full_entry(entry)}. {SESSION}", "session"]
    return [entry.term, short(entry.command), full_entry(entry), ""]


def row(view: ClusterView, server: ServerView, first: Index, last: Index, numbers: dict[Entry, int]) -> Picture:
    """One server's row. Its cells are numbers into the list of distinct entries, since most servers hold the same ones.

    The first cell stands at `from`: what is before that is compacted.
    """
    leader = view.latest_leader
    progress = leader.progress.get(server.id) if leader and leader.id != server.id else None
    return {
        "id": server.id,
        "alive": server.alive,
        "halted": server.halted,
        "paused": server.paused,
        "role": server.role.value,
        "term": server.current_term,
        "commit": server.commit_index,
        "synced": server.synced_index,
        "applied": server.last_applied,
        "snapshot": snapshot_picture(server),
        "from": max(first, server.log.base_index + 1),
        "cells": [numbers.setdefault(entry, len(numbers)) for entry in server.log.window(first, last)],
        "match": progress.match_index if progress else None,
        "next": progress.next_index if progress else None,
        "sending": progress.state.value if progress else "",
        "sent": f"{leader.id} sends {SENDING[progress.state]}" if leader and progress else "",
    }


def snapshot_picture(server: ServerView) -> Picture | None:
    """What stands in for the beginning of the server's log."""
    index, term, snapshot = server.log.base_index, server.log.base_term, server.snapshot
    if not index:
        return None
    if snapshot is None:
        return {"index": index, "term": term, "size": "", "said": SNAPSHOT}
    amount = f"{size(snapshot.size_bytes)}, {counted(len(snapshot.kv_store), 'key')}, {counted(len(snapshot.sessions), 'session')}"
    said = f"{server.id}'s snapshot to {index:,}, term {term}: {amount}. {SNAPSHOT}"
    return {"index": index, "term": term, "size": size(snapshot.size_bytes), "said": said}


def size(count: int) -> str:
    """A number of bytes in few characters.

    >>> size(312), size(12_340), size(4_560_000)
    ('312 B', '12 kB', '4.6 MB')
    """
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def counted(count: int, thing: str) -> str:
    """So many things.

    >>> counted(1, "key"), counted(2_000, "key")
    ('1 key', '2,000 keys')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
