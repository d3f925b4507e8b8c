"""What the timeline's pictures are made of: heights, colours, bars and lines."""

from collections.abc import Iterable
from html import escape
from math import inf
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Figure: TypeAlias = Any  # plotly has no types
Props: TypeAlias = dict[str, Any]
Picture: TypeAlias = dict[str, Props]
Numbers: TypeAlias = NDArray[np.float64]
Span: TypeAlias = tuple[float, float]

# Heights in pixels, from the top: the names of faults, a lane for each server, who votes, the clients, a gap, the commit index.
FAULTS, LANE, MEMBERS, CLIENTS, GAP, COMMITS = 18, 22, 18, 26, 8, 68

GREY, RED = "#77838f", "#d0453b"  # these two read on light and on dark
CLEAR = "rgba(0, 0, 0, 0)"
INVISIBLE: Props = {"marker.color": CLEAR, "marker.line.width": 0.0}  # a bar that only carries a pattern or a text
NOTHING: Numbers = np.empty(0)

LOOK: Props = {
    "template": {},
    "autosize": True,
    "paper_bgcolor": CLEAR,
    "plot_bgcolor": CLEAR,
    "font": {"size": 11, "color": GREY},
    "showlegend": False,
    "hovermode": "closest",
    "hoverlabel": {"align": "left", "font": {"size": 12}},
    "modebar": {"remove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "toImage"], "bgcolor": CLEAR, "color": GREY},
}
"""What all figures have in common: they are clear, so that they stand on any theme, and their words read on light and on dark."""

TIME_AXIS: Props = {
    "showgrid": False, "zeroline": False, "separatethousands": True, "exponentformat": "none", "ticksuffix": " ms", "nticks": 9,
}  # fmt: skip


def bars(spans: Iterable[Span], window: Span) -> Props:
    """Where horizontal bars begin (`base`) and how long they are (`x`), cut to the window."""
    begin, end = np.clip(np.array(list(spans)).reshape(-1, 2), *window).T.copy()  # a message can only carry arrays that are contiguous
    return {"base": begin, "x": end - begin}


def lines(spans: Iterable[tuple[float, float, float]], window: Span) -> tuple[Numbers, Numbers]:
    """Separate horizontal lines (begin, end, height) as one trace: nan lifts the pen."""
    begin, end, height = np.array(list(spans)).reshape(-1, 3).T
    gap = np.full(len(begin), np.nan)
    return np.stack([begin.clip(*window), end.clip(*window), gap], axis=1).ravel(), np.stack([height, height, gap], axis=1).ravel()


def lane_middle(row: int) -> float:
    return (row + 0.5) * LANE


def period(begin_ms: float, end_ms: float) -> str:
    return f"{begin_ms:,.0f} to {end_ms:,.0f} ms" if end_ms < inf else f"since {begin_ms:,.0f} ms"


def plain(text: str) -> str:
    """The text so that plotly shows each of its characters: no tags, no entities, no TeX."""
    return escape(text, quote=False).replace("$", "&#36;")
