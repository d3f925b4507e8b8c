"""Files are written whole or not at all: whoever reads one finds the old text or the new, never a part, also after a power loss."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from errno import EISDIR
from glob import escape
from pathlib import Path

_SUFFIX = ".saving"
LEFT_AFTER_S = 3_600
"""No save takes so long: a file that is older was left by a process that was killed."""


def save_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, and put it in the place of `path` once it is complete and on the disk.

    Files that earlier saves to `path` left when they were killed are removed. Raises OSError that names `path`; what stood there before
    is still there then.
    """
    target = Path(path)
    refuse_folder(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    os.close(handle)
    made = Path(name)
    try:
        _remove_left(target, made)
        write(made)
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        made.chmod(0o666 & ~_umask())
        made.replace(target)
        _sync_folder(target.parent)
    finally:
        made.unlink(missing_ok=True)


def refuse_folder(path: Path) -> None:
    """Raise IsADirectoryError where a folder stands at a path that a file is to get."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))


def _remove_left(target: Path, made: Path) -> None:
    """Remove what killed saves to this target left; `made` says what time it is on that disk."""
    now_s = made.stat().st_mtime
    for left in target.parent.glob(f".{escape(target.name)}.*{_SUFFIX}"):
        with suppress(OSError):  # somebody else removes it too, or it is not ours
            if now_s - left.stat().st_mtime > LEFT_AFTER_S:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power loss. Windows has no such call: there it is the file system's affair."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """What the person lets nobody else do with new files; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
