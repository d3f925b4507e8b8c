"""What the invariants know of a run, as far as its trace has told: each server, every log entry, and what is committed.

An invariant sees an event before the memory takes it in, so it finds everything as it was. Only the entries that the event brings have
been written down by then (`brought`, `behind` what the server had). Whatever a broken server says, the memory takes in as it is said.
"""

from bisect import bisect_left
from collections.abc import Iterable

from raftcore.checks.logbook import Logbook, Written
from raftcore.checks.outcomes import Outcomes
from raftcore.checks.seeing import sees
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import FOLLOWER, LEADER, Index, Role, ServerId, Term


class ServerMemory:
    """One server. Its log is `base`, for which a snapshot stands, and the entries that follow.

    saved_term, saved_vote, saved_index: what its disk is known to keep. bootstrap: the configuration that it was started with.
    role_at: where in the trace it took its role. votes: by whom, and where in the trace they were counted.
    """

    def __init__(self, server_id: ServerId, start: Written, bootstrap: Configuration) -> None:
        self.id = server_id
        self.bootstrap = self.configuration = bootstrap
        self.configured_at = -1
        self.base = start
        self.entries: list[Written] = []
        self.saved_term: Term = 0
        self.saved_vote: ServerId | None = None
        self.saved_index: Index = 0
        self.saved_at = -1
        self.term: Term = 0
        self.forget()

    def forget(self) -> None:
        """Lose what is not on the disk, as in a crash."""
        self.role: Role = FOLLOWER
        self.role_at = -1
        self.commit_index: Index = 0
        self.commit_at = -1
        self.last_applied: Index = 0
        self.votes: dict[ServerId, int] = {}

    @property
    def last(self) -> Written:
        """The last entry of its log."""
        return self.entries[-1] if self.entries else self.base

    @property
    def last_index(self) -> Index:
        """The index of the last entry."""
        return self.base.index + len(self.entries)

    def at(self, index: Index) -> Written | None:
        """What its log holds at an index; None behind its end, and for what a snapshot stands for."""
        base_index = self.base.index
        if index == base_index:
            return self.base
        return self.entries[index - base_index - 1] if base_index < index <= base_index + len(self.entries) else None

    def cut(self, last_index: Index) -> None:
        """Remove what follows an index, from the log and from the disk."""
        del self.entries[max(last_index - self.base.index, 0) :]
        self.saved_index = min(self.saved_index, last_index)

    def compact(self, base: Written) -> None:
        """Let a snapshot that ends with `base` stand for the log up to there."""
        del self.entries[: max(base.index - self.base.index, 0)]
        self.base = base


class Memory:
    """A run so far. committed: what any server ever committed, by index, with the term and the place in the trace where it first was."""

    def __init__(self, server_ids: Iterable[ServerId], config: Config) -> None:
        self.config = config
        self.logbook = Logbook()
        founders = Configuration(tuple(server_ids))
        self.servers = {name: ServerMemory(name, self.logbook.start, founders) for name in founders.voters}
        self.behind = self.logbook.start
        self.brought: list[Written] = []
        self.committed = [self.logbook.start]
        self.committed_in: list[Term] = [0]
        self.committed_at = [-1]
        self.outcomes = Outcomes(config.session_timeout_ms)

    # ---- what invariants ask

    @property
    def committed_index(self) -> Index:
        """The highest index that any server ever committed."""
        return len(self.committed) - 1

    def committed_before(self, term: Term) -> Index:
        """The highest index that was committed in an earlier term."""
        return bisect_left(self.committed_in, term) - 1

    def holds(self, server: ServerMemory, written: Written) -> bool:
        """Whether a server's log holds this entry, and with it all that stands before it. A snapshot holds what is committed."""
        if written.index >= server.base.index:
            return server.at(written.index) is written
        return written.index <= self.committed_index and self.committed[written.index] is written

    def log_configuration(self, server: ServerMemory) -> tuple[Index, Configuration] | None:
        """The latest configuration of a server's log, and where it stands; None where a snapshot hides it."""
        is_hidden = server.base.index > 0 and server.base.before is None
        return server.last.configured or (None if is_hidden else (0, server.bootstrap))

    # ---- before the invariants look

    def write_down(self, at: int, event: ev.EntriesAppended | ev.Restarted) -> None:
        """Write down the entries that the event brings."""
        server = self.servers[event.server]
        if isinstance(event, ev.Restarted):
            base = self._snapshot(event.snapshot_index)
            kept = server.at(event.kept_index)
            before = kept if kept is not None and event.kept_index > event.snapshot_index else base
        else:
            before = server.at(event.first_index - 1) or self._unknown(event.first_index - 1)
        self.behind = before
        self.brought = []
        for entry in event.entries:
            before = self.logbook.write(before, entry, at, event.server)
            self.brought.append(before)

    def _snapshot(self, index: Index, term: Term = 0) -> Written:
        """What a snapshot ends with."""
        return self.committed[index] if index <= self.committed_index else self._unknown(index, term)

    def _unknown(self, index: Index, term: Term = 0) -> Written:
        """An entry of which the trace has not told."""
        return Written(index, Entry(term), None)

    # ---- after they have looked

    @sees(ev.RoleChanged)
    def role_changed(self, at: int, event: ev.RoleChanged) -> None:
        server = self.servers[event.server]
        server.term, server.role, server.role_at = event.term, event.role, at
        if event.role is not LEADER:
            server.votes = {}

    @sees(ev.VoteCounted)
    def vote_counted(self, at: int, event: ev.VoteCounted) -> None:
        if not event.pre_vote:
            self.servers[event.server].votes[event.voter] = at

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> None:
        server = self.servers[event.server]
        if self.behind is not server.last:
            server.cut(self.behind.index)
        if self.behind is not server.last:  # it does not say where it has this from
            server.base, server.entries = self.behind, []
        server.entries += self.brought

    @sees(ev.LogTruncated)
    def truncated(self, at: int, event: ev.LogTruncated) -> None:
        self.servers[event.server].cut(event.last_index)

    @sees(ev.Synced)
    def synced(self, at: int, event: ev.Synced) -> None:
        server = self.servers[event.server]
        server.saved_term, server.saved_vote, server.saved_index = event.current_term, event.voted_for, event.last_index
        server.saved_at = at

    @sees(ev.Committed)
    def has_committed(self, at: int, event: ev.Committed) -> None:
        server = self.servers[event.server]
        server.commit_index, server.commit_at = event.index, at
        for index in range(len(self.committed), event.index + 1):
            written = server.at(index)
            if written is None:  # it says so of what it does not have
                return
            self.committed.append(written)
            self.committed_in.append(max(server.term, self.committed_in[-1]))
            self.committed_at.append(at)
            self.outcomes.apply(written)

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> None:
        self.servers[event.server].last_applied = event.index

    @sees(ev.ConfigurationChanged)
    def configuration_changed(self, at: int, event: ev.ConfigurationChanged) -> None:
        server = self.servers[event.server]
        server.configuration, server.configured_at = event.configuration, at

    @sees(ev.SnapshotTaken)
    def snapshot_taken(self, at: int, event: ev.SnapshotTaken) -> None:
        server = self.servers[event.server]
        server.compact(server.at(event.last_included_index) or self._unknown(event.last_included_index, event.last_included_term))

    @sees(ev.SnapshotInstalled)
    def snapshot_installed(self, at: int, event: ev.SnapshotInstalled) -> None:
        server, index = self.servers[event.server], event.last_included_index
        base = self._snapshot(index, event.last_included_term)
        if event.kept:
            server.compact(base)
        else:
            server.base, server.entries, server.saved_index = base, [], 0
        server.commit_index = server.last_applied = index
        server.commit_at = at

    @sees(ev.Created)
    def created(self, at: int, event: ev.Created) -> None:
        self.servers[event.server] = ServerMemory(event.server, self.logbook.start, Configuration())

    @sees(ev.Crashed, ev.Halted)
    def crashed(self, at: int, event: ev.Crashed | ev.Halted) -> None:
        self.servers[event.server].forget()

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> None:
        """Start again. What the disk had not kept, and no other server holds, was never given to anybody: it has not been written."""
        server = self.servers[event.server]
        lost = server.entries[max(server.saved_index - server.base.index, event.kept_index - server.base.index, 0) :]
        if event.kept_index > event.snapshot_index:
            server.cut(event.kept_index)
            server.compact(server.at(event.snapshot_index) or self._snapshot(event.snapshot_index))
        else:
            server.base, server.entries = self._snapshot(event.snapshot_index), []
        server.entries += self.brought
        server.term = server.saved_term = event.current_term
        server.saved_vote, server.saved_index, server.saved_at = event.voted_for, server.last_index, at
        server.commit_index = server.last_applied = event.snapshot_index
        for written in lost:
            if not any(self.holds(other, written) for other in self.servers.values()):
                self.logbook.forget(written)
