"""The same work for many seeds, on all cores. Results come in the order of the seeds, whichever core was faster."""

import os
import pickle
import signal
import sys
import traceback
from collections import ChainMap, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import cache
from io import BytesIO
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from threading import Event, Lock, Thread
from types import CodeType, FrameType
from typing import ClassVar, Generic, TypeVar, cast

import cloudpickle

from raftcore.cluster.rule_budget import WATCHDOG
from raftcore.interrupts import Uninterrupted
from raftcore.vocabulary.errors import ConfigError, RuleError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.source_lines import CELLS, cells
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
    packed = BytesIO()
    try:
        _Pickler(packed).dump(work)
        return packed.getvalue()
    except Exception:  # noqa: BLE001  whatever it holds answers in its own way
        return None


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Keeps the name of the file that code was written in, which cloudpickle leaves out: else no mistake could be told with its line."""

    dispatch_table: ClassVar = ChainMap(
        {CodeType: lambda code: (_code_of_file, (code.co_filename, *cloudpickle.Pickler.dispatch_table[CodeType](code)))},
        cloudpickle.Pickler.dispatch_table,
    )


def _code_of_file(filename: str, make: Callable[..., CodeType], details: tuple[object, ...]) -> CodeType:
    return make(*details).replace(co_filename=filename)


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
    try:
        try:
            yield from _in_order(packed, seeds, cores, workers)
        finally:
            _end(workers)
    finally:
        _end(workers)  # an interrupt came just before the line above


def _in_order(
    packed: bytes, seeds: Iterable[int], cores: int, workers: "list[Worker[Result]]"
) -> Generator[tuple[int, Result], None, None]:
    """The same, by workers that are added to the list."""
    waiting: deque[Worker[Result]] = deque()
    for turn, batch in enumerate(_batches(seeds)):
        if turn < cores:
            with Uninterrupted():  # or nobody would know of the process
                workers.append(Worker(packed))
        workers[turn % cores].begin(batch)
        waiting.append(workers[turn % cores])
        if len(waiting) == AHEAD * cores:
            yield from waiting.popleft().results()
    for worker in waiting:
        yield from worker.results()


def _end(workers: "list[Worker[Result]]") -> None:
    with Uninterrupted():  # or some would be left, in a rule that never returns
        for worker in workers:
            worker.end()


def _batches(seeds: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(seeds)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


class Worker(Generic[Result]):
    """A process that does the work of one batch after the other. It sends each result at once, and in between that it lives."""

    def __init__(self, packed: bytes) -> None:
        vars(sys.modules["__main__"]).setdefault("__spec__", None)  # processes begin with a look at it, and a notebook's %reset removes it
        self._line, other_end = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(packed, other_end, cells()), daemon=True)
        self._process.start()
        self._batches: deque[tuple[int, ...]] = deque()
        self._began = False
        other_end.close()  # the worker alone has it now: when it ends, this end will know

    def begin(self, seeds: tuple[int, ...]) -> None:
        """Give it one more batch."""
        self._batches.append(seeds)
        with suppress(OSError):  # it has ended, as whoever waits for the results will hear
            self._line.send(seeds)

    def results(self) -> Iterator[tuple[int, Result]]:
        """What came of the oldest batch that was not asked for yet."""
        for seed in self._batches.popleft():
            result, error = self._next(seed)
            if error:
                raise error
            yield seed, cast(Result, result)

    def _next(self, seed: int) -> tuple[Result | None, Exception | None]:
        """The result of this seed, or why there is none."""
        silent_s = 0
        while True:
            try:
                if self._line.poll(HEARTBEAT_S):
                    silent_s, told = 0, self._line.recv()
                    self._began = True
                    if told is not None:
                        return cast("tuple[Result | None, Exception | None]", told)
            except (EOFError, OSError):
                self._process.join()
                return None, RuntimeError(self._how_it_ended(seed))
            silent_s += HEARTBEAT_S
            if self._began and silent_s > MOST_SILENT_S:
                self._process.kill()
                return None, RuntimeError(
                    f"seed {seed}: a process that worked for this one has not been heard of for {MOST_SILENT_S} s, and was ended: "
                    "a rule does something that Python can't interrupt, such as a search for a regular expression"
                )

    def _how_it_ended(self, seed: int) -> str:
        ended = f"a process that worked for this one ended with code {self._process.exitcode}"
        if not self._began:
            return f'{ended}; in a script, what lets processes work must stand below `if __name__ == "__main__":`'
        return f"seed {seed}: {ended}; a rule has ended it, or there was no memory left"

    def end(self) -> None:
        """End it at once: in a rule that never returns it would not hear a request."""
        self._process.terminate()
        self._process.join(HEARTBEAT_S)
        if self._process.is_alive():  # what holds the interpreter hears no signal that Python handles
            self._process.kill()
            self._process.join()
        self._line.close()


HEARTBEAT_S = 1
"""So often a worker says that it lives, and looks whether the process that it works for does."""

MOST_SILENT_S = 20
"""A worker that has not said so for so long never will: its interpreter is held by code that does not return."""


# ---- in the worker


def _serve(packed: bytes, line: Connection, names: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, _end_a_rule)  # Ctrl-C reaches every process of a terminal, and the first one ends the others
    CELLS.update(names)
    sending, working = Lock(), Event()
    Thread(target=_live_with_parent, args=(line, sending, working), daemon=True).start()
    with suppress(EOFError, OSError):  # that one has ended, and could not say so
        line.send(None)
        while True:
            for seed in line.recv():
                working.set()
                outcome = _outcome(packed, seed)
                working.clear()
                with sending:
                    line.send(outcome)


def _end_a_rule(_signal: int, _frame: FrameType | None) -> None:
    WATCHDOG.interrupt()


def _live_with_parent(line: Connection, sending: Lock, working: Event) -> None:
    """Say now and then that this process works, and end it with its parent, whatever it is doing."""
    parent = parent_process()
    assert parent
    with suppress(OSError):
        while parent.is_alive():
            parent.join(HEARTBEAT_S)
            if working.is_set():
                with sending:
                    line.send(None)
    os._exit(1)


@cache
def _unpacked(packed: bytes) -> Callable[[int], Result]:
    return cast("Callable[[int], Result]", pickle.loads(packed))  # noqa: S301  we packed it


def _outcome(packed: bytes, seed: int) -> tuple[Result | None, Exception | None]:
    """The result, or why there is none."""
    try:
        return _unpacked(packed)(seed), None
    except RuleError as error:
        return None, error
    except Exception as error:  # noqa: BLE001  it is raised where the results are waited for
        error.add_note(traceback.format_exc())
        return None, error
