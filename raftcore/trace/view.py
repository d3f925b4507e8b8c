"""The cluster at one moment, folded from the trace. Immutable: a view that was kept still shows its moment."""

from collections.abc import Mapping

from immutables import Map
from msgspec import Struct

from raftcore.trace.log_view import LogView
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.events import Completed, MessageSent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Address, ClientId, Index, Role, ServerId, Term


class ProgressView(Struct, frozen=True):
    """What a leader knows of one follower's log (Figure 2, nextIndex and matchIndex)."""

    next_index: Index
    match_index: Index


class ServerView(Struct, frozen=True, kw_only=True):
    """One server. Of a crashed one, the log is as it stood when it crashed, and the rest is as after a start.

    timer_ms: when the running timer was set and when it ends, in simulated milliseconds; None while crashed.
    votes: the voters whose vote this candidate holds, in the order of arrival.
    progress: what this leader knows of each follower.
    """

    id: ServerId
    alive: bool = True
    paused: bool = False
    role: Role = Role.FOLLOWER
    current_term: Term = 0
    voted_for: ServerId | None = None
    leader: ServerId | None = None
    log: LogView = LogView()
    synced_index: Index = 0
    commit_index: Index = 0
    last_applied: Index = 0
    kv_store: Map[str, str] = Map()
    timer_ms: tuple[float, float] | None = None
    votes: tuple[ServerId, ...] = ()
    progress: Map[ServerId, ProgressView] = Map()


class OperationView(Struct, frozen=True):
    """A client's command that is under way."""

    client: ClientId
    sequence_num: int
    command: Command
    invoked_at_ms: float


class ClusterView(Struct, frozen=True, kw_only=True):
    """The whole cluster at `at_ms`, in simulated milliseconds.

    servers: by name, in the order S1 … Sn. links: only directions that ever changed; the others are healthy.
    messages: those in flight, by id. pending: the command that each client waits for. completed: the latest outcomes, oldest first.
    """

    at_ms: float
    servers: Mapping[ServerId, ServerView]
    links: Mapping[tuple[Address, Address], Link]
    messages: Map[int, MessageSent] = Map()
    pending: Mapping[ClientId, OperationView]
    completed: tuple[Completed, ...] = ()

    @property
    def leader(self) -> ServerId | None:
        """The live leader of the highest term that a majority follows, or None."""
        for server in sorted(self.leaders, key=lambda server: -server.current_term):
            followers = sum(
                other.alive and other.leader == server.id and other.current_term == server.current_term for other in self.servers.values()
            )
            if followers > len(self.servers) // 2:
                return server.id
        return None

    @property
    def leaders(self) -> tuple[ServerView, ...]:
        """Every live server that believes it leads."""
        return tuple(server for server in self.servers.values() if server.alive and server.role is Role.LEADER)
