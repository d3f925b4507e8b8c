"""What a benchmark gives back, and how two loads are compared fairly."""

import importlib
import time
from collections.abc import Callable
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table. `ratio` is None where there is nothing to compare with; `met` where there is no target."""

    name: str
    ours: str
    theirs: str
    ratio: float | None
    target: str
    met: bool | None


def figures_of(name: str) -> list[Figure]:
    """The lines of one benchmark."""
    figures: list[Figure] = importlib.import_module(f"bench.{name}").figures()
    return figures


def rate(work: Callable[[], int]) -> float:
    """Things a second of this process's own processor time."""
    start = time.process_time()
    done = work()
    return done / (time.process_time() - start)


def best_of(rounds: int, *works: Callable[[], float]) -> list[float]:
    """The best result of each, taken in turns: on a shared machine noise only ever slows down, and it hits all alike."""
    best = [0.0] * len(works)
    for _ in range(rounds):
        best = [max(old, work()) for old, work in zip(best, works, strict=True)]
    return best
