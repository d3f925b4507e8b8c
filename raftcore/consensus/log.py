"""The log: entries counted from 1, as in the paper. Up to `base_index` it is compacted away (§7); index 0 has term 0.

Only a true conflict truncates (§5.3). What changed since it was last asked is remembered, so that saving and telling it
needs no help from the rules. So is the configuration: it holds from the moment it stands in the log (§6).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from raftcore.vocabulary.commands import Cas, size_bytes
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index, Term

NOTHING: tuple[Index, tuple[Entry, ...]] = (-1, ())


def _term(entry: Entry) -> Term:
    return entry.term


class Log:
    """One server's log.

    entries: those that follow `base_index`, whose term is `base_term`. last_index, last_term: of the last entry; 0 in an empty log.
    configuration: the latest one, committed or not (§6). configurations: each with the index at which it stands, oldest first; the first
    of them holds at `base_index`.
    version: another number after every change. changed_from: the first index that was written since `forget_changes`, or 0.
    truncated: whether entries were removed since then.
    """

    __slots__ = (
        "_batch", "base_index", "base_term", "changed_from", "configuration", "configurations", "entries", "last_index", "last_term",
        "truncated", "version",
    )  # fmt: skip

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        base_index: Index = 0,
        base_term: Term = 0,
        configuration: Configuration = Configuration(),  # noqa: B008  # a constant: nobody belongs to the cluster
    ) -> None:
        self.version = 0
        self.reset(base_index, base_term, configuration)
        self._extend(tuple(entries))
        self.forget_changes()

    def reset(self, base_index: Index, base_term: Term, configuration: Configuration) -> None:
        """Hold nothing but what a snapshot stands for."""
        self.version += 1
        self.entries: list[Entry] = []
        self.base_index = self.last_index = base_index
        self.base_term = self.last_term = base_term
        self.configuration = configuration
        self.configurations = [(base_index, configuration)]
        self._batch = NOTHING
        self.forget_changes()

    def forget_changes(self) -> None:
        """Start to remember changes anew."""
        self.changed_from: Index = 0
        self.truncated = False

    @property
    def configuration_index(self) -> Index:
        """Where the latest configuration stands."""
        return self.configurations[-1][0]

    def configuration_at(self, index: Index) -> Configuration:
        """The configuration that held when `index` was the last entry."""
        return next(configuration for at, configuration in reversed(self.configurations) if at <= index)

    def term_at(self, index: Index) -> Term:
        """The term of the entry at `index`, from `base_index` to `last_index`."""
        return self.entries[index - self.base_index - 1].term if index > self.base_index else self.base_term

    def has(self, index: Index, term: Term) -> bool:
        """Whether an entry of this term stands at `index`. What is compacted away was committed, so every leader's log agrees there."""
        if index == self.last_index:
            return term == self.last_term
        return index < self.base_index or (index < self.last_index and self.term_at(index) == term)

    def after(self, index: Index, limit: int) -> tuple[Entry, ...]:
        """At most `limit` entries that follow `index`."""
        begin = index - self.base_index
        return tuple(self.entries[begin : begin + limit])

    def batch(self, index: Index, limit: int, limit_bytes: int) -> tuple[Entry, ...]:
        """The same, with at most `limit_bytes` of values, but at least one entry.

        A leader asks the same for each follower, and always with the same limits: so the latest answer is kept.
        """
        if self._batch[0] != index:
            self._batch = index, up_to(self.after(index, limit), limit_bytes)
        return self._batch[1]

    def append(self, entry: Entry) -> Index:
        """Put one entry at the end and return its index."""
        self._mark(self.last_index + 1)
        self._extend((entry,))
        return self.last_index

    def merge(self, prev_log_index: Index, entries: tuple[Entry, ...]) -> Index:
        """Write a leader's entries behind `prev_log_index` and return the index of the last of them (Figure 2, steps 3 and 4).

        Entries that are here already stay untouched: an old message must not remove what followed it.

        >>> log = Log([Entry(1), Entry(1), Entry(2)])
        >>> log.merge(1, (Entry(1),)), log.last_index
        (2, 3)
        >>> log.merge(1, (Entry(1), Entry(3))), [entry.term for entry in log.entries]
        (3, [1, 1, 3])
        """
        index = prev_log_index
        for entry in entries:
            index += 1
            if not self.has(index, entry.term):
                self.replace_from(index, entries[index - prev_log_index - 1 :])
                break
        return prev_log_index + len(entries)

    def compact(self, index: Index) -> None:
        """Let go of the entries up to `index`, which a snapshot stands for."""
        if not self.base_index <= index <= self.last_index:
            raise ValueError(
                f"the log holds the indexes from {self.base_index} to {self.last_index}, so it can't be compacted up to {index}"
            )
        self.version += 1
        term, configuration = self.term_at(index), self.configuration_at(index)
        del self.entries[: index - self.base_index]
        self.base_index, self.base_term = index, term
        self.configurations = [(index, configuration), *(it for it in self.configurations if it[0] > index)]
        if self.changed_from:  # what is gone can't be told or saved any more
            self.changed_from = max(self.changed_from, index + 1)

    def is_ahead_of(self, last_log_index: Index, last_log_term: Term) -> bool:
        """Whether this log is more up to date than one that ends so (§5.4.1): the later term wins, then the longer log."""
        return (self.last_term, self.last_index) > (last_log_term, last_log_index)

    def conflict_at(self, index: Index) -> tuple[Term, Index]:
        """The term that stands at `index` and the first index of that term; or 0 and the first absent index (§5.3, end)."""
        if index > self.last_index:
            return 0, self.last_index + 1
        term = self.term_at(index)
        return term, self.base_index + bisect_left(self.entries, term, key=_term) + 1

    def last_index_of(self, term: Term) -> Index:
        """The last index of a term in this log, or 0 if it has none. Terms never fall along a log, so this is a search by halves."""
        index = self.base_index + bisect_right(self.entries, term, key=_term)
        return index if self.term_at(index) == term else 0

    def replace_from(self, index: Index, entries: tuple[Entry, ...]) -> None:
        """Let the log end with these entries, the first of them at `index`; what stood from there on is gone.

        What is compacted away was committed, and stays. ValueError where the entries would leave a gap.

        >>> log = Log([Entry(1), Entry(2), Entry(3)])
        >>> log.replace_from(3, ()), log.last_index, log.last_term
        (None, 2, 2)
        """
        if index <= self.base_index:
            index, entries = self.base_index + 1, entries[self.base_index + 1 - index :]
        if index > self.last_index + 1:
            raise ValueError(f"the log ends at index {self.last_index}, so it can't go on at index {index}")
        self._mark(index)
        if index <= self.last_index:
            del self.entries[index - self.base_index - 1 :]
            self.last_index = index - 1
            self.last_term = self.term_at(index - 1)
            self.truncated = True
            while self.configuration_index >= index:  # §6: a configuration goes with the entry that brought it
                self.configurations.pop()
            self.configuration = self.configurations[-1][1]
        self._extend(entries)

    def _extend(self, entries: tuple[Entry, ...]) -> None:
        self.entries.extend(entries)
        for index, entry in enumerate(entries, self.last_index + 1):
            if type(entry.command) is Configuration:
                self.configuration = entry.command
                self.configurations.append((index, entry.command))
        if entries:
            self.last_index += len(entries)
            self.last_term = entries[-1].term

    def _mark(self, index: Index) -> None:
        self.version += 1
        self._batch = NOTHING
        if not self.changed_from or index < self.changed_from:
            self.changed_from = index


def up_to(entries: tuple[Entry, ...], limit_bytes: int) -> tuple[Entry, ...]:
    """The first of these entries whose values, also those expected, have at most so many bytes together; at least one."""
    total = 0
    for count, entry in enumerate(entries):
        command = entry.command
        value = getattr(command, "value", "")
        total += len(value) if value.isascii() else size_bytes(value)  # a call for each entry can be felt
        if type(command) is Cas:
            total += size_bytes(command.expected)
        if total > limit_bytes:
            return entries[: max(count, 1)]
    return entries
