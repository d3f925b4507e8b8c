"""Every interleaving of a small world, breadth first: the first violation that is found is one of the shortest.

States that differ only in what no rule and no law can see are one, and so are those that differ only in the names of servers, as long as
names do not matter to what servers do. A packet that would change nothing and bring no answer is not delivered: whatever comes of that also
comes where it is late for ever.
"""

from array import array
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from raftcore.checks.violation import RuleFailure, Violation
from raftcore.consensus.rule_errors import shorten
from raftcore.hunting.consistency import INCONSISTENT, one_of, sentence
from raftcore.hunting.impartial import ImpartialMinds, NamesMatter
from raftcore.hunting.laws import SOMETIMES
from raftcore.hunting.minds import AnotherAnswer, Minds
from raftcore.hunting.shapes import Symmetry
from raftcore.hunting.small_world import State, World
from raftcore.hunting.stage import Stage, Step
from raftcore.hunting.stopwatch import Stopwatch
from raftcore.hunting.walk import Walk
from raftcore.vocabulary.errors import ConfigError, RuleError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief, spelled

PORTION = 10_000
"""States between two words of how far a search is."""


class Explored(Struct, frozen=True, kw_only=True):
    """What an exploration came to.

    start: the choices after which it began. states: reached, over whichever road; unique: of those, the different ones. depth: choices
    from the start to the farthest. seconds: of the wall clock. complete: whether nothing more can be reached. violation: of a law that does
    not hold, or None, and path: the choices that lead there, those of `start` among them, each as its place among all that could happen.
    reached, missed: what should come true sometimes, and did, or did not; so should each rule be asked that is not Raft's own.
    names_matter: what one server does that another would not do in its place, so that no two were taken for each other; "" where all are
    alike.
    """

    world: World
    start: tuple[int, ...]
    states: int
    unique: int
    depth: int
    seconds: float
    complete: bool
    violation: Violation | None
    path: tuple[int, ...]
    reached: tuple[str, ...]
    missed: tuple[str, ...]
    names_matter: str

    @property
    def states_per_s(self) -> float:
        """States a second."""
        return self.states / self.seconds

    @property
    def passed(self) -> bool:
        """Whether every law holds in every state, and not only since too little happens in this world."""
        return self.complete and self.violation is None and not self.missed

    def walk(self) -> Walk:
        """The shortest road to the violation, to be looked at and gone by hand; where there is none, to where the search began."""
        return Walk(self.world, self.path or self.start)

    def __str__(self) -> str:
        figures = f"{self.states:,} states, {self.unique:,} unique, {self.depth} deep, {self.states_per_s:,.0f} states/s"
        return "\n".join([self._verdict, *([f"Names matter: {self.names_matter}."] if self.names_matter else []), figures])

    @property
    def _verdict(self) -> str:
        if isinstance(self.violation, RuleFailure):
            return f"Nothing can be said of this: {self.violation.sentence}."
        if self.violation:
            return f"{self.violation.property} does not hold after {len(self.path)} choices: {self.violation.sentence}."
        if not self.complete:
            return "Nothing was found so far, but this is not all: the limit was reached."
        if self.missed:
            return f"All laws hold, but that says little: never does it happen that {' or that '.join(self.missed)}."
        return f"All laws hold in every state that can be reached{' from there' if self.start else ''}."


@spelled
def explore(world: World | Walk, limit: int = 1_000_000, on_progress: Callable[[Explored], object] | None = None) -> Explored:
    """Search the world until a law is broken, until all of it is seen, or until `limit` unique states.

    Given a walk it goes on from where that stands, and what it finds is the shortest from there. Where it sees that names matter to a rule,
    it begins anew and tells all servers apart. `on_progress` is told now and then how far it is; it may raise to end the search. Raises
    ConfigError.
    """
    if not isinstance(world, World | Walk):
        raise ConfigError(f"{brief(world)} is no world; give a small one, for example World(size=3, terms=2), or a walk through one")
    count = whole(limit)
    if count is None or count < 1:
        raise ConfigError(f"limit={brief(limit)} must be a whole number of states, 1 or more")
    walk = world if isinstance(world, Walk) else Walk(world)
    try:
        try:
            return _explored(walk, count, on_progress, names_matter="")
        except NamesMatter as difference:
            names_matter = str(difference)
        return _explored(walk, count, on_progress, names_matter)
    except RuleError as error:
        shorten(error)
        raise


def _explored(walk: Walk, limit: int, on_progress: Callable[[Explored], object] | None, names_matter: str) -> Explored:
    search = Search(walk, limit, names_matter)
    try:
        for _ in search.portions():
            if on_progress:
                on_progress(search.result())
    except AnotherAnswer as difference:
        return replace(search.result(), violation=RuleFailure(INCONSISTENT, 0.0, str(difference), (), ()), complete=False)
    return search.result()


class Search:
    """A breadth-first search. Of a state that was seen only its fingerprint is kept, and from where it was reached.

    names_matter: how they do, if that is known; where it is "", they do not, or NamesMatter is raised.
    """

    def __init__(self, walk: Walk, limit: int, names_matter: str) -> None:
        self._start = walk.path
        self._names_matter = names_matter
        self._stage = Stage(walk.world, Minds if names_matter else ImpartialMinds)
        self._symmetry = Symmetry(self._stage.shapes, walk.server_ids)
        self._limit = limit
        self._watch = Stopwatch()
        self._seen: set[bytes] = set()
        self._parents = array("q")
        self._choices = array("q")
        self._frontier: list[tuple[int, State]] = []
        self._states, self._depth = 1, 0
        self._violation = walk.violation
        self._path = walk.path if walk.violation else ()
        if not walk.violation:
            self._meet(-1, -1, self._stage.state_after(walk.path), self._frontier)

    def portions(self) -> Iterator[int]:
        """Go on, some states each time, until nothing is left to be done. Gives the depth so far."""
        while self._frontier:
            level: list[tuple[int, State]] = []
            for place, (number, state) in enumerate(self._frontier, 1):
                if not self._go_on_from(number, state, level):
                    return
                if place % PORTION == 0:
                    yield self._depth
            self._frontier = level
            self._depth += bool(level)
            yield self._depth

    def _go_on_from(self, number: int, state: State, level: list[tuple[int, State]]) -> bool:
        """Take every choice of this state; whether to go on."""
        after = self._stage.after
        for index, choice in enumerate(self._stage.choices(state)):
            step = after(state, choice)
            self._states += 1
            if step.finding:
                self._path = (*self._path_to(number), index)
                self._violation = Walk(self._stage.world, self._path).violation
                if self._violation is None:
                    raise AnotherAnswer(sentence(one_of(self._stage.world.rulebook)))
                return False
            if not is_idle(state, step):
                self._meet(number, index, step.state, level)
        return len(self._seen) < self._limit

    def _meet(self, parent: int, index: int, state: State, level: list[tuple[int, State]]) -> None:
        known = len(self._seen)
        self._seen.add(self._fingerprint(state))
        if len(self._seen) > known:
            level.append((known, state))
            self._parents.append(parent)
            self._choices.append(index)

    def _fingerprint(self, state: State) -> bytes:
        minds, mail, history, left = state
        if self._names_matter:
            return array("l", (*left, *minds, history, *sorted(mail))).tobytes()
        return array("l", (*left, *self._symmetry.least(minds, mail, history))).tobytes()

    def _path_to(self, number: int) -> tuple[int, ...]:
        path: list[int] = []
        while number:
            path.append(self._choices[number])
            number = self._parents[number]
        return (*self._start, *reversed(path))

    def result(self) -> Explored:
        """What is known so far."""
        hoped = self._hoped_for()
        return Explored(
            world=self._stage.world,
            start=self._start,
            states=self._states,
            unique=len(self._seen),
            depth=self._depth,
            seconds=self._watch.seconds,
            complete=not self._frontier and not self._violation,
            violation=self._violation,
            path=self._path,
            reached=tuple(name for name, was_seen in hoped.items() if was_seen),
            missed=tuple(name for name, was_seen in hoped.items() if not was_seen),
            names_matter=self._names_matter,
        )

    def _hoped_for(self) -> dict[str, bool]:
        """What should come true sometimes, and whether it did: a rule that nobody asks does no harm, and is not tried."""
        stage = self._stage
        happens = {it.name: any(map(it.holds, stage.histories.values())) for it in SOMETIMES}
        return happens | {f"{rule} is asked": rule in stage.minds.asked for rule in stage.world.rulebook.everywhere.swapped}


def is_idle(state: State, step: Step) -> bool:
    """Whether a packet came to nothing: all is as before, and nobody answers."""
    same = step.state.minds == state.minds and step.state.history == state.history and step.state.left == state.left
    return same and step.outcome is not None and not step.outcome.sends
