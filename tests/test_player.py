"""The player and the lab without a browser: who drives the clock, and who stops when."""

import gc
import re
import time
import weakref

import pytest

from raftcore import Cluster, Rules
from raftcore.hunting.mutants import MUTANTS
from raftcore.vocabulary.errors import ConfigError, ControlError, ServerNotFound
from widgets import Lab
from widgets.player import PORTION_MS, Player
from widgets.ring import Ring


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


def test_a_run_whose_clients_saw_what_no_order_explains_opens_standing_still():
    bug = next(mutant for mutant in MUTANTS if mutant.name == "A stale call is obeyed")
    stale = Cluster(bug.size, bug.seed, bug.config, bug.rules, checks=False)  # no invariant tells of it first
    bug.story(stale)
    with Lab(stale) as lab:
        assert not lab.playing
        assert lab.notice.startswith("Linearizable is broken: ")


def test_a_run_in_which_a_law_is_broken_already_opens_standing_still_and_says_which():
    broken = next(mutant for mutant in MUTANTS if mutant.property == "Leader Completeness").play()
    now_ms, first = broken.now_ms, broken.violations[0]
    with Lab(broken) as lab:
        assert not lab.playing
        assert lab.notice == f"{first.property} is broken: {first.sentence}"
        assert broken.now_ms == now_ms
        lab.play()
        assert lab.playing


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
        assert "the rule answer_request_vote (mine) raised ValueError: a student's mistake (line " in lab.notice
        assert not lab.playing


def test_a_rule_that_forgets_its_answer_is_named_and_the_run_can_be_looked_at_but_not_go_on(cluster: Cluster):
    def mine(me, ask):
        me.vote_for(ask.candidate_id)

    cluster = Cluster(size=3, seed=2, rules=Rules(answer_request_vote=mine))
    with Lab(cluster) as lab:
        lab.speed = 10
        wait_until(lambda: bool(lab.notice))
        assert re.fullmatch(
            r"the rule answer_request_vote \(.*mine\) returned None; it must return a RequestVoteReply \(defined in .*\)", lab.notice
        )
        stopped_ms, player = cluster.now_ms, Player.of(cluster)
        lab.play()
        wait_until(lambda: "broken off half-way through a step" in lab.notice and not lab.playing)
        assert cluster.now_ms == stopped_ms

        player.take({"do": "go", "at_ms": stopped_ms - 5})
        assert (lab.notice, player.head.shown_ms) == ("", stopped_ms - 5)
        player.take({"do": "fork"})
        wait_until(lambda: len(player.head.branches) == 2)
        assert lab.cluster.now_ms == stopped_ms - 5


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


def test_a_closed_lab_keeps_no_cluster_alive():
    cluster = Cluster(size=3, seed=2)
    lab, alone = Lab(cluster), Ring(cluster)
    lab.speed = 10
    wait_until(lambda: lab.cluster.leader is not None)
    known = weakref.ref(cluster)
    del cluster
    lab.close()
    lab.close()
    wait_until(lambda: gc.collect() is not None and known() is None)

    assert alone.state["servers"], "the last picture stays"


def test_what_is_asked_of_a_closed_lab_is_answered_or_refused_with_a_sentence(cluster: Cluster):
    lab = Lab(cluster)
    lab.speed = 3
    lab.close()
    lab.pause()
    lab._watch(True)
    assert (lab.playing, lab.speed, lab.notice) == (False, 3, "")
    for ask in (lab.play, lab.snapshot, lambda: lab.cluster, lambda: lab._player.attach_plot(object())):
        with pytest.raises(ControlError, match="this lab is closed"):
            ask()


def test_a_lab_that_stood_still_when_it_was_closed_in_the_browser_stands_still_when_it_is_opened_again(cluster: Cluster):
    with Lab(cluster) as lab:
        lab._started = True  # no figure is needed here
        for stop, goes_on in ((lab.pause, False), (lab.play, True)):
            stop()
            lab._watch(False)
            assert not lab.playing
            lab._watch(True)
            assert lab.playing is goes_on

        lab._watch(False)
        lab.pause()  # by code, while nobody looks
        lab._watch(True)
        assert not lab.playing


@pytest.mark.parametrize("speed", [float("nan"), "fast", None, True, [1]])
def test_a_speed_that_is_no_number_is_refused(cluster: Cluster, speed):
    with Lab(cluster) as lab:
        with pytest.raises(ConfigError, match="must be a number"):
            lab.speed = speed
        Player.of(cluster).take({"do": "speed", "value": speed})
        assert "must be a number" in lab.notice
        assert (lab.playing, lab.speed) == (True, 1 / 30)


class Broken:
    """A screen, or a plot, that can't draw."""

    watched = True
    fails = False

    def show(self, frame: object) -> None:
        if self.fails:
            raise ValueError("a broken picture")

    def refresh(self, run: object, at_ms: float) -> None:
        raise ValueError("a broken plot")


def test_a_screen_that_cannot_be_painted_is_told_and_neither_stops_time_nor_the_other_screens(cluster: Cluster):
    with Lab(cluster) as lab:
        broken, player = Broken(), Player.of(cluster)
        player.attach(broken)
        after = Ring(cluster)
        broken.fails = True
        shown = after.state["now_ms"]
        wait_until(lambda: "a broken picture" in lab.notice)
        wait_until(lambda: after.state["now_ms"] > shown)
        assert lab.playing

        broken.fails = False
        player.attach_plot(broken)
        wait_until(lambda: "a broken plot" in lab.notice)
        assert lab.playing


def test_who_waits_for_the_cluster_gets_it_between_two_portions_of_time(cluster: Cluster, monkeypatch):
    spans: list[float] = []
    run_for = cluster.run_for
    monkeypatch.setattr(cluster, "run_for", lambda ms: (spans.append(ms), run_for(ms)))
    with Lab(cluster) as lab:
        lab.speed = 10
        wait_until(lambda: sum(spans) > 1_000)
    assert max(spans) <= PORTION_MS


# ---- looking at the past


def test_who_looks_at_the_past_stops_time_and_changes_nothing_and_comes_back_to_now(cluster: Cluster):
    cluster.run_for(1_000)
    before = cluster.trace.to_bytes()
    with Lab(cluster) as lab:
        lab.pause()
        ring, player = Ring(cluster), Player.of(cluster)
        cluster.run_for(10)
        now_ms = cluster.now_ms
        for intent in ({"do": "go", "at_ms": 400}, {"do": "back"}, {"do": "step"}, {"do": "go", "position": 30}):
            player.take(intent)
            wait_until(lambda: ring.state["now_ms"] == player.head.shown_ms)
            assert (lab.notice, lab.playing, cluster.now_ms) == ("", False, now_ms)
        assert ring.state["now_ms"] == cluster.trace[30].at_ms
        player.take({"do": "now"})
        wait_until(lambda: ring.state["now_ms"] == now_ms)
    assert cluster.trace.to_bytes()[: len(before)] == before


def test_a_place_that_is_none_is_told_and_the_moment_stays(cluster: Cluster):
    cluster.run_for(1_000)
    with Lab(cluster):
        player = Player.of(cluster)
        player.take({"do": "go", "at_ms": 300})
        for intent in ({"do": "go", "at_ms": "soon"}, {"do": "go", "position": 10**9}, {"do": "go"}):
            player.take(intent)
            assert player.notice
            assert player.head.shown_ms == 300


def test_play_in_the_past_goes_through_the_recording_until_now_and_then_lives_on(cluster: Cluster):
    cluster.run_for(1_000)
    with Lab(cluster) as lab:
        lab.pause()
        player = Player.of(cluster)
        begin, before = cluster.now_ms, len(cluster.trace)
        player.take({"do": "go", "at_ms": 900})
        lab.speed = 1
        player.take({"do": "play"})
        wait_until(lambda: player.head.shown_ms > 950)
        assert (cluster.now_ms, len(cluster.trace)) == (begin, before) or player.head.shown_ms > begin
        wait_until(lambda: cluster.now_ms > begin)


def test_what_is_done_in_the_past_is_asked_about_and_then_done_in_a_fork(cluster: Cluster):
    cluster.run_for(1_000)
    before = cluster.trace.to_bytes()
    with Lab(cluster) as lab:
        lab.pause()
        lab.speed = 1 / 1000
        now_ms = cluster.now_ms
        player = Player.of(cluster)
        player.take({"do": "go", "at_ms": 600})
        player.take({"do": "crash", "server": "S1"})
        assert player.question == "You look at 600 ms, and what was does not change. Fork here, and do it in the fork?"
        assert cluster.now_ms == now_ms
        player.take({"do": "fork"})
        assert (player.question, player.notice) == ("", "")
        wait_until(lambda: player.cluster.scenario.actions)
        fork = player.cluster
        assert fork is not cluster
        assert not fork.view.servers["S1"].alive
        assert [type(action).__name__ for action in fork.scenario.actions] == ["Crash"]
        assert (cluster.scenario.actions, cluster.now_ms) == ((), now_ms)
    assert cluster.trace.to_bytes()[: len(before)] == before


@pytest.mark.parametrize("answer", [{"do": "dismiss"}, {"do": "now"}, {"do": "go", "at_ms": 10}, {"do": "play"}])
def test_a_question_that_is_not_said_yes_to_is_forgotten_and_nothing_is_done(cluster: Cluster, answer: dict):
    cluster.run_for(1_000)
    with Lab(cluster):
        player = Player.of(cluster)
        player.take({"do": "go", "at_ms": 600})
        player.take({"do": "crash", "server": "S1"})
        player.take(answer)
        assert player.question == ""
        assert cluster.scenario.actions == ()
        assert len(player.head.branches) == 1


def test_a_control_beside_acts_on_the_run_that_stands_there(cluster: Cluster):
    cluster.run_for(1_000)
    with Lab(cluster) as lab:
        lab.pause()
        player = Player.of(cluster)
        player.take({"do": "fork"})
        wait_until(lambda: player.head.two)
        fork = player.cluster
        player.take({"do": "isolate", "server": "S2"}, beside=True)
        assert (len(cluster.scenario.actions), len(fork.scenario.actions)) == (1, 0)
