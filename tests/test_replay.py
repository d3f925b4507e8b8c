"""A recorded run in the lab, without a cluster: all of it can be seen, and what a person does there is done in a fork."""

from pathlib import Path

import pytest
from test_player import wait_until

from raftcore import Cluster, Rules
from raftcore.recording import Recording
from raftcore.vocabulary.errors import ConfigError, ControlError
from widgets import Lab, Replay
from widgets.player import Player


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(1_000)
    cluster.crash("S1")
    cluster.run_for(1_000)
    return cluster


@pytest.fixture
def recording(cluster: Cluster, tmp_path: Path) -> Recording:
    path = tmp_path / "run.parquet"
    cluster.recording.save(path)
    return Recording.load(path)


def test_a_replay_plays_from_the_beginning_to_the_recordings_end_and_stands_still_there(recording: Recording):
    with Replay(recording) as lab:
        head = lab._player.head
        assert head.shown_ms < 500
        lab.speed = 10
        wait_until(lambda: not lab.playing)
        assert (head.shown_ms, lab.notice) == (2_000, "")
        assert head.view.servers["S1"].alive is False


def test_every_moment_of_a_replay_is_that_of_the_run(cluster: Cluster, recording: Recording):
    with Replay(recording) as lab:
        lab.pause()
        for at_ms in (1_500, 20, 999):
            lab._player.take({"do": "go", "at_ms": at_ms})
            assert lab._player.head.view == cluster.trace.view_at(at_ms)
        assert "999 ms" in lab.snapshot().data


def test_to_act_in_a_replay_is_refused_and_done_in_a_fork_that_repeats_its_past(recording: Recording):
    before = recording.trace.to_bytes()
    with Replay(recording) as lab:
        lab.pause()
        player = Player.of(recording)
        player.take({"do": "now"})
        player.take({"do": "restart", "server": "S1"})
        assert player.question == "This is a recording, which does not change. Fork it here, at 2,000 ms, and do it in the fork?"
        with pytest.raises(ControlError, match="this is a recording"):
            lab.cluster.restart("S1")
        player.take({"do": "fork"})
        wait_until(lambda: player.head.two and lab.cluster.view.servers["S1"].alive)
        assert list(lab.cluster.trace[: len(recording.trace)]) == list(recording.trace)
        lab.speed = 1
        lab.play()
        wait_until(lambda: lab.cluster.now_ms > 2_050)
    assert recording.trace.to_bytes() == before


def test_a_recording_of_rules_without_a_name_can_be_seen_and_says_why_it_cannot_be_forked(tmp_path: Path):
    def mine(me, ask):
        return Rules().answer_request_vote(me, ask)

    cluster = Cluster(size=3, seed=2, rules=Rules(answer_request_vote=mine))
    cluster.run_for(500)
    cluster.recording.save(tmp_path / "run.parquet")
    with Replay(Recording.load(tmp_path / "run.parquet")) as lab:
        lab._player.take({"do": "fork"})
        assert "Only what belongs to raftcore is imported" in lab.notice
        assert lab.playing


def test_what_a_cluster_has_recorded_can_be_replayed_while_its_own_lab_plays_on(cluster: Cluster):
    with Lab(cluster) as live, Replay(cluster) as replay:
        assert (live.run, replay.run) == (cluster, cluster.recording)
        assert replay._player.head.shown_ms < 1_000 < live._player.head.shown_ms
        assert live.playing


@pytest.mark.parametrize("what", [None, "run.parquet", 7, []])
def test_what_is_no_run_is_refused(what: object):
    with pytest.raises(ConfigError, match="can't be replayed; give a recording or a cluster"):
        Replay(what)  # type: ignore[arg-type]  # that is the point
