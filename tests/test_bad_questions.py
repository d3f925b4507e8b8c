"""What can't be asked of a run, a file, an explanation, a figure or a lab gets a sentence; numbers are numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_bad_input import Unspeakable

from raftcore import Cluster, diff
from raftcore.checks.explain import why_no_leader, why_not_committed, why_pending
from raftcore.checks.history_files import read_edn, read_jepsen, read_kv
from raftcore.hunting.explore import explore
from raftcore.hunting.small_world import World
from raftcore.statemachine.language import show_command
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.errors import RaftLabError
from widgets import Replay, Walking, figures
from widgets.player import Player


@pytest.fixture(scope="module")
def run() -> Cluster:
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(600)
    return cluster


WRITERS = ("save", "to_html", "to_edn", "to_shiviz", "to_csv", "save_tables", "stream_to")


@pytest.mark.parametrize("path", [5, None, Unspeakable(), b"bytes", "x\0", "\ud800", np.array([1, 2])], ids=lambda it: type(it).__name__)
def test_what_is_no_path_gets_a_sentence(run: Cluster, path: object) -> None:
    calls = [*(getattr(run.recording, name) for name in WRITERS), run.scenario.save, read_edn, read_kv, read_jepsen]
    for call in calls:
        with pytest.raises(RaftLabError, match="is no path"):
            call(path)


def test_a_stream_to_a_folder_is_refused_before_it_begins(run: Cluster, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        run.recording.stream_to(tmp_path)
    assert not list(tmp_path.parent.glob("*.part"))


QUESTIONS: list[tuple[Callable[[Cluster], object], str]] = [
    (lambda c: diff(c, c, "1"), "since='1' is no number of events"),
    (lambda c: diff(c, c, -1), "since=-1 is no number of events"),
    (lambda c: c.scenario.until(np.array([])), "is no moment of a run"),
    (lambda _: show_command("SET x 1"), "'SET x 1' is no command"),
    (lambda _: show_command(Set("x", 1)), "1 is no text"),
    (lambda c: why_not_committed(c.view, 1, {}), "there is no server {}"),
    (lambda c: why_not_committed(c.view, Unspeakable()), "is no place in a log"),
    (lambda c: why_pending(c.view, "x" * 10_000), "is no operation under way"),
    (lambda _: why_no_leader(Unspeakable()), "is no view"),
    (lambda _: Cluster(size=3, checks=Unspeakable()), "must be True, False"),
    (lambda c: figures.log_grid(c, from_index=object()), "is no place in a log"),
    (lambda c: figures.log_grid(c, from_index=np.array([])), "is no place in a log"),
    (lambda c: figures.log_grid(c, from_index=1.5), "from_index=1.5 is no place in a log"),
    (lambda c: figures.space_time(c, 0, 300, highlight=np.array([])), "no message array"),
    (lambda c: figures.space_time(c, 0, 300, highlight=True), "no message True flies"),
    (lambda c: figures.space_time(c, 0, 300, highlight="x" * 10_000), "no message 'xxx"),
    (lambda c: figures.space_time(c, 10**400, 10**400), "a window from inf to 600 ms has no room"),
    (lambda _: figures.history_figure(np.array(3)), "is no history"),
    (lambda _: figures.timeline(Unspeakable()), "is no run"),
    (lambda _: Replay(Unspeakable()), "can't be replayed"),
    (lambda _: Walking(Unspeakable()), "is no walk"),
]


@pytest.mark.parametrize("ask, said", QUESTIONS, ids=[said for _, said in QUESTIONS])
def test_a_question_that_has_no_answer_gets_a_short_sentence(run: Cluster, ask: Callable[[Cluster], object], said: str) -> None:
    with pytest.raises(RaftLabError, match=said) as refused:
        ask(run)
    assert len(str(refused.value)) < 400


SAID: list[tuple[dict[str, object], str]] = [
    ({"do": "clock_rate", "server": "S1"}, "rate=None must be a number"),
    ({"do": "speed"}, "speed=None must be a number"),
    ({"do": "go"}, "at_ms=None is no moment"),
    ({"do": "go", "position": "x" * 10_000}, "there is no event 'xxx"),
    ({"do": "choose", "run": True}, "this lab has no run True"),
    ({"do": "partition", "groups": 5}, "groups must be a list, and is 5"),
    ({"do": "membership", "become": "voter"}, "servers must be a list, and is None"),
    ({"do": "link", "source": "S1", "target": "S2", "delay_ms": 3}, "delay_ms must be a list, and is 3"),
    ({"do": "why", "what": "entry", "server": "S1"}, "index=None is no place in a log"),
    ({"do": "why", "what": ["entry"]}, "no question about"),
    ({"do": "x" * 10_000}, "the lab knows no control 'xxx"),
]


@pytest.mark.parametrize("intent, said", SAID, ids=[said for _, said in SAID])
def test_what_a_browser_leaves_out_gets_a_short_sentence(intent: dict[str, object], said: str) -> None:
    player = Player.of(Cluster(size=3, seed=1))
    player.take(intent)
    assert said in player.notice
    assert len(player.notice) < 400
    player.close()


def test_a_window_without_an_end_ends_with_the_run(run: Cluster) -> None:
    whole = figures.space_time(run, 0, run.now_ms)
    for end in (10**400, float("inf")):
        assert figures.space_time(run, 0, end) == whole


def test_numbers_of_numpy_are_numbers_in_questions_too(run: Cluster) -> None:
    for number in range(1, 201):
        run.submit(f"C{number}", "SET x 1")
    run.run_for(2_000)
    longest = max(server.log.last_index for server in run.view.servers.values())
    assert longest > 255  # the largest of the kind of number below
    assert why_not_committed(run.view, np.uint8(255)) == why_not_committed(run.view, 255)
    assert figures.log_grid(run, from_index=np.uint8(255)) == figures.log_grid(run, from_index=255)
    assert figures.space_time(run, 0, 300, np.int64(1)) == figures.space_time(run, 0, 300, 1)
    assert explore(World(terms=1, commands=0), limit=np.uint8(200)).unique > 0
