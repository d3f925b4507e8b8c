"""What all figures share: the clear ground, the words of an empty one, and the tables of a run."""

from typing import Any

import plotly.graph_objects as go

from raftcore import Cluster
from raftcore.recording.recording import Recording
from raftcore.trace.run import Run, require_run
from widgets.timeline_pieces import GREY, LOOK, Figure, Picture

MARGIN = {"l": 64, "r": 14, "t": 40, "b": 44}
BLUE, ORANGE, PINK = "#56b4e9", "#e69f00", "#cc79a7"  # Okabe and Ito's; they read on light and on dark
FAINT = "rgba(119, 131, 143, 0.35)"
GRID = {"gridcolor": "rgba(119, 131, 143, 0.22)", "zeroline": False, "showline": False}


def canvas(traces: list[Any], title: str, **layout: Any) -> Figure:
    """A figure on clear ground."""
    said = {"text": title, "x": 0.008, "xanchor": "left", "y": 0.98, "yanchor": "top", "font": {"size": 13}}
    return go.Figure(data=traces, layout={**LOOK, "margin": MARGIN, "title": said, **layout})


def empty(words: str) -> Figure:
    """A figure that has nothing to show, and says why."""
    note = {"text": words, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "font": {"size": 13, "color": GREY}}
    hidden = {"visible": False}
    return canvas([], "", height=120, xaxis=hidden, yaxis=hidden, annotations=[note])


def fill(figure: Figure, picture: Picture) -> None:
    """Put a picture's data into the figure's traces, by name."""
    for trace in figure.data:
        for name, value in picture[trace.name].items():
            trace[name] = value
    for name, value in picture.get("layout", {}).items():
        figure.layout[name] = value


def recorded(run: Run) -> Recording:
    """The recording of a run, which has its tables. Raises ConfigError where it is none."""
    require_run(run)
    if isinstance(run, Recording):
        return run
    return run.recording if isinstance(run, Cluster) else Recording(run)
