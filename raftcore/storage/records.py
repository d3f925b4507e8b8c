"""The format of the write-ahead log's files, and what a file adds up to.

A file is a header and then records. A record is split into fragments, so that no fragment crosses a sector boundary, and every sector
begins with the header of the file or of a fragment (as LevelDB's log does it, with blocks of one sector):

    file header         bytes  what
                        8      "raft-wal"
                        4      version of the format
                        4      checksum of the above

    fragment            4      tag, always the same
                        4      checksum of the next three fields, and of where the fragment stands: file and offset
                        8      how many bytes of this file were known to be kept when the fragment was written
                        2      length of the payload
                        2      whether the fragment is the first one of its record (1), the last one (2), both (3), or neither (0)
                        4      checksum of the payload and the padding, continued from the other one
                        length payload: a part of a Record, as MessagePack
                        …      zeros up to the end of the sector where no further fragment would fit there

Numbers are little-endian, checksums are CRC-32. A fragment fits only its own place: one that is missing, repeated, displaced or from
another file is found, as a flipped bit is. `wal.1` may begin with any record, every later file begins with a Checkpoint, and nowhere else
does one stand.

A power failure may leave any subset of the sectors that were not synced. A fragment that can't be read is *torn* if both hold, else the
file is *damaged*:

1. It was not written: the file ends within it, or what stands there is not the tag, give or take MOST_FLIPPED_BITS bits.
2. No fragment behind it proves that a sync had covered it, by the third field above.

Why nothing acknowledged is dropped as torn: a record is acknowledged after a sync that covers it, and that sync keeps its sectors. So where
the disk tells the truth about syncs, a sector that was never written was not acknowledged, nor was anything behind it, since a
sync covers all that stands before. Why nothing legal is refused: a disk writes a sector as a whole, so in one that was not written nothing
of ours stands behind the last sync: zeros, the end of the file, or in a new sector what another file left there. There is no tag, and no
fragment behind it tells of a sync that covered it, because there was none. One legal outcome is refused all the same: a sector in which
an older log file left its own fragment. ext4 shows such sectors with data=writeback only; its default, XFS and APFS never do.

Rot leaves the tag in place, and is refused. What neither rule sees is an acknowledged end of the file that is gone by whole sectors,
because the disk reported a sync that it had not done, or wiped the sector later, before another record was written behind it. That looks
exactly like a legal power failure, here as in every log on a single disk. A mark beside the log of how far it is synced, as in "Protocol-
Aware Recovery for Consensus-Based Storage" (FAST 2018, 3.3.2), helps where one of two places on a disk fails, but not where the disk
lies: it loses the mark too. Here each later record is that mark.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import msgspec
from msgspec import Struct

from raftcore.vocabulary.durable import Checkpoint, HardState, Record, Snapshot
from raftcore.vocabulary.messages import Entry

VERSION = 2
"""Of the format. Version 1 had no header and chained its checksums."""

SECTOR_BYTES = 512
"""What a disk writes as a whole."""

MOST_FLIPPED_BITS = 4
"""A tag with at most so many wrong bits was written, and has rotted. Half of the tag's 32 bits are ones, so zeros are 16 away from it."""

TAG = 0x5AA5C33C

_FILE_HEADER = struct.Struct("<8sII")
_FRAGMENT = struct.Struct("<IIQHHI")
_FRAGMENT_BYTES = _FRAGMENT.size
_PLACE = struct.Struct("<QQHH")
_NAME = b"raft-wal"
_FIRST, _LAST = 1, 2

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


class Recovered(Struct):
    """What a server knew when it stopped: its term and vote, its snapshot, and its log after that (without one, from index 1 on)."""

    hard_state: HardState
    snapshot: Snapshot | None
    entries: list[Entry]


class Damage(Struct, frozen=True):
    """Where a file stops being readable, and why. `torn`: a write that no sync covered, of which a power failure left a part at most."""

    offset: int
    record_number: int
    torn: bool
    reason: str


class Reading(Struct):
    """What a file adds up to, as far as it can be read, and what ended it too early."""

    recovered: Recovered
    damage: Damage | None = None

    @property
    def holds_nothing(self) -> bool:
        """Whether not even the first record was kept."""
        return self.damage is not None and self.damage.torn and self.damage.record_number == 1


class _Flaw(Struct):
    """Why the bytes at `offset` can't be read. was_written: whether they are ours, and have changed since."""

    offset: int
    was_written: bool
    reason: str


class _Fragment(Struct):
    """A part of a record; it ends at `end`, the next one begins there. synced_bytes: the third field of the format."""

    payload: bytes
    end: int
    synced_bytes: int
    kind: int


def file_name(generation: int) -> str:
    """The file of that generation, counted from 1."""
    return f"wal.{generation}"


@lru_cache(maxsize=64)
def _seed(generation: int) -> int:
    """What the checksums of the file's fragments go on from."""
    return crc32(file_name(generation).encode())


def _file_header(version: int = VERSION) -> bytes:
    start = _NAME + version.to_bytes(4, "little")
    return start + crc32(start).to_bytes(4, "little")


# ---- writing


def framed(record: Record, generation: int, offset: int = 0, synced_bytes: int = 0) -> bytes:
    """The record as it stands in the file of that generation from `offset` on, behind the file's header where that is 0.

    synced_bytes: how much of the file is known to be kept.
    """
    payload, seed = _ENCODER.encode(record), _seed(generation)
    parts = [] if offset else [_file_header()]
    offset = offset or _FILE_HEADER.size
    begin, end = 0, len(payload)
    while begin < end:
        room = SECTOR_BYTES - offset % SECTOR_BYTES - _FRAGMENT_BYTES
        body = payload[begin : begin + room] if begin or room < end else payload
        length = len(body)
        kind = (0 if begin else _FIRST) | (_LAST if begin + length == end else 0)
        place_crc = crc32(_PLACE.pack(offset, synced_bytes, length, kind), seed)
        if length < room <= length + _FRAGMENT_BYTES:  # what is left is too little for another fragment
            body = body.ljust(room, b"\0")
        parts += [_FRAGMENT.pack(TAG, place_crc, synced_bytes, length, kind, crc32(body, place_crc)), body]
        begin += length
        offset += _FRAGMENT_BYTES + len(body)
    return b"".join(parts)


def _room(offset: int) -> int:
    """How long the payload of a fragment can be that begins there."""
    return SECTOR_BYTES - offset % SECTOR_BYTES - _FRAGMENT.size


def _padded_bytes(length: int, room: int) -> int:
    """How much a payload takes: all the room where what is left of it is too little for another fragment."""
    return room if room - length <= _FRAGMENT.size else length


# ---- reading


def newest_whole(generations: Sequence[int], content: Callable[[int], bytes]) -> tuple[int, Reading]:
    """The generation that counts, and what its file adds up to: the newest one whose first record is whole.

    `generations` are those on the disk. A file without its first record was not kept when the power failed, so the one before still counts.
    Where that is gone it was removed, which happens only after the newer one was reported as kept: then the newer one is damaged.
    """
    generation = max(generations)
    while True:
        reading = read(content(generation), generation)
        if not reading.holds_nothing or generation == 1:
            return generation, reading
        if generation - 1 not in generations:
            assert reading.damage
            reading.damage = msgspec.structs.replace(reading.damage, torn=False)
            return generation, reading
        generation -= 1


def read(data: bytes, generation: int) -> Reading:
    """What the records of that generation's file add up to."""
    reading = Reading(Recovered(HardState(), None, []))
    if not data:
        if generation > 1:
            reading.damage = Damage(0, 1, torn=True, reason="it should begin with a checkpoint, and is empty")
        return reading
    seed, number, flaw = _seed(generation), 1, _header_flaw(data)
    offset = _FILE_HEADER.size
    while not flaw and offset < len(data):
        found = _record(data, offset, seed)
        if isinstance(found, _Flaw):
            flaw = found
            break
        payload, end = found
        reason = _absorb(reading.recovered, payload, number, generation)
        if reason:
            flaw = _Flaw(offset, True, reason)
            break
        offset, number = end, number + 1
    if flaw:
        torn = not flaw.was_written and not _is_proven(data, flaw.offset, seed)
        reading.damage = Damage(flaw.offset, number, torn, flaw.reason)
    elif number == 1 and generation > 1:
        reading.damage = Damage(offset, 1, torn=True, reason="it should begin with a checkpoint, and ends before it")
    return reading


def _header_flaw(data: bytes) -> _Flaw | None:
    """Why the file's header can't be read; None: it can."""
    header = data[: _FILE_HEADER.size]
    if header == _file_header():
        return None
    if len(header) < _FILE_HEADER.size:
        return _Flaw(0, False, f"a file's header takes {_FILE_HEADER.size} bytes, and there are {len(header)}")
    name, version, _ = _FILE_HEADER.unpack(header)
    if header == _file_header(version):
        return _Flaw(0, True, f"it is in version {version} of the format, and this program reads version {VERSION}")
    is_ours = _flipped_bits(int.from_bytes(name, "little"), int.from_bytes(_NAME, "little")) <= MOST_FLIPPED_BITS
    return _Flaw(0, is_ours, f"the file's header should be {_file_header().hex()}, and is {header.hex()}")


def _record(data: bytes, offset: int, seed: int) -> tuple[bytes, int] | _Flaw:
    """The payload of the record that begins there, and where it ends."""
    parts: list[bytes] = []
    while True:
        fragment = _fragment(data, offset, seed)
        if isinstance(fragment, _Flaw):
            return fragment
        if bool(fragment.kind & _FIRST) is bool(parts):
            return _Flaw(offset, True, "a part of another record stands where this one should go on")
        parts.append(fragment.payload)
        offset = fragment.end
        if fragment.kind & _LAST:
            return b"".join(parts), offset


def _fragment(data: bytes, offset: int, seed: int) -> _Fragment | _Flaw:
    begin = offset + _FRAGMENT.size
    if begin > len(data):
        return _Flaw(offset, False, f"the head of a record takes {_FRAGMENT.size} bytes, and {len(data) - offset} are left")
    tag, place_crc, synced_bytes, length, kind, payload_crc = _FRAGMENT.unpack_from(data, offset)
    if tag != TAG:
        was_written = _flipped_bits(tag, TAG) <= MOST_FLIPPED_BITS
        return _Flaw(offset, was_written, f"a record should begin with {TAG:#010x}, and here stands {tag:#010x}")
    found_crc = crc32(_PLACE.pack(offset, synced_bytes, length, kind), seed)
    if found_crc != place_crc:
        flaw = f"the head of the record should have the checksum {place_crc:#010x}, and has {found_crc:#010x}"
        return _Flaw(offset, True, f"{flaw}, or it does not belong to this place in the file")
    end = begin + _padded_bytes(length, _room(offset))
    if end > len(data):
        return _Flaw(offset, False, f"the payload takes {end - begin} bytes, and {len(data) - begin} are left")
    found_crc = crc32(memoryview(data)[begin:end], place_crc)
    if found_crc != payload_crc:
        return _Flaw(offset, True, f"the payload should have the checksum {payload_crc:#010x}, and has {found_crc:#010x}")
    return _Fragment(data[begin : begin + length], end, synced_bytes, kind)


def _flipped_bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def _is_proven(data: bytes, offset: int, seed: int) -> bool:
    """Whether a fragment behind `offset` tells of a sync that had covered the bytes there."""
    return any(fragment.synced_bytes > offset for fragment in _fragments_behind(data, offset, seed))


def _fragments_behind(data: bytes, offset: int, seed: int) -> Iterator[_Fragment]:
    """Fragments that can be found without those before them: anywhere in the rest of the sector, then from the start of each one."""
    next_sector = (offset // SECTOR_BYTES + 1) * SECTOR_BYTES
    for start in [*range(offset + 1, min(next_sector, len(data))), *range(next_sector, len(data), SECTOR_BYTES)]:
        begin = start
        while begin < len(data):
            fragment = _fragment(data, begin, seed)
            if isinstance(fragment, _Flaw):
                break
            yield fragment
            begin = fragment.end
            if begin % SECTOR_BYTES == 0:
                break


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
