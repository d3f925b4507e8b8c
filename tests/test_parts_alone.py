"""A part that is shown alone in a cell: it follows its run while somebody may see it, and holds neither thread nor run after that."""

import gc
import weakref

import pytest

from raftcore import Cluster
from widgets import LogGrid, Ring, cells
from widgets.player import Player, _players
from widgets.player_bar import PlayerBar


def led(seed: int) -> Cluster:
    cluster = Cluster(size=3, seed=seed)
    cluster.run_for(1_000)
    return cluster


def opens(part: Ring) -> None:
    part._handle_custom_msg({"do": "open_view"}, [])


def closes(part: Ring) -> None:
    part._handle_custom_msg({"do": "close_view"}, [])


@pytest.fixture
def executing(monkeypatch: pytest.MonkeyPatch):
    """Lets the code that follows be an execution of a cell."""

    def execute(cell: str | None, execution: str) -> None:
        monkeypatch.setattr(cells, "this_execution", lambda: (cell, execution))

    monkeypatch.setattr(cells, "has_kernel", lambda: True)
    return execute


def test_outside_a_notebook_parts_of_another_run_let_go_of_the_one_before():
    runs, threads = [], []
    for seed in range(15):
        cluster = led(seed)
        runs.append(weakref.ref(cluster))
        parts = [Ring(cluster), LogGrid(cluster)]
        threads.append(Player.of(cluster)._thread)
        assert all(part._player is Player.of(cluster) for part in parts)
        del cluster, parts
    gc.collect()
    assert [run() is not None for run in runs] == [False] * 14 + [True]
    assert [thread.is_alive() for thread in threads] == [False] * 14 + [True]


def test_a_cell_that_runs_again_lets_go_of_what_it_showed_and_no_other_cell_does(executing):
    first, second, other = led(1), led(2), led(3)
    executing("cell 1", "execution 1")
    old, beside = Ring(first), LogGrid(second)
    executing("cell 2", "execution 2")
    elsewhere = Ring(other)
    assert {first, second, other} <= _players.keys()
    executing("cell 1", "execution 3")
    Ring(led(4))
    assert (old._player, beside._player) == (None, None)
    assert elsewhere._player is Player.of(other)
    assert not {first, second} & _players.keys()
    assert old.state["servers"], "the last picture stays"
    old._handle_custom_msg({"do": "crash", "server": "S1"}, [])
    assert first.scenario.actions == ()


def test_a_part_that_is_shown_anew_on_the_same_run_leaves_no_screen_behind(executing):
    cluster = led(1)
    executing("cell 1", "execution 1")
    Ring(cluster)
    player = Player.of(cluster)
    for number in range(2, 12):
        executing("cell 1", f"execution {number}")
        latest = Ring(cluster)
    assert Player.of(cluster) is player
    assert player.head.main.screens == [latest]


def test_where_the_front_end_does_not_say_which_cell_runs_nothing_is_taken_away(executing):
    executing(None, "execution 1")
    one, other = Ring(led(1)), Ring(led(2))
    assert one._player
    assert other._player


def test_who_closes_the_last_view_ends_the_player_and_who_opens_one_sees_the_run_as_it_is_by_then(executing):
    executing("cell 1", "execution 1")
    cluster = led(1)
    ring, bar = Ring(cluster), PlayerBar(cluster)
    thread = Player.of(cluster)._thread
    for part in (ring, bar):
        opens(part)
    closes(ring)
    assert thread.is_alive(), "the bar is still seen"
    closes(bar)
    assert not thread.is_alive()
    assert cluster not in _players

    cluster.crash("S1")
    opens(ring)
    assert [server["alive"] for server in ring.state["servers"]] == [False, True, True]
    ring._handle_custom_msg({"do": "restart", "server": "S1"}, [])
    assert cluster.view.servers["S1"].alive

    closes(ring)
    known = weakref.ref(cluster)
    del cluster
    gc.collect()
    assert known() is None
    opens(ring)
    assert ring.state["servers"], "the last picture stays"


def test_a_part_that_is_closed_is_fed_no_more():
    cluster = led(1)
    ring = Ring(cluster)
    thread = Player.of(cluster)._thread
    ring.close()
    ring.close()
    assert not thread.is_alive()
