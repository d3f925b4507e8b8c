"""The timeline of a lab: who led in which term, what was committed, what was broken, and what clients asked.

One plotly figure serves all labs of a kernel, one after the other: each new one would send 5 MB to the browser and never be freed there.
"""

from collections.abc import Callable

from anywidget import AnyWidget
from ipywidgets import DOMWidget, widget_serialization
from traitlets import Bool, Instance, Unicode

from raftcore.trace.run import Run
from raftcore.vocabulary.names import ServerId
from widgets.part import Intent, together
from widgets.timeline_figure import lay_out, new_figure, picture, show
from widgets.timeline_pieces import Figure, Picture
from widgets.timeline_window import Window


class Frame(AnyWidget):
    """Holds the figure in the browser; in its place it shows `words` while there is none.

    It makes the view of the figure itself. In a Box, a figure that is taken away before its first view is ready (seconds, for 5 MB of
    plotly) makes ipywidgets send a message to views that are disposed, and the browser's console say so.
    The size: by itself plotly sees when the window changes, but not a side bar, nor its own first showing.
    The views: one that left the screen goes on listening, and what it throws would keep every later view from the data.
    The sight: plotly draws also where nobody can see it, and holds up all else in the browser meanwhile; so the frame says when it is
    scrolled away.
    """

    figure = Instance(DOMWidget, allow_none=True).tag(sync=True, **widget_serialization)
    words = Unicode("").tag(sync=True)
    in_sight = Bool(True).tag(sync=True)  # whether a view of it is scrolled into the window
    _esm = together("timeline.js")
    _css = together("timeline.css")


_unused: list[Figure] = []


def borrow() -> Figure:
    """A figure: one that was given back, with what it showed last, or else a new one."""
    return _unused.pop() if _unused else new_figure()


def give_back(figure: Figure) -> None:
    """Let the next lab have the figure."""
    _unused.append(figure)


class Timeline:
    """The timeline of one run. `box` is its widget, which says that it is loading until the first refresh after `start`."""

    def __init__(self) -> None:
        self._figure: Figure | None = None
        self._window: Window | None = None
        self._shown: Picture = {}
        self._lanes: tuple[ServerId, ...] = ()
        self.box = Frame(words="timeline is loading …").add_class("raft-timeline")

    def on_go(self, callback: Callable[[Intent], None]) -> None:
        """Call back with {"do": "go", "at_ms"} when a person clicks on a moment."""
        self.box.on_msg(lambda _widget, content, _buffers: callback(content) if isinstance(content, dict) else None)

    def start(self) -> None:
        """Have a figure from now on. The browser needs seconds for the first one, so the rest of the lab should be visible by now."""
        self._figure = borrow()

    def refresh(self, run: Run, at_ms: float) -> None:
        """Show this run around `at_ms`, with a line there. For 2 to 4 times a second: plotly queues what comes faster, without end.

        Out of sight, only the first time: what was missed is shown by the next refresh in sight.
        """
        if self._figure is None or (self._shown and not self.box.in_sight):
            return
        if self._window is None or not self._window.covers(run, at_ms):
            self._window, self._lanes = Window(run, at_ms), ()
        self._window.follow()
        series = self._window.series
        if self._lanes != tuple(series.servers):
            self._lanes = tuple(series.servers)
            lay_out(self._figure, self._lanes)
        shown, self._shown = self._shown, picture(series, at_ms)
        show(self._figure, self._shown, before=shown)
        if not shown:  # only now has it something to show
            self.box.figure = self._figure

    def close(self) -> None:
        """Empty the box, and leave the figure to the next lab. No refresh may be running."""
        with self.box.hold_sync():
            self.box.figure, self.box.words = None, ""
        if self._figure is not None:
            give_back(self._figure)
        self._figure = self._window = None
