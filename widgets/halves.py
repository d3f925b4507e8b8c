"""Where the lab shows its runs: one over the whole width, or two side by side. What stands beside is made when it is first needed."""

from functools import partial

from ipywidgets import Box, VBox

from widgets.frame import Frame
from widgets.kv_table import KvTable
from widgets.log_grid import LogGrid
from widgets.player import Player
from widgets.ring import Ring
from widgets.run_title import RunTitle


class Halves:
    """`box` holds the `first` half, and the second while a second run is shown. A screen: each frame says how many there are."""

    watched = True

    def __init__(self, player: Player, first: Box) -> None:
        self._player = player
        self._first = first
        self._second: Box | None = None
        self.box = Box([first]).add_class("rl-lab-pair")

    def show(self, frame: Frame) -> None:
        """Show one half or two."""
        two = frame.beside is not None
        if two != (len(self.box.children) == 2):
            self.box.children = (self._first, self._beside()) if two else (self._first,)
            (self.box.add_class if two else self.box.remove_class)("rl-lab-both")

    def _beside(self) -> Box:
        if self._second is None:
            title, ring, logs, stores = RunTitle(), Ring(), LogGrid(), KvTable()
            for part in (title, ring, logs, stores):
                part.on_intent(partial(self._player.take, beside=True))
                self._player.head.beside.attach(part)
            self._second = half(title, ring, VBox([logs, stores]))
        return self._second


def half(title: RunTitle, *columns: Box) -> Box:
    """A run under its title: two columns, or one where that is too narrow."""
    two = Box(columns).add_class("rl-lab-two")
    return VBox([title, two]).add_class("rl-lab-half")
