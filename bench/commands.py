"""Commands committed a second, three servers in one process, all three applying, against PySyncObj in the same run."""

import socket
import time

from pysyncobj import SyncObj, SyncObjConf, replicated

from bench.figure import Figure, best_of, rate
from raftcore import Cluster, Config, Scenario
from raftcore.cluster.world import SimWorld
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Message
from raftcore.vocabulary.names import LEADER

IN_FLIGHT = 100
COMMANDS = 10_000
ROUNDS = 6
THEIR_COMMANDS = 20_000
THEIR_FLIGHT = 5_000
LIMIT_S = 40.0


class Driver:
    """Keeps 100 requests in flight at the leader of three servers, as a caller in the same process would: it hands them over itself,

    and gets each answer from the network. Everything else is as in a lab: write-ahead logs on disks that sync, and a network with delays.
    """

    def __init__(self, delay_ms: tuple[float, float]) -> None:
        self.world = SimWorld(Scenario(size=3, seed=3, config=Config(delay_ms=delay_ms)))
        self.world.network.join("C1", self.absorb)
        self.world.clock.run(1_000, limit=100_000)
        self.leader = next(server for server in self.world.servers.values() if server.node.state.role is LEADER)
        self.sent = self.answered = 0

    def absorb(self, reply: Message) -> None:
        assert isinstance(reply, ClientReply)
        assert reply.ok
        self.answered += 1
        if self.sent < COMMANDS:
            self.send()

    def send(self) -> None:
        self.sent += 1
        self.leader.hear(ClientRequest("C1", self.sent, Set(f"k{self.sent % 100}", "value")))

    def commit(self) -> int:
        """Counted when all three servers have applied all commands."""
        for _ in range(IN_FLIGHT):
            self.send()
        servers = self.world.servers.values()
        while not all(server.node.state.last_applied > COMMANDS for server in servers):
            self.world.clock.run(self.world.clock.next_ms + 20, limit=100_000)
        assert self.answered == COMMANDS
        return COMMANDS


def steady() -> float:
    """On a network whose delay is constant: what is sent together arrives together, as on the loopback that the others use."""
    return rate(Driver((10.0, 10.0)).commit)


def scattered() -> float:
    """With a lab's own delays, which scatter the answers and so the requests: nearly each one is a step of its own."""
    return rate(Driver((10.0, 20.0)).commit)


def through_clients() -> float:
    """The longest road: 100 clients with one command in flight each, that find the leader and wait for its answer over the network."""
    cluster = Cluster(size=3, seed=3, trace=False)
    cluster.run_for(1_000)
    names = [f"C{number}" for number in range(1, IN_FLIGHT + 1)]
    each = COMMANDS // IN_FLIGHT

    def commit() -> int:
        last = [[cluster.submit(name, Set(f"k{number}", "value")) for number in range(each)][-1] for name in names]
        while any(operation.answer is None for operation in last):
            cluster.run_for(20)
        return each * IN_FLIGHT

    return rate(commit)


class Store(SyncObj):
    """PySyncObj's side: a dictionary, replicated in memory."""

    def __init__(self, own: str, others: list[str]) -> None:
        super().__init__(own, others, conf=SyncObjConf(autoTick=False))
        self.data: dict[str, str] = {}

    @replicated
    def set(self, key: str, value: str) -> None:
        self.data[key] = value


class Replicas:
    """Three PySyncObj nodes, ticked by hand in one loop: its fastest set-up."""

    def __init__(self) -> None:
        addresses = [f"127.0.0.1:{port}" for port in free_ports(3)]
        self.nodes = [Store(own, [other for other in addresses if other != own]) for own in addresses]
        self.done = 0
        self.tick_until(lambda: all(node.isReady() and node._getLeader() for node in self.nodes))  # noqa: SLF001  it has no public name
        leader = self.nodes[0]._getLeader().address  # noqa: SLF001
        self.leader = next(node for node, own in zip(self.nodes, addresses, strict=True) if own == leader)

    def tick_until(self, holds) -> None:
        limit = time.monotonic() + LIMIT_S
        while not holds():
            for node in self.nodes:
                node.doTick(0.0)
            if time.monotonic() > limit:
                raise TimeoutError("PySyncObj did not get there in time")

    def commit(self) -> int:
        """Keep 5,000 commands in flight until all are committed and every node has applied the last one."""
        self.done = sent = 0
        mark = str(time.monotonic())

        def landed(_result, _error) -> None:
            self.done += 1

        while self.done < THEIR_COMMANDS:
            while sent < THEIR_COMMANDS and sent - self.done < THEIR_FLIGHT:
                sent += 1
                self.leader.set("last" if sent == THEIR_COMMANDS else f"k{sent % 100}", mark, callback=landed)
            self.tick_until(lambda before=self.done: self.done > before)
        self.tick_until(lambda: all(node.data.get("last") == mark for node in self.nodes))
        return THEIR_COMMANDS


def free_ports(count: int) -> list[int]:
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


def figures() -> list[Figure]:
    replicas = Replicas()
    theirs, own, apart, clients = best_of(ROUNDS, lambda: rate(replicas.commit), steady, scattered, through_clients)
    for node in replicas.nodes:
        node.destroy()
    beside = f"PySyncObj {theirs:,.0f}"
    return [
        Figure("commands/s, 100 in flight", f"{own:,.0f}", beside, own / theirs, "≥ 4", own / theirs >= 4),
        Figure("  the same, as an absolute aim", f"{own:,.0f}", "", None, "150,000", own >= 150_000),
        Figure("  with scattered delays", f"{apart:,.0f}", beside, apart / theirs, "", None),
        Figure("  through 100 clients", f"{clients:,.0f}", beside, clients / theirs, "", None),
    ]
