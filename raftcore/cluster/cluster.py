"""The façade: what a person, an exercise or a campaign holds in hand. Time moves only when it is asked to.

One lock, held for a slice of a few milliseconds, lets a lab play and a notebook cell act on the same cluster: what either does falls
between two events, and the trace has the order.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from threading import RLock

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from raftcore.cluster.client import Operation
from raftcore.cluster.handle import Client
from raftcore.cluster.takes import TAKES, take
from raftcore.cluster.world import SimWorld
from raftcore.consensus.rules import Rules
from raftcore.statemachine.language import parse_command
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ConditionNotReached, ConfigError, ControlError
from raftcore.vocabulary.events import Completed
from raftcore.vocabulary.links import is_number
from raftcore.vocabulary.names import Address, ClientId, ServerId
from raftcore.vocabulary.scenario import Config, Scenario

DEFAULTS = Config()

SLICE = 256
"""How many things happen before another thread may act."""


class Cluster:
    """A Raft cluster in simulated time: a pure function of configuration, seed and actions.

    size: 1 to 9 servers, S1 … Sn. seed: any whole number; the same one repeats the run exactly. rules: one table for all servers, or
    tables for some by name. trace: False runs faster and keeps no events, so there is no `view`.
    Raises ConfigError and ServerNotFound.
    """

    def __init__(
        self,
        size: int = 5,
        seed: int = 1,
        config: Config = DEFAULTS,
        rules: Rules | Mapping[ServerId, Rules] | None = None,
        trace: bool = True,
    ) -> None:
        scenario = Scenario(size=size, seed=seed, config=config)
        names = [f"S{number}" for number in range(1, size + 1)]
        self._trace = Trace(names) if trace else None
        say = self._trace.say if self._trace is not None else None
        everywhere = rules if isinstance(rules, Rules) else Rules()
        self._world = SimWorld(scenario, _rules_by_name(rules), say, everywhere)
        self._lock = RLock()
        self._taken: list[Action] = []
        self._planned: list[tuple[float, int, Action]] = []
        self._plans = 0

    @classmethod
    def from_scenario(cls, scenario: Scenario) -> "Cluster":
        """A cluster at time 0 that will take the scenario's actions when their time comes."""
        cluster = cls(scenario.size, scenario.seed, scenario.config)
        for action in scenario.actions:
            cluster.act(action)
        return cluster

    # ---- what there is to see

    @property
    def now_ms(self) -> float:
        """The simulated time, in milliseconds since the start of the run."""
        return self._world.now_ms

    @property
    def server_ids(self) -> tuple[ServerId, ...]:
        """S1 … Sn, and those that were created since."""
        return tuple(self._world.server_ids)

    @property
    def config(self) -> Config:
        """The knobs that this cluster was made with."""
        return self._world.config

    @property
    def trace(self) -> Trace:
        """Everything that happened so far."""
        if self._trace is None:
            raise ControlError("this cluster keeps no trace; make it without trace=False to look at it")
        return self._trace

    @property
    def view(self) -> ClusterView:
        """The cluster now, as an immutable value."""
        with self._lock:
            return replace(self.trace.view(), at_ms=self.now_ms)

    @property
    def leader(self) -> ServerId | None:
        """The live leader of the highest term that a majority follows, or None."""
        return self.view.leader

    @property
    def scenario(self) -> Scenario:
        """What repeats this run: configuration, seed, and the actions so far."""
        with self._lock:
            return replace(self._world.scenario, actions=tuple(self._taken))

    # ---- time

    def run_for(self, duration_ms: float) -> None:
        """Let simulated time pass."""
        _check_time("run for", duration_ms)
        self._run(self.now_ms + float(duration_ms))

    def step(self) -> bool:
        """Let the next thing happen, one that leaves an event where there is a trace; False when nothing is left to happen."""
        with self._lock:
            before = len(self._trace) if self._trace is not None else 0
            while True:
                next_ms = self._next_ms
                if next_ms == math.inf:
                    return False
                self._advance(next_ms, 1)
                if self._trace is None or len(self._trace) > before:
                    return True

    def run_until(self, condition: Callable[[ClusterView], object], limit_ms: float = 60_000) -> None:
        """Let time pass until the condition holds of the view; it is asked after every event.

        Raises ConditionNotReached when it does not come true within `limit_ms` simulated milliseconds.
        """
        _check_time("wait for", limit_ms)
        if not callable(condition):
            raise ConfigError(f"{condition!r} is no condition; give a function of a view: lambda view: view.leader is not None")
        until_ms = self.now_ms + limit_ms
        while not condition(self.view):
            with self._lock:
                if self._next_ms > until_ms or not self.step():
                    name = getattr(condition, "__name__", "it")
                    raise ConditionNotReached(
                        f"the condition ({name}) did not come true within {limit_ms:,g} ms; it is {self.now_ms:,.0f} ms and the leader is "
                        f"{self.leader}. Heal links, restart servers, or give it a longer limit_ms"
                    )

    @property
    def _next_ms(self) -> float:
        return min(self._world.clock.next_ms, self._planned[0][0] if self._planned else math.inf)

    def _run(self, until_ms: float) -> None:
        while True:
            with self._lock:
                if self._advance(until_ms, SLICE):
                    return

    def _advance(self, until_ms: float, limit: int) -> bool:
        """Let at most `limit` things happen until then; whether that time is reached. An action comes last in its instant."""
        clock = self._world.clock
        while True:
            action_ms = self._planned[0][0] if self._planned else math.inf
            if not clock.run(min(until_ms, action_ms), limit):
                return False
            clock.now_ms = max(clock.now_ms, min(until_ms, action_ms))
            if action_ms > until_ms:
                return True
            _, _, action = heappop(self._planned)
            self._take(action)

    # ---- actions

    def act(self, action: Action) -> Operation | None:
        """Do something to the run, now or at a later `action.at_ms`. A refused action changes nothing.

        Raises ServerNotFound, ClientNotFound, ControlError, ConfigError or CommandError with a sentence.
        """
        if type(action) not in TAKES:
            raise ConfigError(f"{action!r} is no action; give one of raftcore.vocabulary.actions, for example Crash(at_ms, 'S1')")
        _check_time("act at", action.at_ms)
        if type(action.at_ms) is not float:
            action = replace(action, at_ms=float(action.at_ms))
        with self._lock:
            if action.at_ms < self.now_ms:
                raise ControlError(f"it is {self.now_ms:g} ms, so nothing can be done at {action.at_ms:g} ms any more")
            if action.at_ms > self.now_ms:
                self._plans += 1
                heappush(self._planned, (action.at_ms, self._plans, action))
                return None
            while not self._advance(self.now_ms, SLICE):
                pass  # an action comes after every event of its instant, also when the run is repeated
            return self._take(action)

    def _take(self, action: Action) -> Operation | None:
        operation = take(self._world, action)
        self._taken.append(action)
        return operation

    def _do(self, kind: Callable[..., Action], *details: object) -> Operation | None:
        with self._lock:  # so that no time passes between looking at the clock and acting
            return self.act(kind(self.now_ms, *details))

    def crash(self, server: ServerId) -> None:
        """Stop a server; it forgets all that it had not synced."""
        self._do(act.Crash, server)

    def restart(self, server: ServerId) -> None:
        """Start a crashed server again from its disk; if that can't be trusted it stays down, and `view.servers[…].halted` says why."""
        self._do(act.Restart, server)

    def pause(self, server: ServerId) -> None:
        """Freeze a server; what arrives waits for it."""
        self._do(act.Pause, server)

    def resume(self, server: ServerId) -> None:
        """Let a paused server go on."""
        self._do(act.Resume, server)

    def time_out(self, server: ServerId) -> None:
        """Let a server's election timer run out now."""
        self._do(act.TimeOut, server)

    def isolate(self, server: ServerId) -> None:
        """Cut every link between this server and the others."""
        self._do(act.Isolate, server)

    def partition(self, *groups: Iterable[Address]) -> None:
        """Let only members of one group hear each other; servers named nowhere form one more group."""
        self._do(act.Partition, tuple(_members(group) for group in groups))

    def heal(self) -> None:
        """Make every link healthy."""
        self._do(act.Heal)

    def link(
        self,
        source: Address,
        target: Address,
        *,
        up: bool | UnsetType = UNSET,
        delay_ms: tuple[float, float] | UnsetType = UNSET,
        loss: float | UnsetType = UNSET,
        duplication: float | UnsetType = UNSET,
        reordering: float | UnsetType = UNSET,
    ) -> None:
        """Change one direction of a link; what is not given stays. Probabilities are per message, from 0 to 1."""
        self._do(act.SetLink, source, target, up, delay_ms, loss, duplication, reordering)

    def cut(self, one: Address, other: Address) -> None:
        """Cut a link, both ways."""
        with self._lock:
            self.link(one, other, up=False)
            self.link(other, one, up=False)

    def mend(self, one: Address, other: Address) -> None:
        """Let a link that was cut carry messages again, both ways."""
        with self._lock:
            self.link(one, other, up=True)
            self.link(other, one, up=True)

    # ---- membership, leadership, storage and clocks

    def create_server(self, server: ServerId | None = None) -> ServerId:
        """Let a new server exist, with an empty disk; it belongs to the cluster once a change of membership names it."""
        with self._lock:
            names = set(self.server_ids)
            name = server or next(f"S{number}" for number in itertools.count(1) if f"S{number}" not in names)
            self._do(act.CreateServer, name)
            return name

    def change_membership(self, voters: Iterable[ServerId], learners: Iterable[ServerId] = ()) -> None:
        """Ask the leader to make these servers the voters, and these the learners (§6); the view's configuration says when it is done."""
        self._do(act.ChangeMembership, _members(voters), _members(learners))

    def add_server(self, server: ServerId | None = None) -> ServerId:
        """Make one more server a voter, created if it does not exist; returns its name. It learns the log first."""
        with self._lock:
            now = self._world.configuration
            if server in now.voters:
                raise ControlError(f"{server} is a voter already; the voters are {', '.join(now.voters)}")
            self._world.who_can_change(Configuration((*now.voters, "a new server")))  # or a refusal would leave a server behind
            name = server if server is not None and server in self.server_ids else self.create_server(server)
            self.change_membership({*now.voters, name}, set(now.learners) - {name})
            return name

    def remove_server(self, server: ServerId) -> None:
        """Let a server belong to the cluster no more. It goes on running, and hears nothing."""
        with self._lock:
            now = self._world.configuration
            self._world.server(server)
            if server not in now.members:
                raise ControlError(f"{server} does not belong to the cluster; its members are {', '.join(now.members)}")
            self.change_membership(set(now.voters) - {server}, set(now.learners) - {server})

    def transfer_leadership(self, target: ServerId) -> None:
        """Ask the leader to hand its leadership to this server (thesis 3.10)."""
        self._do(act.TransferLeadership, target)

    def take_snapshot(self, server: ServerId) -> None:
        """Let a server put a snapshot in place of its log, as far as it has applied it (§7)."""
        self._do(act.TakeSnapshot, server)

    def set_clock_rate(self, server: ServerId, rate: float) -> None:
        """Let a server's clock count `rate` milliseconds in one of simulated time."""
        self._do(act.SetClockRate, server, rate)

    def disk(
        self,
        server: ServerId,
        *,
        sync_ms: float | UnsetType = UNSET,
        sync_fails: bool | UnsetType = UNSET,
        capacity_bytes: int | UnsetType | None = UNSET,
        loses_writes: bool | UnsetType = UNSET,
    ) -> None:
        """Change how a server's disk behaves; what is not given stays."""
        self._do(act.SetDisk, server, sync_ms, sync_fails, capacity_bytes, loses_writes)

    def flip_bit(self, server: ServerId) -> None:
        """Let one bit rot in what a server's disk keeps; the server learns of it when it restarts."""
        self._do(act.FlipBit, server)

    # ---- clients

    def submit(self, client: ClientId, command: Command | str, through: ServerId | None = None) -> Operation:
        """Let a client begin a command, first at the server `through` or at the leader that it knows; time does not move.

        The command is a value, or text such as "SET x 1".
        """
        command = parse_command(command) if isinstance(command, str) else command
        operation = self._do(act.Submit, client, command, through)
        assert operation is not None  # a Submit that is not refused always begins one
        return operation

    def client(self, name: ClientId) -> Client:
        """The client C1, C2 … of this name, to be asked for commands."""
        with self._lock:
            self._world.client(name)
        return Client(name, self.submit, self._finish)

    def _finish(self, operation: Operation) -> Completed:
        """Let time pass until the client knows the outcome, or has given up."""
        while operation.answer is None:
            with self._lock:
                if operation.answer is None:  # else a lab's thread has just brought it, and nothing may be left to happen
                    self._advance(self._next_ms, 1)
        return operation.answer


def _rules_by_name(rules: object) -> Mapping[ServerId, Rules]:
    """The tables that single servers have for themselves."""
    if rules is None or isinstance(rules, Rules):
        return {}
    if not isinstance(rules, Mapping) or not all(isinstance(table, Rules) for table in rules.values()):
        raise ConfigError(f'rules={rules!r} must be one table, Rules(…), or tables by server: {{"S1": Rules(…)}}')
    return rules


def _check_time(doing: str, ms: float) -> None:
    if not is_number(ms) or not 0 <= ms < math.inf:
        raise ConfigError(f"can't {doing} {ms!r} ms; give a finite number that is not negative")


def _members(group: object) -> tuple[Address, ...]:
    if isinstance(group, str) or not isinstance(group, Iterable):
        raise ConfigError(f'{group!r} is no group of a partition; write its members in braces: {{"S1", "S2"}}')
    return tuple(sorted(group, key=str))
