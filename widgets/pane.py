"""Screens that show one run, and what each of their frames tells: where the run stands at the moment, and what is new."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, cast

from msgspec.structs import replace

from raftcore import Cluster
from raftcore.trace.run import Run
from raftcore.vocabulary.events import AnyEvent
from widgets.branch import Branch
from widgets.checking import Checked, Checking
from widgets.frame import Frame, changed_keys

MOST_EVENTS = 4_000
"""That a frame tells of. Where more is new, or less than before, the frame is a leap: what it costs does not depend on how far."""


class Screen(Protocol):
    """Something that shows frames. `watched` is False once a person has closed its last view."""

    @property
    def watched(self) -> bool: ...
    def show(self, frame: Frame) -> None: ...


class Pane:
    """Paints one run, at whatever moment it is asked to, for its screens."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.screens: list[Screen] = []
        self._checking = Checking(branch.run)
        self._frame = Frame(view=branch.run.trace.view_after(0))
        self._turned = True  # to another run, of which no frame has told

    @property
    def run(self) -> Run:
        """What is shown."""
        return self.branch.run

    @property
    def cluster(self) -> Cluster | None:
        """The run, if it can go on from its end."""
        return self.run if isinstance(self.run, Cluster) else None

    def turn_to(self, branch: Branch) -> None:
        """Show another run from now on."""
        self.branch, self._turned = branch, True
        self._checking = Checking(branch.run)

    def shown_ms(self, moment: float | None) -> float:
        """The time that is shown when the lab looks at `moment`: its end where the run has not come so far, and where it is None."""
        return self.run.now_ms if moment is None else min(moment, self.run.now_ms)

    def sight(self, moment: float) -> tuple[object, ...]:
        """What a picture depends on: two that are equal need no second picture."""
        at_ms = self.shown_ms(moment)
        return self.branch.number, at_ms, self.run.trace.position_at(at_ms), self.run.now_ms

    def checked(self, moment: float | None, still: bool) -> Checked:
        """What is known by this moment of whether the run is right; of its clients' history only while time stands `still`."""
        return self._checking.at(self.run.trace.position_at(self.shown_ms(moment)), still)

    def paint(self, moment: float, said: Mapping[str, Any], guard: Callable[[Callable[[], None]], None]) -> None:
        """Show the run at this moment on all screens that somebody may see; `guard` keeps one screen's mistake from the others."""
        self._frame = self._next_frame(moment, said)
        for screen in self.screens:
            if screen.watched:
                guard(partial(screen.show, self._frame))

    def attach(self, screen: Screen) -> None:
        """Show the latest picture on this screen too, and from now on all. To it alone, what happened before is new."""
        screen.show(replace(self._frame, events=self._latest(self._frame.position), changed_keys=None))
        self.screens.append(screen)

    def _next_frame(self, moment: float, said: Mapping[str, Any]) -> Frame:
        """`said` are the fields that concern the whole lab."""
        at_ms = self.shown_ms(moment)
        position = self.run.trace.position_at(at_ms)
        before = self._frame
        leap = self._turned or not 0 <= position - before.position <= MOST_EVENTS
        events = self._latest(position) if leap else tuple(self.run.trace[before.position : position])
        self._turned = False
        return Frame(
            view=replace(self.run.trace.view_after(position), at_ms=at_ms),
            config=self.run.config,
            run=self.branch.number,
            end_ms=self.run.now_ms,
            past=at_ms < self.run.now_ms,
            lives=self.cluster is not None,
            events=cast("tuple[AnyEvent, ...]", events),
            position=position,
            checked=self._checking.at(position, still=not said.get("playing")),
            jump=before.jump + leap,
            number=before.number + 1,
            changed_keys=None if leap else changed_keys(events),
            **said,
        )

    def _latest(self, position: int) -> tuple[AnyEvent, ...]:
        return cast("tuple[AnyEvent, ...]", tuple(self.run.trace[max(0, position - MOST_EVENTS) : position]))
