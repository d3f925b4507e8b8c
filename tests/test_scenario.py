"""A scenario is a value: it can be written down, read back, and gives the same run."""

import msgspec
import pytest

from raftcore import Cluster, Config, Scenario
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Cas, Set
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.scenario import MAX_SERVERS

ACTIONS = (
    act.SetLink(0.0, "S1", "S2", loss=0.5),
    act.Crash(100.0, "S1"),
    act.Submit(150.5, "C1", Cas("x", "1", "2"), "S2"),
    act.Partition(200.0, (("S1",), ("S2", "C1"))),
    act.Restart(300.0, "S1"),
    act.Isolate(310.0, "S2"),
    act.TimeOut(320.0, "S1"),
    act.Pause(330.0, "S1"),
    act.Resume(340.0, "S1"),
    act.Heal(350.0),
)


def test_a_scenario_survives_a_file() -> None:
    scenario = Scenario(size=3, seed=7, config=Config(sync_ms=2), actions=ACTIONS)
    text = msgspec.json.encode(scenario)
    assert msgspec.json.decode(text, type=Scenario) == scenario


def test_numbers_typed_as_whole_ones_give_the_same_bytes_when_they_come_back_from_a_file() -> None:
    scenario = Scenario(
        size=3,
        seed=7,
        config=Config(delay_ms=(5, 9), election_timeout_ms=(150, 300), heartbeat_ms=50, sync_ms=1),
        actions=(act.SetLink(0, "S1", "S2", delay_ms=(1, 2), loss=1), act.Crash(400, "S3"), act.Heal(500)),
    )
    from_file = msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario)
    traces = []
    for it in (scenario, from_file):
        cluster = Cluster.from_scenario(it)
        cluster.run_for(1_000)
        traces.append(cluster.trace.to_bytes())
    assert traces[0] == traces[1]


def test_a_scenario_takes_all_of_its_actions() -> None:
    cluster = Cluster.from_scenario(Scenario(size=3, seed=7, actions=ACTIONS))
    cluster.run_for(1_000)
    assert cluster.scenario.actions == ACTIONS


@pytest.mark.parametrize("size", range(1, MAX_SERVERS + 1))
def test_a_cluster_of_any_allowed_size_finds_a_leader(size: int) -> None:
    cluster = Cluster(size)
    assert cluster.client("C1").set("x", "1").ok


def test_a_link_tells_a_bad_file_from_a_good_one_too() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"loss=1\.5 is no probability"):
        msgspec.json.decode(b'{"delay_ms": [1, 2], "loss": 1.5}', type=Link)


def test_a_heartbeat_must_be_shorter_than_an_election_timeout() -> None:
    with pytest.raises(ConfigError, match=r"heartbeat_ms=150 must be shorter than the shortest election timeout \(150 ms\)"):
        Config(heartbeat_ms=150)


def test_equal_scenarios_are_equal_values() -> None:
    one, other = (Scenario(size=3, seed=1, actions=(act.Submit(1.0, "C1", Set("x", "1")),)) for _ in range(2))
    assert one == other
