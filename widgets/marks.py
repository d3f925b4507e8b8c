"""What stands out on the way from a run's beginning to its end: who was elected, who went down, and what was violated."""

from collections.abc import Iterable

from raftcore.trace.run import Run
from raftcore.vocabulary.events import Crashed, Halted, RoleChanged
from raftcore.vocabulary.names import Role
from widgets.checking import Broken
from widgets.frame import Mark

MOST_MARKS = 200


class Marks:
    """The marks of a run, found as it goes on: each event is looked at once. Of very many, every other one is kept."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._position = 0
        self._kept: list[Mark] = []

    def follow(self, broken: Iterable[Broken] = ()) -> tuple[Mark, ...]:
        """All marks so far, and last what is known to be broken."""
        end = self.run.trace.position_at(self.run.now_ms)
        for event in self.run.trace[self._position : end]:
            if type(event) is RoleChanged and event.role is Role.LEADER:
                self._kept.append(Mark(event.at_ms, "election", f"{event.server} leads term {event.term}"))
            elif type(event) in (Crashed, Halted):
                self._kept.append(Mark(event.at_ms, "crash", f"{event.server} goes down"))  # type: ignore[attr-defined]  # both have one
        self._position = max(self._position, end)
        if len(self._kept) > MOST_MARKS:
            self._kept = self._kept[::2]
        return (*self._kept, *(Mark(it.violation.at_ms, "violation", f"{it.violation.property} is violated") for it in broken))
