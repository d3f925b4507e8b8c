"""The stream of events: everything that happened in a run, in order. Screens, tables and checks read it and nothing else."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from threading import RLock
from typing import overload

import msgspec
from msgspec.structs import replace

from raftcore.trace.fold import absorb, empty_view
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.numbers import number
from raftcore.vocabulary.spelling import brief

KEYFRAME_EVERY = 256
"""Events between two views that are kept: so many are folded at most to see any moment, in a long run as in a short one."""

_ENCODER = msgspec.msgpack.Encoder()


class Trace:
    """An append-only sequence of events, with the view of every moment.

    server_ids: those of the beginning. events: what is known already, as of a recorded run. A view is folded when it is asked for, from
    the nearest one that was kept: each event is folded once to get there, and a few again for each look back.
    """

    def __init__(self, server_ids: Iterable[ServerId], events: Iterable[Event] = ()) -> None:
        self.server_ids = tuple(server_ids)
        self._events: list[Event] = list(events)
        self._keyframes = [empty_view(self.server_ids)]  # after 0, 1, 2 … times KEYFRAME_EVERY events
        self._latest = 0, self._keyframes[0]  # how many events were folded, and the view after them; both at once, whatever breaks off
        self._folding = RLock()  # a screen and a cell may look at once
        self.say = self._events.append
        """Append an event. Its time is not before that of the last one."""

    def __reduce__(self) -> tuple[type["Trace"], tuple[tuple[ServerId, ...], list[Event]]]:
        """To another process goes what happened so far; views are folded again there."""
        return Trace, (self.server_ids, self._events[:])

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    @overload
    def __getitem__(self, position: int) -> Event: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Event]: ...
    def __getitem__(self, position: int | slice) -> Event | Sequence[Event]:
        return self._events[position]

    def subscribe(self, position: int = 0) -> "Subscription":
        """A reader that takes each event exactly once, beginning with the one at `position`."""
        return Subscription(self, position)

    # ---- the cluster at a moment

    @property
    def end_ms(self) -> float:
        """When the latest event happened, in simulated milliseconds; 0 before the first."""
        return self._events[-1].at_ms if self._events else 0.0

    def view(self) -> ClusterView:
        """The cluster after the last event."""
        return self.view_after(len(self._events))

    def view_at(self, at_ms: float) -> ClusterView:
        """The cluster at this moment, in simulated milliseconds, after all that happened then. ConfigError if it is no moment."""
        moment_ms = _moment(at_ms)
        return replace(self.view_after(self.position_at(moment_ms)), at_ms=moment_ms)

    def view_after(self, position: int) -> ClusterView:
        """The cluster after the first `position` events."""
        position = min(max(position, 0), len(self._events))
        with self._folding:
            self._fold_up_to(position)
            folded, latest = self._latest
            if position == folded:
                return latest
            kept = position // KEYFRAME_EVERY
            view = self._keyframes[kept]
            for event in self._events[kept * KEYFRAME_EVERY : position]:
                view = absorb(view, event)
            return view

    def position_at(self, at_ms: float) -> int:
        """How many events had happened by this moment. ConfigError if it is no moment."""
        return bisect_right(self._events, _moment(at_ms), key=_time)

    def position_before(self, at_ms: float) -> int:
        """How many events had happened before this moment."""
        return bisect_left(self._events, at_ms, key=_time)

    def _fold_up_to(self, position: int) -> None:
        folded, view = self._latest
        for event in self._events[folded:position]:
            view = absorb(view, event)
            folded += 1
            if folded % KEYFRAME_EVERY == 0:
                self._keyframes[folded // KEYFRAME_EVERY :] = [view]
                self._latest = folded, view
        self._latest = folded, view

    def to_bytes(self) -> bytes:
        """All events as MessagePack, one after the other: two runs are the same if and only if these are equal."""
        return b"".join(map(_ENCODER.encode, self._events))


def _moment(at_ms: float) -> float:
    moment_ms = number(at_ms)
    if moment_ms is None or not moment_ms >= 0:
        raise ConfigError(f"at_ms={brief(at_ms)} is no moment of a run; give simulated milliseconds since its start, 0 or more")
    return moment_ms


def _time(event: Event) -> float:
    return event.at_ms


class Subscription:
    """Where one reader of a trace stands: it has taken the first `position` events."""

    def __init__(self, trace: Trace, position: int) -> None:
        self._trace = trace
        self.position = position

    def take(self) -> Sequence[Event]:
        """The events that came since the last `take`."""
        events = self._trace[self.position :]
        self.position += len(events)
        return events
