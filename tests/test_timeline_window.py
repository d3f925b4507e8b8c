"""The timeline around any moment: what it shows there is what it showed when that was now, and costs no more in a long run."""

import pytest

from raftcore import Cluster
from widgets.timeline import Timeline
from widgets.timeline_figure import picture
from widgets.timeline_series import WINDOW_MS, TimelineSeries
from widgets.timeline_window import Window


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Two minutes with everything that a timeline shows."""
    cluster = Cluster(size=5, seed=4)
    cluster.run_for(20_000)
    cluster.add_server()
    cluster.run_for(10_000)
    cluster.partition({"S1", "S2"}, {"S3", "S4", "S5", "S6"})
    cluster.set_clock_rate("S5", 0.9)
    cluster.disk("S6", capacity_bytes=10**9)
    cluster.crash("S4")
    cluster.run_for(500)
    cluster.pause("S3")
    cluster.submit("C1", "SET x 1")
    cluster.run_for(30_000)
    cluster.resume("S3")
    cluster.heal()
    cluster.restart("S4")
    cluster.run_for(60_000)
    return cluster


def window_at(cluster: Cluster, at_ms: float) -> Window:
    window = Window(cluster, at_ms)
    window.follow()
    return window


def whole(cluster: Cluster, until_ms: float) -> TimelineSeries:
    series = TimelineSeries(cluster.trace.server_ids, cluster.config.delay_ms)
    for event in cluster.trace[: cluster.trace.position_at(until_ms)]:
        series.absorb(event)
    return series


@pytest.mark.parametrize("at_ms", [3_000.0, 30_400.0, 45_000.0, 61_000.0, 90_000.0])
def test_a_window_in_the_past_shows_what_was_shown_when_it_was_now(cluster: Cluster, at_ms: float):
    """But for what had ended before, and marks at its very edge."""
    window = window_at(cluster, at_ms)
    until_ms = max(0.0, at_ms - WINDOW_MS / 2) + WINDOW_MS
    ours, before = picture(window.series, at_ms), picture(whole(cluster, until_ms), at_ms)
    for name in ("bands", "crashes", "faults", "members"):
        for key in ("x", "base", "y"):
            if key in before[name]:
                assert list(ours[name][key])[1:] == pytest.approx(list(before[name][key])[1:], nan_ok=True, abs=100), name
    assert ours["faultlabels"]["text"] == before["faultlabels"]["text"]
    assert ours["memberlabels"]["text"] == before["memberlabels"]["text"]
    assert ours["now"]["x"][0] == at_ms


def test_a_window_holds_for_as_long_as_the_moment_is_in_it(cluster: Cluster):
    window = window_at(cluster, 50_000)
    assert window.covers(cluster, 41_000)
    assert window.covers(cluster, 59_000)
    assert not window.covers(cluster, 39_000)
    assert not window.covers(cluster, cluster.now_ms)
    assert not window.covers(Cluster(), 50_000)


def test_a_window_at_the_end_follows_the_run():
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(30_000)
    window = window_at(cluster, cluster.now_ms)
    cluster.run_for(5_000)
    window.follow()
    assert window.series.latest_ms > 34_900
    assert window.covers(cluster, cluster.now_ms)
    assert not window.covers(cluster, 14_000)


def test_a_window_reads_no_more_of_a_run_than_it_shows(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    read = []
    absorb = TimelineSeries.absorb
    monkeypatch.setattr(TimelineSeries, "absorb", lambda series, event: (read.append(event), absorb(series, event)))
    window_at(cluster, 50_000)
    assert min(event.at_ms for event in read) >= 40_000
    assert max(event.at_ms for event in read) <= 60_000


def test_a_timeline_out_of_sight_is_not_drawn_and_catches_up_when_it_is_seen_again(cluster):
    timeline = Timeline()
    timeline.start()
    timeline.refresh(cluster, 20_000.0)
    figure = timeline.box.figure
    timeline.box.in_sight = False  # as the browser says
    timeline.refresh(cluster, 30_000.0)
    assert figure.data[-1].x[0] == 20_000

    timeline.box.in_sight = True
    timeline.refresh(cluster, 30_000.0)
    assert figure.data[-1].x[0] == 30_000
