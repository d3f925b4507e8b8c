"""A disk in simulated time. It fails as real ones do, and a power failure leaves what it may leave on a real one.

A crash of the process loses nothing that was written, since the operating system keeps it. A power failure keeps all that a sync has
reported as kept. Of the rest it keeps anything, as drawn: every sector goes its own way. Files come and go in order: of those that were
created and removed since the last sync, some are as they were before, from one of them on.
What a failed or a lying sync lost can be read until the power fails, as from the page cache, and is gone then.
"""

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ControlError, DiskFullError, DiskReadError

SECTOR_BYTES = 512
"""What this disk writes as a whole. The write-ahead log has a number of its own: it must not take the disk's word for it."""


class _File:
    """One file: its bytes, how many of them wait for no sync any more, which of those are lost, and the number and end of each
    append that still waits.
    """

    __slots__ = ("content", "lost", "settled", "unsynced")

    def __init__(self) -> None:
        self.content = bytearray()
        self.settled = 0
        self.lost: list[tuple[int, int]] = []  # begin and end, in order; two never touch
        self.unsynced: deque[tuple[int, int]] = deque()

    def append(self, number: int, data: bytes) -> None:
        self.content += data
        self.unsynced.append((number, len(self.content)))

    def settle(self, number: int, kept: bool) -> None:
        """Let every append up to this one survive a power failure, or not."""
        begin = self.settled
        while self.unsynced and self.unsynced[0][0] <= number:
            self.settled = self.unsynced.popleft()[1]
        if not kept and self.settled > begin:
            if self.lost and self.lost[-1][1] == begin:
                begin, _ = self.lost.pop()
            self.lost.append((begin, self.settled))

    def lose_power(self, random: Random) -> None:
        """Lose what a fault lost; and of what no sync has kept, lose anything."""
        for begin, end in self.lost:
            self.content[begin:end] = bytes(end - begin)
        survived = self._survivors(random) if self.unsynced else self.settled
        if survived == self.settled and self.lost and self.lost[-1][1] == self.settled:
            survived, _ = self.lost[-1]
        del self.content[survived:]
        self.settled = survived
        self.lost.clear()
        self.unsynced.clear()

    def _survivors(self, random: Random) -> int:
        """Draw how far the file grew and which of its new sectors were written; return its length. A sector not written reads as zeros."""
        end = random.choice([self.settled, len(self.content), random.randint(self.settled, len(self.content))])
        if random.random() < 0.5:  # the sectors were written in order
            return end
        survived = self.settled
        for begin, sector_end in _sectors(self.settled, end):
            if random.random() < 0.5:
                survived = sector_end
            else:
                self.content[begin:sector_end] = bytes(sector_end - begin)
        return random.choice([survived, end])

    def kept(self) -> Iterator[range]:
        """Where the bytes stand that a power failure leaves as they are."""
        begin = 0
        for lost_begin, lost_end in self.lost:
            yield range(begin, lost_begin)
            begin = lost_end
        yield range(begin, self.settled)


def _sectors(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of these bytes that stand in one sector each."""
    while begin < end:
        sector_end = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield begin, sector_end
        begin = sector_end


class SimDisk:
    """A Disk whose syncs take `state.sync_ms` simulated milliseconds; with 0 they are done at once.

    `call_after(delay_ms, function)` is the simulated clock's: it calls the function after that time.

    A sync is judged by the faults that the disk has when it ends. What a failed one covered is lost, and what `loses_writes` took is
    too: after a power failure the file ends where the last kept byte stands, and a lost write in front of that is zeros. So a write lost in
    the middle leaves a trace; one lost at the end of a file looks as if the power had failed before the sync, and nobody can tell: whatever
    the server wrote elsewhere on this disk, to remember that it had synced, would be lost with it.
    A disk that loses writes keeps the names of files: it loses what they contain.
    """

    def __init__(self, call_after: Callable[[float, Callable[[], None]], None], state: DiskState) -> None:
        self.call_after = call_after
        self.state = state
        self.files: dict[str, _File] = {}
        # Files that came or went since the last sync: the number of the change, and the file of this name that was there before, if any.
        self.unsynced_names: list[tuple[int, str, _File | None]] = []
        self.changes = 0  # appends and removals so far
        self.crashes = 0
        self.failures = 0

    def become(self, state: DiskState) -> None:
        """Behave like this from now on. A sync under way keeps its time, and a file its bytes, though they be more than fit now."""
        self.state = state

    @property
    def keeps_all(self) -> bool:
        """Whether a crash now would lose nothing of what was appended."""
        return not any(file.unsynced or file.lost for file in self.files.values())

    def names(self) -> list[str]:
        """Every file there is, in the order in which they began."""
        return list(self.files)

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not. Raises DiskReadError while `reads_fail`."""
        if self.state.reads_fail:
            raise DiskReadError(f"the disk can't read {name} (input/output error)")
        file = self.files.get(name)
        return bytes(file.content) if file else b""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file; a power failure may lose them until they are synced.

        Raises DiskFullError, and writes nothing, where `capacity_bytes` is less than all files with them.
        """
        if not data:
            return
        if self.state.capacity_bytes is not None:
            self._check_room(name, len(data), self.state.capacity_bytes)
        self.changes += 1
        file = self.files.get(name)
        if file is None:
            self.unsynced_names.append((self.changes, name, None))
            file = self.files[name] = _File()
        file.append(self.changes, data)

    def _check_room(self, name: str, more_bytes: int, capacity_bytes: int) -> None:
        used_bytes = sum(len(file.content) for file in self.files.values())
        if used_bytes + more_bytes > capacity_bytes:
            raise DiskFullError(
                f"the disk is full: {used_bytes} of its {capacity_bytes} bytes are used, and {more_bytes} more for {name} do not fit"
            )

    def remove(self, name: str) -> None:
        """Remove the file; a power failure may bring it back until that is synced."""
        file = self.files.pop(name, None)
        if file:
            self.changes += 1
            self.unsynced_names.append((self.changes, name, file))

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once everything done so far is kept, `done(False)` if that fails; neither, if the server crashes before."""
        last_change = self.changes
        crashes = self.crashes
        failures = self.failures

        def finish() -> None:
            if crashes != self.crashes:
                return
            # What a sync lost that failed meanwhile, this one covers too.
            succeeds = failures == self.failures and not self.state.sync_fails
            if not succeeds:
                self.failures += 1
            kept = succeeds and not self.state.loses_writes
            for file in self.files.values():
                file.settle(last_change, kept)
            if succeeds:
                self.unsynced_names = [change for change in self.unsynced_names if change[0] > last_change]
            done(succeeds)

        if self.state.sync_ms == 0:
            finish()
        else:
            self.call_after(self.state.sync_ms, finish)

    def process_crash(self) -> None:
        """Report no sync that is under way. Everything written can still be read, kept or not."""
        self.crashes += 1

    def crash(self, random: Random) -> None:
        """The power fails. Of what no sync has kept, `random` decides what is left; no sync that is under way is reported."""
        self.crashes += 1
        if self.unsynced_names:
            self._undo_names(random.randint(0, len(self.unsynced_names)))
        for file in self.files.values():
            file.lose_power(random)

    def _undo_names(self, kept: int) -> None:
        """Undo what came and went, the latest first, but for the first `kept` of them."""
        while len(self.unsynced_names) > kept:
            _, name, before = self.unsynced_names.pop()
            if before:
                self.files[name] = before
            else:
                del self.files[name]
        self.unsynced_names.clear()

    def flip_bit(self, random: Random) -> str:
        """Turn one bit over, drawn from all that is kept; return which, in words. Raises ControlError where nothing is kept."""
        kept = [(name, place) for name, file in self.files.items() for place in file.kept() if place]
        if not kept:
            raise ControlError("the disk keeps nothing yet: there is no bit to flip")
        name, place = random.choices(kept, [len(place) for _, place in kept])[0]
        offset, bit = random.choice(place), random.randrange(8)
        self.files[name].content[offset] ^= 1 << bit
        return f"bit {bit} of byte {offset} of {name}"
