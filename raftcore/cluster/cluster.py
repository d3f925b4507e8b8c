"""The façade: what a person, an exercise or a campaign holds in hand. Time moves only when it is asked to.

One lock, held for a slice of a few milliseconds, lets a lab play and a notebook cell act on the same cluster: what either does falls
between two events, and the trace has the order.
"""

import math
import weakref
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec.structs import replace

from raftcore.checks.beliefs.watch import Checks
from raftcore.checks.violation import Violation
from raftcore.cluster.as_code import as_code, as_test
from raftcore.cluster.client import Operation
from raftcore.cluster.controls import Controls
from raftcore.cluster.handle import Client
from raftcore.cluster.judging import Judging
from raftcore.cluster.rule_failures import RuleFailures
from raftcore.cluster.rulebook import Rulebook
from raftcore.cluster.steps import Steps
from raftcore.cluster.takes import take
from raftcore.cluster.world import SimWorld
from raftcore.consensus.rules import Rules
from raftcore.interrupts import Uninterrupted
from raftcore.statemachine.language import parse_command
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConditionNotReached, ConfigError, ControlError, NotSendableError, RaftLabError, RuleError
from raftcore.vocabulary.events import Completed
from raftcore.vocabulary.links import LONGEST_MS
from raftcore.vocabulary.names import ClientId, ServerId
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief, spelled
from raftcore.vocabulary.validation import check_action, check_time

if TYPE_CHECKING:
    from raftcore.recording import Recording

DEFAULTS = Config()

AnyRules: TypeAlias = Rules | Mapping[ServerId, Rules] | Rulebook | None


class Origin(NamedTuple):
    """Where a run was forked from: the other run, and the moment up to which both are the same."""

    cluster: "Cluster"
    at_ms: float


SLICE = 256
"""How many things happen before another thread may act."""


class Cluster(Controls):
    """A Raft cluster in simulated time: a pure function of configuration, seed and actions.

    size: 1 to 9 servers, S1 … Sn. seed: any whole number; the same one repeats the run exactly. rules: one table for all servers, or
    tables for some by name. trace: False runs faster and keeps no events, so there is no `view`. checks: whether all invariants are
    judged, in portions as it runs, and when `violations` is asked for at the latest; they need a trace. "full": so is after each step
    what servers believe (raftcore.checks.beliefs), which takes about twice as long.
    Raises ConfigError and ServerNotFound.
    """

    @spelled
    def __init__(
        self,
        size: int = 5,
        seed: int = 1,
        config: Config = DEFAULTS,
        rules: AnyRules = None,
        trace: bool = True,
        checks: Checks = True,
    ) -> None:
        self._rules = Rulebook.of(rules)
        scenario = Scenario(size=size, seed=seed, config=config, rules=self._rules.names())
        names = [f"S{number}" for number in range(1, size + 1)]
        self._trace = Trace(names) if trace else None
        self.checks: Checks = checks  # what is judged: as it was made with
        self._judging = Judging(checks, config, self._trace)
        self._world = SimWorld(scenario, self._rules, self._judging.say)
        self._judging.attend(self._world.servers, self._world.disks)
        self._steps = Steps(self._world.clock)
        self._failures = RuleFailures(self._rules, self._world.clock)
        self._lock = RLock()
        self._taken: list[Action] = []
        self._planned: list[tuple[float, int, Action]] = []
        self._plans = 0
        self.origin: Origin | None = None
        """Where this run was forked from, if it was."""
        self._forks: weakref.WeakValueDictionary[int, Cluster] = weakref.WeakValueDictionary()  # in order of making
        self._forked = 0
        self._recording: Recording | None = None

    @classmethod
    def from_scenario(cls, scenario: Scenario, rules: AnyRules = None, trace: bool = True, checks: Checks = True) -> "Cluster":
        """A cluster at time 0 that will take the scenario's actions when their time comes.

        `rules` take the place of those that the scenario names, which may come from a file: only names of raftcore itself are imported.
        Raises UnknownRulesError where it names others, ConfigError, and what `act` raises.
        """
        used = rules if rules is not None or not scenario.rules else Rulebook.named(scenario.rules)
        cluster = cls(scenario.size, scenario.seed, scenario.config, used, trace, checks)
        for action in scenario.actions:
            cluster.act(action)
        return cluster

    # ---- forks

    def fork(self, at_ms: float | None = None) -> "Cluster":
        """A second, independent run with the same past up to `at_ms`, in simulated milliseconds, or up to now; it goes on from there.

        The past is executed anew from seed and actions, so the fork's trace up to there equals this one's. Raises ConfigError,
        and what a rule raised in that past.
        """
        moment = self.now_ms if at_ms is None else at_ms
        fork = self.begin_fork(moment)
        fork.run_to(moment)
        return fork

    def begin_fork(self, at_ms: float) -> "Cluster":
        """The fork at its time 0, for whoever executes its past in portions; `run_to(at_ms)` completes it. Raises ConfigError."""
        at_ms = check_time("fork at", at_ms)
        if at_ms > self.now_ms:
            raise ConfigError(f"can't fork at {at_ms:,g} ms: it is {self.now_ms:,g} ms, and only the past can be forked")
        fork = self.from_scenario(self.scenario.until(at_ms), self._rules, self._trace is not None, self.checks)
        fork.origin = Origin(self, at_ms)
        self._forked += 1
        self._forks[self._forked] = fork
        return fork

    @property
    def forks(self) -> "tuple[Cluster, ...]":
        """The runs that were forked from this one and are still held by somebody: by the moment where they part from it, then as made."""
        return tuple(sorted(self._forks.values(), key=lambda fork: fork.origin.at_ms if fork.origin else 0.0))

    def __reduce__(self) -> str:
        """A clock and disks that run stay in their process. Raises NotSendableError."""
        raise NotSendableError(
            "a cluster can't be pickled or copied; send cluster.scenario, which repeats the run (Cluster.from_scenario(scenario)), or "
            "cluster.recording, which is its data; a copy that goes on from here is cluster.fork()"
        )

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
    def violations(self) -> tuple[Violation, ...]:
        """What has broken an invariant so far, in the order in which it was seen, the first few of each; earlier ones stay.

        Raises ControlError where nothing is judged.
        """
        with self._lock:
            return tuple(self._judging.watch().violations)

    @property
    def situations(self) -> dict[str, int]:
        """The situations that this run has come to (raftcore.checks.situations), and where in the trace each first came about.

        Raises ControlError where nothing is judged.
        """
        with self._lock:
            return dict(self._judging.watch().coverage.first)

    @property
    def leader(self) -> ServerId | None:
        """The live leader of the highest term that a majority follows, or None."""
        return self.view.leader

    @property
    def scenario(self) -> Scenario:
        """What repeats this run: configuration, seed, and the actions so far."""
        with self._lock:
            return replace(self._world.scenario, actions=tuple(self._taken))

    @property
    def recording(self) -> "Recording":
        """This run as data: tables and a file. It grows while the run goes on."""
        from raftcore.recording import Recording  # noqa: PLC0415  # only who asks for tables waits for pandas

        with self._lock:
            if self._recording is None:
                self._recording = Recording(self, judged=(lambda: self.violations) if self._judging.judges else None, held=self._lock)
            return self._recording

    def as_code(self) -> str:
        """Python that repeats this run up to now, to be pasted into a cell."""
        with self._lock:
            return as_code(self.scenario, self.now_ms, trusted=True, beliefs=self.checks == "full")

    def as_test(self) -> str:
        """A function for pytest that repeats this run up to now, and asserts what is true of every server."""
        with self._lock:
            return as_test(self.scenario, self.now_ms, self.view, trusted=True, beliefs=self.checks == "full")

    # ---- time

    def run_for(self, duration_ms: float) -> None:
        """Let simulated time pass."""
        duration_ms = check_time("run for", duration_ms)
        if self.now_ms + duration_ms > LONGEST_MS:
            raise ConfigError(f"can't run for {duration_ms:g} ms; it is {self.now_ms:,g} ms, and a run ends at {LONGEST_MS:g} ms")
        self._run(self.now_ms + duration_ms)

    def run_to(self, at_ms: float) -> None:
        """Let simulated time pass up to this moment, and with it all that happens then. ControlError if it is over."""
        at_ms = check_time("run to", at_ms)
        if at_ms < self.now_ms:
            raise ControlError(f"it is {self.now_ms:,g} ms already; fork(at_ms={at_ms:g}) makes a run that goes on from there")
        self._run(at_ms)

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
        limit_ms = check_time("wait for", limit_ms)
        if not callable(condition):
            raise ConfigError(f"{brief(condition)} is no condition; give a function of a view: lambda view: view.leader is not None")
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
        """When the next thing happens; infinity if nothing does before the end of every run."""
        next_ms = min(self._world.clock.next_ms, self._planned[0][0] if self._planned else math.inf)
        return next_ms if next_ms <= LONGEST_MS else math.inf

    def _run(self, until_ms: float) -> None:
        while True:
            with self._lock:
                done = self._advance(until_ms, SLICE)
                if done or self._judging.is_due:
                    self._judging.judge()
                if done:
                    return

    def _let_happen(self, until_ms: float, limit: int) -> bool:
        """Let at most `limit` things happen until then, and judge beliefs after each; whether that time is reached."""
        judging = self._judging
        for _ in range(limit if judging.beliefs else 1):
            if self._world.clock.run(until_ms, 1 if judging.beliefs else limit):
                return True
            judging.judge_beliefs(self.now_ms)
        return False

    def _advance(self, until_ms: float, limit: int) -> bool:
        """Let at most `limit` things happen until then; whether that time is reached. An action comes last in its instant."""
        clock = self._world.clock
        with Uninterrupted(clock.stop), self._steps, self._failures:
            while True:
                action_ms = self._planned[0][0] if self._planned else math.inf
                if not self._let_happen(min(until_ms, action_ms), limit):
                    self._failures.look(limit)
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
        action = check_action(action)
        with self._lock:
            self._world.check_names(action)
            if action.at_ms < self.now_ms:
                raise ControlError(f"it is {self.now_ms:g} ms, so nothing can be done at {action.at_ms:g} ms any more")
            if action.at_ms > self.now_ms:
                self._plans += 1
                heappush(self._planned, (action.at_ms, self._plans, action))
                return None
            while not self._advance(self.now_ms, SLICE):
                pass  # an action comes after every event of its instant, also when the run is repeated
            with Uninterrupted(), self._steps, self._failures:
                return self._take(action)

    def _take(self, action: Action) -> Operation | None:
        """Let it happen. What is refused was not done; what a rule then failed at was."""
        self._taken.append(action)
        try:
            return take(self._world, action)
        except RaftLabError as error:
            if not isinstance(error, RuleError):
                self._taken.pop()
            raise
        finally:
            self._judging.judge_beliefs(self.now_ms)

    def _do(self, kind: Callable[..., Action], *details: object) -> Operation | None:
        with self._lock:  # so that no time passes between looking at the clock and acting
            return self.act(kind(self.now_ms, *details))

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
        with self._lock, Uninterrupted(), self._steps:
            self._world.client(name)
        return Client(name, self.submit, self._finish)

    def _finish(self, operation: Operation) -> Completed:
        """Let time pass until the client knows the outcome, or has given up."""
        while operation.answer is None:
            with self._lock:
                if operation.answer is None:  # else a lab's thread has just brought it, and nothing may be left to happen
                    if self._next_ms == math.inf:
                        raise ControlError(f"the run is at its end, {LONGEST_MS:g} ms, and {operation.command} has no answer yet")
                    self._advance(self._next_ms, 1)
        return operation.answer
