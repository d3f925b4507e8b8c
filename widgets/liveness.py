"""Whether a run has come to what it must come to by a moment: servers that agree, and clients that are answered."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from raftcore.checks.convergence import Lack, longest_wait_ms
from raftcore.checks.overdue import LOOKS, overdue
from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.actions import Submit
from raftcore.vocabulary.events import Acted, Event, Halted

KEPT = 4 * LOOKS
"""Views of the past that are kept, so that one picture after the other need not make them anew."""


class Liveness:
    """Follows what is done to a run. Of its events it keeps only when that was, as the scenario does."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._done_ms: list[float] = []  # when something was done to the run, or a server stopped by itself
        self._views: dict[float, ClusterView] = {}

    def absorb(self, events: Sequence[Event]) -> None:
        """Take in what happened next."""
        for event in events:
            kind = type(event)
            if (kind is Acted and type(event.action) is not Submit) or kind is Halted:  # type: ignore[attr-defined]  # Acted has an action
                self._done_ms.append(event.at_ms)

    def at(self, view: ClusterView) -> Lack | None:
        """What must have come to be by the moment of this view, and has not; None where nothing is missing."""
        before = bisect_right(self._done_ms, view.at_ms)
        since_ms = self._done_ms[before - 1] if before else 0.0
        config = self._run.config
        step_ms = longest_wait_ms(config) / LOOKS
        return overdue(view, since_ms, config, partial(self._past, step_ms))

    def _past(self, step_ms: float, at_ms: float) -> ClusterView:
        """The view of a moment, to the step before."""
        moment_ms = max(at_ms, 0.0) // step_ms * step_ms
        if moment_ms not in self._views:
            while len(self._views) >= KEPT:
                del self._views[next(iter(self._views))]
            trace = self._run.trace
            self._views[moment_ms] = replace(trace.view_after(trace.position_at(moment_ms)), at_ms=moment_ms)
        return self._views[moment_ms]
