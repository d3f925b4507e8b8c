"""The timeline of a whole run as one SVG: bands of role and term, faults, operations and commit indexes.

What it shows comes from the same series as the lab's timeline. Places along the time are percentages, so it fits any width; page.js lays
the moment shown over it.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from math import inf, isnan, log10

from raftcore.checks.violation import Violation
from widgets.palette import term_class
from widgets.timeline_figure import commit_axis, commit_steps, describe, label, thickness
from widgets.timeline_pieces import CLIENTS, COMMITS, FAULTS, GAP, LANE, MEMBERS, Numbers, lane_middle, period
from widgets.timeline_series import Band, Condition, Operation, TimelineSeries
from widgets.words import members, numbers

AXIS = 20
STRETCH = 10_000
LEAST_NUMBER, LEAST_WORDS = 0.012, 0.09  # shares of the width that a term's number, and its words, need
DASHES = ("none", "7 4", "2 3", "7 3 2 3", "12 4", "12 3 2 3", "5 2", "1 5", "10 3 2 3 2 3")
SYMBOLS = {"square": "M-3-3h6v6h-6z", "triangle-down": "M-4-3h8l-4 7z", "triangle-right": "M-3-4v8l7-4z"}


class Drawing:
    """Draws one series up to `end_ms`, in simulated milliseconds, and where something was violated."""

    def __init__(self, series: TimelineSeries, end_ms: float, violations: Sequence[Violation] = ()) -> None:
        self._series = series
        self._violations = violations
        self._end_ms = end_ms or 1.0
        lanes = FAULTS + len(series.servers) * LANE
        self._members, self._clients, self._commits = lanes, lanes + MEMBERS, lanes + MEMBERS + CLIENTS + GAP
        self.height = self._commits + COMMITS + AXIS

    def svg(self) -> str:
        """The whole drawing."""
        layers = (self._forgotten(), self._faults(), self._bands(), self._marks(), self._voters(), self._operations(), self._broken())
        shapes = "".join(shape for layer in layers for shape in layer)
        return f'<svg class="tl" width="100%" height="{self.height}" aria-hidden="true">{HATCH}{shapes}{self._lines()}{self._ticks()}</svg>'

    def names(self) -> Iterator[tuple[float, str]]:
        """What stands at the left: the middle of each lane, in pixels from the top, and its name."""
        for row, name in enumerate(self._series.servers):
            yield FAULTS + lane_middle(row), name
        yield self._members + MEMBERS / 2, "voters"
        yield self._clients + CLIENTS / 2, "clients"
        yield self._commits + COMMITS / 2, "commit"

    # ---- places

    def _at(self, ms: float) -> str:
        return f"{100 * min(ms, self._end_ms) / self._end_ms:.3f}".rstrip("0").rstrip(".") + "%"

    def _share(self, begin_ms: float, end_ms: float) -> float:
        return (min(end_ms, self._end_ms) - begin_ms) / self._end_ms

    def _bar(self, begin_ms: float, end_ms: float, y: float, height: float, look: str) -> str:
        width = f"{max(100 * self._share(begin_ms, end_ms), 0.02):.3f}%"
        return f'<rect class="{look}" x="{self._at(begin_ms)}" y="{y:g}" width="{width}" height="{height:g}"/>'

    def _words(self, begin_ms: float, end_ms: float, middle: float, words: str, look: str) -> str:
        """Text within a bar, cut off at the bar's end."""
        box = f'x="{self._at(begin_ms)}" y="{middle - 9:g}" width="{100 * self._share(begin_ms, end_ms):.3f}%" height="18"'
        return f'<svg {box}><text class="{look}" x="5" y="13">{escape(words)}</text></svg>'

    # ---- layers

    def _forgotten(self) -> Iterator[str]:
        since_ms = self._series.since_ms
        if since_ms > 0:
            yield self._bar(0, since_ms, FAULTS, self._members - FAULTS, "tl-forgotten")
            yield self._words(0, since_ms, FAULTS + LANE / 2, "more bands than fit", "tl-soft")

    def _faults(self) -> Iterator[str]:
        for fault in self._series.faults.bands:
            said = f"{fault.label}\n{period(fault.begin_ms, fault.end_ms)}"
            bar = self._bar(fault.begin_ms, fault.end_ms, 0, self.height - AXIS, "tl-fault")
            yield titled(said, bar, self._words(fault.begin_ms, fault.end_ms, FAULTS / 2, fault.label, "tl-soft"))

    def _bands(self) -> Iterator[str]:
        for row, (name, server) in enumerate(self._series.servers.items()):
            middle = FAULTS + lane_middle(row)
            for band in server.bands:
                said = "crashed" if band.condition is Condition.CRASHED else describe(band)
                yield titled(f"{name} {said}\n{period(band.begin_ms, band.end_ms)}", *self._band(band, middle))

    def _band(self, band: Band, middle: float) -> Iterator[str]:
        if band.condition is Condition.CRASHED:
            yield stroke(self._at(band.begin_ms), self._at(band.end_ms), middle, "tl-crashed")
            yield f'<svg class="tl-over" x="{self._at(band.begin_ms)}" y="{middle:g}"><path class="tl-cross" d="M-4-4 4 4M-4 4 4-4"/></svg>'
            return
        paused = band.condition is Condition.PAUSED
        high = thickness(band)
        look = f"{'tl-paused' if paused else 'tl-band'} {term_class(band.term)}"
        yield self._bar(band.begin_ms, band.end_ms, middle - high / 2, high, look)
        share = self._share(band.begin_ms, band.end_ms)
        if share > LEAST_NUMBER:
            ink = "tl-soft" if paused else f"tl-ink {term_class(band.term)}"
            yield self._words(band.begin_ms, band.end_ms, middle, label(band, share < LEAST_WORDS), ink)

    def _marks(self) -> Iterator[str]:
        rows = {name: row for row, name in enumerate(self._series.servers)}
        for mark in self._series.marks:
            y = FAULTS + lane_middle(rows[mark.server]) + LANE / 2 - 4
            path = f'<path class="tl-mark" d="{SYMBOLS[mark.symbol]}"/>'
            said = f"{mark.server} {mark.words}\n{mark.at_ms:,.0f} ms"
            yield titled(said, f'<svg class="tl-over" x="{self._at(mark.at_ms)}" y="{y:g}">{path}</svg>')

    def _voters(self) -> Iterator[str]:
        for band in self._series.memberships.bands():
            look = "tl-joint" if band.configuration.is_joint else "tl-members"
            said = f"{members(band.configuration)}\n{period(band.begin_ms, band.end_ms)}"
            bar = self._bar(band.begin_ms, band.end_ms, self._members + 2, MEMBERS - 4, look)
            middle = self._members + MEMBERS / 2
            yield titled(said, bar, self._words(band.begin_ms, band.end_ms, middle, numbers(band.configuration), "tl-soft"))

    def _operations(self) -> Iterator[str]:
        for operation in self._series.operations():
            middle = self._clients + CLIENTS / 2 + (sum(operation.client.encode()) % 3 - 1) * 7
            line = stroke(self._at(operation.begin_ms), self._at(operation.end_ms), middle, "tl-asks")
            end = f'<circle class="{outcome_look(operation)}" cx="{self._at(operation.end_ms)}" cy="{middle:g}" r="2.5"/>'
            yield titled(f"{operation.words}\n{period(operation.begin_ms, operation.end_ms)}", line, end)

    def _broken(self) -> Iterator[str]:
        for it in self._violations:
            at = self._at(it.at_ms)
            line = f'<line class="tl-violation" x1="{at}" x2="{at}" y1="0" y2="{self.height - AXIS}"/>'
            yield titled(f"{it.property} is broken\n{it.at_ms:,.0f} ms", line)

    def _lines(self) -> str:
        """The commit indexes, stretched to the width; and the numbers at the ends of their axis."""
        steps = {name: commit_steps(server, (0.0, self._end_ms)) for name, server in self._series.servers.items()}
        axis, _ = commit_axis(steps, self._end_ms)
        low, high = axis["yaxis3.range"]
        paths = [
            f'<path class="tl-commit" stroke-dasharray="{DASHES[row % len(DASHES)]}" d="{path(self._corners(x, y, low, high))}"/>'
            for row, (x, y) in enumerate(steps.values())
        ]
        box = f'y="{self._commits}" width="100%" height="{COMMITS}" viewBox="0 0 {STRETCH} {COMMITS}" preserveAspectRatio="none"'
        ends = [(axis["yaxis3.tickvals"][0], axis["yaxis3.ticktext"][0]), (axis["yaxis3.tickvals"][2], axis["yaxis3.ticktext"][2])]
        texts = "".join(
            f'<text class="tl-soft" x="4" y="{self._commits + COMMITS * (high - value) / (high - low) - 3:.1f}">{escape(text)}</text>'
            for value, text in ends
        )
        return f"<svg {box}>{''.join(paths)}</svg>{texts}"

    def _corners(self, x: Numbers, y: Numbers, low: float, high: float) -> Iterator[tuple[float, float]]:
        for at_ms, index in zip(x.tolist(), y.tolist(), strict=True):
            yield STRETCH * at_ms / self._end_ms, inf if isnan(index) else COMMITS * (high - index) / (high - low)

    def _ticks(self) -> str:
        step = tick_step(self._end_ms)
        places = [number * step for number in range(int(self._end_ms // step) + 1)]
        looks = ("tl-tick", "tl-tick tl-between")  # where it is narrow, every other one is left out
        return "".join(
            f'<text class="{looks[number % 2]}" x="{self._at(ms)}" y="{self.height - 5}"{anchor(ms, self._end_ms)}>{ms:,.10g} ms</text>'
            for number, ms in enumerate(places)
        )


HATCH = (
    '<defs><pattern id="tl-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line y2="7" class="tl-hatch"/></pattern></defs>'
)


def titled(said: str, *shapes: str) -> str:
    """Shapes with words that appear where one points at them."""
    return f"<g><title>{escape(said)}</title>{''.join(shapes)}</g>"


def stroke(begin: str, end: str, y: float, look: str) -> str:
    return f'<line class="{look}" x1="{begin}" x2="{end}" y1="{y:g}" y2="{y:g}"/>'


def outcome_look(operation: Operation) -> str:
    """A disc for what is done, a red one for what was refused, a red ring for what nobody knows, a ring for what is under way."""
    if operation.end_ms == inf:
        return "tl-waits"
    return {True: "tl-done", False: "tl-refused", None: "tl-unknown"}[operation.ok]


def path(corners: Iterable[tuple[float, float]]) -> str:
    """A step line through these corners; where the height is infinite the pen is lifted.

    >>> path([(0, 5), (2, 4), (3, inf), (4, 1)])
    'M0 5H2V4H3M4 1'
    """
    said, down = "", False
    for x, y in corners:
        if y == inf:
            said += f"H{x:.5g}" if down else ""
        else:
            said += f"H{x:.5g}V{y:.4g}" if down else f"M{x:.5g} {y:.4g}"
        down = y != inf
    return said


def tick_step(span_ms: float) -> float:
    """A round step that gives at most nine ticks.

    >>> tick_step(60_000), tick_step(900)
    (10000.0, 100.0)
    """
    least = span_ms / 9
    power = 10.0 ** int(log10(least)) if least >= 1 else 1.0
    return next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= least)


def anchor(ms: float, end_ms: float) -> str:
    """At the ends of the axis, texts stay inside."""
    if ms == 0:
        return ' text-anchor="start"'
    return ' text-anchor="end"' if ms > 0.96 * end_ms else ' text-anchor="middle"'
