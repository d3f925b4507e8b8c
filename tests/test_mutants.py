"""The planted bugs: each is found in its play, and the same play finds nothing in servers that are as they should be."""

import pytest
from invariants import Broken, Judge

from raftcore import Cluster, Scenario
from raftcore.hunting.mutants import MUTANTS, Mutant

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.number} {mutant.name}")


def judge(cluster: Cluster) -> None:
    judge = Judge(cluster.trace.server_ids, cluster.config)
    for event in cluster.trace:
        judge.absorb(event)


@each_mutant
def test_a_planted_bug_is_found_in_its_play(mutant: Mutant) -> None:
    with pytest.raises(Broken):
        judge(mutant.play())


@each_mutant
def test_the_same_play_finds_nothing_wrong_in_raft(mutant: Mutant) -> None:
    judge(mutant.mended().play())


@each_mutant
def test_a_play_is_repeated_from_its_file(mutant: Mutant) -> None:
    cluster = mutant.play()
    again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()))
    again.run_to(cluster.now_ms)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()
