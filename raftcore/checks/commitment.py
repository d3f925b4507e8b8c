"""Invariants of how a leader commits, and of what only grows."""

from collections import defaultdict
from collections.abc import Collection

from raftcore.checks.invariant import Invariant
from raftcore.checks.logbook import Written
from raftcore.checks.memory import Memory, ServerMemory
from raftcore.checks.seeing import sees
from raftcore.checks.situations.elections import leader_with_uncommitted_entries
from raftcore.checks.situations.logs import entry_committed, follower_matched
from raftcore.checks.situations.membership import joint_decision
from raftcore.checks.violation import Violation
from raftcore.checks.words import listed
from raftcore.trace.view import voter_groups
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntriesReply, InstallSnapshotReply
from raftcore.vocabulary.names import LEADER, Index, ServerId

_NOTHING_KNOWN: tuple[Index, int] = (0, -1)


class CommitOnlyOwnTerm(Invariant):
    """By counting, a leader commits entries of its own term only, and with them those before; nobody commits ahead of all leaders."""

    name = "Commit Only Own Term"
    section = "§5.4.2"
    premise = leader_with_uncommitted_entries

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        server = self.servers[event.server]
        if server.role is not LEADER:
            if event.index <= self.memory.committed_index:
                return None
            sentence = f"{event.server} does not lead, and committed index {event.index}, which no leader has committed"
            return self.broken(at, event, sentence, (event.server,), server.role_at)
        written = server.at(event.index)
        if written is None or written.term == server.term:
            return None
        what = f"committed index {event.index} by counting, where an entry of term {written.term} stands"
        sentence = f"{event.server} leads in term {server.term}, and {what}"
        return self.broken(at, event, sentence, (event.server,), written.at, server.role_at)


class CommittedIsDurable(Invariant):
    """What a leader commits is on the disks of a quorum. So an entry is on a disk before it is acknowledged or applied, and stays there."""

    name = "Committed Is Durable"
    section = "Figure 2"
    premise = entry_committed

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        server = self.servers[event.server]
        if server.role is not LEADER or (written := server.at(event.index)) is None:
            return None
        for voters in voter_groups(server.configuration):
            keep = self._who_keeps(written, voters)
            if 2 * len(keep) <= len(voters):
                sentence = f"{event.server} committed index {event.index}, which of {listed(voters)} {_have_on_disk(keep)}"
                return self.broken(at, event, sentence, (event.server,), written.at)
        return None

    def _who_keeps(self, written: Written, names: tuple[ServerId, ...]) -> list[ServerId]:
        servers, index, holds = self.servers, written.index, self.memory.holds
        return [name for name in names if (it := servers[name]).saved_index >= index and (it.last is written or holds(it, written))]

    @sees(AppendEntriesReply)
    def acknowledged(self, at: int, event: ev.MessageSent) -> Violation | None:
        reply: AppendEntriesReply = event.message  # type: ignore[assignment]  # it sees no others
        server = self.servers[event.source]
        if reply.match_index <= server.saved_index or not reply.success or reply.term != server.term:
            return None
        return self._unsaved(at, event, event.source, f"acknowledged its log up to index {reply.match_index}")

    @sees(InstallSnapshotReply)
    def installed(self, at: int, event: ev.MessageSent) -> Violation | None:
        reply: InstallSnapshotReply = event.message  # type: ignore[assignment]  # it sees no others
        if not reply.installed or reply.last_included_index <= self.servers[event.source].saved_index:
            return None
        return self._unsaved(at, event, event.source, f"acknowledged a snapshot up to index {reply.last_included_index}")

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        if event.index <= self.servers[event.server].saved_index:
            return None
        return self._unsaved(at, event, event.server, f"applied the entry at index {event.index}")

    def _unsaved(self, at: int, event: ev.Event, name: ServerId, what: str) -> Violation:
        server = self.servers[name]
        return self.broken(at, event, f"{name} {what}, and has on its disk no more than {server.saved_index}", (name,), server.saved_at)

    @sees(ev.Synced)
    def saved(self, at: int, event: ev.Synced) -> Violation | None:
        last_index = self.servers[event.server].last.index
        if event.last_index == last_index:
            return None
        sentence = f"{event.server} says that its disk keeps its log up to index {event.last_index}, and its log ends at {last_index}"
        return self.broken(at, event, sentence, (event.server,))

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> Violation | None:
        memory, server = self.memory, self.servers[event.server]
        kept, brought, saved_index = memory.behind.index, memory.brought, server.saved_index
        has_it = saved_index <= kept or (saved_index <= kept + len(brought) and brought[saved_index - kept - 1] is server.at(saved_index))
        if has_it:
            return None
        sentence = f"{event.server} had its log up to index {saved_index} on its disk, and came back from a crash without some of that"
        return self.broken(at, event, sentence, (event.server,), server.saved_at)


def _have_on_disk(names: list[ServerId]) -> str:
    """Who has something there, where a majority should, as a clause."""
    if not names:
        return "nobody has on disk"
    return f"only {listed(names)} {'has on its disk' if len(names) == 1 else 'have on their disks'}"


class MonotonicCommit(Invariant):
    """Until a crash, what a server has committed and applied only grows; it applies what is committed, in order; nothing committed goes."""

    name = "Monotonic Commit"
    section = "Figure 2"
    premise = entry_committed

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        server, index = self.servers[event.server], event.index
        if server.commit_index <= index <= server.last.index:
            return None
        how = f"after {server.commit_index}" if index < server.commit_index else f"with a log that ends at {server.last.index}"
        return self.broken(at, event, f"{event.server} committed index {index} {how}", (event.server,), server.commit_at)

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        server, index = self.servers[event.server], event.index
        if index == server.last_applied + 1 and index <= server.commit_index:
            return None
        how = f"and has committed {server.commit_index}" if index > server.commit_index else f"after {server.last_applied}"
        return self.broken(at, event, f"{event.server} applied index {index} {how}", (event.server,), server.commit_at)

    @sees(ev.LogTruncated)
    def truncated(self, at: int, event: ev.LogTruncated) -> Violation | None:
        return self._cut(at, event, event.last_index)

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> Violation | None:
        return self._cut(at, event, event.first_index - 1)

    @sees(ev.SnapshotInstalled)
    def installed(self, at: int, event: ev.SnapshotInstalled) -> Violation | None:
        server, index = self.servers[event.server], event.last_included_index
        return self._back(at, event, server, index) if index < server.commit_index else None

    def _cut(self, at: int, event: ev.ServerEvent, kept_index: Index) -> Violation | None:
        server = self.servers[event.server]
        is_cut = kept_index < server.last.index
        return self._back(at, event, server, kept_index) if is_cut and kept_index < server.commit_index else None

    def _back(self, at: int, event: ev.ServerEvent, server: ServerMemory, kept_index: Index) -> Violation:
        sentence = f"{event.server} had committed index {server.commit_index}, and took its log back to {kept_index}"
        return self.broken(at, event, sentence, (event.server,), server.commit_at)


class MonotonicMatch(Invariant):
    """While a server leads, what it knows to match of a follower's log only grows, and is not sent again.

    But for a follower that has restarted without what it had acknowledged: its disk has lied, and its leader may find that out.
    """

    name = "Monotonic Match"
    section = "Figure 2"
    premise = follower_matched

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.known: defaultdict[ServerId, dict[ServerId, tuple[Index, int]]] = defaultdict(dict)
        self.lost: set[tuple[ServerId, ServerId]] = set()  # (leader, follower) where that may be found out

    @sees(ev.RoleChanged, ev.Crashed, ev.Halted)
    def reign_ends(self, at: int, event: ev.RoleChanged | ev.Crashed | ev.Halted) -> None:
        self.known[event.server] = {}

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> None:
        last_index = event.kept_index + len(event.entries)
        for leader, known in self.known.items():
            if event.server in known and known[event.server][0] > last_index:
                self.lost.add((leader, event.server))

    @sees(ev.ConfigurationChanged)
    def configuration_changed(self, at: int, event: ev.ConfigurationChanged) -> None:
        """Who leaves and comes back is unknown again."""
        before = self.servers[event.server].configuration.members
        stay = [name for name in event.configuration.members if name in before]
        known = self.known[event.server]
        self.known[event.server] = {name: known[name] for name in stay if name in known}

    @sees(ev.ProgressChanged)
    def progressed(self, at: int, event: ev.ProgressChanged) -> Violation | None:
        known = self.known[event.server]
        before, seen_at = known.get(event.follower, _NOTHING_KNOWN)
        known[event.follower] = event.match_index, at
        if before <= event.match_index < event.next_index:
            return None
        if event.match_index < before and (event.server, event.follower) in self.lost:
            self.lost.discard((event.server, event.follower))
            return None
        sentence = f"{event.server} knew that the log of {event.follower} matches its own up to index {before}, and now "
        sentence += f"it says {event.match_index}" if event.match_index < before else f"sends index {event.next_index} again"
        return self.broken(at, event, sentence, (event.server, event.follower), seen_at)


class JointQuorum(Invariant):
    """Elections and commits have the majority that the leader's configuration asks for: while it is joint, one of either kind of voters."""

    name = "Joint Quorum"
    section = "§6"
    premise = joint_decision

    @sees(ev.RoleChanged)
    def elected(self, at: int, event: ev.RoleChanged) -> Violation | None:
        server = self.servers[event.server]
        if event.role is not LEADER or not (without := lacking(server.configuration, server.votes)):
            return None
        sentence = f"{event.server} became leader of term {event.term} with the votes of {listed(server.votes)}: {without}"
        return self.broken(at, event, sentence, (event.server,), server.configured_at, *server.votes.values())

    @sees(ev.Committed)
    def committed(self, at: int, event: ev.Committed) -> Violation | None:
        memory, server = self.memory, self.servers[event.server]
        if server.role is not LEADER or not server.configuration.is_joint:  # a single majority must even have it on its disks: see there
            return None
        written = server.at(event.index)
        if written is None:
            return None
        hold = [name for name in server.configuration.all_voters if memory.holds(self.servers[name], written)]
        without = lacking(server.configuration, hold)
        if not without:
            return None
        sentence = f"{event.server} committed index {event.index}, held by {listed(hold)}: {without}"
        return self.broken(at, event, sentence, (event.server,), server.configured_at, written.at)


def lacking(configuration: Configuration, agreeing: Collection[ServerId]) -> str:
    """Of whom these are no majority, in words; "" where they are a quorum.

    >>> lacking(Configuration(("S1", "S2", "S3"), ("S3", "S4", "S5")), {"S1", "S3"})
    'of S3, S4, S5 that is no majority'
    """
    groups = voter_groups(configuration)
    if not groups:
        return "its configuration has no voter"
    for voters in groups:
        if 2 * len([voter for voter in voters if voter in agreeing]) <= len(voters):
            return f"of {listed(voters)} that is no majority"
    return ""
