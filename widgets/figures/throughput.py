"""How much clients got done."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from raftcore.trace.run import Run
from widgets.figures.canvas import BLUE, FAINT, GRID, MARGIN, canvas, empty, recorded
from widgets.timeline_pieces import RED, TIME_AXIS, Figure, Numbers, period, plain

BINS = 120
OF_A_STEP = 3  # commands that a step should tell of, on average
MOST_OUTAGES = 60


def throughput(run: Run) -> Figure:
    """Commands that ended, a simulated second, over the run: answered, and above those the ones that clients gave up.

    Shaded: no leader could reach a majority; pointing there says since when and why. Bounded: 120 steps over the run, and the 60 longest
    outages.
    """
    recording = recorded(run)
    operations = recording.operations
    ended = operations[operations["outcome"] != "pending"]
    if not len(ended) or run.now_ms <= 0:
        return empty("No client's command has ended in this run.")
    edges = np.linspace(0, run.now_ms, min(max(len(ended) // OF_A_STEP, 12), BINS) + 1)
    seconds = edges[1] / 1_000
    unknown = ended["outcome"] == "unknown"
    answered = np.histogram(ended["returned_at_ms"][~unknown], edges)[0] / seconds
    given_up = np.histogram(ended["returned_at_ms"][unknown], edges)[0] / seconds
    traces = [
        steps("answered", edges, answered, BLUE, "tozeroy"),
        *([steps("given up", edges, answered + given_up, RED, "tonexty")] if unknown.any() else []),
    ]
    mean = (~unknown).sum() / (run.now_ms / 1_000)
    bands = outage_bands(recording.outages, run.now_ms)
    return canvas(
        [*traces, causes(bands, float((answered + given_up).max()))],
        f"Commands answered a second (mean {mean:,.1f}) · shaded: no leader that a majority follows"
        + (" · red: given up" * bool(unknown.any())),
        height=260,
        margin={**MARGIN, "b": 30},
        shapes=[shade(begin, end) for begin, end, _ in bands],
        xaxis={**TIME_AXIS, "range": [0, run.now_ms]},
        yaxis={"rangemode": "tozero", **GRID},
    )


def outage_bands(outages: pd.DataFrame, now_ms: float) -> list[tuple[float, float, str]]:
    """The longest ones, from when to when, and their causes; one that goes on lasts until now."""
    ends = outages["to_ms"].fillna(now_ms)
    longest = (ends - outages["from_ms"]).nlargest(MOST_OUTAGES).index
    columns = outages["from_ms"][longest], ends[longest], outages["cause"][longest].astype(str)
    return list(zip(*columns, strict=True))


def steps(name: str, edges: Numbers, rates: Numbers, colour: str, down_to: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=edges,
        y=np.append(rates, rates[-1]),
        mode="lines",
        line={"shape": "hv", "width": 1.5, "color": colour},
        fill=down_to,
        hovertemplate=f"%{{y:,.4~g}} a second {name}<extra></extra>",
    )


def shade(begin: float, end: float) -> dict[str, object]:
    place = {"type": "rect", "xref": "x", "x0": begin, "x1": end, "yref": "paper", "y0": 0, "y1": 1}
    return {**place, "fillcolor": FAINT, "line": {"width": 0}, "layer": "below"}


def causes(bands: list[tuple[float, float, str]], top: float) -> go.Scatter:
    """A mark over each outage, with its cause."""
    return go.Scatter(
        name="outages",
        x=[(begin + end) / 2 for begin, end, _ in bands],
        y=[top * 1.04] * len(bands),
        mode="markers",
        marker={"symbol": "triangle-down", "size": 8, "color": RED},
        hoverinfo="text",
        hovertext=[f"no leader, {period(begin, end)}<br>{plain(cause)}" for begin, end, cause in bands],
    )
