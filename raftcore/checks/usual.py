"""What goes on all the time, and breaks nothing: it is seen in one look, where to ask every invariant would cost three times as much.

Each of these says whether the event is as everybody expects, and if so has taken it in. What they ask for is what the invariants ask for,
all together; tests hold both against each other.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from raftcore.checks.memory import Memory
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import AppendEntriesReply
from raftcore.vocabulary.names import LEADER

Look: TypeAlias = Callable[[int, Any], bool]


class Usual:
    """The common kinds of events, for one memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.servers = memory.servers
        self.looks: dict[type, Look] = {
            ev.EntriesAppended: self.appended,
            ev.Synced: self.synced,
            ev.Committed: self.committed,
            ev.Applied: self.applied,
            AppendEntriesReply: self.acknowledged,
        }

    def appended(self, at: int, event: ev.EntriesAppended) -> bool:
        """Entries behind the end of a log that are the same in another one."""
        server, find = self.servers[event.server], self.memory.logbook.find
        last = server.last
        if last.index != event.first_index - 1:
            return False
        brought = []
        for entry in event.entries:
            found = find(last, entry)
            if found is None:
                return False
            brought.append(found)
            last = found
        if last.entry.term > server.term:
            return False
        server.entries += brought
        server.last = last
        return True

    def synced(self, at: int, event: ev.Synced) -> bool:
        """All that there is has been saved."""
        server = self.servers[event.server]
        last = server.last
        in_log = last.configured[1] if last.configured else server.initial
        if event.last_index != last.index or event.current_term != server.term or in_log is not server.configuration:
            return False
        server.saved_term, server.saved_vote, server.saved_index, server.saved_at = event.current_term, event.voted_for, last.index, at
        return True

    def committed(self, at: int, event: ev.Committed) -> bool:
        """A follower commits what is committed."""
        memory, server, index = self.memory, self.servers[event.server], event.index
        if server.role is LEADER or not server.commit_index <= index <= memory.committed_index:
            return False
        if server.at(index) is not memory.committed[index]:
            return False
        server.commit_index, server.commit_at = index, at
        return True

    def applied(self, at: int, event: ev.Applied) -> bool:
        """The next committed entry comes to what it came to elsewhere, if it was applied elsewhere."""
        memory, server, index = self.memory, self.servers[event.server], event.index
        if index != server.last_applied + 1 or not server.commit_index >= index <= server.saved_index or index in memory.repeats:
            return False
        first = memory.outcomes.first
        if index < len(first):
            if event.changed_key != first[index].changed_key or event.new_value != first[index].new_value:
                return False
        elif index == len(first):
            memory.outcomes.keep(at, event)
        server.last_applied = index
        return True

    def acknowledged(self, at: int, event: ev.MessageSent) -> bool:
        """A follower says what it has saved."""
        reply: AppendEntriesReply = event.message  # type: ignore[assignment]  # it sees no others
        server = self.servers[event.source]
        return reply.match_index <= server.saved_index and reply.term <= server.term
