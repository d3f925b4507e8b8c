"""The latest events, one line each. Of each kind only the latest are kept, so that a flood of heartbeats drowns no election.

A line's number is its event's position in the trace, and leads back to that moment.
"""

from collections import deque
from collections.abc import Iterator

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import (
    AnyEvent,
    AppendRefused,
    MessageDelivered,
    MessageDropped,
    ProgressChanged,
    QuorumHeard,
    Synced,
    TimerSet,
    VoteDenied,
)
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import clip, concerns, kind, line

LINES_OF_A_KIND = 40
EVERY = 4
"""Frames from one picture to the next while time passes: nobody reads ten lists a second, and each is long."""
KINDS = ("messages", "elections", "membership", "log", "clients", "faults")
LEFT_OUT = (TimerSet, ProgressChanged, Synced, MessageDelivered, QuorumHeard)
"""What happens all the time and is seen better elsewhere: timers, progress and leases have marks, an arrival was announced when it left."""

REFUSALS = (VoteDenied, AppendRefused, MessageDropped)
"""Of which a person may ask why."""


class EventFeed(Part):
    """Sends {"do": "go", "position"}, and of what was refused {"do": "why", "what": "event", "position"}.

    Filtering happens in the browser. The picture holds the latest lines of each kind, newest first.
    """

    _esm = together("kit.js", "event_feed.js")
    _css = together("kit.css", "event_feed.css")

    def __init__(self, run: Run | None = None) -> None:
        self._lines: dict[str, deque[Picture]] = {name: deque(maxlen=LINES_OF_A_KIND) for name in KINDS}
        self._jump = 0
        super().__init__(run)

    def show(self, frame: Frame) -> None:
        """Take in what is new, and send it now and then while time passes, or else at once."""
        self._take_in(frame)
        if frame.number % EVERY == 0 or not frame.playing or self._latest is None:
            super().show(frame)

    def _take_in(self, frame: Frame) -> None:
        if frame.jump != self._jump:
            self._jump = frame.jump
            for lines in self._lines.values():
                lines.clear()
        for number, event in self._worth_telling(frame):
            self._lines[kind(event)].append(event_line(number, event))

    def draw(self, frame: Frame) -> Picture:
        newest_first = sorted((one for lines in self._lines.values() for one in lines), key=lambda one: -one["n"])
        return {"kinds": list(KINDS), "servers": list(frame.view.servers), "lines": newest_first}

    def _worth_telling(self, frame: Frame) -> Iterator[tuple[int, AnyEvent]]:
        """The events that will have a line, each with its position: of a frame that tells of thousands, only those that stay."""
        room = dict.fromkeys(KINDS, LINES_OF_A_KIND)
        told = []
        for back, event in enumerate(reversed(frame.events), start=1):
            if type(event) not in LEFT_OUT and room[kind(event)]:
                room[kind(event)] -= 1
                told.append((frame.position - back, event))
        return reversed(told)

    def still(self, view: ClusterView) -> str:
        return ""  # A view holds no history.


def event_line(number: int, event: AnyEvent) -> Picture:
    text, refused = clip(line(event), 120), isinstance(event, REFUSALS)
    return {"n": number, "at_ms": event.at_ms, "kind": kind(event), "who": concerns(event), "text": text, "refused": refused}
