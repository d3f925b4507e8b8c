"""A fork while it is being made: its past is executed anew in portions, so that the lab lives on meanwhile and a person can stop it."""

import time
from typing import Any

from raftcore import Cluster
from raftcore.hunting.walk import Walk
from raftcore.trace.run import Run
from raftcore.vocabulary.errors import ControlError
from widgets.branch import Branch
from widgets.intents import Intent

PORTION_MS = 100.0
"""Of simulated time, between two looks at the real one."""


class Forking:
    """The fork of a branch at a moment. `cluster` is that fork: at time 0 at first, and ready once `go_on` says so.

    wish: what a person wants to be done in it then.
    """

    def __init__(self, origin: Branch, at_ms: float, wish: Intent | None = None) -> None:
        """Raises ControlError where no cluster can go on from this run, and UnknownRulesError where it can't be repeated."""
        self.origin = origin
        self.at_ms = at_ms
        self.wish = wish
        self.cluster = begun(origin.run, at_ms)

    def go_on(self, real_s: float = float("inf")) -> bool:
        """Execute the past for so many real seconds; whether all of it is."""
        end_s = time.monotonic() + real_s
        while True:
            self.cluster.run_to(min(self.cluster.now_ms + PORTION_MS, self.at_ms))
            if self.cluster.now_ms >= self.at_ms:
                return True
            if time.monotonic() >= end_s:
                return False

    @property
    def picture(self) -> dict[str, Any]:
        """How far it has come, as the screen shows it."""
        share = self.cluster.now_ms / self.at_ms if self.at_ms else 1.0
        return {
            "share": round(share, 2),
            "words": f"Forking at {self.at_ms:,.0f} ms: its past is executed again, {100 * share:.0f} % so far.",
        }


def cluster_of(run: Run) -> Cluster | None:
    """The cluster whose run it is, be it by way of its recording; None where the run comes from a file."""
    source = getattr(run, "source", run)
    return source if isinstance(source, Cluster) else None


def begun(run: Run, at_ms: float) -> Cluster:
    """The fork at its time 0."""
    if (cluster := cluster_of(run)) is not None:
        return cluster.begin_fork(at_ms)
    if isinstance(run, Walk):
        raise ControlError("a small world has no clock, so no cluster can go on from it; Walking(Walk(world, path)) goes on by hand")
    return Cluster.from_scenario(run.scenario.until(at_ms))
