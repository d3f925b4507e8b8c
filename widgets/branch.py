"""The runs of a lab: a cluster, which lives on when it is played at its end, or a recording; and what was forked from it."""

from msgspec import Struct

from raftcore import Cluster
from raftcore.trace.run import Run


class Branch(Struct, frozen=True, eq=False):
    """A run in a lab. number: from 1. parent: the branch that it parted from at `at_ms`; None of the lab's first."""

    number: int
    run: Run
    parent: "Branch | None" = None
    at_ms: float = 0.0

    @property
    def name(self) -> str:
        """What the screen calls it."""
        return f"fork {self.number}" if self.parent else "run 1"


def fork(run: Run, at_ms: float) -> Cluster:
    """A cluster with the same past up to this moment, which goes on from there. Raises UnknownRulesError if that can't be repeated."""
    if isinstance(run, Cluster):
        return run.fork(at_ms)
    cluster = Cluster.from_scenario(run.scenario.until(at_ms))
    cluster.run_to(at_ms)
    return cluster


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
