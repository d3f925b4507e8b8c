"""Screens that show one run, and what each of their frames tells: where the run stands at the moment, and what is new."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, cast

from msgspec import Struct
from msgspec.structs import replace

from raftcore import Cluster
from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import AnyEvent
from widgets.branch import Branch
from widgets.checking import Checked
from widgets.frame import Frame, changed_keys

MOST_EVENTS = 4_000
"""That a frame tells of. Where more is new, or less than before, the frame is a leap: what it costs does not depend on how far."""


class Screen(Protocol):
    """Something that shows frames. `watched` is False once a person has closed its last view."""

    @property
    def watched(self) -> bool: ...
    def show(self, frame: Frame) -> None: ...


class Plot(Protocol):
    """Something that draws the course of events, more slowly."""

    def refresh(self, run: Run, at_ms: float) -> None: ...


class Sight(Struct, frozen=True):
    """What is to be seen at a moment: two that are equal need no second picture.

    at_ms: the moment. position: how many events had happened by then. end_ms: how far the run has come.
    """

    branch: Branch
    at_ms: float
    position: int
    end_ms: float

    @property
    def view(self) -> ClusterView:
        """The run at this moment."""
        return replace(self.branch.run.trace.view_after(self.position), at_ms=self.at_ms)

    def checked(self, still: bool) -> Checked:
        """What is known by this moment of whether the run is right; of its clients' history only while time stands `still`."""
        return self.branch.checking.at(self.position, still)


class Pane:
    """Paints one run, at whatever moment it is asked to, for its screens."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        """Another one, once a person has chosen it. A thread that needs it twice asks once: a `sight` is of one branch."""
        self.screens: list[Screen] = []
        self._frame = Frame(view=branch.run.trace.view_after(0))
        self._told: Branch | None = None  # by the latest frame

    @property
    def run(self) -> Run:
        """What is shown."""
        return self.branch.run

    @property
    def cluster(self) -> Cluster | None:
        """The run, if it can go on from its end."""
        run = self.run
        return run if isinstance(run, Cluster) else None

    def sight(self, moment: float | None) -> Sight:
        """What is shown when the lab looks at `moment`: the run's end where it has not come so far, and where it is None."""
        branch = self.branch
        end_ms = branch.run.now_ms
        at_ms = end_ms if moment is None else min(moment, end_ms)
        return Sight(branch, at_ms, branch.run.trace.position_at(at_ms), end_ms)

    def paint(self, sight: Sight, said: Mapping[str, Any], guard: Callable[[Callable[[], None]], None]) -> None:
        """Show this on all screens that somebody may see; `guard` keeps one screen's mistake from the others."""
        self._frame = self._next_frame(sight, said)
        for screen in self.screens:
            if screen.watched:
                guard(partial(screen.show, self._frame))

    def attach(self, screen: Screen) -> None:
        """Show the latest picture on this screen too, and from now on all. To it alone, what happened before is new."""
        frame = self._frame
        events = frame.events if self._told is None else latest(self._told.run, frame.position)
        screen.show(replace(frame, events=events, changed_keys=None))
        self.screens.append(screen)

    def _next_frame(self, sight: Sight, said: Mapping[str, Any]) -> Frame:
        """`said` are the fields that concern the whole lab."""
        branch, position, before = sight.branch, sight.position, self._frame
        leap = branch is not self._told or not 0 <= position - before.position <= MOST_EVENTS
        events = latest(branch.run, position) if leap else tuple(branch.run.trace[before.position : position])
        view = sight.view
        frame = Frame(
            view=view,
            config=branch.run.config,
            run=branch.number,
            end_ms=sight.end_ms,
            past=sight.at_ms < sight.end_ms,
            lives=isinstance(branch.run, Cluster),
            events=cast("tuple[AnyEvent, ...]", events),
            position=position,
            checked=branch.checking.at(position, not said.get("playing"), view),
            jump=before.jump + leap,
            number=before.number + 1,
            changed_keys=None if leap else changed_keys(events),
            **said,
        )
        self._told = branch
        return frame


def latest(run: Run, position: int) -> tuple[AnyEvent, ...]:
    """The latest of a run's first so many events."""
    return cast("tuple[AnyEvent, ...]", tuple(run.trace[max(0, position - MOST_EVENTS) : position]))
