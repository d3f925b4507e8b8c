"""The logs where they are compacted, and what else stands in them: blocks, configurations, sessions, and how a leader sends."""

from immutables import Map
from msgspec.structs import replace
from views import cluster_view, long_view, server

from raftcore import Cluster
from raftcore.checks.violation import Violation
from raftcore.hunting.mutants import MUTANTS
from raftcore.trace.view import ClusterView, ProgressView, ServerView, SnapshotView
from raftcore.vocabulary.commands import OpenSession, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import Committed, EntriesAppended, Synced
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import FollowerState, Role
from widgets.checking import Broken, Checked, Checking
from widgets.frame import Frame
from widgets.log_grid import COLUMNS, LogGrid, evidence


def compacted(one: ServerView, index: int, term: int = 1) -> ServerView:
    """The server after it took a snapshot of 12 kB that holds two keys and a session."""
    snapshot = SnapshotView(index, term, 12_345, Map({"x": "1", "y": "2"}), Map({3: "C1"}))
    return replace(one, log=one.log.compact(index, term), snapshots=(snapshot,), last_applied=index, commit_index=index)


def drawn(view: ClusterView) -> dict:
    return LogGrid().draw(Frame(view=view))


def terms(*numbers: int) -> tuple[Entry, ...]:
    return tuple(map(Entry, numbers))


def test_a_snapshot_is_a_block_with_its_index_term_and_size():
    view = cluster_view(compacted(server("S1", 4, Role.LEADER, terms(1, 1, 4)), 2), server("S2", 4, entries=terms(1, 1, 4)))
    [first, second] = drawn(view)["servers"]

    block = first["snapshot"]
    assert (block["index"], block["term"], block["size"]) == (2, 1, "12 kB")
    assert block["said"].startswith("S1's snapshot to 2, term 1: 12 kB, 2 keys, 1 session.")
    assert block["said"].endswith("(§7).")
    assert second["snapshot"] is None


def test_logs_that_begin_at_different_indexes_line_up_by_index():
    view = cluster_view(compacted(server("S1", entries=terms(1, 2, 3, 4)), 3, 3), server("S2", entries=terms(1, 2, 3, 4)))
    picture = drawn(view)
    held = {
        row["id"]: {index: picture["entries"][number][0] for index, number in enumerate(row["cells"], row["from"])}
        for row in picture["servers"]
    }
    assert (picture["begin"], picture["first"]) == (1, 1)
    assert held == {"S1": {4: 4}, "S2": {1: 1, 2: 2, 3: 3, 4: 4}}


def test_nobody_looks_back_beyond_the_first_entry_that_any_server_has():
    view = long_view(400)
    short_logs = cluster_view(*(compacted(one, index) for one, index in zip(view.servers.values(), (390, 380), strict=True)))
    grid = LogGrid()
    grid.show(Frame(view=short_logs))
    grid._handle_custom_msg({"do": "window", "from": 5}, [])

    assert (grid.state["begin"], grid.state["first"], grid.state["last"]) == (381, 381, 401)
    assert [row["from"] for row in grid.state["servers"]] == [391, 381]


def test_where_everything_is_compacted_the_next_index_is_still_there():
    picture = drawn(cluster_view(*(compacted(server(name, entries=terms(1, 1, 1)), 3) for name in ("S1", "S2"))))
    assert (picture["first"], picture["last"], picture["end"]) == (4, 4, 3)
    assert [row["cells"] for row in picture["servers"]] == [[], []]


def test_a_server_that_was_just_created_does_not_pull_the_window_back():
    picture = drawn(cluster_view(compacted(server("S1", entries=terms(*[1] * 100)), 90), server("S2")))
    assert (picture["begin"], picture["last"]) == (91, 101)
    assert picture["servers"][1]["cells"] == []


def test_configurations_and_sessions_have_their_own_look_and_section():
    entries = (Entry(1), Entry(1, Configuration(("S1",), ("S1", "S2"))), Entry(1, OpenSession(), "C1", 0), Entry(1, Set("x", "1")))
    picture = drawn(cluster_view(server("S1", entries=entries)))

    assert [entry[3] for entry in picture["entries"]] == ["", "configuration", "session", ""]
    assert [("§6" in entry[2], "thesis 6.3" in entry[2]) for entry in picture["entries"]][1:3] == [(True, False), (False, True)]


def test_how_a_leader_sends_to_each_follower_is_said_with_its_section():
    progress = Map({f"S{place}": ProgressView(5, 1, state) for place, state in enumerate(FollowerState, 2)})
    leader = server("S1", 2, Role.LEADER, leader="S1", progress=progress)
    rows = drawn(cluster_view(leader, *(server(f"S{place}", 2) for place in (2, 3, 4))))["servers"]

    assert [row["sending"] for row in rows] == ["", "probe", "replicate", "snapshot"]
    assert all(row["sent"].startswith("S1 sends ") and row["sent"].endswith(").") for row in rows[1:])


def test_the_entries_that_show_a_violation_are_marked_with_its_name():
    cluster = next(one for one in MUTANTS if one.name == "Old terms are counted").play()  # Figure 8: S1 commits what S5 then overwrites
    trace, checking = cluster.trace, Checking(cluster)

    def marked(position: int) -> dict:
        return LogGrid().draw(Frame(view=trace.view_after(position), checked=checking.at(position, still=True)))["evidence"]

    first = cluster.violations[0]
    assert (first.property, type(trace[first.evidence[0]])) == ("Commit Only Own Term", EntriesAppended)
    everything = {
        "S1": {"2": ["Commit Only Own Term", "Leader Completeness", "State Machine Safety"]},
        "S5": {"2": ["State Machine Safety"]},
    }
    assert marked(len(trace)) == everything
    assert marked(first.evidence[0] + 1) == everything, "who looks back sees what is spoken of, too"
    assert marked(first.evidence[0]) == {}


def test_of_what_shows_a_violation_only_the_window_is_marked_and_each_law_once():
    long = EntriesAppended(1.0, "S1", 1, terms(*[1] * 500))
    events = (long, Synced(2.0, "S2", 1, "S2", 100), Committed(3.0, "S1", 101), Committed(3.0, "S3", 99))
    violation = Violation("Log Matching", 3.0, "S1 and S3 differ", ("S1", "S3"), tuple(range(len(events))))
    checked = Checked(position=len(events), firsts=(Broken(violation, tuple(enumerate(events))),))

    assert evidence(checked, 100, 102) == {"S1": {str(index): ["Log Matching"] for index in (100, 101, 102)}}


def test_a_run_that_compacts_again_and_again_is_drawn_at_every_moment():
    cluster = Cluster(3, seed=5)
    cluster.run_for(1_000)
    for number in range(40):
        cluster.client("C1").set(f"k{number}", "v")
        if number % 7 == 6:
            cluster.take_snapshot(f"S{number % 3 + 1}")
        picture = drawn(cluster.view)
        assert picture["begin"] <= picture["first"] <= picture["last"] <= picture["first"] + COLUMNS - 1
        for row in picture["servers"]:
            log = cluster.view.servers[row["id"]].log
            assert len(row["cells"]) == log.last_index - row["from"] + 1
