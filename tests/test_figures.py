"""Figures of recorded runs say what the trace and the tables say, and stay small."""

from functools import cache

import numpy as np
import pytest
from plotly.graph_objects import Figure

from raftcore import Cluster, Config
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.recording.recording import Recording
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Committed, Completed, Crashed, MessageDropped, MessageSent, RoleChanged
from raftcore.vocabulary.names import Role
from widgets import figures
from widgets.figures import latency, log_grid, message_matrix, space_time, throughput, timeline
from widgets.figures.causality import BEFORE, Flight, cone_of
from widgets.figures.space_time import MOST_MESSAGES, hover_space_time, scene_of
from widgets.palette import term_colours
from widgets.timeline_series import WHOLE, TimelineSeries

CLEAR = "rgba(0, 0, 0, 0)"


@cache
def eventful() -> Cluster:
    """Commands, a crash, a partition and a lossy link; do not change it."""
    cluster = Cluster(size=5, seed=7, config=Config(check_quorum=False))
    cluster.run_for(1_500)
    for number in range(40):
        cluster.submit(f"C{number % 3 + 1}", f"SET k{number % 8} {'<b>v</b>' if number == 30 else number}")
        cluster.run_for(80)
        if number == 12:
            cluster.crash(cluster.leader)
        if number == 25:
            cluster.partition({"S4", "S5"}, {"S1", "S2", "S3"})
    return cluster


@cache
def recorded() -> Recording:
    return eventful().recording


def of(kind: type) -> list:
    return [event for event in eventful().trace if type(event) is kind]


def trace(figure: Figure, name: str):
    return next(one for one in figure.data if one.name == name)


def points(figure: Figure) -> int:
    return sum(np.size(one.z if one.type == "heatmap" else one.x) for one in figure.data)


FIGURES = [timeline, log_grid, latency, message_matrix, throughput, lambda run: space_time(run, 1_000, 1_200)]
NAMES = ["timeline", "log_grid", "latency", "message_matrix", "throughput", "space_time"]


@pytest.mark.parametrize("draw", FIGURES, ids=NAMES)
def test_a_figure_is_plain_plotly_on_clear_ground_and_the_same_for_cluster_recording_and_file(draw, tmp_path):
    figure = draw(recorded())
    recorded().save(tmp_path / "run.parquet")
    assert type(figure) is Figure
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == CLEAR
    assert figure.to_json() == draw(eventful()).to_json() == draw(Recording.load(tmp_path / "run.parquet")).to_json()


@pytest.mark.parametrize("draw", FIGURES, ids=NAMES)
def test_a_run_that_has_not_begun_has_figures_too(draw):
    assert type(draw(Cluster(size=3))) is Figure


@pytest.mark.parametrize("draw", FIGURES, ids=NAMES)
def test_a_figure_does_not_grow_with_the_run(draw):
    assert points(draw(long_run())) < 12_000


@cache
def long_run() -> Cluster:
    """Two commands in flight all the time, for a minute."""
    cluster = Cluster(size=5, seed=7)
    cluster.run_for(1_000)
    for number in range(1_500):
        cluster.submit(f"C{number % 4 + 1}", f"SET k{number % 5} {number}")
        cluster.run_for(40)
    return cluster


# ---- timeline


def test_the_timeline_has_a_band_for_each_time_that_a_server_led():
    bands = trace(timeline(recorded()), "bands")
    drawn = {(base, colour): text for base, colour, text in zip(bands.base, bands.marker.color, bands.hovertext, strict=True)}
    elected = [event for event in of(RoleChanged) if event.role is Role.LEADER]
    assert len(elected) >= 3
    for event in elected:
        assert drawn[event.at_ms, term_colours(event.term)[0]].startswith(f"{event.server} leader · term {event.term}")


def test_the_timeline_begins_at_the_beginning_and_its_commit_lines_end_at_the_commit_indexes():
    figure = timeline(long_run())  # longer than what the live timeline remembers
    assert min(trace(figure, "bands").base) == 0
    for row, server in enumerate(long_run().view.servers.values()):
        line = trace(figure, f"commit{row}")
        assert (line.x[0], line.x[-1], line.y[-1]) == (0, long_run().now_ms, server.commit_index)


def test_the_timeline_marks_crashes_and_names_faults():
    figure = timeline(recorded())
    assert list(trace(figure, "crosses").x) == [event.at_ms for event in of(Crashed)]
    assert "partition S4 S5 | S1 S2 S3" in list(trace(figure, "faultlabels").text)


def test_a_whole_run_is_remembered_and_where_it_has_too_many_bands_it_says_since_when():
    long_ago = TimelineSeries(["S1", "S2"], (10.0, 20.0), WHOLE)
    long_ago.absorb(RoleChanged(1.0, "S1", Role.LEADER, 1))
    long_ago.absorb(RoleChanged(1_000_000.0, "S1", Role.FOLLOWER, 2))
    assert [band.begin_ms for band in long_ago.servers["S1"].bands] == [0.0, 1.0, 1_000_000.0]
    assert long_ago.since_ms == 0

    for number in range(5_000):
        long_ago.absorb(RoleChanged(2_000_000.0 + number, "S2", Role.CANDIDATE, number))
    kept = long_ago.servers["S2"].ended
    assert len(kept) == WHOLE.bands
    assert long_ago.since_ms == kept[0].begin_ms > 2_000_000


# ---- logs


def test_the_log_grid_shows_each_entry_in_the_colour_of_its_term_and_frames_it_as_it_stands():
    at_ms = of(Committed)[-1].at_ms - 200
    view = eventful().trace.view_at(at_ms)
    figure = log_grid(recorded(), at_ms)
    cells = trace(figure, "entries")
    first = round(min(cells.base) + 0.46)
    shown = {}
    for base, y, colour in zip(cells.base, cells.y, cells.marker.color, strict=True):
        shown[y, round(base + 0.46)] = colour
    for row, server in enumerate(view.servers.values()):
        sure = server.commit_index if server.alive else server.synced_index
        for index in range(first, server.log.last_index + 1):
            solid = shown[row, index] == term_colours(server.log[index].term)[0]
            assert solid == (index <= sure)
            assert solid or shown[row, index].startswith("rgba")
    assert len(trace(figure, "committed").x) + len(trace(figure, "open").x) == 6 * len(shown)
    assert "crashed" in " ".join(figure.layout.yaxis.ticktext)


def test_the_log_grid_can_begin_anywhere_and_what_was_typed_is_text():
    figure = log_grid(recorded(), from_index=3)
    assert min(trace(figure, "entries").base) == pytest.approx(3 - 0.46)
    number = next(index for index, entry in enumerate(eventful().view.servers[eventful().leader].log, 1) if "<b>" in str(entry.command))
    texts = trace(log_grid(recorded(), from_index=number), "entries").hovertext
    assert any("&lt;b&gt;v&lt;/b&gt;" in text for text in texts)
    assert not any("<b>v</b>" in text for text in texts)


def test_a_compacted_log_begins_with_a_hatched_block():
    cluster = Cluster(size=3, seed=1, config=Config(snapshot_every=10))
    cluster.run_for(1_000)
    for number in range(25):
        cluster.client("C1").set("x", str(number))
    blocks = trace(log_grid(cluster), "snapshots")
    bases = [server.log.base_index for server in cluster.view.servers.values()]
    assert list(blocks.text) == [f"to {base}" for base in bases]


# ---- clients


def test_the_histogram_counts_every_answer_and_the_distribution_gives_its_percentiles():
    figure = latency(recorded())
    waited = sorted(event.latency_ms for event in of(Completed) if event.ok is not None)
    bars = trace(figure, "histogram")
    assert sum(bars.y) == len(waited)
    assert bars.x[0] - bars.width[0] / 2 == pytest.approx(waited[0])
    curve = trace(figure, "distribution")
    assert (curve.y[0], curve.y[-1]) == (waited[0], waited[-1])
    assert set(curve.y) <= set(waited)
    median = float(np.percentile(waited, 50, method="inverted_cdf"))
    assert f"median {median:,.1f} ms" in figure.layout.title.text
    assert min(y for x, y in zip(curve.x, curve.y, strict=True) if x >= -np.log10(0.5)) >= median


def test_the_throughput_over_all_steps_is_the_number_of_answers():
    figure = throughput(recorded())
    line = trace(figure, "answered")
    total = sum(rate * seconds for rate, seconds in zip(line.y[:-1], np.diff(line.x) / 1_000, strict=True))
    assert total == pytest.approx(sum(event.ok is not None for event in of(Completed)))
    outages = recorded().outages
    assert sorted(shape.x0 for shape in figure.layout.shapes) == sorted(outages["from_ms"])
    assert len(trace(figure, "outages").hovertext) == len(outages)


# ---- messages


def test_the_matrix_counts_every_message_once_and_the_share_that_was_lost():
    figure = message_matrix(recorded())
    sent, dropped = trace(figure, "sent"), trace(figure, "dropped")
    assert np.nansum(sent.z) == len(of(MessageSent))
    pair = sum(event.source == "S1" and event.target == "S5" for event in of(MessageSent))
    assert sent.z[0][4] == pair
    flying = {event.id for event in eventful().view.messages.values()}
    lost = sum(event.source == "S1" and event.target == "S5" for event in of(MessageDropped))
    ended = pair - sum(event.id in flying and (event.source, event.target) == ("S1", "S5") for event in of(MessageSent))
    assert lost > 0
    assert dropped.z[0][4] == pytest.approx(100 * lost / ended)
    assert np.isnan(sent.z[0][0])
    assert dropped.text[0][1] == "0 %"


def test_the_diagram_draws_each_message_of_the_window_from_sender_to_receiver():
    figure = space_time(recorded(), 1_500, 1_800)
    within = [event for event in of(MessageSent) if 1_500 < event.at_ms <= 1_800]
    scene = scene_of(recorded(), 1_500, 1_800)
    assert {event.id for event in within} <= {flight.id for flight in scene.flights}
    lines = trace(figure, "others")
    drawn = set(zip(lines.x[::3], lines.x[1::3], lines.y[::3], lines.y[1::3], strict=True))
    row = {name: place for place, name in enumerate(scene.lanes)}
    arrived = [flight for flight in scene.flights if flight.arrived]
    assert len(arrived) > 30
    for flight in arrived:
        assert (flight.sent_ms, flight.end_ms, row[flight.source], row[flight.target]) in drawn
    assert any("message" in text and "AppendEntries" in text for text in trace(figure, "messages").hovertext)


def test_a_message_that_was_lost_ends_with_a_cross_where_it_was_lost():
    lost = of(MessageDropped)[0]
    figure = space_time(recorded(), lost.at_ms - 50, lost.at_ms + 1)
    ends = trace(figure, "messages")
    crosses = [x for x, symbol in zip(ends.x, ends.marker.symbol, strict=True) if symbol == "x-thin"]
    assert lost.at_ms in crosses


def test_a_highlighted_message_has_its_causal_past_and_future_in_colours():
    asked = next(event for event in of(MessageSent) if event.at_ms > 2_000 and event.source == "C1")
    scene = scene_of(recorded(), asked.at_ms - 60, asked.at_ms + 100)
    figure = space_time(recorded(), asked.at_ms - 60, asked.at_ms + 100, highlight=asked.id)
    chosen = next(flight for flight in scene.flights if flight.id == asked.id)
    cone = cone_of(scene.flights, chosen)
    assert len(trace(figure, "chosen").x) == 3
    assert len(trace(figure, "past").x) == 3 * len(cone.past)
    assert len(trace(figure, "future").x) == 3 * len(cone.future)
    assert cone.future
    assert all(flight.sent_ms >= chosen.end_ms for flight in scene.flights if flight.id in cone.future)


def test_a_window_with_too_many_messages_ends_early_and_says_so():
    figure = space_time(long_run(), 2_000, 60_000)
    sent = [event.at_ms for event in long_run().trace if type(event) is MessageSent and event.at_ms > 2_000]
    assert figure.layout.title.text.startswith(f"{MOST_MESSAGES} messages")
    assert figure.layout.xaxis.range[1] <= sent[MOST_MESSAGES]
    assert "not up to 60,000 ms" in figure.layout.title.text


@pytest.mark.parametrize(
    "window, highlight, said",
    [((5, 5), None, "no room"), ((-1, 5), None, "no moment"), ((1_000, 1_100), 10**9, "no message 1000000000")],
)
def test_a_window_or_message_that_is_none_is_refused_in_words(window, highlight, said):
    with pytest.raises(ConfigError, match=said):
        space_time(recorded(), *window, highlight)


def test_pointing_at_a_message_lights_its_cone_up():
    figure = hover_space_time(recorded(), 1_500, 1_700).figure
    scene = scene_of(recorded(), 1_500, 1_700)
    number = len(scene.flights) // 2
    messages = trace(figure, "messages")
    assert len(trace(figure, "chosen").x) == 0
    messages._dispatch_on_hover(Pointed([3 * number + 1]), None)
    assert trace(figure, "chosen").x[0] == scene.flights[number].sent_ms
    assert len(trace(figure, "past").x) == 3 * len(cone_of(scene.flights, scene.flights[number]).past)


class Pointed:
    """What plotly hands over of the pointer."""

    def __init__(self, point_inds: list[int]) -> None:
        self.point_inds = point_inds


# ---- causality, by hand


def flown(number: int, source: str, target: str, sent_at: int, ended_at: int | None, why_lost: str = "") -> Flight:
    end_ms = float(ended_at if ended_at is not None else 99)
    return Flight(number, source, target, float(sent_at), end_ms, sent_at, ended_at, why_lost, 1.0, "")


def test_the_past_is_what_could_have_led_to_a_message_and_the_future_what_it_could_have_led_to():
    flights = [
        flown(1, "A", "B", 0, 2),  # reaches B before it sends
        flown(2, "C", "A", BEFORE, 1),  # of before the window; does not reach A before 1 leaves
        flown(3, "B", "C", 3, 5),  # the chosen one
        flown(4, "D", "B", 0, 4),  # reaches B too late
        flown(5, "C", "D", 6, 8),  # follows
        flown(6, "D", "A", 7, 9),  # leaves D before 5 arrives
        flown(7, "D", "A", 9, None),  # follows, and still flies
        flown(8, "C", "B", 4, 7),  # left C before the chosen one arrived
        flown(9, "C", "A", 7, 8, "link is cut"),  # follows, and is lost
        flown(10, "A", "B", 10, 11),  # A heard of nothing
    ]
    cone = cone_of(flights, flights[2])
    assert cone.past == {1}
    assert cone.future == {5, 7, 9}
    assert cone.past_until == {"B": 3, "A": 0}
    assert cone.future_since == {"C": 5, "D": 8}


def test_a_message_that_never_arrived_has_no_future():
    lost = flown(1, "A", "B", 1, 2, "lost")
    assert cone_of([lost, flown(2, "B", "A", 3, 4)], lost).future == frozenset()


def draw(figure: str, run: object) -> object:
    window = (0, 100) if "space_time" in figure else ()
    return getattr(figures, figure)(run, *window)


@pytest.mark.parametrize("figure", figures.__all__)
@pytest.mark.parametrize("what", [3, Cluster(3).view, Cluster], ids=["a number", "a view", "a class"])
def test_what_is_no_run_is_refused_with_what_would_be_one(figure: str, what: object) -> None:
    with pytest.raises(ConfigError, match="is no run; give a cluster, or a recording of one"):
        draw(figure, what)


@pytest.mark.parametrize("figure", figures.__all__)
def test_a_walk_through_a_small_world_is_a_run_too(figure: str) -> None:
    assert draw(figure, Walk(World(), [0, 0]))
