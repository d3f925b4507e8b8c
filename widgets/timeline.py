"""The timeline of a lab: who led in which term, what was committed, what was broken, and what clients asked.

One plotly figure serves all labs of a kernel, one after the other: each new one would send 5 MB to the browser and never be freed there.
"""

from collections.abc import Iterable

from anywidget import AnyWidget
from ipywidgets import HTML, Box, DOMWidget, widget_serialization
from traitlets import Instance

from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import ServerId
from widgets.timeline_figure import Figure, Picture, lay_out, new_figure, picture, show
from widgets.timeline_series import TimelineSeries


class Frame(AnyWidget):
    """Lies behind the figure and mends two things in the browser, before the figure is first shown there.

    The size: by itself plotly sees when the window changes, but not a side bar, nor its own first showing.
    The views: one that left the screen goes on listening, and what it throws would keep every later view from the data.
    """

    figure = Instance(DOMWidget, allow_none=True).tag(sync=True, **widget_serialization)
    _esm = """
    const mended = new WeakSet();

    async function mend(model) {
      const figure = model.get("figure") && await model.widget_manager.get_model(model.get("figure").slice("IPY_MODEL_".length));
      if (!figure || mended.has(figure)) return;
      mended.add(figure);
      const on = figure.on.bind(figure);
      figure.on = (name, callback, context) => {
        if (!`${name}`.startsWith("change:_py2js")) return on(name, callback, context);
        return on(name, (...args) => {
          try { callback(...args); } catch (error) { console.debug("a timeline that is not shown any more:", error); }
        }, context);
      };
    }

    export default {
      initialize({ model }) {
        model.on("change:figure", () => mend(model));
        return mend(model);
      },
      render({ el }) {
        const watch = new ResizeObserver(() => window.dispatchEvent(new Event("resize")));
        watch.observe(el);
        return () => watch.disconnect();
      },
    };
    """
    # plotly writes colours into each SVG node; JupyterLab's variables override them, and so follow the theme while it changes.
    _css = """
    .raft-timeline { position: relative; width: 100%; overflow: hidden; flex-flow: column; }
    .raft-timeline-frame { position: absolute; inset: 0; margin: 0; visibility: hidden; }
    .raft-timeline-loading { color: var(--jp-content-font-color2); padding: 8px 14px; }
    .raft-timeline .xtick text, .raft-timeline .ytick text, .raft-timeline .y3tick text,
    .raft-timeline .xy .bartext, .raft-timeline .xy3 .textpoint text { fill: var(--jp-content-font-color2) !important; }
    .raft-timeline .y2tick text { fill: var(--jp-content-font-color1) !important; }
    .raft-timeline .xy3 .js-line { stroke: var(--jp-content-font-color1) !important; }
    .raft-timeline .xy4 .js-line { stroke: var(--jp-brand-color1) !important; }
    .raft-timeline .hoverlayer .hovertext path { fill: var(--jp-layout-color1) !important; stroke: var(--jp-border-color1) !important; }
    .raft-timeline .hoverlayer .hovertext text { fill: var(--jp-content-font-color1) !important; }
    .raft-timeline .modebar-btn path { fill: var(--jp-content-font-color2) !important; }
    """


_unused: list[Figure] = []


def borrow(servers: Iterable[ServerId]) -> Figure:
    """A figure laid out for these servers: one that was given back, with what it showed last, or else a new one."""
    figure = _unused.pop() if _unused else new_figure()
    lay_out(figure, list(servers))
    return figure


def give_back(figure: Figure) -> None:
    """Let the next lab have the figure."""
    _unused.append(figure)


class Timeline:
    """The timeline of one run. `box` is its widget, which says that it is loading until the first refresh after `start`."""

    def __init__(self, servers: Iterable[ServerId], healthy_delay_ms: tuple[float, float]) -> None:
        self.series = TimelineSeries(servers, healthy_delay_ms)
        self._figure: Figure | None = None
        self._shown: Picture = {}
        self._frame = Frame().add_class("raft-timeline-frame")
        loading = HTML("timeline is loading …").add_class("raft-timeline-loading")
        self.box = Box([self._frame, loading]).add_class("raft-timeline")

    def start(self) -> None:
        """Have a figure from now on. The browser needs seconds for the first one, so the rest of the lab should be visible by now."""
        self._figure = borrow(self.series.servers)
        self._frame.figure = self._figure

    def absorb(self, events: Iterable[Event]) -> None:
        """Remember these events, the next ones of the run; nothing is drawn yet."""
        for event in events:
            self.series.absorb(event)

    def refresh(self, now_ms: float) -> None:
        """Show all that was absorbed, and a line at `now_ms`. For 2 to 4 times a second: plotly queues what comes faster, without end."""
        if self._figure is None:
            return
        shown, self._shown = self._shown, picture(self.series, now_ms)
        show(self._figure, self._shown, before=shown)
        if not shown:  # only now has it something to show
            self.box.children = (self._frame, self._figure)

    def close(self) -> None:
        """Empty the box, and leave the figure to the next lab. No refresh may be running."""
        self.box.children = ()
        if self._figure is not None:
            give_back(self._figure)
        self._figure = None
