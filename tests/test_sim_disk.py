"""The simulated disk: what was synced is never lost, what wasn't never half stays, and each fault does what it says and no more."""

from functools import partial
from random import Random

import pytest
from simulated import Clock, disk_on, ignore

from raftcore.storage.disk import Disk
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ControlError, DiskFullError, RaftLabError

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
    assert disk.read("a") in (b"one", b"onet", b"onetw")


def test_a_crash_loses_what_was_not_synced_or_leaves_a_piece_of_the_first_write() -> None:
    left = set()
    for seed in range(200):
        disk = disk_on(Clock())
        disk.append("a", b"abcd")
        disk.append("a", b"efgh")
        disk.crash(Random(seed))
        left.add(disk.read("a"))

    assert left == {b"", b"a", b"ab", b"abc"}


def test_a_torn_piece_stays_in_half_of_the_crashes_and_through_the_next_one() -> None:
    torn = 0
    for seed in range(400):
        disk = disk_on(Clock())
        disk.append("a", bytes(1_000))
        disk.crash(Random(seed))
        piece = disk.read("a")
        torn += piece != b""
        disk.crash(Random(seed + 1))
        assert disk.read("a") == piece

    assert 150 < torn < 250


def test_a_write_of_nothing_leaves_nothing_to_lose() -> None:
    for seed in range(10):
        disk = disk_on(Clock())
        disk.append("a", b"")
        disk.crash(Random(seed))
        assert disk.read("a") == b""


def test_a_sync_under_way_dies_with_the_crash() -> None:
    clock, done = Clock(), []
    disk = disk_on(clock)
    disk.append("a", b"old")
    disk.sync(done.append)
    disk.crash(Random(1))
    kept = disk.read("a")
    disk.append("a", b"new")

    clock.run_for(10)
    assert done == []
    disk.crash(Random(3))
    assert disk.read("a") != kept + b"new"


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

    assert (disk.read("a"), disk.read("b")) == (b"12", b"2")


def test_a_disk_without_delay_is_done_at_once() -> None:
    done = []
    disk = disk_on(Clock(), sync_ms=0)
    disk.append("a", b"kept")
    disk.sync(done.append)
    assert done == [True]
    disk.crash(Random(0))

    assert disk.read("a") == b"kept"


def test_a_cut_is_kept_at_once_and_what_comes_after_it_is_no_older() -> None:
    clock = Clock()
    disk = disk_on(clock)
    disk.append("a", b"abcdef")
    disk.sync(ignore)
    clock.run_for(5)
    disk.append("a", b"gh")
    disk.sync(ignore)
    disk.truncate("a", 3)
    disk.append("a", b"xyz")
    clock.run_for(5)  # the sync that began before the cut knows nothing of xyz
    disk.crash(Random(0))

    assert disk.read("a") in (b"abc", b"abcx", b"abcxy")


def test_a_write_cut_in_its_middle_still_waits_for_its_sync() -> None:
    clock = Clock()
    disk = disk_on(clock)
    disk.append("a", b"abcdef")
    disk.truncate("a", 4)
    disk.sync(ignore)
    clock.run_for(5)
    disk.append("a", b"g")
    disk.crash(Random(0))

    assert disk.read("a") == b"abcd"


# ---- the disk: files come and go


def test_a_file_is_there_from_its_first_append_until_it_is_removed() -> None:
    disk: Disk = disk_on(Clock())
    assert disk.names() == []
    disk.append("a", b"")
    assert disk.names() == []
    disk.append("b", b"1")
    disk.append("a", b"2")
    assert disk.names() == ["b", "a"]
    disk.remove("b")
    disk.remove("never there")
    assert (disk.names(), disk.read("b"), disk.read("a")) == (["a"], b"", b"2")


def test_a_file_that_a_crash_left_without_a_byte_is_still_there() -> None:
    disk = disk_on(Clock())
    disk.append("a", b"1")  # one byte: no piece of it is smaller
    disk.crash(Random(0))

    assert (disk.names(), disk.read("a")) == (["a"], b"")


def test_a_removed_file_stays_away_and_a_new_one_of_its_name_is_no_older() -> None:
    clock = Clock()
    disk = disk_on(clock)
    disk.append("a", b"old")
    disk.sync(ignore)
    clock.run_for(5)
    disk.sync(ignore)
    disk.remove("a")
    disk.append("a", b"n")
    clock.run_for(5)  # the sync that began before the removal knows nothing of it
    disk.crash(Random(0))

    assert disk.read("a") == b""


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
    disk.append("a", b"never synced")
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


def test_room_comes_back_when_a_file_is_removed_or_cut_or_the_disk_grows() -> None:
    disk = SimDisk(Clock().call_after, DiskState(capacity_bytes=4))
    disk.append("a", b"1234")
    disk.remove("a")
    disk.append("b", b"1234")
    disk.truncate("b", 2)
    disk.append("b", b"34")
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


def test_a_cut_through_a_lost_write_lets_what_follows_be_kept() -> None:
    clock = Clock()
    disk = disk_on(clock)
    disk.become(DiskState(sync_ms=5, loses_writes=True))
    assert synced(disk, clock, b"lost")
    disk.truncate("a", 2)
    disk.become(DiskState(sync_ms=5))
    assert synced(disk, clock, b"kept")
    disk.crash(Random(0))

    assert disk.read("a") == b"\0\0kept"


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
