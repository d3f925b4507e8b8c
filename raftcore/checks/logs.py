"""Invariants of logs."""

from raftcore.checks.invariant import Invariant
from raftcore.checks.logbook import Written
from raftcore.checks.memory import ServerMemory
from raftcore.checks.seeing import sees
from raftcore.checks.situations.logs import entry_appended_by_a_leader, entry_replicated
from raftcore.checks.situations.membership import membership_change
from raftcore.checks.violation import Violation
from raftcore.checks.words import members, told
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import LEADER, Index, Term


class LeaderAppendOnly(Invariant):
    """While a server leads, its log only grows: it neither removes nor overwrites anything."""

    name = "Leader Append-Only"
    section = "Figure 3"
    premise = entry_appended_by_a_leader

    @sees(ev.LogTruncated)
    def truncated(self, at: int, event: ev.LogTruncated) -> Violation | None:
        return self._cut(at, event, event.last_index)

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> Violation | None:
        return self._cut(at, event, event.first_index - 1)

    @sees(ev.SnapshotInstalled)
    def installed(self, at: int, event: ev.SnapshotInstalled) -> Violation | None:
        return None if event.kept else self._cut(at, event, event.last_included_index)

    def _cut(self, at: int, event: ev.ServerEvent, kept_index: Index) -> Violation | None:
        server = self.servers[event.server]
        if server.role is not LEADER or kept_index >= server.last.index:
            return None
        sentence = (
            f"{event.server} led in term {server.term}, and removed the entries {kept_index + 1} … {server.last.index} of its own log"
        )
        return self.broken(at, event, sentence, (event.server,), server.role_at)


class LogMatching(Invariant):
    """If two logs, of now or of any earlier time, hold the same term at an index, they are the same up to there; no log has a hole."""

    name = "Log Matching"
    section = "§5.3"
    premise = entry_replicated

    @sees(ev.EntriesAppended, ev.Restarted)
    def appended(self, at: int, event: ev.EntriesAppended | ev.Restarted) -> Violation | None:
        memory = self.memory
        for written in memory.fresh:
            rival = memory.logbook.rival(written)
            if rival:
                return self._differ(at, event, rival, written)
        server = self.servers[event.server]
        if memory.behind.index > server.last.index and isinstance(event, ev.EntriesAppended):
            sentence = f"{event.server} appended entries from {event.first_index} on to a log that ends at {server.last.index}"
            return self.broken(at, event, sentence, (event.server,))
        return None

    @sees(ev.SnapshotTaken)
    def compacted(self, at: int, event: ev.SnapshotTaken) -> Violation | None:
        held = self.servers[event.server].at(event.last_included_index)
        if held is None or held.term == event.last_included_term:
            return None
        what = f"a snapshot that ends with entry {held.index} of term {event.last_included_term}; its log has one of term {held.term} there"
        return self.broken(at, event, f"{event.server} took {what}", (event.server,), held.at)

    @sees(ev.SnapshotInstalled)
    def installed(self, at: int, event: ev.SnapshotInstalled) -> Violation | None:
        server, index = self.servers[event.server], event.last_included_index
        if not event.kept or index > self.memory.committed_index:
            return None
        held, committed = server.at(index), self.memory.committed[index]
        if held is committed:
            return None
        sentence = f"{event.server} kept what follows entry {index} in its log, and that does not follow the snapshot that it installed"
        return self.broken(at, event, sentence, (event.server,), held.at if held else -1, committed.at)

    def _differ(self, at: int, event: ev.ServerEvent, first: Written, second: Written) -> Violation:
        where = f"at index {second.index} in term {second.term}"
        if first.entry != second.entry:
            what = f"two entries stand {where}: {told(first.entry)} at {first.server}, and {told(second.entry)} at {second.server}"
        elif first.server == second.server:
            what = f"{first.server} has held the same entry {where} before, and not with the same in front of it"
        else:
            what = f"{first.server} and {second.server} hold the same entry {where}, and not the same before it"
        return self.broken(at, event, what, tuple(dict.fromkeys((first.server, second.server))), first.at)


class TermsOrdered(Invariant):
    """Terms never fall along a log, its last one is not ahead of the server, and no message is ahead of its sender."""

    name = "Terms Ordered"
    section = "§5.3"
    premise = entry_appended_by_a_leader

    @sees(ev.EntriesAppended, ev.Restarted)
    def appended(self, at: int, event: ev.EntriesAppended | ev.Restarted) -> Violation | None:
        memory, server = self.memory, self.servers[event.server]
        for written in memory.fresh:
            before = written.before
            if before and written.term < before.term:
                sentence = f"the log of {event.server} goes from term {before.term} back to term {written.term} at index {written.index}"
                return self.broken(at, event, sentence, (event.server,), before.at)
        last = memory.brought[-1] if memory.brought else memory.behind
        term = event.current_term if isinstance(event, ev.Restarted) else server.term
        if last.entry.term <= term:
            return None
        how = f"came back in term {term}, with" if isinstance(event, ev.Restarted) else f"is in term {term}, and wrote"
        sentence = f"{event.server} {how} an entry of term {last.term} at index {last.index}"
        return self.broken(at, event, sentence, (event.server,), last.at, server.role_at)

    @sees(AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply, PreVoteReply, InstallSnapshot, InstallSnapshotReply, TimeoutNow)
    def sent(self, at: int, event: ev.MessageSent) -> Violation | None:
        term: Term = event.message.term  # type: ignore[union-attr]  # it sees no others
        server = self.servers[event.source]
        return self._ahead(at, event, server, term) if term > server.term else None

    @sees(PreVote)
    def asked(self, at: int, event: ev.MessageSent) -> Violation | None:
        message: PreVote = event.message  # type: ignore[assignment]  # it sees no others
        server, term = self.servers[event.source], message.next_term - 1
        return self._ahead(at, event, server, term) if term > server.term else None

    def _ahead(self, at: int, event: ev.MessageSent, server: ServerMemory, term: Term) -> Violation:
        what = f"{type(event.message).__name__} of term {term}"
        return self.broken(at, event, f"{server.id} is in term {server.term}, and sent {what}", (server.id,), server.role_at)


class ConfigurationFollowsLog(Invariant):
    """A server goes by the latest configuration in its log, or its snapshot, committed or not; after a truncation by the one before.

    Judged when a server says by which it goes, and each time when its disk has kept what it wrote.
    """

    name = "Configuration Follows Log"
    section = "§6"
    premise = membership_change

    @sees(ev.ConfigurationChanged)
    def changed(self, at: int, event: ev.ConfigurationChanged) -> Violation | None:
        server = self.servers[event.server]
        is_yet_to_be_written = event.index > server.last.index  # a leader says so before it tells of the entry
        if is_yet_to_be_written or server.log_configuration == event.configuration:
            return None
        return self._differs(at, event, server, event.configuration)

    @sees(ev.Synced)
    def saved(self, at: int, event: ev.Synced) -> Violation | None:
        server = self.servers[event.server]
        in_log = server.log_configuration
        if in_log is server.configuration or in_log == server.configuration:
            return None
        return self._differs(at, event, server, server.configuration)

    def _differs(self, at: int, event: ev.ServerEvent, server: ServerMemory, in_force: Configuration) -> Violation:
        stands = server.last.configured
        in_log = f"what stands at index {stands[0]} of its log, {members(stands[1])}" if stands else "that of the start"
        sentence = f"{server.id} goes by the configuration {members(in_force)}, and not by {in_log}"
        return self.broken(at, event, sentence, (server.id,), server.configured_at)
