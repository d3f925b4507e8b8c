"""Invariants of terms, votes and roles."""

from raftcore.checks.invariant import Invariant
from raftcore.checks.memory import Memory
from raftcore.checks.seeing import sees
from raftcore.checks.situations.elections import election_started, leader_elected, vote_granted
from raftcore.checks.violation import Violation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, ServerId, Term


class ElectionSafety(Invariant):
    """At most one server becomes leader in a term. Judged over history: two of one term need not lead at the same time."""

    name = "Election Safety"
    section = "§5.2"
    premise = leader_elected

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.leader_of: dict[Term, tuple[ServerId, int]] = {}

    @sees(ev.RoleChanged)
    def elected(self, at: int, event: ev.RoleChanged) -> Violation | None:
        if event.role is not LEADER:
            return None
        first, seen_at = self.leader_of.setdefault(event.term, (event.server, at))
        if first == event.server:
            return None
        sentence = f"{first} and {event.server} were both elected in term {event.term}"
        return self.broken(at, event, sentence, (first, event.server), seen_at)

    @sees(ev.Crashed, ev.Halted)
    def crashed(self, at: int, event: ev.Crashed | ev.Halted) -> None:
        """A sole voter that had not saved its term has not told anybody of its reign: it may lead in that term again."""
        server = self.servers[event.server]
        alone = server.votes.keys() == {event.server}
        if alone and server.saved_term < server.term and self.leader_of.get(server.term, ("",))[0] == event.server:
            del self.leader_of[server.term]


class VoteOnce(Invariant):
    """A server grants one candidate in a term at most, across crashes too: its vote is on its disk before it is given, and stays there, and

    whoever counts a vote was given it. To grant the same candidate again is right.
    """

    name = "Vote Once"
    section = "§5.2"
    premise = vote_granted

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.vote_of: dict[tuple[ServerId, Term], tuple[ServerId, int]] = {}

    @sees(RequestVote)
    def stood(self, at: int, event: ev.MessageSent) -> Violation | None:
        message: RequestVote = event.message  # type: ignore[assignment]  # it sees no others
        return self._given(at, event, message.term, event.source)

    @sees(RequestVoteReply)
    def answered(self, at: int, event: ev.MessageSent) -> Violation | None:
        message: RequestVoteReply = event.message  # type: ignore[assignment]  # it sees no others
        return self._given(at, event, message.term, event.target) if message.vote_granted else None

    def _given(self, at: int, event: ev.MessageSent, term: Term, candidate: ServerId) -> Violation | None:
        voter = self.servers[event.source]
        first, seen_at = self.vote_of.setdefault((event.source, term), (candidate, at))
        if first != candidate:
            sentence = f"{event.source} gave its vote of term {term} to {first}, and then to {candidate} too"
            return self.broken(at, event, sentence, (event.source, first, candidate), seen_at)
        if voter.saved_term < term or (voter.saved_term == term and voter.saved_vote != candidate):
            sentence = f"{event.source} gave {candidate} its vote of term {term} before the vote was on its disk: a crash would forget it"
            return self.broken(at, event, sentence, (event.source, candidate), voter.saved_at)
        return None

    @sees(ev.VoteCounted)
    def counted(self, at: int, event: ev.VoteCounted) -> Violation | None:
        if event.pre_vote or event.voter == event.server:
            return None
        given_to, seen_at = self.vote_of.get((event.voter, event.term), ("nobody", -1))
        if given_to == event.server:
            return None
        sentence = f"{event.server} counts a vote of {event.voter} for term {event.term}, which {event.voter} gave to {given_to}"
        return self.broken(at, event, sentence, (event.server, event.voter), seen_at)

    @sees(ev.Synced)
    def saved(self, at: int, event: ev.Synced) -> Violation | None:
        server = self.servers[event.server]
        if event.current_term != server.saved_term or server.saved_vote in (None, event.voted_for):
            return None
        now = event.voted_for or "nobody"
        sentence = f"{event.server} saved its vote of term {event.current_term} for {server.saved_vote}, and then for {now}"
        return self.broken(at, event, sentence, (event.server,), server.saved_at)

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> Violation | None:
        server = self.servers[event.server]
        is_lost = event.current_term == server.saved_term and server.saved_vote not in (None, event.voted_for)
        if not is_lost:
            return None
        sentence = f"{event.server} had its vote of term {event.current_term} for {server.saved_vote} on its disk, and lost it in a crash"
        return self.broken(at, event, sentence, (event.server,), server.saved_at)


class MonotonicTerm(Invariant):
    """A server's term never falls, nor in a crash, as far as it was saved."""

    name = "Monotonic Term"
    section = "§5.1"
    premise = election_started

    @sees(ev.RoleChanged)
    def entered(self, at: int, event: ev.RoleChanged) -> Violation | None:
        server = self.servers[event.server]
        return self._fell(at, event, server.term, event.term, server.role_at) if event.term < server.term else None

    @sees(ev.Synced)
    def saved(self, at: int, event: ev.Synced) -> Violation | None:
        server = self.servers[event.server]
        return self._fell(at, event, server.term, event.current_term, server.role_at) if event.current_term < server.term else None

    @sees(ev.Restarted)
    def restarted(self, at: int, event: ev.Restarted) -> Violation | None:
        server, term = self.servers[event.server], event.current_term
        return self._fell(at, event, server.saved_term, term, server.saved_at) if term < server.saved_term else None

    def _fell(self, at: int, event: ev.ServerEvent, before: Term, now: Term, seen_at: int) -> Violation:
        return self.broken(at, event, f"{event.server} went back from term {before} to term {now}", (event.server,), seen_at)


class LegalTransitions(Invariant):
    """A follower stands for election in a later term, a candidate does so again or wins in its term, and all may follow; nothing else."""

    name = "Legal Transitions"
    section = "Figure 4"
    premise = election_started

    @sees(ev.RoleChanged)
    def changed(self, at: int, event: ev.RoleChanged) -> Violation | None:
        server = self.servers[event.server]
        stands = event.role is CANDIDATE and server.role is not LEADER and event.term > server.term
        wins = event.role is LEADER and server.role is CANDIDATE and event.term == server.term
        if event.role is FOLLOWER or stands or wins:
            return None
        before, now = f"{server.role.value} of term {server.term}", f"{event.role.value} of term {event.term}"
        return self.broken(at, event, f"{event.server} was {before}, and became {now}", (event.server,), server.role_at)
