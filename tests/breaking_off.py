"""Breaks off a piece of work at a chosen line of ours, as a signal or an exception does that comes from outside.

A line is where Python runs the handlers of signals at the earliest; so every moment at which a person may interrupt can be tried, and each
test does the same every time.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

OURS = tuple(str(Path(__file__).parents[1] / room) for room in ("raftcore", "widgets"))


@contextmanager
def at_line(count: int, act: Callable[[], None]) -> Iterator[None]:
    """Do this before the `count`-th line of ours that the block executes in this thread; what it raises is raised there."""
    left = count

    def look(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                act()
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of ours this executes."""
    count = 0

    def look(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        count += event == "line"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def interrupt() -> None:
    """What Ctrl-C and a notebook's interrupt do."""
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    """What memory that is exhausted does."""
    raise MemoryError


@contextmanager
def handler(number: int, act: Callable[..., object]) -> Iterator[None]:
    """Let this handle a signal."""
    before = signal.signal(number, act)
    try:
        yield
    finally:
        signal.signal(number, before)
