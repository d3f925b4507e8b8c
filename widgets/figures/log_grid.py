"""Every server's log at one moment, side by side."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.names import Index
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief
from widgets.figures.canvas import canvas
from widgets.log_grid import log_picture
from widgets.palette import term_colours
from widgets.part import Picture
from widgets.timeline_pieces import CLEAR, GREY, Figure, plain
from widgets.words import clip

COLUMNS = 14
FITS = 8  # characters in a cell
HIGH, WIDE = 0.64, 0.92  # of a row, and of a column


def log_grid(run: Run, at_ms: float | None = None, from_index: Index | None = None) -> Figure:
    """The logs at `at_ms`, in simulated milliseconds, or at the end: 14 columns from `from_index` on, or the last ones.

    Colour: term. Solid: committed. Dashed and pale: not. A dot: last applied. Hatched: compacted, it stands in the snapshot (§7). Of a
    crashed server, solid is what its disk holds. Raises ConfigError for a time or a place that is none.
    """
    require_run(run)
    first = None if from_index is None else whole(from_index)
    if first is None and from_index is not None:
        raise ConfigError(f"from_index={brief(from_index)} is no place in a log; the first entry is 1")
    view = run.view if at_ms is None else run.trace.view_at(at_ms)
    picture = log_picture(view, first, columns=COLUMNS)
    rows = list(enumerate(picture["servers"]))
    shown = [cell for row, server in rows for cell in cells(row, server, picture)]
    traces = [
        entries(shown),
        outlines([cell for cell in shown if cell["solid"]], "committed", "solid"),
        outlines([cell for cell in shown if not cell["solid"]], "open", "dash"),
        snapshots(rows, picture["first"]),
        applied(rows, picture),
        progress(rows, picture),
    ]
    left = picture["first"] - (2.2 if any(server["snapshot"] for _, server in rows) else 0.6)
    still = {"showgrid": False, "zeroline": False}
    return canvas(
        traces,
        f"Logs at {view.at_ms:,.0f} ms · colour: term · dashed: not committed · dot: last applied",
        height=66 + 60 * len(rows),
        barmode="overlay",
        uniformtext={"minsize": 11, "mode": "hide"},
        margin={"l": 128, "r": 14, "t": 54, "b": 8},
        xaxis={**still, "side": "top", "range": [left, picture["first"] + COLUMNS - 0.4], "dtick": 1, "tickformat": ",d"},
        yaxis={
            **still,
            "range": [len(rows) - 0.4, -0.5],
            "tickvals": [row for row, _ in rows],
            "ticktext": [heading(server) for _, server in rows],
        },
    )


def heading(server: Picture) -> str:
    """A server's name, role and term."""
    if not server["alive"]:
        return f"<b>{plain(server['id'])}</b> {'halted' if server['halted'] else 'crashed'}"
    return f"<b>{plain(server['id'])}</b> {server['role']} · {server['term']}"


def cells(row: int, server: Picture, picture: Picture) -> Iterator[dict[str, Any]]:
    """The entries of a row: where each stands, its term, its words, and whether it is sure to stay."""
    sure = server["commit"] if server["alive"] else server["synced"]
    for index, number in enumerate(server["cells"], server["from"]):
        term, brief, full, _ = picture["entries"][number]
        yield {
            "row": row,
            "index": index,
            "term": term,
            "brief": clip(brief, FITS),
            "full": full,
            "solid": index <= sure,
            "server": server["id"],
        }


def entries(shown: Sequence[dict[str, Any]]) -> Any:
    colours = [term_colours(cell["term"]) for cell in shown]
    return go.Bar(
        name="entries",
        orientation="h",
        base=np.array([cell["index"] - WIDE / 2 for cell in shown]),
        x=np.full(len(shown), WIDE),
        y=np.array([cell["row"] for cell in shown]),
        width=HIGH,
        marker={
            "color": [fill if cell["solid"] else pale(fill) for cell, (fill, _) in zip(shown, colours, strict=True)],
            "line": {"width": 0},
        },
        text=[f"<b>{cell['term']}</b><br>{plain(cell['brief'])}" for cell in shown],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": [ink if cell["solid"] else GREY for cell, (_, ink) in zip(shown, colours, strict=True)]},
        hoverinfo="text",
        hovertext=[f"{plain(cell['server'])} {cell['index']}: {plain(cell['full'])}<br>{standing(cell)}" for cell in shown],
    )


def standing(cell: dict[str, Any]) -> str:
    return "committed" if cell["solid"] else "not known to be committed"


def pale(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.22)"


def outlines(shown: Sequence[dict[str, Any]], name: str, dash: str) -> Any:
    """Frames round these cells, as one trace: nan lifts the pen."""
    half, tall = WIDE / 2, HIGH / 2
    middle = np.array([[cell["index"], cell["row"]] for cell in shown], dtype=float).reshape(-1, 1, 2)
    corners = np.array([[-half, -tall], [half, -tall], [half, tall], [-half, tall], [-half, -tall], [np.nan, np.nan]])
    x, y = (middle + corners).reshape(-1, 2).T
    return go.Scatter(name=name, x=x, y=y, mode="lines", line={"color": GREY, "width": 1.6, "dash": dash}, hoverinfo="skip")


def snapshots(rows: list[tuple[int, Picture]], first: Index) -> Any:
    """A hatched block in front, for what a server has compacted."""
    shown = [(row, server["snapshot"], max(first - 1, server["snapshot"]["index"])) for row, server in rows if server["snapshot"]]
    hatch = {"shape": "/", "size": 8, "solidity": 0.2, "fgcolor": GREY, "bgcolor": CLEAR, "fillmode": "overlay"}
    return go.Bar(
        name="snapshots",
        orientation="h",
        base=np.full(len(shown), first - 2.0),
        x=np.array([last + 0.46 - (first - 2.0) for _, _, last in shown]),
        y=np.array([row for row, _, _ in shown]),
        width=HIGH,
        marker={"color": CLEAR, "line": {"width": 1, "color": GREY}, "pattern": hatch},
        text=[f"to {snapshot['index']:,}" for _, snapshot, _ in shown],
        textposition="inside",
        textangle=0,
        textfont={"color": GREY},
        hoverinfo="text",
        hovertext=[plain(snapshot["said"]) for _, snapshot, _ in shown],
    )


def applied(rows: list[tuple[int, Picture]], picture: Picture) -> Any:
    """A dot behind the entry that was applied last."""
    shown = [(row, server) for row, server in rows if picture["first"] <= server["applied"] <= picture["last"]]
    return go.Scatter(
        name="applied",
        x=np.array([server["applied"] + 0.5 for _, server in shown]),
        y=np.array([row for row, _ in shown]),
        mode="markers",
        marker={"size": 8, "color": GREY},
        hoverinfo="text",
        hovertext=[f"{plain(server['id'])} applied up to {server['applied']:,}" for _, server in shown],
    )


def progress(rows: list[tuple[int, Picture]], picture: Picture) -> Any:
    """Under a follower's row: the leader's matchIndex and nextIndex for it."""
    marks = [(row, server[mark], mark) for row, server in rows for mark in ("match", "next") if server[mark] is not None]
    shown = [mark for mark in marks if picture["first"] <= mark[1] <= picture["last"]]
    return go.Scatter(
        name="progress",
        x=np.array([index for _, index, _ in shown]),
        y=np.array([row + HIGH / 2 + 0.11 for row, _, _ in shown]),
        mode="text",
        text=[mark for _, _, mark in shown],
        textfont={"color": GREY, "size": 11},
        hoverinfo="skip",
    )
