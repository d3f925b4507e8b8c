"""Two runs side by side: where they first part."""

from collections.abc import Sequence

from msgspec import Struct

from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief

PORTION = 4_096


class Difference(Struct, frozen=True):
    """The first event in which two runs differ: the one at `position` of each trace; None where that run has ended.

    at_ms: when they part, in simulated milliseconds: the time of the earlier of the two.
    """

    position: int
    at_ms: float
    event_a: Event | None
    event_b: Event | None


def diff(run_a: Run, run_b: Run, since: int = 0) -> Difference | None:
    """Where two runs first differ; None where they are the same, event by event. Their first `since` events are known to be the same.

    Raises ConfigError where one of them is no run, or `since` no number of events.
    """
    require_run(run_a)
    require_run(run_b)
    first = whole(since)
    if first is None or first < 0:
        raise ConfigError(f"since={brief(since)} is no number of events; give a whole number, 0 or more")
    a, b = run_a.trace, run_b.trace
    for start in range(first, max(len(a), len(b)), PORTION):
        ours, theirs = a[start : start + PORTION], b[start : start + PORTION]
        if ours != theirs:
            return _difference(start, ours, theirs)
    return None


def _difference(start: int, ours: Sequence[Event], theirs: Sequence[Event]) -> Difference:
    same = next((count for count, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), min(len(ours), len(theirs)))
    event_a = ours[same] if same < len(ours) else None
    event_b = theirs[same] if same < len(theirs) else None
    return Difference(start + same, min(event.at_ms for event in (event_a, event_b) if event is not None), event_a, event_b)
