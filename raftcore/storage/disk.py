"""What a server needs of a disk: named files that grow at their end, and a way to learn what is kept.

What was appended can be lost until a sync that began after it has said that it is done.
"""

from collections.abc import Callable
from typing import Protocol


class Disk(Protocol):
    """Append-only files by name. A file that was never appended to is empty."""

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not."""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file. A crash may lose them, or leave a part of them, until they are synced."""

    def truncate(self, name: str, length: int) -> None:
        """Cut the file to its first `length` bytes. The cut itself is kept at once, without a sync."""

    def sync(self, done: Callable[[], None]) -> None:
        """Call `done` once everything appended so far, to every file, is kept: before returning, or later.

        Syncs finish in the order in which they began. After a crash `done` is never called.
        """
