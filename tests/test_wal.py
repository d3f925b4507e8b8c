"""The write-ahead log on a simulated disk: its compactions, and what it makes of crashes, damage and a full disk."""

from random import Random

import pytest
from simulated import SYNC_MS, Clock, disk_on, files, ignore, writer_at_once, writer_on

from raftcore.storage.records import Recovered, framed
from raftcore.storage.sim_disk import SimDisk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix, Snapshot
from raftcore.vocabulary.errors import CorruptLogError, DiskFullError, DiskReadError
from raftcore.vocabulary.messages import Entry

# ---- the log through a crash


@pytest.mark.parametrize("seed", range(30))
def test_a_log_goes_on_after_a_power_failure_with_the_record_that_was_not_synced_or_without_it(seed: int) -> None:
    clock = Clock()
    disk = disk_on(clock, sync_ms=1)
    wal = WriteAheadLog(disk)
    wal.append(HardState(1, "S1"))
    wal.sync(ignore)
    clock.run_for(1)
    wal.append(LogSuffix(1, (Entry(1, Set("x", "lost")),)))
    disk.crash(Random(seed))

    wal = WriteAheadLog(disk)
    assert wal.recover() in [Recovered(HardState(1, "S1"), None, entries) for entries in ([], [Entry(1, Set("x", "lost"))])]
    wal.append(LogSuffix(1, (Entry(2, Set("x", "kept")),)))
    wal.sync(ignore)
    clock.run_for(1)
    disk.crash(Random(seed))
    assert WriteAheadLog(disk).recover() == Recovered(HardState(1, "S1"), None, [Entry(2, Set("x", "kept"))])


# ---- recovery: what it has read it writes anew


def test_recovery_writes_what_it_has_read_to_a_new_file_and_the_next_sync_removes_the_others() -> None:
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    before = writer.disk.read("wal.1")
    expected = writer.states[-1]
    assert writer.recover() == expected
    assert writer.disk.names() == ["wal.1", "wal.2"]
    assert writer.disk.read("wal.1") == before
    writer.sync()
    assert writer.disk.names() == ["wal.2"]
    assert writer.recover() == expected


def test_recovery_of_a_disk_without_a_log_writes_nothing() -> None:
    disk = disk_on(Clock())
    assert WriteAheadLog(disk).recover() == Recovered(HardState(), None, [])
    assert disk.names() == []


@pytest.mark.parametrize(
    "fault", [DiskState(sync_ms=0, sync_fails=True), None], ids=["after a failed sync", "after a crash of the process"]
)
def test_what_recovery_read_and_a_sync_then_kept_survives_a_power_failure(fault: DiskState | None) -> None:
    """Without the new file this sync would keep nothing of what the failed one lost, and report success."""
    for seed in range(20):
        writer = writer_at_once()
        writer.step("vote", "sync")
        if fault:
            writer.disk.become(fault)
            writer.step("vote", "write", "sync")
            assert writer.failed
            writer.disk.become(DiskState(sync_ms=0))
        else:
            writer.step("vote", "write")
        writer.disk.process_crash()
        read = writer.recover()
        assert read.hard_state.current_term == 2
        writer.sync()
        writer.disk.crash(Random(seed))
        assert writer.recover() == read


def test_recovery_that_cannot_read_or_has_no_room_changes_nothing() -> None:
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    before, expected = files(writer.disk), writer.states[-1]
    for fault, error in (
        (DiskState(reads_fail=True), DiskReadError),
        (DiskState(capacity_bytes=sum(map(len, before.values()))), DiskFullError),
    ):
        writer.disk.become(fault)
        with pytest.raises(error):
            WriteAheadLog(writer.disk).recover()
        writer.disk.become(DiskState(sync_ms=0))
        assert files(writer.disk) == before
    assert writer.recover() == expected


# ---- compaction: one file takes the place of another


def test_a_compaction_writes_its_checkpoint_and_later_records_stand_behind_it() -> None:
    writer = writer_on(0)
    writer.step("vote", "write", "write")
    before = files(writer.disk)
    writer.compact()
    checkpoint = writer.disk.read("wal.2")
    writer.step("write")

    assert list(before) == ["wal.1"]
    assert writer.disk.read("wal.1") == before["wal.1"]
    assert writer.disk.read("wal.2").startswith(checkpoint)
    assert len(writer.disk.read("wal.2")) > len(checkpoint)


def test_the_file_before_goes_once_a_sync_that_covers_the_checkpoint_is_done() -> None:
    writer = writer_on(0)
    writer.step("vote", "sync")
    writer.clock.run_for(1)
    writer.compact()
    writer.clock.run_for(SYNC_MS)  # the sync that began before the compaction says nothing of the checkpoint
    assert writer.disk.names() == ["wal.1", "wal.2"]
    writer.sync()
    writer.clock.run_for(SYNC_MS - 0.1)
    assert writer.disk.names() == ["wal.1", "wal.2"]
    writer.clock.run_for(0.1)

    assert writer.disk.names() == ["wal.2"]


def test_the_file_before_stays_when_the_sync_fails() -> None:
    writer = writer_on(0)
    writer.step("vote", "write", "sync", "wait", "wait")
    expected = writer.states[-1]
    writer.disk.become(DiskState(sync_ms=SYNC_MS, sync_fails=True))
    writer.step("vote", "compact", "sync", "wait", "wait")
    assert writer.failed
    assert writer.disk.names() == ["wal.1", "wal.2"]
    writer.disk.crash(Random(0))

    assert writer.recover() == expected
    assert writer.disk.read("wal.1")


def test_of_two_compactions_each_waits_for_a_sync_that_covers_it() -> None:
    writer = writer_on(0)
    writer.step("vote", "compact", "sync")
    writer.clock.run_for(1)
    writer.step("vote", "compact")
    writer.clock.run_for(SYNC_MS)
    assert writer.disk.names() == ["wal.2", "wal.3"]
    writer.sync()
    writer.clock.run_for(SYNC_MS)

    assert writer.disk.names() == ["wal.3"]


def test_one_sync_serves_two_compactions() -> None:
    writer = writer_on(0)
    writer.step("vote", "compact", "vote", "compact", "sync", "wait", "wait")

    assert writer.disk.names() == ["wal.3"]


def test_of_the_files_before_the_newest_goes_first_so_that_a_crash_in_between_lets_no_log_fall_back_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer, removed = writer_at_once(), []
    writer.step("vote", "compact", "vote", "compact")
    monkeypatch.setattr(writer.disk, "remove", removed.append)
    writer.sync()

    assert removed == ["wal.2", "wal.1"]


@pytest.mark.parametrize("second_ms", [1, 50])
def test_a_slow_sync_that_ends_after_a_quick_one_brings_no_file_back_and_removes_none_too_early(second_ms: float) -> None:
    writer = writer_on(0)
    writer.step("vote", "compact", "sync")
    writer.disk.become(DiskState(sync_ms=second_ms))
    writer.step("compact", "sync")
    writer.clock.run_for(1)
    assert writer.disk.names() == (["wal.3"] if second_ms == 1 else ["wal.1", "wal.2", "wal.3"])
    writer.clock.run_for(2)
    assert writer.disk.names() == (["wal.3"] if second_ms == 1 else ["wal.2", "wal.3"])
    writer.clock.run_for(50)
    assert writer.disk.names() == ["wal.3"]
    writer.step("vote", "compact", "sync")
    writer.clock.run_for(50)
    assert writer.disk.names() == ["wal.4"]


@pytest.mark.parametrize("seed", range(20))
def test_a_crash_before_either_of_two_compactions_is_kept_falls_back_on_the_newest_file_that_is_whole(seed: int) -> None:
    writer = writer_on(seed)
    writer.step("vote", "write", "sync", "wait", "wait")
    writer.step("vote", "compact", "vote", "compact", "write")
    possible = writer.states[writer.promised :]
    writer.disk.crash(Random(seed))

    assert writer.recover() in possible
    writer.step("sync", "wait", "wait")
    assert len(writer.disk.names()) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_new_server_may_begin_with_a_checkpoint_and_crash(seed: int) -> None:
    checkpoint = Checkpoint(HardState(5), Snapshot(9, 4, Configuration(("S1",)), b"image"), (Entry(5),))
    clock = Clock()
    disk = disk_on(clock, SYNC_MS)
    for last_words in (Recovered(HardState(), None, []), Recovered(checkpoint.hard_state, checkpoint.snapshot, [Entry(5)])):
        wal = WriteAheadLog(disk)
        wal.recover()
        wal.compact(checkpoint)
        if last_words.snapshot:
            wal.sync(ignore)
            clock.run_for(SYNC_MS)
        disk.crash(Random(seed))
        left = Recovered(checkpoint.hard_state, checkpoint.snapshot, [Entry(5)])
        assert WriteAheadLog(disk).recover() in (last_words, left)


def test_a_file_that_came_back_is_not_read_and_goes_with_the_next_sync() -> None:
    """Until a file system has written down that a file is gone, a crash may bring it back."""
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    old = files(writer.disk)
    writer.step("compact", "write", "sync")
    expected = writer.states[-1]
    writer.disk.append("wal.1", old["wal.1"])

    assert writer.recover() == expected
    assert sorted(writer.disk.names()) == ["wal.1", "wal.2", "wal.3"]
    writer.step("vote", "sync")
    assert writer.disk.names() == ["wal.3"]
    assert writer.recover().hard_state.current_term == 2


# ---- compaction: damage


def test_a_damaged_checkpoint_is_refused_though_the_file_before_it_is_still_there() -> None:
    """It may have been kept, and records behind it acknowledged: the older file has forgotten them."""
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    old = writer.disk.read("wal.1")
    writer.step("compact", "sync")
    new = writer.disk.read("wal.2")
    for offset in range(len(new)):
        disk = disk_on(Clock(), sync_ms=0)
        disk.append("wal.1", old)
        disk.append("wal.2", new[:offset] + bytes([new[offset] ^ 1]) + new[offset + 1 :])
        before = files(disk)
        with pytest.raises(CorruptLogError, match=r"of wal\.2, in record 1:"):
            WriteAheadLog(disk).recover()
        assert files(disk) == before


@pytest.mark.parametrize("present", [["wal.2"], ["wal.1", "wal.3"], ["wal.3"]])
def test_a_torn_checkpoint_whose_predecessor_is_gone_is_refused(present: list[str]) -> None:
    disk = disk_on(Clock(), sync_ms=0)
    for name in present:
        disk.append(name, b"torn")
    with pytest.raises(CorruptLogError, match=rf"of {present[-1]}, in record 1:"):
        WriteAheadLog(disk).recover()
    assert disk.names() == present


def test_a_disk_that_lost_the_only_checkpoint_is_refused_and_never_taken_for_a_new_one() -> None:
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    writer.disk.become(DiskState(sync_ms=0, loses_writes=True))
    writer.step("compact", "write", "sync")
    writer.disk.crash(Random(0))

    with pytest.raises(CorruptLogError, match=r"wal\.2, in record 1: it should begin with a checkpoint, and is empty"):
        writer.recover()


@pytest.mark.parametrize("lost", ["vote", "write", "compact"])
def test_a_write_lost_in_the_middle_is_found(lost: str) -> None:
    writer = writer_at_once()
    writer.step("vote", "write", "compact", "vote", "sync")
    writer.disk.become(DiskState(sync_ms=0, loses_writes=True))
    writer.step(lost, "sync")
    writer.disk.become(DiskState(sync_ms=0))
    writer.step("vote", "sync")
    writer.disk.crash(Random(0))

    with pytest.raises(CorruptLogError):
        writer.recover()


# ---- a full disk


def test_a_checkpoint_that_does_not_fit_leaves_the_log_as_it_was() -> None:
    writer = writer_at_once()
    writer.step("vote", "write", "sync")
    writer.disk.become(DiskState(sync_ms=0, capacity_bytes=len(writer.disk.read("wal.1")) + 120))
    state = writer.states[-1]
    with pytest.raises(DiskFullError, match=r"more for wal\.2 do not fit"):
        writer.wal.compact(Checkpoint(state.hard_state, None, (Entry(1, Set("x", "v" * 100)),)))
    writer.step("vote", "sync")
    assert writer.disk.names() == ["wal.1"]
    writer.disk.become(DiskState(sync_ms=0))
    expected = writer.states[-1]
    assert writer.recover() == expected


def test_a_record_that_does_not_fit_is_not_there() -> None:
    writer = writer_at_once()
    writer.step("vote", "sync")
    expected = writer.states[-1]
    writer.disk.become(DiskState(sync_ms=0, capacity_bytes=len(writer.disk.read("wal.1"))))
    with pytest.raises(DiskFullError):
        writer.vote()
    writer.disk.become(DiskState(sync_ms=0))
    assert WriteAheadLog(disk_of(files(writer.disk))).recover() == expected
    writer.vote()  # the log goes on behind the record before

    expected = writer.states[-1]
    assert writer.recover() == expected


def disk_of(content: dict[str, bytes]) -> SimDisk:
    disk = disk_on(Clock(), sync_ms=0)
    for name, data in content.items():
        disk.append(name, data)
    return disk


# ---- the format


def test_the_format_is_what_its_page_says() -> None:
    """Byte for byte, so that a change of the format, or of the size of a sector, can't go unnoticed."""
    first = framed(HardState(1, "S1"), 1)
    assert first[:12] == b"raft-wal\x02\0\0\0"
    assert first[16:20] == bytes.fromhex("3cc3a55a")
    assert int.from_bytes(first[32:34], "little") == len(first) - 40
    assert first[34:36] == b"\x03\0"
    data = framed(LogSuffix(1, (Entry(1, Set("x", "v" * 1_000)),)), 1)
    sectors = [data[begin : begin + 512] for begin in (0, 512)]
    assert [int.from_bytes(sector[place : place + 2], "little") for sector, place in zip(sectors, (32, 16), strict=True)] == [472, 488]


def test_entries_behind_a_snapshot_are_replaced_by_those_that_were_written_over_them() -> None:
    disk = disk_on(Clock(), sync_ms=0)
    wal = WriteAheadLog(disk)
    snapshot = Snapshot(5, 1, Configuration(("S1",)), b"image")
    wal.compact(Checkpoint(HardState(1), snapshot, (Entry(1), Entry(1))))
    wal.append(LogSuffix(7, (Entry(2),)))

    assert WriteAheadLog(disk).recover() == Recovered(HardState(1), snapshot, [Entry(1), Entry(2)])
