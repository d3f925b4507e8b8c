"""The stream of events: everything that happened in a run, in order. Screens, tables and checks read it and nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import msgspec

from raftcore.trace.fold import absorb, empty_view
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import ServerId

_ENCODER = msgspec.msgpack.Encoder()


class Trace:
    """An append-only sequence of events, with the view of the latest moment.

    The view is folded when it is asked for, from where it was last asked: each event is folded once.
    """

    def __init__(self, server_ids: Iterable[ServerId]) -> None:
        self._events: list[Event] = []
        self._view = empty_view(server_ids)
        self._unfolded = self.subscribe()
        self.say = self._events.append
        """Append an event. Its time is not before that of the last one."""

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

    def view(self) -> ClusterView:
        """The cluster after the last event."""
        for event in self._unfolded.take():
            self._view = absorb(self._view, event)
        return self._view

    def to_bytes(self) -> bytes:
        """All events as MessagePack, one after the other: two runs are the same if and only if these are equal."""
        return b"".join(map(_ENCODER.encode, self._events))


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
