"""What a person takes away from a lab repeats the run."""

from pathlib import Path

import pytest

from raftcore import Cluster, Scenario
from raftcore.recording import Recording
from raftcore.vocabulary.errors import ControlError
from widgets import Lab, share
from widgets.player import Player


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(1_000)
    cluster.crash("S1")
    cluster.run_for(1_000)
    cluster.restart("S1")
    cluster.run_for(500)
    return cluster


def test_code_repeats_the_run_up_to_the_moment(cluster: Cluster):
    said: dict = {}
    exec(share.text(cluster, 1_500, "code"), said)
    past = cluster.trace[: cluster.trace.position_at(1_500)]
    assert list(said["cluster"].trace) == list(past)
    assert said["cluster"].now_ms == 1_500


def test_a_test_asserts_what_is_true_at_the_moment(cluster: Cluster):
    text = share.text(cluster, 1_500, "test")
    said: dict = {}
    exec(text, said)
    said["test_the_run_with_seed_2_at_1500_ms"]()
    exec(text.replace("s1.alive is False", "s1.alive is True"), said)
    with pytest.raises(AssertionError):
        said["test_the_run_with_seed_2_at_1500_ms"]()


def test_what_is_neither_is_refused(cluster: Cluster):
    with pytest.raises(ControlError, match="choose code or test"):
        share.text(cluster, 0, "poem")


def test_a_saved_run_is_two_files_that_repeat_it_and_the_ones_before_stay(cluster: Cluster, tmp_path: Path):
    scenario, recording = share.save(cluster, tmp_path)
    assert [path.name for path in (scenario, recording)] == ["run-seed2-2500ms.json", "run-seed2-2500ms.parquet"]
    assert Scenario.load(scenario) == cluster.scenario
    assert Recording.load(recording).trace.to_bytes() == cluster.trace.to_bytes()
    again, _ = share.save(cluster, tmp_path)
    assert again.name == "run-seed2-2500ms-2.json"
    assert len(list(tmp_path.iterdir())) == 4


def test_the_lab_shows_the_text_and_says_where_it_saved_or_why_not(cluster: Cluster, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Lab(cluster) as lab:
        lab.pause()
        player = Player.of(cluster)
        player.take({"do": "go", "at_ms": 1_500})
        player.take({"do": "copy", "what": "code"})
        assert player._said(player.head.sights)["paper"] == share.text(cluster, 1_500.0, "code")
        player.take({"do": "save"})
        assert str(tmp_path) in player.note
        monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
        player.take({"do": "save"})
        assert "gone" in lab.notice
        assert player.note == ""
