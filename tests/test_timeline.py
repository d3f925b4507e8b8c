"""The timeline: what is kept of a run, what is drawn of it, and the one figure that labs share."""

import re
from collections.abc import Callable
from math import inf, isnan

import numpy as np
import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config, Scenario
from raftcore.trace.stream import Trace
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.events import (
    Committed,
    Completed,
    Crashed,
    Created,
    Event,
    Halted,
    Invoked,
    LinkChanged,
    Paused,
    PreVoteStarted,
    Restarted,
    Resumed,
    RoleChanged,
    TimerSet,
)
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Role
from widgets import timeline as module
from widgets.palette import term_colours
from widgets.timeline import Timeline
from widgets.timeline_figure import MOST_SERVERS, picture, plain
from widgets.timeline_series import BANDS, POINTS, WINDOW_MS, Band, Condition, Fault, TimelineSeries

F, C, L = Role.FOLLOWER, Role.CANDIDATE, Role.LEADER
RUNNING, PAUSED, CRASHED = Condition
HEALTHY = Link((10.0, 20.0))
CUT = replace(HEALTHY, up=False)


def series_of(*events: Event, servers: str = "S1 S2 S3") -> TimelineSeries:
    series = TimelineSeries(servers.split(), HEALTHY.delay_ms)
    for event in events:
        series.absorb(event)
    return series


def election(at_ms: float = 100.0, term: int = 1) -> list[Event]:
    return [RoleChanged(at_ms, "S1", C, term), RoleChanged(at_ms + 5, "S2", F, term), RoleChanged(at_ms + 10, "S1", L, term)]


def operation(at_ms: float, sequence_num: int, *, key: str = "x", client: str = "C1", ok: bool | None = True) -> list[Event]:
    return [
        Invoked(at_ms, client, sequence_num, Set(key, "1")),
        Completed(at_ms + 10, client, sequence_num, Set(key, "1"), ok, None, 4, 1, 10.0),
    ]


def cut(at_ms: float) -> Event:
    return LinkChanged(at_ms, "S1", "S2", CUT)


@pytest.fixture(autouse=True)
def empty_pool(monkeypatch):
    monkeypatch.setattr(module, "_unused", [])


# ---- what is kept


def test_an_election_becomes_bands_of_role_and_term():
    series = series_of(*election())
    assert list(series.servers["S1"].bands) == [
        Band(0.0, 100.0, F, 0, RUNNING),
        Band(100.0, 110.0, C, 1, RUNNING),
        Band(110.0, inf, L, 1, RUNNING),
    ]
    assert list(series.servers["S2"].bands) == [Band(0.0, 105.0, F, 0, RUNNING), Band(105.0, inf, F, 1, RUNNING)]


def test_a_role_that_did_not_last_leaves_no_band():
    series = series_of(RoleChanged(100.0, "S1", C, 1), RoleChanged(100.0, "S1", L, 1))
    assert list(series.servers["S1"].bands) == [Band(0.0, 100.0, F, 0, RUNNING), Band(100.0, inf, L, 1, RUNNING)]


def test_a_crash_and_a_restart_end_bands_and_interrupt_the_commit_index():
    server = series_of(*election(), Committed(200.0, "S1", 3), Crashed(300.0, "S1"), Restarted(400.0, "S1", 1, "S1", 3, ())).servers["S1"]
    assert list(server.bands)[2:] == [Band(110.0, 300.0, L, 1, RUNNING), Band(300.0, 400.0, L, 1, CRASHED), Band(400.0, inf, F, 1, RUNNING)]
    assert [at_ms for at_ms, _ in server.commits] == [0.0, 200.0, 300.0, 400.0]
    assert isnan(server.commits[2][1])
    assert server.commits[3][1] == 0


def test_a_pause_keeps_role_and_term():
    server = series_of(*election(), Paused(300.0, "S1"), Resumed(400.0, "S1")).servers["S1"]
    assert list(server.bands)[2:] == [Band(110.0, 300.0, L, 1, RUNNING), Band(300.0, 400.0, L, 1, PAUSED), Band(400.0, inf, L, 1, RUNNING)]


def faults_of(*happenings: Callable[[Cluster], None]) -> list[Fault]:
    """What three servers' timeline tells of faults when these things happen to them at 100 ms, 200 ms …"""
    cluster = Cluster(size=3)
    for happening in happenings:
        cluster.run_for(100)
        happening(cluster)
    series = TimelineSeries(cluster.server_ids, cluster.config.delay_ms)
    for event in cluster.trace:
        series.absorb(event)
    return list(series.faults.bands)


def test_a_partition_lasts_until_the_next_one_or_until_healed():
    assert faults_of(lambda it: it.partition({"S1", "S2"}, {"S3"}), lambda it: it.partition({"S1"}), Cluster.heal) == [
        Fault(100.0, 200.0, "partition S1 S2 | S3"),
        Fault(200.0, 300.0, "partition S1 | S2 S3"),
    ]


@pytest.mark.parametrize(
    "act, name", [(lambda it: it.partition({"S1"}), "partition S1 | S2 S3"), (lambda it: it.isolate("S1"), "S1 isolated")]
)
def test_the_name_of_what_was_healed_is_not_given_to_cuts_that_are_made_later(act: Callable[[Cluster], None], name: str):
    assert faults_of(act, Cluster.heal, lambda it: (it.cut("S1", "S2"), it.cut("S1", "S3")), Cluster.heal) == [
        Fault(100.0, 200.0, name),
        Fault(300.0, 400.0, "S1 ↔ S2 cut · S1 ↔ S3 cut"),
    ]


def test_a_partition_that_cuts_nothing_is_no_fault():
    assert faults_of(lambda it: it.partition(it.server_ids)) == []


def test_faults_that_overlap_share_a_band():
    happenings = [
        lambda it: it.isolate("S1"),
        lambda it: it.link("S2", "S3", up=False),
        lambda it: it.link("S3", "S2", up=False),
        lambda it: it.link("S1", "S3", loss=0.3),
        lambda it: it.link("S2", "S1", delay_ms=(50, 80)),
    ]
    assert [fault.label for fault in faults_of(*happenings)] == [
        "S1 isolated",
        "S1 isolated · S2 → S3 cut",
        "S1 isolated · S2 ↔ S3 cut",
        "S1 isolated · S1 → S3 30 % lost · S2 ↔ S3 cut",
        "S1 isolated · S1 → S3 30 % lost · S2 → S1 50–80 ms · 1 more",
    ]


@pytest.mark.parametrize("act", [lambda it: it.partition({"S1"}), lambda it: it.isolate("S1")])
def test_a_name_holds_only_while_all_its_links_are_cut(act):
    broken, whole = (lambda it: it.mend("S1", "S2")), (lambda it: it.mend("S1", "S3"))
    assert faults_of(act, broken, whole)[1:] == [Fault(200.0, 300.0, "S1 ↔ S3 cut")]


def test_a_link_that_is_restored_ends_its_fault():
    assert faults_of(lambda it: it.link("S1", "S2", up=False), lambda it: it.link("S1", "S2", up=True)) == [
        Fault(100.0, 200.0, "S1 → S2 cut")
    ]


def test_a_link_that_is_set_to_what_is_healthy_is_no_fault():
    assert faults_of(lambda it: it.link("S1", "S2", delay_ms=it.config.delay_ms, loss=0)) == []


def test_clocks_and_disks_that_are_wrong_are_faults_until_they_are_right_again():
    happenings = [
        lambda it: it.set_clock_rate("S1", 2),
        lambda it: it.disk("S2", sync_fails=True),
        lambda it: it.set_clock_rate("S1", 1),
        lambda it: it.disk("S2", sync_fails=False),
    ]
    assert [fault.label for fault in faults_of(*happenings)] == ["S1 clock 2×", "S1 clock 2× · S2 sync fails", "S2 sync fails"]


def test_a_server_that_is_created_later_has_a_band_from_then_on():
    series = series_of(*election(), Created(300.0, "S4"), RoleChanged(400.0, "S4", F, 1))
    assert list(series.servers["S4"].bands) == [Band(300.0, 400.0, F, 0, RUNNING), Band(400.0, inf, F, 1, RUNNING)]


def test_a_server_that_halts_by_itself_is_down():
    server = series_of(*election(), Halted(300.0, "S1", "its disk is full")).servers["S1"]
    assert server.open == Band(300.0, inf, L, 1, CRASHED)


def test_pre_votes_are_no_election():
    assert len(list(series_of(PreVoteStarted(100.0, "S1", 1)).servers["S1"].bands)) == 1


def test_memory_is_bounded_however_long_the_run():
    series = TimelineSeries(["S1", "S2"], HEALTHY.delay_ms)
    for number in range(100_000):
        at_ms = float(number)
        series.absorb(RoleChanged(at_ms, "S1", Role(["follower", "candidate"][number % 2]), number))
        series.absorb(Committed(at_ms, "S2", number))
        series.absorb(LinkChanged(at_ms, "S1", "S2", CUT if number % 2 else HEALTHY))
        series.absorb(Invoked(at_ms, "C1", number, Set("x", "y" * 1_000)))
        if number % 3:
            series.absorb(Completed(at_ms, "C1", number, Set("x", "1"), True, None, number, 1, 1.0))
    kept = [series.servers["S1"].ended, series.faults.ended, series.pending]
    assert [len(part) for part in kept] == [BANDS] * 3
    assert BANDS / 2 <= len(series.completed) <= BANDS
    assert len(series.servers["S2"].commits) <= POINTS
    assert all(len(one.words) <= 80 for one in series.operations())


def test_a_thinned_commit_line_still_covers_the_window_and_is_never_early():
    server = series_of(*(Committed(float(number), "S1", number) for number in range(15_000))).servers["S1"]
    assert server.commits[0][0] == 0.0
    assert server.commits[-1] == (14_999.0, 14_999)
    assert all(index == at_ms for at_ms, index in server.commits)


def test_what_ended_before_the_window_is_forgotten():
    later = WINDOW_MS + 1_000
    series = series_of(
        *election(), *operation(150.0, 1), cut(200.0), LinkChanged(300.0, "S1", "S2", HEALTHY), RoleChanged(later, "S1", F, 2)
    )
    series.absorb(cut(later))
    for event in operation(later, 2):
        series.absorb(event)
    assert [band.term for band in series.servers["S1"].bands] == [1, 2]
    assert [fault.begin_ms for fault in series.faults.bands] == [later]
    assert [one.begin_ms for one in series.operations()] == [later]


# ---- what is drawn


def test_bands_are_drawn_in_the_colour_of_their_term_and_as_thick_as_their_role():
    drawn = picture(series_of(*election()), now_ms=500.0)
    bands = drawn["bands"]
    assert bands["base"][:3].tolist() == [0, 100, 110]
    assert bands["x"][:3].tolist() == [100, 10, 390]
    assert bands["marker.color"][1:3] == [term_colours(1)[0]] * 2
    assert bands["width"][0] < bands["width"][1] < bands["width"][2]
    assert drawn["labels"]["text"][:3] == ["", "1", "leader · term 1"]


def test_a_leader_for_a_short_time_still_has_the_number_of_its_term():
    drawn = picture(series_of(*election(), RoleChanged(150.0, "S1", F, 2)), now_ms=1_000.0)
    assert drawn["labels"]["text"][:4] == ["", "1", "1", "2"]


def test_a_paused_server_says_so_and_a_crashed_one_is_a_dotted_line_with_a_cross():
    paused = picture(series_of(*election(), Paused(300.0, "S1")), now_ms=500.0)
    assert paused["labels"]["text"][3] == "leader · term 1 · paused"
    follower = picture(series_of(Paused(300.0, "S1")), now_ms=500.0)
    assert follower["labels"]["text"][1] == "paused"
    crashed = picture(series_of(*election(), Crashed(300.0, "S1")), now_ms=500.0)
    assert crashed["crosses"]["x"].tolist() == [300]
    assert crashed["crashes"]["x"][:2].tolist() == [300, 500]
    assert len(crashed["bands"]["x"]) == len(paused["bands"]["x"]) - 1


def test_commit_steps_reach_from_the_begin_of_the_window_to_its_end():
    drawn = picture(series_of(Committed(100.0, "S1", 1), Committed(5_000.0, "S1", 2)), now_ms=WINDOW_MS + 1_000)["commit0"]
    assert drawn["x"].tolist() == [1_000, 5_000, WINDOW_MS + 1_000]
    assert drawn["y"].tolist() == [1, 2, 2]


def test_the_commit_line_has_a_gap_while_the_server_is_down():
    drawn = picture(series_of(Committed(100.0, "S1", 1), Crashed(200.0, "S1"), Restarted(300.0, "S1", 1, None, 1, ())), now_ms=400.0)[
        "commit0"
    ]
    np.testing.assert_equal(drawn["x"], [0, 100, 200, 200, 300, 400])
    np.testing.assert_equal(drawn["y"], [0, 1, 1, np.nan, 0, 0])


def test_lines_of_the_commit_index_are_named_where_they_differ():
    committed = [Committed(100.0, server, 8) for server in ("S1", "S2")]
    assert picture(series_of(*committed), now_ms=200.0)["committers"]["text"] == ["S1 S2", "S3"]
    assert picture(series_of(), now_ms=200.0)["committers"]["text"] == [""]


def test_outcomes_differ_in_shape():
    events = [*operation(100.0, 1), *operation(200.0, 2, ok=False), *operation(300.0, 3, ok=None), Invoked(400.0, "C1", 4, Set("x", "1"))]
    assert len(set(picture(series_of(*events), now_ms=500.0)["outcomes"]["marker.symbol"])) == 4


def test_after_a_rewind_only_the_line_moves():
    series = series_of(*election(), TimerSet(5_000.0, "S1", 6_000.0))
    now, then = picture(series, now_ms=5_000.0), picture(series, now_ms=1_000.0)
    assert then["now"]["x"].tolist() == [1_000, 1_000]
    np.testing.assert_equal(then["bands"], now["bands"])


def test_text_of_clients_is_shown_and_not_interpreted():
    assert plain("<b>x</b> & $y$") == "&lt;b&gt;x&lt;/b&gt; &amp; &#36;y&#36;"
    drawn = picture(series_of(*operation(100.0, 1, key="<script>", client="<b>C1</b>")), now_ms=200.0)
    [text] = drawn["outcomes"]["hovertext"]
    assert re.findall(r"<[^>]*>", text) == ["<br>"]
    assert text.startswith("&lt;b&gt;C1&lt;/b&gt; set &lt;script&gt;=1 → ok")


# ---- the figure


class Told:
    """A run of which this was told so far."""

    def __init__(self, *servers: str) -> None:
        self.trace, self.config, self.scenario, self.now_ms = Trace(servers), Config(), Scenario(size=3, seed=1), 0.0

    def tell(self, *events: Event) -> None:
        for event in events:
            self.trace.say(event)
            self.now_ms = event.at_ms


def started(run: Told) -> Timeline:
    timeline = Timeline()
    timeline.start()
    timeline.refresh(run, 0.0)
    return timeline


@pytest.mark.parametrize("size", [1, 3, MOST_SERVERS])
def test_a_refresh_never_adds_or_removes_a_trace(size):
    servers = [f"S{number + 1}" for number in range(size)]
    run = Told(*servers)
    timeline = started(run)
    figure = timeline.box.figure
    traces = [trace.uid for trace in figure.data]
    for now_ms in (0.0, 333.0, 30_000.0):
        run.tell(RoleChanged(now_ms, servers[-1], L, 1), cut(now_ms), *operation(now_ms, 1))
        timeline.refresh(run, now_ms)
    assert [trace.uid for trace in figure.data] == traces
    assert figure.data[-1].x[0] == 30_000
    assert figure.layout.yaxis2.ticktext == (*servers, "voters", "clients")


def test_a_server_that_is_created_later_gets_a_lane_of_the_same_figure():
    run = Told("S1", "S2", "S3")
    timeline = started(run)
    traces = [trace.uid for trace in timeline.box.figure.data]
    run.tell(Created(300.0, "S4"), RoleChanged(400.0, "S4", F, 1))
    timeline.refresh(run, 400.0)
    assert timeline.box.figure.layout.yaxis2.ticktext == ("S1", "S2", "S3", "S4", "voters", "clients")
    assert [trace.uid for trace in timeline.box.figure.data] == traces


def test_nothing_is_drawn_before_the_start():
    timeline, run = Timeline(), Told("S1")
    run.tell(*operation(0.0, 1))
    timeline.refresh(run, 10.0)
    assert timeline.box.figure is None
    assert "loading" in timeline.box.words


def test_the_figure_is_shown_when_it_has_data_and_not_before():
    timeline, run = Timeline(), Told("S1")
    timeline.start()
    assert (timeline.box.figure, timeline.box.words) == (None, "timeline is loading …")

    run.tell(RoleChanged(100.0, "S1", L, 1))
    timeline.refresh(run, 100.0)
    assert len(timeline.box.figure.data[2].x) == 2


def test_a_later_lab_gets_the_same_figure_cleared():
    run = Told("S1", "S2", "S3")
    first = started(run)
    figure = first.box.figure
    run.tell(*election(), *operation(150.0, 1, key="secret"), Crashed(200.0, "S2"), cut(250.0))
    first.refresh(run, 250.0)
    figure.update_xaxes(range=[100, 200])  # as a person's zoom does
    first.close()
    assert (first.box.figure, first.box.words) == (None, "")

    second = started(Told("S1"))
    assert second.box.figure is figure
    assert figure.layout.xaxis.autorange is True
    assert figure.layout.yaxis2.ticktext == ("S1", "voters", "clients")
    assert all(len(trace.x) == 0 for trace in figure.data if trace.name in ("faults", "crosses", "outcomes", "commit1", "commit2"))
    assert "secret" not in figure.to_json()


def test_nothing_offers_to_send_the_run_away():
    timeline = started(Told("S1"))
    assert timeline.box.figure._config["showSendToCloud"] is False


def test_two_labs_at_once_have_a_figure_each():
    one, other = started(Told("S1")), started(Told("S1"))
    assert one.box.figure is not other.box.figure
