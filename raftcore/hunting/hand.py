"""A hand that acts at random on a cluster: what the acts of random runs are made of."""

from random import Random

from raftcore.cluster.cluster import Cluster
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.names import ClientId, ServerId

TELLERS = ("C1", "C2", "C3")
ASKERS = ("C6", "C7", "C8")
"""Clients that set, and clients that get: so who asks does not wait behind a command of its own."""


class Hand:
    """Acts on one cluster; `random` decides."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster = cluster
        self.random = random

    @property
    def round_ms(self) -> float:
        """How long a message and a sync may take."""
        return self.cluster.config.delay_ms[1] + self.cluster.config.sync_ms

    @property
    def patience_ms(self) -> float:
        """How long it may take until somebody stands for election: twice the longest timeout, since the first vote may be split."""
        return 2 * self.cluster.config.election_timeout_ms[1]

    def any_server(self) -> ServerId:
        """One of all."""
        return self.random.choice(self.cluster.server_ids)

    # ---- clients

    def tell(self, leader: ServerId, key: str) -> ClientId:
        """Let a client set a key through this server; which client."""
        client = self._idle(TELLERS)
        self.cluster.submit(client, Set(key, str(self.random.randrange(3))), leader)
        return client

    def ask(self, leader: ServerId, key: str, mode: ReadMode) -> None:
        """Let a client read a key through this server."""
        self.cluster.submit(self._idle(ASKERS), Get(key, mode), leader)

    def flood(self, leader: ServerId, times: int) -> None:
        """Let that many clients read through this server while a message is there and back: more reads than answers."""
        key = self.random.choice("xyz")
        for number in range(times):
            self.cluster.submit(f"C{11 + number}", Get(key, ReadMode.READ_INDEX), leader)
            self.cluster.run_for(2 * self.round_ms / times)

    def _idle(self, clients: tuple[ClientId, ...]) -> ClientId:
        """One of these that waits for nothing, or any where all do."""
        pending = self.cluster.view.pending
        return self.random.choice([client for client in clients if client not in pending] or clients)

    # ---- links

    def mute(self, name: ServerId) -> None:
        """Let nobody hear this server."""
        for other in self.others(name):
            self.cluster.link(name, other, up=False)

    def deafen(self, name: ServerId) -> None:
        """Let this server hear nobody."""
        for other in self.others(name):
            self.cluster.link(other, name, up=False)

    def hear_late(self, name: ServerId) -> None:
        """Let this server hear everybody late."""
        for other in self.others(name):
            self.delay(other, name)

    def delay(self, source: ServerId, target: ServerId) -> None:
        """Make a link about as slow as an election timeout is long."""
        self.delay_by(source, target, self.random.choice([0.5, 1, 2]))

    def delay_by(self, source: ServerId, target: ServerId, timeouts: float) -> None:
        """Make a link as slow as so many election timeouts are long."""
        delay_ms = self.cluster.config.election_timeout_ms[1] * timeouts
        self.cluster.link(source, target, delay_ms=(delay_ms, delay_ms))

    def others(self, name: ServerId) -> list[ServerId]:
        """All servers but this one."""
        return [other for other in self.cluster.server_ids if other != name]


def former_leader(view: ClusterView) -> ServerView:
    """Of those who believe that they lead, the one of the lowest term. There must be one."""
    return min(view.leaders, key=lambda leader: leader.current_term)


def latest_leader(view: ClusterView) -> ServerView:
    """Of those who believe that they lead, the one of the highest term. There must be one."""
    return max(view.leaders, key=lambda leader: leader.current_term)
