"""The same work for many seeds, on all cores. Results come in the order of the seeds, whichever core was faster."""

import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Generic, TypeVar, cast

import cloudpickle

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief

Result = TypeVar("Result")

SPAWN = get_context("spawn")
"""Workers begin empty. A copy of this process could wait for ever, for a lock that a thread held which was not copied with it."""

BATCH = 4
"""Seeds that a worker is given at once."""

AHEAD = 8
"""Batches that each worker is given ahead, so that one that is fast seldom waits for one that is slow."""


def count_cores(cores: int | None) -> int:
    """How many processes shall work: as many as there are cores where it is not said. Raises ConfigError."""
    if cores is None:
        return os.cpu_count() or 1
    count = whole(cores)
    if count is None or count < 1:
        raise ConfigError(f"cores={brief(cores)} must be a whole number, 1 or more; None takes all there are")
    return count


def pack(work: object) -> bytes | None:
    """What `pickle.loads` makes the same of in another process, though it was written in a cell; None where it holds what can't travel."""
    try:
        return cast(bytes, cloudpickle.dumps(work))
    except Exception:  # noqa: BLE001  whatever it holds answers in its own way
        return None


def in_order(work: Callable[[int], Result], seeds: Iterable[int], cores: int) -> Generator[tuple[int, Result], None, None]:
    """Each seed and its result; the work is done here with one core, and where `work` can't be packed. What it raises is raised here.

    Whoever stops to listen closes this, and no process is left behind, whatever it was doing.
    """
    packed = pack(work) if cores > 1 else None
    if packed is None:
        for seed in seeds:
            yield seed, work(seed)
        return
    workers: list[Worker[Result]] = []
    waiting: deque[Worker[Result]] = deque()
    try:
        for turn, batch in enumerate(_batches(seeds)):
            if turn < cores:
                workers.append(Worker(packed))
            workers[turn % cores].begin(batch)
            waiting.append(workers[turn % cores])
            if len(waiting) == AHEAD * cores:
                yield from waiting.popleft().results()
        for worker in waiting:
            yield from worker.results()
    finally:
        for worker in workers:
            worker.end()


def _batches(seeds: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(seeds)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


class Worker(Generic[Result]):
    """A process that does the work of one batch after the other."""

    def __init__(self, packed: bytes) -> None:
        vars(sys.modules["__main__"]).setdefault("__spec__", None)  # processes begin with a look at it, and a notebook's %reset removes it
        self._line, other_end = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(packed, other_end), daemon=True)
        self._process.start()
        other_end.close()  # the worker alone has it now: when it ends, this end will know

    def begin(self, seeds: tuple[int, ...]) -> None:
        """Give it one more batch."""
        with suppress(OSError):  # it has ended, as whoever waits for the results will hear
            self._line.send(seeds)

    def results(self) -> Iterator[tuple[int, Result]]:
        """What came of the oldest batch that was not asked for yet."""
        try:
            results, error = self._line.recv()
        except (EOFError, OSError):
            self._process.join()
            raise RuntimeError(
                f"a process that worked for this one ended with code {self._process.exitcode}; "
                'in a script, what lets processes work must stand below `if __name__ == "__main__":`'
            ) from None
        yield from results
        if error:
            raise error

    def end(self) -> None:
        """End it at once: in a rule that never returns it would not hear a request."""
        self._process.terminate()
        self._process.join()
        self._line.close()


def _serve(packed: bytes, line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal, and the first one ends the others
    with suppress(EOFError, OSError):  # that one has ended, and could not say so
        while True:
            line.send(_outcome(packed, line.recv()))


@cache
def _unpacked(packed: bytes) -> Callable[[int], Result]:
    return cast("Callable[[int], Result]", pickle.loads(packed))  # noqa: S301  we packed it


def _outcome(packed: bytes, seeds: tuple[int, ...]) -> tuple[list[tuple[int, Result]], Exception | None]:
    """The results, up to the first that could not be, and why it could not."""
    results: list[tuple[int, Result]] = []
    try:
        work = _unpacked(packed)
        for seed in seeds:
            results.append((seed, work(seed)))  # noqa: PERF401  those before an error are kept
    except Exception as error:  # noqa: BLE001  it is raised where the results are waited for
        error.add_note(traceback.format_exc())
        return results, error
    return results, None
