"""A disk in simulated time, which a crash leaves as a crash leaves a real one.

Only what had been appended when a sync began is kept when it ends. A crash loses the rest, or leaves a torn piece of it.
"""

from collections import deque
from collections.abc import Callable
from random import Random

TORN_WRITE = 0.5
"""Probability that a crash leaves a piece of the first write that was not kept."""


class _File:
    """One file: its bytes, how many of them are kept, and the number and end of each append that isn't kept yet."""

    __slots__ = ("content", "kept", "unsynced")

    def __init__(self) -> None:
        self.content = bytearray()
        self.kept = 0
        self.unsynced: deque[tuple[int, int]] = deque()

    def append(self, number: int, data: bytes) -> None:
        self.content += data
        self.unsynced.append((number, len(self.content)))

    def keep(self, number: int) -> None:
        """Let every append up to this one survive a crash."""
        while self.unsynced and self.unsynced[0][0] <= number:
            self.kept = self.unsynced.popleft()[1]

    def cut(self, length: int) -> None:
        """Forget every byte after the first `length`."""
        del self.content[length:]
        self.kept = min(self.kept, length)
        while self.unsynced and self.unsynced[-1][1] > length:
            number, _ = self.unsynced.pop()
            begin = self.unsynced[-1][1] if self.unsynced else self.kept
            if begin < length:
                self.unsynced.append((number, length))

    def crash(self, random: Random) -> None:
        """Lose what isn't kept, but perhaps for a piece of the first append: never all of it."""
        if not self.unsynced:
            return
        _, first_end = self.unsynced[0]
        torn_bytes = random.randrange(first_end - self.kept) if random.random() < TORN_WRITE else 0
        self.kept += torn_bytes
        self.unsynced.clear()
        del self.content[self.kept :]


class SimDisk:
    """A Disk whose syncs take `sync_ms` simulated milliseconds; with 0 they are done at once.

    `call_after(delay_ms, function)` is the simulated clock's: it calls the function after that time.
    """

    def __init__(self, call_after: Callable[[float, Callable[[], None]], None], sync_ms: float) -> None:
        self.call_after = call_after
        self.sync_ms = sync_ms
        self.files: dict[str, _File] = {}
        self.appends = 0
        self.crashes = 0

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not."""
        file = self.files.get(name)
        return bytes(file.content) if file else b""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file; a crash loses them until they are synced."""
        if not data:
            return
        file = self.files.get(name)
        if file is None:
            file = self.files[name] = _File()
        self.appends += 1
        file.append(self.appends, data)

    def truncate(self, name: str, length: int) -> None:
        """Cut the file to its first `length` bytes, at once and for good."""
        if file := self.files.get(name):
            file.cut(length)

    def sync(self, done: Callable[[], None]) -> None:
        """Call `done` once everything appended so far is kept; never, if the disk crashes before."""
        # Appends are told apart by number, not by length: after a cut, later ones stand where earlier ones stood.
        last_append = self.appends
        crashes = self.crashes

        def finish() -> None:
            if crashes != self.crashes:
                return
            for file in self.files.values():
                file.keep(last_append)
            done()

        if self.sync_ms == 0:
            finish()
        else:
            self.call_after(self.sync_ms, finish)

    def crash(self, random: Random) -> None:
        """Lose every byte that isn't kept, and every sync under way; a torn piece of a lost write may stay in each file."""
        self.crashes += 1
        for file in self.files.values():
            file.crash(random)
