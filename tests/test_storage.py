"""The write-ahead log: it gives back what was written, drops a write cut short by a crash, and refuses any other damage."""

from collections.abc import Sequence
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.storage.disk import Disk
from raftcore.storage.records import HEADER, SECTOR_BYTES, Recovered, file_name, first_checksum, framed
from raftcore.storage.sim_disk import SimDisk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix, Record, Snapshot
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.messages import Entry

FIRST, SECOND = file_name(1), file_name(2)


def disk_at_once() -> SimDisk:
    return SimDisk(lambda _delay_ms, _function: None, DiskState(sync_ms=0))


def disk_with(data: bytes, name: str = FIRST) -> SimDisk:
    disk = disk_at_once()
    disk.append(name, data)
    disk.sync(lambda _kept: None)
    return disk


def written(records: Sequence[Record], generation: int = 1) -> list[bytes]:
    """Each record as it stands in that file, behind those before it."""
    checksum = first_checksum(generation)
    chunks = []
    for record in records:
        chunk, checksum = framed(record, checksum)
        chunks.append(chunk)
    return chunks


def model(records: Sequence[Record]) -> Recovered:
    hard_state, snapshot, log = HardState(), None, {}
    for record in records:
        if isinstance(record, HardState):
            hard_state = record
        elif isinstance(record, LogSuffix):
            log = {index: entry for index, entry in log.items() if index < record.first_index}
            log |= dict(enumerate(record.entries, record.first_index))
        else:
            hard_state, snapshot = record.hard_state, record.snapshot
            log = dict(enumerate(record.entries, snapshot.last_included_index + 1 if snapshot else 1))
    return Recovered(hard_state, snapshot, [log[index] for index in sorted(log)])


RECORDS: list[HardState | LogSuffix] = [
    HardState(1, "S1"),
    LogSuffix(1, (Entry(1), Entry(1, Set("x", "1"), "C1", 1), Entry(1, Append("é", "\0\0"), "C2", 1))),
    HardState(2),
    LogSuffix(3, (Entry(2, Cas("x", "1", "2"), "C1", 2),)),
    LogSuffix(2, ()),
    LogSuffix(2, (Entry(2, Get("x")), Entry(2, Delete("x"), "C1", 3))),
]
CHUNKS = written(RECORDS)

SNAPSHOT = Snapshot(7, 2, Configuration(("S1", "S2"), ("S2", "S3"), ("S4",)), b"the \0 image")
COMPACTED: list[Record] = [
    Checkpoint(HardState(3, "S3"), SNAPSHOT, (Entry(2), Entry(3, Set("x", "9"), "C1", 9, 4, 12.5))),
    LogSuffix(10, (Entry(3, Configuration(("S1", "S2"))),)),
    HardState(4),
    LogSuffix(8, (Entry(4),)),
]

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers(0, 2**63 - 1)
commands = st.one_of(
    st.builds(Set, texts, texts),
    st.builds(Get, texts),
    st.builds(Delete, texts),
    st.builds(Append, texts, texts),
    st.builds(Cas, texts, texts, texts),
)
configurations = st.builds(Configuration, st.lists(texts, max_size=3).map(tuple), st.just(()), st.lists(texts, max_size=2).map(tuple))
times = st.floats(0, 1e12)
entries = st.builds(Entry, numbers, st.none() | commands | configurations, texts, numbers, numbers, times)
hard_states = st.builds(HardState, numbers, st.none() | texts)


@st.composite
def record_sequences(draw: st.DrawFn) -> list[Record]:
    """Records as a server writes them. A checkpoint may be anything here, though a server's says what the records before it do."""
    records: list[Record] = []
    before_index = last_index = 0
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["hard state", "suffix", "checkpoint"]))
        if kind == "hard state":
            records.append(draw(hard_states))
        elif kind == "suffix":
            suffix = LogSuffix(draw(st.integers(before_index + 1, last_index + 1)), tuple(draw(st.lists(entries, max_size=4))))
            records.append(suffix)
            last_index = suffix.first_index - 1 + len(suffix.entries)
        else:
            before_index = draw(st.integers(0, 100))
            snapshot = Snapshot(before_index, draw(numbers), draw(configurations), draw(st.binary(max_size=40))) if before_index else None
            checkpoint = Checkpoint(draw(hard_states), snapshot, tuple(draw(st.lists(entries, max_size=4))))
            records.append(checkpoint)
            last_index = before_index + len(checkpoint.entries)
    return records


# ---- the log: what goes in comes out


@given(record_sequences())
def test_what_was_appended_is_recovered(records: list[Record]) -> None:
    disk: Disk = disk_at_once()
    wal = WriteAheadLog(disk)
    for record in records:
        if isinstance(record, Checkpoint):
            wal.compact(record)
        else:
            wal.append(record)
    before = {name: disk.read(name) for name in disk.names()}

    assert WriteAheadLog(disk).recover() == model(records)
    assert {name: disk.read(name) for name in disk.names()} == before


def test_a_new_server_knows_nothing() -> None:
    disk = disk_at_once()

    assert WriteAheadLog(disk).recover() == Recovered(HardState(current_term=0, voted_for=None), None, [])
    assert disk.names() == []


def test_a_suffix_replaces_all_that_stood_from_its_first_index_on() -> None:
    wal = WriteAheadLog(disk_at_once())
    wal.append(LogSuffix(1, (Entry(1), Entry(1), Entry(1), Entry(1))))
    wal.append(LogSuffix(2, (Entry(3),)))

    assert wal.recover().entries == [Entry(1), Entry(3)]


def test_appending_writes_the_new_record_only() -> None:
    disk = disk_at_once()
    wal = WriteAheadLog(disk)
    for record, chunk in zip(RECORDS, CHUNKS, strict=True):
        before = disk.read(FIRST)
        wal.append(record)
        assert disk.read(FIRST) == before + chunk


# ---- the log: a write that a crash cut short


def test_cut_anywhere_the_log_recovers_the_whole_records_before_the_cut() -> None:
    data = b"".join(CHUNKS)
    ends = [len(b"".join(CHUNKS[:count])) for count in range(len(CHUNKS) + 1)]
    for cut in range(len(data) + 1):
        whole = max(count for count, end in enumerate(ends) if end <= cut)
        disk = disk_with(data[:cut])
        wal = WriteAheadLog(disk)

        assert wal.recover() == model(RECORDS[:whole])
        assert disk.read(FIRST) == data[: ends[whole]]

        wal.append(HardState(9, "S9"))
        assert wal.recover() == model([*RECORDS[:whole], HardState(9, "S9")])


@pytest.mark.parametrize("zeros", [1, 11, 12, 13, 511, 5_000])
def test_a_file_that_grew_but_was_never_written_ends_where_the_records_end(zeros: int) -> None:
    data = b"".join(CHUNKS)
    disk = disk_with(data + bytes(zeros))

    assert WriteAheadLog(disk).recover() == model(RECORDS)
    assert disk.read(FIRST) == data


@pytest.mark.parametrize("before_boundary", [1, 4, 11, 12, 13, 100])
def test_a_last_record_of_which_the_later_sectors_are_unwritten_is_torn(before_boundary: int) -> None:
    filler = record_of_size(SECTOR_BYTES - before_boundary)
    last = record_of_size(3 * SECTOR_BYTES, checksum=crc_at_end(filler))
    disk = disk_with(filler + last[:before_boundary] + bytes(len(last) - before_boundary))

    assert len(WriteAheadLog(disk).recover().entries) == 1
    assert disk.read(FIRST) == filler


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


def record_of_size(size_bytes: int, checksum: int = first_checksum(1)) -> bytes:  # a constant
    """One entry as a record of that many bytes, going on from that checksum."""
    # MessagePack's own lengths jump: with two keys to choose from, no size is left out.
    entries = (Entry(1, Set(key, "v" * length), "C1", 1, at_ms=1 / 3) for length in range(size_bytes) for key in ("x", "xx"))
    records = (framed(LogSuffix(1, (entry,)), checksum)[0] for entry in entries)
    return next(record for record in records if len(record) == size_bytes)


def crc_at_end(record: bytes) -> int:
    """What the record behind this one goes on from: the checksum of its payload."""
    return int(HEADER.unpack_from(record)[2])


# ---- the log: damage


def check_refused(data: bytes, record_number: int, name: str = FIRST) -> str:
    disk = disk_with(data, name)
    with pytest.raises(CorruptLogError, match=f"of {name}, in record {record_number}:") as caught:
        WriteAheadLog(disk).recover()
    assert disk.names() == [name]
    assert disk.read(name) == data
    return str(caught.value)


@pytest.mark.parametrize("name, chunks", [(FIRST, CHUNKS), (SECOND, written(COMPACTED, 2))])
def test_every_flipped_bit_is_found_and_nothing_is_changed(name: str, chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    record_at = [number for number, chunk in enumerate(chunks, 1) for _ in chunk]
    for offset in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[offset] ^= 1 << bit
            check_refused(bytes(flipped), record_at[offset], name)


VOTES = written([HardState(term, f"S{term}") for term in range(1, 7)])  # any of which could be missing, but for the checksums


@pytest.mark.parametrize("number", range(5))
def test_a_record_missing_in_the_middle_is_found(number: int) -> None:
    message = check_refused(b"".join(VOTES[:number] + VOTES[number + 1 :]), record_number=number + 1)

    assert "does not belong behind the record before it" in message


@pytest.mark.parametrize("number", range(5))
def test_a_record_lost_in_the_middle_that_reads_as_zeros_is_found(number: int) -> None:
    check_refused(b"".join(VOTES[:number]) + bytes(len(VOTES[number])) + b"".join(VOTES[number + 1 :]), record_number=number + 1)


@pytest.mark.parametrize("number", range(6))
def test_a_record_that_stands_twice_is_found(number: int) -> None:
    check_refused(b"".join(VOTES[: number + 1] + VOTES[number:]), record_number=number + 2)


@pytest.mark.parametrize("number", range(5))
def test_two_records_that_changed_places_are_found(number: int) -> None:
    check_refused(b"".join([*VOTES[:number], VOTES[number + 1], VOTES[number], *VOTES[number + 2 :]]), record_number=number + 1)


def test_a_missing_record_is_found_though_the_last_one_is_torn() -> None:
    check_refused(b"".join(VOTES[:4]) + VOTES[5][:15], record_number=5)


def test_a_file_under_another_name_is_refused() -> None:
    check_refused(b"".join(written(COMPACTED, 2)), record_number=1, name="wal.3")


@pytest.mark.parametrize(
    "records, number, reason",
    [
        (RECORDS, 1, "wal.2 should begin with a checkpoint, and begins with another record"),
        ([*COMPACTED, COMPACTED[0]], 5, "a checkpoint should begin a file, and stands behind other records"),
        ([COMPACTED[0], LogSuffix(7, (Entry(3),))], 2, "should begin at an index from 8 to 10, and begin at 7"),
        ([COMPACTED[0], LogSuffix(11, (Entry(3),))], 2, "should begin at an index from 8 to 10, and begin at 11"),
        ([Checkpoint(HardState(1), None, (Entry(1),)), LogSuffix(3, ())], 2, "should begin at an index from 1 to 2, and begin at 3"),
    ],
)
def test_whole_records_that_make_no_log_are_refused(records: list[Record], number: int, reason: str) -> None:
    assert reason in check_refused(b"".join(written(records, 2)), number, SECOND)


@pytest.mark.parametrize("cut", range(len(written(COMPACTED, 2)[0])))
def test_a_checkpoint_that_is_not_whole_is_refused_where_the_file_before_it_is_gone(cut: int) -> None:
    """The log would be empty without it; and since the file before was removed, it had been reported as kept."""
    disk = disk_with(b"".join(written(COMPACTED, 2)), SECOND)
    disk.truncate(SECOND, cut)

    with pytest.raises(CorruptLogError, match=r"at byte 0 of wal\.2, in record 1:"):
        WriteAheadLog(disk).recover()
    assert disk.names() == [SECOND]
    assert len(disk.read(SECOND)) == cut


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x93\xa4vote\x01\xc0", b"\x93\xaahard_state\x01\xa1\xff", CHUNKS[0][HEADER.size :] + b"\0"]
)
def test_a_payload_that_is_no_record_is_refused_though_its_checksum_is_right(payload: bytes) -> None:
    length = len(payload)
    length_crc = crc32(length.to_bytes(4, "little"), first_checksum(1))
    header = HEADER.pack(length, length_crc, crc32(payload, length_crc))

    message = check_refused(header + payload, record_number=1)

    assert "should be a record, and is none" in message


def test_the_error_says_where_what_was_expected_and_what_to_do() -> None:
    data = bytearray(b"".join(CHUNKS))
    offset = len(CHUNKS[0])
    data[offset + HEADER.size + 5] ^= 0x40
    expected = crc_at_end(CHUNKS[1])

    message = check_refused(bytes(data), record_number=2)

    assert f"at byte {offset} of wal.1, in record 2" in message
    assert f"should have the checksum {expected:#010x}" in message
    assert "must not start from it" in message
    assert "an intact copy of this very file" in message
    assert "remove the server from the cluster and add it anew" in message
