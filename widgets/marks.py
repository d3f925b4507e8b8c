"""What stands out on the way from a run's beginning to its end: who was elected, who went down, and what was violated."""

from contextlib import suppress

from raftcore import Cluster
from raftcore.trace.run import Run
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.events import Crashed, Halted, RoleChanged
from raftcore.vocabulary.names import Role
from widgets.frame import Mark

MOST_MARKS = 200


class Marks:
    """The marks of a run, found as it goes on: each event is looked at once. Of very many, every other one is kept."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._position = 0
        self._kept: list[Mark] = []

    def follow(self) -> tuple[Mark, ...]:
        """All marks so far, violations last."""
        end = self.run.trace.position_at(self.run.now_ms)
        for event in self.run.trace[self._position : end]:
            if type(event) is RoleChanged and event.role is Role.LEADER:
                self._kept.append(Mark(event.at_ms, "election", f"{event.server} leads term {event.term}"))
            elif type(event) in (Crashed, Halted):
                self._kept.append(Mark(event.at_ms, "crash", f"{event.server} goes down"))  # type: ignore[attr-defined]  # both have one
        self._position = max(self._position, end)
        if len(self._kept) > MOST_MARKS:
            self._kept = self._kept[::2]
        return (*self._kept, *violations(self.run))


def violations(run: Run) -> tuple[Mark, ...]:
    """Where a property turned out not to hold; none where nothing is judged."""
    with suppress(ControlError):
        if isinstance(run, Cluster):
            return tuple(Mark(one.at_ms, "violation", f"{one.property} is violated") for one in run.violations)
    return ()
