"""The simulated disk, and the log on it through crashes: what was synced is never lost, and what wasn't never half stays."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.storage.sim_disk import SimDisk
from raftcore.storage.wal import Recovered, WriteAheadLog
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.durable import HardState, LogSuffix
from raftcore.vocabulary.messages import Entry


class Clock:
    """As much of a simulated clock as a disk needs."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def call_after(self, delay_ms: float, function: Callable[[], None]) -> None:
        self.waiting.append((self.now_ms + delay_ms, function))

    def run_for(self, ms: float) -> None:
        self.now_ms += ms
        due = [function for at_ms, function in self.waiting if at_ms <= self.now_ms]
        self.waiting = [(at_ms, function) for at_ms, function in self.waiting if at_ms > self.now_ms]
        for function in due:
            function()


def ignore() -> None:
    """Stand in for a server that does not care when its sync is done."""


# ---- the disk: what a crash leaves


def test_a_sync_takes_its_time_and_then_what_it_covers_survives() -> None:
    clock, done = Clock(), []
    disk = SimDisk(clock.call_after, sync_ms=5)
    disk.append("a", b"one")
    disk.sync(lambda: done.append(clock.now_ms))
    disk.append("a", b"two")

    clock.run_for(4.9)
    assert done == []
    clock.run_for(0.1)
    assert done == [5.0]
    assert disk.read("a") == b"onetwo"
    disk.crash(Random(0))
    assert disk.read("a") in (b"one", b"onet", b"onetw")


def test_a_crash_loses_what_was_not_synced_or_leaves_a_piece_of_the_first_write() -> None:
    left = set()
    for seed in range(200):
        disk = SimDisk(Clock().call_after, sync_ms=5)
        disk.append("a", b"abcd")
        disk.append("a", b"efgh")
        disk.crash(Random(seed))
        left.add(disk.read("a"))

    assert left == {b"", b"a", b"ab", b"abc"}


def test_a_torn_piece_stays_in_half_of_the_crashes_and_through_the_next_one() -> None:
    torn = 0
    for seed in range(400):
        disk = SimDisk(Clock().call_after, sync_ms=5)
        disk.append("a", bytes(1_000))
        disk.crash(Random(seed))
        piece = disk.read("a")
        torn += piece != b""
        disk.crash(Random(seed + 1))
        assert disk.read("a") == piece

    assert 150 < torn < 250


def test_a_write_of_nothing_leaves_nothing_to_lose() -> None:
    for seed in range(10):
        disk = SimDisk(Clock().call_after, sync_ms=5)
        disk.append("a", b"")
        disk.crash(Random(seed))
        assert disk.read("a") == b""


def test_a_sync_under_way_dies_with_the_crash() -> None:
    clock, done = Clock(), []
    disk = SimDisk(clock.call_after, sync_ms=5)
    disk.append("a", b"old")
    disk.sync(lambda: done.append("old"))
    disk.crash(Random(1))
    kept = disk.read("a")
    disk.append("a", b"new")

    clock.run_for(10)
    assert done == []
    disk.crash(Random(3))
    assert disk.read("a") != kept + b"new"


def test_syncs_overlap_and_each_keeps_what_it_began_with() -> None:
    clock, done = Clock(), []
    disk = SimDisk(clock.call_after, sync_ms=5)
    disk.append("a", b"1")
    disk.sync(lambda: done.append(1))
    clock.run_for(3)
    disk.append("a", b"2")
    disk.append("b", b"2")
    disk.sync(lambda: done.append(2))
    clock.run_for(2)
    assert done == [1]
    disk.append("a", b"3")
    clock.run_for(3)
    assert done == [1, 2]
    disk.crash(Random(0))

    assert (disk.read("a"), disk.read("b")) == (b"12", b"2")


def test_a_disk_without_delay_is_done_at_once() -> None:
    done = []
    disk = SimDisk(Clock().call_after, sync_ms=0)
    disk.append("a", b"kept")
    disk.sync(lambda: done.append(True))
    assert done == [True]
    disk.crash(Random(0))

    assert disk.read("a") == b"kept"


def test_a_cut_is_kept_at_once_and_what_comes_after_it_is_no_older() -> None:
    clock = Clock()
    disk = SimDisk(clock.call_after, sync_ms=5)
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
    disk = SimDisk(clock.call_after, sync_ms=5)
    disk.append("a", b"abcdef")
    disk.truncate("a", 4)
    disk.sync(ignore)
    clock.run_for(5)
    disk.append("a", b"g")
    disk.crash(Random(0))

    assert disk.read("a") == b"abcd"


# ---- the log on the disk


@pytest.mark.parametrize("seed", range(30))
def test_a_log_goes_on_after_a_crash_as_if_the_lost_record_had_never_been(seed: int) -> None:
    clock = Clock()
    disk = SimDisk(clock.call_after, sync_ms=1)
    wal = WriteAheadLog(disk)
    wal.append(HardState(1, "S1"))
    wal.sync(ignore)
    clock.run_for(1)
    wal.append(LogSuffix(1, (Entry(1, Set("x", "lost")),)))
    disk.crash(Random(seed))

    assert wal.recover() == Recovered(HardState(1, "S1"), [])
    wal.append(LogSuffix(1, (Entry(2, Set("x", "kept")),)))
    wal.sync(ignore)
    clock.run_for(1)
    disk.crash(Random(seed))
    assert wal.recover() == Recovered(HardState(1, "S1"), [Entry(2, Set("x", "kept"))])


@given(st.lists(st.sampled_from(["append", "sync", "wait", "crash"]), max_size=40), st.integers(0, 2**32))
def test_whatever_happens_exactly_the_synced_records_are_recovered(steps: list[str], seed: int) -> None:
    clock, random = Clock(), Random(seed)
    disk = SimDisk(clock.call_after, sync_ms=3)
    wal = WriteAheadLog(disk)
    appended: list[Entry] = []
    synced = [0]
    for number, step in enumerate(steps):
        if step == "append":
            appended.append(Entry(number))
            wal.append(LogSuffix(len(appended), (Entry(number),)))
        elif step == "sync":
            wal.sync(partial(synced.append, len(appended)))
        elif step == "wait":
            clock.run_for(2)
        else:
            disk.crash(random)
            del appended[synced[-1] :]
            assert wal.recover().entries == appended
