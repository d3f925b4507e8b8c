"""Simulated time: one queue of what is to happen, in order of time, and of planning where times are equal."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any, TypeVar

T = TypeVar("T")

NEVER = (inf, 0, print, None)
"""The end of every queue, so that there is always a next thing."""


class VirtualClock:
    """A clock that jumps from one event to the next. `now_ms` is in simulated milliseconds since the start of the run."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.queue: list[tuple[float, int, Callable[[Any], None], Any]] = [NEVER]
        self._turns: list[list[Any]] = []  # what may still happen in this `run`
        self.planned = 0  # how many things; where times are equal, what was planned first comes first

    def call_at(self, at_ms: float, act: Callable[[T], None], subject: T) -> None:
        """Let `act(subject)` happen at `at_ms`, which is not before now."""
        self.planned += 1
        heappush(self.queue, (at_ms, self.planned, act, subject))

    def call_after(self, delay_ms: float, act: Callable[[T], None], subject: T) -> None:
        """Let `act(subject)` happen in `delay_ms`."""
        self.call_at(self.now_ms + delay_ms, act, subject)

    @property
    def next_ms(self) -> float:
        """When the next thing happens; infinity if nothing is planned."""
        return self.queue[0][0]

    def run(self, until_ms: float, limit: int) -> bool:
        """Let at most `limit` things happen, up to and including `until_ms`, a finite time; whether that time has been reached."""
        queue = self.queue
        self._turns = turns = [queue] * limit
        for due in map(heappop, turns):
            if due[0] > until_ms:
                heappush(queue, due)
                return True
            self.now_ms, _, act, subject = due
            act(subject)
        return False

    def stop(self) -> None:
        """Let `run` end, as if its limit were reached, after the thing that happens now. A signal's handler may call this."""
        self._turns.clear()
