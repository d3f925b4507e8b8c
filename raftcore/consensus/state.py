"""The box "State" of Figure 2, and the few moves that change it. Rules read and write this, and nothing else.

Fields stand in the paper's order, grouped by how long they live. Moves tell what happened; sending only fills the outbox.
"""

from collections.abc import Callable, Iterable
from math import inf

from raftcore.consensus.log import Log
from raftcore.consensus.progress import Progress, Reign, moved
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState, Snapshot
from raftcore.vocabulary.events import (
    ConfigurationChanged,
    Event,
    LeaderRecognized,
    MembershipChangeEnded,
    ProgressChanged,
    QuorumHeard,
    RoleChanged,
    TransferEnded,
    VoteCounted,
    VoteGranted,
)
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Entry, Envelope, InstallSnapshot, Message
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Address, Index, Reason, Role, ServerId, Term


class Incoming:
    """A leader's snapshot that this follower receives piece by piece; a crash forgets it.

    Its pieces are of one term, and so of one leader: an offset means something only in that leader's own data (Figure 13).
    """

    def __init__(self, piece: InstallSnapshot) -> None:
        self.origin = piece.term, piece.last_included_index, piece.last_included_term
        self.data = bytearray()

    def is_of(self, piece: InstallSnapshot) -> bool:
        """Whether the piece belongs to this snapshot."""
        return self.origin == (piece.term, piece.last_included_index, piece.last_included_term)


class NodeState:
    """One server's state. The configuration is its log's; `peers` are the others to whom it belongs that this server speaks."""

    __slots__ = (
        "clock_rate", "commit_index", "config", "configuration", "current_term", "deadline_ms", "draw", "events", "gave_way",
        "heartbeat_ms", "id", "incoming", "installed", "last_applied", "leader_heard_ms", "leader_id", "leader_round", "lease_ms",
        "leaving", "log", "longest_ms", "now_ms", "outbox", "pre_votes", "progress", "reads", "reign", "role", "saved_index",
        "shortest_ms", "snapshot", "spread_ms", "voted_for", "votes",
    )  # fmt: skip

    def __init__(
        self,
        server_id: ServerId,
        bootstrap: Configuration,
        config: Config,
        draw: Callable[[], float],
        saved: HardState,
        snapshot: Snapshot | None = None,
        entries: Iterable[Entry] = (),
    ) -> None:
        """`bootstrap` holds until log or snapshot say otherwise. `draw` gives a number in [0, 1) for each election timeout."""
        self.id = server_id
        self.config = config
        self.draw = draw
        self.clock_rate = 1.0
        self._measure()

        # persistent: saved before anything is answered
        self.current_term = saved.current_term
        self.voted_for = saved.voted_for
        self.snapshot = snapshot
        self.log = Log(entries, *base_of(snapshot, bootstrap))

        # volatile, on all servers; saved_index is how far the log is on the disk
        self.role = FOLLOWER
        self.leader_id: ServerId | None = None
        self.leader_heard_ms = -inf
        self.leader_round = 0  # the latest that was heard of this term's leader
        self.commit_index = self.last_applied = self.log.base_index
        self.saved_index: Index = self.log.last_index
        self.incoming: Incoming | None = None

        # volatile, on candidates and on leaders
        self.votes: set[ServerId] = set()
        self.pre_votes: set[ServerId] = set()  # promises, while it asks for them; a follower's then
        self.gave_way = False  # whether it has withdrawn its pre-vote for a rival's in this term
        self.progress: dict[ServerId, Progress] = {}
        self.reign: Reign | None = None

        self._prepare()

    def _prepare(self) -> None:
        """What follows from the log, and what belongs to a step: its time, and what comes of it."""
        self.configuration = self.log.configuration
        self.leaving: tuple[ServerId, ...] = ()  # those whom a leader tells that they are out
        self.now_ms = 0.0
        self.deadline_ms = 0.0
        self.outbox: list[Envelope] = []
        self.reads: list[ClientRequest] = []  # those that may be answered now
        self.installed: Snapshot | None = None  # a leader's snapshot, for the state machine
        self.events: list[Event] = []

    # ---- configuration (§6)

    @property
    def snapshot_index(self) -> Index:
        """The last entry that the latest snapshot covers; 0: there is none."""
        return self.snapshot.last_included_index if self.snapshot else 0

    @property
    def is_voter(self) -> bool:
        """Whether this server's vote counts."""
        return self.id in self.configuration.voters or self.id in self.configuration.next_voters

    @property
    def may_stand(self) -> bool:
        """Whether this server may stand for election: as a voter, or as one that was it until a change that is not known to be

        committed. It may hold entries that those who stay do not have yet, and it leads without counting itself (thesis 4.2.2).
        """
        pending = self.log.configuration_index > self.commit_index
        return self.is_voter or (pending and self.id in self.log.configurations[-2][1].all_voters)

    def adopt_configuration(self) -> None:
        """Go by the log's latest configuration. A leader still speaks to those who leave, so that they learn that they are out."""
        before, self.configuration = self.configuration.members, self.log.configuration
        self.tell_configuration()
        if self.role is LEADER:
            for peer in self.peers:
                if peer not in before:
                    self.progress.setdefault(peer, Progress(self.log.last_index + 1))
                    self.tell_progress(peer)
            self.leaving = tuple(peer for peer in self.progress if peer not in self.peers)

    def tell_configuration(self) -> None:
        """Tell by which configuration this server goes."""
        self.say(ConfigurationChanged(self.now_ms, self.id, self.log.configuration_index, self.configuration))

    def dismiss_leaving(self) -> None:
        """Speak no more to those who have left."""
        for peer in self.leaving:
            del self.progress[peer]
        self.leaving = ()

    @property
    def peers(self) -> tuple[ServerId, ...]:
        """Everybody else who belongs to the configuration."""
        return tuple(member for member in self.configuration.members if member != self.id)

    # ---- roles (Figure 4)

    def become_follower(self, term: Term) -> None:
        """Enter a later term as a follower that has voted for nobody (§5.1)."""
        self.current_term = term
        self.voted_for = None
        self.leader_round = 0
        self.gave_way = False
        self._take_role(FOLLOWER)

    def become_candidate(self) -> None:
        """Begin a new term and vote for oneself (§5.2)."""
        self.current_term += 1
        self.leader_round = 0
        self.gave_way = False
        self._take_role(CANDIDATE)
        self.vote_for(self.id)
        self.count_vote(self.id)

    def become_leader(self) -> None:
        """Begin a reign: every follower's log is unknown, and assumed to equal this one (Figure 2)."""
        self._take_role(LEADER)
        self.progress = {peer: Progress(self.log.last_index + 1) for peer in self.peers}
        self.reign = Reign(quorum_heard_ms=self.now_ms)
        for peer in self.peers:
            self.tell_progress(peer)
        self._recognize(self.id)

    def follow(self, leader_id: ServerId, heard_round: int = 0) -> None:
        """Take the sender of a current AppendEntries or InstallSnapshot for the leader, and let it be heard (§5.2)."""
        self.leader_heard_ms = now_ms = self.now_ms
        if heard_round > self.leader_round:  # noqa: PLR1730  a call for each heartbeat can be felt
            self.leader_round = heard_round
        if self.pre_votes:
            self.pre_votes = set()
        if self.role is not FOLLOWER:
            self._take_role(FOLLOWER)
        if self.leader_id != leader_id:
            self._recognize(leader_id)
        draw = self.draw  # as reset_election_timer does it: a call for each heartbeat can be felt
        self.deadline_ms = now_ms + self.shortest_ms + self.spread_ms * draw()

    def step_down(self) -> None:
        """Lead no longer, in the same term: the vote stays spent, and nobody has taken over."""
        if self.reign and self.reign.transfer:
            self.say(TransferEnded(self.now_ms, self.id, self.reign.transfer.target, done=False))
            self.reign.transfer = None
        self._take_role(FOLLOWER)

    def _take_role(self, role: Role) -> None:
        if self.reign:
            self._end_reign(self.reign)
        self.role = role
        self.leader_id = None
        self.votes = set()
        self.pre_votes = set()
        self.progress = {}
        self.leaving = ()
        self.say(RoleChanged(self.now_ms, self.id, role, self.current_term))

    def _end_reign(self, reign: Reign) -> None:
        """What a leader leaves behind: reads were not answered and change nothing, so their clients may ask elsewhere."""
        self.reset_election_timer()  # a leader had none
        self.reign = None
        for ask in [*reign.early_reads, *(read.ask for read in reign.reads)]:
            self.send(ask.client_id, ClientReply(ask.client_id, ask.sequence_num, self.id, ok=False, reason=Reason.NOT_LEADER))
        if reign.transfer:
            self.say(TransferEnded(self.now_ms, self.id, reign.transfer.target, done=True))
        if reign.change:
            self.say(MembershipChangeEnded(self.now_ms, self.id, f"{self.id} leads no more; ask its successor"))

    def _recognize(self, leader_id: ServerId) -> None:
        self.leader_id = leader_id
        self.say(LeaderRecognized(self.now_ms, self.id, leader_id, self.current_term))

    # ---- votes, commit and time

    def vote_for(self, candidate_id: ServerId) -> None:
        """Spend this term's vote, and give the candidate time to win (§5.2)."""
        self.voted_for = candidate_id
        self.reset_election_timer()
        self.say(VoteGranted(self.now_ms, self.id, candidate_id, self.current_term))

    def count_vote(self, voter_id: ServerId) -> None:
        """Hold a voter's vote. Votes are a set: the same voter counts once, however often it is heard."""
        if voter_id not in self.votes:
            self.votes.add(voter_id)
            self.say(VoteCounted(self.now_ms, self.id, voter_id, self.current_term))

    def commit_to(self, index: Index) -> None:
        """Raise the commit index; it never falls."""
        self.commit_index = max(self.commit_index, index)

    def reset_election_timer(self) -> None:
        """Wait for a whole new, randomly drawn election timeout (§5.2)."""
        draw = self.draw
        self.deadline_ms = self.now_ms + self.shortest_ms + self.spread_ms * draw()

    def set_clock_rate(self, rate: float, now_ms: float) -> None:
        """Let this server's clock count `rate` milliseconds in one of the caller's, from `now_ms` on.

        What it has counted so far stays as it is, and so does what it still has to count: every moment that it keeps, past or to come,
        moves as seen by the caller's clock. Leases count on all of them (thesis 6.4.1).
        """
        factor = self.clock_rate / rate
        self.leader_heard_ms = moved(self.leader_heard_ms, now_ms, factor)
        self.deadline_ms = moved(self.deadline_ms, now_ms, factor)
        if self.reign:
            self.reign.stretch(now_ms, factor)
            if self.reign.lease_until_ms > -inf:
                self.say(QuorumHeard(now_ms, self.id, self.reign.quorum_heard_ms, self.reign.lease_until_ms))
        self.clock_rate = rate
        self._measure()

    def _measure(self) -> None:
        """How long by the caller's clock this server takes for what it does often."""
        shortest, longest = self.config.election_timeout_ms
        self.shortest_ms, self.spread_ms = self.lasts(shortest), self.lasts(longest - shortest)
        self.heartbeat_ms = self.lasts(self.config.heartbeat_ms)
        self.longest_ms = self.lasts(longest)
        self.lease_ms = self.lasts(shortest / (1 + self.config.max_clock_drift))  # by clocks that may be faster (thesis 6.4.1)

    def lasts(self, duration_ms: float) -> float:
        """How long this server takes for that duration, by its own clock."""
        return duration_ms / self.clock_rate

    # ---- what comes of a step

    def send(self, target: Address, message: Message) -> None:
        """Put a message into the outbox."""
        self.outbox.append((target, message))

    def say(self, event: Event) -> None:
        """Tell what happened."""
        self.events.append(event)

    def tell_progress(self, follower: ServerId) -> None:
        """Tell what this leader now knows of a follower."""
        progress = self.progress[follower]
        self.say(ProgressChanged(self.now_ms, self.id, follower, progress.next_index, progress.match_index, progress.state))


def base_of(snapshot: Snapshot | None, bootstrap: Configuration) -> tuple[Index, Term, Configuration]:
    """Where a log begins that follows this snapshot, and with which configuration."""
    if snapshot is None:
        return 0, 0, bootstrap
    return snapshot.last_included_index, snapshot.last_included_term, snapshot.configuration
