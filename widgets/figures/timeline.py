"""The timeline of a whole run: the lab's, as a figure that stays."""

import plotly.graph_objects as go

from raftcore.trace.run import Run
from widgets.figures.canvas import fill
from widgets.timeline_figure import lay_out, layout, picture, traces
from widgets.timeline_pieces import Figure
from widgets.timeline_series import series_of


def timeline(run: Run) -> Figure:
    """Who led in which term, what was broken, what clients asked, and each server's commit index, in simulated milliseconds.

    Bounded: 1,000 bands of each server, and where a run has more, the figure begins with the first that is remembered; 1,200 steps of
    each commit index and 1,000 operations, and of more every other one.
    """
    series = series_of(run)
    shown = picture(series, run.now_ms)
    figure = go.Figure(data=[trace for trace in traces() if len(shown[trace.name]["x"]) and trace.name != "now"], layout=layout())
    lay_out(figure, list(series.servers))
    fill(figure, shown)
    if series.since_ms > 0:
        figure.layout.xaxis.autorangeoptions.minallowed = series.since_ms
    return figure
