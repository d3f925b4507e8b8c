"""The same scenario gives the same trace, byte for byte: in another process, after a replay, watched or not."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from test_random_runs import RandomRun

from raftcore import Cluster, Config, Scenario
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.errors import RaftLabError
from raftcore.vocabulary.events import MessageSent

ROOT = Path(__file__).parents[1]
PROGRAM = """
from hashlib import sha256
from test_random_runs import RandomRun
for seed in range(8):
    run = RandomRun(seed)
    run.trouble(rounds=60)
    print(seed, len(run.cluster.trace), sha256(run.cluster.trace.to_bytes()).hexdigest())
"""


def replayed(scenario: Scenario, at_ms: float) -> Cluster:
    cluster = Cluster.from_scenario(scenario)
    cluster.run_for(at_ms)
    return cluster


def test_other_processes_with_other_hashes_make_the_same_traces() -> None:
    """Sets and dictionaries of strings have another order in each of them."""
    outputs = []
    for hash_seed in ("0", "1", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        outputs.append(done.stdout)
    assert len(outputs[0].splitlines()) == 8
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize("seed", range(100))
def test_a_run_with_actions_by_hand_is_repeated_by_its_scenario(seed: int) -> None:
    """Among them actions between two events of one instant, refused ones, and links and syncs that take no time."""
    run = RandomRun(seed)
    random = Random(seed)
    for _ in range(12):
        run.trouble(rounds=4)
        for _ in range(random.randrange(6)):
            run.cluster.step()
    cluster = run.cluster
    cluster.run_for(0)  # the rest of this instant
    assert replayed(cluster.scenario, cluster.now_ms).trace.to_bytes() == cluster.trace.to_bytes()


@pytest.mark.parametrize("config", [Config(delay_ms=(0, 0), sync_ms=0), Config(delay_ms=(5, 5), sync_ms=5)])
def test_actions_between_events_of_one_instant_come_last_in_it(config: Config) -> None:
    cluster = Cluster(3, 5, config)
    for number in range(400):
        cluster.step()
        if number % 20 == 0:
            cluster.submit("C1", Set("x", str(number)))
            cluster.link("S1", "S2", loss=number / 1_000)
        if number % 90 == 30:
            cluster.crash("S3")
        if number % 90 == 60:
            cluster.restart("S3")
    cluster.run_for(0)  # the rest of this instant
    again = replayed(cluster.scenario, cluster.now_ms)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()


def test_what_was_refused_or_only_looked_at_leaves_no_mark() -> None:
    """Neither clients nor links are remembered in the order in which somebody first spoke of them."""
    cluster = Cluster(5, 3)
    for refused in (
        lambda: cluster.link("S5", "S4", loss=7),
        lambda: cluster.link("S4", "C2", delay_ms=(5, 1)),
        lambda: cluster.partition({"C9"}, {"S1", "S9"}),
        lambda: cluster.restart("S1"),
    ):
        with pytest.raises(RaftLabError):
            refused()
    cluster.client("C2")
    cluster.link("S1", "S2", loss=0.5)
    cluster.isolate("S5")
    cluster.partition({"S1", "C1", "S2"}, {"C2", "S3"})
    cluster.run_for(700)
    cluster.heal()
    cluster.run_for(700)
    assert replayed(cluster.scenario, 1_400).trace.to_bytes() == cluster.trace.to_bytes()


@pytest.mark.parametrize("seed", range(20))
def test_a_run_that_nobody_watches_goes_the_same_way(seed: int) -> None:
    run = RandomRun(seed)
    run.trouble(rounds=60)
    watched = run.cluster
    unwatched = Cluster(watched.scenario.size, seed, watched.scenario.config, trace=False)
    for action in watched.scenario.actions:
        unwatched.act(action)
    unwatched.run_for(watched.now_ms)
    for name, server in watched._world.servers.items():
        other = unwatched._world.servers[name]
        assert (other.alive, other.node.state.log.entries) == (server.alive, server.node.state.log.entries)
        assert (other.node.state.role, other.node.state.current_term) == (server.node.state.role, server.node.state.current_term)
        assert other._machine.kv_store == server._machine.kv_store


def test_taking_one_links_loss_away_changes_no_other_links_delays() -> None:
    """Nor its own: the n-th message on a link flies as long as ever."""
    lossy, calm = Cluster(5, 9), Cluster(5, 9)
    lossy.link("S1", "S2", loss=0.3, duplication=0.3)
    for cluster in (lossy, calm):
        cluster.run_for(400)
    delays = [delays_by_link(cluster) for cluster in (lossy, calm)]
    for link, drawn in delays[0].items():
        same = min(len(drawn), len(delays[1][link]))
        assert same
        assert drawn[:same] == pytest.approx(delays[1][link][:same])


def delays_by_link(cluster: Cluster) -> dict[tuple[str, str], list[float]]:
    """How long the messages of each link take, in the order in which they were sent; copies are another matter."""
    delays: dict[tuple[str, str], list[float]] = {}
    for event in cluster.trace:
        if isinstance(event, MessageSent) and not event.copy_of:
            delays.setdefault((event.source, event.target), []).append(event.deliver_at_ms - event.at_ms)
    return delays


def test_another_seed_is_another_run() -> None:
    traces = {replayed(Scenario(size=3, seed=seed), 1_000).trace.to_bytes() for seed in range(5)}
    assert len(traces) == 5


def test_planned_actions_and_actions_by_hand_of_one_instant_keep_their_order() -> None:
    cluster = Cluster(3, 4)
    cluster.act(act.Crash(100.0, "S1"))
    cluster.run_for(99)
    cluster.act(act.Restart(100.0, "S1"))
    cluster.run_for(1)
    cluster.crash("S1")
    cluster.run_for(500)
    assert [type(action) for action in cluster.scenario.actions] == [act.Crash, act.Restart, act.Crash]
    assert replayed(cluster.scenario, 600).trace.to_bytes() == cluster.trace.to_bytes()
