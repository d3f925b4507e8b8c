"""The table of the stores: what is shown and marked, and what finding its keys costs."""

from collections import UserDict

from immutables import Map
from views import cluster_view, server, split_brain

from raftcore import Cluster
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import Applied, Crashed, Restarted, SnapshotInstalled
from widgets import still
from widgets.frame import Frame, changed_keys
from widgets.kv_table import MOST_ROWS, KvTable
from widgets.player import Player

NOTHING = frozenset[str]()


def keys_of(table: KvTable) -> list[str]:
    return [row["key"] for row in table.state["rows"]]


class Counted(UserDict[str, str]):
    """A store that counts how often any is gone through from beginning to end."""

    walks = 0

    def __iter__(self):
        Counted.walks += 1
        return super().__iter__()


def test_a_value_that_differs_from_the_leaders_is_marked():
    rows = {row["key"]: row for row in KvTable().draw(Frame(view=split_brain()))["rows"]}

    assert rows["x"]["differs"] == [False] * 5
    assert rows["y"]["differs"] == [True, True, False, False, True]
    assert rows["y"]["cells"] == [None, None, 0, 0, None]


def test_rows_are_sorted_bounded_and_filtered():
    store = Map({f"key{n:04}": "v" * 1_000 for n in range(2_000)})
    table = KvTable()
    table.show(Frame(view=cluster_view(server("S1", kv_store=store))))
    assert [row["key"] for row in table.state["rows"]] == [f"key{n:04}" for n in range(MOST_ROWS)]
    assert table.state["more"] == 2_000 - MOST_ROWS
    assert len(str(table.state)) < 20_000

    table._handle_custom_msg({"do": "filter", "text": "199"}, [])
    assert [row["key"] for row in table.state["rows"]] == ["key0199", "key1199", *(f"key199{n}" for n in range(10))]


def test_a_store_is_not_gone_through_for_a_key_that_changed(monkeypatch):
    monkeypatch.setattr(Counted, "walks", 0)
    table = KvTable()
    table.show(Frame(view=cluster_view(server("S1", kv_store=Counted({"b": "1"})), server("S2", kv_store=Counted())), number=1))
    assert Counted.walks > 0

    monkeypatch.setattr(Counted, "walks", 0)
    changed = cluster_view(server("S1", kv_store=Counted({"a": "1", "b": "2"})), server("S2", kv_store=Counted({"c": "1"})))
    table.show(Frame(view=changed, number=2, changed_keys=frozenset({"a", "b", "c"})))
    assert keys_of(table) == ["a", "b", "c"]

    emptier = cluster_view(server("S1", kv_store=Counted({"b": "2"})), server("S2", kv_store=Counted({"c": "1"})))
    table.show(Frame(view=emptier, number=3, changed_keys=frozenset({"a"})))
    assert keys_of(table) == ["b", "c"]
    assert Counted.walks == 0


def test_rows_are_not_made_again_while_nothing_changed():
    table, view = KvTable(), split_brain()
    rows = table.draw(Frame(view=view, number=1))["rows"]
    assert table.draw(Frame(view=view, number=2, changed_keys=NOTHING))["rows"] is rows


def test_a_key_that_comes_a_frame_before_it_is_announced_is_not_missed():
    table, later = KvTable(), cluster_view(server("S1", kv_store=Map({"x": "1"})))
    table.show(Frame(view=cluster_view(server("S1")), number=1))
    table.show(Frame(view=later, number=2, changed_keys=NOTHING))  # the view was taken a moment after the events
    table.show(Frame(view=later, number=3, changed_keys=frozenset({"x"})))

    assert keys_of(table) == ["x"]


def test_a_missed_frame_a_lost_store_and_a_new_filter_let_the_keys_be_sought_anew():
    def view(*keys: str) -> ClusterView:
        return cluster_view(server("S1", kv_store=Map(dict.fromkeys(keys, "1"))))

    table = KvTable()
    table.show(Frame(view=view("a"), number=1))
    table.show(Frame(view=view("a", "b", "cc"), number=3, changed_keys=frozenset({"cc"})))
    assert keys_of(table) == ["a", "b", "cc"]
    table.show(Frame(view=view("a", "cc"), number=4, changed_keys=None))
    assert keys_of(table) == ["a", "cc"]

    table._handle_custom_msg({"do": "filter", "text": "c"}, [])
    assert keys_of(table) == ["cc"]
    table.show(Frame(view=view("ac", "cc", "d"), number=5, changed_keys=frozenset({"ac", "d"})))
    assert keys_of(table) == ["ac", "cc"]


def test_what_replaces_a_store_is_known_from_the_events():
    applied = [Applied(1.0, "S1", 1, None, None), Applied(1.0, "S1", 2, "x", "1"), Applied(2.0, "S2", 3, "y", None)]
    assert changed_keys(applied) == {"x", "y"}
    for event in (Crashed(3.0, "S1"), Restarted(3.0, "S1", 1, None, 0, ()), SnapshotInstalled(3.0, "S1", 5, 1, True, b"")):
        assert changed_keys([*applied, event]) is None


def test_a_player_tells_every_key_that_changed_however_much_happened():
    cluster, table = Cluster(3, seed=5), KvTable()
    player = Player.of(cluster)
    try:
        cluster.run_for(1_000)
        player.attach(table)
        for number in range(60):
            cluster.client("C1").set(f"k{number:02}", "1")
        cluster.client("C1").delete("k07")
        cluster.run_for(500)
        player._paint()
        assert keys_of(table) == [f"k{number:02}" for number in range(60) if number != 7][:MOST_ROWS]
        assert table.state["more"] == 59 - MOST_ROWS
    finally:
        player.close()


def test_a_still_picture_of_large_stores_shows_some_of_the_keys():
    store = Map({f"key{number:05}": "v" for number in range(still.SOUGHT + 500)})
    svg = still.kv_still(cluster_view(server("S1", kv_store=store), server("S2")))

    assert svg.count(">key") == still.ROWS + 1  # and the heading
    assert f"+ {still.SOUGHT + 500 - still.ROWS:,} more keys" in svg
