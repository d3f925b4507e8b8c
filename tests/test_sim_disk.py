"""The simulated disk: what was synced is never lost, of the rest anything may be, and each fault does what it says and no more.

`test_crash_points.py` compares what a power failure leaves with all that is legal.
"""

from functools import partial
from random import Random

import pytest
from simulated import Clock, disk_on, ignore

from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ControlError, DiskFullError, DiskReadError, RaftLabError

# ---- the disk: what a crash leaves


def test_a_sync_takes_its_time_and_then_what_it_covers_survives() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"one")
    disk.sync(lambda kept: done.append((clock.now_ms, kept)))
    disk.append("a", b"two")

    clock.run_for(4.9)
    assert done == []
    clock.run_for(0.1)
    assert done == [(5.0, True)]
    assert disk.read("a") == b"onetwo"
    disk.crash(Random(0))
    assert disk.read("a") in (b"one", b"onet", b"onetw", b"onetwo", b"one\0", b"one\0\0", b"one\0\0\0")


def test_a_sync_that_was_cut_short_is_never_reported_whatever_crashes_after_that() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"one")
    disk.sync(done.append)
    disk.process_crash()
    disk.crash(Random(0))

    clock.run_for(5)
    assert done == []


def test_a_power_failure_leaves_any_part_of_what_was_not_synced() -> None:
    left = set()
    for seed in range(2_000):
        disk = disk_on(Clock())
        disk.append("a", b"abcd")
        disk.append("a", b"efgh")
        disk.crash(Random(seed))
        left.add(disk.read("a"))

    whole = b"abcdefgh"
    assert left == {whole[:end] for end in range(9)} | {bytes(end) for end in range(9)}


def test_sectors_of_512_bytes_are_written_each_as_a_whole_and_in_any_order() -> None:
    left = set()
    for seed in range(3_000):
        disk = disk_on(Clock(), sync_ms=0)
        disk.append("a", b"k" * 100)
        disk.sync(ignore)
        disk.append("a", b"x" * (4 * 512 - 100))
        disk.crash(Random(seed))
        data = disk.read("a")
        if len(data) == 4 * 512:
            sectors = [data[100:512], *(data[begin : begin + 512] for begin in (512, 1024, 1536))]
            assert data[:100] == b"k" * 100
            assert all(sector in (b"x" * len(sector), bytes(len(sector))) for sector in sectors)
            left.add(tuple(sector[0] != 0 for sector in sectors))

    assert len(left) == 16


def test_what_a_power_failure_left_the_next_one_leaves_too() -> None:
    for seed in range(100):
        disk = disk_on(Clock())
        disk.append("a", bytes(1_000))
        disk.append("b", bytes(1_000))
        disk.remove("a")
        disk.crash(Random(seed))
        left = {name: disk.read(name) for name in disk.names()}
        disk.crash(Random(seed + 1))
        assert {name: disk.read(name) for name in disk.names()} == left


def test_a_crash_of_the_process_loses_nothing_but_reports_no_sync() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"one")
    disk.sync(done.append)
    disk.process_crash()
    clock.run_for(10)
    assert done == []
    assert disk.read("a") == b"one"
    disk.sync(done.append)
    clock.run_for(5)
    assert done == [True]
    disk.crash(Random(0))
    assert disk.read("a") == b"one"


def test_a_write_of_nothing_leaves_nothing_to_lose() -> None:
    for seed in range(10):
        disk = disk_on(Clock())
        disk.append("a", b"")
        disk.crash(Random(seed))
        assert disk.names() == []


def test_a_sync_under_way_dies_with_the_crash() -> None:
    lost = 0
    for seed in range(20):
        clock, done = Clock(), []
        disk = disk_on(clock)
        disk.append("a", b"old")
        disk.sync(done.append)
        disk.crash(Random(seed))
        kept = disk.read("a")
        disk.append("a", b"new")
        clock.run_for(10)
        assert done == []
        disk.crash(Random(seed + 3))
        lost += disk.read("a") != kept + b"new"
    assert lost


def test_syncs_overlap_and_each_keeps_what_it_began_with() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"1")
    disk.sync(lambda _: done.append(1))
    clock.run_for(3)
    disk.append("a", b"2")
    disk.append("b", b"2")
    disk.sync(lambda _: done.append(2))
    clock.run_for(2)
    assert done == [1]
    disk.append("a", b"3")
    clock.run_for(3)
    assert done == [1, 2]
    disk.crash(Random(0))

    assert (disk.read("a")[:2], disk.read("b")) == (b"12", b"2")


def test_a_disk_without_delay_is_done_at_once() -> None:
    done = []
    disk = disk_on(Clock(), sync_ms=0)
    disk.append("a", b"kept")
    disk.sync(done.append)
    assert done == [True]
    disk.crash(Random(0))

    assert disk.read("a") == b"kept"


# ---- the disk: faults


def synced(disk: SimDisk, clock: Clock, data: bytes) -> bool:
    """Append and sync; what the disk said of it."""
    said: list[bool] = []
    disk.append("a", data)
    disk.sync(said.append)
    clock.run_for(disk.state.sync_ms)
    return said == [True]


def test_a_slower_disk_lets_the_next_sync_take_longer() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.sync(lambda _: done.append(clock.now_ms))
    disk.become(DiskState(sync_ms=50))
    disk.sync(lambda _: done.append(clock.now_ms))
    for _ in range(100):
        clock.run_for(1)

    assert done == [5.0, 50.0]


def test_a_sync_that_fails_says_so_in_its_time_and_what_it_covered_is_read_until_a_crash() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    assert synced(disk, clock, b"kept")
    disk.become(DiskState(sync_ms=5, sync_fails=True))
    disk.append("a", b"lost")
    disk.sync(done.append)
    clock.run_for(4.9)
    assert done == []
    clock.run_for(0.1)
    assert done == [False]
    assert disk.read("a") == b"keptlost"
    disk.crash(Random(0))

    assert disk.read("a") == b"kept"


def test_a_sync_after_a_failed_one_does_not_keep_what_that_one_lost() -> None:
    clock = Clock()
    disk = disk_on(clock)
    disk.become(DiskState(sync_ms=5, sync_fails=True))
    assert not synced(disk, clock, b"lost")
    disk.become(DiskState(sync_ms=5))
    assert synced(disk, clock, b"kept")
    disk.crash(Random(0))

    assert disk.read("a") == b"\0\0\0\0kept"


@pytest.mark.parametrize("second_ms", [1, 5, 50])
def test_syncs_under_way_fail_with_one_that_fails_since_they_cover_what_it_lost(second_ms: float) -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"1")
    disk.sync(partial(_note, done, 1))
    disk.become(DiskState(sync_ms=second_ms, sync_fails=True))
    disk.append("a", b"2")
    disk.sync(partial(_note, done, 2))
    clock.run_for(min(second_ms, 5))
    disk.become(DiskState(sync_ms=5))
    clock.run_for(50)
    assert sorted(done) == [(1, False), (2, False)]
    disk.crash(Random(0))

    assert disk.read("a") == b""


def _note(done: list[tuple[int, bool]], number: int, kept: bool) -> None:
    done.append((number, kept))


def test_a_disk_that_fails_at_once_says_so_at_once() -> None:
    disk = SimDisk(Clock().call_after, DiskState(sync_ms=0, sync_fails=True))
    assert not synced(disk, Clock(), b"lost")


def test_what_does_not_fit_is_refused_whole_with_a_sentence() -> None:
    disk = SimDisk(Clock().call_after, DiskState(capacity_bytes=10))
    disk.append("a", b"1234")
    disk.append("b", b"567")
    with pytest.raises(DiskFullError, match="the disk is full: 7 of its 10 bytes are used, and 4 more for c do not fit") as caught:
        disk.append("c", b"89ab")
    assert isinstance(caught.value, RaftLabError)
    assert disk.names() == ["a", "b"]
    disk.append("b", b"89a")

    assert disk.read("b") == b"56789a"


def test_room_comes_back_when_a_file_is_removed_or_the_disk_grows() -> None:
    disk = SimDisk(Clock().call_after, DiskState(capacity_bytes=4))
    disk.append("a", b"1234")
    disk.remove("a")
    disk.append("b", b"1234")
    disk.become(DiskState(capacity_bytes=6))
    disk.append("b", b"56")
    disk.become(DiskState(capacity_bytes=2))
    assert disk.read("b") == b"123456"
    with pytest.raises(DiskFullError):
        disk.append("b", b"7")


def test_lost_writes_are_reported_as_kept_and_read_until_a_crash() -> None:
    clock = Clock()
    disk = disk_on(clock)
    assert synced(disk, clock, b"one")
    disk.become(DiskState(sync_ms=5, loses_writes=True))
    assert synced(disk, clock, b"two")
    assert synced(disk, clock, b"three")
    assert disk.read("a") == b"onetwothree"
    disk.crash(Random(0))

    assert disk.read("a") == b"one"


def test_a_write_lost_before_one_that_was_kept_leaves_zeros() -> None:
    clock = Clock()
    disk = disk_on(clock)
    for data, loses_writes in [(b"one", False), (b"two", True), (b"three", False), (b"four", True), (b"five", True)]:
        disk.become(DiskState(sync_ms=5, loses_writes=loses_writes))
        assert synced(disk, clock, data)
    disk.crash(Random(0))
    assert disk.read("a") == b"one\0\0\0three"
    assert synced(disk, clock, b"four")
    disk.become(DiskState(sync_ms=5))
    assert synced(disk, clock, b"five")
    disk.crash(Random(0))

    assert disk.read("a") == b"one\0\0\0three\0\0\0\0five"


def test_a_disk_that_cannot_read_says_so_until_it_can() -> None:
    disk = disk_on(Clock())
    disk.append("a", b"1")
    disk.become(DiskState(sync_ms=5, reads_fail=True))
    with pytest.raises(DiskReadError, match="the disk can't read a ") as caught:
        disk.read("a")
    assert isinstance(caught.value, RaftLabError)
    disk.become(DiskState(sync_ms=5))
    assert disk.read("a") == b"1"


# ---- the disk: a bit that rots


def test_every_bit_that_is_kept_may_flip_and_no_other() -> None:
    clock, flipped = Clock(), set()
    disk = disk_on(clock)
    assert synced(disk, clock, b"k")
    disk.become(DiskState(sync_ms=5, loses_writes=True))
    assert synced(disk, clock, b"lost")
    disk.become(DiskState(sync_ms=5))
    assert synced(disk, clock, b"e")
    disk.append("a", b"never synced")
    disk.append("b", b"never synced")
    for seed in range(400):
        before = disk.read("a")
        said = disk.flip_bit(Random(seed))
        flipped.add(said)
        [offset] = [offset for offset, (old, new) in enumerate(zip(before, disk.read("a"), strict=True)) if old != new]
        bit = (before[offset] ^ disk.read("a")[offset]).bit_length() - 1
        assert before[offset] ^ disk.read("a")[offset] == 1 << bit
        assert said == f"bit {bit} of byte {offset} of a"

    assert flipped == {f"bit {bit} of byte {offset} of a" for bit in range(8) for offset in (0, 5)}


def test_the_same_stream_flips_the_same_bit() -> None:
    said = []
    for _ in range(2):
        disk = disk_on(Clock(), sync_ms=0)
        disk.append("a", bytes(1_000))
        disk.append("b", bytes(1_000))
        disk.sync(ignore)
        said.append(disk.flip_bit(Random(7)))

    assert said[0] == said[1]


def test_an_empty_disk_has_no_bit_to_flip() -> None:
    disk = disk_on(Clock())
    disk.append("a", b"not synced")
    with pytest.raises(ControlError, match="the disk keeps nothing yet"):
        disk.flip_bit(Random(0))
