"""The still picture that a notebook keeps for where no kernel runs: right before the widget, whose style hides it while one does.

A reopened notebook without a kernel says of a widget only that its model is not found, so the picture is an output of its own.
"""

from collections.abc import Callable
from typing import Any

from IPython.display import display

from raftcore.trace.view import ClusterView
from widgets.frame import Frame

ANEW_BEATS = 2
"""Seconds between two pictures while the run plays."""

LIVE_ONLY = "This part is alive where a kernel runs. What is kept of it, if anything, is the picture above."
"""What stands for a widget in a notebook whose widgets were not saved, as it is read or exported without its kernel."""


class KeptStill:
    """A screen that lays `draw`'s SVG into the notebook when it is made, and paints it anew now and then. `name` says what it shows.

    While time passes, every few seconds; where it stands still, within one. At the end the picture is of that moment.
    """

    watched = True

    def __init__(self, draw: Callable[[ClusterView], str], name: str, view: ClusterView) -> None:
        self._draw = draw
        self._name = name
        self._handle = display(self._picture(view), raw=True, display_id=True)
        self._painted: object = None  # which moment of which run
        self._painted_at_beat = 0

    def _picture(self, view: ClusterView) -> dict[str, Any]:
        return {"image/svg+xml": self._draw(view), "text/plain": f"{self._name} at {view.at_ms:,.0f} ms"}

    def show(self, frame: Frame) -> None:
        """Paint anew, unless this moment is painted, or too little time has passed since: at the end that is no matter."""
        moment = frame.run, frame.position, frame.view.at_ms
        due = frame.beat - self._painted_at_beat >= (ANEW_BEATS if frame.playing else 1)
        if self._handle is None or moment == self._painted or not (due or frame.ended):
            return
        self._painted, self._painted_at_beat = moment, frame.beat
        self._handle.update(self._picture(frame.view), raw=True)
