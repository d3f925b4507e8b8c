"""The format of the write-ahead log's files, and what a file adds up to.

A file is a row of records, with nothing before, between or after them:

    bytes   what
    4       length of the payload
    4       checksum of those four bytes
    4       checksum of the payload
    length  the payload: a Record, as MessagePack

Numbers are little-endian. A checksum is a CRC-32 that goes on from the one before it in the file, and the first one from the file's name.
So a record fits only its own place: one that is missing, repeated, displaced or from another file is damage, as a flipped bit is.
The length has a checksum of its own, since a flipped length in the middle of the file could point beyond its end, and pass for a record
that a crash cut short.

`wal.1` may begin with any record, every later file begins with a Checkpoint. Nowhere else does one stand.
"""

import struct
from zlib import crc32

import msgspec
from msgspec import Struct

from raftcore.vocabulary.durable import Checkpoint, HardState, Record, Snapshot
from raftcore.vocabulary.messages import Entry

HEADER = struct.Struct("<III")

SECTOR_BYTES = 512
"""What a disk writes as a whole. A file may have grown by sectors that a crash left unwritten: they read as zeros."""

LEAST_UNWRITTEN_BYTES = 16
"""Fewer zeros than this at the end of a record could be its own, with a byte flipped: they prove no unwritten sector."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class Recovered(Struct):
    """What a server knew when it stopped: its term and vote, its snapshot, and its log after that (without one, from index 1 on)."""

    hard_state: HardState
    snapshot: Snapshot | None
    entries: list[Entry]


class Damage(Struct, frozen=True):
    """Where a file stops being readable, and why. `torn`: a write that no sync covered, cut short by a crash."""

    offset: int
    record_number: int
    torn: bool
    reason: str


class Reading(Struct):
    """What a file adds up to, as far as it can be read, the checksum that the next record goes on from, and what ended it too early."""

    recovered: Recovered
    checksum: int
    damage: Damage | None = None

    @property
    def holds_nothing(self) -> bool:
        """Whether a crash came before the first record was whole."""
        return self.damage is not None and self.damage.torn and self.damage.record_number == 1


class _Frame(Struct):
    """Where a record ends, as far as its header can be trusted, its checksum, and what is wrong with it ("": nothing)."""

    end: int
    checksum: int
    flaw: str = ""


def file_name(generation: int) -> str:
    """The file of that generation, counted from 1."""
    return f"wal.{generation}"


def first_checksum(generation: int) -> int:
    """What the first record of the file goes on from."""
    return crc32(file_name(generation).encode())


def framed(record: Record, checksum: int) -> tuple[bytes, int]:
    """The record as it stands in a file, going on from that checksum, and the checksum that the next one goes on from."""
    payload = _ENCODER.encode(record)
    length = len(payload)
    length_crc = crc32(length.to_bytes(4, "little"), checksum)
    payload_crc = crc32(payload, length_crc)
    return HEADER.pack(length, length_crc, payload_crc) + payload, payload_crc


def read(data: bytes, generation: int) -> Reading:
    """What the records of that generation's file add up to."""
    reading = Reading(Recovered(HardState(), None, []), first_checksum(generation))
    if generation > 1 and not data:
        reading.damage = Damage(0, 1, torn=True, reason="it should begin with a checkpoint, and is empty")
    offset, number = 0, 1
    while offset < len(data):
        frame = _frame(data, offset, reading.checksum)
        if frame.flaw:
            reading.damage = Damage(offset, number, torn=_is_torn(data, offset, frame.end), reason=frame.flaw)
            break
        flaw = _absorb(reading.recovered, data[offset + HEADER.size : frame.end], number, generation)
        if flaw:
            reading.damage = Damage(offset, number, torn=False, reason=flaw)
            break
        reading.checksum = frame.checksum
        offset, number = frame.end, number + 1
    return reading


def _frame(data: bytes, offset: int, checksum: int) -> _Frame:
    begin = offset + HEADER.size
    if begin > len(data):
        return _Frame(begin, checksum, f"a header takes {HEADER.size} bytes, and {len(data) - offset} are left")

    length, length_crc, payload_crc = HEADER.unpack_from(data, offset)
    found_crc = crc32(length.to_bytes(4, "little"), checksum)
    if found_crc != length_crc:
        flaw = f"the length of the payload should have the checksum {length_crc:#010x}, and has {found_crc:#010x}"
        return _Frame(begin, checksum, f"{flaw}, or it does not belong behind the record before it")

    end = begin + length
    if end > len(data):
        return _Frame(end, checksum, f"the payload takes {length} bytes, and {len(data) - begin} are left")
    found_crc = crc32(memoryview(data)[begin:end], length_crc)
    if found_crc != payload_crc:
        return _Frame(end, checksum, f"the payload should have the checksum {payload_crc:#010x}, and has {found_crc:#010x}")
    return _Frame(end, payload_crc)


def _is_torn(data: bytes, offset: int, end: int) -> bool:
    """Whether the bad bytes from `offset` to `end` are a write cut short: by the end of the file, or by zeros up to it."""
    if end > len(data):
        return True
    written_end = len(data.rstrip(b"\0"))
    if written_end <= offset:
        return True
    unwritten = -(-written_end // SECTOR_BYTES) * SECTOR_BYTES
    return unwritten < end and len(data) - unwritten >= LEAST_UNWRITTEN_BYTES


def _absorb(recovered: Recovered, payload: bytes, number: int, generation: int) -> str:
    """Let the record change what is recovered; return why it can't ("": it did)."""
    try:
        record = _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"the payload should be a record, and is none ({error})"

    is_checkpoint = isinstance(record, Checkpoint)
    if is_checkpoint and number > 1:
        return "a checkpoint should begin a file, and stands behind other records"
    if not is_checkpoint and number == 1 and generation > 1:
        return f"{file_name(generation)} should begin with a checkpoint, and begins with another record"

    if isinstance(record, Checkpoint):
        recovered.hard_state, recovered.snapshot = record.hard_state, record.snapshot
        recovered.entries = list(record.entries)
        return ""
    if isinstance(record, HardState):
        recovered.hard_state = record
        return ""
    before_index = recovered.snapshot.last_included_index if recovered.snapshot else 0
    last_index = before_index + len(recovered.entries)
    if not before_index < record.first_index <= last_index + 1:
        return f"its entries should begin at an index from {before_index + 1} to {last_index + 1}, and begin at {record.first_index}"
    recovered.entries[record.first_index - before_index - 1 :] = record.entries
    return ""
