"""Two threads in one player: each frame is of one run at one moment, and who stops time has stopped it when the call returns."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import pytest
from breaking_off import at_line, lines_of
from test_player import wait_until

from raftcore import Cluster, Rules
from raftcore.hunting.mutants import MUTANTS
from raftcore.trace.run import Run
from widgets import Lab, questions
from widgets.frame import Frame
from widgets.player import PORTION_MS, Player
from widgets.playhead import Playhead

MOMENTS = 60
"""At which each act is tried, of all the lines that a frame takes."""


class Kept:
    """A screen that keeps its frames."""

    watched = True

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def show(self, frame: Frame) -> None:
        self.frames.append(frame)


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(1_500)
    return cluster


@pytest.fixture
def fork(cluster: Cluster) -> Cluster:
    """A run with the same beginning, in which S1 is down at the end."""
    fork = cluster.fork(at_ms=1_000)
    for number in range(1, 10):
        fork.submit(f"C{number}", f"SET x {number}")
    fork.run_for(200)
    fork.crash("S1")
    fork.run_for(290)
    return fork


@pytest.fixture
def player(cluster: Cluster, fork: Cluster) -> Iterator[Player]:
    player = Player.of(cluster)
    player.compare(fork)
    yield player
    player.close()


def check_frames(frames: list[Frame], runs: dict[int, Run]) -> None:
    """Each tells of one run at one moment, and goes on from the one before or is a leap."""
    for frame in frames:
        run = runs[frame.run]
        assert frame.run == frame.chosen
        at_ms = frame.view.at_ms  # when more may happen than the frame knows
        assert run.trace.position_before(at_ms) <= frame.position <= run.trace.position_at(at_ms)
        assert frame.view.servers == run.trace.view_after(frame.position).servers
        assert frame.past == (at_ms < frame.end_ms)
        assert frame.checked.position == frame.position
    for before, frame in pairwise(frames):
        assert frame.number == before.number + 1
        if frame.run != before.run or frame.position < before.position:
            assert frame.jump > before.jump
        if frame.jump == before.jump:
            assert frame.events == tuple(runs[frame.run].trace[before.position : frame.position])


# ---- forced scheduling: another thread acts before a chosen line of the one that makes a frame


ACTS: dict[str, Callable[[Player, Cluster], object]] = {
    "choose": lambda player, _: player.take({"do": "choose", "run": 2}),
    "go": lambda player, _: player.take({"do": "go", "at_ms": 700}),
    "back": lambda player, _: player.take({"do": "back"}),
    "alone": lambda player, _: player.take({"do": "alone"}),
    "ask": lambda player, _: player.take({"do": "why", "what": "leader"}),
    "act": lambda player, _: player.take({"do": "heal"}),
    "a cell": lambda _, cluster: cluster.run_for(5),
    "play": lambda player, _: player.take({"do": "play"}),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_frame_is_of_one_run_at_one_moment_whatever_comes_while_it_is_made(
    player: Player, cluster: Cluster, fork: Cluster, act: Callable[[Player, Cluster], object]
):
    screen = Kept()
    player.attach(screen)
    lines = lines_of(player._paint)
    others: list[threading.Thread] = []

    def elsewhere() -> None:
        others.append(threading.Thread(target=act, args=(player, cluster)))
        others[-1].start()
        others[-1].join(0.01)  # where it has to wait for this thread, this one goes on

    for line in sorted(Random(lines).sample(range(1, lines), MOMENTS)):
        with at_line(line, elsewhere):
            player._paint()
        for other in others:
            other.join()
        for intent in ({"do": "pause"}, {"do": "choose", "run": 1}, {"do": "now"}):
            player.take(intent)
        player.compare(fork)
    player._paint()
    check_frames(screen.frames, {1: cluster, 2: fork})
    assert player.notice == ""


def test_a_run_that_a_cell_lets_go_on_is_not_shown_as_past(player: Player, cluster: Cluster):
    screen = Kept()
    player.attach(screen)
    for _ in range(MOMENTS):
        with at_line(Random(len(screen.frames)).randrange(1, 60), lambda: cluster.run_for(1)):
            player._paint()
    assert not any(frame.past for frame in screen.frames)


def test_a_scrub_between_two_looks_at_violations_is_no_error():
    broken = next(mutant for mutant in MUTANTS if mutant.property == "Leader Completeness").play()
    player = Player.of(broken)
    try:
        for line in range(1, 60, 3):
            player.take({"do": "go", "at_ms": 0})
            player._known = player._broken()[0], 0
            player.take({"do": "now"})
            with at_line(line, lambda: player.head.go_to(0)):
                player._stop_where_broken()
    finally:
        player.close()


# ---- who stops time


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Each portion of time takes long. The event: one is under way."""
    under_way, real = threading.Event(), Playhead.pass_time

    def pass_time(head: Playhead, span_ms: float) -> bool:
        under_way.set()
        time.sleep(0.1)
        return real(head, span_ms)

    monkeypatch.setattr(Playhead, "pass_time", pass_time)
    return under_way


@pytest.mark.parametrize(
    "stop",
    [
        lambda lab: lab.pause(),
        lambda lab: lab.close(),
        lambda lab: lab._player.take({"do": "pause"}),
        lambda lab: lab._player.take({"do": "back"}),
        lambda lab: lab._watch(False),
    ],
)
def test_when_time_was_stopped_it_does_not_pass_any_more(cluster: Cluster, slow: threading.Event, stop: Callable[[Lab], object]):
    with Lab(cluster) as lab:
        lab.speed = 10
        assert slow.wait(20)
        stop(lab)
        stopped_ms = cluster.now_ms
        time.sleep(0.3)
        assert cluster.now_ms == stopped_ms


def test_a_portion_of_time_that_comes_after_a_pause_does_not_pass(player: Player, cluster: Cluster):
    player.pause()
    stopped_ms = cluster.now_ms
    assert not player._pass_portion(10)
    assert cluster.now_ms == stopped_ms


def test_a_closed_lab_has_no_thread(cluster: Cluster, slow: threading.Event):
    lab = Lab(cluster)
    thread = lab._player._thread
    assert slow.wait(20)
    lab.close()
    assert not thread.is_alive()


def test_a_rule_may_stop_the_lab_that_plays_it():
    held: list[Lab] = []

    def mine(me, ask):
        held[0].pause()
        return Rules().answer_request_vote(me, ask)

    held.append(Lab(Cluster(3, 2, rules=Rules(answer_request_vote=mine))))
    with held[0] as lab:
        lab.speed = 10
        wait_until(lambda: not lab.playing)
        assert lab.notice == ""


# ---- what is looked for once


def test_an_answer_is_looked_for_once_at_each_moment(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    cluster.isolate(cluster.leader)
    answers: list[float] = []
    real = questions.question
    monkeypatch.setattr(questions, "question", lambda *about: Counted(real(*about), answers))
    with Lab(cluster) as lab:
        lab.pause()
        lab._player.take({"do": "why", "what": "leader"})
        for _ in range(20):
            lab._player._paint_if_new()
        assert len(answers) == 1
        cluster.run_for(50)
        for _ in range(20):
            lab._player._paint_if_new()
        assert len(answers) == 2
        assert answers == sorted(answers)


class Counted:
    def __init__(self, question, answers: list[float]) -> None:
        self.words = question.words
        self._question, self._answers = question, answers

    def answer(self, view) -> str:
        self._answers.append(view.at_ms)
        return self._question.answer(view)


# ---- errors of our own


def test_an_error_that_is_none_of_our_sentences_is_logged_once_with_its_traceback(cluster: Cluster, caplog: pytest.LogCaptureFixture):
    class Broken(Kept):
        def show(self, frame: Frame) -> None:
            if len(self.frames) == 1:
                raise ZeroDivisionError("a mistake of ours")
            super().show(frame)

    with caplog.at_level(logging.ERROR, "widgets"), Lab(cluster) as lab:
        lab._player.attach(Broken())
        wait_until(lambda: "a mistake of ours" in lab.notice)
        shown_ms = cluster.now_ms
        wait_until(lambda: cluster.now_ms > shown_ms + 20)
        lab.pause()
    [record] = caplog.records
    assert record.exc_info[2].tb_next is not None

    caplog.clear()
    with Lab(cluster) as lab:
        lab._player.take({"do": "crash", "server": "S9"})
        assert "S9" in lab.notice
    assert not caplog.records


# ---- all at once


def test_whatever_a_person_does_while_it_plays_each_frame_is_of_one_run(player: Player, cluster: Cluster, fork: Cluster):
    chance, screen, interval = Random(5), Kept(), sys.getswitchinterval()
    player.attach(screen)
    player.set_speed(2)
    intents = [
        *({"do": what} for what in ("play", "play", "back", "step", "now", "alone", "dismiss", "fork", "give-up", "heal")),
        *({"do": "go", "at_ms": at_ms} for at_ms in (0, 300, 900, 1_400, 10**6)),
        *({"do": "choose", "run": number} for number in (1, 2, 1, 2)),
        {"do": "why", "what": "leader"},
        {"do": "isolate", "server": "S2"},
    ]
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(300):
            player.take(chance.choice(intents))
            assert "Error" not in player.notice, player.notice
            if chance.random() < 0.1:
                player.pause()
                stopped = cluster.now_ms, fork.now_ms
                time.sleep(0.002)
                assert stopped == (cluster.now_ms, fork.now_ms)
            elif chance.random() < 0.1:
                player.compare(fork)
    finally:
        sys.setswitchinterval(interval)
    player.pause()
    player.give_up()
    player._paint()
    check_frames(screen.frames, {branch.number: branch.run for branch in player.head.branches})
    for run in (cluster, fork):
        again = Cluster.from_scenario(run.scenario)
        again.run_to(run.now_ms)
        assert again.trace.to_bytes() == run.trace.to_bytes()


def test_known_violations_do_not_stop_time_again():
    broken = next(mutant for mutant in MUTANTS if mutant.property == "Leader Completeness").play()
    with Lab(broken) as lab:
        assert not lab.playing
        lab.speed = 10
        began_ms = broken.now_ms
        lab.play()
        wait_until(lambda: broken.now_ms > began_ms + 3 * PORTION_MS)


def test_who_goes_back_before_a_violation_and_plays_is_stopped_by_it_again():
    broken = next(mutant for mutant in MUTANTS if mutant.property == "Leader Completeness").play()
    first = broken.violations[0]
    with Lab(broken) as lab:
        lab.speed = 10
        for _ in range(3):
            lab._player.take({"do": "go", "at_ms": first.at_ms - 0.01})
            assert lab.notice == ""
            lab.play()
            wait_until(lambda: not lab.playing)
            assert lab.notice == f"{first.property} is broken: {first.sentence}"
            lab.play()
            wait_until(lambda: lab._player.head.shown_ms > first.at_ms + 3 * PORTION_MS or not lab.playing)
