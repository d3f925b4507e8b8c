"""The write-ahead log: what a server must not forget (Figure 2, "Persistent state"), as checksummed records in one file.

A record cut short by a crash was never acknowledged, and is dropped. Any other damage may hide something that was:
then the log refuses to be read, and changes nothing.
"""

import struct
from collections.abc import Callable
from zlib import crc32

import msgspec
from msgspec import Struct

from raftcore.storage.disk import Disk
from raftcore.vocabulary.durable import HardState, Record
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.messages import Entry

FILE_NAME = "wal"

# Payload length, CRC-32 of the four bytes of that length, CRC-32 of the payload. The length has a checksum of its own, since a
# flipped length in the middle of the file could point beyond its end, and pass for a record that a crash cut short.
HEADER = struct.Struct("<III")

SECTOR_BYTES = 512
"""What a disk writes as a whole. A file may have grown by sectors that a crash left unwritten: they read as zeros."""

LEAST_UNWRITTEN_BYTES = 16
"""Fewer zeros than this at the end of a record could be its own, with a byte flipped: they prove no unwritten sector."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class Recovered(Struct):
    """What a server knew when it stopped: its term and vote, and its log from index 1 on."""

    hard_state: HardState
    entries: list[Entry]


class Damage(Struct, frozen=True):
    """Where a file stops being readable, and why. `torn`: a write that no sync covered, cut short by a crash."""

    offset: int
    record_number: int
    torn: bool
    reason: str


class WriteAheadLog:
    """Records in the order in which they were appended; an append costs the same however long the log is."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def append(self, record: Record) -> None:
        """Write the record behind the others. It is safe only once a later `sync` is done."""
        payload = _ENCODER.encode(record)
        length = len(payload)
        header = HEADER.pack(length, crc32(length.to_bytes(4, "little")), crc32(payload))
        self.disk.append(FILE_NAME, header + payload)

    def sync(self, done: Callable[[], None]) -> None:
        """Call `done` once every record appended so far survives a crash: before returning, or later."""
        self.disk.sync(done)

    def recover(self) -> Recovered:
        """What the records add up to; a torn tail is cut off the file.

        Raises CorruptLogError, and changes nothing on the disk, where anything but the tail is damaged.
        """
        recovered, damage = replay(self.disk.read(FILE_NAME))
        if damage and not damage.torn:
            raise CorruptLogError(explain(damage))
        if damage:
            self.disk.truncate(FILE_NAME, damage.offset)
        return recovered


def replay(data: bytes) -> tuple[Recovered, Damage | None]:
    """What the file's records add up to, as far as they can be read, and the damage where that ends before the file does."""
    recovered = Recovered(HardState(), [])
    offset, number = 0, 1
    while offset < len(data):
        end, flaw = _frame(data, offset)
        if flaw:
            return recovered, Damage(offset, number, torn=_is_torn(data, offset, end), reason=flaw)
        flaw = _absorb(recovered, data[offset + HEADER.size : end])
        if flaw:
            return recovered, Damage(offset, number, torn=False, reason=flaw)
        offset, number = end, number + 1
    return recovered, None


def _frame(data: bytes, offset: int) -> tuple[int, str]:
    """Where the record at `offset` ends, as far as its header can be trusted, and what is wrong with it ("": nothing)."""
    begin = offset + HEADER.size
    if begin > len(data):
        return begin, f"a header takes {HEADER.size} bytes, and {len(data) - offset} are left"

    length, length_crc, payload_crc = HEADER.unpack_from(data, offset)
    found_crc = crc32(length.to_bytes(4, "little"))
    if found_crc != length_crc:
        return begin, f"the length of the payload should have the checksum {length_crc:#010x}, and has {found_crc:#010x}"

    end = begin + length
    if end > len(data):
        return end, f"the payload takes {length} bytes, and {len(data) - begin} are left"
    found_crc = crc32(memoryview(data)[begin:end])
    if found_crc != payload_crc:
        return end, f"the payload should have the checksum {payload_crc:#010x}, and has {found_crc:#010x}"
    return end, ""


def _is_torn(data: bytes, offset: int, end: int) -> bool:
    """Whether the bad bytes from `offset` to `end` are a write cut short: by the end of the file, or by zeros up to it."""
    if end > len(data):
        return True
    written_end = len(data.rstrip(b"\0"))
    if written_end <= offset:
        return True
    unwritten = -(-written_end // SECTOR_BYTES) * SECTOR_BYTES
    return unwritten < end and len(data) - unwritten >= LEAST_UNWRITTEN_BYTES


def _absorb(recovered: Recovered, payload: bytes) -> str:
    """Let the record change what is recovered; return why it can't ("": it did)."""
    try:
        record = _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"the payload should be a record, and is none ({error})"
    if isinstance(record, HardState):
        recovered.hard_state = record
        return ""
    last_index = len(recovered.entries)
    if not 1 <= record.first_index <= last_index + 1:
        return f"its entries should begin at an index from 1 to {last_index + 1}, and begin at {record.first_index}"
    recovered.entries[record.first_index - 1 :] = record.entries
    return ""


def explain(damage: Damage) -> str:
    """The damage in words, and what to do about it."""
    return (
        f"the write-ahead log is damaged at byte {damage.offset}, in record {damage.record_number}: {damage.reason}. "
        "The server must not start from it: it may have forgotten a vote, or entries that it acknowledged. Nothing was changed. "
        "Put an intact copy of this very file in its place (an older backup has forgotten the same), "
        "or remove the server from the cluster and add it anew with an empty disk."
    )
