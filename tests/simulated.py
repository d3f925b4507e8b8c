"""As much of a simulated world as a disk and a write-ahead log need."""

from collections.abc import Callable
from functools import partial
from random import Random

from raftcore.storage.records import Recovered
from raftcore.storage.sim_disk import SimDisk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix, Snapshot
from raftcore.vocabulary.messages import Entry

SYNC_MS = 3


class Clock:
    """It calls what is due, in order of time, and then of request."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def call_after(self, delay_ms: float, function: Callable[[], None]) -> None:
        self.waiting.append((self.now_ms + delay_ms, function))

    def run_for(self, ms: float) -> None:
        self.now_ms += ms
        due = [(at_ms, function) for at_ms, function in self.waiting if at_ms <= self.now_ms]
        self.waiting = [(at_ms, function) for at_ms, function in self.waiting if at_ms > self.now_ms]
        for _, function in sorted(due, key=lambda one: one[0]):
            function()


def disk_on(clock: Clock, sync_ms: float = 5) -> SimDisk:
    return SimDisk(clock.call_after, DiskState(sync_ms=sync_ms))


def ignore(kept: bool) -> None:
    """Stand in for a server that does not care when its sync is done."""


class Writer:
    """A server, as far as its log sees one. `states` holds what the log added up to after each write, and `promised` is the number of
    the state that a sync has reported as kept.
    """

    def __init__(self, disk: SimDisk, clock: Clock, random: Random) -> None:
        self.disk = disk
        self.clock = clock
        self.random = random
        self.wal = WriteAheadLog(disk)
        self.states = [Recovered(HardState(), None, [])]
        self.promised = 0
        self.failed = False

    def vote(self) -> None:
        before = self.states[-1]
        hard_state = HardState(before.hard_state.current_term + 1, self.random.choice([None, "S1"]))
        self.wal.append(hard_state)
        self.states.append(Recovered(hard_state, before.snapshot, before.entries))

    def big(self) -> None:
        """One entry that takes more than one sector."""
        before = self.states[-1]
        entry = Entry(len(self.states), Set("x", "v" * 600))
        self.wal.append(LogSuffix(last_included(before) + len(before.entries) + 1, (entry,)))
        self.states.append(Recovered(before.hard_state, before.snapshot, [*before.entries, entry]))

    def write(self) -> None:
        """Entries behind the log, or in place of some of its last ones."""
        before = self.states[-1]
        kept = max(0, len(before.entries) - self.random.choice([0, 0, 1, 3]))
        new = [Entry(len(self.states), Set("x", "v" * self.random.randrange(30))) for _ in range(self.random.randrange(3))]
        self.wal.append(LogSuffix(last_included(before) + kept + 1, tuple(new)))
        self.states.append(Recovered(before.hard_state, before.snapshot, before.entries[:kept] + new))

    def compact(self) -> None:
        """Let a snapshot stand in for some of the log, or for none of it."""
        before = self.states[-1]
        count = self.random.randint(0, len(before.entries))
        snapshot = before.snapshot
        if count:
            image = bytes(self.random.randrange(1_500))
            snapshot = Snapshot(last_included(before) + count, before.entries[count - 1].term, Configuration(("S1",)), image)
        after = Recovered(before.hard_state, snapshot, before.entries[count:])
        self.wal.compact(Checkpoint(after.hard_state, after.snapshot, tuple(after.entries)))
        self.states.append(after)

    def sync(self) -> None:
        self.wal.sync(partial(self._synced, len(self.states) - 1))

    def _synced(self, number: int, kept: bool) -> None:
        if kept:
            self.promised = max(self.promised, number)
        else:
            self.failed = True

    def wait(self) -> None:
        self.clock.run_for(2)

    def recover(self) -> Recovered:
        """Start again, and take what the log holds for what is known."""
        self.wal = WriteAheadLog(self.disk)
        recovered = self.wal.recover()
        self.states, self.promised, self.failed = [recovered], 0, False
        return recovered

    def step(self, *names: str) -> None:
        for name in names:
            getattr(self, name)()


def last_included(state: Recovered) -> int:
    return state.snapshot.last_included_index if state.snapshot else 0


def writer_at_once() -> Writer:
    clock = Clock()
    return Writer(disk_on(clock, sync_ms=0), clock, Random(0))


def writer_on(seed: int) -> Writer:
    clock = Clock()
    return Writer(disk_on(clock, SYNC_MS), clock, Random(seed))


def files(disk: SimDisk) -> dict[str, bytes]:
    return {name: disk.read(name) for name in disk.names()}
