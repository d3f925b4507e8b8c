"""One real server with nothing around it: no clock, no network, and a disk that syncs at once, or only when it is told to."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from raftcore.consensus.door import Stimulus
from raftcore.hunting.small_world import SYNC, Packet, World
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import Event, Halted, TimerSet
from raftcore.vocabulary.messages import Envelope
from raftcore.vocabulary.names import Address, ServerId

Files: TypeAlias = Mapping[str, bytes]
"""What stands in each file of a disk."""

Told: TypeAlias = Event | Packet
"""What came of a step, in order."""


class SmallDisk:
    """A Disk that began with what an earlier one kept. A crash is a power failure that leaves what is kept, and nothing of anything else.

    kept: what a crash would leave. written: that, and what no sync has kept yet. syncs: what each sync under way will have kept, and whom
    it tells.
    """

    def __init__(self, kept: Files, is_slow: bool) -> None:
        self.kept = dict(kept)
        self.written = dict(kept)
        self.syncs: list[tuple[dict[str, bytes], Callable[[bool], None]]] = []
        self._is_slow = is_slow

    def names(self) -> list[str]:
        """Every file there is."""
        return list(self.written)

    def read(self, name: str) -> bytes:
        """All that was appended to the file, kept or not."""
        return self.written.get(name, b"")

    def append(self, name: str, data: bytes) -> None:
        """Add the bytes to the end of the file. The file itself is there at once."""
        self.written[name] = self.read(name) + data
        self.kept.setdefault(name, b"")

    def remove(self, name: str) -> None:
        """Let the file be no more, at once and for good."""
        for files in (self.kept, self.written):
            files.pop(name, None)

    def sync(self, done: Callable[[bool], None]) -> None:
        """Begin to keep everything appended so far."""
        self.syncs.append((dict(self.written), done))
        if not self._is_slow:
            self.finish_sync()

    def finish_sync(self) -> None:
        """End the sync that began first."""
        covered, done = self.syncs.pop(0)
        self.kept |= covered
        done(True)


class LoneServer:
    """A server of this world, made from what its disk kept; raises CorruptLogError if it does not trust that. told: what came of it."""

    now_ms = 0.0

    def __init__(self, world: World, name: ServerId, kept: Files) -> None:
        self.disk = SmallDisk(kept, world.slow_disks)
        self.told: list[Told] = []
        self._names = world.server_ids
        book, voters = world.rulebook, Configuration(voters=world.server_ids)
        around = self.disk, self, self._send, self._say, self._halted
        self.server = book.server(name, voters, world.config, _draw, book.of_server(name), *around)

    def let(self, stimulus: str | Stimulus) -> None:
        """Let its disk sync, or the server hear something."""
        if stimulus == SYNC:
            self.disk.finish_sync()
        else:
            assert not isinstance(stimulus, str)
            self.server.hear(stimulus)

    # ---- what a server needs around it

    def call_at(self, at_ms: float, act: Callable[[float], None], subject: float) -> None:
        """Wake nobody: a timeout is a choice."""

    def _send(self, source: Address, envelopes: Iterable[Envelope]) -> None:
        by_target = sorted(envelopes, key=lambda envelope: envelope[0])  # no shape knows who was sent to first, so no state may tell
        self.told += [Packet(source, target, message) for target, message in by_target if target in self._names]

    def _say(self, event: Event) -> None:
        if not isinstance(event, TimerSet):  # there is no clock
            self.told.append(event)

    def _halted(self, name: ServerId, reason: str) -> None:
        self.told.append(Halted(self.now_ms, name, reason))


def _draw() -> float:
    """Timeouts are choices; how long they are means nothing."""
    return 0.0
