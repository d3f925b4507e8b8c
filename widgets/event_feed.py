"""The latest events, one line each. Of each kind only the latest are kept, so that a flood of heartbeats drowns no election."""

from collections import deque
from itertools import count

from raftcore import Cluster
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import AnyEvent, MessageDelivered, ProgressChanged, QuorumHeard, Synced, TimerSet
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import clip, concerns, kind, line

LINES_OF_A_KIND = 40
KINDS = ("messages", "elections", "membership", "log", "clients", "faults")
LEFT_OUT = (TimerSet, ProgressChanged, Synced, MessageDelivered, QuorumHeard)
"""What happens all the time and is seen better elsewhere: timers, progress and leases have marks, an arrival was announced when it left."""


class EventFeed(Part):
    """Filtering happens in the browser. The picture holds the latest lines of each kind, newest first."""

    _esm = together("kit.js", "event_feed.js")
    _css = together("kit.css", "event_feed.css")

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._number = count(1)
        self._lines: dict[str, deque[Picture]] = {name: deque(maxlen=LINES_OF_A_KIND) for name in KINDS}
        self._shown_ms = 0.0
        super().__init__(cluster)

    def draw(self, frame: Frame) -> Picture:
        self._forget_the_future(frame.view.at_ms)
        for event in frame.events:
            if not isinstance(event, LEFT_OUT):
                self._lines[kind(event)].append(self._line(event))
        newest_first = sorted((one for lines in self._lines.values() for one in lines), key=lambda one: -one["n"])
        return {"kinds": list(KINDS), "servers": list(frame.view.servers), "lines": newest_first}

    def _line(self, event: AnyEvent) -> Picture:
        return {"n": next(self._number), "at_ms": event.at_ms, "kind": kind(event), "who": concerns(event), "text": clip(line(event), 120)}

    def _forget_the_future(self, now_ms: float) -> None:
        """After a jump back in time, what happened later has not happened yet."""
        if now_ms < self._shown_ms:
            for lines in self._lines.values():
                lines.clear()
        self._shown_ms = now_ms

    def still(self, view: ClusterView) -> str:
        return ""  # A view holds no history.
