"""The write-ahead log: it gives back what was written, drops a write that a power failure cut short, and refuses any other damage."""

from collections.abc import Sequence
from itertools import product
from types import SimpleNamespace
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.storage.disk import Disk
from raftcore.storage.records import Recovered, file_name, framed
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


def written(records: Sequence[Record], generation: int = 1, *, each_synced: bool = False) -> list[bytes]:
    """Each record as it stands in that file, behind those before it; the first one with the header of the file."""
    chunks: list[bytes] = []
    for record in records:
        offset = sum(map(len, chunks))
        chunks.append(framed(record, generation, offset, offset if each_synced else 0))
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
    assert before.items() <= {name: disk.read(name) for name in disk.names()}.items()


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


# ---- the log: a write of which a power failure left a part


def test_cut_anywhere_the_log_recovers_the_whole_records_before_the_cut() -> None:
    data = b"".join(CHUNKS)
    ends = [0, *(len(b"".join(CHUNKS[:count])) for count in range(1, len(CHUNKS) + 1))]
    for cut in range(len(data) + 1):
        whole = max(count for count, end in enumerate(ends) if end <= cut)
        disk = disk_with(data[:cut])
        wal = WriteAheadLog(disk)

        assert wal.recover() == model(RECORDS[:whole])
        assert disk.read(FIRST) == data[:cut]

        wal.append(HardState(9, "S9"))
        assert wal.recover() == model([*RECORDS[:whole], HardState(9, "S9")])


@pytest.mark.parametrize("zeros", [1, 11, 23, 24, 25, 511, 5_000])
def test_a_file_that_grew_but_was_never_written_ends_where_the_records_end(zeros: int) -> None:
    assert WriteAheadLog(disk_with(b"".join(CHUNKS) + bytes(zeros))).recover() == model(RECORDS)


def big(size_bytes: int) -> LogSuffix:
    return LogSuffix(1, (Entry(1, Set("x", "v" * size_bytes), "C1", 1),))


def split(data: bytes) -> list[bytes]:
    """The sectors of a file."""
    return [data[begin : begin + 512] for begin in range(0, len(data), 512)]


UNWRITTEN = [bytes(512), b"\xa5" * 512, b"\xff" * 512, bytes(range(256)) * 2]
"""What may stand in a sector that was not written: zeros, or what another file left there."""


@pytest.mark.parametrize("unwritten", UNWRITTEN, ids=["zeros", "a5", "ff", "counting"])
def test_any_new_sectors_of_what_was_not_synced_may_be_missing(unwritten: bytes) -> None:
    """Sectors reach the disk in any order (Pillai et al., OSDI 2014). Four records here, and what is synced ends with the first one."""
    records: list[Record] = [HardState(3, "S1"), big(900), HardState(4, "S2"), big(700)]
    chunks = written(records)
    kept, sectors = chunks[0], split(b"".join(chunks))
    for is_written in product([True, False], repeat=len(sectors)):
        parts = [sector if there else unwritten[: len(sector)] for sector, there in zip(sectors, is_written, strict=True)]
        if not is_written[0]:
            parts[0] = kept + bytes(512 - len(kept))
        recovered = WriteAheadLog(disk_with(b"".join(parts))).recover()

        assert recovered in [model(records[:count]) for count in range(1, 5)]
        assert (recovered == model(records)) == all(is_written)


@pytest.mark.parametrize("unwritten", UNWRITTEN, ids=["zeros", "a5", "ff", "counting"])
def test_a_checkpoint_that_was_not_synced_may_lack_any_of_its_sectors_and_then_the_file_before_counts(unwritten: bytes) -> None:
    checkpoint = Checkpoint(HardState(9), Snapshot(1, 3, Configuration(("S1",)), b"i" * 1_500), ())
    sectors = split(framed(checkpoint, 2))
    for is_written in product([True, False], repeat=len(sectors)):
        parts = [sector if there else unwritten[: len(sector)] for sector, there in zip(sectors, is_written, strict=True)]
        disk = disk_with(b"".join(CHUNKS))
        disk.append(SECOND, b"".join(parts))

        assert WriteAheadLog(disk).recover() == (model([checkpoint]) if all(is_written) else model(RECORDS))


def test_missing_sectors_are_damage_where_a_later_record_says_that_they_were_synced() -> None:
    records: list[Record] = [HardState(3, "S1"), big(1_500), HardState(4, "S2")]
    chunks = written(records, each_synced=True)
    sectors = split(b"".join(chunks))
    assert len(sectors) == 4
    for missing in range(3):
        check_refused(b"".join([*sectors[:missing], bytes(512), *sectors[missing + 1 :]]), record_number=2 if missing else 1)
    assert WriteAheadLog(disk_with(b"".join(chunks[:2])[:-10])).recover() == model(records[:1])


def test_a_torn_record_and_one_that_came_later_do_not_pass_for_a_whole_one() -> None:
    """The second part of one record stands where that of another should."""
    data = framed(HardState(1), 1) + bytes(512)
    first = framed(big(600), 1, len(framed(HardState(1), 1)))
    other = framed(HardState(7), 1, 512)
    check_refused((data[: len(framed(HardState(1), 1))] + first)[:512] + other, record_number=2)


@pytest.mark.parametrize("over", range(1, 40))
def test_a_last_record_with_a_byte_turned_zero_is_not_taken_for_a_torn_one(over: int) -> None:
    """However few of its bytes stand in the last sector: it may have been synced."""
    data = framed(big(440 + over), 1)
    assert len(data) > 512
    for offset in range(512, len(data)):
        if data[offset]:
            check_refused(data[:offset] + b"\0" + data[offset + 1 :], record_number=1)


def test_zeros_behind_a_bad_record_do_not_excuse_it() -> None:
    bad = bytearray(framed(big(60), 1))
    bad[70] ^= 1

    check_refused(bytes(bad) + bytes(1_024), record_number=1)


def test_every_sector_begins_with_a_head_and_no_client_can_place_one() -> None:
    """A value that contains a record's head stands behind one: so nothing that a client writes is taken for a record."""
    forged = framed(HardState(1), 1, 512, 512)
    text = "".join(map(chr, forged))
    data = framed(LogSuffix(1, (Entry(1, Set("x", text * 60)),)), 1)
    assert len(data) > 2_000
    for sector in split(data)[1:]:
        assert sector[:4] == (0x5AA5C33C).to_bytes(4, "little")
    lost = split(data)
    lost[0] = bytes(512)
    assert WriteAheadLog(disk_with(b"".join(lost))).recover() == model([])


# ---- the log: damage


def check_refused(data: bytes, record_number: int, name: str = FIRST) -> str:
    """The message with which a log with this file refuses to be read; nothing on the disk is changed."""
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
FILE_HEADER, VOTES[0] = VOTES[0][:16], VOTES[0][16:]


def votes_in(order: Sequence[int]) -> bytes:
    """A file that holds these of the votes."""
    return FILE_HEADER + b"".join(VOTES[number] for number in order)


@pytest.mark.parametrize("flips", range(2, 5))
def test_several_flipped_bits_of_one_tag_are_no_sector_that_was_not_written(flips: int) -> None:
    data = bytearray(b"".join(CHUNKS))
    for bit in range(flips):
        data[len(CHUNKS[0])] ^= 1 << bit
    check_refused(bytes(data), record_number=2)


def test_a_file_of_another_version_is_refused_and_says_so() -> None:
    start = b"raft-wal" + (3).to_bytes(4, "little")
    message = check_refused(start + crc32(start).to_bytes(4, "little") + b"what the future brings", record_number=1)
    assert "it is in version 3 of the format, and this program reads version 2" in message


@pytest.mark.parametrize("number", range(5))
def test_a_record_missing_in_the_middle_is_found(number: int) -> None:
    message = check_refused(votes_in([other for other in range(6) if other != number]), record_number=number + 1)

    assert "does not belong to this place in the file" in message


@pytest.mark.parametrize("number", range(5))
def test_a_synced_record_lost_in_the_middle_that_reads_as_zeros_is_found(number: int) -> None:
    votes = written([HardState(term, f"S{term}") for term in range(1, 7)], each_synced=True)
    check_refused(b"".join(votes[:number]) + bytes(len(votes[number])) + b"".join(votes[number + 1 :]), record_number=number + 1)


@pytest.mark.parametrize("number", range(6))
def test_a_record_that_stands_twice_is_found(number: int) -> None:
    check_refused(votes_in(sorted([*range(6), number])), record_number=number + 2)


@pytest.mark.parametrize("number", range(5))
def test_two_records_that_changed_places_are_found(number: int) -> None:
    check_refused(votes_in([*range(number), number + 1, number, *range(number + 2, 6)]), record_number=number + 1)


def test_a_missing_record_is_found_though_the_last_one_is_torn() -> None:
    check_refused(votes_in(range(4)) + VOTES[5][:24], record_number=5)


def test_a_file_under_another_name_is_refused() -> None:
    check_refused(b"".join(written(COMPACTED, 2)), record_number=1, name="wal.3")


@pytest.mark.parametrize(
    "records, number, reason",
    [
        (RECORDS, 1, "wal.2 should begin with a checkpoint, and begins with another record"),
        ([COMPACTED[0], COMPACTED[0]], 2, "a checkpoint should begin a file, and stands behind other records"),
        ([*COMPACTED, COMPACTED[0]], 5, "a checkpoint should begin a file, and stands behind other records"),
        ([COMPACTED[0], LogSuffix(7, (Entry(3),))], 2, "should begin at an index from 8 to 10, and begin at 7"),
        ([COMPACTED[0], LogSuffix(11, (Entry(3),))], 2, "should begin at an index from 8 to 10, and begin at 11"),
        ([Checkpoint(HardState(1), None, (Entry(1),)), LogSuffix(3, ())], 2, "should begin at an index from 1 to 2, and begin at 3"),
    ],
)
def test_whole_records_that_make_no_log_are_refused(records: list[Record], number: int, reason: str) -> None:
    assert reason in check_refused(b"".join(written(records, 2)), number, SECOND)


@pytest.mark.parametrize("cut", range(1, len(written(COMPACTED, 2)[0])))
def test_a_checkpoint_that_is_not_whole_is_refused_where_the_file_before_it_is_gone(cut: int) -> None:
    """The log would be empty without it; and since the file before was removed, it had been reported as kept."""
    disk = disk_with(b"".join(written(COMPACTED, 2))[:cut], SECOND)

    with pytest.raises(CorruptLogError, match=r"of wal\.2, in record 1:"):
        WriteAheadLog(disk).recover()
    assert disk.names() == [SECOND]
    assert len(disk.read(SECOND)) == cut


@pytest.mark.parametrize("payload", [b"\xc1", b"\x93\xa4vote\x01\xc0", b"\x93\xaahard_state\x01\xa1\xff", b"\x93\xaahard_state\x01\xc0\0"])
def test_a_payload_that_is_no_record_is_refused_though_its_checksum_is_right(payload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftcore.storage.records._ENCODER", SimpleNamespace(encode=lambda _record: payload))
    data = framed(HardState(), 1)
    monkeypatch.undo()

    assert "should be a record, and is none" in check_refused(data, record_number=1)


def test_the_error_says_where_what_was_expected_and_what_to_do() -> None:
    data = bytearray(b"".join(CHUNKS))
    offset = len(CHUNKS[0])
    data[offset + 24 + 5] ^= 0x40
    expected = int.from_bytes(CHUNKS[1][20:24], "little")

    message = check_refused(bytes(data), record_number=2)

    assert f"at byte {offset} of wal.1, in record 2" in message
    assert f"should have the checksum {expected:#010x}" in message
    assert "must not start from it" in message
    assert "remove this one from the cluster and add a new one, which gets a new name" in message
