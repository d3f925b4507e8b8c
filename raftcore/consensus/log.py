"""The log: entries counted from 1, as in the paper; index 0 stands before the first entry and has term 0.

Only a true conflict truncates (§5.3). What changed since it was last asked is remembered, so that saving and telling it
needs no help from the rules.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index, Term


def _term(entry: Entry) -> Term:
    return entry.term


class Log:
    """One server's log.

    last_index: the index of the last entry; 0 in an empty log.
    changed_from: the first index that was written since `forget_changes`, or 0.
    truncated: whether entries were removed since then.
    """

    __slots__ = ("changed_from", "entries", "last_index", "truncated")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)
        self.last_index: Index = len(self.entries)
        self.forget_changes()

    def forget_changes(self) -> None:
        """Start to remember changes anew."""
        self.changed_from: Index = 0
        self.truncated = False

    @property
    def last_term(self) -> Term:
        """The term of the last entry; 0 in an empty log."""
        return self.entries[-1].term if self.entries else 0

    def term_at(self, index: Index) -> Term:
        """The term of the entry at `index`, which the log must have; 0 at index 0."""
        return self.entries[index - 1].term if index else 0

    def has(self, index: Index, term: Term) -> bool:
        """Whether an entry of this term stands at `index`. Index 0 with term 0 is always there."""
        if not index:
            return not term
        return index <= self.last_index and self.entries[index - 1].term == term

    def after(self, index: Index, limit: int) -> tuple[Entry, ...]:
        """At most `limit` entries that follow `index`."""
        return tuple(self.entries[index : index + limit])

    def append(self, entry: Entry) -> Index:
        """Put one entry at the end and return its index."""
        self.entries.append(entry)
        self._mark(self.last_index + 1)
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
                self._replace_from(index, entries[index - prev_log_index - 1 :])
                break
        return prev_log_index + len(entries)

    def is_ahead_of(self, last_log_index: Index, last_log_term: Term) -> bool:
        """Whether this log is more up to date than one that ends so (§5.4.1): the later term wins, then the longer log."""
        return (self.last_term, self.last_index) > (last_log_term, last_log_index)

    def conflict_at(self, index: Index) -> tuple[Term, Index]:
        """The term that stands at `index` and the first index of that term; or 0 and the first absent index (§5.3, end)."""
        if index > self.last_index:
            return 0, self.last_index + 1
        term = self.term_at(index)
        return term, bisect_left(self.entries, term, key=_term) + 1

    def last_index_of(self, term: Term) -> Index:
        """The last index of a term in this log, or 0 if it has none. Terms never fall along a log, so this is a search by halves."""
        index = bisect_right(self.entries, term, key=_term)
        return index if self.term_at(index) == term else 0

    def _replace_from(self, index: Index, entries: tuple[Entry, ...]) -> None:
        if index <= self.last_index:
            del self.entries[index - 1 :]
            self.truncated = True
        self.entries.extend(entries)
        self._mark(index)

    def _mark(self, index: Index) -> None:
        self.last_index = len(self.entries)
        if not self.changed_from or index < self.changed_from:
            self.changed_from = index
