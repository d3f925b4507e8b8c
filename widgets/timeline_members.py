"""What the timeline shows beside roles: who voted when, and where servers took snapshots or handed over."""

from collections import deque
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import ConfigurationChanged, SnapshotInstalled, SnapshotTaken, TransferStarted
from raftcore.vocabulary.names import Index, ServerId
from widgets.timeline_pieces import GREY, INVISIBLE, LANE, MEMBERS, Picture, Span, bars, lane_middle, period, plain
from widgets.words import members, numbers

if TYPE_CHECKING:
    from widgets.timeline_series import TimelineSeries

KEPT = 400
"""Of bands and marks, each."""


class Membership(Struct, frozen=True, gc=False):
    """For how long the cluster went by a configuration."""

    begin_ms: float
    end_ms: float
    configuration: Configuration


class Memberships:
    """By which configuration the cluster went: the leader's, or the latest that anybody knows."""

    def __init__(self) -> None:
        self.ended: deque[Membership] = deque(maxlen=KEPT)
        self.open = Membership(0.0, inf, Configuration())
        self._index: Index = -1
        self._known: dict[ServerId, ConfigurationChanged] = {}

    def absorb(self, event: ConfigurationChanged, leads: bool) -> None:
        """A server goes by another configuration from now on."""
        self._known[event.server] = event
        if event.configuration.voters and (leads or event.index > self._index):
            self._go_by(event, event.at_ms)

    def follow(self, leader: ServerId, at_ms: float) -> None:
        """The cluster goes by what its new leader knows: it may be older, where the latest was never committed (§6)."""
        if leader in self._known:
            self._go_by(self._known[leader], at_ms)

    def _go_by(self, event: ConfigurationChanged, at_ms: float) -> None:
        self._index = event.index
        if event.configuration == self.open.configuration:
            return
        if self.open.configuration.voters:
            self.ended.append(Membership(self.open.begin_ms, at_ms, self.open.configuration))
        self.open = Membership(at_ms, inf, event.configuration)

    def bands(self) -> Iterator[Membership]:
        """All that is remembered, the oldest first."""
        yield from self.ended
        if self.open.configuration.voters:
            yield self.open


class Mark(Struct, frozen=True, gc=False):
    """Something that a server did at one moment."""

    at_ms: float
    server: ServerId
    symbol: str
    words: str


def mark_of(event: SnapshotTaken | SnapshotInstalled | TransferStarted) -> Mark:
    """The mark of an event."""
    match event:
        case SnapshotTaken():
            return Mark(event.at_ms, event.server, "square", f"took a snapshot up to {event.last_included_index:,} (§7)")
        case SnapshotInstalled():
            words = f"installed the leader's snapshot up to {event.last_included_index:,} (§7)"
            return Mark(event.at_ms, event.server, "triangle-down", words)
        case TransferStarted():
            return Mark(event.at_ms, event.server, "triangle-right", f"begins to hand over to {event.target} (thesis 3.10)")


def member_bars(series: "TimelineSeries", window: Span) -> Picture:
    """A bar for each configuration, with its voters' numbers; while it is joint it is an outline, since two majorities decide (§6)."""
    shown = [band for band in series.memberships.bands() if band.end_ms > window[0]]
    middle = len(series.servers) * LANE + MEMBERS / 2
    place = {**bars([(band.begin_ms, band.end_ms) for band in shown], window), "y": np.full(len(shown), middle)}
    return {
        "members": {
            **place,
            "width": np.full(len(shown), MEMBERS - 4.0),
            "hovertext": [f"{plain(members(band.configuration))}<br>{period(band.begin_ms, band.end_ms)}" for band in shown],
            "marker.color": ["rgba(0, 0, 0, 0)" if band.configuration.is_joint else "rgba(119, 131, 143, 0.25)" for band in shown],
            "marker.line.color": GREY,
            "marker.line.width": np.array([1.5 if band.configuration.is_joint else 0.0 for band in shown]),
        },
        "memberlabels": {
            **place,
            **INVISIBLE,
            "width": np.full(len(shown), float(MEMBERS)),
            "text": [plain(numbers(band.configuration)) for band in shown],
            "textfont.color": [GREY for _ in shown],  # where it is left out, plotly takes one that is only right on white
        },
    }


def mark_points(series: "TimelineSeries", window: Span) -> Picture:
    """A mark on the server's lane."""
    rows = {name: row for row, name in enumerate(series.servers)}
    shown = [mark for mark in series.marks if mark.at_ms > window[0]]
    return {
        "marks": {
            "x": np.array([mark.at_ms for mark in shown]),
            "y": np.array([lane_middle(rows[mark.server]) + LANE / 2 - 4 for mark in shown]),
            "marker.symbol": [mark.symbol for mark in shown],
            "marker.color": GREY,
            "hovertext": [f"{plain(mark.server)} {plain(mark.words)}<br>{mark.at_ms:,.0f} ms" for mark in shown],
        },
    }
