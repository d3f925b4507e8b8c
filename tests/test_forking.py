"""A fork of a long run is made in portions: the lab shows how far it is, plays on, and stops it when told to."""

import pytest
from test_player import wait_until

from raftcore import Cluster
from raftcore.recording import Recording, Told
from widgets import Lab, player
from widgets.branch import Branch
from widgets.forking import Forking
from widgets.frame import Frame
from widgets.player import Player
from widgets.status_line import status_picture


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(900)
    cluster.crash("S1")
    cluster.run_for(1_100)
    return cluster


@pytest.mark.parametrize("at_ms", [0.0, 50.0, 900.0, 2_000.0])
def test_a_past_that_is_executed_in_portions_is_the_same_to_the_byte(cluster: Cluster, at_ms: float):
    for run in (cluster, Recording(Told(cluster.trace, cluster.scenario))):
        fork, portions = Forking(Branch(1, run), at_ms), 1
        while not fork.go_on(0.0):
            portions += 1
        assert portions == max(1, at_ms // 100 + (at_ms % 100 > 0))
        assert fork.cluster.trace.to_bytes() == cluster.fork(at_ms).trace.to_bytes()
        assert fork.cluster.now_ms == at_ms


def test_how_far_a_fork_is_is_said_in_words(cluster: Cluster):
    fork = Forking(Branch(1, cluster), 2_000.0)
    for _ in range(5):
        assert not fork.go_on(0.0)
    assert fork.picture == {"share": 0.25, "words": "Forking at 2,000 ms: its past is executed again, 25 % so far."}


@pytest.fixture
def slow(monkeypatch):
    """A fork of a very long run: each look at the clock finds its time over, and it is never ready."""
    real = Forking.go_on
    monkeypatch.setattr(Forking, "go_on", lambda fork, _real_s: real(fork, 0.0) and False)


def test_the_lab_plays_on_while_a_fork_is_made_and_makes_none_where_it_is_given_up(cluster: Cluster, slow):
    with Lab(cluster) as lab:
        lab.speed = 1
        hand = Player.of(cluster)
        hand.take({"do": "fork"})
        wait_until(lambda: (hand._said(hand.head.sights)["forking"] or {"share": 0})["share"] > 0.9)
        began_ms = cluster.now_ms
        wait_until(lambda: cluster.now_ms > began_ms)
        hand.take({"do": "fork"})
        assert hand.notice == "a fork is being made; wait for it, or stop it first"
        hand.take({"do": "give-up"})
        assert hand._said(hand.head.sights)["forking"] is None
        hand.take({"do": "pause"})
        hand.take({"do": "go", "at_ms": 500})
        assert (len(hand.head.branches), hand.notice) == (1, "")


def test_what_breaks_while_a_fork_is_made_is_said_and_ends_it(cluster: Cluster, monkeypatch):
    def fails(_fork, _real_s):
        raise ZeroDivisionError("once")

    monkeypatch.setattr(Forking, "go_on", fails)
    with Lab(cluster) as lab:
        lab.pause()
        hand = Player.of(cluster)
        hand.take({"do": "fork"})
        wait_until(lambda: "ZeroDivisionError: once" in lab.notice)
        assert hand._said(hand.head.sights)["forking"] is None
        assert hand.head.main.run is cluster


def test_a_wish_is_granted_in_the_fork_that_was_made_for_it(cluster: Cluster, monkeypatch):
    monkeypatch.setattr(player, "PAINT_S", 0.001)
    with Lab(cluster) as lab:
        lab.pause()
        hand = Player.of(cluster)
        hand.take({"do": "go", "at_ms": 500})
        hand.take({"do": "isolate", "server": "S2"})
        hand.take({"do": "fork"})
        wait_until(lambda: hand.head.two and lab.cluster.scenario.actions)
        assert [type(action).__name__ for action in lab.cluster.scenario.actions] == ["Isolate"]
        assert lab.cluster.scenario.actions[0].at_ms == 500


def test_the_screen_is_told(cluster: Cluster):
    fork = Forking(Branch(1, cluster), 2_000.0)
    assert status_picture(Frame(view=cluster.view, forking=fork.picture))["forking"] == fork.picture
    assert status_picture(Frame(view=cluster.view))["forking"] is None
