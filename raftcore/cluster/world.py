"""The simulated world: servers with their disks, clients, and the network between them, on one clock.

Here alone is randomness: one stream for each server's timeouts, each disk and each direction of a link, seeded from the run's seed and its
name. `take` lets an action happen, or refuses it with a sentence and changes nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from operator import call
from random import Random
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from raftcore.cluster.client import Operation, SimClient
from raftcore.cluster.clock import VirtualClock
from raftcore.cluster.transport import LoopbackTransport
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import Timing
from raftcore.server import Server
from raftcore.statemachine.language import check_command
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.errors import ClientNotFound, ConfigError, ControlError, ServerNotFound
from raftcore.vocabulary.events import Acted, Crashed, Event, LinkChanged, Paused, Restarted, Resumed
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import LEADER, Address, ClientId, Index, ServerId
from raftcore.vocabulary.scenario import Scenario

_CLIENT_NAME = re.compile(r"C[1-9][0-9]{0,3}")


class SimWorld:
    """All that is simulated. `say` receives every event; None when nobody listens."""

    def __init__(self, scenario: Scenario, rules: Mapping[ServerId, Rules], say: Callable[[Event], None] | None) -> None:
        self.scenario = scenario
        self.config = config = scenario.config
        self.server_ids = tuple(f"S{number}" for number in range(1, scenario.size + 1))
        self.say = say
        self.clock = VirtualClock()
        self.network = LoopbackTransport(self.clock, scenario.seed, Link(config.delay_ms), say)
        self._rules = rules
        self._timing = Timing(
            config.election_timeout_ms, config.heartbeat_ms, config.max_entries_per_message, config.max_messages_in_flight
        )
        self._draws = {name: Random(f"{scenario.seed} {name} timeouts").random for name in self.server_ids}
        self._disk_streams = {name: Random(f"{scenario.seed} {name} disk") for name in self.server_ids}
        self._disks = {name: SimDisk(self._call_after, config.sync_ms) for name in self.server_ids}
        self.clients: dict[ClientId, SimClient] = {}
        self.servers = {name: self._boot(name) for name in self.server_ids}
        for name in rules:
            self.server(name)
        for server in self.servers.values():
            self._join(server)

    @property
    def now_ms(self) -> float:
        """The simulated time, in milliseconds since the start of the run."""
        return self.clock.now_ms

    def _call_after(self, delay_ms: float, act: Callable[[], None]) -> None:
        self.clock.call_after(delay_ms, call, act)

    def _boot(self, name: ServerId) -> Server:
        rules = self._rules.get(name, Rules())
        return Server(
            name, self.server_ids, self._timing, self._draws[name], rules, self._disks[name], self.clock, self.network.send, self.say
        )

    def _join(self, server: Server) -> None:
        self.network.join(server.id, server.hear)
        server.start()

    # ---- names

    def server(self, name: ServerId) -> Server:
        """The server of this name, or ServerNotFound."""
        try:
            return self.servers[name]
        except (KeyError, TypeError):
            ids = self.server_ids
            known = f"{ids[0]} … {ids[-1]}" if len(ids) > 1 else ids[0]
            hint = " (there may be no leader just now; run on until there is one)" if not name else ""
            raise ServerNotFound(f"no server {name!r}; this cluster has {known}{hint}") from None

    def client(self, name: ClientId) -> SimClient:
        """The client of this name, made when it is first spoken of, or ClientNotFound."""
        try:
            return self.clients[name]
        except (KeyError, TypeError):
            if not _CLIENT_NAME.fullmatch(str(name)):
                raise ClientNotFound(f"no client {name!r}; clients are named C1, C2 …") from None
            client = SimClient(name, self.server_ids, self.config, self.clock, self.network.send, self.say)
            self.clients[name] = client
            self.network.join(name, client.hear)
        return self.clients[name]

    def _check_address(self, name: Address) -> None:
        if str(name).startswith("C"):
            self.client(name)
        else:
            self.server(name)

    # ---- actions

    def take(self, action: act.Action) -> Operation | None:
        """Let an action happen now. The operation that a Submit began is handed back."""
        return TAKES[type(action)](self, action)

    def _acted(self, action: act.Action) -> None:
        if self.say:
            self.say(Acted(self.now_ms, action))

    def _live(self, name: ServerId) -> Server:
        server = self.server(name)
        if not server.alive:
            raise ControlError(f"{name} is crashed; restart it first")
        return server

    def take_crash(self, action: act.Crash) -> None:
        """Stop a server. Its disk keeps what was synced."""
        server = self._live(action.server)
        self._acted(action)
        server.stop()
        self.network.join(server.id, None)
        self._disks[server.id].crash(self._disk_streams[server.id])
        if self.say:
            self.say(Crashed(self.now_ms, server.id))

    def take_restart(self, action: act.Restart) -> None:
        """Start a crashed server from its disk; CorruptLogError if it can't be trusted."""
        old = self.server(action.server)
        if old.alive:
            raise ControlError(f"{old.id} is running; only a crashed server can be restarted")
        server = self._boot(old.id)
        self._acted(action)
        self.servers[old.id] = server
        if self.say:
            state = server.node.state
            kept = _common_prefix(old.node.state.log.entries, state.log.entries)
            rest = state.log.after(kept, state.log.last_index)
            self.say(Restarted(self.now_ms, server.id, state.current_term, state.voted_for, kept, rest))
        self._join(server)

    def take_pause(self, action: act.Pause) -> None:
        """Freeze a server."""
        server = self._live(action.server)
        if server.paused:
            raise ControlError(f"{server.id} is paused already; resume it to let it go on")
        self._acted(action)
        server.pause()
        if self.say:
            self.say(Paused(self.now_ms, server.id))

    def take_resume(self, action: act.Resume) -> None:
        """Let a paused server go on."""
        server = self._live(action.server)
        if not server.paused:
            raise ControlError(f"{server.id} is not paused")
        self._acted(action)
        if self.say:
            self.say(Resumed(self.now_ms, server.id))
        server.resume()

    def take_time_out(self, action: act.TimeOut) -> None:
        """Let a server's election timer run out."""
        server = self._live(action.server)
        if server.paused:
            raise ControlError(f"{server.id} is paused, and its timer with it; resume it first")
        if server.node.state.role is LEADER:
            raise ControlError(f"{server.id} leads, and a leader has no election timer; choose a follower or a candidate")
        self._acted(action)
        server.hear(DeadlineReached())

    def take_set_link(self, action: act.SetLink) -> None:
        """Change one direction of a link."""
        for name in (action.source, action.target):
            self._check_address(name)
        if action.source == action.target:
            raise ConfigError(f"there is no link from {action.source} to itself; name two different ends")
        given = asdict(action)
        changes = {name: given[name] for name in Link.__struct_fields__ if given[name] is not UNSET}
        link = replace(self.network.link(action.source, action.target), **changes)
        self._acted(replace(action, **{name: getattr(link, name) for name in changes}))
        self._set_link(action.source, action.target, link)

    def take_partition(self, action: act.Partition) -> None:
        """Let only members of one group hear each other."""
        group_of = self._groups(action.groups)
        self._acted(action)
        named_before = {name for ends in self.network.changed_links() for name in ends}
        clients = sorted(self.clients.keys() & (group_of.keys() | named_before))
        for source, target in self._pairs((*self.server_ids, *clients)):
            together = source not in group_of or target not in group_of or group_of[source] == group_of[target]
            self._set_link(source, target, replace(self.network.link(source, target), up=together))

    def take_isolate(self, action: act.Isolate) -> None:
        """Cut a server off from all others, both ways."""
        name = self.server(action.server).id
        self._acted(action)
        for source, target in self._pairs(self.server_ids):
            if name in (source, target):
                self._set_link(source, target, replace(self.network.link(source, target), up=False))

    def take_heal(self, action: act.Heal) -> None:
        """Make every link healthy."""
        self._acted(action)
        for source, target in self.network.changed_links():
            self._set_link(source, target, self.network.healthy)

    def take_submit(self, action: act.Submit) -> Operation:
        """Let a client begin a command, or queue it behind the one it waits for."""
        client = self.client(action.client)
        command = check_command(action.command)
        if action.through is not None:
            self.server(action.through)
        self._acted(action)
        return client.submit(command, action.through)

    def _set_link(self, source: Address, target: Address, link: Link) -> None:
        if self.network.set_link(source, target, link) and self.say:
            self.say(LinkChanged(self.now_ms, source, target, link))

    def _groups(self, groups: Iterable[Iterable[Address]]) -> dict[Address, int]:
        """Which group each stands in: the servers named nowhere in one more, a client named nowhere in none."""
        group_of: dict[Address, int] = {}
        for number, group in enumerate(groups):
            for name in group:
                self._check_address(name)
                if name in group_of:
                    raise ConfigError(f"{name} stands in two groups of the partition; name it once")
                group_of[name] = number
        if not group_of:
            raise ConfigError('a partition needs a group that has members, for example {"S1", "S2"}; the others are the rest')
        return dict.fromkeys(self.server_ids, -1) | group_of

    @staticmethod
    def _pairs(names: tuple[Address, ...]) -> list[tuple[Address, Address]]:
        return [(source, target) for source in names for target in names if source != target]


def _common_prefix(before: list[Entry], after: list[Entry]) -> Index:
    """How many entries two logs share from their beginning."""
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return index
    return min(len(before), len(after))


TAKES: dict[type, Callable[[SimWorld, Any], Operation | None]] = {
    act.Crash: SimWorld.take_crash,
    act.Restart: SimWorld.take_restart,
    act.Pause: SimWorld.take_pause,
    act.Resume: SimWorld.take_resume,
    act.TimeOut: SimWorld.take_time_out,
    act.SetLink: SimWorld.take_set_link,
    act.Partition: SimWorld.take_partition,
    act.Isolate: SimWorld.take_isolate,
    act.Heal: SimWorld.take_heal,
    act.Submit: SimWorld.take_submit,
}
