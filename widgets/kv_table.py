"""The key-value stores: keys by servers, with what differs from the leader's marked.

Sorting the keys is done only when a store, the leader or the filter changed: the stores are immutable, so `is` tells.
"""

from heapq import nsmallest

from immutables import Map

from raftcore import Cluster
from raftcore.statemachine.language import MAX_KEY_BYTES
from raftcore.trace.view import ClusterView, ServerView
from widgets.frame import Frame, highest_leader
from widgets.part import Intent, Part, Picture, together
from widgets.still import kv_still
from widgets.words import clip

MOST_ROWS = 50
LONGEST_FILTER = 100
SHOWN = 24


class KvTable(Part):
    """Keeps {"do": "filter", "text": …} to itself: only keys that contain the text are shown."""

    _esm = together("kit.js", "kv_table.js")
    _css = together("kit.css", "kv_table.css")

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._filter = ""
        self._sources: tuple[object, ...] = ()
        self._rows: list[Picture] = []
        self._key_count = 0
        super().__init__(cluster)

    def keep(self, intent: Intent) -> bool:
        if intent["do"] != "filter":
            return False
        self._filter = str(intent.get("text", ""))[:LONGEST_FILTER]
        return True

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        leader = highest_leader(view)
        self._refresh(tuple(server.kv_store for server in view.servers.values()), leader)
        return {
            "servers": [heading(server) for server in view.servers.values()],
            "rows": self._rows,
            "more": self._key_count - len(self._rows),
            "filter": self._filter,
            "leader": leader.id if leader else None,
        }

    def _refresh(self, stores: tuple[Map[str, str], ...], leader: ServerView | None) -> None:
        wanted = leader.kv_store if leader else None
        sources = (self._filter, wanted, *stores)
        if len(sources) == len(self._sources) and all(new is old for new, old in zip(sources, self._sources, strict=True)):
            return
        keys = {key for store in stores for key in store if self._filter in key}
        self._sources, self._key_count = sources, len(keys)
        self._rows = [key_row(key, stores, wanted) for key in nsmallest(MOST_ROWS, keys)]

    def still(self, view: ClusterView) -> str:
        return kv_still(view)


def heading(server: ServerView) -> Picture:
    """What stands above and below a server's column."""
    return {"id": server.id, "alive": server.alive, "applied": server.last_applied}


def key_row(key: str, stores: tuple[Map[str, str], ...], wanted: Map[str, str] | None) -> Picture:
    """One key. `cells` are numbers into its distinct values, each short and in full, since most servers hold the same; None is absent."""
    numbers: dict[str, int] = {}
    held = [store.get(key) for store in stores]
    return {
        "key": clip(key, SHOWN),
        "title": clip(key, MAX_KEY_BYTES),
        "cells": [None if value is None else numbers.setdefault(value, len(numbers)) for value in held],
        "values": [[clip(value, SHOWN), clip(value)] for value in numbers],
        "differs": [wanted is not None and value != wanted.get(key) for value in held],
    }
