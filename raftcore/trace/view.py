"""The cluster at one moment, folded from the trace. Immutable: a view that was kept still shows its moment."""

from collections.abc import Mapping

from immutables import Map
from msgspec import Struct

from raftcore.trace.log_view import LogView
from raftcore.vocabulary.commands import Command, ReadMode
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Completed, MessageDelivered, MessageDropped, MessageSent, ReadStarted, TransferStarted
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Address, ClientId, FollowerState, Index, Reason, Role, ServerId, Term
from raftcore.vocabulary.spelling import brief


class ProgressView(Struct, frozen=True):
    """What a leader knows of one follower's log (Figure 2, nextIndex and matchIndex), and how it sends to it."""

    next_index: Index
    match_index: Index
    state: FollowerState


class SessionView(Struct, frozen=True):
    """What a state machine remembers of a client (thesis 6.3)."""

    client: ClientId
    sequence_num: int
    active_at_ms: float


class SnapshotView(Struct, frozen=True):
    """A server's snapshot, and the state machine that it holds. synced: whether a sync has reported it as kept."""

    last_included_index: Index
    last_included_term: Term
    size_bytes: int
    kv_store: Map[str, str]
    sessions: Map[Index, SessionView]
    synced: bool = False


class ServerView(Struct, frozen=True, kw_only=True):
    """One server. Of a crashed one, the log is as it stood when it crashed, and the rest is as after a start.

    halted: why it stopped by itself, or "". timer_ms: when the running timer was set and when it ends, in simulated milliseconds; None
    while crashed. configuration: by which it goes, and at which index that stands in its log. snapshots: the latest one, and those before
    that a crash may bring back: all since the last but one that was synced. votes, pre_votes: the voters whose vote, or promise of one,
    this candidate holds, in the order of arrival. denied: those that refused the latest of the two that it asked for, and why. progress:
    what this leader knows of each follower. quorum_heard_ms, lease_until_ms: since when a majority is known to follow this leader, and
    until when its lease on reads lasts. reads: those that wait for a round, by client and number. answered: while there are such, the
    latest round that each follower has answered. transfer: under way, or None. clock_rate: milliseconds that it counts in one of
    simulated time. disk: None as long as nobody changed it. damage: what was turned over on its disk and not read since, or "".
    """

    id: ServerId
    alive: bool = True
    paused: bool = False
    halted: str = ""
    role: Role = Role.FOLLOWER
    current_term: Term = 0
    voted_for: ServerId | None = None
    leader: ServerId | None = None
    log: LogView = LogView()
    synced_index: Index = 0
    commit_index: Index = 0
    last_applied: Index = 0
    kv_store: Map[str, str] = Map()
    sessions: Map[Index, SessionView] = Map()
    snapshots: tuple[SnapshotView, ...] = ()
    configuration: Configuration = Configuration()
    configuration_index: Index = 0
    timer_ms: tuple[float, float] | None = None
    votes: tuple[ServerId, ...] = ()
    pre_votes: tuple[ServerId, ...] = ()
    denied: Map[ServerId, Reason] = Map()
    progress: Map[ServerId, ProgressView] = Map()
    quorum_heard_ms: float | None = None
    lease_until_ms: float | None = None
    reads: Map[tuple[ClientId, int], ReadStarted] = Map()
    answered: Map[ServerId, int] = Map()
    transfer: TransferStarted | None = None
    clock_rate: float = 1.0
    disk: DiskState | None = None
    damage: str = ""

    @property
    def snapshot(self) -> SnapshotView | None:
        """The latest snapshot."""
        return self.snapshots[-1] if self.snapshots else None


class OperationView(Struct, frozen=True):
    """A client's command that is under way.

    latest: of the requests and replies about it, or about the session that it needs, the latest one that arrived or was dropped.
    mode: of a read, how it finds its answer, as its requests say.
    """

    client: ClientId
    sequence_num: int
    command: Command
    invoked_at_ms: float
    latest: MessageDelivered | MessageDropped | None = None
    mode: ReadMode | None = None

    def needs(self, sequence_num: int) -> bool:
        """Whether a request of its client with this number is about it, or about the session that it needs, which has one below 0."""
        return sequence_num < 0 or sequence_num == self.sequence_num


class ClusterView(Struct, frozen=True, kw_only=True):
    """The whole cluster at `at_ms`, in simulated milliseconds.

    servers: by name, in the order S1 … Sn. links: only directions that ever changed; the others are healthy.
    cut_ms: those that let nothing through, and since when.
    messages: those in flight, by id. pending: the command that each client waits for. completed: the latest outcomes, oldest first.
    """

    at_ms: float
    servers: Mapping[ServerId, ServerView]
    links: Mapping[tuple[Address, Address], Link]
    cut_ms: Mapping[tuple[Address, Address], float] = {}
    messages: Map[int, MessageSent] = Map()
    pending: Mapping[ClientId, OperationView]
    completed: tuple[Completed, ...] = ()

    @property
    def leader(self) -> ServerId | None:
        """The live leader of the highest term that a quorum of its configuration follows, or None."""
        for leader in sorted(self.leaders, key=lambda server: -server.current_term):
            following, groups = self.behind(leader), voter_groups(leader.configuration)
            if groups and all(len(following.intersection(voters)) > len(voters) // 2 for voters in groups):
                return leader.id
        return None

    @property
    def configuration(self) -> Configuration:
        """By which configuration the cluster goes: the leader's, or without one, that of the live log that is most up to date (§5.4.1).

        Terms do not tell: a server that was removed while it was cut off may enter one after the other.
        """
        if self.leader:
            return self.servers[self.leader].configuration
        servers = [server for server in self.servers.values() if server.alive and server.configuration.members]
        return max(servers or self.servers.values(), key=lambda server: server.log.end).configuration

    def behind(self, leader: ServerView) -> set[ServerId]:
        """The live servers that know this one as the leader of their term, itself among them."""
        return {it.id for it in self.servers.values() if it.alive and it.leader == leader.id and it.current_term == leader.current_term}

    @property
    def leaders(self) -> tuple[ServerView, ...]:
        """Every live server that believes it leads."""
        return tuple(server for server in self.servers.values() if server.alive and server.role is Role.LEADER)

    @property
    def latest_leader(self) -> ServerView | None:
        """The one of the highest term among them, whether a majority follows it or not; None while nobody leads."""
        return max(self.leaders, key=lambda server: server.current_term, default=None)


def require_view(value: object) -> None:
    """Refuse what is no view. Raises ConfigError."""
    if not isinstance(value, ClusterView):
        raise ConfigError(f"{brief(value)} is no view; give one of a run: cluster.view, or cluster.trace.view_at(at_ms)")


def voter_groups(configuration: Configuration) -> list[tuple[ServerId, ...]]:
    """Those of whom a majority must agree: one group, or while the configuration is joint, two (§6)."""
    return [voters for voters in (configuration.voters, configuration.next_voters) if voters]
