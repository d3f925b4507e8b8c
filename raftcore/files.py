"""Files are written whole or not at all: whoever reads one finds the old text or the new, never a part."""

import os
import tempfile
from collections.abc import Callable
from errno import EISDIR
from pathlib import Path


def save_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, and put it in the place of `path` once it is complete and on the disk.

    Raises OSError that names `path`; what stood there before is still there then.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(target))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    os.close(handle)
    made = Path(name)
    try:
        write(made)
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        made.chmod(0o666 & ~_umask())
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)


def _umask() -> int:
    """What the person lets nobody else do with new files; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
