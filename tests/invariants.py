"""What must hold in every run, judged event by event from the trace alone: the names are the paper's, or say it in a sentence.

Judged is what left a server or was synced: a vote or an entry that a crash took before its sync was never given to anybody.
"""

from collections.abc import Callable, Iterable
from typing import Any

from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import AppendEntriesReply, Entry, RequestVote, RequestVoteReply, Rpc
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Index, Reason, Role, ServerId, Term


class Broken(AssertionError):
    """An invariant does not hold; the message says which, and how."""


class Memory:
    """One server, as far as the trace tells."""

    def __init__(self) -> None:
        self.alive = True
        self.log: list[Entry] = []
        self.term: Term = 0
        self.role: Role = FOLLOWER
        self.commit: Index = 0
        self.applied: Index = 0
        self.match: dict[ServerId, Index] = {}
        self.synced: Index = 0
        self.synced_vote: tuple[Term, ServerId] = (0, "")

    def restart(self, event: ev.Restarted) -> None:
        log, synced, synced_vote = self.log[: event.kept_index] + list(event.entries), self.synced, self.synced_vote
        held = event.current_term, event.voted_for or ""
        spent_twice = held[0] == synced_vote[0] and synced_vote[1] not in ("", held[1])
        demand(held[0] >= synced_vote[0] and not spent_twice, "Durability: term and vote survive a crash", event)
        demand(log[:synced] == self.log[:synced], "Durability: what was synced survives a crash", event)
        demand(event.kept_index <= len(self.log), "Restarted: kept entries were there", event)
        self.__init__()  # type: ignore[misc]
        self.log, self.term, self.synced, self.synced_vote = log, event.current_term, len(log), held


def demand(holds: bool, law: str, event: ev.Event) -> None:
    if not holds:
        raise Broken(f"{law}: {event}")


class Judge:
    """Reads a trace from its first event on, and raises Broken at the first event that breaks an invariant."""

    def __init__(self, servers: Iterable[ServerId]) -> None:
        self.servers = {name: Memory() for name in servers}
        self.majority = len(self.servers) // 2 + 1
        self.at_ms = 0.0
        self.leader_of: dict[Term, ServerId] = {}
        self.vote_of: dict[tuple[ServerId, Term], ServerId] = {}
        self.entry_at: dict[tuple[Index, Term], tuple[Entry, Term]] = {}
        self.committed: list[Entry] = []
        self.committed_in: list[Term] = []
        self.asked: dict[tuple[str, int], object] = {}

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
            return
        demand(self.leader_of.setdefault(event.term, event.server) == event.server, "Election Safety", event)
        # A candidate whose last vote came late may begin to lead after a later term has committed: that is no lie.
        known = next((index for index, term in enumerate(self.committed_in) if term >= event.term), len(self.committed))
        demand(me.log[:known] == self.committed[:known], "Leader Completeness", event)

    def vote_counted(self, event: ev.VoteCounted) -> None:
        if event.voter != event.server:
            demand(self.vote_of.get((event.voter, event.term)) == event.server, "A vote was given before it is counted", event)

    def message_sent(self, event: ev.MessageSent) -> None:
        message = event.message
        if event.copy_of or not isinstance(message, Rpc):
            return
        me = self.servers[event.source]
        demand(message.term <= me.term, "Terms Ordered: no message is ahead of its sender", event)
        if isinstance(message, RequestVote) or (isinstance(message, RequestVoteReply) and message.vote_granted):
            candidate = event.source if isinstance(message, RequestVote) else event.target
            first = self.vote_of.setdefault((event.source, message.term), candidate)
            demand(first == candidate, "Vote Once", event)
            demand(me.synced_vote >= (message.term, ""), "A vote is synced before it is given", event)
        if isinstance(message, AppendEntriesReply) and message.success and message.term == me.term:
            demand(me.synced >= message.match_index, "An entry is synced before it is acknowledged", event)
        demand(getattr(message, "reason", None) is not None or getattr(message, "success", True), "A refusal has a reason", event)

    # ---- logs

    def entries_appended(self, event: ev.EntriesAppended) -> None:
        me = self.servers[event.server]
        demand(event.first_index == len(me.log) + 1, "Entries are appended behind the last one", event)
        for index, entry in enumerate(event.entries, event.first_index):
            before = me.log[-1].term if me.log else 0
            demand(before <= entry.term <= me.term, "Terms Ordered along a log", event)
            demand(self.entry_at.setdefault((index, entry.term), (entry, before)) == (entry, before), "Log Matching", event)
            wanted = self.asked.get((entry.client_id, entry.sequence_num), "nothing") if entry.client_id else None
            demand(entry.command == wanted, "No Invention", event)
            me.log.append(entry)

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
        kept = sum(it.synced >= event.index and it.log[event.index - 1].term == entry.term for it in self.servers.values())
        demand(kept >= self.majority, "Committed Is Durable", event)
        self.committed += me.log[len(self.committed) : event.index]
        self.committed_in += [me.term] * (event.index - len(self.committed_in))

    def applied(self, event: ev.Applied) -> None:
        me = self.servers[event.server]
        demand(event.index == me.applied + 1 <= me.commit, "Every committed entry is applied, in order", event)
        demand(event.index <= me.synced, "An entry is synced before it is applied", event)
        me.applied = event.index

    # ---- servers and clients

    def crashed(self, event: ev.Crashed) -> None:
        me = self.servers[event.server]
        me.alive, me.role = False, FOLLOWER

    def restarted(self, event: ev.Restarted) -> None:
        self.servers[event.server].restart(event)

    def dropped(self, event: ev.MessageDropped) -> None:
        demand(isinstance(event.reason, Reason), "A drop has a reason", event)

    def invoked(self, event: ev.Invoked) -> None:
        self.asked[event.client, event.sequence_num] = event.command

    def completed(self, event: ev.Completed) -> None:
        if event.ok is not None:
            entry = self.committed[event.index - 1]
            demand((entry.client_id, entry.sequence_num) == (event.client, event.sequence_num), "Answered is committed", event)


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
    ev.Crashed: Judge.crashed,
    ev.Restarted: Judge.restarted,
    ev.Invoked: Judge.invoked,
    ev.Completed: Judge.completed,
}
