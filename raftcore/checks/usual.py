"""What goes on all the time, and breaks nothing: it is seen in one look, where to ask every invariant would cost three times as much.

Each of these takes in an event that is as everybody expects, and passes on what is not. What they ask for is what the invariants ask for,
all together; tests hold both against each other.
"""

from raftcore.checks.clients import is_wanted
from raftcore.checks.memory import Memory, ServerMemory
from raftcore.checks.seeing import Handler
from raftcore.checks.violation import Violation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import AppendEntriesReply
from raftcore.vocabulary.names import LEADER


class Usual:
    """The common kinds of events, for one memory. `ask` asks all invariants."""

    def __init__(self, memory: Memory, ask: Handler) -> None:
        self.memory = memory
        self.servers = memory.servers
        self.ask = ask
        self.looks: dict[type, Handler] = {
            ev.EntriesAppended: self.appended,
            ev.Synced: self.synced,
            ev.Committed: self.committed,
            ev.Applied: self.applied,
            AppendEntriesReply: self.acknowledged,
        }

    def appended(self, at: int, event: ev.EntriesAppended) -> Violation | None:
        """A follower puts entries behind the end of its log that are the same in another one."""
        server, find = self.servers[event.server], self.memory.logbook.find
        last = server.last
        if last.index != event.first_index - 1:
            return self.ask(at, event)
        if server.role is LEADER:
            return self._appended_by_leader(at, event, server)
        brought = []
        for entry in event.entries:
            found = find(last, entry)
            if found is None:
                return self.ask(at, event)
            brought.append(found)
            last = found
        if last.entry.term > server.term:
            return self.ask(at, event)
        server.entries += brought
        server.last = last
        return None

    def _appended_by_leader(self, at: int, event: ev.EntriesAppended, server: ServerMemory) -> Violation | None:
        """A leader puts entries of its term behind the end of its log, for which clients have asked."""
        memory, logbook, last = self.memory, self.memory.logbook, server.last
        if last.entry.term > server.term:
            return self.ask(at, event)
        brought = []
        for entry in event.entries:
            last = logbook.write(last, entry, at, event.server)
            if entry.term != server.term or logbook.rival(last) or not is_wanted(memory, entry):
                return self.ask(at, event)
            brought.append(last)
        server.entries += brought
        server.last = last
        return None

    def synced(self, at: int, event: ev.Synced) -> Violation | None:
        """All that there is has been saved, and the vote is the same."""
        server = self.servers[event.server]
        last = server.last
        in_log = last.configured[1] if last.configured else server.bootstrap
        if event.last_index != last.index or event.current_term != server.term or in_log is not server.configuration:
            return self.ask(at, event)
        if event.voted_for != server.saved_vote:
            return self.ask(at, event)
        server.saved_term, server.saved_index, server.saved_at = event.current_term, last.index, at
        return None

    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        """A follower commits what is committed."""
        memory, server, index = self.memory, self.servers[event.server], event.index
        if server.role is LEADER:
            return self._committed_by_leader(at, event, server)
        is_known = server.commit_index <= index <= memory.committed_index
        if not is_known or server.at(index) is not memory.committed[index]:
            return self.ask(at, event)
        server.commit_index, server.commit_at = index, at
        return None

    def _committed_by_leader(self, at: int, event: ev.Committed, server: ServerMemory) -> Violation | None:
        """The latest leader goes on from what is committed, up to an entry of its term, which a single majority has on its disks."""
        memory, known, index = self.memory, self.memory.committed_index, event.index
        written, voters = server.at(index), server.configuration.voters
        goes_on = server.commit_index <= known < index and server.at(known) is memory.committed[known]
        if written is None or server.configuration.is_joint or not goes_on:
            return self.ask(at, event)
        if not written.entry.term == server.term == memory.latest_reign:
            return self.ask(at, event)
        lacking = len(voters) // 2 + 1
        for name in voters:
            voter = self.servers[name]
            if voter.saved_index >= index and (voter.last is written or memory.holds(voter, written)):
                lacking -= 1
                if lacking == 0:
                    return memory.has_committed(at, event)
        return self.ask(at, event)

    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        """The next committed entry comes to what it came to elsewhere, if it was applied elsewhere."""
        memory, server, index = self.memory, self.servers[event.server], event.index
        if index != server.last_applied + 1 or not server.commit_index >= index <= server.saved_index or index in memory.repeats:
            return self.ask(at, event)
        first = memory.outcomes.first
        if index < len(first):
            if event.changed_key != first[index].changed_key or event.new_value != first[index].new_value:
                return self.ask(at, event)
        elif index == len(first):
            if index > memory.committed_index or not memory.outcomes.explains(memory.committed[index].entry.command, event):
                return self.ask(at, event)
            memory.outcomes.keep(at, event)
        server.last_applied = index
        return None

    def acknowledged(self, at: int, event: ev.MessageSent) -> Violation | None:
        """A follower says what it has saved."""
        reply: AppendEntriesReply = event.message  # type: ignore[assignment]  # it sees no others
        server = self.servers[event.source]
        is_right = reply.match_index <= server.saved_index and reply.term <= server.term
        return None if is_right else self.ask(at, event)
