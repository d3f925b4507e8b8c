"""A history of clients as a figure: a row a client, a bar an operation, and the order that explains the answers, as far as there is one.

A filled bar changes its key, a hollow one looks at it. A disc is a moment at which the operation may have happened, in the order in which
they did. What can't follow is red, and what has no place in the order is pale.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf, isfinite
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from raftcore.checks.linearizability import BUDGET, KEY_VALUE, Model, Operation, Result, Verdict, check, history
from raftcore.trace.run import Run
from raftcore.vocabulary.commands import Get
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.spelling import brief
from widgets.figures.background import Background, background_of
from widgets.palette import term_colours
from widgets.timeline_pieces import CLEAR, GREY, LOOK, RED, TIME_AXIS, Figure, period, plain
from widgets.words import clip, short

SLATE, PAPER, INK = "#5b6770", "#ffffff", "#1f2a33"  # white reads on slate, and slate on light and on dark
PALE = 0.35
ROW, TOP, BOTTOM = 34, 48, 40
FAULT_NAMES, BAR, OPEN_BAR, DISC = 0.7, 0.62, 0.12, 0.31
"""Of a row's height. Who got no answer may ask again while the operation is open: its bar is low, and lies under the next ones. Discs

lie on the lower edge of a bar.
"""

LINE = 120

MOST_OPERATIONS = 2_000

NUMBERED = 60
"""With so many operations or fewer, each disc says which place in the order it has."""

LABEL = {"textposition": "inside", "insidetextanchor": "start", "textangle": 0}
WORDS = {Verdict.LINEARIZABLE: "✓ Linearizable", Verdict.NOT_LINEARIZABLE: "✗ Not linearizable", Verdict.UNKNOWN: "? Unknown"}


def history_figure(source: Run | Iterable[Operation], model: Model = KEY_VALUE, budget: int = BUDGET) -> Figure:
    """Check the history of a run, or one that was read from a file, and show it.

    The axis is simulated time in milliseconds, with who led and what was wrong; where the history is a file's, it is the file's lines.
    Bounded: 2,000 operations, and of more those before what can't follow, or the latest. Raises what `check` does.
    """
    if isinstance(source, Iterable):
        operations, background = _operations(source), Background()
    else:
        operations, background = history(source), background_of(source)
    return _Drawing(operations, check(operations, model, budget), background).figure()


def _operations(source: Iterable[Operation]) -> tuple[Operation, ...]:
    try:
        operations = iter(source)
    except TypeError:  # an array of no dimension claims to be iterable
        raise ConfigError(f"{brief(source)} is no history; give a run, or the operations that a reader has read") from None
    return tuple(operations)


def _part(operations: tuple[Operation, ...], result: Result) -> tuple[Operation, ...]:
    """As many operations as a figure has room for."""
    if len(operations) <= MOST_OPERATIONS:
        return operations
    last = operations.index(result.cannot_follow) + MOST_OPERATIONS // 10 if result.cannot_follow else len(operations)
    end = min(max(last, MOST_OPERATIONS), len(operations))
    return operations[end - MOST_OPERATIONS : end]


class _Drawing:
    """What is drawn where: the rows from the top are leaders, then clients in the order in which they came."""

    def __init__(self, operations: tuple[Operation, ...], result: Result, background: Background) -> None:
        self._result, self._background = result, background
        self._operations = shown = _part(operations, result)
        last = max((at for it in shown for at in (it.began, it.ended) if isfinite(at)), default=0.0)
        self._end = (background.end_ms or last + 1) if shown[-1:] == operations[-1:] else self._at(last)
        self._begin = 0.0 if shown[:1] == operations[:1] else self._at(shown[0].began)
        self._lanes = len(background.lanes)
        clients = dict.fromkeys(it.client for it in shown)
        self._row_of = {client: self._lanes + row for row, client in enumerate(clients)}
        self._rows = self._lanes + len(clients)
        self._placed = set(result.longest_prefix)

    def figure(self) -> Figure:
        traces = [*self._fault_bars(), *self._leader_bars(), *self._operation_bars(), *self._order()]
        return go.Figure(data=traces, layout=self._layout())

    def _layout(self) -> dict[str, Any]:
        names = [*["leader"] * min(self._lanes, 1), *[""] * (self._lanes - 1), *map(plain, self._row_of)]
        unit = {} if self._background.end_ms else {"ticksuffix": "", "title": {"text": "line"}}
        font = {"size": 13, "color": RED if self._result.cannot_follow else GREY}
        height = TOP + BOTTOM + ROW * (self._rows + FAULT_NAMES)
        title = {"text": self._title(), "font": font, "x": 0, "xref": "paper", "y": 1 - 10 / height, "yref": "container", "yanchor": "top"}
        rows = {"tickvals": [row + 0.5 for row in range(self._rows)], "ticktext": names, "range": [self._rows, -FAULT_NAMES]}
        return {
            **LOOK,
            "height": height,
            "margin": {"l": 64, "r": 14, "t": TOP, "b": BOTTOM},
            "uniformtext": {"minsize": 11, "mode": "hide"},  # a label that does not fit its bar is left out
            "barmode": "overlay",
            "title": title,
            "annotations": self._contradiction(),
            "xaxis": {**TIME_AXIS, **unit, "range": [self._begin, self._end + 0.005 * (self._end - self._begin)]},
            "yaxis": {"showgrid": False, "zeroline": False, **rows, "fixedrange": True},
        }

    def _contradiction(self) -> list[dict[str, Any]]:
        """What the answer says that no order has a place for, beside its bar, which may be too short for words."""
        it = self._result.cannot_follow
        if it is None:
            return []
        begin, end = self._at(it.began), self._at(it.ended)
        is_late = begin + end > self._begin + self._end
        place = {"x": begin, "xanchor": "right"} if is_late else {"x": end, "xanchor": "left"}
        return [{**place, "y": self._middle(it), "text": _words(it), "font": {"size": 11, "color": RED}, "showarrow": False}]

    def _title(self) -> str:
        lines = wrap(f"{WORDS[self._result.verdict]}: {clip(self._result.sentence, 2 * LINE)}", LINE)
        return "<br>".join(map(plain, lines))

    # ---- behind the operations

    def _fault_bars(self) -> list[Any]:
        faults = self._background.faults
        hatch = {"shape": "/", "size": 8, "solidity": 0.12, "fgcolor": GREY, "bgcolor": CLEAR, "fillmode": "overlay"}
        place = self._spans((fault.begin_ms, fault.end_ms) for fault in faults)
        middle, invisible = (self._rows - FAULT_NAMES) / 2, {"color": CLEAR, "line": {"width": 0}}
        labels = {
            "text": [plain(fault.label) for fault in faults],
            "hovertext": [f"{plain(fault.label)}<br>{period(fault.begin_ms, fault.end_ms)}" for fault in faults],
            "insidetextfont": {"color": GREY, "size": 11},
        }
        over_all = {
            "y": [middle] * len(faults),
            "width": self._rows + FAULT_NAMES,
            "marker": {**invisible, "pattern": hatch},
            "hoverinfo": "skip",
        }
        return [
            go.Bar(name="faults", **place, **over_all),
            go.Bar(
                name="fault labels",
                **place,
                **labels,
                **LABEL,
                y=[-FAULT_NAMES / 2] * len(faults),
                width=FAULT_NAMES,
                marker=invisible,
                hoverinfo="text",
            ),
        ]

    def _leader_bars(self) -> list[Any]:
        shown = [(lane, reign) for lane, reigns in enumerate(self._background.lanes) for reign in reigns]
        colours = [term_colours(reign.term) for _, reign in shown]
        words = {
            "text": [f"{reign.server} · term {reign.term}" for _, reign in shown],
            "hovertext": [f"{reign.server} led term {reign.term}<br>{period(reign.begin_ms, reign.end_ms)}" for _, reign in shown],
            "insidetextfont": {"color": [ink for _, ink in colours], "size": 11},
        }
        place = self._spans((reign.begin_ms, reign.end_ms) for _, reign in shown)
        marker = {"color": [fill for fill, _ in colours], "line": {"width": 0}}
        y = [lane + 0.5 for lane, _ in shown]
        return [go.Bar(name="leaders", **place, **words, **LABEL, y=y, width=BAR, marker=marker, hoverinfo="text")]

    # ---- operations

    def _operation_bars(self) -> list[Any]:
        shown = self._operations
        colours = [RED if it == self._result.cannot_follow else SLATE for it in shown]
        hollow = [colour != RED and (isinstance(it.command, Get) or it.ok is False) for it, colour in zip(shown, colours, strict=True)]
        words = {
            "text": ["" if it.ok is None or it == self._result.cannot_follow else _words(it) for it in shown],
            "hovertext": [self._hover(it) for it in shown],
            "insidetextfont": {"size": 11, "color": [GREY if empty else PAPER for empty in hollow]},
        }
        marker = {
            "color": [CLEAR if empty else colour for empty, colour in zip(hollow, colours, strict=True)],
            "line": {"color": colours, "width": 1.5},
            "opacity": [1.0 if self._counts(it) else PALE for it in shown],
        }
        place = self._spans((self._at(it.began), self._at(it.ended)) for it in shown)
        width = [OPEN_BAR if it.ok is None else BAR for it in shown]
        y = [self._middle(it) for it in shown]
        return [go.Bar(name="operations", **place, **words, **LABEL, y=y, width=width, marker=marker, hoverinfo="text")]

    def _order(self) -> list[Any]:
        """A disc at a moment of each operation in the order, and a line through them."""
        shown = set(self._operations)
        order = [(place, it) for place, it in enumerate(self._result.longest_prefix, 1) if it in shown]
        x = moments([(self._at(it.began), self._at(it.ended)) for _, it in order])
        y = [self._middle(it) + (DISC if it.ok is not None else 0) for _, it in order]
        numbered = len(order) <= NUMBERED
        look = {"size": 13 if numbered else 6, "color": PAPER, "line": {"width": 1.2, "color": SLATE}}
        words = {
            "text": [str(place) for place, _ in order],
            "textfont": {"size": 9, "color": INK},
            "hovertext": [f"{place}. {self._hover(it)}" for place, it in order],
        }
        mode = "markers+text" if numbered else "markers"
        return [
            go.Scatter(name="order", x=x, y=y, mode="lines", line={"width": 1, "color": GREY, "dash": "dot"}, hoverinfo="skip"),
            go.Scatter(name="moments", x=x, y=y, mode=mode, marker=look, hoverinfo="text", **words),
        ]

    # ---- pieces

    def _spans(self, spans: Iterable[tuple[float, float]]) -> dict[str, Any]:
        """Where horizontal bars begin and how long they are; what has no end goes on to that of the figure."""
        within = [(begin, min(end, self._end)) for begin, end in spans]
        return {"orientation": "h", "base": [begin for begin, _ in within], "x": [end - begin for begin, end in within]}

    def _at(self, position: float) -> float:
        """Where on the axis something happened."""
        return self._background.time_of(position) if position < inf else self._end

    def _middle(self, operation: Operation) -> float:
        return self._row_of[operation.client] + (0.46 if operation.ok is not None else 0.9)

    def _counts(self, operation: Operation) -> bool:
        return operation in self._placed or operation == self._result.cannot_follow

    def _hover(self, operation: Operation) -> str:
        notes = [period(self._at(operation.began), self._at(operation.ended) if operation.ok is not None else inf)]
        if operation.stale:
            notes.append("it may have been answered from an old state, so it claims nothing")
        elif operation == self._result.cannot_follow:
            notes.append("no order of the answers before it has a place for this one")
        return "<br>".join([plain(clip(str(operation))), *notes])


def _words(operation: Operation) -> str:
    """What stands in a bar: the command, and what a read found."""
    found = "" if operation.ok is None or not isinstance(operation.command, Get) else f" → {_found(operation)}"
    return plain(f"{short(operation.command)}{found}{' ✗' if operation.ok is False else ''}{' stale' if operation.stale else ''}")


def _found(operation: Operation) -> str:
    return clip(operation.value, 12) if isinstance(operation.value, str) else "–" if operation.value is None else "?"


def moments(spans: Sequence[tuple[float, float]]) -> list[float]:
    """A moment within each span, in the order in which they come: halfway between the earliest and the latest that the order allows.

    >>> moments([(0, 10), (4, 8), (2, 20)])
    [4.0, 6.0, 12.0]
    """
    earliest = list(accumulate((begin for begin, _ in spans), max))
    latest = list(accumulate((end for _, end in reversed(spans)), min))
    return [(first + last) / 2 for first, last in zip(earliest, reversed(latest), strict=True)]
