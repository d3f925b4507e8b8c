"""What is sent to other processes, as by joblib and Dask, comes back as it was: runs, their data, what was found. A cluster does not."""

import copy
import pickle
from collections.abc import Callable

import cloudpickle
import pytest
from test_frames import run_of

from raftcore import Cluster, Config, Rules
from raftcore.consensus import election
from raftcore.hunting.explore import explore
from raftcore.hunting.hunt import hunt, ignore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.small_world import World
from raftcore.hunting.story import live
from raftcore.hunting.swarm import swarm
from raftcore.recording import Recording, Told
from raftcore.recording.frames import FRAMES
from raftcore.vocabulary import errors

VOTE_TWICE = next(mutant for mutant in MUTANTS if mutant.property == "Vote Once")


def sent(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


def assert_same_run(one: Recording, other: Recording) -> None:
    assert other.scenario == one.scenario
    assert other.now_ms == one.now_ms
    assert other.server_ids == one.server_ids
    assert other.trace.to_bytes() == one.trace.to_bytes()
    for name in FRAMES:
        assert getattr(one, name).equals(getattr(other, name)), name


@pytest.mark.parametrize("how", [sent, copy.copy, copy.deepcopy])
def test_a_recording_comes_back_with_all_its_data(how: Callable[[Recording], Recording], tmp_path) -> None:
    run = run_of(5).recording
    assert_same_run(run, how(run))
    run.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    assert_same_run(loaded, how(loaded))
    assert_same_run(run, how(Recording(Told(run.trace, run.scenario))))


def test_the_recording_of_a_run_that_goes_on_comes_back_as_it_was_when_it_was_sent() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(500)
    run = sent(cluster.recording)
    cluster.run_for(500)
    assert (run.now_ms, cluster.recording.now_ms) == (500, 1_000)
    again = Cluster.from_scenario(run.scenario)
    again.run_to(500)
    assert again.trace.to_bytes() == run.trace.to_bytes()


def test_violations_come_along() -> None:
    cluster = VOTE_TWICE.play()
    assert cluster.violations
    assert sent(cluster.recording).violations["sentence"].tolist() == [violation.sentence for violation in cluster.violations]
    assert sent(cluster.violations) == cluster.violations


def test_a_scenario_a_trace_and_a_view_come_back() -> None:
    cluster = run_of(5)
    assert sent(cluster.scenario) == cluster.scenario
    assert sent(cluster.view) == cluster.view
    trace = sent(cluster.trace)
    assert trace.to_bytes() == cluster.trace.to_bytes()
    assert trace.server_ids == cluster.trace.server_ids


def test_what_a_hunt_a_swarm_and_an_exploration_find_comes_back() -> None:
    found = hunt(VOTE_TWICE.rules, seeds=300, wanted="Vote Once", cores=1, on_progress=ignore)
    assert found is not None
    assert sent(found) == found
    assert sent(found).cluster().violations == found.cluster().violations
    result = live(found.seed, VOTE_TWICE.rules)
    assert result.story
    assert sent(result) == result
    explored = explore(World(size=3, terms=1, commands=0, crashes=1, rules=VOTE_TWICE.rules))
    assert sent(explored) == explored
    swarmed = swarm(range(2))
    assert sent(swarmed) == swarmed


def test_what_was_found_with_a_rule_that_was_written_here_goes_by_cloudpickle_as_joblib_and_dask_send_it() -> None:
    def vote_twice(me, ask):
        me.voted_for = None
        return election.answer_request_vote(me, ask)

    config = Config(pre_vote=False, leader_guard=False)
    found = hunt(Rules(answer_request_vote=vote_twice), seeds=300, cores=1, config=config, on_progress=ignore)
    assert found is not None
    back = pickle.loads(cloudpickle.dumps(found))
    assert (back.seed, back.scenario, back.violation) == (found.seed, found.scenario, found.violation)


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)])
def test_an_error_comes_back_with_its_sentence(kind: type[Exception]) -> None:
    assert str(sent(kind("a sentence"))) == "a sentence"


@pytest.mark.parametrize("how", [pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy])
def test_a_cluster_says_what_to_send_instead(how: Callable[[object], object]) -> None:
    cluster = Cluster(size=3)
    for value in (cluster, [cluster], cluster.client("C1")):
        if how is copy.copy and value is not cluster:
            continue  # the copy of a list has the cluster itself
        with pytest.raises(errors.NotSendableError, match=r"can't be pickled or copied; send cluster\.scenario, .*, or cluster\.recording"):
            how(value)
    cluster.run_for(100)  # and goes on
