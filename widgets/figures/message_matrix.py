"""Who sent how much to whom, and what of it was lost."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from raftcore.trace.run import Run
from widgets.figures.canvas import canvas, empty, recorded
from widgets.timeline_pieces import Figure, Numbers, plain

CLIENTS = "clients"
SCALE = "Cividis"


def message_matrix(run: Run) -> Figure:
    """Messages by source and target: how many were sent, and which share of those that ended was dropped.

    Bounded by the number of servers: all clients share a row and a column. What is still in flight when the run ends counts as sent.
    """
    messages = recorded(run).messages
    if not len(messages):
        return empty("No message was sent in this run.")
    names = [*run.server_ids, CLIENTS]
    ended, dropped = messages["outcome"] != "in flight", messages["outcome"] == "dropped"
    sent, arrived_or_not, lost = (crossed(messages[chosen], names) for chosen in (ended | ~ended, ended, dropped))
    share = 100 * np.nan_to_num(lost) / arrived_or_not
    labels = list(map(plain, names))
    figure = canvas(
        [heat("sent", sent, labels, "{:,.0f}"), heat("dropped", share, labels, "{:.3g} %", "2")],
        f"{len(messages):,} messages, from row to column · left: sent · right: share dropped ({np.nansum(lost):,.0f} in all)",
        height=70 + 36 * len(names),
        margin={"l": 64, "r": 14, "t": 62, "b": 10},
    )
    plain_axis = {"showgrid": False, "zeroline": False, "ticks": "", "showline": False}
    for number, domain in (("", [0, 0.47]), ("2", [0.53, 1])):
        figure.layout[f"xaxis{number}"] = {**plain_axis, "domain": domain, "anchor": f"y{number}", "side": "top"}
        figure.layout[f"yaxis{number}"] = {**plain_axis, "anchor": f"x{number}", "autorange": "reversed", "showticklabels": not number}
    return figure


def crossed(messages: pd.DataFrame, names: list[str]) -> Numbers:
    """How many of these messages went from each name to each; nan for none."""
    source, target = (messages[end].astype("object").where(messages[end].isin(names), CLIENTS) for end in ("source", "target"))
    counts = pd.crosstab(source, target).reindex(index=names, columns=names).to_numpy(dtype=float)
    return np.where(counts > 0, counts, np.nan)


def heat(name: str, values: Numbers, labels: list[str], form: str, axis: str = "") -> go.Heatmap:
    """One of the two matrices; a pair that never spoke stays clear."""
    return go.Heatmap(
        name=name,
        x=labels,
        y=labels,
        z=values,
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        zmin=0,
        zmax=max(np.nanmax(values, initial=0), 1),
        colorscale=SCALE,
        showscale=False,
        xgap=2,
        ygap=2,
        text=[["" if np.isnan(value) else form.format(value) for value in line] for line in values],
        texttemplate="%{text}",
        hovertemplate=f"%{{y}} → %{{x}}: %{{text}} {name}<extra></extra>",
        hoverongaps=False,
    )
