"""A run as a file: what comes back is the same, byte for byte; and what is no recording is refused, with a word about why."""

import pandas as pd
import pytest
from test_random_runs import RandomRun

from raftcore import Cluster, diff
from raftcore.recording import Recording


def run_of(seed: int, rounds: int = 60) -> Cluster:
    run = RandomRun(seed)
    run.trouble(rounds)
    return run.cluster


@pytest.mark.parametrize("seed", range(12))
def test_a_recording_comes_back_from_its_file_to_the_byte(seed, tmp_path):
    cluster = run_of(seed)
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    assert loaded.trace.to_bytes() == cluster.trace.to_bytes()
    assert loaded.scenario == cluster.scenario
    assert loaded.config == cluster.config
    assert loaded.server_ids == cluster.server_ids
    assert loaded.now_ms == cluster.now_ms
    assert loaded.view == cluster.view


def test_a_loaded_scenario_repeats_the_run(tmp_path):
    cluster = run_of(3)
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    again = Cluster.from_scenario(loaded.scenario)
    again.run_to(loaded.now_ms)
    assert diff(again, loaded) is None


def test_a_recording_grows_while_the_run_goes_on(tmp_path):
    cluster = Cluster(size=3, seed=7)
    recording = cluster.recording
    for number in range(3):
        cluster.run_for(500)
        recording.save(tmp_path / "run.parquet")
        loaded = Recording.load(tmp_path / "run.parquet")
        assert loaded.trace.to_bytes() == cluster.trace.to_bytes(), number
    assert cluster.recording is recording


def test_plain_pandas_opens_the_file(tmp_path):
    cluster = run_of(5)
    cluster.recording.save(tmp_path / "run.parquet")
    table = pd.read_parquet(tmp_path / "run.parquet")
    assert table["at_ms"].tolist() == [event.at_ms for event in cluster.trace]
    assert table["kind"].tolist() == [type(event).__name__ for event in cluster.trace]
