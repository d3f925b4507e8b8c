"""The player and the lab without a browser: who drives the clock, and who stops when."""

import time

import pytest

from raftcore import Cluster, Rules
from raftcore.vocabulary.errors import ControlError, ServerNotFound
from widgets import Lab
from widgets.player import Player


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(size=3, seed=2)


def wait_until(holds) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.01)


def test_a_lab_plays_where_no_browser_looks_on(cluster: Cluster):
    with Lab(cluster) as lab:
        lab.speed = 5
        wait_until(lambda: cluster.leader is not None)


def test_time_stands_still_in_a_paused_lab(cluster: Cluster):
    with Lab(cluster) as lab:
        lab.pause()
        time.sleep(0.1)
        stopped = cluster.now_ms
        time.sleep(0.2)
        assert cluster.now_ms == stopped


def test_a_second_lab_on_a_cluster_takes_the_place_of_the_first(cluster: Cluster):
    first, second = Lab(cluster), Lab(cluster)
    assert (first.playing, second.playing) == (False, True)

    first.close()
    assert second.playing
    second.close()
    assert not second.playing


def test_what_a_person_asks_wrongly_becomes_the_notice_and_the_lab_plays_on(cluster: Cluster):
    with Lab(cluster) as lab:
        player = Player.of(cluster)
        player.take({"do": "crash", "server": "S9"})
        assert "S9" in lab.notice
        player.take({"do": "submit", "client": "C1", "text": "SET x"})
        assert "SET x 1" in lab.notice
        player.take({"do": "submit", "client": "C1", "op": "conjure", "key": "x"})
        assert "conjure" in lab.notice
        player.take({"do": "link", "source": "S1", "target": "S2", "delay_ms": 7})
        assert lab.notice
        player.take({"do": "dance"})
        assert "dance" in lab.notice
        assert lab.playing
        player.take({"do": "dismiss"})
        assert lab.notice == ""


def test_every_control_of_the_browser_reaches_the_cluster(cluster: Cluster):
    with Lab(cluster) as lab:
        lab.pause()
        player = Player.of(cluster)
        for intent in (
            {"do": "crash", "server": "S1"},
            {"do": "restart", "server": "S1"},
            {"do": "pause_server", "server": "S2"},
            {"do": "resume_server", "server": "S2"},
            {"do": "time_out", "server": "S3"},
            {"do": "isolate", "server": "S3"},
            {"do": "partition", "groups": [["S1"], ["S2", "S3"]]},
            {"do": "heal"},
            {"do": "link", "source": "S1", "target": "S2", "loss": 0.5, "delay_ms": [1, 2]},
            {"do": "submit", "client": "C1", "op": "set", "key": "x", "value": "1", "through": "S1"},
        ):
            player.take(intent)
            assert lab.notice == "", intent
        names = [type(action).__name__ for action in cluster.scenario.actions]
        assert names == ["Crash", "Restart", "Pause", "Resume", "TimeOut", "Isolate", "Partition", "Heal", "SetLink", "Submit"]
        player.take({"do": "step"})
        player.take({"do": "speed", "value": 1_000})
        assert lab.speed == 10


def test_a_rule_that_raises_stops_time_and_is_told():
    def mine(me, ask):
        raise ValueError("a student's mistake")

    cluster = Cluster(size=3, seed=2, rules=Rules(answer_request_vote=mine))
    with Lab(cluster) as lab:
        lab.speed = 10
        wait_until(lambda: "a student's mistake" in lab.notice)
        assert not lab.playing


def test_a_cell_can_act_while_the_lab_plays(cluster: Cluster):
    with Lab(cluster) as lab:
        lab.speed = 1
        assert cluster.client("C1").set("x", "1").ok
        with pytest.raises(ServerNotFound):
            cluster.crash("S7")
        assert [event.at_ms for event in cluster.trace] == sorted(event.at_ms for event in cluster.trace)


def test_a_snapshot_shows_what_was_set_as_text(cluster: Cluster):
    cluster.client("C1").set("<b>", "<script>")
    with Lab(cluster) as lab:
        picture = lab.snapshot().data
    assert "&lt;script" in picture
    assert "<script" not in picture


def test_a_cluster_without_a_trace_is_refused_and_the_lab_that_was_there_plays_on(cluster: Cluster):
    with Lab(cluster) as lab:
        with pytest.raises(ControlError):
            Lab(Cluster(trace=False))
        assert lab.playing


def test_a_closed_lab_does_nothing_any_more(cluster: Cluster):
    lab, player = Lab(cluster), Player.of(cluster)
    lab.close()
    player.take({"do": "crash", "server": "S1"})
    assert cluster.scenario.actions == ()
