"""A disk in simulated time, which a crash leaves as a crash leaves a real one, and which can go wrong as real ones do.

Only what had been appended when a sync began is kept when it ends. A crash loses the rest, or leaves a torn piece of it.
What a fault lost can be read until the crash, as from the page cache of an operating system, and is gone after it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ControlError, DiskFullError

TORN_WRITE = 0.5
"""Probability that a crash leaves a piece of the first write that was not kept."""


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
        """Let every append up to this one survive a crash, or not."""
        begin = self.settled
        while self.unsynced and self.unsynced[0][0] <= number:
            self.settled = self.unsynced.popleft()[1]
        if not kept and self.settled > begin:
            if self.lost and self.lost[-1][1] == begin:
                begin, _ = self.lost.pop()
            self.lost.append((begin, self.settled))

    def cut(self, length: int) -> None:
        """Forget every byte after the first `length`."""
        del self.content[length:]
        self.settled = min(self.settled, length)
        self.lost = [(begin, min(end, length)) for begin, end in self.lost if begin < length]
        while self.unsynced and self.unsynced[-1][1] > length:
            number, _ = self.unsynced.pop()
            begin = self.unsynced[-1][1] if self.unsynced else self.settled
            if begin < length:
                self.unsynced.append((number, length))

    def crash(self, random: Random) -> None:
        """Lose what isn't kept, but perhaps for a piece of the first append that waited: never all of it."""
        for begin, end in self.lost:
            self.content[begin:end] = bytes(end - begin)
        if self.lost and self.lost[-1][1] == self.settled:
            self.settled, _ = self.lost[-1]
        elif self.unsynced:
            _, first_end = self.unsynced[0]
            self.settled += random.randrange(first_end - self.settled) if random.random() < TORN_WRITE else 0
        self.lost.clear()
        self.unsynced.clear()
        del self.content[self.settled :]

    def kept(self) -> Iterator[range]:
        """Where the bytes stand that a crash leaves as they are."""
        begin = 0
        for lost_begin, lost_end in self.lost:
            yield range(begin, lost_begin)
            begin = lost_end
        yield range(begin, self.settled)


class SimDisk:
    """A Disk whose syncs take `state.sync_ms` simulated milliseconds; with 0 they are done at once.

    `call_after(delay_ms, function)` is the simulated clock's: it calls the function after that time.

    A sync is judged by the faults that the disk has when it ends. What a failed one covered is lost, and what `loses_writes` took is
    too: after a crash the file ends where the last kept byte stands, and a lost write in front of that is zeros. So a write lost in
    the middle leaves a trace; one lost at the end of a file looks as if the crash had come before the sync, and nobody can tell.
    A file that was once appended to stays, though it be empty, until it is removed.
    """

    def __init__(self, call_after: Callable[[float, Callable[[], None]], None], state: DiskState) -> None:
        self.call_after = call_after
        self.state = state
        self.files: dict[str, _File] = {}
        self.appends = 0
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
        """All that was appended to the file, kept or not."""
        file = self.files.get(name)
        return bytes(file.content) if file else b""

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file; a crash loses them until they are synced.

        Raises DiskFullError, and writes nothing, where `capacity_bytes` is less than all files with them.
        """
        if not data:
            return
        if self.state.capacity_bytes is not None:
            self._check_room(name, len(data), self.state.capacity_bytes)
        file = self.files.get(name)
        if file is None:
            file = self.files[name] = _File()
        self.appends += 1
        file.append(self.appends, data)

    def _check_room(self, name: str, more_bytes: int, capacity_bytes: int) -> None:
        used_bytes = sum(len(file.content) for file in self.files.values())
        if used_bytes + more_bytes > capacity_bytes:
            raise DiskFullError(
                f"the disk is full: {used_bytes} of its {capacity_bytes} bytes are used, and {more_bytes} more for {name} do not fit"
            )

    def truncate(self, name: str, length: int) -> None:
        """Cut the file to its first `length` bytes, at once and for good."""
        if file := self.files.get(name):
            file.cut(length)

    def remove(self, name: str) -> None:
        """Let the file be no more, at once and for good."""
        self.files.pop(name, None)

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once everything appended so far is kept, `done(False)` if that fails; neither, if the disk crashes before."""
        # Appends are told apart by number, not by length: after a cut, later ones stand where earlier ones stood.
        last_append = self.appends
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
                file.settle(last_append, kept)
            done(succeeds)

        if self.state.sync_ms == 0:
            finish()
        else:
            self.call_after(self.state.sync_ms, finish)

    def crash(self, random: Random) -> None:
        """Lose every byte that isn't kept, and every sync under way; a torn piece of a lost write may stay in each file."""
        self.crashes += 1
        for file in self.files.values():
            file.crash(random)

    def flip_bit(self, random: Random) -> str:
        """Turn one bit over, drawn from all that is kept; return which, in words. Raises ControlError where nothing is kept."""
        kept = [(name, place) for name, file in self.files.items() for place in file.kept() if place]
        if not kept:
            raise ControlError("the disk keeps nothing yet: there is no bit to flip")
        name, place = random.choices(kept, [len(place) for _, place in kept])[0]
        offset, bit = random.choice(place), random.randrange(8)
        self.files[name].content[offset] ^= 1 << bit
        return f"bit {bit} of byte {offset} of {name}"
