"""A small world, gone through by hand: choose what happens next, and go back. A walk is a run like any other, with a trace of its own."""

from collections.abc import Iterable

from msgspec.structs import replace

from raftcore.checks.violation import Violation
from raftcore.cluster.as_code import arguments, imports
from raftcore.hunting.small_world import BOUNDS, DELIVER, DROP, DUPLICATE, REQUEST, SYNC, Choice, World, in_words
from raftcore.hunting.stage import Stage
from raftcore.hunting.teller import Teller
from raftcore.statemachine.language import show_command
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import items


class Walk:
    """A walk through a small world, which begins with the choices of `path`.

    walk = Walk(World(terms=2))
    walk.choices      # ("S1 times out", "S2 times out", "S3 times out")
    walk.choose(0)
    walk.back()

    path: the choices so far, each as its place among all that could happen; said: the same in words. violation: what the latest of them
    broke, or None.
    Raises ConfigError where `path` names a choice that is not there.
    """

    def __init__(self, world: World, path: Iterable[int] = ()) -> None:
        if not isinstance(world, World):
            raise ConfigError(f"{brief(world)} is no world; give a small one, for example World(size=3, terms=2)")
        steps = items(path)
        if steps is None:
            raise ConfigError(f"path={brief(path)} is no path; give the choices by their places, for example (0, 2)")
        self.world = world
        self._stage = Stage(world)
        self._begin(steps)

    def _begin(self, path: Iterable[int]) -> None:
        self.path: tuple[int, ...] = ()
        self.said: tuple[str, ...] = ()
        self.violation: Violation | None = None
        self._state = self._stage.start
        self._teller = Teller(self.world)
        self._trace: Trace | None = None
        for birth in self._stage.minds.births:
            self._teller.outcome(birth)
        for index in path:
            self.choose(index)

    # ---- choosing

    @property
    def choices(self) -> tuple[str, ...]:
        """What can happen next, in words."""
        return tuple(map(self._in_words, self._stage.choices(self._state)))

    def choose(self, index: int) -> None:
        """Let the choice at this place happen. ConfigError if there is none."""
        choices = self._stage.choices(self._state)
        place = whole(index)
        if place is None or not 0 <= place < len(choices):
            raise ConfigError(f"there is no choice {brief(index)} after {list(self.path)}; there are {len(choices)}, counted from 0")
        choice = choices[place]
        self.said = (*self.said, self._in_words(choice))
        step = self._stage.after(self._state, choice)
        before = len(self._teller.events)
        self._teller.choice(choice, self._stage.next_request(self._state) if choice[0] == REQUEST else None)
        if step.outcome:
            self._teller.outcome(step.outcome)
        self._state = step.state
        self.path = (*self.path, place)
        self._trace = None
        shown = tuple(range(before, len(self._teller.events)))
        finding = step.finding
        self.violation = Violation(finding.property, self.now_ms, finding.sentence, finding.servers, shown) if finding else None

    def back(self) -> None:
        """Take the latest choice back. ControlError where nothing was chosen yet."""
        if not self.path:
            raise ControlError("nothing was chosen yet, so nothing can be taken back")
        self._begin(self.path[:-1])

    def _in_words(self, choice: Choice) -> str:
        kind, place = choice
        if kind in (DELIVER, DROP, DUPLICATE):
            packet = self._stage.minds.packets[self._state.mail[place]]
            return f"{kind} {in_words(packet.message)} {packet.source} → {packet.target}"
        name = self.server_ids[place]
        if kind == REQUEST:
            ask = self._stage.next_request(self._state)
            return f"{ask.client_id} asks {name} for {show_command(ask.command)}"
        if kind == SYNC:
            return f"{name}'s {kind}"
        return f"{name} {kind}"

    # ---- a run like any other

    @property
    def server_ids(self) -> tuple[ServerId, ...]:
        """S1 … Sn."""
        return self.world.server_ids

    @property
    def syncing(self) -> tuple[ServerId, ...]:
        """The servers that wait until their disks have synced: what they wrote last may still be lost."""
        minds = [self._stage.minds.known[mind] for mind in self._state.minds]
        return tuple(mind.server for mind in minds if mind.syncs)

    @property
    def config(self) -> Config:
        """The knobs of all servers."""
        return self.world.config

    @property
    def scenario(self) -> Scenario:
        """Size, configuration and rules. What is chosen is no action: it is the path that repeats it."""
        return Scenario(size=self.world.size, seed=0, config=self.config, rules=self.world.rulebook.names())

    def as_code(self) -> str:
        """Python that goes the same way, to be pasted into a cell."""
        scenario = self.scenario
        bounds = [f"{name}={getattr(self.world, name)}" for name in BOUNDS] + ["slow_disks=True"] * self.world.slow_disks
        made = [argument for argument in arguments(scenario, trusted=True) if not argument.startswith("seed=")]
        lines = [
            *imports(scenario, [], trusted=True),
            "from raftcore.hunting.small_world import World",
            "from raftcore.hunting.walk import Walk",
            "",
            f"walk = Walk(World({', '.join([*bounds, *made])}), {list(self.path)})",
            *(f"# {words}" for words in self.said),
        ]
        return "\n".join(lines) + "\n"

    @property
    def now_ms(self) -> float:
        """The time of the latest choice: there is one every ten milliseconds."""
        return self._teller.now_ms

    @property
    def trace(self) -> Trace:
        """Everything that happened so far, anew after each choice: only then is it known when a message arrives."""
        if self._trace is None:
            self._trace = Trace(self.server_ids, self._teller.events)
        return self._trace

    @property
    def view(self) -> ClusterView:
        """The world now."""
        return replace(self.trace.view(), at_ms=self.now_ms)
