"""What the invariants know of a run, as far as its trace has told: each server, every log entry, and what is committed.

An invariant sees an event before the memory takes it in, so it finds everything as it was. Only the entries that the event brings have
been written down by then: `brought`, `behind` what the server keeps, and of them those that are new to all, `fresh`. Whatever a broken
server says, the memory takes in as it is said.
"""

from bisect import bisect_left
from collections.abc import Iterable
from operator import attrgetter

from msgspec import Struct

from raftcore.checks.logbook import Logbook, Written
from raftcore.checks.outcomes import Outcomes
from raftcore.checks.seeing import sees
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import FOLLOWER, LEADER, ClientId, Index, Role, ServerId, Term


class ServerMemory:
    """One server. Its log is `base`, for which a snapshot stands, and the entries that follow, up to `last`.

    bootstrap: the configuration with which it was first started, which holds before the first in its log. configuration: by which it
    goes. saved_term, saved_vote, saved_index: what its disk keeps. votes: by whom, and where in the trace they were counted. What ends
    with `_at` is the place in the trace where that was said.
    """

    def __init__(self, server_id: ServerId, start: Written, bootstrap: Configuration) -> None:
        self.id = server_id
        self.bootstrap = self.configuration = bootstrap
        self.configured_at = -1
        self.base = self.last = start
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
    def log_configuration(self) -> Configuration:
        """The latest configuration of its log."""
        return self.last.configured[1] if self.last.configured else self.bootstrap

    def at(self, index: Index) -> Written | None:
        """What its log holds at an index; None behind its end, and for what a snapshot stands for."""
        base = self.base
        if base.index < index <= self.last.index:
            return self.entries[index - base.index - 1]
        return base if index == base.index else None

    def append(self, behind: Written, brought: list[Written]) -> None:
        """Hold these entries, where they stand, and nothing after them."""
        if behind is not self.last:
            self.cut(behind.index)
            if behind is not self.last:  # nobody knows where it has this from
                self.start_from(behind)
        if brought:
            self.entries += brought
            self.last = brought[-1]

    def cut(self, last_index: Index) -> None:
        """Remove what follows an index, from the log and from the disk."""
        del self.entries[max(last_index - self.base.index, 0) :]
        self.last = self.entries[-1] if self.entries else self.base
        self.saved_index = min(self.saved_index, last_index)

    def compact(self, base: Written) -> None:
        """Let a snapshot that ends with `base` stand for the log up to there."""
        if not self.base.index <= base.index < self.last.index:
            self.start_from(base)
            return
        del self.entries[: base.index - self.base.index]
        self.base = base

    def start_from(self, base: Written) -> None:
        """Hold nothing but what a snapshot that ends with `base` stands for."""
        self.base = self.last = base
        self.entries = []


class Commitment(Struct, frozen=True, gc=False):
    """In which term an entry was first known to be committed, where the trace says so, and of whom."""

    term: Term
    at: int
    server: ServerId


class Request(Struct, gc=False, eq=False):
    """A client's command, and where in the trace and when it was begun.

    heard: the highest index of which any client had heard by then; heard_at: where in the trace. index: where its first copy is
    committed; 0: nowhere yet.
    """

    command: Command
    at: int
    at_ms: float
    heard: Index
    heard_at: int
    index: Index = 0


_TERM = attrgetter("term")
_NOTHING: dict[int, Request] = {}


class Memory:
    """A run so far. committed: what any server ever committed, by index up to committed_index; commitments: how it came to that.

    latest_reign: the highest term in which anybody was elected.
    requests: all commands that clients began, by client and number. repeats: where another copy of one is committed, and where the first.
    heard: the highest index of which any client has heard, and heard_at, where in the trace that was.
    """

    def __init__(self, server_ids: Iterable[ServerId], config: Config) -> None:
        self.config = config
        self.logbook = Logbook()
        self.founders = Configuration(tuple(server_ids))
        self.servers = {name: ServerMemory(name, self.logbook.start, self.founders) for name in self.founders.voters}
        self.behind = self.logbook.start
        self.brought: list[Written] = []
        self.fresh: list[Written] = []
        self.committed = [self.logbook.start]
        self.commitments = [Commitment(0, -1, "")]
        self.committed_index: Index = 0
        self.latest_reign: Term = 0
        self.requests: dict[ClientId, dict[int, Request]] = {}
        self.repeats: dict[Index, Index] = {}
        self.heard: Index = 0
        self.heard_at = -1
        self.outcomes = Outcomes()

    # ---- what invariants ask

    def committed_before(self, term: Term) -> Index:
        """The highest index that was committed in an earlier term."""
        return bisect_left(self.commitments, term, key=_TERM) - 1

    def request(self, client: ClientId, sequence_num: int) -> Request | None:
        """What a client began under this number, if it did."""
        return self.requests.get(client, _NOTHING).get(sequence_num)

    def holds(self, server: ServerMemory, written: Written) -> bool:
        """Whether a server's log holds this entry, and with it all that stands before it. A snapshot holds what is committed."""
        index, base_index = written.index, server.base.index
        if index > base_index:
            return index <= server.last.index and server.entries[index - base_index - 1] is written
        return index <= self.committed_index and self.committed[index] is written

    def first_missing(self, server: ServerMemory, missing: Index) -> Written:
        """The first committed entry that a server's log does not hold; it does not hold the one at `missing`."""
        held = 0
        while missing - held > 1:
            middle = (held + missing) // 2
            if self.holds(server, self.committed[middle]):
                held = middle
            else:
                missing = middle
        return self.committed[missing]

    # ---- before the invariants look

    def write_down(self, at: int, event: ev.EntriesAppended) -> None:
        """Write down the entries that the event brings."""
        server, index = self.servers[event.server], event.first_index - 1
        behind = server.last if server.last.index == index else server.at(index)
        self._bring(at, event, behind or self._unknown(index))

    def write_down_restart(self, at: int, event: ev.Restarted) -> None:
        """The same for what a server finds on its disk."""
        kept = self.servers[event.server].at(event.kept_index) if event.kept_index > event.snapshot_index else None
        self._bring(at, event, kept or self._snapshot(event.snapshot_index))

    def _bring(self, at: int, event: ev.EntriesAppended | ev.Restarted, behind: Written) -> None:
        self.behind = behind
        self.brought, self.fresh = [], []
        for entry in event.entries:
            behind = self.logbook.write(behind, entry, at, event.server)
            self.brought.append(behind)
            if behind.at == at:
                self.fresh.append(behind)

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
        if event.role is LEADER:
            self.latest_reign = max(self.latest_reign, event.term)
        else:
            server.votes = {}

    @sees(ev.VoteCounted)
    def vote_counted(self, at: int, event: ev.VoteCounted) -> None:
        if not event.pre_vote:
            self.servers[event.server].votes[event.voter] = at

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> None:
        self.servers[event.server].append(self.behind, self.brought)

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
        if event.index <= self.committed_index:
            return
        commitment = Commitment(max(server.term, self.commitments[-1].term), at, event.server)
        for index in range(self.committed_index + 1, event.index + 1):
            written = server.at(index)
            if written is None:  # it says so of what it does not have
                return
            self._commit(written, commitment)

    def _commit(self, written: Written, commitment: Commitment) -> None:
        index, entry = written.index, written.entry
        self.committed.append(written)
        self.commitments.append(commitment)
        self.committed_index = index
        request = self.request(entry.client_id, entry.sequence_num)
        if request is None:
            return
        if request.index:
            self.repeats[index] = request.index
        else:
            request.index = index

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> None:
        self.servers[event.server].last_applied = event.index
        if event.index == len(self.outcomes.first):
            self.outcomes.keep(at, event)

    @sees(ev.ConfigurationChanged)
    def configuration_changed(self, at: int, event: ev.ConfigurationChanged) -> None:
        server = self.servers[event.server]
        in_log = server.log_configuration  # mostly the same; one object for both makes that quick to see
        server.configuration = in_log if in_log == event.configuration else event.configuration
        server.configured_at = at

    @sees(ev.SnapshotTaken)
    def snapshot_taken(self, at: int, event: ev.SnapshotTaken) -> None:
        server, index = self.servers[event.server], event.last_included_index
        server.compact(server.at(index) or self._snapshot(index, event.last_included_term))

    @sees(ev.SnapshotInstalled)
    def snapshot_installed(self, at: int, event: ev.SnapshotInstalled) -> None:
        server, index = self.servers[event.server], event.last_included_index
        base = self._snapshot(index, event.last_included_term)
        if event.kept:
            server.compact(base)
        else:
            server.start_from(base)
            server.saved_index = 0
        server.commit_index = server.last_applied = index
        server.commit_at = at

    @sees(ev.Created)
    def created(self, at: int, event: ev.Created) -> None:
        self.servers[event.server] = ServerMemory(event.server, self.logbook.start, self.founders)

    @sees(ev.Crashed, ev.Halted)
    def crashed(self, at: int, event: ev.Crashed | ev.Halted) -> None:
        self.servers[event.server].forget()

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> None:
        """Start again. What the disk had not kept, and no other server holds, was never given to anybody: it has not been written."""
        server = self.servers[event.server]
        doubtful = max(server.saved_index, event.kept_index) - server.base.index
        lost = server.entries[max(doubtful, 0) :]
        saved_index = server.saved_index
        server.append(self.behind, self.brought)
        if event.snapshot_index > server.base.index:
            server.compact(self._snapshot(event.snapshot_index))
        server.term, server.saved_at = event.current_term, at
        # What it has read beyond that counts as kept once a sync says so; what it has lost of that is no longer kept.
        server.saved_index = min(saved_index, server.last.index)
        if event.current_term < server.saved_term or (event.current_term == server.saved_term and server.saved_vote):
            server.saved_term, server.saved_vote = event.current_term, event.voted_for
        server.commit_index = server.last_applied = event.snapshot_index
        for written in lost:
            if not any(self.holds(other, written) for other in self.servers.values()):
                self.logbook.forget(written)

    # ---- clients

    @sees(ev.Invoked)
    def invoked(self, at: int, event: ev.Invoked) -> None:
        self.requests.setdefault(event.client, {})[event.sequence_num] = Request(event.command, at, event.at_ms, self.heard, self.heard_at)

    @sees(ev.Completed)
    def completed(self, at: int, event: ev.Completed) -> None:
        if event.ok is not None and event.index > self.heard:
            self.heard, self.heard_at = event.index, at
