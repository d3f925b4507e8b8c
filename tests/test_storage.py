"""The write-ahead log: it gives back what was written, drops a write cut short by a crash, and refuses any other damage."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.storage.disk import Disk
from raftcore.storage.sim_disk import SimDisk
from raftcore.storage.wal import FILE_NAME, HEADER, SECTOR_BYTES, Recovered, WriteAheadLog
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.durable import HardState, LogSuffix, Record
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.messages import Entry


def disk_at_once() -> SimDisk:
    return SimDisk(call_after=lambda _delay_ms, _function: None, sync_ms=0)


def disk_with(data: bytes) -> SimDisk:
    disk = disk_at_once()
    disk.append(FILE_NAME, data)
    disk.sync(lambda: None)
    return disk


def written(record: Record) -> bytes:
    disk = disk_at_once()
    WriteAheadLog(disk).append(record)
    return disk.read(FILE_NAME)


def model(records: list[Record]) -> Recovered:
    hard_state, log = HardState(), {}
    for record in records:
        if isinstance(record, HardState):
            hard_state = record
        else:
            log = {index: entry for index, entry in log.items() if index < record.first_index}
            log |= dict(enumerate(record.entries, record.first_index))
    return Recovered(hard_state, [log[index] for index in sorted(log)])


RECORDS: list[Record] = [
    HardState(1, "S1"),
    LogSuffix(1, (Entry(1), Entry(1, Set("x", "1"), "C1", 1), Entry(1, Append("é", "\0\0"), "C2", 1))),
    HardState(2),
    LogSuffix(3, (Entry(2, Cas("x", "1", "2"), "C1", 2),)),
    LogSuffix(2, ()),
    LogSuffix(2, (Entry(2, Get("x")), Entry(2, Delete("x"), "C1", 3))),
]
CHUNKS = [written(record) for record in RECORDS]

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers(0, 2**63 - 1)
commands = st.one_of(
    st.builds(Set, texts, texts),
    st.builds(Get, texts),
    st.builds(Delete, texts),
    st.builds(Append, texts, texts),
    st.builds(Cas, texts, texts, texts),
)
entries = st.builds(Entry, numbers, st.none() | commands, texts, numbers)
hard_states = st.builds(HardState, numbers, st.none() | texts)


@st.composite
def record_sequences(draw: st.DrawFn) -> list[Record]:
    records: list[Record] = []
    last_index = 0
    for _ in range(draw(st.integers(0, 8))):
        if draw(st.booleans()):
            records.append(draw(hard_states))
        else:
            suffix = LogSuffix(draw(st.integers(1, last_index + 1)), tuple(draw(st.lists(entries, max_size=4))))
            records.append(suffix)
            last_index = suffix.first_index - 1 + len(suffix.entries)
    return records


# ---- the log: what goes in comes out


@given(record_sequences())
def test_what_was_appended_is_recovered(records: list[Record]) -> None:
    disk: Disk = disk_at_once()
    wal = WriteAheadLog(disk)
    for record in records:
        wal.append(record)
    before = disk.read(FILE_NAME)

    assert wal.recover() == model(records)
    assert disk.read(FILE_NAME) == before


def test_a_new_server_knows_nothing() -> None:
    assert WriteAheadLog(disk_at_once()).recover() == Recovered(HardState(current_term=0, voted_for=None), [])


def test_a_suffix_replaces_all_that_stood_from_its_first_index_on() -> None:
    wal = WriteAheadLog(disk_at_once())
    wal.append(LogSuffix(1, (Entry(1), Entry(1), Entry(1), Entry(1))))
    wal.append(LogSuffix(2, (Entry(3),)))

    assert wal.recover().entries == [Entry(1), Entry(3)]


def test_appending_writes_the_new_record_only() -> None:
    disk = disk_at_once()
    wal = WriteAheadLog(disk)
    for record, chunk in zip(RECORDS, CHUNKS, strict=True):
        before = disk.read(FILE_NAME)
        wal.append(record)
        assert disk.read(FILE_NAME) == before + chunk


# ---- the log: a write that a crash cut short


def test_cut_anywhere_the_log_recovers_the_whole_records_before_the_cut() -> None:
    data = b"".join(CHUNKS)
    ends = [len(b"".join(CHUNKS[:count])) for count in range(len(CHUNKS) + 1)]
    for cut in range(len(data) + 1):
        whole = max(count for count, end in enumerate(ends) if end <= cut)
        disk = disk_with(data[:cut])
        wal = WriteAheadLog(disk)

        assert wal.recover() == model(RECORDS[:whole])
        assert disk.read(FILE_NAME) == data[: ends[whole]]

        wal.append(HardState(9, "S9"))
        assert wal.recover() == model([*RECORDS[:whole], HardState(9, "S9")])


@pytest.mark.parametrize("zeros", [1, 11, 12, 13, 511, 5_000])
def test_a_file_that_grew_but_was_never_written_ends_where_the_records_end(zeros: int) -> None:
    data = b"".join(CHUNKS)
    disk = disk_with(data + bytes(zeros))

    assert WriteAheadLog(disk).recover() == model(RECORDS)
    assert disk.read(FILE_NAME) == data


@pytest.mark.parametrize("before_boundary", [1, 4, 11, 12, 13, 100])
def test_a_last_record_of_which_the_later_sectors_are_unwritten_is_torn(before_boundary: int) -> None:
    filler = record_of_size(SECTOR_BYTES - before_boundary)
    last = record_of_size(3 * SECTOR_BYTES)
    disk = disk_with(filler + last[:before_boundary] + bytes(len(last) - before_boundary))

    assert len(WriteAheadLog(disk).recover().entries) == 1
    assert disk.read(FILE_NAME) == filler


@pytest.mark.parametrize("over", range(1, 20))
def test_a_last_record_with_a_byte_turned_zero_is_not_taken_for_a_torn_one(over: int) -> None:
    """However few of its bytes lie in the last sector: it may have been synced."""
    data = record_of_size(SECTOR_BYTES + over)
    for offset in range(SECTOR_BYTES, len(data)):
        if data[offset]:
            check_refused(data[:offset] + b"\0" + data[offset + 1 :], record_number=1)


def test_zeros_behind_a_bad_record_do_not_excuse_it() -> None:
    bad = bytearray(record_of_size(100))
    bad[50] ^= 1

    check_refused(bytes(bad) + bytes(2 * SECTOR_BYTES), record_number=1)


def record_of_size(size_bytes: int) -> bytes:
    """One entry, as a record of that many bytes; the last of them is 1."""
    # MessagePack's own lengths jump: with two keys to choose from, no size is left out.
    records = (written(LogSuffix(1, (Entry(1, Set(key, "v" * length), "C1", 1),))) for length in range(size_bytes) for key in ("x", "xx"))
    return next(record for record in records if len(record) == size_bytes)


# ---- the log: damage


def check_refused(data: bytes, record_number: int) -> str:
    disk = disk_with(data)
    with pytest.raises(CorruptLogError, match=f"record {record_number}:") as caught:
        WriteAheadLog(disk).recover()
    assert disk.read(FILE_NAME) == data
    return str(caught.value)


def test_every_flipped_bit_is_found_and_nothing_is_changed() -> None:
    data = b"".join(CHUNKS)
    record_at = [number for number, chunk in enumerate(CHUNKS, 1) for _ in chunk]
    for offset in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[offset] ^= 1 << bit
            check_refused(bytes(flipped), record_at[offset])


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_lost_record_in_the_middle_leaves_a_gap(number: int) -> None:
    suffixes = [written(LogSuffix(index, (Entry(1),))) for index in range(1, 7)]
    del suffixes[number]

    message = check_refused(b"".join(suffixes), record_number=number + 1)

    assert f"should begin at an index from 1 to {number + 1}, and begin at {number + 2}" in message


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x93\xa4vote\x01\xc0", b"\x93\xaahard_state\x01\xa1\xff", CHUNKS[0][HEADER.size :] + b"\0"]
)
def test_a_payload_that_is_no_record_is_refused_though_its_checksum_is_right(payload: bytes) -> None:
    length = len(payload)
    header = HEADER.pack(length, crc32(length.to_bytes(4, "little")), crc32(payload))

    message = check_refused(header + payload, record_number=1)

    assert "should be a record, and is none" in message


def test_the_error_says_where_what_was_expected_and_what_to_do() -> None:
    data = bytearray(b"".join(CHUNKS))
    offset = len(CHUNKS[0])
    data[offset + HEADER.size + 5] ^= 0x40
    expected = crc32(CHUNKS[1][HEADER.size :])

    message = check_refused(bytes(data), record_number=2)

    assert f"at byte {offset}, in record 2" in message
    assert f"should have the checksum {expected:#010x}" in message
    assert "must not start from it" in message
    assert "an intact copy of this very file" in message
    assert "remove the server from the cluster and add it anew" in message
