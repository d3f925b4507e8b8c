"""The two that all others serve: what is committed is in every later leader's log, and every server does the same with it."""

import msgspec

from raftcore.checks.invariant import Invariant
from raftcore.checks.logbook import Written
from raftcore.checks.memory import Memory
from raftcore.checks.seeing import sees
from raftcore.checks.situations.elections import leader_elected_after_a_commit
from raftcore.checks.situations.logs import entry_applied_again
from raftcore.checks.violation import Violation
from raftcore.checks.words import clip, told
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.durable import Image
from raftcore.vocabulary.names import LEADER, ServerId, Term

_IMAGES = msgspec.msgpack.Decoder(Image)


class LeaderCompleteness(Invariant):
    """What was committed in a term is in the log of every leader of a later term, from its election on. A deposed leader that does not

    know it yet is of an earlier term, and is not meant.
    """

    name = "Leader Completeness"
    section = "§5.4"
    premise = leader_elected_after_a_commit

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.reigns: list[tuple[Term, int, ServerId, Written]] = []

    @sees(ev.RoleChanged)
    def elected(self, at: int, event: ev.RoleChanged) -> Violation | None:
        if event.role is not LEADER:
            return None
        memory, server = self.memory, self.servers[event.server]
        self.reigns.append((event.term, at, event.server, server.last))
        known = memory.committed_before(event.term)
        if memory.holds(server, memory.committed[known]):
            return None
        missing = memory.first_missing(server, known)
        known_by = memory.commitments[missing.index]
        return self._lacks(at, event, event.server, event.term, missing, known_by.term, known_by.at)

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        """A commitment may be known only after a later leader's election; then that leader has had the entry all the same."""
        server = self.servers[event.server]
        written = server.at(event.index)
        is_late = event.index > self.memory.committed_index and server.term < self.memory.latest_reign
        if not is_late or written is None:
            return None
        for term, elected_at, leader, last in self.reigns:
            if term > server.term and not last.reaches(written):
                return self._lacks(at, event, leader, term, written, server.term, elected_at)
        return None

    def _lacks(self, at: int, event: ev.ServerEvent, leader: ServerId, term: Term, missing: Written, was: Term, seen_at: int) -> Violation:
        what = f"{told(missing.entry)} at index {missing.index}, which is committed since term {was}"
        return self.broken(at, event, f"{leader} leads in term {term} without {what}", (leader,), missing.at, seen_at)


class StateMachineSafety(Invariant):
    """No two servers commit or apply different commands at an index, all come to the same, and a snapshot holds just that."""

    name = "State Machine Safety"
    section = "§5.4.3"
    premise = entry_applied_again

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        memory, server = self.memory, self.servers[event.server]
        known = min(event.index, memory.committed_index, server.last.index)
        if server.at(known) is memory.committed[known] or memory.holds(server, memory.committed[known]):
            return None
        other = memory.first_missing(server, known)
        own = server.at(other.index)
        first = memory.commitments[other.index]
        mine = told(own.entry) if own else "something else"
        sentence = f"{event.server} committed {mine} at index {other.index}, where {first.server} had committed {told(other.entry)}"
        return self.broken(at, event, sentence, (first.server, event.server), first.at, other.at, own.at if own else -1)

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        outcomes = self.memory.outcomes
        if event.index >= len(outcomes.first):
            return None
        first = outcomes.first[event.index]
        if event.changed_key == first.changed_key and event.new_value == first.new_value:
            return None
        sentence = f"{first.server} applied index {event.index} so that {effect(first)}, and {event.server} so that {effect(event)}"
        return self.broken(at, event, sentence, (first.server, event.server), outcomes.first_at[event.index])

    @sees(ev.SnapshotTaken)
    def compacted(self, at: int, event: ev.SnapshotTaken) -> Violation | None:
        server, index = self.servers[event.server], event.last_included_index
        if index <= server.last_applied:
            return None
        sentence = f"{event.server} took a snapshot that ends at index {index}, and has applied no more than {server.last_applied}"
        return self.broken(at, event, sentence, (event.server,))

    @sees(ev.SnapshotInstalled)
    def installed(self, at: int, event: ev.SnapshotInstalled) -> Violation | None:
        memory, index = self.memory, event.last_included_index
        if index > memory.committed_index:
            sentence = f"{event.server} installed a snapshot that ends at index {index}, which nobody has committed"
            return self.broken(at, event, sentence, (event.server,))
        written, commitment = memory.committed[index], memory.commitments[index]
        problem = ""
        if written.term != event.last_included_term:
            problem = f"that entry is of term {event.last_included_term}; {commitment.server} committed one of term {written.term} there"
        elif memory.outcomes.store(index) != store_of(event.data):
            problem = "its store is not what the entries up to there come to"
        if not problem:
            return None
        sentence = f"{event.server} installed a snapshot that ends at index {index}, and {problem}"
        return self.broken(at, event, sentence, (event.server, commitment.server), commitment.at)


def effect(event: ev.Applied) -> str:
    """What an entry did to the store, in words."""
    return "nothing changed" if event.changed_key is None else f"{clip(event.changed_key)} held {clip(event.new_value)}"


def store_of(data: bytes) -> dict[str, str] | None:
    """The store that a snapshot holds; None where it is no image."""
    try:
        return _IMAGES.decode(data).kv_store
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
