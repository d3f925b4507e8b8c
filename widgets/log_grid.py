"""Every server's log, side by side: a window of columns that follows the end, unless the person looks back.

Only the window is ever read or sent, so a picture costs the same in a long log as in a short one.
"""

from raftcore import Cluster
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index
from widgets.frame import Frame, highest_leader
from widgets.part import Intent, Part, Picture, together
from widgets.still import log_still
from widgets.words import full_entry, short

COLUMNS = 60


class LogGrid(Part):
    """Keeps {"do": "window", "from": index} to itself; "from": None follows the end again."""

    _esm = together("kit.js", "log_grid.js")
    _css = together("kit.css", "log_grid.css")

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._from: Index | None = None
        super().__init__(cluster)

    def keep(self, intent: Intent) -> bool:
        if intent["do"] != "window":
            return False
        start = intent.get("from")
        self._from = start if isinstance(start, int) and start >= 1 else None
        return True

    def draw(self, frame: Frame) -> Picture:
        return log_picture(frame.view, self._from)

    def still(self, view: ClusterView) -> str:
        return log_still(view)


def log_picture(view: ClusterView, start: Index | None) -> Picture:
    """The window from `start`, or the one that ends where the longest log ends."""
    end = max(server.log.last_index for server in view.servers.values())
    room = end + 1  # a leader's nextIndex stands one behind the end
    newest_first = max(1, room - COLUMNS + 1)
    first = newest_first if start is None else min(start, newest_first)
    last = min(first + COLUMNS - 1, room)
    numbers: dict[Entry, int] = {}
    rows = [row(view, server, first, last, numbers) for server in view.servers.values()]
    entries = [[entry.term, short(entry.command), full_entry(entry)] for entry in numbers]
    return {"first": first, "last": last, "end": end, "follow": start is None, "columns": COLUMNS, "entries": entries, "servers": rows}


def row(view: ClusterView, server: ServerView, first: Index, last: Index, numbers: dict[Entry, int]) -> Picture:
    """One server's row. Its cells are numbers into the list of distinct entries, since most servers hold the same ones."""
    leader = highest_leader(view)
    progress = leader.progress.get(server.id) if leader and leader.id != server.id else None
    return {
        "id": server.id,
        "alive": server.alive,
        "paused": server.paused,
        "role": server.role.value,
        "term": server.current_term,
        "commit": server.commit_index,
        "synced": server.synced_index,
        "applied": server.last_applied,
        "cells": [numbers.setdefault(entry, len(numbers)) for entry in server.log.window(first, last)],
        "match": progress.match_index if progress else None,
        "next": progress.next_index if progress else None,
    }
