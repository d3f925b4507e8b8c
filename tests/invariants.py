"""What must hold in every run, judged event by event from the trace alone: the names are the paper's, or say it in a sentence.

Judged is what left a server or was synced: a vote or an entry that a crash took before its sync was never given to anybody.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from immutables import Map

from raftcore.consensus.quorum import is_quorum
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Get, OpenSession, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Image
from raftcore.vocabulary.messages import AppendEntriesReply, Entry, InstallSnapshotReply, PreVote, RequestVote, RequestVoteReply, Rpc
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Index, Reason, Role, ServerId, Term


class Broken(AssertionError):
    """An invariant does not hold; the message says which, and how."""


class Memory:
    """One server, as far as the trace tells. `log` begins at index 1: what a snapshot stands for is in it too."""

    def __init__(self) -> None:
        self.alive = True
        self.log: list[Entry] = []
        self.term: Term = 0
        self.role: Role = FOLLOWER
        self.commit: Index = 0
        self.applied: Index = 0
        self.match: dict[ServerId, Index] = {}
        self.votes: set[ServerId] = set()
        self.configuration = Configuration()
        self.synced: Index = 0
        self.synced_vote: tuple[Term, ServerId] = (0, "")

    def restart(self, event: ev.Restarted) -> None:
        log, synced, synced_vote = self.log[: event.kept_index] + list(event.entries), self.synced, self.synced_vote
        held = event.current_term, event.voted_for or ""
        spent_twice = held[0] == synced_vote[0] and synced_vote[1] not in ("", held[1])
        demand(held[0] >= synced_vote[0] and not spent_twice, "Durability: term and vote survive a crash", event)
        demand(log[:synced] == self.log[:synced], "Durability: what was synced survives a crash", event)
        demand(event.snapshot_index <= event.kept_index <= len(self.log), "Restarted: kept entries were there", event)
        self.__init__()  # type: ignore[misc]
        self.log, self.term, self.synced, self.synced_vote = log, event.current_term, len(log), held
        self.commit = self.applied = event.snapshot_index


def demand(holds: bool, law: str, event: ev.Event) -> None:
    if not holds:
        raise Broken(f"{law}: {event}")


class Judge:
    """Reads a trace from its first event on, and raises Broken at the first event that breaks an invariant."""

    def __init__(self, servers: Iterable[ServerId], config: Config = Config()) -> None:  # noqa: B008  # a constant
        self.config = config
        self.servers = {name: Memory() for name in servers}
        self.at_ms = 0.0
        self.leader_of: dict[Term, ServerId] = {}
        self.vote_of: dict[tuple[ServerId, Term], ServerId] = {}
        self.entry_at: dict[tuple[Index, Term], tuple[Entry, Term]] = {}
        self.committed: list[Entry] = []
        self.committed_in: list[Term] = []
        self.asked: dict[tuple[str, int], object] = {}
        self.machine = StateMachine(config.session_timeout_ms)  # fed with what is committed
        self.stores: list[Map[str, str]] = [Map()]  # after each index
        self.effects: dict[tuple[str, int], Index] = {}
        self.first_at: dict[tuple[str, int], Index] = {}
        self.timed_out = False  # by hand: a clock that jumps breaks leases
        self.answered: Index = 0  # the highest index that a client has heard of
        self.heard_before: dict[tuple[str, int], Index] = {}

    def absorb(self, event: ev.Event) -> None:
        demand(event.at_ms >= self.at_ms, "Time never runs backwards", event)
        self.at_ms = event.at_ms
        read = READERS.get(type(event))
        if read:
            read(self, event)

    # ---- terms, roles and votes

    def role_changed(self, event: ev.RoleChanged) -> None:
        me = self.servers[event.server]
        demand(event.term >= me.term, "Monotonic Term", event)
        legal = event.role is FOLLOWER or (event.role is CANDIDATE and event.term > me.term) or me.role is CANDIDATE
        demand(legal, "Legal Transitions (Figure 4)", event)
        me.term, me.role, me.match = event.term, event.role, {}
        if event.role is not LEADER:
            me.votes = set()
            return
        demand(is_quorum(me.configuration, me.votes), "A leader has the votes of a quorum", event)
        demand(self.leader_of.setdefault(event.term, event.server) == event.server, "Election Safety", event)
        # A candidate whose last vote came late may begin to lead after a later term has committed: that is no lie.
        known = next((index for index, term in enumerate(self.committed_in) if term >= event.term), len(self.committed))
        demand(me.log[:known] == self.committed[:known], "Leader Completeness", event)

    def vote_counted(self, event: ev.VoteCounted) -> None:
        if event.pre_vote:
            return
        self.servers[event.server].votes.add(event.voter)
        if event.voter != event.server:
            demand(self.vote_of.get((event.voter, event.term)) == event.server, "A vote was given before it is counted", event)

    def message_sent(self, event: ev.MessageSent) -> None:
        message = event.message
        if event.copy_of or not isinstance(message, Rpc):
            return
        me = self.servers[event.source]
        term = message.next_term - 1 if isinstance(message, PreVote) else message.term
        demand(term <= me.term, "Terms Ordered: no message is ahead of its sender", event)
        if isinstance(message, RequestVote) or (isinstance(message, RequestVoteReply) and message.vote_granted):
            candidate = event.source if isinstance(message, RequestVote) else event.target
            first = self.vote_of.setdefault((event.source, message.term), candidate)
            demand(first == candidate, "Vote Once", event)
            demand(me.synced_vote >= (message.term, ""), "A vote is synced before it is given", event)
        if isinstance(message, AppendEntriesReply) and message.success and message.term == me.term:
            demand(me.synced >= message.match_index, "An entry is synced before it is acknowledged", event)
        if isinstance(message, InstallSnapshotReply) and message.installed:
            demand(me.synced >= message.last_included_index, "A snapshot is synced before it is acknowledged", event)

    # ---- logs

    def entries_appended(self, event: ev.EntriesAppended) -> None:
        me = self.servers[event.server]
        demand(event.first_index == len(me.log) + 1, "Entries are appended behind the last one", event)
        for index, entry in enumerate(event.entries, event.first_index):
            before = me.log[-1].term if me.log else 0
            demand(before <= entry.term <= me.term, "Terms Ordered along a log", event)
            demand(self.entry_at.setdefault((index, entry.term), (entry, before)) == (entry, before), "Log Matching", event)
            demand(self.was_asked_for(entry), "No Invention", event)
            me.log.append(entry)

    def was_asked_for(self, entry: Entry) -> bool:
        if not entry.client_id:
            return entry.command is None or isinstance(entry.command, Configuration)
        if isinstance(entry.command, OpenSession):
            return True
        wanted = self.asked.get((entry.client_id, entry.sequence_num), "nothing")
        if isinstance(wanted, Get) and isinstance(entry.command, Get):
            return wanted.key == entry.command.key
        return entry.command == wanted

    def snapshot_taken(self, event: ev.SnapshotTaken) -> None:
        me, index = self.servers[event.server], event.last_included_index
        demand(index <= me.applied, "A snapshot holds what was applied", event)
        demand(me.log[index - 1].term == event.last_included_term, "A snapshot names its last entry", event)

    def snapshot_installed(self, event: ev.SnapshotInstalled) -> None:
        me, index = self.servers[event.server], event.last_included_index
        demand(me.commit < index <= len(self.committed), "A snapshot holds what is committed, and never shortens a log", event)
        demand(self.committed[index - 1].term == event.last_included_term, "A snapshot names its last entry", event)
        image = msgspec.msgpack.decode(event.data, type=Image)
        demand(image.kv_store == dict(self.stores[index]), "State Machine Safety: a snapshot holds what its entries come to", event)
        if event.kept:
            demand(me.log[:index] == self.committed[:index], "Log Matching: what a snapshot leaves follows it", event)
        else:
            me.log, me.synced = self.committed[:index], 0
        me.commit = me.applied = index

    def configuration_changed(self, event: ev.ConfigurationChanged) -> None:
        me = self.servers[event.server]
        stay = set(me.configuration.members) & set(event.configuration.members)
        me.configuration = event.configuration
        me.match = {name: index for name, index in me.match.items() if name in stay}

    def log_truncated(self, event: ev.LogTruncated) -> None:
        me = self.servers[event.server]
        demand(me.role is not LEADER, "Leader Append-Only", event)
        demand(me.commit <= event.last_index < len(me.log), "Nothing committed is truncated", event)
        del me.log[event.last_index :]
        me.synced = min(me.synced, event.last_index)

    def synced(self, event: ev.Synced) -> None:
        me = self.servers[event.server]
        demand(me.alive and (event.current_term, event.last_index) == (me.term, len(me.log)), "Synced says what is on the disk", event)
        me.synced, me.synced_vote = event.last_index, (event.current_term, event.voted_for or "")

    def progress_changed(self, event: ev.ProgressChanged) -> None:
        match = self.servers[event.server].match
        demand(event.match_index >= match.get(event.follower, 0), "Monotonic Match", event)
        demand(event.next_index > event.match_index, "What is known to match is not sent again", event)
        match[event.follower] = event.match_index

    # ---- commitment

    def was_committed(self, event: ev.Committed) -> None:
        me = self.servers[event.server]
        demand(me.commit < event.index <= len(me.log), "Monotonic Commit, within the log", event)
        known = min(event.index, len(self.committed))
        demand(me.log[me.commit : known] == self.committed[me.commit : known], "State Machine Safety", event)
        me.commit = event.index
        if event.index > known:
            self.first_committed(me, event)

    def first_committed(self, me: Memory, event: ev.Committed) -> None:
        demand(me.role is LEADER, "A leader commits first", event)
        entry = me.log[event.index - 1]
        demand(entry.term == me.term, "Commit Only Own Term (§5.4.2)", event)
        kept = {name for name, it in self.servers.items() if it.synced >= event.index and it.log[event.index - 1].term == entry.term}
        demand(is_quorum(me.configuration, kept), "Committed Is Durable", event)
        for index in range(len(self.committed) + 1, event.index + 1):
            self.commit(index, me.log[index - 1], event)
        self.committed_in += [me.term] * (event.index - len(self.committed_in))

    def commit(self, index: Index, entry: Entry, event: ev.Committed) -> None:
        """Feed the judge's own state machine."""
        self.committed.append(entry)
        (result,) = self.machine.apply_all(index, [entry])
        self.stores.append(self.machine.kv_store)
        if entry.session_id:
            self.first_at.setdefault((entry.client_id, entry.sequence_num), index)
        if entry.session_id and result.changed_key is not None:
            first = self.effects.setdefault((entry.client_id, entry.sequence_num), index)
            demand(first == index, "Exactly Once: a command changes the store once", event)

    def applied(self, event: ev.Applied) -> None:
        me = self.servers[event.server]
        demand(event.index == me.applied + 1 <= me.commit, "Every committed entry is applied, in order", event)
        demand(event.index <= me.synced, "An entry is synced before it is applied", event)
        me.applied = event.index
        if event.changed_key is not None:
            held = self.stores[event.index].get(event.changed_key)
            demand(held == event.new_value, "State Machine Safety: the same entries come to the same", event)

    # ---- servers and clients

    def crashed(self, event: ev.Crashed | ev.Halted) -> None:
        me = self.servers[event.server]
        me.alive, me.role = False, FOLLOWER
        if me.synced_vote[0] < me.term and self.leader_of.get(me.term) == event.server:
            del self.leader_of[me.term]  # a sole voter's reign of which nobody heard
        for index in range(me.synced + 1, len(me.log) + 1):  # what nobody else holds was never given to anybody
            if not any(it is not me and it.log[index - 1 : index] == [me.log[index - 1]] for it in self.servers.values()):
                self.entry_at.pop((index, me.log[index - 1].term), None)

    def created(self, event: ev.Created) -> None:
        self.servers[event.server] = Memory()

    def restarted(self, event: ev.Restarted) -> None:
        self.servers[event.server].restart(event)

    def dropped(self, event: ev.MessageDropped) -> None:
        demand(isinstance(event.reason, Reason), "A drop has a reason", event)

    def acted(self, event: ev.Acted) -> None:
        self.timed_out = self.timed_out or isinstance(event.action, TimeOut)

    def invoked(self, event: ev.Invoked) -> None:
        self.asked[event.client, event.sequence_num] = event.command
        self.heard_before[event.client, event.sequence_num] = self.answered

    def completed(self, event: ev.Completed) -> None:
        if event.ok is None:
            return
        operation = event.client, event.sequence_num
        if isinstance(event.command, Get):
            index = self.first_at.get(operation, event.index)  # a read that is an entry, and was repeated, has its first answer
            demand(event.value == self.stores[index].get(event.command.key), "A read finds what was there", event)
            mode = event.command.mode or self.config.reads
            stale = mode is ReadMode.STALE or (mode is ReadMode.LEASE and self.timed_out)
            demand(stale or index >= self.heard_before[operation], "A read never misses what was answered before it", event)
        else:
            entry = self.committed[event.index - 1]
            demand((entry.client_id, entry.sequence_num) == operation, "Answered is committed", event)
        self.answered = max(self.answered, event.index)


READERS: dict[type[ev.Event], Callable[[Judge, Any], None]] = {
    ev.RoleChanged: Judge.role_changed,
    ev.VoteCounted: Judge.vote_counted,
    ev.MessageSent: Judge.message_sent,
    ev.MessageDropped: Judge.dropped,
    ev.EntriesAppended: Judge.entries_appended,
    ev.LogTruncated: Judge.log_truncated,
    ev.Synced: Judge.synced,
    ev.ProgressChanged: Judge.progress_changed,
    ev.Committed: Judge.was_committed,
    ev.Applied: Judge.applied,
    ev.SnapshotTaken: Judge.snapshot_taken,
    ev.SnapshotInstalled: Judge.snapshot_installed,
    ev.ConfigurationChanged: Judge.configuration_changed,
    ev.Created: Judge.created,
    ev.Halted: Judge.crashed,
    ev.Crashed: Judge.crashed,
    ev.Restarted: Judge.restarted,
    ev.Acted: Judge.acted,
    ev.Invoked: Judge.invoked,
    ev.Completed: Judge.completed,
}
