"""The lane of voters, and the marks of snapshots and transfers: what is folded, and what the figure gets."""

from math import inf

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import ConfigurationChanged, RoleChanged, SnapshotInstalled, SnapshotTaken, TransferStarted
from raftcore.vocabulary.names import LEADER
from widgets.timeline_figure import picture
from widgets.timeline_pieces import GREY
from widgets.timeline_series import TimelineSeries

OLD = Configuration(("S1", "S2", "S3"))
JOINT = Configuration(("S1", "S2", "S3"), ("S3", "S4"))
NEW = Configuration(("S3", "S4"))


def series_of(*events) -> TimelineSeries:
    series = TimelineSeries(["S1", "S2", "S3"], (10.0, 20.0))
    for event in (*[ConfigurationChanged(0.0, name, 0, OLD) for name in ("S1", "S2", "S3")], *events):
        series.absorb(event)
    return series


def bands(series: TimelineSeries) -> list[tuple[float, float, Configuration]]:
    return [(band.begin_ms, band.end_ms, band.configuration) for band in series.memberships.bands()]


def test_a_change_goes_from_one_configuration_through_a_joint_one_to_the_next():
    series = series_of(
        RoleChanged(10.0, "S1", LEADER, 1),
        ConfigurationChanged(100.0, "S1", 5, JOINT),
        ConfigurationChanged(120.0, "S2", 5, JOINT),
        ConfigurationChanged(200.0, "S1", 6, NEW),
        ConfigurationChanged(220.0, "S2", 6, NEW),
    )
    assert bands(series) == [(0.0, 100.0, OLD), (100.0, 200.0, JOINT), (200.0, inf, NEW)]

    shown = picture(series, 300.0)
    assert shown["memberlabels"]["text"] == ["C 123", "C 123→34", "C 34"]
    assert shown["memberlabels"]["textfont.color"] == [GREY] * 3
    assert list(shown["members"]["marker.line.width"]) == [0.0, 1.5, 0.0]
    assert list(shown["members"]["base"]) == [0.0, 100.0, 200.0]


def test_a_new_leader_that_does_not_know_the_latest_configuration_brings_the_older_one_back():
    series = series_of(
        RoleChanged(10.0, "S1", LEADER, 1),
        ConfigurationChanged(100.0, "S1", 5, JOINT),
        RoleChanged(150.0, "S2", LEADER, 2),
        ConfigurationChanged(170.0, "S1", 0, OLD),
    )
    assert bands(series) == [(0.0, 100.0, OLD), (100.0, 150.0, JOINT), (150.0, inf, OLD)]


def test_snapshots_and_transfers_leave_a_mark_on_their_servers_lane():
    series = series_of(
        SnapshotTaken(50.0, "S1", 1_000, 2, 99),
        SnapshotInstalled(60.0, "S3", 1_000, 2, False, b""),
        TransferStarted(70.0, "S1", "S2", 300.0),
    )
    marks = picture(series, 100.0)["marks"]
    assert list(marks["x"]) == [50.0, 60.0, 70.0]
    assert marks["marker.symbol"] == ["square", "triangle-down", "triangle-right"]
    assert "S1 took a snapshot up to 1,000" in marks["hovertext"][0]
    assert "begins to hand over to S2" in marks["hovertext"][2]
    assert marks["y"][0] == marks["y"][2] < marks["y"][1]
