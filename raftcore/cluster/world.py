"""The simulated world: servers with their disks, clients, and the network between them, on one clock.

Here alone is randomness: one stream for each server's timeouts, each disk and each direction of a link, seeded from the run's seed and its
name. What actions do to it stands in takes.py.
"""

from collections.abc import Callable
from operator import call
from random import Random

from raftcore.cluster.client import SimClient
from raftcore.cluster.clock import VirtualClock
from raftcore.cluster.rulebook import CORRECT, Rulebook
from raftcore.cluster.transport import LoopbackTransport
from raftcore.server import Server
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ClientNotFound, ControlError, ServerNotFound
from raftcore.vocabulary.events import (
    Acted,
    Event,
    Halted,
)
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import LEADER, Address, ClientId, ServerId, is_client_name
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import can_be, named, plain


class SimWorld:
    """All that is simulated. `say` receives every event; None when nobody listens."""

    def __init__(
        self,
        scenario: Scenario,
        rules: Rulebook = CORRECT,
        say: Callable[[Event], None] | None = None,
    ) -> None:
        self.scenario = scenario
        self.config = config = scenario.config
        self.server_ids = [f"S{number}" for number in range(1, scenario.size + 1)]
        self.say = say
        self.clock = VirtualClock()
        self.network = LoopbackTransport(self.clock, scenario.seed, Link(config.delay_ms), say)
        self._rules = rules
        self._founders = Configuration(voters=tuple(self.server_ids))
        self._draws: dict[ServerId, Callable[[], float]] = {}
        self.disk_streams: dict[ServerId, Random] = {}
        self.disks: dict[ServerId, SimDisk] = {}
        self.clients: dict[ClientId, SimClient] = {}
        self.servers: dict[ServerId, Server] = {}
        for name in self.server_ids:
            self.add(name)
        for name in rules.by_server:
            self.server(name)
        for server in self.servers.values():
            self.join(server)

    @property
    def now_ms(self) -> float:
        """The simulated time, in milliseconds since the start of the run."""
        return self.clock.now_ms

    def _call_after(self, delay_ms: float, act: Callable[[], None]) -> None:
        self.clock.call_after(delay_ms, call, act)

    def add(self, name: ServerId) -> None:
        """Give a server its random streams and an empty disk, and start it."""
        self._draws[name] = Random(f"{self.scenario.seed} {name} timeouts").random
        self.disk_streams[name] = Random(f"{self.scenario.seed} {name} disk")
        self.disks[name] = SimDisk(self._call_after, DiskState(self.config.sync_ms))
        self.servers[name] = self.boot(name)

    def boot(self, name: ServerId) -> Server:
        return self._rules.server(
            name,
            self._founders,  # they hold at index 0 of every log, so a newcomer must know them, too
            self.config,
            self._draws[name],
            self._rules.of_server(name),
            self.disks[name],
            self.clock,
            self.network.send,
            self.say,
            self._halt,
        )

    def join(self, server: Server) -> None:
        self.network.join(server.id, server.hear, server.is_full)
        server.start()

    def _halt(self, name: ServerId, reason: str) -> None:
        """A server has stopped by itself. Its machine runs on, so all that it wrote can still be read, kept or not."""
        self.network.join(name, None)
        self.disks[name].process_crash()
        if self.say:
            self.say(Halted(self.now_ms, name, reason))

    # ---- names

    def server(self, name: ServerId) -> Server:
        """The server of this name, or ServerNotFound."""
        try:
            return self.servers[name]
        except (KeyError, TypeError):
            raise self.no_server(name) from None

    def no_server(self, name: object) -> ServerNotFound:
        """The error that names those that there are."""
        ids = self.server_ids
        known = f"{ids[0]} … {ids[-1]}" if len(ids) > 1 else ids[0]
        no_name = name is None or (isinstance(name, str) and not name)
        hint = " (there may be no leader just now; run on until there is one)" if no_name else ""
        return ServerNotFound(f"no server {brief(name)}; this cluster has {known}{hint}")

    def client(self, name: ClientId) -> SimClient:
        """The client of this name, made when it is first spoken of, or ClientNotFound."""
        try:
            return self.clients[name]
        except (KeyError, TypeError):
            if not is_client_name(name):
                raise no_client(name) from None
            name = plain(name)
            client = SimClient(name, self.server_ids, self.config, self.clock, self.network.send, self.say)
            self.clients[name] = client
            self.network.join(name, client.hear)
        return self.clients[name]

    def check_address(self, name: Address) -> None:
        """Raise ServerNotFound unless this is a server, or a client that there may be."""
        if not is_client_name(name):
            self.server(name)

    def check_names(self, action: act.Action) -> None:
        """Raise ServerNotFound or ClientNotFound where the action names what can never be a server or a client, also if it comes later."""
        for kind, name in named(action):
            if not can_be(kind, name):
                raise no_client(name) if kind == "client" or (isinstance(name, str) and name.startswith("C")) else self.no_server(name)

    # ---- what actions need

    def acted(self, action: act.Action) -> None:
        """Tell that somebody did this."""
        if self.say:
            self.say(Acted(self.now_ms, action))

    def live(self, name: ServerId) -> Server:
        """The server of this name, if it runs."""
        server = self.server(name)
        if not server.alive:
            raise ControlError(f"{name} is crashed; restart it first")
        return server

    def leading(self) -> Server:
        """The live leader of the highest term."""
        leaders = [server for server in self.servers.values() if server.alive and not server.paused and server.node.state.role is LEADER]
        if not leaders:
            raise ControlError("no server leads just now, and only a leader can do this; run on until there is one")
        return max(leaders, key=lambda server: server.node.state.current_term)

    @property
    def configuration(self) -> Configuration:
        """By which configuration the leader goes."""
        return self.leading().node.state.configuration

    def who_can_change(self, wanted: Configuration) -> Server:
        """The leader, if it can begin to change to this configuration; ControlError with a sentence if not."""
        leader = self.leading()
        objection = leader.node.rules.why_no_change(leader.node.state, wanted)
        if objection:
            raise ControlError(objection)
        return leader


def no_client(name: object) -> ClientNotFound:
    """The error that says how clients are named."""
    return ClientNotFound(f"no client {brief(name)}; clients are named C1, C2 …")
