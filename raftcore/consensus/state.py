"""The box "State" of Figure 2, and the few moves that change it. Rules read and write this, and nothing else.

Fields stand in the paper's order, grouped by how long they live. Moves tell what happened; sending only fills the outbox.
"""

from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from raftcore.consensus.log import Log
from raftcore.vocabulary.events import Event, LeaderRecognized, ProgressChanged, RoleChanged, VoteCounted, VoteGranted
from raftcore.vocabulary.messages import Entry, Envelope, Message
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Address, Index, Role, ServerId, Term


class Timing(Struct, frozen=True):
    """The knobs of consensus: times in milliseconds, sizes in entries and messages."""

    election_timeout_ms: tuple[float, float]
    heartbeat_ms: float
    max_entries_per_message: int
    max_messages_in_flight: int


class Progress(Struct):
    """What a leader knows of one follower's log.

    next_index: the next entry to send. match_index: the highest entry known to be replicated (Figure 2).
    probing: the leader does not know yet where the logs agree, and sends one message at a time.
    in_flight: the last index of each AppendEntries with entries that is not answered yet, oldest first.
    """

    next_index: Index
    match_index: Index = 0
    probing: bool = True
    in_flight: deque[Index] = field(default_factory=deque)

    def probe_from(self, next_index: Index) -> None:
        """Find out anew where the logs agree; nothing sent before counts any more."""
        self.next_index = next_index
        self.probing = True
        self.in_flight.clear()

    def absorb_match(self, match_index: Index) -> bool:
        """The follower's log equals the leader's up to here; whether that is further than was known."""
        if self.probing:
            self.probing = False
            self.in_flight.clear()
        if match_index <= self.match_index:
            return False
        self.match_index = match_index
        self.next_index = max(self.next_index, match_index + 1)
        while self.in_flight and self.in_flight[0] <= match_index:
            self.in_flight.popleft()
        return True


class NodeState:
    """One server's state. `members` are all servers of the cluster, `peers` the others."""

    __slots__ = (
        "commit_index", "current_term", "deadline_ms", "draw", "events", "id", "last_applied", "leader_id", "log", "members",
        "now_ms", "outbox", "peers", "progress", "role", "saved_index", "timing", "voted_for", "votes",
    )  # fmt: skip

    def __init__(
        self,
        server_id: ServerId,
        members: tuple[ServerId, ...],
        timing: Timing,
        draw: Callable[[], float],
        current_term: Term = 0,
        voted_for: ServerId | None = None,
        entries: Iterable[Entry] = (),
    ) -> None:
        """`draw` gives a number in [0, 1) for each election timeout: the only randomness, and it comes from outside."""
        self.id = server_id
        self.members = members
        self.peers = tuple(member for member in members if member != server_id)
        self.timing = timing
        self.draw = draw

        # persistent: saved before anything is answered
        self.current_term = current_term
        self.voted_for = voted_for
        self.log = Log(entries)

        # volatile, on all servers; saved_index is how far the log is on the disk
        self.role = FOLLOWER
        self.leader_id: ServerId | None = None
        self.commit_index: Index = 0
        self.last_applied: Index = 0
        self.saved_index: Index = self.log.last_index

        # volatile, on candidates and on leaders
        self.votes: set[ServerId] = set()
        self.progress: dict[ServerId, Progress] = {}

        # this step: its time, and what comes of it
        self.now_ms = 0.0
        self.deadline_ms = 0.0
        self.outbox: list[Envelope] = []
        self.events: list[Event] = []

    # ---- roles (Figure 4)

    def become_follower(self, term: Term) -> None:
        """Enter a later term as a follower that has voted for nobody (§5.1)."""
        self.current_term = term
        self.voted_for = None
        self._take_role(FOLLOWER)

    def become_candidate(self) -> None:
        """Begin a new term and vote for oneself (§5.2)."""
        self.current_term += 1
        self._take_role(CANDIDATE)
        self.vote_for(self.id)
        self.count_vote(self.id)

    def become_leader(self) -> None:
        """Begin a reign: every follower's log is unknown, and assumed to equal this one (Figure 2)."""
        self._take_role(LEADER)
        self.progress = {peer: Progress(self.log.last_index + 1) for peer in self.peers}
        for peer in self.peers:
            self.tell_progress(peer)
        self._recognize(self.id)

    def follow(self, leader_id: ServerId) -> None:
        """Take the sender of a current AppendEntries for the leader, and let it be heard (§5.2)."""
        if self.role is not FOLLOWER:
            self._take_role(FOLLOWER)
        if self.leader_id != leader_id:
            self._recognize(leader_id)
        self.reset_election_timer()

    def _take_role(self, role: Role) -> None:
        if self.role is LEADER:
            self.reset_election_timer()  # a leader had none
        self.role = role
        self.leader_id = None
        self.votes = set()
        self.progress = {}
        self.say(RoleChanged(self.now_ms, self.id, role, self.current_term))

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
        shortest, longest = self.timing.election_timeout_ms
        self.deadline_ms = self.now_ms + shortest + (longest - shortest) * self.draw()

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
        self.say(ProgressChanged(self.now_ms, self.id, follower, progress.next_index, progress.match_index))
