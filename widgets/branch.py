"""The runs of a lab: a cluster, which lives on when it is played at its end, or a recording; and what was forked from it."""

from raftcore import diff
from raftcore.trace.diff import Difference
from raftcore.trace.run import Run
from widgets.checking import Checking
from widgets.frame import Line


class Branch:
    """A run in a lab. number: from 1. parent: the branch that it parted from at `at_ms`; None of the lab's first."""

    def __init__(self, number: int, run: Run, parent: "Branch | None" = None, at_ms: float = 0.0) -> None:
        self.number = number
        self.run = run
        self.parent = parent
        self.at_ms = at_ms
        self.checking = Checking(run)

    @property
    def line(self) -> Line:
        """What the screen shows of it."""
        return Line(self.number, self.parent.number if self.parent else None, self.at_ms, self.run.now_ms)

    @property
    def ancestry(self) -> "tuple[Branch, ...]":
        """The branch, the one that it parted from, and so on to the first."""
        return (self, *self.parent.ancestry) if self.parent else (self,)


class Parting:
    """Where two branches first differ. They go on while it is sought, and each time only what is new is compared."""

    def __init__(self, one: Branch, other: Branch) -> None:
        self.branches = (one, other)
        apart = set(one.ancestry) ^ set(other.ancestry)
        same_ms = min((branch.at_ms for branch in apart), default=0.0)
        self._same = one.run.trace.position_before(same_ms)
        self._found: Difference | None = None

    def find(self) -> Difference | None:
        """The first event in which they differ; None as long as one has only not come as far as the other."""
        if self._found is None:
            one, other = self.branches
            difference = diff(one.run, other.run, since=self._same)
            if difference is not None:
                self._same = difference.position
            if difference is not None and difference.event_a is not None and difference.event_b is not None:
                self._found = difference
        return self._found


# ---- from one moment to the next: a moment is a simulated time, with all that happened then


def moment_before(run: Run, at_ms: float) -> float:
    """The latest moment at which something that had happened by `at_ms` had not happened yet; 0 at the beginning."""
    happened = run.trace.position_at(at_ms)
    latest_ms = run.trace[happened - 1].at_ms if happened else 0.0
    before = run.trace.position_before(latest_ms)
    return run.trace[before - 1].at_ms if before else 0.0


def moment_after(run: Run, at_ms: float) -> float:
    """When something happened next; the run's end where nothing did."""
    happened = run.trace.position_at(at_ms)
    return min(run.trace[happened].at_ms, run.now_ms) if happened < len(run.trace) else run.now_ms
