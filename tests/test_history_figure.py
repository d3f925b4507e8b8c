"""The figure of a history: a row a client, a bar an operation, the order on top, and what went on behind."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore import Cluster, Config
from raftcore.checks.linearizability import Operation, history
from raftcore.vocabulary.commands import Get, Set
from raftcore.vocabulary.errors import ConfigError
from widgets.figures.background import background_of
from widgets.figures.history import MOST_OPERATIONS, PALE, history_figure, moments
from widgets.timeline_pieces import CLEAR, RED


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def split_run() -> Cluster:
    """S1 leads, is cut off with S2, and another leads; clients ask all the while."""
    cluster = Cluster(size=5, seed=3)
    cluster.run_until(lambda view: view.leader is not None)
    cluster.client("C1").set("x", "1")
    old = cluster.leader
    assert old
    cluster.partition([old])
    cluster.submit("C2", "SET x 2", through=old)
    cluster.run_until(lambda view: view.leader not in (None, old))
    cluster.client("C1").get("x")
    return cluster


def test_each_client_has_a_row_and_each_operation_a_bar_in_simulated_time() -> None:
    cluster = split_run()
    figure = history_figure(cluster)
    bars = traces(figure)["operations"]
    operations = history(cluster)
    assert len(bars.base) == len(operations) == 3
    for operation, begin, length in zip(operations, bars.base, bars.x, strict=True):
        end = cluster.trace[int(operation.ended)].at_ms if operation.ended < inf else cluster.now_ms
        assert (begin, begin + length) == pytest.approx((cluster.trace[int(operation.began)].at_ms, end))
    assert bars.y[0] == bars.y[2] != bars.y[1]
    assert list(figure.layout.yaxis.ticktext)[-2:] == ["C1", "C2"]
    assert "Linearizable" in figure.layout.title.text


def test_leaders_and_faults_stand_on_the_same_axis() -> None:
    cluster = split_run()
    background = background_of(cluster)
    assert [reign.term for lane in background.lanes for reign in lane] == [1, 2]
    first, second = background.lanes
    assert first[0].begin_ms < second[0].begin_ms < first[0].end_ms, "two led at once"
    drawn = traces(history_figure(cluster))
    assert list(drawn["leaders"].text) == [f"{first[0].server} · term 1", f"{second[0].server} · term 2"]
    assert list(drawn["fault labels"].text) == [background.faults[0].label]
    assert background.faults[0].label.startswith(f"partition {first[0].server} |")
    assert drawn["faults"].base[0] == background.faults[0].begin_ms


def test_a_healed_fault_and_an_ended_reign_have_their_ends() -> None:
    cluster = split_run()
    cluster.heal()
    healed_ms = cluster.now_ms
    cluster.run_for(200)
    cluster.crash(cluster.leader or "")
    background = background_of(cluster)
    assert background.faults[0].end_ms == healed_ms
    assert [reign.end_ms < inf for lane in background.lanes for reign in lane] == [True, True]


def test_what_cannot_follow_is_red_and_what_has_no_place_is_pale() -> None:
    lost_update = [
        Operation("C1", Set("x", "1"), 1, 2, True),
        Operation("C2", Get("x"), 3, 4, True, None),
        Operation("C3", Set("x", "3"), 5, 6, True),
    ]
    figure = history_figure(lost_update)
    bars = traces(figure)["operations"]
    assert [colour == RED for colour in bars.marker.color] == [False, True, False]
    assert list(bars.marker.opacity) == [1.0, 1.0, PALE]
    assert list(traces(figure)["moments"].text) == ["1"]
    assert "Not linearizable: C2 GET x → absent contradicts" in figure.layout.title.text.replace("<br>", " ")
    assert figure.layout.xaxis.title.text == "line"


def test_reads_are_hollow_and_open_operations_low() -> None:
    bars = traces(history_figure([Operation("C1", Set("x", "1"), 1), Operation("C1", Get("x"), 2, 3, True, "1")]))["operations"]
    assert [colour == CLEAR for colour in bars.marker.color] == [False, True]
    assert bars.width[0] < bars.width[1]
    assert bars.base[0] + bars.x[0] > bars.base[1] + bars.x[1], "it goes on to the end"


def test_what_a_student_typed_is_text() -> None:
    figure = history_figure([Operation("C1", Set("<b>", "$x$"), 1, 2, True)])
    bars = traces(figure)["operations"]
    assert bars.text[0] == "&lt;b&gt;=&#36;x&#36;"
    assert "<b>" not in bars.hovertext[0]


def test_an_empty_history_is_an_empty_figure() -> None:
    assert len(traces(history_figure([]))["operations"].base) == 0
    assert len(traces(history_figure(Cluster(size=3)))["operations"].base) == 0


def test_of_a_long_history_the_part_that_matters_is_shown() -> None:
    history = [Operation("C1", Set("x", str(number)), 2 * number, 2 * number + 1, True) for number in range(3 * MOST_OPERATIONS)]
    assert len(bars_of(history_figure(history))[0]) == MOST_OPERATIONS
    stale = Operation("C2", Get("x"), 2_000.1, 2_000.2, True, "7")
    figure = history_figure([*history[:1_001], stale, *history[1_001:]])
    colours = bars_of(figure)[1]
    assert len(colours) == MOST_OPERATIONS
    assert colours.count(RED) == 1
    assert [note.text for note in figure.layout.annotations] == ["get x → 7"]


def test_what_is_no_history_is_refused() -> None:
    with pytest.raises(ConfigError, match="item 1 of the history is 'GET x'"):
        history_figure(["GET x"])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="budget=0"):
        history_figure([], budget=0)


def test_a_run_with_a_lost_answer_shows_what_was_applied_twice() -> None:
    cluster = Cluster(size=3, seed=5, config=Config(client_sessions=False, client_retry_ms=100))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.link(cluster.leader or "", "C1", up=False)
    cluster.submit("C1", "APPEND x a")
    cluster.run_for(250)
    cluster.client("C2").get("x")
    notes = [note.text for note in history_figure(cluster).layout.annotations]
    assert notes == ["get x → aaa"], "appended by each try"


def bars_of(figure: Any) -> tuple[list[str], list[str]]:
    bars = traces(figure)["operations"]
    return list(bars.text), list(bars.marker.color)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple), max_size=8))
def test_moments_lie_in_their_spans_and_never_fall_where_the_order_is_possible(spans: list[tuple[int, int]]) -> None:
    found = moments(spans)
    possible = all(max(begin for begin, _ in spans[: place + 1]) <= end for place, (_, end) in enumerate(spans))
    assert found == sorted(found)
    if possible:
        assert all(begin <= moment <= end for (begin, end), moment in zip(spans, found, strict=True))
