"""The space-time diagram of a window of a run: a line for each server, and the messages between them (Lamport 1978).

`space_time` is a plain figure, `hover_space_time` one that follows the pointer while a kernel runs. Both are filled with the same pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isinf
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from msgspec import Struct

from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import AnyEvent, Event, MessageDelivered, MessageDropped, MessageSent
from raftcore.vocabulary.names import Address
from raftcore.vocabulary.numbers import number as number_of
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief
from widgets.event_feed import LEFT_OUT
from widgets.figures.canvas import BLUE, FAINT, ORANGE, PINK, canvas, fill
from widgets.figures.causality import BEFORE, Cone, Flight, cone_of
from widgets.timeline import Frame
from widgets.timeline_figure import show
from widgets.timeline_pieces import GREY, RED, TIME_AXIS, Figure, Picture, Props, Span, lines, plain
from widgets.words import concerns, describe, line

MOST_MESSAGES = 800
MOST_DOTS = 400
LANE_PX = 48
ABOVE = 0.18
TRAFFIC = (MessageSent, MessageDelivered, MessageDropped)
NOBODY = Cone(frozenset(), frozenset(), {}, {})


class Scene(Struct, frozen=True):
    """What happened in the window: lanes from the top, messages, and other events (time, lane, words)."""

    from_ms: float
    to_ms: float
    lanes: tuple[Address, ...]
    flights: tuple[Flight, ...]
    dots: tuple[tuple[float, Address, str], ...]


def space_time(run: Run, from_ms: float, to_ms: float, highlight: int | None = None) -> Figure:
    """Messages as lines from sending (ring) to receiving (disc) or loss (cross); pointing at one says what it is.

    from_ms, to_ms: simulated milliseconds. highlight: the id of a message, as in `run.messages`; then what could have caused it is blue,
    and what it could have caused is orange. Bounded: the window ends early, and the title says so, once it has 800 messages; of other
    events it has the first 400. Raises ConfigError for a window or a message that is none.
    """
    from_ms, to_ms = window_of(run, from_ms, to_ms)
    scene = scene_of(run, from_ms, to_ms)
    figure = canvas(list(traces()), title(scene, to_ms), **layout(scene))
    fill(figure, picture(scene, highlight))
    return figure


def hover_space_time(run: Run, from_ms: float, to_ms: float) -> Frame:
    """The same, as a widget: the causal past and future of the message under the pointer light up. Needs a kernel."""
    from_ms, to_ms = window_of(run, from_ms, to_ms)
    scene = scene_of(run, from_ms, to_ms)
    figure = go.FigureWidget(canvas(list(traces()), title(scene, to_ms), **layout(scene)))
    figure.set_trait("_config", {"responsive": True, "displaylogo": False, "showSendToCloud": False})
    shown = picture(scene, None)
    fill(figure, shown)
    hovered = next(trace for trace in figure.data if trace.name == "messages")
    by_point = [flight.id for flight in scene.flights for _ in PLACES]

    def light_up(_trace: object, points: Any, _state: object) -> None:
        nonlocal shown
        if points.point_inds:
            before, shown = shown, picture(scene, by_point[points.point_inds[0]])
            show(figure, shown, before)

    hovered.on_hover(light_up)
    return Frame(figure=figure)


# ---- what happened


def window_of(run: Run, from_ms: float, to_ms: float) -> Span:
    """Two moments as floats; a window without an end ends with the run. ConfigError for no moments, no room between them, and no run."""
    require_run(run)
    for at_ms in (from_ms, to_ms):
        run.trace.position_at(at_ms)
    begin_ms, end_ms = (number_of(at_ms) or 0.0 for at_ms in (from_ms, to_ms))
    end_ms = run.now_ms if isinf(end_ms) else end_ms
    if end_ms <= begin_ms:
        raise ConfigError(f"a window from {begin_ms:g} to {end_ms:g} ms has no room; give a later end")
    return begin_ms, end_ms


def scene_of(run: Run, from_ms: float, to_ms: float) -> Scene:
    """The messages and events of a window."""
    start, end = run.trace.position_at(from_ms), run.trace.position_at(to_ms)
    sent = {number: (BEFORE, event) for number, event in run.trace.view_after(start).messages.items()}
    ended: dict[int, tuple[int, Event, str]] = {}
    dots: list[tuple[float, Address, str]] = []
    for position, event in enumerate(run.trace[start:end], start):
        if type(event) is MessageSent:
            if len(sent) >= MOST_MESSAGES:
                to_ms = event.at_ms
                break
            sent[event.id] = (position, event)
        elif type(event) is MessageDelivered or type(event) is MessageDropped:
            ended[event.id] = (position, event, event.reason.value if type(event) is MessageDropped else "")
        elif not isinstance(event, LEFT_OUT) and len(dots) < MOST_DOTS:
            dots += [(event.at_ms, place, line(cast("AnyEvent", event))) for place in concerns(cast("AnyEvent", event))[:1]]
    flights = tuple(flight_of(position, event, ended.get(number)) for number, (position, event) in sent.items())
    met = {place for flight in flights for place in (flight.source, flight.target)}
    lanes = (*run.server_ids, *sorted(met.difference(run.server_ids)))
    return Scene(from_ms, to_ms, lanes, flights, tuple(dot for dot in dots if dot[1] in lanes))


def flight_of(sent_at: int, sent: MessageSent, end: tuple[int, Event, str] | None) -> Flight:
    """The message with its end: position in the trace, event, and why it was lost; None while it flies."""
    ended_at, end_ms, why_lost = (end[0], end[1].at_ms, end[2]) if end else (None, sent.deliver_at_ms, "")
    return Flight(
        id=sent.id,
        source=sent.source,
        target=sent.target,
        sent_ms=sent.at_ms,
        end_ms=end_ms,
        sent_at=sent_at,
        ended_at=ended_at,
        why_lost=why_lost,
        way=(end_ms - sent.at_ms) / ((sent.deliver_at_ms - sent.at_ms) or 1.0) if why_lost else 1.0,
        words=f"{sent.source} → {sent.target}: {describe(sent.message)}",
    )


# ---- the figure


def traces() -> Iterator[Any]:
    """From the bottom: the lanes, the light cones on them, the messages, and what can be pointed at."""
    quiet = {"mode": "lines", "hoverinfo": "skip"}
    yield go.Scatter(name="lanes", line={"color": FAINT, "width": 2}, **quiet)
    yield go.Scatter(name="past lanes", line={"color": BLUE, "width": 5}, **quiet)
    yield go.Scatter(name="future lanes", line={"color": ORANGE, "width": 5}, **quiet)
    yield go.Scatter(name="others", line={"color": GREY, "width": 1}, **quiet)
    yield go.Scatter(name="past", line={"color": BLUE, "width": 2}, **quiet)
    yield go.Scatter(name="future", line={"color": ORANGE, "width": 2}, **quiet)
    yield go.Scatter(name="chosen", line={"color": PINK, "width": 4}, **quiet)
    yield go.Scatter(name="messages", mode="markers", hoverinfo="text", marker={"color": GREY, "line": {"width": 1.2}})
    yield go.Scatter(name="events", mode="markers", hoverinfo="text", marker={"symbol": "square", "size": 6, "color": GREY})


def layout(scene: Scene) -> dict[str, Any]:
    """The axes: time to the right, a lane for each server and client."""
    return {
        "height": 76 + LANE_PX * len(scene.lanes),
        "margin": {"l": 52, "r": 14, "t": 40, "b": 28},
        "xaxis": {**TIME_AXIS, "range": [scene.from_ms, scene.to_ms]},
        "yaxis": {
            "range": [len(scene.lanes) - 0.6, -0.4],
            "tickvals": list(range(len(scene.lanes))),
            "ticktext": [plain(name) for name in scene.lanes],
            "showgrid": False,
            "zeroline": False,
        },
    }


def title(scene: Scene, to_ms: float) -> str:
    """What the window holds, and where it was cut short."""
    held = f"{len(scene.flights):,} messages, {scene.from_ms:,.0f} to {scene.to_ms:,.0f} ms"
    cut = f" · {MOST_MESSAGES} messages at most, so not up to {to_ms:,.0f} ms" if scene.to_ms < to_ms else ""
    return f"{held} · ring: sent · disc: received · cross: lost · square: something else{cut}"


MIDDLE = 0.5
PLACES = (0.0, MIDDLE, 1.0)
"""Where on its line a message can be pointed at: at both ends, and in the middle."""


def picture(scene: Scene, highlight: int | None) -> Picture:
    """The data of every trace, with one message chosen, or none. ConfigError if the window has no such message."""
    number = whole(highlight)
    chosen = next((flight for flight in scene.flights if flight.id == number), None)
    if highlight is not None and chosen is None:
        raise ConfigError(f"no message {brief(highlight)} flies between {scene.from_ms:g} and {scene.to_ms:g} ms; run.messages has the ids")
    cone = cone_of(scene.flights, chosen) if chosen else NOBODY
    row = {name: place for place, name in enumerate(scene.lanes)}
    window = (scene.from_ms, scene.to_ms)
    of_group = {flight.id: group_of(flight, cone, number) for flight in scene.flights}
    past = [(scene.from_ms, end, row[name]) for name, end in cone.past_until.items()]
    future = [(begin, scene.to_ms, row[name]) for name, begin in cone.future_since.items()]
    slants = {name: slanted([flight for flight in scene.flights if of_group[flight.id] == name], row) for name in COLOURS}
    return {
        **slants,
        "others": {**slants["others"], "line.color": FAINT if chosen else GREY},
        "lanes": level([(*window, place) for place in row.values()], window),
        "past lanes": level(past, window),
        "future lanes": level(future, window),
        "messages": message_points(scene.flights, row, [COLOURS[of_group[flight.id]] for flight in scene.flights]),
        "events": event_points(scene, row),
        "layout": {},
    }


COLOURS = {"others": GREY, "past": BLUE, "future": ORANGE, "chosen": PINK}


def group_of(flight: Flight, cone: Cone, highlight: int | None) -> str:
    """Whether a message is the chosen one, or in its past or future."""
    if flight.id == highlight:
        return "chosen"
    return "past" if flight.id in cone.past else "future" if flight.id in cone.future else "others"


def level(spans: Sequence[tuple[float, float, float]], window: Span) -> Props:
    x, y = lines(spans, window)
    return {"x": x, "y": y}


def slanted(flights: Sequence[Flight], row: Mapping[Address, int]) -> Props:
    """The messages' lines as one trace: nan lifts the pen."""
    x = np.array([[flight.sent_ms, flight.end_ms, np.nan] for flight in flights]).ravel()
    y = np.array([[row[flight.source], height(flight, 1, row), np.nan] for flight in flights]).ravel()
    return {"x": x, "y": y}


def height(flight: Flight, share: float, row: Mapping[Address, int]) -> float:
    """Where a message is when it has made this share of what it flew; one that was lost ends between the lanes."""
    return row[flight.source] + share * flight.way * (row[flight.target] - row[flight.source])


def message_points(flights: Sequence[Flight], row: Mapping[Address, int], colours: Sequence[str]) -> Props:
    """Three points for each message, to point at: a ring where it was sent, an unseen one midway, and how it ended."""
    points = [(flight, share) for flight in flights for share in PLACES]
    drawn = [colour for colour in colours for _ in PLACES]
    seen = [share != MIDDLE for _, share in points]
    return {
        "x": np.array([flight.sent_ms + share * (flight.end_ms - flight.sent_ms) for flight, share in points]),
        "y": np.array([height(flight, share, row) for flight, share in points]),
        "hovertext": [hover_text(flight) for flight, _ in points],
        "marker.symbol": [end_symbol(flight) if share == 1 else "circle-open" for flight, share in points],
        "marker.size": np.where(seen, 7, 12),
        "marker.opacity": np.where(seen, 1.0, 0.0),
        "marker.color": [RED if flight.why_lost and share == 1 else colour for (flight, share), colour in zip(points, drawn, strict=True)],
        "marker.line.color": [
            RED if flight.why_lost and share == 1 else colour for (flight, share), colour in zip(points, drawn, strict=True)
        ],
    }


def end_symbol(flight: Flight) -> str:
    if flight.why_lost:
        return "x-thin"
    return "circle" if flight.arrived else "triangle-right-open"


def hover_text(flight: Flight) -> str:
    """The message, when it flew, and its id."""
    how = f"lost: {flight.why_lost}" if flight.why_lost else "" if flight.arrived else "still in flight"
    flown = f"{flight.sent_ms:,.1f} to {flight.end_ms:,.1f} ms"
    return "<br>".join(plain(text) for text in (flight.words, flown, how, f"message {flight.id}") if text)


def event_points(scene: Scene, row: Mapping[Address, int]) -> Props:
    """What else happened at each place, a little above its lane, where no message ends."""
    return {
        "x": np.array([at_ms for at_ms, _, _ in scene.dots]),
        "y": np.array([row[place] - ABOVE for _, place, _ in scene.dots]),
        "hovertext": [f"{plain(words)}<br>{at_ms:,.1f} ms" for at_ms, _, words in scene.dots],
    }
