"""The runs of the lab as a tree, once there are several: where each parted, how far it has come, and where the two shown first differ."""

from collections.abc import Iterator
from typing import cast

from raftcore.trace.diff import Difference
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import AnyEvent
from widgets.frame import Frame, Line
from widgets.part import Part, Picture, together
from widgets.words import clip, line

LONGEST_EVENT = 90


class Forks(Part):
    """Sends {"do": "choose", "run"}, {"do": "alone"}, and {"do": "go", "at_ms"} to where the two runs part."""

    _esm = together("kit.js", "forks.js")
    _css = together("kit.css", "forks.css")

    def draw(self, frame: Frame) -> Picture:
        if len(frame.lines) == 1:
            return {"lines": []}
        names = {one.number: one.name for one in frame.lines}
        return {
            "now_ms": frame.view.at_ms,
            "chosen": frame.chosen,
            "beside": frame.beside,
            "lines": [line_picture(one) for one in in_order(frame.lines, None)],
            "parted": parted_picture(frame.parted, names[frame.chosen], names[frame.beside]) if frame.beside else None,
        }

    def still(self, view: ClusterView) -> str:
        return ""  # A view knows of one run.


def in_order(lines: tuple[Line, ...], parent: int | None) -> Iterator[Line]:
    """Each run, and then what parted from it."""
    for one in lines:
        if one.parent == parent:
            yield one
            yield from in_order(lines, one.number)


def line_picture(one: Line) -> Picture:
    return {"number": one.number, "name": one.name, "parent": one.parent, "at_ms": one.at_ms, "end_ms": one.end_ms}


def parted_picture(parted: Difference | None, chosen: str, beside: str) -> Picture:
    """In words, and when; "at_ms" is None as long as they do not differ."""
    if parted is None or parted.event_a is None or parted.event_b is None:
        return {"at_ms": None, "words": f"{chosen} and {beside} do not differ so far.", "events": []}
    events = [(chosen, cast("AnyEvent", parted.event_a)), (beside, cast("AnyEvent", parted.event_b))]
    told = [f"{name}, {event.at_ms:,.0f} ms: {clip(line(event), LONGEST_EVENT)}" for name, event in events]
    return {"at_ms": parted.at_ms, "words": f"{chosen} and {beside} first differ at {parted.at_ms:,.0f} ms.", "events": told}
