"""A disk that can list all that a power failure may leave of it (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014)."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

SECTOR = 512
FILLS = (b"\0", b"\xa5")
"""What may stand in a new sector that was not written: zeros, or what another file left there."""

Files = Mapping[str, bytes]


class LegalDisk:
    """A Disk whose syncs end when they are told to. `before_each` is called before each operation that changes something.

    No name comes back after it was removed.
    """

    def __init__(self, kept: Files, before_each: Callable[[], None] = lambda: None) -> None:
        self.kept = dict(kept)
        self.written = dict(kept)
        self.changes: list[tuple[str, bytes | None]] = []  # since the last sync that ended: bytes appended, or None for a removal
        self.syncs: list[tuple[int, Callable[[bool], None]]] = []
        self.before_each = before_each

    def names(self) -> list[str]:
        return list(self.written)

    def read(self, name: str) -> bytes:
        return self.written.get(name, b"")

    def append(self, name: str, data: bytes) -> None:
        self.before_each()
        self.changes.append((name, data))
        self.written[name] = self.read(name) + data

    def remove(self, name: str) -> None:
        self.before_each()
        if self.written.pop(name, None) is not None:
            self.changes.append((name, None))

    def sync(self, done: Callable[[bool], None]) -> None:
        self.before_each()
        self.syncs.append((len(self.changes), done))

    def finish_sync(self) -> None:
        """End the sync that began first."""
        self.before_each()
        count, done = self.syncs.pop(0)
        for name, data in self.changes[:count]:
            if data is None:
                self.kept.pop(name, None)
            else:
                self.kept[name] = self.kept.get(name, b"") + data
        del self.changes[:count]
        self.syncs = [(other - count, tell) for other, tell in self.syncs]
        done(True)

    def process_crash(self) -> None:
        """Report no sync that is under way; everything written can still be read."""
        self.syncs.clear()

    def outcomes(self) -> Iterator[dict[str, bytes]]:
        """Everything that a power failure may leave at this moment."""
        for names in self._directories():
            contents = [sorted(self._contents(name)) for name in names]
            for chosen in product(*contents):
                yield dict(zip(names, chosen, strict=True))

    def _directories(self) -> Iterator[list[str]]:
        """The names that there may be: changes of the directory are kept in order."""
        names = list(self.kept)
        yield list(names)
        for name, data in self.changes:
            if data is None:
                names.remove(name)
            elif name not in names:
                names.append(name)
            else:
                continue
            yield list(names)

    def _contents(self, name: str) -> set[bytes]:
        """What the file may contain: each sector as it was at any moment since the last sync that kept it."""
        base = self.kept.get(name, b"")
        full, ends = base, [len(base)]
        for changed, data in self.changes:
            if changed == name and data is not None:
                full += data
                ends.append(len(full))
        begins = range(len(base) // SECTOR * SECTOR, len(full), SECTOR)
        versions = [sorted({min(max(end, begin), begin + SECTOR) for end in ends}) for begin in begins]
        found = set()
        for chosen in product(*versions):
            for fill in FILLS:
                found |= set(_with_gaps(base, full, begins, chosen, fill))
        return found


def _with_gaps(base: bytes, full: bytes, begins: range, ends: tuple[int, ...], fill: bytes) -> Iterator[bytes]:
    """The file in which each of these sectors was written up to its end, as it is read: as long as it grew, or as was written."""
    content = bytearray(base[: begins.start])
    for begin, end in zip(begins, ends, strict=True):
        is_new = begin >= len(base)
        is_unwritten = is_new and end == begin
        rest = min(begin + SECTOR, len(full)) - end
        content += full[begin:end] + (fill if is_unwritten else b"\0") * rest
    yield bytes(content)
    written = max([len(base), *(end for begin, end in zip(begins, ends, strict=True) if end > begin)])
    yield bytes(content[:written])
