"""What a server needs of a disk: named files that grow at their end, and a way to learn what is kept.

A crash of the process loses nothing that was written: the operating system still has it. A power failure keeps for certain only what a
sync has reported as kept. Of the rest it may keep anything: all of it, nothing, some sectors and not those before them, one file and not
another. Only files come and go in order: where one change of the directory is kept, so are those before it, as in the journals of ext4,
XFS and APFS.
"""

from collections.abc import Callable
from typing import Protocol


class Disk(Protocol):
    """Append-only files by name. A file that was never appended to does not exist, and reads as empty."""

    def names(self) -> list[str]:
        """Every file there is, in no particular order: appended to, and not removed."""

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not. Raises DiskReadError where the disk can't read it."""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file, and create it where it does not exist.

        Until a sync has kept them a power failure may lose the bytes, some of their sectors, or the file itself.
        Raises DiskFullError where they do not fit, and then has written none of them.
        """

    def remove(self, name: str) -> None:
        """Remove the file. Until a sync has kept the removal, a power failure may bring it back. One that does not exist is ignored."""

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once everything done so far is kept, in every file and in the directory: before returning, or later.

        So on a file system this is an fsync of each file written and of the directory. `done(False)` says that some of it is lost for good,
        though it can perhaps still be read: the pages count as clean, so a later sync keeps none of it and reports no error
        (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). Only writing it again keeps it.
        Syncs may overlap; one that fails takes those under way with it. After a crash `done` is never called.
        """
