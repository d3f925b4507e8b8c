"""What every part of the screen is: a view in the browser, fed with the latest picture, that says what the person did.

A part draws Frames and nothing else. What comes back from the browser is data to be checked, like a message from the network.
"""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeAlias
from weakref import ref

import anywidget
import traitlets
from IPython.display import display

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from widgets import cells
from widgets.frame import Frame
from widgets.kept import LIVE_ONLY, KeptStill
from widgets.player import Player

Picture: TypeAlias = dict[str, Any]
"""What the browser draws: plain data."""

Intent: TypeAlias = dict[str, Any]
"""What the person did: {"do": "crash", "server": "S1"}."""

HERE = Path(__file__).parent


def together(*names: str) -> str:
    """The text of these files, in order. The browser gets one script and one style a part, and fetches nothing."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


class Part(anywidget.AnyWidget):
    """A part of the lab's screen. It also works alone in a cell."""

    _player: Player | None = None

    state = traitlets.Dict().tag(sync=True)
    beat = traitlets.Int(0).tag(sync=True)
    ended = traitlets.Unicode("").tag(sync=True)

    def __init__(self, run: Run | None = None) -> None:
        """With a run, a cluster or a recording, the part follows it and acts on it; without one it shows what it is given."""
        super().__init__()
        self._latest: Frame | None = None
        self._kept: KeptStill | None = None
        self._callbacks: list[Callable[[Intent], None]] = []
        self._watchers: list[Callable[[bool], None]] = []
        self._views: int | None = None  # how many views a browser has open; None before the first
        self._run: Callable[[], Run | None] = lambda: None  # what it shows alone
        self.on_msg(self._absorb)
        if run is not None:
            self._run = _reference(run)
            self.follow(Player.of(run))
            self._make_room()

    def _make_room(self) -> None:
        """Let go of what an earlier run of this cell showed; outside a notebook, where nobody looks, of what shows another run."""
        cell, execution = cells.this_execution()
        if not cells.has_kernel():
            cells.make_room(_Alone(self), "alone", self._player)
        elif cell is not None:
            cells.make_room(_Alone(self), ("alone", cell), execution)

    def follow(self, player: Player) -> Self:
        """Show what this player shows, and let it take what the person does."""
        self._player = player
        self.on_intent(player.take)
        player.attach(self)
        return self

    def release(self) -> None:
        """Follow no player any more: the last picture stays. A player that nobody follows ends, and lets go of its run."""
        player, self._player = self._player, None
        if player is not None:
            self._callbacks.remove(player.take)
            player.detach(self)

    def close(self) -> None:
        """Remove it from the screen."""
        self.release()
        super().close()

    @abstractmethod
    def draw(self, frame: Frame) -> Picture:
        """The picture of this frame. Its size must not grow with the log or the run."""

    @abstractmethod
    def still(self, view: ClusterView) -> str:
        """A still picture, as the text of an SVG, for where no kernel runs."""

    def show(self, frame: Frame) -> None:
        """Send the picture of this frame to the browser, if it differs from the one before."""
        self._latest = frame
        self.state = self.draw(frame)
        self.beat = frame.beat
        self.ended = frame.ended
        if self._kept:
            self._kept.show(frame)

    def on_intent(self, callback: Callable[[Intent], None]) -> None:
        """Call back with what the person does in the browser, on whichever thread the kernel brings it."""
        self._callbacks.append(callback)

    def on_watch(self, callback: Callable[[bool], None]) -> None:
        """Call back with True when a browser opens a view of this part, and with False when the last one is closed."""
        self._watchers.append(callback)

    @property
    def watched(self) -> bool:
        """Whether it is worth painting: not once a browser has closed the last view."""
        return self._views != 0

    def keep(self, intent: Intent) -> bool:
        """Whether this intent concerns only how the part shows things, and was dealt with here."""
        return False

    def _absorb(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("do"), str):
            return
        if content["do"] in ("open_view", "close_view"):
            self._count_views(1 if content["do"] == "open_view" else -1)
        elif not self.keep(content):
            for callback in self._callbacks:
                callback(content)
        elif self._latest is not None:
            self.show(self._latest)

    def _count_views(self, change: int) -> None:
        before = self._views or 0
        self._views = max(0, before + change)
        if bool(before) != bool(self._views):
            self._follow_where_seen()
            for callback in self._watchers:
                callback(self._views > 0)

    def _follow_where_seen(self) -> None:
        """What is shown alone follows its run only while somebody sees it. Whoever sees it again sees the run, if that is still there."""
        run = self._run()
        if run is None:
            return
        if not self._views:
            self.release()
        elif self._player is None:
            self.follow(Player.of(run))

    def _ipython_display_(self) -> None:
        """Show a still picture, and after it the part itself; where a kernel runs, its style hides the picture."""
        if self._latest is not None and self.still(self._latest.view):
            self._kept = KeptStill(self.still, type(self).__name__, self._latest.view)
        bundle = self._repr_mimebundle_()
        assert bundle  # every part has a view
        display(bundle[0] | {"text/plain": LIVE_ONLY}, metadata=bundle[1], raw=True)


class _Alone:
    """A part that is shown alone in a cell, which makes room by letting go of its run."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def close(self) -> None:
        """Show the last picture from now on."""
        self._part.release()


def _reference(run: Run) -> Callable[[], Run | None]:
    """The run, for as long as somebody else has it."""
    try:
        return ref(run)
    except TypeError:  # nothing can refer to it weakly
        return lambda: run
