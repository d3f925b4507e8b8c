"""The lab: every part of the screen, composed, on one cluster that plays.

A cell that runs again replaces its lab, and so does a new lab on the same cluster: there is never more than one driver.
"""

import atexit
from functools import partial
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from IPython.display import SVG, display
from ipywidgets import Box, VBox

from raftcore import Cluster
from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.spelling import spelled
from widgets import cells
from widgets.checks_strip import ChecksStrip
from widgets.command_bar import CommandBar
from widgets.event_feed import EventFeed
from widgets.forks import Forks
from widgets.halves import Halves, half
from widgets.kept import LIVE_ONLY, KeptStill
from widgets.kv_table import KvTable
from widgets.log_grid import LogGrid
from widgets.player import Player
from widgets.player_bar import PlayerBar
from widgets.ring import Ring
from widgets.run_title import RunTitle
from widgets.sessions import Sessions
from widgets.status_line import StatusLine
from widgets.still import lab_still
from widgets.timeline import Timeline

ENDED = "This lab is closed, or a newer one has taken its place. This is its last picture."


class Lab(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The interactive lab of a cluster. It plays at once, also where no browser looks on; `close` ends it.

    Of a run in which something is violated already, it opens standing still.

    lab = Lab(cluster)
    lab.pause()
    lab.speed = 1 / 10
    lab.play()
    """

    @spelled
    def __init__(self, run: Run) -> None:
        require_run(run)
        run.trace.subscribe()  # a cluster without a trace is refused here, before anything else is closed for it
        _replace_predecessors(self, run)
        self._player = Player.of(run)
        self._timeline = Timeline()
        self._starting = Lock()
        self._started = self._closed = False
        self._goes_on = False  # it played when its last view was closed

        player = self._player
        ring, bar, status = Ring().follow(player), PlayerBar().follow(player), StatusLine().follow(player)
        logs, stores, commands = LogGrid().follow(player), KvTable().follow(player), CommandBar().follow(player)
        ring.on_watch(self._watch)
        self._timeline.on_go(self._player.take)
        halves = Halves(player, half(RunTitle().follow(player), ring, VBox([logs, stores])))
        self._player.attach(halves)
        rows = [
            Box([bar, Forks().follow(player)]),
            halves.box,
            Box([status]),
            Box([commands]),
            Box([self._timeline.box]),
            Box([ChecksStrip().follow(player)]),
            Box([Sessions().follow(player)]),
            Box([EventFeed().follow(player)]),
        ]
        super().__init__([row.add_class("rl-lab-row") for row in rows])
        self.add_class("rl-lab")
        self._player.begin()

    @property
    def cluster(self) -> Cluster:
        """The cluster that is shown, a fork once that was chosen; ControlError once the lab is closed, and while it shows a recording."""
        return self._player.cluster

    @property
    def run(self) -> Run:
        """What is shown, a cluster or a recording; ControlError once the lab is closed."""
        return self._player.head.main.run

    # ---- the player's controls, for code

    @property
    def playing(self) -> bool:
        """Whether time passes."""
        return self._player.playing

    @property
    def speed(self) -> float:
        """Simulated milliseconds that pass in a real one, from 1/1000 to 10."""
        return self._player.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._player.set_speed(speed)

    @property
    def notice(self) -> str:
        """The latest error, as the status line shows it; "" if there is none."""
        return self._player.notice

    def play(self) -> None:
        """Let time pass. ControlError once the lab is closed."""
        self._player.play()

    def pause(self) -> None:
        """Let time stand still. When this returns, it does, also where somebody opens the lab in the browser again."""
        self._goes_on = False
        self._player.pause()

    def compare(self, run: Run) -> None:
        """Show this run beside the one that is shown, on one clock, with the first event in which they differ. Raises ConfigError."""
        self._player.compare(run)

    def snapshot(self) -> SVG:
        """A still picture of this moment, which any viewer of notebooks can show. ControlError once the lab is closed."""
        sight = self._player.head.sights[0]
        return SVG(lab_still(sight.view, sight.branch.run.config.delay_ms))

    def close(self) -> None:
        """End the lab: nothing moves any more, and its last picture stays. The cluster can go on in code, or in a new lab.

        A closed lab holds its cluster no longer, so that the memory of a long run is free once nothing else needs it.
        """
        if not hasattr(self, "_starting"):  # it was refused before it was built, and is being collected
            return
        self._player.close(ENDED)
        with self._starting:
            if not self._closed:
                self._timeline.close()
            self._closed, self._goes_on = True, False
        cells.forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---- being looked at

    def _watch(self, watched: bool) -> None:
        """Stop when nobody looks any more, and go on where somebody looks again."""
        if not watched:
            self._goes_on = self.playing
            self._player.pause()
            return
        if not self._started:
            self._started = True
            # Only now, and aside: to make a plotly figure takes seconds, in which the lab should live and cells should run.
            Thread(target=self._player.guard, args=(self._start_timeline,), daemon=True).start()
        if self._goes_on:
            self._goes_on = False
            self.play()

    def _start_timeline(self) -> None:
        with self._starting:
            if not self._closed:
                self._timeline.start()
                self._player.attach_plot(self._timeline)

    def _ipython_display_(self) -> None:
        """Show a still picture, and above it, where a kernel runs, the lab itself; its style hides the still picture then."""
        if not self._closed:
            head = self._player.head
            draw = partial(lab_still, healthy_delay_ms=head.main.run.config.delay_ms)
            self._player.attach(KeptStill(draw, "The lab", head.view))
        display(super()._repr_mimebundle_() | {"text/plain": LIVE_ONLY}, raw=True)


# ---- one driver


def _replace_predecessors(lab: Lab, run: Run) -> None:
    """Close the labs that an earlier run of this cell made, and any on the same run. One cell may make several, side by side."""
    cell, execution = cells.this_execution()
    if cell is not None:
        cells.make_room(lab, ("lab", cell), execution)
    cells.make_room(lab, ("lab", id(run)), lab)


@atexit.register
def _stop_all() -> None:
    """With the kernel end the threads, and nothing else: the last picture stays, the timeline's too."""
    for lab in cells.all_shown():
        if isinstance(lab, Lab):
            lab._player.close()  # noqa: SLF001  of the same module
