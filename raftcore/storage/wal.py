"""The write-ahead log: what a server must not forget (Figure 2, "Persistent state"), as checksummed records in files `wal.1`, `wal.2`, …

Only the newest file is needed, since it begins with a checkpoint of all that the older ones held (`records.py` has the format). But until
its checkpoint is kept the file before stays: a crash may come in between.

A record cut short by a crash was never acknowledged, and is dropped. Any other damage may hide something that was:
then the log refuses to be read, and changes nothing.
"""

from collections.abc import Callable

from raftcore.storage.disk import Disk
from raftcore.storage.records import Damage, Reading, Recovered, file_name, first_checksum, framed, read
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
        self._name = file_name(1)
        self._checksum = first_checksum(1)  # the next record goes on from it

    def append(self, record: HardState | LogSuffix) -> None:
        """Write the record behind the others. It is safe only once a later `sync` has kept it.

        Raises DiskFullError, and has written nothing, where it does not fit.
        """
        data, checksum = framed(record, self._checksum)
        self.disk.append(self._name, data)
        self._checksum = checksum

    def compact(self, checkpoint: Checkpoint) -> None:
        """Go on in a new file that begins with this checkpoint: all that the records so far add up to, synced or not.

        Costs as much as the checkpoint is large. The next `sync` that keeps it removes the files before; until then a crash falls
        back on them. Raises DiskFullError where the checkpoint does not fit beside them: then the log goes on as it was.
        """
        is_new = self._checksum == first_checksum(1)  # without a record: then there is no file before
        generation = self._generation if is_new else self._generation + 1
        name = file_name(generation)
        data, checksum = framed(checkpoint, first_checksum(generation))
        self.disk.append(name, data)
        self._generation, self._name, self._checksum = generation, name, checksum

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once every record appended so far survives a crash: before returning, or later.

        `done(False)` says that some may be lost: the server must stop, and recover from what its disk kept.
        """
        if self._oldest == self._generation:
            self.disk.sync(done)
            return
        covered = self._generation

        def finish(kept: bool) -> None:
            if kept:
                self._remove_before(covered)
            done(kept)

        self.disk.sync(finish)

    def _remove_before(self, generation: int) -> None:
        """Remove the older files, the newest of them first: from then on no recovery falls back past a checkpoint reported as kept."""
        for older in range(generation - 1, self._oldest - 1, -1):
            self.disk.remove(file_name(older))
        self._oldest = max(self._oldest, generation)

    def recover(self) -> Recovered:
        """What the newest file adds up to whose first record is whole. A torn tail is cut off it, and newer files, which a crash cut
        short before their checkpoint was kept, are removed.

        Raises CorruptLogError, and changes nothing on the disk, where anything else is damaged.
        """
        present = _generations(self.disk.names())
        newest = max(present, default=1)
        generation, reading = self._newest_whole(newest, present)
        damage = reading.damage
        if damage and not damage.torn:
            raise CorruptLogError(explain(file_name(generation), damage))

        for unfinished in range(newest, generation, -1):
            self.disk.remove(file_name(unfinished))
        self._generation, self._oldest = generation, min(present, default=1)
        self._name, self._checksum = file_name(generation), reading.checksum
        if damage:
            self.disk.truncate(self._name, damage.offset)
        return reading.recovered

    def _newest_whole(self, newest: int, present: set[int]) -> tuple[int, Reading]:
        generation = newest
        while True:
            name = file_name(generation)
            reading = read(self.disk.read(name), generation)
            if generation == 1 or not reading.holds_nothing:
                return generation, reading
            generation -= 1
            if generation not in present:  # it was removed, so this checkpoint had been reported as kept
                assert reading.damage
                raise CorruptLogError(explain(name, reading.damage))


def _generations(names: list[str]) -> set[int]:
    """The generations of the log's files among these."""
    parts = (name.rpartition(".") for name in names)
    return {int(number) for stem, _, number in parts if stem == "wal" and number.isdecimal()}


def explain(name: str, damage: Damage) -> str:
    """The damage in words, and what to do about it."""
    return (
        f"the write-ahead log is damaged at byte {damage.offset} of {name}, in record {damage.record_number}: {damage.reason}. "
        "The server must not start from it: it may have forgotten a vote, or entries that it acknowledged. Nothing was changed. "
        "Put an intact copy of this very file in its place (an older backup has forgotten the same), "
        "or remove the server from the cluster and add it anew with an empty disk."
    )
