"""The write-ahead log through crashes at every point, and through long runs at random: nothing that was synced is lost."""

from contextlib import suppress
from random import Random

import pytest
from simulated import SYNC_MS, Writer, files, writer_on

from raftcore.storage.records import Recovered
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import CorruptLogError, DiskFullError

# ---- through power failures (`test_crash_points.py` goes through every one of them, in short plays)


def check_kept(writer: Writer) -> Recovered:
    """What is recovered is no less than what was promised, and nothing that never was."""
    possible = writer.states[writer.promised :]
    recovered = writer.recover()
    assert recovered in possible
    return recovered


# ---- random runs

STEPS = ["vote", "write", "write", "write", "sync", "sync", "wait", "wait", "compact", "crash", "kill"]


def play(writer: Writer, steps: int) -> None:
    """Steps at random; after each power failure all is there that the disk had reported as kept, and after a crash of the process all."""
    for _ in range(steps):
        step = writer.random.choice(STEPS)
        if step == "crash":
            writer.disk.crash(writer.random)
            check_kept(writer)
        elif step == "kill":
            possible = writer.states[writer.promised :]
            writer.disk.process_crash()
            assert writer.recover() == possible[-1]
            writer.states = possible  # until a sync keeps what was read, a power failure may go back to what was promised before
        else:
            writer.step(step)


@pytest.mark.parametrize("seed", range(200))
def test_whatever_happens_what_was_synced_is_recovered(seed: int) -> None:
    play(writer_on(seed), steps=150)


@pytest.mark.parametrize("seed", range(200))
def test_a_failed_sync_or_a_full_disk_loses_nothing_that_was_reported_as_kept(seed: int) -> None:
    writer = writer_on(seed)
    random, faults = Random(seed + 1), 0
    for _ in range(200):
        fault = DiskState(sync_ms=random.choice([0, 1, 7]), sync_fails=random.random() < 0.3, capacity_bytes=random.choice([None, 900]))
        writer.disk.become(fault if random.random() < 0.3 else DiskState(sync_ms=SYNC_MS))
        full = False
        try:
            writer.step(writer.random.choice(STEPS[:-2]))
        except DiskFullError:
            full = True
        if writer.failed or full:
            faults += 1
            writer.disk.become(DiskState(sync_ms=SYNC_MS))
            writer.disk.crash(random)
            check_kept(writer)
    assert faults


@pytest.mark.parametrize("seed", range(200))
def test_a_disk_that_loses_writes_is_found_out_or_has_lost_the_latest_only(seed: int) -> None:
    writer = writer_on(seed)
    play(writer, steps=writer.random.randrange(50))
    kept = writer.promised
    for _ in range(writer.random.randrange(30)):
        writer.disk.become(DiskState(sync_ms=SYNC_MS, loses_writes=writer.random.random() < 0.3))
        writer.step(writer.random.choice(STEPS[:-2]))
    possible = writer.states[kept:]
    writer.disk.crash(writer.random)
    with suppress(CorruptLogError):
        assert writer.recover() in possible


@pytest.mark.parametrize("seed", range(200))
def test_a_flipped_bit_is_found_or_did_no_harm(seed: int) -> None:
    writer = writer_on(seed)
    writer.step("vote", "sync", "wait", "wait")
    play(writer, steps=60)
    possible = writer.states[writer.promised :]
    writer.disk.crash(writer.random)
    flipped = writer.disk.flip_bit(writer.random)
    before = files(writer.disk)
    try:
        assert writer.recover() in possible, flipped
    except CorruptLogError:
        assert files(writer.disk) == before
