"""A calm world: timers that ran out by themselves in a run are run out by hand, and no others run out.

Then no action is there only to wake or to quieten somebody at the right moment, and what is left out changes little of the rest.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from raftcore.trace.stream import Trace
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.events import PreVoteStarted, RoleChanged, TimerSet
from raftcore.vocabulary.names import CANDIDATE, ServerId
from raftcore.vocabulary.scenario import Scenario

PATIENCE = 100
"""How many times longer election timeouts become."""


def calm(scenario: Scenario, trace: Trace) -> Scenario:
    """The same scenario in a calm world."""
    shortest_ms, longest_ms = scenario.config.election_timeout_ms
    patient = replace(scenario.config, election_timeout_ms=(PATIENCE * shortest_ms, PATIENCE * longest_ms))
    actions = sorted([*scenario.actions, *_ran_out(trace)], key=lambda action: action.at_ms)
    return replace(scenario, config=patient, actions=tuple(actions))


def _ran_out(trace: Trace) -> Iterator[TimeOut]:
    """What lets the same election timers run out at the same moments."""
    deadlines_ms: dict[ServerId, float] = {}
    for event in trace:
        if isinstance(event, TimerSet):
            deadlines_ms[event.server] = event.deadline_ms
        elif isinstance(event, PreVoteStarted) or (isinstance(event, RoleChanged) and event.role is CANDIDATE):
            if deadlines_ms.get(event.server) == event.at_ms:
                yield TimeOut(event.at_ms, event.server)
