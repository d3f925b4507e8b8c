"""The planted bugs: each is caught by the property that is named for it, and the same play finds nothing in Raft as it should be.

What only looks like a bug stands at the end, and is found to be none.
"""

from pathlib import Path

import pytest

from raftcore import Cluster, Scenario
from raftcore.checks.convergence import why_not_converged
from raftcore.cluster.cluster import AnyRules
from raftcore.hunting.mutants import MUTANTS, Mutant
from raftcore.hunting.mutants.grounds import GROUNDS
from raftcore.hunting.mutants.mutant import BY_HAND, elect, settle
from raftcore.hunting.story import Story, live
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConditionNotReached
from raftcore.vocabulary.events import AppendRefused, Event, MessageSent, TimerSet, VoteGranted
from raftcore.vocabulary.messages import RequestVoteReply

CATALOGUE = Path(__file__).parents[1] / "docs" / "mutants.md"


def named(mutant: Mutant) -> str:
    return f"{mutant.number} {mutant.name}"


def has_converged(view: ClusterView) -> bool:
    return not why_not_converged(view)


each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=named)


# ---- the plays


@each_mutant
def test_a_planted_bug_is_caught_in_its_play_by_the_property_that_it_breaks(mutant: Mutant) -> None:
    assert mutant.caught(mutant.play())


LASTING = [mutant for mutant in MUTANTS if mutant.property == "Convergence" and mutant.number not in ("36", "39")]
"""36 shows as long as commands come, and 39 as long as reads come."""


@pytest.mark.parametrize("mutant", LASTING, ids=named)
def test_what_does_not_converge_in_its_play_does_not_converge_later_either(mutant: Mutant) -> None:
    with pytest.raises(ConditionNotReached):
        mutant.play().run_until(has_converged, limit_ms=3_000)


@each_mutant
def test_the_same_play_finds_nothing_in_raft_and_once_healed_all_agree(mutant: Mutant) -> None:
    cluster = mutant.mended().play()
    lies = ["Committed Is Durable"] if mutant.number == "37" else []  # its disk lies, and that is seen
    assert [violation.property for violation in cluster.violations] == lies
    assert mutant.property == "Convergence" or not mutant.caught(cluster)

    cluster.heal()
    for server in cluster.view.servers.values():
        if not server.alive and not server.halted:
            cluster.restart(server.id)
    cluster.run_until(has_converged, limit_ms=5 * BY_HAND.election_timeout_ms[1])
    assert [violation.property for violation in cluster.violations] == lies


@each_mutant
def test_a_play_is_repeated_from_its_file_and_from_its_code(mutant: Mutant) -> None:
    cluster = mutant.play()
    again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()))
    again.run_to(cluster.now_ms)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()

    names: dict[str, Cluster] = {}
    exec(cluster.as_code(), names)
    assert names["cluster"].trace.to_bytes() == cluster.trace.to_bytes()


# ---- the hunter, and the catalogue


FOUND_BEFORE = {
    "7": 7,
    "8": 161,
    "9": 21,
    "10": 38,
    "15": 345,
    "16": 76,
    "17": 6,
    "19": 82,
    "20": 53,
    "22b": 6,
    "24": 44,
    "25": 6,
    "26": 13,
    "31": 33,
    "41": 77,
}
"""Seeds that showed the bug, if not among the first: they are tried first, and all others where they do so no more."""


@pytest.mark.parametrize("number", GROUNDS)
def test_the_hunter_finds_a_planted_bug_within_the_seeds_that_are_stated_and_nothing_in_raft(number: str) -> None:
    grounds, (mutant,) = GROUNDS[number], (mutant for mutant in MUTANTS if mutant.number == number)

    def run(seed: int, rules: AnyRules) -> Story | None:
        return live(seed, rules, grounds.faults, grounds.property or mutant.property, grounds.size, grounds.config).story

    seeds = sorted(range(grounds.seeds), key=lambda seed: seed != FOUND_BEFORE.get(number))
    seed = next((seed for seed in seeds if run(seed, mutant.rules)), None)
    assert seed is not None
    assert run(seed, None) is None


def test_the_catalogue_says_what_there_is() -> None:
    catalogue, _, _worlds = CATALOGUE.read_text(encoding="utf-8").partition("| # | world |")
    lines = catalogue.splitlines()
    assert [line for line in lines if line.startswith("| ") and line[2].isdigit()] == [row(mutant) for mutant in MUTANTS]
    assert {mutant.number.rstrip("abcd") for mutant in MUTANTS} == {str(number) for number in range(1, 42)}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def row(mutant: Mutant) -> str:
    grounds = GROUNDS.get(mutant.number)
    hunted = f"{grounds.seeds} seeds{f' for {grounds.property}' if grounds.property else ''}" if grounds else "its play alone"
    return f"| {mutant.number} | {mutant.name} | {mutant.sentence} | {mutant.property} | {hunted} | {mutant.seen_in} |"


# ---- what only looks like a bug


def told(cluster: Cluster, kind: type[Event]) -> list:
    return [event for event in cluster.trace if type(event) is kind]


def test_a_learner_answers_a_vote_when_asked_since_it_may_be_a_voter_and_not_know_yet() -> None:
    cluster = Cluster(3, config=BY_HAND)
    elect(cluster, "S1")
    settle(cluster)
    cluster.create_server("S4")
    cluster.change_membership(("S1", "S2", "S3"), learners=("S4",))
    cluster.run_for(1_000)
    cluster.link("S1", "S4", up=False)
    cluster.change_membership(("S1", "S2", "S3", "S4"))
    settle(cluster)
    cluster.crash("S1")
    assert "S4" in cluster.view.servers["S4"].configuration.learners
    elect(cluster, "S2")
    settle(cluster)

    assert [vote.candidate for vote in told(cluster, VoteGranted) if vote.server == "S4"] == ["S2"]
    assert cluster.leader == "S2"
    assert not cluster.violations


def test_a_repeated_vote_for_the_same_candidate_is_granted_again() -> None:
    cluster = Cluster(3, config=BY_HAND)
    cluster.link("S1", "S2", duplication=1.0)
    elect(cluster, "S1")
    settle(cluster)
    answers = [sent.message for sent in told(cluster, MessageSent) if sent.source == "S2" and isinstance(sent.message, RequestVoteReply)]

    assert [answer.vote_granted for answer in answers] == [True, True]
    assert not cluster.violations


def test_a_refused_append_of_the_current_term_still_resets_the_election_timer() -> None:
    cluster = Cluster(3, config=BY_HAND)
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.submit("C1", "SET x 1", through="S1")
    settle(cluster)
    cluster.heal()
    settle(cluster)
    (refused,) = told(cluster, AppendRefused)
    (timer,) = [event for event in told(cluster, TimerSet) if event.server == refused.server and event.at_ms == refused.at_ms]

    assert timer.deadline_ms >= refused.at_ms + BY_HAND.election_timeout_ms[0]
    assert not cluster.violations
