"""Files are written whole or not at all: whoever reads one finds the old text or the new, never a part, also after a power loss."""

import os
from collections.abc import Callable
from contextlib import suppress
from errno import EISDIR
from glob import escape
from pathlib import Path
from secrets import token_hex

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
    made = target.parent / f".{target.name}.{token_hex(8)}{_SUFFIX}"
    try:
        try:
            _save(target, made, write)
        finally:
            _remove(made)
    finally:
        _remove(made)  # an interrupt came just before the line above


def _save(target: Path, made: Path, write: Callable[[Path], object]) -> None:
    try:
        made.touch(exist_ok=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    _remove_left(target, made)
    write(made)
    with made.open("rb+") as file:
        os.fsync(file.fileno())
    made.replace(target)
    _sync_folder(target.parent)


def refuse_folder(path: Path) -> None:
    """Raise IsADirectoryError where a folder stands at a path that a file is to get."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))


def _remove(made: Path) -> None:
    with suppress(OSError):  # it is not there, or a later save removes it
        made.unlink()


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
