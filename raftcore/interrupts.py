"""Holds back interrupts while work is done that must not be broken off half-way.

Python runs the handler of a signal between any two instructions of the main thread. What a handler raises there, such as the
KeyboardInterrupt of Ctrl-C or of a notebook's "interrupt", leaves behind a change that is half made. Exceptions that reach a thread by
other ways (MemoryError, PyThreadState_SetAsyncExc) can't be held back: what they would break needs a second line of defence.
"""

import _signal  # type: ignore[import-not-found]  # signal.signal makes an enum of each handler, which takes ten times as long
import sys
from collections.abc import Callable
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType
from typing import TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], object]

_NAMES = ("SIGALRM", "SIGBREAK", "SIGHUP", "SIGPROF", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGINT")
SIGNALS: tuple[int, ...] = tuple(getattr(_signal, name) for name in _NAMES if hasattr(_signal, name))
"""Those whose handlers usually raise something."""

PATIENCE_S = 1.0
"""After this, a repeated interrupt is obeyed at once: the work may never end."""

_holding: "Uninterrupted | None" = None


class Uninterrupted:
    """`with Uninterrupted(hurry): …` obeys an interrupt that arrives meanwhile when the block has ended.

    hurry: called when one arrives, to let the block end early. Signals interrupt the main thread only: in any other thread, and inside
    another such block, this does nothing.
    """

    __slots__ = ("_arrived", "_block", "_first_s", "_handlers", "_hurry")

    def __init__(self, hurry: Callable[[], object] | None = None) -> None:
        self._hurry = hurry
        self._handlers: dict[int, Handler] = {}
        self._arrived: dict[int, FrameType | None] = {}
        self._first_s = 0.0
        self._block: FrameType | None = None

    def __enter__(self) -> None:
        global _holding
        if current_thread() is not main_thread():
            return
        block = sys._getframe(1)  # noqa: SLF001  documented, if not for every Python
        if _holding is not None and _holding._encloses(block):  # noqa: SLF001
            return
        try:
            for number in SIGNALS:
                handler = _signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    _signal.signal(number, self._arrive)
            self._block, _holding = block, self
        except BaseException:
            self._restore()
            raise

    def __exit__(self, *_: object) -> None:
        global _holding  # noqa: PLW0603
        if self._block is None:
            return
        try:
            self._block = _holding = None
            self._restore()
        except BaseException:  # an interrupt came between two of them
            self._restore()
            raise
        finally:
            self._obey()

    def _encloses(self, frame: FrameType | None) -> bool:
        """Whether this frame is executed within the block; of a block whose `__exit__` was broken off, none is."""
        while frame is not None and frame is not self._block:
            frame = frame.f_back
        return frame is not None

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            _signal.signal(number, handler)

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        """Stands in for the handlers."""
        now_s = monotonic()
        if not self._encloses(frame) or (self._arrived and now_s - self._first_s >= PATIENCE_S):
            self._arrived.pop(number, None)
            self._handlers[number](number, frame)
            return
        if not self._arrived:
            self._first_s = now_s
        self._arrived[number] = frame
        if self._hurry is not None:
            self._hurry()

    def _obey(self) -> None:
        """Call the handler of each signal that arrived, whatever those before it raise."""
        if self._arrived:
            number, frame = self._arrived.popitem()
            try:
                self._handlers[number](number, frame)
            finally:
                self._obey()
