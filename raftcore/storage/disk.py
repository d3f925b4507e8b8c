"""What a server needs of a disk: named files that grow at their end, and a way to learn what is kept.

What was appended can be lost until a sync that began after it has said that it is kept.
"""

from collections.abc import Callable
from typing import Protocol


class Disk(Protocol):
    """Append-only files by name. A file that was never appended to is empty."""

    def names(self) -> list[str]:
        """Every file there is, in no particular order: appended to, and not removed."""

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not."""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file. A crash may lose them, or leave a part of them, until they are synced; the file itself
        is there from its first append until it is removed.

        Raises DiskFullError where they do not fit, and then has written none of them.
        """

    def truncate(self, name: str, length: int) -> None:
        """Cut the file to its first `length` bytes. The cut itself is kept at once, without a sync."""

    def remove(self, name: str) -> None:
        """Let the file be no more, at once and for good, without a sync. One that is not there is removed already."""

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once everything appended so far, to every file, is kept: before returning, or later.

        `done(False)` says that some of it is lost for good, though it can perhaps still be read: no later sync will keep it, nor
        report it again (Rebello et al., "Can applications recover from fsync failures?", 2020). Syncs may overlap; one that fails
        takes those under way with it. After a crash `done` is never called.
        """
