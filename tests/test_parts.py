"""What the parts of the screen draw, on views built by hand: facts, bounds, and that text stays text."""

import re
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from immutables import Map
from msgspec.structs import replace
from views import CUT, cluster_view, long_view, server, split_brain

from raftcore import Cluster
from raftcore.trace.log_view import LogView
from raftcore.trace.view import ClusterView, OperationView, ProgressView
from raftcore.vocabulary.commands import Cas, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import AnyEvent, Completed, MessageDropped, MessageSent, RoleChanged, Synced, TimerSet, VoteDenied
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, Entry, RequestVoteReply
from raftcore.vocabulary.names import FollowerState, Reason, Role
from widgets import still
from widgets.checks_strip import ChecksStrip
from widgets.command_bar import CommandBar
from widgets.event_feed import EVERY, LINES_OF_A_KIND, EventFeed
from widgets.frame import Frame
from widgets.kv_table import KvTable
from widgets.log_grid import COLUMNS, LogGrid
from widgets.part import Part
from widgets.player_bar import PlayerBar
from widgets.ring import MOST_FLIGHTS, Ring
from widgets.sessions import Sessions
from widgets.status_line import StatusLine, say
from widgets.words import LINES, line

SCRIPT = "<script>alert(1)</script>"
PARTS = [PlayerBar, Ring, LogGrid, KvTable, CommandBar, StatusLine, EventFeed, ChecksStrip]


def sent(number: int, source: str, target: str, message: object, at_ms: float = 990.0) -> MessageSent:
    return MessageSent(at_ms, number, source, target, message, at_ms + 20)


HEARTBEAT = AppendEntries(3, "S4", 5, 3, (), 5)


# ---- every part


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_has_a_script_that_fetches_nothing(kind):
    assert kind._esm.count("export default") == 1
    assert "import " not in kind._esm
    assert "innerHTML" not in kind._esm
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", kind._esm + kind._css)


def test_show_sends_the_picture_only_when_it_differs():
    bar, changes = PlayerBar(), []
    bar.observe(changes.append, names=["state", "beat"])
    frame = Frame(view=split_brain())
    bar.show(frame)
    bar.show(frame)
    bar.show(replace(frame, beat=1))

    assert [change["name"] for change in changes] == ["state", "beat"]


@pytest.mark.parametrize("content", [None, "crash", [], {}, {"do": 3}, {"server": "S1"}])
def test_nonsense_from_the_browser_goes_nowhere(content):
    ring, heard = Ring(), []
    ring.on_intent(heard.append)
    ring._handle_custom_msg(content, [])

    assert heard == []


def test_an_intent_reaches_every_callback():
    ring, heard = Ring(), []
    ring.on_intent(heard.append)
    ring.on_intent(heard.append)
    ring._handle_custom_msg({"do": "crash", "server": "S1"}, [])

    assert heard == [{"do": "crash", "server": "S1"}] * 2


def test_a_part_lays_a_still_picture_into_the_notebook_right_before_itself(monkeypatch):
    laid: list[dict] = []
    for module in ("widgets.kept", "widgets.part"):
        monkeypatch.setattr(f"{module}.display", lambda data, **_: laid.append(data))
    ring, sessions = Ring(), Sessions()
    for part in (ring, sessions):
        part.show(Frame(view=split_brain()))
        part._ipython_display_()

    still, live, other = laid  # sessions last for moments, and have no still picture
    assert still["image/svg+xml"].startswith("<svg")
    assert still["text/plain"] == "Ring at 1,000 ms"
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == ring.model_id
    assert other["application/vnd.jupyter.widget-view+json"]["model_id"] == sessions.model_id


# ---- the ring


def draw_ring(view: ClusterView, *events: AnyEvent) -> dict:
    return Ring().draw(Frame(view=view, events=events))


def test_a_candidate_shows_what_became_of_each_vote():
    candidate = server("S1", 4, Role.CANDIDATE, votes=("S1", "S2"))
    flying = [
        sent(1, "S3", "S1", RequestVoteReply(4, "S3", vote_granted=True)),
        sent(2, "S4", "S1", RequestVoteReply(4, "S4", vote_granted=False)),
        sent(3, "S5", "S1", RequestVoteReply(3, "S5", vote_granted=True)),  # of an older term: counts for nothing
    ]
    view = cluster_view(candidate, *(server(f"S{n}", 4) for n in (2, 3, 4, 5)), messages=Map({one.id: one for one in flying}))
    votes = {vote["peer"]: vote["state"] for vote in draw_ring(view)["servers"][0]["votes"]}

    assert votes == {"S2": "held", "S3": "flying", "S4": "none", "S5": "none"}


def test_a_leader_and_a_crashed_server_show_no_election_timer():
    view = cluster_view(
        server("S1", 2, Role.LEADER, timer_ms=(900.0, 950.0)),
        server("S2", 2, timer_ms=(900.0, 1100.0)),
        server("S3", 2, alive=False, timer_ms=(900.0, 1100.0)),
    )
    assert [one["timer"] for one in draw_ring(view)["servers"]] == [None, [900.0, 1100.0], None]


def test_only_links_that_differ_from_healthy_are_sent():
    links = {("S1", "S2"): CUT, ("S2", "S1"): Link((10.0, 20.0)), ("S1", "S3"): Link((40.0, 40.0), loss=0.3), ("C1", "S1"): CUT}
    drawn = draw_ring(replace(split_brain(), links=links))["links"]

    assert [(link["source"], link["target"], link["up"], link["said"]) for link in drawn] == [
        ("S1", "S2", False, []),
        ("S1", "S3", True, ["30 % lost", "40 ms"]),
    ]


def test_each_message_has_its_shape():
    flying = [
        sent(1, "S4", "S3", HEARTBEAT),
        sent(2, "S3", "S4", AppendEntriesReply(3, "S3", success=False, reason=Reason.LOG_GAP, prev_log_index=5)),
        sent(3, "C1", "S4", ClientRequest("C1", 1, Set("x", "1"))),
        sent(4, "S1", "C1", ClientReply("C1", 1, "S1", ok=False, reason=Reason.NOT_LEADER)),
        sent(5, "C1", "C2", ClientRequest("C1", 1, Set("x", "1"))),  # nowhere on the ring
    ]
    drawn = draw_ring(replace(split_brain(), messages=Map({one.id: one for one in flying})))["flights"]

    assert [(one["kind"], one["reply"], one["ok"], one["hollow"]) for one in drawn] == [
        ("append", False, True, True),
        ("append", True, False, False),
        ("client", False, True, False),
        ("client", True, False, False),
    ]
    assert drawn[1]["label"] == "S3 → S4: AppendEntries reply − log gap at 5"


def test_the_newest_flights_are_kept_when_they_are_too_many():
    messages = Map({number: sent(number, "S4", "S3", HEARTBEAT) for number in range(1, 1_000)})
    numbers = [one["id"] for one in draw_ring(replace(split_brain(), messages=messages))["flights"]]

    assert numbers == list(range(1_000 - MOST_FLIGHTS, 1_000))


def test_a_message_that_arrived_between_two_frames_is_still_seen():
    assert [one["id"] for one in draw_ring(split_brain(), sent(7, "S4", "S3", HEARTBEAT, at_ms=970.0))["flights"]] == [7]


def test_a_drop_knows_the_flight_that_it_was_on_and_is_forgotten_later():
    ring, flying = Ring(), sent(9, "S4", "S3", HEARTBEAT)
    view = replace(split_brain(), messages=Map({9: flying}))
    ring.draw(Frame(view=view))
    drop = MessageDropped(1_005.0, 9, "S4", "S3", HEARTBEAT, Reason.LOST)
    after = ring.draw(Frame(view=replace(view, at_ms=1_006.0, messages=Map()), events=(drop,)))
    later = ring.draw(Frame(view=replace(view, at_ms=1_500.0, messages=Map())))

    assert [(one["id"], one["sent_ms"], one["deliver_ms"], one["at_ms"]) for one in after["dropped"]] == [(9, 990.0, 1_010.0, 1_005.0)]
    assert later["dropped"] == []


# ---- the logs


def test_the_window_follows_the_end_and_stays_where_a_person_looks():
    grid = LogGrid()
    grid.show(Frame(view=long_view(400)))
    assert (grid.state["first"], grid.state["last"], grid.state["follow"]) == (401 - COLUMNS + 1, 401, True)

    grid._handle_custom_msg({"do": "window", "from": 100}, [])
    assert (grid.state["first"], grid.state["last"], grid.state["follow"]) == (100, 100 + COLUMNS - 1, False)

    grid._handle_custom_msg({"do": "window", "from": None}, [])
    assert grid.state["follow"]


@pytest.mark.parametrize("start", [-5, 0, 10**9, "7", 2.5])
def test_no_window_lies_outside_the_log(start):
    grid = LogGrid()
    grid.show(Frame(view=long_view(400)))
    grid._handle_custom_msg({"do": "window", "from": start}, [])

    assert (grid.state["first"], grid.state["last"]) == (401 - COLUMNS + 1, 401)


def test_a_picture_of_a_long_log_is_no_larger_than_that_of_a_window():
    short, long = (LogGrid().draw(Frame(view=long_view(entries))) for entries in (COLUMNS, 20_000))

    assert len(str(long)) < len(str(short)) * 1.1
    assert all(len(row["cells"]) <= COLUMNS for row in long["servers"])


def test_equal_entries_are_sent_once_and_conflicting_ones_both():
    base = (Entry(1), Entry(1, Set("x", "1")))
    view = cluster_view(server("S1", 2, entries=(*base, Entry(2))), server("S2", 2, entries=(*base, Entry(1, Cas("x", "1", "2")))))
    drawn = LogGrid().draw(Frame(view=view))

    assert [row["cells"] for row in drawn["servers"]] == [[0, 1, 2], [0, 1, 3]]
    assert [entry[:2] for entry in drawn["entries"]] == [[1, "no-op"], [1, "x=1"], [2, "no-op"], [1, "x:1→2"]]


def test_progress_is_that_of_the_leader_of_the_highest_term():
    view = split_brain()
    old = replace(view.servers["S1"], progress=Map({"S3": ProgressView(2, 1, FollowerState.PROBE)}))
    new = replace(view.servers["S4"], progress=Map({"S3": ProgressView(6, 5, FollowerState.PROBE)}))
    rows = LogGrid().draw(Frame(view=replace(view, servers={**view.servers, "S1": old, "S4": new})))["servers"]

    assert [(row["match"], row["next"]) for row in rows] == [(None, None), (None, None), (5, 6), (None, None), (None, None)]


# ---- commands and words


def test_an_outcome_is_told_with_its_command():
    pending = {"C2": OperationView("C2", 3, Set("y", "7"), 10_240.0)}
    done = (Completed(32.0, "C1", 2, Set("y", "2"), ok=True, value=None, index=5, attempts=1, latency_ms=31.0),)
    drawn = CommandBar().draw(Frame(view=replace(split_brain(), at_ms=12_340.0, pending=pending, completed=done)))

    assert drawn["outcomes"] == [{"text": "C1 set y=2 → ok, index 5, 31 ms", "ok": True}]
    assert drawn["pending"] == [{"client": "C2", "text": "C2 set y=7 → waiting, 2.1 s"}]


def test_every_event_has_its_words():
    assert set(LINES) == set(get_args(AnyEvent))


def test_a_run_with_faults_can_be_told():
    cluster = Cluster(size=3, seed=3)
    cluster.run_for(1_000)
    cluster.client("C1").set("x", "1")
    cluster.link("S1", "S2", loss=0.5)
    cluster.crash("S1")
    cluster.run_for(1_000)
    cluster.restart("S1")
    cluster.heal()
    cluster.run_for(1_000)

    told = [line(event) for event in cluster.trace]
    assert all(told)
    assert {"S1 crashed: its machine lost power", "you: heal every link"} < set(told)


def test_a_refused_vote_says_why():
    assert line(VoteDenied(1.0, "S2", "S3", 3, Reason.LOG_BEHIND)) == "S2 refuses its vote to S3: log behind"


def test_a_sync_tells_of_the_vote_that_it_saved():
    assert line(Synced(1.0, "S1", 1, "S2", 0)) == "S1 synced its disk up to 0, with its vote of term 1 for S2"
    assert line(Synced(1.0, "S1", 1, None, 4)) == "S1 synced its disk up to 4"


def test_the_feed_is_bounded_newest_first_and_heartbeats_drown_no_election():
    feed = EventFeed()
    feed.show(Frame(view=split_brain(), events=(RoleChanged(1.0, "S4", Role.LEADER, 3), TimerSet(1.0, "S4", 50.0)), position=2))
    beats = tuple(sent(number, "S4", "S3", HEARTBEAT) for number in range(500))
    feed.show(Frame(view=split_brain(), events=beats, position=502))
    lines = feed.state["lines"]

    assert len(lines) == LINES_OF_A_KIND + 1
    assert lines[-1]["text"] == "S4 is leader of term 3"
    assert [one["n"] for one in lines] == sorted((one["n"] for one in lines), reverse=True)
    assert lines[0]["who"] == ["S4", "S3"]
    assert (lines[0]["n"], lines[-1]["n"]) == (501, 0)  # each event's position in the trace


def test_after_a_leap_the_feed_tells_of_the_past_of_that_moment_only():
    feed = EventFeed()
    feed.show(Frame(view=split_brain(), events=(sent(1, "S4", "S3", HEARTBEAT),), position=900, jump=1))
    feed.show(Frame(view=split_brain(), events=(RoleChanged(1.0, "S4", Role.LEADER, 3),), position=5, jump=2))

    assert [one["n"] for one in feed.state["lines"]] == [4]


def test_while_time_passes_the_feed_is_sent_now_and_then_and_misses_nothing():
    feed = EventFeed()
    sizes = []
    for number in range(1, 2 * EVERY + 2):
        events = (sent(number, "S4", "S3", HEARTBEAT),)
        playing = number <= 2 * EVERY
        feed.show(Frame(view=split_brain(), events=events, position=number, number=number, playing=playing))
        sizes.append(len(feed.state["lines"]))

    assert sizes == [1, *[1] * (EVERY - 2), EVERY, *[EVERY] * (EVERY - 1), 2 * EVERY, 2 * EVERY + 1]


def test_after_a_leap_only_what_is_in_flight_flies_and_nothing_falls():
    ring, flying = Ring(), sent(9, "S4", "S3", HEARTBEAT)
    drop = MessageDropped(1_000.0, 9, "S4", "S3", HEARTBEAT, Reason.LOST)
    ring.draw(Frame(view=replace(split_brain(), messages=Map({9: flying})), jump=1))
    ring.draw(Frame(view=split_brain(), events=(drop,), jump=1))
    leapt = ring.draw(Frame(view=split_brain(), events=(sent(3, "S4", "S3", HEARTBEAT), drop), jump=2))

    assert (leapt["flights"], leapt["dropped"]) == ([], [])


# ---- the status line


def test_two_leaders_are_named_with_what_each_is_worth():
    assert say(split_brain()) == (
        "Two servers believe they lead.",
        "S1 (term 2) is followed by S2 and can't commit: 2 of 5. S4 (term 3) has a majority: 3 of 5.",
        True,
    )


@pytest.mark.parametrize(
    "servers,words",
    [
        ((server("S1", 2, Role.LEADER, leader="S1"), server("S2", 2, leader="S1"), server("S3", 2, alive=False)), "2 of 3 voters"),
        ((server("S1", 2, Role.LEADER, leader="S1"), server("S2", 1), server("S3", 2, alive=False)), "nothing new can be committed"),
        ((server("S1", 3, Role.CANDIDATE, votes=("S1",)), server("S2", 2), server("S3", 2)), "S1 stands in term 3 with 1 of the 2 votes"),
        ((server("S1"), server("S2", alive=False), server("S3", paused=True)), "only 1 of 3 voters run"),
        ((server("S1", timer_ms=(0.0, 9.0)), server("S2", timer_ms=(0.0, 5.0)), server("S3")), "that of S2"),
    ],
)
def test_the_status_says_why(servers, words):
    assert words in say(cluster_view(*servers))[1]


def test_the_leader_of_the_highest_term_counts_even_without_a_majority():
    view = split_brain()
    lonely = replace(view.servers["S1"], current_term=9)

    leader = replace(view, servers={**view.servers, "S1": lonely}).latest_leader
    assert leader is not None
    assert leader.id == "S1"


# ---- still pictures


def test_nothing_of_a_crashed_server_looks_lost_that_is_not():
    down = server("S2", 1, entries=(Entry(1), Entry(1), Entry(1)), alive=False, synced_index=2)
    view = cluster_view(server("S1", 1, Role.LEADER, leader="S1", kv_store=Map({"x": "1"})), down)

    assert LogGrid().draw(Frame(view=view))["servers"][1]["synced"] == 2
    assert still.log_still(view).count("stroke-dasharray") == 1  # only the entry that was not synced
    assert "stroke-dasharray" not in still.kv_still(view)


def test_a_still_ring_shows_who_votes_who_only_learns_and_both_majorities_of_a_joint_change():
    joint = Configuration(("S1", "S2"), next_voters=("S2", "S3"), learners=("S4",))
    leader = server("S1", 2, Role.LEADER, leader="S1", configuration=joint)
    followers = [server(name, 2, leader="S1", configuration=joint) for name in ("S2", "S3", "S4", "S5")]
    drawn = ET.fromstring(still.ring_still(cluster_view(leader, *followers)))
    said = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]

    assert {"C_old: 2 of 2 follow S1: a majority", "C_new: 2 of 2 follow S1: a majority"} <= set(said)
    assert [word for word in said if word in ("old", "new", "old, new", "learner", "not a member")] == [
        "old", "old, new", "new", "learner", "not a member",
    ]  # fmt: skip


@pytest.mark.parametrize("draw", [still.ring_still, still.log_still, still.kv_still])
def test_a_still_picture_is_well_formed_and_text_stays_text(draw):
    view = split_brain()
    hostile = replace(view.servers["S4"], kv_store=Map({SCRIPT: SCRIPT}), log=LogView().append((Entry(1, Set(SCRIPT, '"&<'), "C1", 1),)))
    svg = draw(replace(view, servers={**view.servers, "S4": hostile}))

    assert ET.fromstring(svg).tag.endswith("svg")
    assert "<script" not in svg


def test_parts_that_hold_history_or_controls_have_no_still():
    assert [kind.__name__ for kind in PARTS if not kind().still(split_brain())] == [
        "PlayerBar", "CommandBar", "StatusLine", "EventFeed", "ChecksStrip",
    ]  # fmt: skip
    assert all(issubclass(kind, Part) for kind in PARTS)
