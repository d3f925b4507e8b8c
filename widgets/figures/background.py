"""What went on in a run behind its clients' operations: who led when, and what was wrong when."""

from collections.abc import Iterable
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from raftcore.trace.run import Run
from raftcore.trace.stream import Trace
from raftcore.vocabulary.events import Crashed, Halted, RoleChanged
from raftcore.vocabulary.names import Role, ServerId, Term
from widgets.timeline_series import Fault, series_of


class Reign(Struct, frozen=True):
    """A server led a term from `begin_ms` to `end_ms`; the end is infinite while it still does."""

    begin_ms: float
    end_ms: float
    server: ServerId
    term: Term


class Background(Struct, frozen=True):
    """end_ms: of the run; 0 where there is none. lanes: those in one lane do not overlap, so two lanes are two leaders at once."""

    end_ms: float = 0.0
    faults: tuple[Fault, ...] = ()
    lanes: tuple[tuple[Reign, ...], ...] = ()
    trace: Trace | None = None

    def time_of(self, position: float) -> float:
        """When the event at this position of the trace happened; without a trace positions are all there is."""
        return self.trace[int(position)].at_ms if self.trace is not None else position


def background_of(run: Run) -> Background:
    """All who led and what was wrong, over the whole run."""
    reigns: list[Reign] = []
    leading: dict[ServerId, int] = {}
    for event in run.trace:
        if isinstance(event, RoleChanged | Crashed | Halted):
            _turn(reigns, leading, event)
    return Background(run.now_ms, tuple(series_of(run).faults.bands), _lanes(reigns), run.trace)


def _turn(reigns: list[Reign], leading: dict[ServerId, int], event: RoleChanged | Crashed | Halted) -> None:
    """End the server's reign, if it leads; begin another, if it is elected. leading: where the reigns stand that have not ended."""
    place = leading.pop(event.server, None)
    if place is not None:
        reigns[place] = replace(reigns[place], end_ms=event.at_ms)
    if isinstance(event, RoleChanged) and event.role is Role.LEADER:
        leading[event.server] = len(reigns)
        reigns.append(Reign(event.at_ms, inf, event.server, event.term))


def _lanes(reigns: Iterable[Reign]) -> tuple[tuple[Reign, ...], ...]:
    """The reigns, in the order in which they began, each in the first lane that is free."""
    lanes: list[list[Reign]] = []
    for reign in reigns:
        free = next((lane for lane in lanes if lane[-1].end_ms <= reign.begin_ms), None)
        if free is None:
            lanes.append([reign])
        else:
            free.append(reign)
    return tuple(map(tuple, lanes))
