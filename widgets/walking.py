"""A small world, gone through by hand: the ring, the logs, and beside them what can happen next."""

from threading import Event as Signal
from threading import Thread
from typing import cast

from ipywidgets import Box, VBox

from raftcore.hunting.walk import Walk
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import AnyEvent
from raftcore.vocabulary.spelling import brief
from widgets.choices import BY_NAME, Choices
from widgets.frame import Frame
from widgets.log_grid import LogGrid
from widgets.part import Intent
from widgets.ring import Ring

BEAT_S = 1.0


class Walking(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Choose the next delivery or timeout oneself. Time moves with each choice, and never else.

    Walking(explore(World(rules=mine)).walk())
    """

    def __init__(self, walk: Walk) -> None:
        """Raises ConfigError where it is no walk."""
        if not isinstance(walk, Walk):
            raise ConfigError(f"{brief(walk)} is no walk; give one of a small world: Walk(World(terms=2))")
        self.walk = walk
        self._choices = Choices(walk)
        self._parts = (Ring(only=BY_NAME), LogGrid(), self._choices)
        self._pictures = self._beat = 0
        self._rest = Signal()
        ring, logs, _ = self._parts
        ring.on_watch(self._watch)
        ring.on_intent(self._take)
        self._choices.on_intent(self._take)
        super().__init__([Box([ring, VBox([logs, self._choices])]).add_class("rl-lab-two").add_class("rl-lab-row")])
        self.add_class("rl-lab")
        self._show()

    @property
    def notice(self) -> str:
        """What could not be done, the last time; "" if all could."""
        return self._choices.notice

    def _watch(self, watched: bool) -> None:
        """Let the browser know that the kernel lives, as long as somebody looks."""
        self._rest.set()
        if watched:
            self._rest = Signal()
            Thread(target=self._pulse, args=(self._rest,), name="raft-walk", daemon=True).start()

    def _pulse(self, rest: Signal) -> None:
        while not rest.wait(BEAT_S):
            self._beat += 1
            for part in self._parts:
                part.beat = self._beat

    def _take(self, intent: Intent) -> None:
        self._choices.take(intent)
        self._show()

    def _show(self) -> None:
        """Every choice is a leap: when a message arrives is known only now, so what was before may have changed too."""
        walk, self._pictures = self.walk, self._pictures + 1
        frame = Frame(
            view=walk.view,
            config=walk.config,
            end_ms=walk.now_ms,
            events=cast("tuple[AnyEvent, ...]", tuple(walk.trace)),
            position=len(walk.trace),
            syncing=walk.syncing,
            jump=self._pictures,
            number=self._pictures,
            beat=self._beat,
        )
        for part in self._parts:
            part.show(frame)
