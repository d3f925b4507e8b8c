"""A small world in a notebook: a person chooses what happens next, and sees it."""

import time
from pathlib import Path

import pytest

from raftcore import Cluster
from raftcore.hunting.explore import explore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.vocabulary.errors import ConfigError, ControlError
from widgets import Replay, Walking, walking
from widgets.branch import Branch
from widgets.forking import Forking
from widgets.ring import Ring
from widgets.share import save, text

ANY_VOTE, UNSAVED = (next(mutant.rules for mutant in MUTANTS if mutant.number == number) for number in ("10", "2"))


@pytest.fixture
def screen() -> Walking:
    return Walking(Walk(World(crashes=1)))


def ask(screen: Walking, **intent: object) -> None:
    screen._choices._absorb(None, intent, None)


def test_a_person_chooses_and_takes_back(screen: Walking) -> None:
    choices = screen._choices.state
    assert choices["choices"][0] == "S1 times out"
    ask(screen, do="choose", index=0)
    assert screen.walk.view.servers["S1"].current_term == 1
    assert screen._choices.state["said"] == ["S1 times out"]
    assert screen._choices.state["path"] == "[0]"
    ring = screen._parts[0]
    assert ring._latest is not None
    assert ring._latest.view == screen.walk.view
    ask(screen, do="back")
    assert screen._choices.state == choices
    assert ring._latest.view.servers["S1"].current_term == 0


def test_the_ring_offers_what_can_be_chosen_in_a_small_world_and_no_more(screen: Walking) -> None:
    ring = screen._parts[0]
    assert ring.state["only"] == ["time_out", "crash", "restart"]
    for intent in ring.state["only"]:
        ask(screen, do=intent, server="S1")
        assert "only what stands in the list" not in screen.notice
    assert Ring(Cluster(3)).state["only"] is None


def test_the_ring_chooses_too_where_the_world_allows_it(screen: Walking) -> None:
    ring = screen._parts[0]
    ring._absorb(None, {"do": "crash", "server": "S2"}, None)
    assert not screen.walk.view.servers["S2"].alive
    ring._absorb(None, {"do": "crash", "server": "S3"}, None)
    assert "it can't be that S3 crashes now" in screen.notice
    ring._absorb(None, {"do": "restart", "server": "S2"}, None)
    assert screen.walk.view.servers["S2"].alive
    assert screen.notice == ""


def disks(ring: Ring) -> list[list[str]]:
    return [server["disk"]["said"] for server in ring.state["servers"]]


def test_what_a_disk_has_not_synced_stays_behind_when_its_server_goes_down() -> None:
    screen = Walking(Walk(World(commands=0, crashes=1, slow_disks=True)))
    ring, logs, _ = screen._parts
    ring._absorb(None, {"do": "time_out", "server": "S1"}, None)
    assert screen._choices.state["choices"][0] == "S1's disk syncs"
    assert disks(ring) == [["has not synced"], [], []]
    ask(screen, do="choose", index=0)
    assert disks(ring) == [[], [], []]
    assert screen._choices.state["said"] == ["S1 times out", "S1's disk syncs"]
    ring._absorb(None, {"do": "time_out", "server": "S1"}, None)
    assert screen.walk.view.servers["S1"].current_term == 2
    ring._absorb(None, {"do": "crash", "server": "S1"}, None)
    assert disks(ring) == [[], [], []]
    ring._absorb(None, {"do": "restart", "server": "S1"}, None)
    assert logs.state["servers"][0]["term"] == 1


@pytest.mark.parametrize(
    "intent, sentence",
    [
        ({"do": "choose", "index": 99}, "there is no choice 99"),
        ({"do": "choose", "index": "<script>"}, "there is no choice '<script>'"),
        ({"do": "back"}, "nothing was chosen yet"),
        ({"do": "heal"}, "only what stands in the list can happen"),
    ],
)
def test_what_cannot_be_chosen_is_said(screen: Walking, intent: dict[str, object], sentence: str) -> None:
    ask(screen, **intent)
    assert sentence in screen.notice
    assert screen._choices.state["notice"] == screen.notice
    assert screen.walk.path == ()


def test_a_violation_is_shown_where_it_happens() -> None:
    world = World(rules=ANY_VOTE, commands=0)
    screen = Walking(explore(world).walk())
    assert screen._choices.state["violation"].startswith("Election Safety is broken: S1 and S2")
    ask(screen, do="back")
    assert screen._choices.state["violation"] == ""


def test_the_browser_hears_from_it_as_long_as_somebody_looks(screen: Walking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "BEAT_S", 0.01)
    ring = screen._parts[0]
    ring._absorb(None, {"do": "open_view"}, None)
    deadline = time.monotonic() + 5
    while ring.beat < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ring.beat >= 2
    ring._absorb(None, {"do": "close_view"}, None)
    assert screen._rest.is_set()


def test_a_walk_is_replayed_in_the_lab_and_cannot_be_forked() -> None:
    walk = explore(World(rules=ANY_VOTE, commands=0)).walk()
    with Replay(walk) as lab:
        assert lab.run is walk
    with pytest.raises(ControlError, match="no cluster can go on from it"):
        Forking(Branch(1, walk), 10.0)


@pytest.mark.parametrize(
    "world",
    [World(rules=ANY_VOTE, commands=0), World(rules=UNSAVED, commands=0, terms=1, crashes=1, slow_disks=True)],
    ids=["rule", "server"],
)
def test_a_walk_is_copied_as_code(world: World) -> None:
    walk = explore(world).walk()
    names: dict[str, Walk] = {}
    exec(text(walk, walk.now_ms, "code"), names)
    assert names["walk"].trace.to_bytes() == walk.trace.to_bytes()
    assert names["walk"].violation == walk.violation


def test_a_walk_is_not_saved_as_a_scenario_that_would_not_repeat_it(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no file holds it; copy it as code instead"):
        save(Walk(World()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_a_walk_is_gone() -> None:
    with pytest.raises(ConfigError, match="is no walk"):
        Walking("x")  # type: ignore[arg-type]
