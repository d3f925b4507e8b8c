"""The timeline as plotly sees it: a figure with a fixed set of traces, and the data that they take at one moment.

`new_figure` makes it, `lay_out` fits it to a cluster, `picture` turns a series into arrays by trace, `show` hands those over at once.
Traces are never added or removed. A picture names every trace and all that changes in it, so it also clears what was there before.
A recorded run's timeline (figures/timeline.py) is made of the same traces and pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.basedatatypes import Undefined

from raftcore.vocabulary.names import Role, ServerId
from widgets.palette import term_colours
from widgets.timeline_members import mark_points, member_bars
from widgets.timeline_pieces import (
    CLEAR,
    CLIENTS,
    COMMITS,
    FAULTS,
    GAP,
    GREY,
    INVISIBLE,
    LANE,
    LOOK,
    MEMBERS,
    NOTHING,
    RED,
    TIME_AXIS,
    Figure,
    Numbers,
    Picture,
    Props,
    Span,
    bars,
    lane_middle,
    lines,
    period,
    plain,
)
from widgets.timeline_series import Band, Condition, Operation, ServerSeries, TimelineSeries

MOST_SERVERS = 9
SHORTEST_WINDOW_MS = 1_000.0
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "6px 2px", "2px 6px", "12px 3px 2px 3px")
OUTCOMES: dict[bool | None, tuple[str, str]] = {True: ("circle", GREY), False: ("x-thin", RED), None: ("diamond-open", RED)}
WAITING = ("circle-open", GREY)

MARGIN = {"l": 64, "r": 14, "t": 4, "b": 24}
THICKNESS = {Role.FOLLOWER: 12.0, Role.CANDIDATE: 15.0, Role.LEADER: 20.0}
THINNEST = 5.0
CLIENT_ROWS = 3
NARROW = 0.2  # of the window: a band with less room gets its number only


# ---- the figure, before it has data


def new_figure() -> Figure:
    """A live figure with all traces that a timeline ever needs, all of them empty."""
    figure = go.FigureWidget(data=list(traces()), layout=layout())
    figure.set_trait("_config", {"responsive": True, "displaylogo": False, "showSendToCloud": False})
    return figure


def layout() -> Props:
    """How a timeline looks, whatever it shows."""
    still = {"fixedrange": True, "showgrid": False, "zeroline": False, "showline": False, "ticks": "", "ticklabelstandoff": 6}
    return {
        **LOOK,
        "margin": MARGIN,
        "barmode": "overlay",
        "uniformtext": {"minsize": 11, "mode": "hide"},  # a label that does not fit its band is left out
        "dragmode": "zoom",
        "uirevision": "timeline",
        "xaxis": {**TIME_AXIS, "anchor": "y"},
        "yaxis": {**still, "range": [0, 1], "showticklabels": False},
        "yaxis2": {**still, "anchor": "x"},
        "yaxis3": {**still, "anchor": "x"},
        "yaxis4": {**still, "anchor": "x", "overlaying": "y", "range": [0, 1], "showticklabels": False},
    }


def traces() -> Iterator[Any]:
    """From the bottom: faults, over the whole height (y); the lanes (y2); the commit index (y3); the moment shown, over all (y4)."""
    text = {"textposition": "inside", "insidetextanchor": "start", "textangle": 0, "textfont": {"color": GREY}}
    hatch = {"shape": "/", "size": 8, "solidity": 0.12, "fgcolor": GREY, "bgcolor": CLEAR, "fillmode": "overlay"}
    lane = {"yaxis": "y2", "hoverinfo": "text"}
    yield go.Bar(name="faults", orientation="h", hoverinfo="skip", marker={"pattern": hatch})
    yield go.Bar(name="faultlabels", orientation="h", hoverinfo="text", **text)
    yield go.Bar(name="bands", orientation="h", **lane)
    yield go.Bar(name="labels", orientation="h", yaxis="y2", hoverinfo="skip", **text)
    yield go.Scatter(name="crashes", yaxis="y2", mode="lines", line={"dash": "dot", "width": 2, "color": GREY}, hoverinfo="skip")
    yield go.Scatter(name="crosses", mode="markers", marker={"size": 7}, **lane)
    yield go.Bar(name="members", orientation="h", **lane)
    yield go.Bar(name="memberlabels", orientation="h", yaxis="y2", hoverinfo="skip", **text)
    yield go.Scatter(name="marks", mode="markers", marker={"size": 9}, **lane)
    yield go.Scatter(name="operations", yaxis="y2", mode="lines", line={"width": 3, "color": GREY}, hoverinfo="skip")
    yield go.Scatter(name="outcomes", mode="markers", marker={"size": 6}, **lane)
    for row in range(MOST_SERVERS):
        line = {"shape": "hv", "dash": DASHES[row], "width": 1.3, "color": GREY}
        yield go.Scatter(name=f"commit{row}", yaxis="y3", mode="lines", line=line)
    yield go.Scatter(name="committers", yaxis="y3", mode="text", textposition="top left", hoverinfo="skip")
    yield go.Scatter(name="now", yaxis="y4", mode="lines", line={"width": 2, "color": GREY}, hoverinfo="skip")


def lay_out(figure: Figure, servers: Sequence[ServerId]) -> None:
    """Fit the figure to these servers, and undo zoom and pan."""
    lanes = len(servers) * LANE + MEMBERS + CLIENTS
    height = FAULTS + lanes + GAP + COMMITS
    figure.update_layout(
        height=height + MARGIN["t"] + MARGIN["b"],
        xaxis={"autorange": True, "range": None},
        yaxis2={
            "domain": [(COMMITS + GAP) / height, 1 - FAULTS / height],
            "range": [lanes, 0],
            "tickvals": [*map(lane_middle, range(len(servers))), lanes - CLIENTS - MEMBERS / 2, lanes - CLIENTS / 2],
            "ticktext": [*map(plain, servers), "voters", "clients"],
        },
        yaxis3={"domain": [0, COMMITS / height]},
    )


def show(figure: Figure, picture: Picture, before: Picture) -> None:
    """Give the figure the properties in which the picture differs from the one `before`, in one message to the browser.

    A property goes out for all traces that have it: a figure that is not on the screen yet forgets it where it is left out.
    `plotly_update` is what a `batch_update` ends in; called directly, it spares the validation of every value, most of the time.
    """
    names = [trace.name for trace in figure.data]
    keys = dict.fromkeys(key for name in names for key in changes(picture[name], before.get(name, {})))
    figure.plotly_update(
        restyle_data={key: [picture[name].get(key, Undefined) for name in names] for key in keys},
        relayout_data=changes(picture["layout"], before.get("layout", {})),
    )


def changes(props: Props, before: Props) -> Props:
    return {key: value for key, value in props.items() if key not in before or not same(value, before[key])}


def same(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray):
        return np.array_equal(value, other, equal_nan=True)
    return bool(value == other)


# ---- the data, at one moment


def picture(series: TimelineSeries, now_ms: float) -> Picture:
    """What each trace (by name) and the layout show, while the rest of the lab shows the moment `now_ms`."""
    end_ms = max(now_ms, series.latest_ms)
    window = (max(0.0, end_ms - series.reach.window_ms), end_ms)
    # The range follows the data through the bounds of the automatic range: once a person has zoomed in, they do nothing.
    bounds = {
        "xaxis.autorangeoptions.minallowed": window[0],
        "xaxis.autorangeoptions.maxallowed": max(end_ms, SHORTEST_WINDOW_MS) + 0.005 * (window[1] - window[0]),
    }
    label_lane = FAULTS / (FAULTS + len(series.servers) * LANE + MEMBERS + CLIENTS + GAP + COMMITS)
    steps = {name: commit_steps(server, window) for name, server in series.servers.items()}
    all_lines = [*steps.items(), *[("", (NOTHING, NOTHING))] * (MOST_SERVERS - len(steps))]
    axis, committers = commit_axis(steps, end_ms)
    return {
        **fault_bars(series, window, label_lane),
        **role_bars(series, window),
        **crash_marks(series, window),
        **member_bars(series, window),
        **mark_points(series, window),
        **operation_marks(series, window),
        **{
            f"commit{row}": {"x": x, "y": y, "hovertemplate": f"{plain(name)} committed %{{y}}<extra></extra>"}
            for row, (name, (x, y)) in enumerate(all_lines)
        },
        "committers": committers,
        "now": {"x": np.array([now_ms, now_ms]), "y": np.array([0.0, 1.0])},
        "layout": {**bounds, **axis},
    }


def fault_bars(series: TimelineSeries, window: Span, label_lane: float) -> Picture:
    """Bars over the whole height, and their labels at the top, in a lane that takes this part of the height."""
    faults = [fault for fault in series.faults.bands if fault.end_ms > window[0]]
    place = bars([(fault.begin_ms, fault.end_ms) for fault in faults], window)
    return {
        "faults": {**place, **INVISIBLE, "y": np.full(len(faults), 0.5), "width": np.ones(len(faults))},
        "faultlabels": {
            **place,
            **INVISIBLE,
            "y": np.full(len(faults), 1 - label_lane / 2),
            "width": np.full(len(faults), label_lane),
            "text": [plain(fault.label) for fault in faults],
            "hovertext": [f"{plain(fault.label)}<br>{period(fault.begin_ms, fault.end_ms)}" for fault in faults],
        },
    }


def role_bars(series: TimelineSeries, window: Span) -> Picture:
    """A bar for each band: its colour is the term, its thickness the role; of a paused server it is an outline. Some have labels."""
    shown = [(row, name, band) for row, name, band in bands_within(series, window) if band.condition is not Condition.CRASHED]
    paused = [band.condition is Condition.PAUSED for _, _, band in shown]
    colours = [term_colours(band.term) for _, _, band in shown]
    place = {
        **bars([(band.begin_ms, band.end_ms) for _, _, band in shown], window),
        "y": np.array([lane_middle(row) for row, _, _ in shown]),
    }
    return {
        "bands": {
            **place,
            "width": np.array([thickness(band) for _, _, band in shown]),
            "hovertext": [f"{plain(name)} {describe(band)}<br>{period(band.begin_ms, band.end_ms)}" for _, name, band in shown],
            "marker.color": [CLEAR if still else fill for still, (fill, _) in zip(paused, colours, strict=True)],
            "marker.line.color": [fill for fill, _ in colours],
            "marker.line.width": np.where(paused, 1.5, 0.0),
        },
        "labels": {
            **place,
            **INVISIBLE,
            "width": np.full(len(shown), float(LANE)),
            "text": [
                label(band, narrow) for (_, _, band), narrow in zip(shown, place["x"] < NARROW * (window[1] - window[0]), strict=True)
            ],
            "textfont.color": [GREY if still else ink for still, (_, ink) in zip(paused, colours, strict=True)],
        },
    }


def crash_marks(series: TimelineSeries, window: Span) -> Picture:
    """A dotted line while a server is down, and a cross where it crashed."""
    shown = [(row, name, band) for row, name, band in bands_within(series, window) if band.condition is Condition.CRASHED]
    x, y = lines([(band.begin_ms, band.end_ms, lane_middle(row)) for row, _, band in shown], window)
    return {
        "crashes": {"x": x, "y": y},
        "crosses": {
            "x": np.array([max(band.begin_ms, window[0]) for _, _, band in shown]),
            "y": np.array([lane_middle(row) for row, _, _ in shown]),
            "marker.symbol": "x-thin",
            "marker.line.color": RED,
            "marker.line.width": 2.0,
            "hovertext": [f"{plain(name)} crashed<br>{period(band.begin_ms, band.end_ms)}" for _, name, band in shown],
        },
    }


def operation_marks(series: TimelineSeries, window: Span) -> Picture:
    """A line from question to answer; at its end a disc (ok), a cross (failed) or a diamond (unknown), or at its begin a ring (waiting)."""
    shown = [operation for operation in series.operations() if operation.end_ms > window[0]]
    heights = [client_middle(len(series.servers) * LANE + MEMBERS, operation) for operation in shown]
    x, y = lines([(operation.begin_ms, operation.end_ms, height) for operation, height in zip(shown, heights, strict=True)], window)
    marks = [OUTCOMES[operation.ok] if operation.end_ms < inf else WAITING for operation in shown]
    colours = [colour for _, colour in marks]
    return {
        "operations": {"x": x, "y": y},
        "outcomes": {
            "x": np.array([operation.end_ms if operation.end_ms < inf else operation.begin_ms for operation in shown]),
            "y": np.array(heights),
            "hovertext": [operation_text(operation) for operation in shown],
            "marker.symbol": [symbol for symbol, _ in marks],
            "marker.color": colours,
            "marker.line.color": colours,
            "marker.line.width": 1.5,
        },
    }


def commit_steps(server: ServerSeries, window: Span) -> tuple[Numbers, Numbers]:
    """The server's commit index over the window, as the corners of a step line; a gap while it is down."""
    x, y = np.array(server.commits).T
    first = max(int(np.searchsorted(x, window[0], side="right")) - 1, 0)
    x, y = np.append(x[first:], window[1]), np.append(y[first:], y[-1])
    x[0] = max(x[0], window[0])
    crashes = np.flatnonzero(np.isnan(y[1:])) + 1
    return np.insert(x, crashes, x[crashes]), np.insert(y, crashes, y[crashes - 1])


def commit_axis(steps: Mapping[ServerId, tuple[Numbers, Numbers]], end_ms: float) -> tuple[Props, Props]:
    """The axis of the commit index, and the names at the ends of its lines. Lines too close to tell apart share one label."""
    heights = np.concatenate([y for _, y in steps.values()])
    heights = heights[~np.isnan(heights)]
    low, high = (float(heights.min()), float(heights.max())) if heights.size else (0.0, 0.0)
    high = max(high, low + 1)
    span = high - low
    axis = {
        "yaxis3.range": [low - 0.08 * span, high + 0.3 * span],
        "yaxis3.tickvals": [low, (low + high) / 2, high],
        "yaxis3.ticktext": [f"{low:,.0f}", "commit", f"{high:,.0f}"],
    }
    groups: list[tuple[float, list[ServerId]]] = []
    for name, (_, y) in sorted(steps.items(), key=lambda item: -item[1][1][-1]):
        if np.isnan(y[-1]):
            continue
        if groups and groups[-1][0] - y[-1] < 0.25 * span:
            groups[-1][1].append(name)
        else:
            groups.append((float(y[-1]), [name]))
    texts = [" ".join(map(plain, names)) if len(groups) > 1 else "" for _, names in groups]
    return axis, {"x": np.full(len(groups), end_ms), "y": np.array([height for height, _ in groups]), "text": texts}


# ---- pieces


def bands_within(series: TimelineSeries, window: Span) -> Iterator[tuple[int, ServerId, Band]]:
    for row, (name, server) in enumerate(series.servers.items()):
        for band in server.bands:
            if band.end_ms > window[0]:
                yield row, name, band


def client_middle(top: float, operation: Operation) -> float:
    """Clients share a few rows; neighbours by name (C1, C2 …) get different ones."""
    row = sum(operation.client.encode()) % CLIENT_ROWS
    return top + CLIENTS / 2 + (row - (CLIENT_ROWS - 1) / 2) * 7


def label(band: Band, narrow: bool) -> str:
    """What is written into the band: its term, since colours of terms repeat, and, where there is room, what has to be noticed."""
    words = [f"{band.term}"] if band.term else []
    if narrow:
        return "".join(words)
    if band.role is Role.LEADER:
        words = [f"leader · term {band.term}"]
    return " · ".join(words + ["paused"] * (band.condition is Condition.PAUSED))


def thickness(band: Band) -> float:
    """By role; an outline needs room for its words, and who has seen no term has nothing to say."""
    if band.condition is Condition.PAUSED:
        return THICKNESS[Role.LEADER]
    return THICKNESS[band.role] if band.term else THINNEST


def describe(band: Band) -> str:
    return f"{band.role.value} · term {band.term}" + (" · paused" if band.condition is Condition.PAUSED else "")


def operation_text(operation: Operation) -> str:
    return plain(operation.words) + f"<br>{period(operation.begin_ms, operation.end_ms)}"
