"""How far a search is, on the screen of whoever waits for it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from raftcore.hunting.stopwatch import Stopwatch

WATCHED_S = 0.1
"""So long a word is to be seen, where the next one takes its place."""

LOGGED_S = 10.0
"""So long nothing is said, where every line stays."""

WIDTH = 78


class Progress:
    """Words of which each takes the place of the one before, where somebody looks on; elsewhere, as in a log, a line now and then.

    last: the last word, whether it was shown or not.
    """

    def __init__(self, stream: TextIO) -> None:
        self.last = "nothing is done yet"
        self._stream = stream
        self._watched = stream.isatty() or hasattr(sys, "ps1")  # a notebook is no terminal, but as interactive as one
        self._pause_s = WATCHED_S if self._watched else LOGGED_S
        self._watch = Stopwatch()
        self._due_s = 0.0 if self._watched else LOGGED_S

    def __call__(self, word: str) -> None:
        self.last = word
        if self._watch.seconds >= self._due_s:
            self._due_s = self._watch.seconds + self._pause_s
            self._write(f"\r{word:{WIDTH}.{WIDTH}}\r" if self._watched else f"{word}\n")

    def clear(self) -> None:
        """Make room for a line that is to stay."""
        if self._watched:
            self._write(f"\r{'':{WIDTH}}\r")

    def leave(self) -> None:
        """Let the last word stay, whole."""
        if self._watched:
            self._write(f"\r{self.last:{WIDTH}}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@contextmanager
def told(on_progress: Callable[[str], object] | None) -> Iterator[Callable[[str], object]]:
    """Who is to be told how far it is: where nobody is named, whoever looks at the screen."""
    if on_progress:
        yield on_progress
        return
    progress = Progress(sys.stdout)
    try:
        yield progress
    finally:
        progress.leave()
