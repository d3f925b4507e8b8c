"""Every log entry that was ever written, once, each with the one before it.

So two logs agree up to an index if and only if they hold the same Written there: no check compares logs entry by entry, and the
logs of all servers share what they have in common.
"""

from msgspec import Struct

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index, ServerId, Term


class Written(Struct, gc=False, eq=False):
    """An entry where it stands in some log: behind `before`, which is None where what came before is not known.

    at, server: where the trace first tells of it, and in whose log. configured: the latest configuration up to here, this included, and
    its index. older: what else was written at this index, before this.
    """

    index: Index
    entry: Entry
    before: "Written | None"
    at: int = -1
    server: ServerId = ""
    configured: tuple[Index, Configuration] | None = None
    older: "Written | None" = None

    @property
    def term(self) -> Term:
        """The entry's term."""
        return self.entry.term

    def reaches(self, other: "Written") -> bool:
        """Whether a log that ends here holds the other, or may hold it, where too little is known."""
        here: Written | None = self
        while here is not None and here.index > other.index:
            here = here.before
        return here is None or here is other


class Logbook:
    """All that was written, by index. `start` is where every log begins: index 0, of term 0."""

    def __init__(self) -> None:
        self.start = Written(0, Entry(0), None)
        self._latest: dict[Index, Written] = {0: self.start}

    def find(self, before: Written, entry: Entry) -> Written | None:
        """The entry behind `before`, if it was ever written there."""
        found = self._latest.get(before.index + 1)
        while found is not None:
            if found.before is before and (found.entry is entry or found.entry == entry):
                return found
            found = found.older
        return None

    def write(self, before: Written, entry: Entry, at: int, server: ServerId) -> Written:
        """The entry behind `before`: what stands there already, if it was written before."""
        found = self.find(before, entry)
        if found is not None:
            return found
        index, command = before.index + 1, entry.command
        configured = (index, command) if type(command) is Configuration else before.configured
        written = self._latest[index] = Written(index, entry, before, at, server, configured, self._latest.get(index))
        return written

    def rival(self, written: Written) -> Written | None:
        """Something else that was written at the same index in the same term, if anything was."""
        other = self._latest.get(written.index)
        while other is not None and (other is written or other.term != written.term):
            other = other.older
        return other

    def forget(self, written: Written) -> None:
        """Take back what nobody has heard of."""
        newer, here = None, self._latest.get(written.index)
        while here is not None and here is not written:
            newer, here = here, here.older
        if here is None:
            return
        if newer is not None:
            newer.older = here.older
        elif here.older is not None:
            self._latest[written.index] = here.older
        else:
            del self._latest[written.index]
