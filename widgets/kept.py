"""The still picture that a notebook keeps for where no kernel runs: right before the widget, whose style hides it while one does.

A reopened notebook without a kernel says of a widget only that its model is not found, so the picture is an output of its own.
"""

import time
from collections.abc import Callable
from typing import Any

from IPython.display import display

from raftcore.trace.view import ClusterView
from widgets.frame import Frame

ANEW_S = 5.0


class KeptStill:
    """A screen that lays `draw`'s SVG into the notebook when it is made, and paints it anew now and then. `name` says what it shows."""

    watched = True

    def __init__(self, draw: Callable[[ClusterView], str], name: str, view: ClusterView) -> None:
        self._draw = draw
        self._name = name
        self._handle = display(self._picture(view), raw=True, display_id=True)
        self._painted_at = time.monotonic()
        self._shown_ms = view.at_ms

    def _picture(self, view: ClusterView) -> dict[str, Any]:
        return {"image/svg+xml": self._draw(view), "text/plain": f"{self._name} at {view.at_ms:,.0f} ms"}

    def show(self, frame: Frame) -> None:
        """Paint anew when time has passed, in the run and on the wall."""
        now = time.monotonic()
        if self._handle is None or frame.view.at_ms == self._shown_ms or now - self._painted_at < ANEW_S:
            return
        self._painted_at, self._shown_ms = now, frame.view.at_ms
        self._handle.update(self._picture(frame.view), raw=True)
