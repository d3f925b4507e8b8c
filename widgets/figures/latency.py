"""How long clients waited."""

from math import log10

import numpy as np
import plotly.graph_objects as go

from raftcore.trace.run import Run
from widgets.figures.canvas import BLUE, GRID, canvas, empty, recorded
from widgets.timeline_pieces import GREY, Figure, Numbers

BINS = 50
POINTS = 200
TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def latency(run: Run) -> Figure:
    """The latencies of all commands that were answered: a histogram, and the empirical distribution by percentile.

    In simulated milliseconds from call to return. To the right, how slow the slowest are: the axis gives each further nine the same room.
    Bounded: 50 bars and 200 points, at the exact percentiles of all commands.
    """
    operations = recorded(run).operations
    answered = operations["outcome"].isin(["ok", "failed"])
    waited = np.sort(operations["latency_ms"][answered].to_numpy())
    if not waited.size:
        return empty("No client has had an answer in this run.")
    others = len(operations) - len(waited)
    median, p99 = np.percentile(waited, [50, 99], method="inverted_cdf")
    title = f"{len(waited):,} commands answered · median {median:,.1f} ms · 99th percentile {p99:,.1f} ms"
    figure = canvas([histogram(waited), distribution(waited)], title + (f" · {others:,} without an answer" if others else ""), height=300)
    ticks = [tick for tick in TICKS if tick <= last_percentile(len(waited))]
    figure.update_layout(
        xaxis={"domain": [0, 0.47], "title": "latency, ms", "showgrid": False, "zeroline": False},
        yaxis={"title": "commands", **GRID},
        xaxis2={
            "domain": [0.56, 1],
            "anchor": "y2",
            "title": "percentile",
            "tickvals": list(map(nines, ticks)),
            "ticktext": [f"{tick:g}" for tick in ticks],
            **GRID,
        },
        yaxis2={"anchor": "x2", "title": "latency, ms", "rangemode": "tozero", **GRID},
    )
    return figure


def histogram(waited: Numbers) -> go.Bar:
    """How many commands took how long."""
    edges = np.linspace(waited[0], max(waited[-1], waited[0] + 1e-9), min(BINS, 2 + len(waited) // 4) + 1)
    counts, _ = np.histogram(waited, edges)
    return go.Bar(
        name="histogram",
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": BLUE, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[f"{low:,.1f} to {high:,.1f} ms: {count:,}" for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)],
    )


def distribution(waited: Numbers) -> go.Scatter:
    """For each percentile, the latency that so many commands did not exceed."""
    most = nines(last_percentile(len(waited)))
    shares = 100 * (1 - 10 ** -np.linspace(0, most, min(POINTS, 4 * len(waited))))
    values = np.percentile(waited, shares, method="inverted_cdf")
    return go.Scatter(
        name="distribution",
        xaxis="x2",
        yaxis="y2",
        x=[nines(share) for share in shares],
        y=values,
        mode="lines",
        line={"shape": "hv", "width": 2, "color": GREY},
        hoverinfo="text",
        hovertext=[f"{share:.6g} % took at most {value:,.1f} ms" for share, value in zip(shares, values, strict=True)],
    )


def last_percentile(count: int) -> float:
    """Where the slowest of so many stands: halfway between the share of the others and all."""
    return 100 * (1 - 1 / (2 * count))


def nines(percentile: float) -> float:
    """Where a percentile stands on the axis: 0 at 0, 1 at 90, 2 at 99, 3 at 99.9.

    >>> round(nines(90), 6), round(nines(99.9), 6)
    (1.0, 3.0)
    """
    return -log10(max(1 - percentile / 100, 1e-12)) + 0.0
