"""A run in which something went wrong: what was done, what was seen, and how to see it again."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.beliefs.watch import Checks
from raftcore.checks.convergence import ANSWERED, CONVERGENCE, Lack, longest_wait_ms
from raftcore.checks.exercised import LINEARIZABILITY_PREMISE, exercised
from raftcore.checks.linearizability import KEY_VALUE, Verdict, check, history
from raftcore.checks.situations import SITUATIONS
from raftcore.checks.violation import RuleFailure, Violation
from raftcore.checks.watch import INVARIANTS
from raftcore.cluster.cluster import AnyRules, Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.rule_errors import within_guards
from raftcore.hunting.answers import judge_connected
from raftcore.hunting.faults import Faults
from raftcore.hunting.healing import judge_healed
from raftcore.hunting.random_run import RandomRun
from raftcore.trace.stream import Trace
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError, ControlError, RuleError, ServerNotFound
from raftcore.vocabulary.events import Event, PreVoteStarted, RoleChanged, TimerSet
from raftcore.vocabulary.names import CANDIDATE, ServerId
from raftcore.vocabulary.scenario import Scenario

LINEARIZABILITY = "Linearizability"

AT_THE_END = CONVERGENCE, ANSWERED, LINEARIZABILITY
"""What is judged when a run is over, and not event by event."""

BUDGET = 200_000
"""Steps that judging the clients of one run may take; where that is not enough, it stays undecided."""

PATIENCE_S = 10.0
"""Of the processor's time for one call of a custom rule: nobody waits for one run of many, and other processes work too."""

REFUSALS = (ControlError, ConfigError, ServerNotFound)
"""How an action is refused that does not fit, since one before it was left out."""

SLICE_MS = 100.0
"""After so much simulated time a run that is repeated looks whether it has shown what it should."""


class Story(Struct, frozen=True):
    """What was done to a cluster, what was seen, and the kinds of its evidence: of the events that showed it, or of what is missing.

    scenario: the trouble. trouble_ms: until when that was let to go on. whole: with what healed the cluster after it, if it came to that.
    ran_out: the election timers that ran out by themselves, as if somebody had let them.
    """

    scenario: Scenario
    trouble_ms: float
    whole: Scenario
    violation: Violation
    kinds: tuple[str, ...]
    ran_out: tuple[TimeOut, ...]

    @property
    def mark(self) -> tuple[str, tuple[str, ...]]:
        """What two stories have in common that tell of the same: the property, and the kinds of its evidence."""
        return self.violation.property, self.kinds


class RunResult(Struct, frozen=True):
    """What came of a random run.

    story: what went wrong; None where nothing did. undecided: whether nothing did, but clients saw so much that to judge it takes more than
    BUDGET steps. situations: those that it came to; properties: those that it exercised, so that they were not only true because what they
    speak of never happened; both by name, in the order in which they are shown.
    """

    story: Story | None
    undecided: bool
    situations: tuple[str, ...]
    properties: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return self.story.violation.property if self.story else "undecided" if self.undecided else "all is well"


def live(
    seed: int,
    rules: AnyRules = None,
    faults: Faults | None = None,
    wanted: str | None = None,
    size: int | None = None,
    config: Config | None = None,
) -> RunResult:
    """Let a random run live, first in trouble and then healed. `wanted` looks for one property alone.

    Raises RuleError, with the seed, for a mistake of a custom rule that must be mended before anything can be judged.
    """
    book = replace(Rulebook.of(rules), budget_s=PATIENCE_S)
    run = RandomRun(seed, book, faults, size, config, checks_for(wanted))
    try:
        return _judge(run.cluster, run.live, wanted)
    except RuleError as error:
        mistake = RuleError(f"seed {seed}: {error}")
        raise mistake.with_traceback(within_guards(error.__traceback__)) from None


def checks_for(wanted: str | None) -> Checks:
    """What has to be checked to find this property: what servers believe takes a third of a run's time, and is left out where it can be."""
    return "full" if wanted is None or wanted in {belief.name for belief in BELIEFS} else True


def tell(scenario: Scenario, rules: AnyRules, wanted: str, until_ms: float) -> Story | None:
    """Repeat what was done to a cluster, but for what it refuses, and see whether the wanted property breaks again."""
    cluster = Cluster(scenario.size, scenario.seed, scenario.config, rules, checks=checks_for(wanted))

    def repeat(stop: Callable[[], object]) -> None:
        for action in scenario.actions:
            with suppress(*REFUSALS):
                cluster.act(action)
        while cluster.now_ms < until_ms and not stop():
            with suppress(*REFUSALS):  # an action does not fit where others were left out
                cluster.run_to(min(cluster.now_ms + SLICE_MS, until_ms))

    with suppress(RuleError):  # elsewhere a rule may do what it did not do in the story
        return _judge(cluster, repeat, wanted, healed=wanted in AT_THE_END).story
    return None


def _judge(cluster: Cluster, live: Callable[[Callable[[], object]], None], wanted: str | None, healed: bool = True) -> RunResult:
    def broken() -> Violation | None:
        return next((it for it in cluster.violations if wanted in (None, it.property)), None)

    scenario, trouble_ms = cluster.scenario, cluster.now_ms
    end = End()
    try:
        live(broken)
        scenario, trouble_ms = cluster.scenario, cluster.now_ms
        found = broken()
        if found is None and healed:
            _judge_waiting(cluster, wanted, end)
            found = broken() or _judge_end(cluster, wanted, end)
    except Exception as error:
        if isinstance(error, RuleError) and not error.finding:  # that is a mistake to be mended, and no story
            raise
        found = broken() or _raised(cluster, error)
    if found is None or wanted not in (None, found.property):
        return _result(cluster, end, None)
    if found.property not in AT_THE_END:
        scenario, trouble_ms = cluster.scenario, cluster.now_ms
    kinds = _kinds(cluster, found, end.lack)
    return _result(cluster, end, Story(scenario, trouble_ms, cluster.scenario, found, kinds, tuple(_ran_out(cluster.trace))))


class End:
    """What was seen at the end of a run: which properties were judged there, what was lacking, and whether the clients stay undecided."""

    def __init__(self) -> None:
        self.judged: set[str] = set()
        self.lack: Lack | None = None
        self.undecided = False


def _result(cluster: Cluster, end: End, story: Story | None) -> RunResult:
    seen = cluster.situations
    properties = (*exercised((*INVARIANTS, *BELIEFS), seen), *(name for name in AT_THE_END if name in end.judged))
    situations = tuple(it.name for it in SITUATIONS if it.name in seen)
    return RunResult(story, end.undecided and story is None, situations, properties)


def _judge_waiting(cluster: Cluster, wanted: str | None, end: End) -> None:
    """See whether a cluster in trouble answers, where Raft promises it, and once healed agrees and answers.

    Where convergence alone is wanted, no client asks before all is healed: a story of that needs no such commands.
    """
    for judge in (judge_healed,) if wanted == CONVERGENCE else (judge_connected, judge_healed):
        judged = judge(cluster)
        end.judged.update(judged.promised)
        if judged.lack and wanted in (None, judged.lack.property):
            end.lack = judged.lack
            return


def _judge_end(cluster: Cluster, wanted: str | None, end: End) -> Violation | None:
    """What does not hold when a run is over: what was lacking, or what the clients saw."""
    lack = end.lack
    if lack:
        after = f"{longest_wait_ms(cluster.config):,.0f} ms after all was healed " if lack.property == CONVERGENCE else ""
        return Violation(lack.property, cluster.now_ms, f"{after}{lack.sentence}", (), ())
    if wanted not in (None, LINEARIZABILITY):
        return None
    result = check(history(cluster), KEY_VALUE, BUDGET)
    end.undecided = result.verdict is Verdict.UNKNOWN
    if not end.undecided and LINEARIZABILITY_PREMISE.name in cluster.situations:
        end.judged.add(LINEARIZABILITY)
    if result.cannot_follow is None:
        return None
    position = int(result.cannot_follow.ended)
    return Violation(LINEARIZABILITY, cluster.trace[position].at_ms, result.sentence, (), (position,))


def _kinds(cluster: Cluster, found: Violation, lack: Lack | None) -> tuple[str, ...]:
    if lack and found.property == lack.property:
        return (lack.kind,)
    return tuple(sorted({type(cluster.trace[position]).__name__ for position in found.evidence}))


def _ran_out(trace: Trace) -> Iterator[TimeOut]:
    deadlines_ms: dict[ServerId, float] = {}
    for event in trace:
        if isinstance(event, TimerSet):
            deadlines_ms[event.server] = event.deadline_ms
        elif _stands(event) and event.at_ms == deadlines_ms.pop(event.server, None):
            yield TimeOut(event.at_ms, event.server)


def _stands(event: Event) -> TypeGuard[PreVoteStarted | RoleChanged]:
    return isinstance(event, PreVoteStarted) or (isinstance(event, RoleChanged) and event.role is CANDIDATE)


def _raised(cluster: Cluster, error: Exception) -> Violation:
    """What a rule raised, as a violation of its own; the last place in the code belongs to what it is called."""
    if isinstance(error, RuleError):
        return RuleFailure(error.finding, cluster.now_ms, str(error), (), ())
    frame = traceback.extract_tb(error.__traceback__)[-1]
    name = f"{type(error).__name__} in {frame.name}"
    return Violation(name, cluster.now_ms, f"{error} (line {frame.lineno} of {frame.filename})", (), ())
