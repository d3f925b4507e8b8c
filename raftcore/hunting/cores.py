"""The same work for many seeds, on all cores. Results come in the order of the seeds, whichever core was faster."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

from raftcore.vocabulary.errors import ConfigError

Result = TypeVar("Result")

BATCH = 4
"""Seeds that a process takes at once: few, so that it soon hears that nobody waits any more."""


def count_cores(cores: int | None) -> int:
    """How many processes shall work: as many as there are cores where it is not said. Raises ConfigError."""
    if cores is not None and (type(cores) is not int or cores < 1):
        raise ConfigError(f"cores={cores!r} must be a whole number, 1 or more; None takes all there are")
    return cores or os.cpu_count() or 1


def in_order(work: Callable[[int], Result], seeds: Iterable[int], cores: int) -> Generator[Result, None, None]:
    """The result for each seed; with one core the work is done here. What `work` raises is raised here.

    Whoever stops to listen closes this, and no process is left behind.
    """
    if cores == 1:
        yield from map(work, seeds)
        return
    batches = _batches(seeds)
    pool = ProcessPoolExecutor(cores, get_context("spawn"), _leave_interrupts_to_the_parent)
    try:
        waiting: deque[Future[list[Result]]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_all, work, batch))
            if len(waiting) >= 2 * cores:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _batches(seeds: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(seeds)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


def _all(work: Callable[[int], Result], seeds: Iterable[int]) -> list[Result]:
    return [work(seed) for seed in seeds]


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; one of them is enough to end the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
