"""Make a story short: take away whatever it does without, as long as the same property breaks with evidence of the same kinds.

Delta debugging (Zeller and Hildebrandt, 2002) over the actions; then the configuration, the number of servers and the times become as
plain as they can.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import combinations
from math import inf
from typing import TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from raftcore.cluster.cluster import AnyRules
from raftcore.cluster.rulebook import Rulebook
from raftcore.hunting.story import AT_THE_END, Story, tell
from raftcore.vocabulary.actions import Action, SetLink
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.scenario import Scenario

USUAL = Config()

Way: TypeAlias = Callable[[Scenario], Scenario]
"""How to make a scenario plainer. One that can't be plainer in this way stays as it is."""

GRIDS_MS = (1_000.0, 100.0, 10.0, 1.0)
"""Round times are easier to read."""

PATIENT_MS = (10_000.0, 20_000.0)
"""Election timeouts so long that in most stories nobody stands who is not told to."""

FEW = 24
"""Actions of which two at a time are tried: that many pairs cost a few seconds."""

STEPS = 8
"""Between the shortest and the longest delay of messages."""


def shrink(story: Story, rules: AnyRules, on_progress: Callable[[str], object]) -> Story:
    """The same story with fewer actions, and never with more. No action of what comes back can be left out."""
    calm = _shrunk(Shrinking(story, rules, on_progress), calmed=True)
    if len(calm.scenario.actions) <= len(story.whole.actions):
        return calm
    return _shrunk(Shrinking(story, rules, on_progress), calmed=False)  # more timers had run out than anybody did anything


def without_actions(story: Story, rules: AnyRules) -> Story | None:
    """The same story in which nothing is done, if it can be told so."""
    return tell(replace(story.scenario, actions=()), rules, story.violation.property, story.trouble_ms)


def _shrunk(shrinking: "Shrinking", calmed: bool) -> Story:
    if calmed:
        shrinking.calm_down()
    while True:
        before = shrinking.story
        shrinking.try_each(_with_even_delays)
        shrinking.take_away_actions()
        shrinking.try_each(_with_fewer_servers)
        shrinking.try_each(_with_plainer_knobs)
        shrinking.try_each(_with_plainer_links)
        shrinking.take_away_two()
        shrinking.try_each(_with_rounder_times)
        if shrinking.story.scenario == before.scenario:  # what is plainer may do without one more
            return shrinking.story


class Shrinking:
    """The shortest story so far, and how to try a shorter one."""

    def __init__(self, story: Story, rules: AnyRules, on_progress: Callable[[str], object]) -> None:
        self.story = story
        self._until_ms = story.trouble_ms
        if story.violation.property not in AT_THE_END:  # without some actions it may break a little later
            self._until_ms += 2 * story.scenario.config.election_timeout_ms[1]
        self._rules = rules
        self._on_progress = on_progress
        self._asks_raft = self._raft_keeps_it(story.scenario)

    def try_it(self, scenario: Scenario) -> bool:
        """Whether this scenario tells the same; then it is the story from now on."""
        story = self.story
        shorter = tell(scenario, self._rules, story.violation.property, self._until_ms)
        if shorter is None or shorter.mark != story.mark or (self._asks_raft and not self._raft_keeps_it(scenario)):
            return False
        if len(shorter.scenario.actions) < len(story.scenario.actions):
            self._on_progress(f"shrinking: {len(shorter.scenario.actions)} actions")
        self.story = shorter
        return True

    def _raft_keeps_it(self, scenario: Scenario) -> bool:
        """Whether Raft itself, unlike these rules, keeps a promise that no plainer scenario may take it out of.

        What is judged at the end Raft promises only where knobs fit the network and clocks are as true as it is told.
        """
        wanted = self.story.violation.property
        return wanted in AT_THE_END and bool(Rulebook.of(self._rules).names()) and tell(scenario, None, wanted, self._until_ms) is None

    def take_away_actions(self) -> None:
        """Take away ever smaller parts of the actions, until none of them can be missed."""
        size = max(1, len(self.story.scenario.actions) // 2)
        while True:
            start, taken = len(self.story.scenario.actions), False
            while start > 0:  # from the end: what came last is missed least
                actions = self.story.scenario.actions
                start = min(start, len(actions))
                rest = actions[: max(0, start - size)] + actions[start:]
                taken = (len(rest) < len(actions) and self.try_it(replace(self.story.scenario, actions=rest))) or taken
                start -= size
            if size == 1 and not taken:
                return
            size = max(1, size // 2)

    def calm_down(self) -> None:
        """Let timers run out by hand that ran out by themselves, and no others: then what is left out changes little of the rest.

        The shortest timeout stays where that matters: so long a leader is guarded. What is judged at the end needs timers of its own.
        """
        scenario = self.story.scenario
        if self.story.violation.property not in AT_THE_END:
            actions = tuple(sorted([*scenario.actions, *self.story.ran_out], key=lambda action: action.at_ms))
            for shortest_ms in (PATIENT_MS[0], scenario.config.election_timeout_ms[0]):
                config = replace(scenario.config, election_timeout_ms=(shortest_ms, PATIENT_MS[1]))
                if self.try_it(replace(scenario, config=config, actions=actions)):
                    return

    def take_away_two(self) -> None:
        """Take away two actions that only together can be missed, as long as there are such, and few actions."""
        places = range(len(self.story.scenario.actions))
        while len(places) <= FEW and any(self._without_two(*pair) for pair in combinations(reversed(places), 2)):
            places = range(len(self.story.scenario.actions))

    def _without_two(self, later: int, earlier: int) -> bool:
        actions = self.story.scenario.actions
        rest = actions[:earlier] + actions[earlier + 1 : later] + actions[later + 1 :]
        return self.try_it(replace(self.story.scenario, actions=rest))

    def try_each(self, ways: Callable[[Scenario], Iterator[Way]]) -> None:
        """Try one simplification after the other, each on what the ones before have come to."""
        for simplify in ways(self.story.scenario):
            simpler = simplify(self.story.scenario)
            if simpler != self.story.scenario:
                self.try_it(simpler)


# ---- ways to be plainer


def _with_even_delays(scenario: Scenario) -> Iterator[Way]:
    """Messages that all take the same time don't depend on how many there were before."""
    shortest_ms, longest_ms = scenario.config.delay_ms
    for step in range(STEPS + 1 if shortest_ms < longest_ms else 0):
        yield partial(_with_delay, round(shortest_ms + (longest_ms - shortest_ms) * step / STEPS, 1))


def _with_delay(delay_ms: float, scenario: Scenario) -> Scenario:
    shortest_ms, longest_ms = scenario.config.delay_ms
    return scenario if shortest_ms == longest_ms else replace(scenario, config=replace(scenario.config, delay_ms=(delay_ms, delay_ms)))


def _with_fewer_servers(scenario: Scenario) -> Iterator[Way]:
    for size in range(1, scenario.size):
        yield partial(_with_at_most, size)


def _with_at_most(size: int, scenario: Scenario) -> Scenario:
    return replace(scenario, size=min(scenario.size, size))


def _with_plainer_knobs(scenario: Scenario) -> Iterator[Way]:
    for name in Config.__struct_fields__:
        yield partial(_with_the_usual, name)


def _with_the_usual(name: str, scenario: Scenario) -> Scenario:
    with suppress(ConfigError):  # one knob may not fit the others
        return replace(scenario, config=replace(scenario.config, **{name: getattr(USUAL, name)}))
    return scenario


def _with_plainer_links(scenario: Scenario) -> Iterator[Way]:
    for place, action in enumerate(scenario.actions):
        if isinstance(action, SetLink):
            for name in ("loss", "duplication", "reordering", "delay_ms", "up"):
                yield partial(_without, place, name)


def _without(place: int, name: str, scenario: Scenario) -> Scenario:
    if place >= len(scenario.actions):
        return scenario
    return _with_action(scenario, place, replace(scenario.actions[place], **{name: UNSET}))


def _with_rounder_times(scenario: Scenario) -> Iterator[Way]:
    for grid_ms in GRIDS_MS:
        for place in range(len(scenario.actions)):
            yield partial(_rounded, place, grid_ms)


def _rounded(place: int, grid_ms: float, scenario: Scenario) -> Scenario:
    """The action at a round time, where that keeps the order."""
    actions = scenario.actions
    if place >= len(actions) or any(actions[place].at_ms % coarser == 0 for coarser in GRIDS_MS if coarser >= grid_ms):
        return scenario
    at_ms = round(actions[place].at_ms / grid_ms) * grid_ms
    before = actions[place - 1].at_ms if place else 0.0
    after = actions[place + 1].at_ms if place + 1 < len(actions) else inf
    return _with_action(scenario, place, replace(actions[place], at_ms=at_ms)) if before <= at_ms <= after else scenario


def _with_action(scenario: Scenario, place: int, action: Action) -> Scenario:
    return replace(scenario, actions=(*scenario.actions[:place], action, *scenario.actions[place + 1 :]))
