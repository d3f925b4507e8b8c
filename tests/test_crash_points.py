"""The write-ahead log on a disk that loses power between any two of its operations, with every outcome that is legal then."""

from random import Random

import pytest
from legal_disk import Files, LegalDisk
from simulated import Clock, disk_on, ignore, writer_on

from raftcore.storage.records import Recovered
from raftcore.storage.wal import WriteAheadLog


class CrashPoints:
    """A log whose power may fail before each operation of its disk. seen: what that leaves, and what is recovered from it."""

    def __init__(self, seed: int) -> None:
        self.disk = LegalDisk({}, self.check)
        self.writer = writer_on(seed)
        self.writer.wal = WriteAheadLog(self.disk)
        self.seen: dict[frozenset[tuple[str, bytes]], Recovered] = {}

    def play(self, steps: str) -> None:
        for step in steps.split():
            match step:
                case "done":
                    self.disk.finish_sync()
                case "kill":
                    self.kill()
                case _:
                    self.writer.step(step)
            self.check()

    def kill(self) -> None:
        """The process crashes alone and starts again. What the disk had promised is promised still; what it has read, not yet."""
        self.disk.process_crash()
        self.writer.wal = WriteAheadLog(self.disk)
        assert self.writer.wal.recover() == self.writer.states[-1]

    def check(self) -> None:
        """Whatever the power failure leaves: no less is recovered than was promised, and nothing that never was."""
        writer = self.writer
        possible = writer.states[writer.promised :]
        for left in self.disk.outcomes():
            key = frozenset(left.items())
            if key not in self.seen:
                self.seen[key] = WriteAheadLog(LegalDisk(left)).recover()
            assert self.seen[key] in possible


PLAYS = {
    "records in one sector": "vote sync done write vote write sync done",
    "records over several sectors": "vote sync done big sync vote done big write",
    "syncs that overlap": "vote sync write sync vote done done vote",
    "compaction": "vote write sync done write compact write sync done vote sync done",
    "compaction while a sync is under way": "vote write sync compact done write sync done",
    "two compactions in one sync": "vote write sync done compact vote compact sync done vote",
    "a new server begins with a checkpoint": "compact vote sync done write",
    "a crash of the process": "vote sync done write vote kill sync done vote sync done",
    "crashes of the process while recovery is not synced": "vote write sync done vote kill kill vote sync done",
    "a crash of the process in compaction": "vote write sync done vote compact write kill sync done write",
    "a crash of the process before old files are removed": "vote sync done compact sync kill sync done vote",
}


@pytest.mark.parametrize("steps", PLAYS.values(), ids=list(PLAYS))
def test_wherever_the_power_fails_nothing_is_lost_that_was_synced_and_nothing_refused(steps: str) -> None:
    for seed in range(3):
        CrashPoints(seed).play(steps)


@pytest.mark.parametrize("steps", PLAYS.values(), ids=list(PLAYS))
def test_wherever_the_power_fails_again_in_recovery_the_same_is_recovered(steps: str) -> None:
    points = CrashPoints(0)
    points.play(steps)
    for left, expected in points.seen.items():
        check_recovery(dict(left), expected)


def check_recovery(left: Files, expected: Recovered) -> None:
    """Recovery, its sync and the removal of old files, with a power failure before and after each operation."""

    def check() -> None:
        for again in disk.outcomes():
            assert WriteAheadLog(LegalDisk(again)).recover() == expected

    disk = LegalDisk(left, check)
    wal = WriteAheadLog(disk)
    assert wal.recover() == expected
    wal.sync(ignore)
    disk.finish_sync()
    check()
    assert len(disk.names()) <= 1


@pytest.mark.parametrize("seed", range(100))
def test_the_simulated_disk_leaves_only_what_is_legal(seed: int) -> None:
    """It may also cut a file short anywhere, as where the power fails in the middle of a write."""
    random = Random(seed)
    clock = Clock()
    simulated, legal = disk_on(clock, sync_ms=1), LegalDisk({})
    for number in range(random.randrange(1, 6)):
        name, data = f"f{random.randrange(2)}", bytes([number + 1]) * random.choice([3, 200, 600])
        for disk in (simulated, legal):
            disk.append(name, data)
        if random.random() < 0.3:
            simulated.sync(ignore)
            legal.sync(ignore)
            clock.run_for(1)
            legal.finish_sync()
    simulated.crash(random)
    left = {name: simulated.read(name) for name in simulated.names()}
    assert any(left.keys() == outcome.keys() and all(outcome[name].startswith(left[name]) for name in left) for outcome in legal.outcomes())


def test_the_simulated_disk_leaves_a_whole_write_no_write_and_each_of_two_files_without_the_other() -> None:
    left = set()
    for seed in range(2_000):
        disk = disk_on(Clock())
        disk.append("a", b"AAAA")
        disk.append("b", b"BBBB")
        disk.append("b", b"CCCC")
        disk.crash(Random(seed))
        left.add((disk.read("a"), disk.read("b")))
    assert {(b"AAAA", b"BBBBCCCC"), (b"", b""), (b"AAAA", b""), (b"", b"BBBBCCCC"), (b"AAAA", b"BBBB")} <= left
