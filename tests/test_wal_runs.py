"""The write-ahead log through crashes at every point, and through long runs at random: nothing that was synced is lost."""

from contextlib import suppress
from functools import partial
from random import Random

import pytest
from simulated import SYNC_MS, Clock, Writer, files, writer_on

from raftcore.storage.records import Recovered
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import CorruptLogError, DiskFullError

# ---- a crash at every point

PLAY = (
    "vote", "write", "sync", "wait", "write", "compact", "write", "wait", "sync", "wait", "vote", "wait", "compact", "compact",
    "sync", "write", "wait", "wait", "sync", "compact", "wait", "wait", "wait", "vote", "sync", "wait", "wait",
)  # fmt: skip


class Stopped(Exception):
    """The power went."""


class StoppingDisk(SimDisk):
    """It stops in the middle of the operation of that number, before or after it took effect."""

    left = 1_000
    after = False

    def _operate(self, act: partial[None]) -> None:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Stopped
        act()
        if self.left == 0:
            raise Stopped

    def append(self, name: str, data: bytes) -> None:
        self._operate(partial(super().append, name, data))

    def truncate(self, name: str, length: int) -> None:
        self._operate(partial(super().truncate, name, length))

    def remove(self, name: str) -> None:
        self._operate(partial(super().remove, name))


def check_kept(writer: Writer) -> Recovered:
    """What is recovered is no less than what was promised, and nothing that never was."""
    possible = writer.states[writer.promised :]
    recovered = writer.recover()
    assert recovered in possible
    return recovered


@pytest.mark.parametrize("steps", range(len(PLAY) + 1))
def test_a_crash_after_any_step_loses_nothing_that_was_synced(steps: int) -> None:
    for seed in range(20):
        writer = writer_on(seed)
        writer.step(*PLAY[:steps])
        expected = writer.states[writer.promised]
        writer.disk.crash(Random(seed))
        assert writer.recover() == expected
        assert len(writer.disk.names()) <= 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("operation", range(1, 17))
def test_a_crash_in_any_operation_of_the_disk_loses_nothing_that_was_synced(operation: int, after: bool) -> None:
    for seed in range(20):
        clock = Clock()
        disk = StoppingDisk(clock.call_after, DiskState(sync_ms=SYNC_MS))
        disk.left, disk.after = operation, after
        writer = Writer(disk, clock, Random(seed))
        if operation < 16:
            with pytest.raises(Stopped):
                writer.step(*PLAY)
        else:
            writer.step(*PLAY)
            assert disk.left == 1  # so every operation had its turn
        disk.left = 1_000
        disk.crash(Random(seed))
        check_kept(writer)
        writer.step(*PLAY)
        disk.crash(Random(seed))
        check_kept(writer)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("operation", range(1, 5))
def test_a_crash_in_the_middle_of_recovery_is_recovered_from(operation: int, after: bool) -> None:
    for seed in range(100):
        clock = Clock()
        disk = StoppingDisk(clock.call_after, DiskState(sync_ms=SYNC_MS))
        writer = Writer(disk, clock, Random(seed))
        writer.step("vote", "sync", "wait", "wait")
        expected = writer.states[-1]
        writer.step("write", "compact", "write", "compact", "write")
        disk.crash(Random(seed))
        disk.left, disk.after = operation, after
        try:
            assert writer.recover() == expected
        except Stopped:
            disk.left = 1_000
            disk.crash(Random(seed))
            assert writer.recover() == expected
        assert disk.names() == ["wal.1"]


# ---- random runs

STEPS = ["vote", "write", "write", "write", "sync", "sync", "wait", "wait", "compact", "crash"]


def play(writer: Writer, steps: int) -> None:
    """Steps at random; after each crash exactly what the disk had reported as kept is there."""
    for _ in range(steps):
        step = writer.random.choice(STEPS)
        if step != "crash":
            writer.step(step)
            continue
        expected = writer.states[writer.promised]
        writer.disk.crash(writer.random)
        assert writer.recover() == expected


@pytest.mark.parametrize("seed", range(200))
def test_whatever_happens_exactly_what_was_synced_is_recovered(seed: int) -> None:
    play(writer_on(seed), steps=150)


@pytest.mark.parametrize("seed", range(200))
def test_a_disk_that_keeps_more_than_it_must_is_no_trouble(seed: int) -> None:
    """A real one may have written any part of what was not synced, of one file more and of another less."""
    writer = writer_on(seed)
    for _ in range(100):
        step = writer.random.choice(STEPS)
        if step != "crash":
            writer.step(step)
            continue
        for file in writer.disk.files.values():
            file.cut(writer.random.randint(file.settled, len(file.content)))
            file.settle(writer.disk.appends, kept=True)
        writer.disk.crash(writer.random)
        check_kept(writer)


@pytest.mark.parametrize("seed", range(200))
def test_a_failed_sync_or_a_full_disk_loses_nothing_that_was_reported_as_kept(seed: int) -> None:
    writer = writer_on(seed)
    random, faults = Random(seed + 1), 0
    for _ in range(200):
        fault = DiskState(sync_ms=random.choice([0, 1, 7]), sync_fails=random.random() < 0.3, capacity_bytes=random.choice([None, 900]))
        writer.disk.become(fault if random.random() < 0.3 else DiskState(sync_ms=SYNC_MS))
        full = False
        try:
            writer.step(writer.random.choice(STEPS[:-1]))
        except DiskFullError:
            full = True
        if writer.failed or full:
            faults += 1
            expected = writer.states[writer.promised]
            writer.disk.crash(random)
            assert writer.recover() == expected
    assert faults


@pytest.mark.parametrize("seed", range(200))
def test_a_disk_that_loses_writes_is_found_out_or_has_lost_the_latest_only(seed: int) -> None:
    writer = writer_on(seed)
    play(writer, steps=writer.random.randrange(50))
    kept = writer.promised
    for _ in range(writer.random.randrange(30)):
        writer.disk.become(DiskState(sync_ms=SYNC_MS, loses_writes=writer.random.random() < 0.3))
        writer.step(writer.random.choice(STEPS[:-1]))
    possible = writer.states[kept:]
    writer.disk.crash(writer.random)
    with suppress(CorruptLogError):
        assert writer.recover() in possible


@pytest.mark.parametrize("seed", range(200))
def test_a_flipped_bit_is_found_or_did_no_harm(seed: int) -> None:
    writer = writer_on(seed)
    writer.step("vote", "sync", "wait", "wait")
    play(writer, steps=60)
    expected = writer.states[writer.promised]
    writer.disk.crash(writer.random)
    flipped = writer.disk.flip_bit(writer.random)
    before = files(writer.disk)
    try:
        assert writer.recover() == expected, flipped
    except CorruptLogError:
        assert files(writer.disk) == before
