"""A log as it was at one moment: immutable, and cheap to make and to keep.

Entries live in chunks that views share. Appending writes behind the end of the last chunk, which no earlier view
looks at; when something stands there already (a truncated tail that an earlier view still shows), the chunk is copied
first. So a view costs the same in a long log as in a short one.
"""

from collections.abc import Iterator

from immutables import Map
from msgspec import Struct

from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index, Term

CHUNK = 256


class LogView(Struct, frozen=True):
    """A window on shared storage: the entries that follow `base_index`, up to `last_index`. Those before stand in a snapshot (§7).

    >>> log = LogView().append((Entry(1), Entry(1), Entry(2)))
    >>> len(log), log.term_at(3), log.truncate(2).last_index, len(log.compact(2, 1))
    (3, 2, 2, 1)
    """

    last_index: Index = 0
    chunks: Map[int, list[Entry]] = Map()
    base_index: Index = 0
    base_term: Term = 0

    def __len__(self) -> int:
        return self.last_index - self.base_index

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.window(1, self.last_index))

    def __getitem__(self, index: Index) -> Entry:
        """The entry at a log index, counted from 1 as in the paper; IndexError where the log has none."""
        if not self.base_index < index <= self.last_index:
            raise IndexError(f"no entry at index {index}; this log holds {self.base_index + 1} … {self.last_index}")
        chunk, offset = divmod(index - 1, CHUNK)
        return self.chunks[chunk][offset]

    def term_at(self, index: Index) -> Term:
        """The term of the entry at `index`, or of the last one before the log's first entry."""
        return self[index].term if index != self.base_index else self.base_term

    @property
    def end(self) -> tuple[Term, Index]:
        """The term and the index of its last entry: of two logs the one with the greater end is more up to date (§5.4.1)."""
        return self.term_at(self.last_index), self.last_index

    def window(self, first: Index, last: Index) -> tuple[Entry, ...]:
        """The entries first … last, as far as the log has them."""
        begin, end = max(first - 1, self.base_index), min(last, self.last_index)
        found: list[Entry] = []
        while begin < end:
            chunk, offset = divmod(begin, CHUNK)
            found += self.chunks[chunk][offset : offset + end - begin]
            begin = (chunk + 1) * CHUNK
        return tuple(found)

    def truncate(self, last_index: Index) -> "LogView":
        """The same log without the entries after `last_index`."""
        kept = -(-last_index // CHUNK)
        chunks = self.chunks
        for chunk in range(kept, -(-self.last_index // CHUNK)):
            if chunk in chunks:
                chunks = chunks.delete(chunk)
        return LogView(last_index, chunks, self.base_index, self.base_term)

    def compact(self, index: Index, term: Term) -> "LogView":
        """The same log without the entries up to `index`, the last of which has this term."""
        chunks = self.chunks
        for chunk in range(self.base_index // CHUNK, index // CHUNK):
            if chunk in chunks:
                chunks = chunks.delete(chunk)
        return LogView(max(self.last_index, index), chunks, index, term)

    def append(self, entries: tuple[Entry, ...]) -> "LogView":
        """The same log with these entries behind its end."""
        chunks, last_index = self.chunks, self.last_index
        while entries:
            chunk, filled = divmod(last_index, CHUNK)
            storage = chunks.get(chunk)
            if storage is None or len(storage) != filled:
                storage = storage[:filled] if storage else []
                storage += [_ABSENT] * (filled - len(storage))  # stands in a snapshot
                chunks = chunks.set(chunk, storage)
            fitting, entries = entries[: CHUNK - filled], entries[CHUNK - filled :]
            storage.extend(fitting)
            last_index += len(fitting)
        return LogView(last_index, chunks, self.base_index, self.base_term)


_ABSENT = Entry(0)
