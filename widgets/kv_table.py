"""The key-value stores: keys by servers, with what differs from the leader's marked.

A frame says which keys changed, so the sorted keys are kept up to date at a cost that does not grow with the stores. They are sought anew
only for a new filter, after a frame that was missed, and where a server lost its whole store or got another.
"""

from bisect import bisect_left
from itertools import islice

from immutables import Map

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.commands import MAX_KEY_BYTES
from widgets.frame import Frame
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

    def __init__(self, run: Run | None = None) -> None:
        self._filter = ""
        self._stores = Stores()
        super().__init__(run)

    def keep(self, intent: Intent) -> bool:
        if intent["do"] != "filter":
            return False
        self._filter = str(intent.get("text", ""))[:LONGEST_FILTER]
        return True

    def draw(self, frame: Frame) -> Picture:
        return self._stores.draw(frame, self._filter)

    def still(self, view: ClusterView) -> str:
        return kv_still(view)


class Stores:
    """The pictures of all stores, frame after frame."""

    def __init__(self) -> None:
        self._sources: tuple[object, ...] = ()
        self._rows: list[Picture] = []
        self._keys = SortedKeys()

    def draw(self, frame: Frame, text: str = "") -> Picture:
        """The keys that contain this text."""
        view = frame.view
        leader = view.latest_leader
        self._refresh(frame, tuple(server.kv_store for server in view.servers.values()), leader, text)
        return {
            "servers": [heading(server) for server in view.servers.values()],
            "rows": self._rows,
            "more": len(self._keys) - len(self._rows),
            "filter": text,
            "leader": leader.id if leader else None,
        }

    def _refresh(self, frame: Frame, stores: tuple[Map[str, str], ...], leader: ServerView | None, text: str) -> None:
        """Make the rows anew, unless nothing changed: the stores are immutable, so `is` tells."""
        moved = self._keys.follow(frame, stores, text)
        wanted = leader.kv_store if leader else None
        sources = (wanted, *stores)
        same = len(sources) == len(self._sources) and all(new is old for new, old in zip(sources, self._sources, strict=True))
        if moved or not same:
            self._sources = sources
            self._rows = [key_row(key, stores, wanted) for key in self._keys.first(MOST_ROWS)]


class SortedKeys:
    """The keys that any store holds and that contain the filter, in order, as of one frame."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._filter = ""
        self._number = -1

    def __len__(self) -> int:
        return len(self._keys)

    def first(self, count: int) -> list[str]:
        return list(islice(self._keys, count))

    def follow(self, frame: Frame, stores: tuple[Map[str, str], ...], text: str) -> bool:
        """Be up to date with this frame; whether any key may have come or gone."""
        changed = frame.changed_keys if text == self._filter and frame.number == self._number + 1 else None
        self._filter, self._number = text, frame.number
        if changed is None:
            self._keys = sorted(key for key in set[str]().union(*stores) if text in key)
            return True
        for key in changed:
            if text in key:
                self._place(key, held=any(key in store for store in stores))
        return bool(changed)

    def _place(self, key: str, *, held: bool) -> None:
        place = bisect_left(self._keys, key)
        stands = place < len(self._keys) and self._keys[place] == key
        if held and not stands:
            self._keys.insert(place, key)
        elif stands and not held:
            del self._keys[place]


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
