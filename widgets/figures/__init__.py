"""Pictures of recorded runs, as plain plotly figures: they need no kernel and no widget, and stand in a saved or exported notebook.

Each takes a run, a recording or a live cluster, and returns a figure of bounded size, however long the run is; each says how.
What is no run is refused with a ConfigError.
"""

from widgets.figures.exported import install
from widgets.figures.history import history_figure
from widgets.figures.latency import latency
from widgets.figures.log_grid import log_grid
from widgets.figures.message_matrix import message_matrix
from widgets.figures.space_time import hover_space_time, space_time
from widgets.figures.throughput import throughput
from widgets.figures.timeline import timeline

__all__ = ["history_figure", "hover_space_time", "latency", "log_grid", "message_matrix", "space_time", "throughput", "timeline"]

install()  # a figure that stands in a notebook must also show where that is exported; this goes for other figures of plotly's too
