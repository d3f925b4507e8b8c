"""A recording that is written while the run goes on, so that a crash of the process loses no more than the last moment.

Parquet's end says where everything stands, and comes last. So what is written meanwhile is a file of frames, each with a small Parquet file
of what came since the one before, its length and its checksum. It stands beside the path, as `run.parquet.part`, until it is whole.
The head of a frame has a checksum of its own: a wrong length would make the frame look as if the process had ended while it wrote it.
"""

import atexit
import logging
import struct
import warnings
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, Self
from zlib import crc32

import pyarrow as pa
from msgspec.structs import replace

from raftcore.files import refuse_folder
from raftcore.interrupts import Uninterrupted
from raftcore.recording.file import Header, from_parquet
from raftcore.recording.rows import Rows
from raftcore.recording.validation import check_columns, naming_damage
from raftcore.vocabulary.errors import FileError

if TYPE_CHECKING:
    from raftcore.recording.recording import Recording

_LOG = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.5
"""Half of what a crash may cost, since the portion at hand takes a moment too; a run at full speed waits for that."""

BEHIND = "The run goes on in memory only, and is written as soon as that is possible again"

MARK = b"RAFTLAB>"
PART = ".part"
_HEAD = struct.Struct("<8sQII")
_CHECKED_BYTES = _HEAD.size - 4


def part_of(path: str | Path) -> Path:
    """Where a recording stands until it is whole."""
    return Path(f"{path}{PART}")


class Stream:
    """Writes a recording until it is closed, in a thread of its own, whether the run goes on or not.

    `with run.stream_to(path): …` closes it at the end, and so does a process that ends as it should. Where nothing can be written, a
    warning says so once; what was written stays, and what comes meanwhile is written as soon as that is possible again.
    trouble: why the file is behind; None while it is not. Errors that are not the disk's are logged with their traceback.
    """

    def __init__(self, recording: "Recording", path: str | Path) -> None:
        self.path = Path(path)
        refuse_folder(self.path)  # or the recording could not be put there at the end
        self.part = part_of(path)
        self._recording = recording
        self.trouble: Exception | None = None
        self._position = 0
        self._lock = Lock()
        self._closing = Flag()
        try:
            self._file = self.part.open("xb", buffering=0)
        except FileExistsError:
            raise FileError(f"{self.part} is there already: {_what_to_do_with(self.part)}") from None
        self.flush()
        self._thread = Thread(target=self._keep_flushing, name=f"recording to {self.path.name}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def flush(self) -> None:
        """Write what came since the last time. Raises OSError."""
        with self._lock:
            if self._file.closed:
                return
            portion = self._recording.portion(self._position)
            with Uninterrupted():  # or it would be written again
                self._append(_head(portion.data) + portion.data)
                self._position += portion.events

    def _append(self, frame: bytes) -> None:
        """Write a frame, whole or not at all: behind half a one nothing could be found."""
        start, left = self._file.tell(), memoryview(frame)
        try:
            while left:
                left = left[self._file.write(left) :]
        except BaseException:  # also where somebody interrupts
            self._file.seek(start)
            self._file.truncate()
            raise

    def close(self) -> None:
        """Put one Parquet file at the path, whole or not at all, and remove the frames.

        Raises OSError. The frames stay then, and `close` can be tried again.
        """
        self._closing.set()
        self._thread.join()
        with self._lock:
            if self._file.closed:
                return
            self._recording.save(self.path)
            with Uninterrupted():
                self._file.close()
                self.part.unlink()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep_flushing(self) -> None:
        while not self._closing.wait(FLUSH_EVERY_S):
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001  # a thread that ended would write nothing more, and nobody would know
                self._tell(error)
            else:
                self.trouble = None

    def _tell(self, error: Exception) -> None:
        """Say that the file is behind, once until it is not any more."""
        first, self.trouble = self.trouble is None, error
        if not first:
            return
        if not isinstance(error, OSError):
            _LOG.error("%s can't be written", self.part, exc_info=error)
        said = error if isinstance(error, OSError) else repr(error)
        with suppress(RuntimeWarning):  # where warnings are errors, nobody could catch this one
            warnings.warn(f"{self.part} can't be written: {said}. {BEHIND}", RuntimeWarning, stacklevel=1)


def _head(data: bytes) -> bytes:
    """What stands before the data of a frame: a mark, their length, their checksum, and the checksum of these three."""
    parts = MARK, len(data), crc32(data)
    return _HEAD.pack(*parts, crc32(_HEAD.pack(*parts, 0)[:_CHECKED_BYTES]))


def _what_to_do_with(part: Path) -> str:
    with part.open("rb") as file:
        head = file.read(_HEAD.size)
    if len(head) < _HEAD.size and is_part(head, part.name):
        return "a recording that broke off before anything was written, or begins just now. If it is not just beginning, remove it"
    save = f"Recording.load({str(part)!r}).save(…)"
    return f"a recording that was broken off, or still goes on. Save what it holds, {save}, and remove it"


class Portion(NamedTuple):
    """A piece of a recording as the bytes of a Parquet file, and how many events it holds."""

    data: bytes
    events: int


def is_part(data: bytes, name: str) -> bool:
    """Whether these bytes are frames, or where the name says so the beginning of one."""
    return data.startswith(MARK) or (name.endswith(PART) and MARK.startswith(data))


def from_frames(data: bytes, name: str) -> tuple[pa.Table, Header]:
    """What a broken-off file holds, up to its last whole frame, and the latest header. Raises FileError."""
    tables, header, start = [], None, 0
    while len(data) - start >= _HEAD.size:
        mark, length, checksum, head_checksum = _HEAD.unpack_from(data, start)
        if mark != MARK or crc32(data[start : start + _CHECKED_BYTES]) != head_checksum:
            raise FileError(f"{name} is damaged: no frame begins after {start:,} bytes")
        start += _HEAD.size
        frame = data[start : start + length]
        if len(frame) < length:
            break  # the process ended while it wrote this one
        if crc32(frame) != checksum:
            raise FileError(f"{name} is damaged: the frame after {start:,} bytes is not what was written")
        table, header = from_parquet(frame, name)
        tables.append(table)
        start += length
    if header is None:
        raise FileError(f"{name} broke off before anything was written: it holds nothing and can be removed")
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    check_columns(table, header.now_ms, name)
    with naming_damage(name):
        scenario = replace(header.scenario, actions=Rows(table).actions())
    return table, replace(header, scenario=scenario, events=len(table))
