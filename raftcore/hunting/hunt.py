"""Hunt for a violation: random runs until a check fails, and then the shortest story of it that can be found."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import chain
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.convergence import ANSWERED, CONVERGENCE
from raftcore.checks.violation import RuleFailure, Violation
from raftcore.cluster.as_code import INDENT, as_code
from raftcore.cluster.cluster import AnyRules, Cluster
from raftcore.cluster.rule_budget import NEVER_RETURNS
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.rule_errors import shorten
from raftcore.hunting.consistency import INCONSISTENT, inconsistent_rule, one_of, sentence
from raftcore.hunting.cores import count_cores, in_order, pack
from raftcore.hunting.counts import ALL_PROPERTIES, Counts
from raftcore.hunting.faults import Faults
from raftcore.hunting.progress import told
from raftcore.hunting.shrink import shrink, without_actions
from raftcore.hunting.story import LINEARIZABILITY, RunResult, Story, live, tell
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError, RuleError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief, spelled


class Found(Struct, frozen=True):
    """What a hunt has found. seed: in which run. scenario: what is to be done to see it; in the run itself those were `actions` actions."""

    seed: int
    scenario: Scenario
    violation: Violation
    actions: int
    rules: Rulebook

    def cluster(self) -> Cluster:
        """A cluster to which all of it was done, as it was when the violation was seen: Lab(found.cluster()) shows it."""
        cluster = Cluster.from_scenario(replace(self.scenario, actions=()), self.rules, checks="full" if self._is_of_beliefs else True)
        with suppress(Exception):  # where that is what was found, be it of the first action, at time 0
            for action in self.scenario.actions:
                cluster.act(action)
            cluster.run_to(self.violation.at_ms)
        return cluster

    @property
    def _is_of_beliefs(self) -> bool:
        """Whether only a cluster that judges beliefs shows it."""
        return any(self.violation.property == belief.name for belief in BELIEFS)

    @property
    def _code(self) -> str:
        return as_code(self.scenario, self.violation.at_ms, trusted=True, beliefs=self._is_of_beliefs)

    def as_code(self) -> str:
        """Python that does all of it, to be pasted into a cell."""
        return f"{self._code}# {self.violation}\n"

    def as_test(self) -> str:
        """A function for pytest that does all of it, and fails until nothing is wrong any more."""
        imports, _, run = self._code.partition("\n\n")
        more, fact = _FACTS.get(self.violation.property, ("", "assert not cluster.violations"))
        body = "\n".join(INDENT + line for line in (*run.splitlines(), f"{fact}  # was: {self.violation.property}"))
        return f"{imports}\n{more}\n\ndef test_the_run_with_seed_{self.seed}() -> None:\n{body}\n"

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.violation}\n{len(self.scenario.actions)} actions of {self.actions} are left"


_FACTS = {
    CONVERGENCE: ("from raftcore.hunting.healing import why_not_healed\n", "assert why_not_healed(cluster) is None"),
    ANSWERED: ("from raftcore.hunting.healing import why_not_live\n", "assert why_not_live(cluster) is None"),
    LINEARIZABILITY: (
        "from raftcore.checks.linearizability import KEY_VALUE, Verdict, check, history\n",
        "assert check(history(cluster), KEY_VALUE).verdict is not Verdict.NOT_LINEARIZABLE",
    ),
}


SHORT = 12
"""Actions that a person can follow. Where more are left, other stories are looked for."""

TRIES, MORE = 4, 60
"""So many stories are shrunk at most, and so many more runs are tried for them, beside twice as many as the first story took."""


def ignore(*words: object) -> None:
    """Nobody wants to know."""


@spelled
def hunt(
    rules: AnyRules = None,
    faults: Faults | str | Iterable[str] | None = None,
    seeds: int | Iterable[int] = 1_000,
    wanted: str | None = None,
    cores: int | None = None,
    on_progress: Callable[[str], object] | None = None,
    size: int | None = None,
    config: Config | None = None,
) -> Found | None:
    """Run random runs until a check fails, and shrink what was done in it; None where all is well.

    Where that stays long, a few other runs that tell of the same are shrunk too, and the shortest story is taken. Where nothing fails, the
    last word that `on_progress` gets says which properties no run has exercised: nobody can say that they hold.

    faults: kinds of trouble, or a mix of them; None: each seed draws its own. seeds: how many, or which, with or without an end. wanted:
    a property; None takes the first that breaks. cores: processes that work; None: as many as there are cores. Each has a copy of the
    rules, so what these write down elsewhere than in the state stays there; rules that hold what can't be copied, such as a lock, are
    tried on one. on_progress: gets a sentence now and then; None: they are shown on the screen, one in the place of the other; `ignore`
    keeps it empty. size, config: of the clusters; None: each seed draws its own. An interrupt ends it and all its processes.
    Raises ConfigError.
    """
    book, mix, numbers, count = Rulebook.of(rules), _mix(faults), check_seeds(seeds), count_cores(cores)
    _check_property(wanted)
    work = partial(live, rules=book, faults=mix, wanted=wanted, size=size, config=config)
    where = ", on one core: its rules need what only this process has" if count > 1 and pack(work) is None else ""
    with told(on_progress) as say, closing(in_order(work, numbers, count)) as runs:
        try:
            return _shortest(runs, book, wanted, where, say)
        except RuleError as error:
            shorten(error)
            raise


def _shortest(
    runs: Iterable[tuple[int, RunResult]], book: Rulebook, wanted: str | None, where: str, say: Callable[[str], object]
) -> Found | None:
    best: Found | None = None
    mark, tries, enough = None, 0, inf
    counts = Counts()
    for tried, (seed, result) in enumerate(runs, 1):
        story = result.story
        counts.add(seed, result)
        if story is None:
            say(f"seed {seed}: {_verdict(result, wanted)}{where}")
        elif mark in (None, story.mark):
            say(f"seed {seed}: {story.violation.property}; shrinking: {len(story.scenario.actions)} actions")
            found = found_in(seed, story, book, say)
            say(f"seed {seed}: {found.violation.property}, in {len(found.scenario.actions)} actions")
            best = min(best or found, found, key=lambda it: len(it.scenario.actions))
            mark, tries, enough = story.mark, tries + 1, min(enough, 3 * tried + MORE)
        if best and (len(best.scenario.actions) <= SHORT or tries == TRIES or tried >= enough):
            break
    if best is None:
        say(counts.sentence(wanted) + where)
    return best


def _verdict(result: RunResult, wanted: str | None) -> str:
    """What to say of a run in which nothing went wrong."""
    return result.verdict if wanted is None or wanted in result.properties else f"{wanted} was not exercised"


def found_in(seed: int, story: Story, rules: Rulebook, on_progress: Callable[[str], object] = ignore) -> Found:
    """The shortest story that tells the same as this one.

    A rule that does not return takes its time in each try, and one that does not answer the same twice tells another story in each: both
    are told as they were seen.
    """
    actions = len(story.whole.actions)
    if isinstance(story.violation, RuleFailure) and story.violation.property.endswith(NEVER_RETURNS):
        short = without_actions(story, rules) or story
    elif rule := _inconsistent_rule(story, rules):
        return _inconsistent(seed, story, rules, rule)
    else:
        short = shrink(story, rules, on_progress)
        if rule := _inconsistent_rule(short, rules):  # the longer story came about again by chance
            return _inconsistent(seed, story, rules, rule)
    return Found(seed, short.whole.until(short.violation.at_ms), short.violation, actions, rules)


def _inconsistent(seed: int, story: Story, rules: Rulebook, rule: str) -> Found:
    failure = RuleFailure(INCONSISTENT, story.violation.at_ms, sentence(rule), (), ())
    return Found(seed, story.whole.until(failure.at_ms), failure, len(story.whole.actions), rules)


def _inconsistent_rule(story: Story, rules: Rulebook) -> str:
    """The custom rule, or rules, that keep this story from being repeated; "" where it can be."""
    if not rules.names() or tell(story.scenario, rules, story.violation.property, story.trouble_ms):
        return ""

    def repeat(book: Rulebook) -> None:
        with suppress(Exception):  # a rule that raises is a part of the story
            Cluster.from_scenario(story.whole, book, checks=False).run_to(story.violation.at_ms)

    return inconsistent_rule(rules, repeat) or one_of(rules)


# ---- what a person may give


def _mix(faults: Faults | str | Iterable[str] | None) -> Faults | None:
    if faults is None or isinstance(faults, Faults):
        return faults
    return Faults.only([faults] if isinstance(faults, str) else faults)


def check_seeds(seeds: int | Iterable[int]) -> Iterator[int]:
    """The seeds that are meant: so many from 0 on, or these. Raises ConfigError, of a later one when its turn comes."""
    count = whole(seeds)
    numbers = iter(range(count) if count is not None else seeds if isinstance(seeds, Iterable) else ())
    first = next(numbers, None)

    def check(number: object) -> int:
        seed = whole(number)
        if seed is None:
            raise ConfigError(f"seeds={brief(seeds)} must be how many to try, 1 or more, or some whole numbers")
        return seed

    return chain([check(first)], map(check, numbers))


def _check_property(wanted: str | None) -> None:
    given: object = wanted
    if given is not None and not (isinstance(given, str) and given in ALL_PROPERTIES):
        raise ConfigError(f"there is no property {brief(wanted)}; there are {', '.join(ALL_PROPERTIES)}")
