"""The write-ahead log: what a server must not forget (Figure 2, "Persistent state"), as checksummed records in files `wal.1`, `wal.2`, …

Only the newest file is needed, since it begins with a checkpoint of all that the older ones held (`records.py` has the format). But until
its checkpoint is kept the older files stay: the power may fail in between.

What recovery can read need not be kept: after a crash of the process alone, unsynced records still stand in the operating system's
cache, and after a failed sync too, where no later sync of the same file keeps them. So recovery writes all that it has read to a new
file, and nothing may be acknowledged before that is synced (PostgreSQL's StartupXLOG syncs its whole data directory for the same reason).
It reads the log once and writes it once, so a restart costs as much as the log is long, which compaction bounds. No file is ever changed
in its middle.

A record that no sync had covered was never acknowledged, and where a power failure left only a part of it, it is dropped with all that
follows. Any other damage may hide something that was acknowledged: then the log refuses to be read, and changes nothing.
"""

from collections.abc import Callable

from raftcore.storage.disk import Disk
from raftcore.storage.records import Damage, Recovered, file_name, framed, newest_whole
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix
from raftcore.vocabulary.errors import CorruptLogError


class WriteAheadLog:
    """Records in the order in which they were appended; an append costs the same however long the log is.

    On a disk that may hold a log already, `recover` comes first. After a sync that failed this log can't be used any more.
    """

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._generation = 1  # of the file that is written
        self._oldest = 1  # generation that is still on the disk
        self._end = 0  # of what was written to that file; 0: it does not exist yet
        self._name = file_name(1)
        self._synced_bytes = 0  # how much of that file a sync has reported as kept

    def append(self, record: HardState | LogSuffix) -> None:
        """Write the record behind the others. It is safe only once a later `sync` has kept it.

        Raises DiskFullError, and has written nothing, where it does not fit.
        """
        data = framed(record, self._generation, self._end, self._synced_bytes)
        self.disk.append(self._name, data)
        self._end += len(data)

    def compact(self, checkpoint: Checkpoint) -> None:
        """Go on in a new file that begins with this checkpoint: all that the records so far add up to, synced or not.

        Costs as much as the checkpoint is large. The next `sync` that keeps it removes the files before; until then a crash falls
        back on them. Raises DiskFullError where the checkpoint does not fit beside them: then the log goes on as it was.
        """
        self._begin(self._generation + 1 if self._end else self._generation, checkpoint)

    def _begin(self, generation: int, checkpoint: Checkpoint) -> None:
        data = framed(checkpoint, generation)
        self.disk.append(file_name(generation), data)
        self._generation, self._name, self._end, self._synced_bytes = generation, file_name(generation), len(data), 0

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once every record appended so far survives a power failure: before returning, or later.

        `done(False)` says that some may be lost: the server must stop, and recover from what its disk kept.
        """
        generation, end = self._generation, self._end

        def finish(kept: bool) -> None:
            if kept:
                if self._oldest < generation:
                    self._remove_before(generation)
                if generation == self._generation:
                    self._synced_bytes = max(self._synced_bytes, end)
            done(kept)

        self.disk.sync(finish)

    def _remove_before(self, generation: int) -> None:
        """Remove the older files, the newest of them first: from then on no recovery falls back past a checkpoint reported as kept."""
        for older in range(generation - 1, self._oldest - 1, -1):
            self.disk.remove(file_name(older))
        self._oldest = generation

    def recover(self) -> Recovered:
        """What the log adds up to: the newest file whose first record is whole. All of that is written to a new file.

        Nothing of it may be acknowledged before a `sync` has kept it. A disk without a log is left as it is.
        Raises CorruptLogError where the file is damaged, DiskReadError where it can't be read, and DiskFullError where the new file does
        not fit beside the others; then nothing was changed on the disk.
        """
        present = generations(self.disk.names())
        if not present:
            return newest_whole([1], lambda _generation: b"")[1].recovered
        generation, reading = newest_whole(present, lambda generation: self.disk.read(file_name(generation)))
        damage, recovered = reading.damage, reading.recovered
        if damage and not damage.torn:
            raise CorruptLogError(explain(file_name(generation), damage))
        self._oldest = present[0]
        self._begin(present[-1] + 1, Checkpoint(recovered.hard_state, recovered.snapshot, tuple(recovered.entries)))
        return recovered


def generations(names: list[str]) -> list[int]:
    """The generations of the log's files among these, in ascending order."""
    parts = (name.rpartition(".") for name in names)
    return sorted(int(number) for stem, _, number in parts if stem == "wal" and number.isdecimal())


def explain(name: str, damage: Damage) -> str:
    """The damage in words, and what to do about it."""
    return (
        f"the write-ahead log is damaged at byte {damage.offset} of {name}, in record {damage.record_number}: {damage.reason}. "
        "The server must not start from it: it may have forgotten a vote, or entries that it acknowledged. Nothing was changed. "
        "While a majority of the servers runs, remove this one from the cluster and add a new one, which gets a new name and an empty disk "
        "(one with the old name could vote a second time; thesis 3.8). "
        "A restart does not help, and neither does an older backup of the file: it has forgotten the same."
    )
