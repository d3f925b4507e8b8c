"""Who lets a run live, or be seen again, in real time: one thread, which alone moves the clock and alone paints.

Callbacks of widgets and notebook cells only act on the cluster, between two slices of time, and wake the thread, which then paints
at once. The core knows neither thread nor wall clock.
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event as Signal
from threading import RLock, Thread
from typing import Any, Protocol

from raftcore import Cluster
from raftcore.trace.run import Run, require_run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConfigError, ControlError, RaftLabError
from raftcore.vocabulary.numbers import is_number
from widgets import share
from widgets.forking import Forking
from widgets.frame import Why
from widgets.intents import CONTROLS, Intent
from widgets.notices import of_error, of_violation
from widgets.pane import Pane, Screen
from widgets.playhead import Playhead
from widgets.why import Question, question

DEFAULT_SPEED = 1 / 30
SLOWEST, FASTEST = 1 / 1000, 10.0

PAINT_S = 0.1  # moving pictures are fed ten times a second and move by themselves in between
REST_S = 0.03  # between two pictures: who scrubs asks for more than anybody sees
PLOT_S = 0.5  # plotly queues without end what comes faster than it draws
YIELD_S = 0.25  # and its drawing holds up the browser: not right after a click
TICK_S = 0.02
PORTION_MS = 20.0  # of simulated time, after which who waits for the cluster comes first
BREATH_S = 0.0002

CLOSED = "this lab is closed; Lab(cluster) opens a new one on its cluster"
OF_A_RECORDING = "this is a recording, and nothing can be done to it; a fork of it is a cluster, which goes on"

_players: "dict[Run, Player]" = {}


class Plot(Protocol):
    """Something that draws the course of events, more slowly."""

    def refresh(self, run: Run, at_ms: float) -> None: ...


class Player:
    """Plays one run, and its forks: `speed` simulated milliseconds a real one. Its thread lives until `close`."""

    def __init__(self, run: Run) -> None:
        self._root: Run | None = run
        self._head: Playhead | None = Playhead(run)
        self.playing = False
        self.speed = DEFAULT_SPEED
        self.notice = ""
        self.note = ""
        self._paper, self._papers = "", 0
        self._wish: tuple[Pane, Intent] | None = None  # what a person wants to be done where nothing can be done
        self._forking: Forking | None = None
        self._asked: tuple[Pane, Question] | None = None
        self._broken = 0  # violations that time does not stop for any more
        self._plot: Plot | None = None
        self._painting = RLock()
        self._wanted = Signal()  # somebody did something that should be seen at once
        self.closed = False
        self._beat = 0
        self._painted: tuple[object, ...] = ()
        Thread(target=self._live, name="raft-lab", daemon=True).start()

    @staticmethod
    def of(run: Run) -> "Player":
        """The player of this run; there is never more than one. Raises ConfigError where it is none."""
        require_run(run)
        if run not in _players:
            _players[run] = Player(run)
        return _players[run]

    @property
    def head(self) -> Playhead:
        """What is shown; ControlError once the player is closed."""
        if self._head is None:
            raise ControlError(CLOSED)
        return self._head

    @property
    def cluster(self) -> Cluster:
        """The cluster that is chosen; ControlError once the player is closed, and while a recording is."""
        cluster = self.head.main.cluster
        if cluster is None:
            raise ControlError(OF_A_RECORDING)
        return cluster

    # ---- what a person does

    def play(self) -> None:
        """Let time pass. ControlError once the player is closed."""
        with self._painting:
            if self.closed:
                raise ControlError(CLOSED)
            self.playing = True
            self._wish = None
            self._broken = self._count_broken()
        self._wanted.set()

    def begin(self) -> None:
        """Let time pass, unless something is violated already: that is to be looked at first."""
        broken = self.head.main.checked(self.head.shown_ms, still=True).broken
        if broken:
            self.notice = of_violation(broken[0].violation)
        else:
            self.play()

    def pause(self) -> None:
        """Let time stand still."""
        self.playing = False
        self._wanted.set()

    def set_speed(self, speed: float) -> None:
        """Change how many simulated milliseconds pass in a real one; what is too slow or too fast becomes the slowest or fastest."""
        if not is_number(speed) or math.isnan(speed):
            raise ConfigError(f"speed={speed!r} must be a number: simulated milliseconds in a real one, from 1/1000 to 10")
        self.speed = min(max(speed, SLOWEST), FASTEST)
        self._wanted.set()

    def take(self, intent: Intent, *, beside: bool = False) -> None:
        """Do what a person asked for in the browser, to the run that is chosen or to the one beside it.

        An error becomes the notice; the lab plays on.
        """
        if self.closed:
            return
        try:
            self.notice = self.note = ""
            self._obey(intent, self.head.beside if beside else self.head.main)
        except Exception as error:  # noqa: BLE001  whatever it is, a person must see it
            self.notice = of_error(error)
        self._wanted.set()

    def _obey(self, intent: Intent, pane: Pane) -> None:
        name = str(intent.get("do"))
        if name == "why":
            self.ask(intent, pane)
        elif name in ORDERS:
            ORDERS[name](self, intent)
        elif name not in CONTROLS:
            self.notice = f"the lab knows no control {name!r}"
        elif self.head.lives(pane) and pane.cluster is not None:
            self._wish = None
            CONTROLS[name](pane.cluster, intent)
        else:
            self._wish = (pane, intent)

    def ask(self, intent: Intent, pane: Pane) -> None:
        """Answer from now on what a person wants to know of this run; put the answer away where it is nothing."""
        if intent.get("what") is None:
            self._asked = None
            return
        asked = question(intent, pane.run, self._view(pane))
        asked.answer(self._view(pane))  # what has no answer is refused here
        self._asked = (pane, asked)

    def _view(self, pane: Pane) -> ClusterView:
        return pane.run.trace.view_at(pane.shown_ms(self.head.shown_ms))

    @property
    def why(self) -> Why | None:
        """What a person wants to know, and the answer at this moment."""
        if self._asked is None:
            return None
        pane, asked = self._asked
        try:
            return Why(asked.words(), asked.answer(self._view(pane)))
        except RaftLabError as error:  # at this moment there is nothing to ask about
            return Why(asked.words(), f"{error}.")

    @property
    def question(self) -> str:
        """What a person is asked who wants something to be done where nothing can be done; "" if there is nothing to ask."""
        if self._wish is None or self._head is None:
            return ""
        pane = self._wish[0]
        at = f"{math.floor(pane.shown_ms(self._head.shown_ms)):,} ms"  # as the bar's clock says it
        if pane.cluster is None:
            return f"This is a recording, which does not change. Fork it here, at {at}, and do it in the fork?"
        return f"You look at {at}, and what was does not change. Fork here, and do it in the fork?"

    def fork(self) -> None:
        """Make a run that goes on from the moment that is shown, and do there what a person wanted to be done here.

        It is made between pictures, until it is ready or somebody gives it up.
        """
        if self._forking is not None:
            raise ControlError("a fork is being made; wait for it, or stop it first")
        pane, intent = self._wish or (self.head.main, None)
        self._forking = Forking(pane.branch, pane.shown_ms(self.head.shown_ms), intent)
        self._wish = None

    def give_up(self) -> None:
        """Make no fork after all."""
        self._forking = None

    def _go_on_forking(self) -> None:
        forking = self._forking
        try:
            if forking is None or not forking.go_on(PAINT_S) or forking is not self._forking:
                return
        except Exception:
            self._forking = None
            raise
        self._forking = None
        self.head.adopt(forking)
        if forking.wish is not None:
            CONTROLS[str(forking.wish["do"])](forking.cluster, forking.wish)

    def copy(self, what: object) -> None:
        """Show the chosen run, up to this moment, as a text that can be copied."""
        self._paper = share.text(self.head.main.run, self.head.shown_ms, what)
        self._papers += 1

    def save(self) -> None:
        """Write the chosen run into files where the notebook is."""
        scenario, recording = share.save(self.head.main.run, Path.cwd())
        self.note = f"Saved {scenario.name}, which repeats the run, and {recording.name}, its data, in {scenario.parent}."

    def compare(self, run: Run) -> None:
        """Show this run beside the chosen one."""
        self.head.compare(run)
        self._wanted.set()

    def look(self, move: Callable[[], None]) -> None:
        """Stop, and show another moment."""
        self.playing, self._wish = False, None
        move()

    def back_to_now(self) -> None:
        """Show the end of the chosen run."""
        self._wish = None
        self.head.go_to_end()

    def dismiss(self) -> None:
        """Put away what the lab said or asked."""
        self.notice, self._wish = "", None

    # ---- screens

    def attach(self, screen: Screen, *, beside: bool = False) -> None:
        """Paint the chosen run for this screen too, or the one beside it, beginning with the latest of what happened so far."""
        with self._painting:
            self._paint()
            pane = self.head.beside if beside else self.head.main
            pane.attach(screen)

    def attach_plot(self, plot: Plot) -> None:
        """Draw the course of events on this plot."""
        with self._painting:
            self.head.main  # noqa: B018  a closed player takes no plot
            self._plot = plot

    def close(self) -> None:
        """Stop for good: the thread ends, and the screens keep their last picture.

        The browser's connections keep this object for as long as the kernel lives, so it lets go of the run.
        """
        if self._head is None:
            return
        if self._root is not None:
            _players.pop(self._root, None)
        with self._painting:
            self.playing = False
            self.closed = True
            self._plot = self._head = self._root = self._wish = self._asked = self._forking = None
        self._wanted.set()

    # ---- the thread

    def _live(self) -> None:
        last = time.monotonic()
        painted = paint_at = plot_at = beat_at = last
        while not self.closed:
            wanted = self._wanted.wait(BREATH_S if self._forking else TICK_S if self.playing else PAINT_S)
            if wanted:
                time.sleep(max(0.0, painted + REST_S - time.monotonic()))
            self._wanted.clear()
            now = time.monotonic()
            if self.playing:
                self._pass_time(min(now - last, PAINT_S))
            self.guard(self._go_on_forking)
            last = now
            if now >= beat_at:
                self._beat, beat_at = self._beat + 1, now + 1
            if wanted:
                plot_at = max(plot_at, now + YIELD_S)
            if wanted or now >= paint_at:
                painted, paint_at = now, now + PAINT_S
                self.guard(self._paint_if_new)
            if now >= plot_at:
                plot_at = now + PLOT_S
                self.guard(self._refresh_plot)

    def _pass_time(self, real_s: float) -> None:
        """Let time pass for this long. Where the machine can't keep up, simulated time falls behind and stays there.

        Nobody sees what a thread raises, so the lab says it. What a rule raises also stops time.
        """
        left_ms = real_s * 1000 * self.speed
        try:
            while left_ms > 0 and self.playing:
                if not self.head.pass_time(min(left_ms, PORTION_MS)):
                    self.playing = False
                self._stop_where_broken()
                left_ms -= PORTION_MS
                time.sleep(BREATH_S)  # a lock that is taken again at once lets nobody else in
        except Exception as error:  # noqa: BLE001  a student's rule may raise anything
            self.playing = False
            self._tell(error)

    def _stop_where_broken(self) -> None:
        """Time stands still when something is violated, so that it can be looked at."""
        known, self._broken = self._broken, self._count_broken()
        if self._broken > known:
            violation = self.head.main.checked(self.head.shown_ms, still=False).broken[known].violation
            self.playing = False
            self.notice = of_violation(violation)

    def _count_broken(self) -> int:
        return len(self.head.main.checked(self.head.shown_ms, still=False).broken)

    def _paint_if_new(self) -> None:
        painted = (self.head.sight, *self._said().values())
        if painted != self._painted:
            self._painted = painted
            self._paint()

    def _paint(self) -> None:
        with self._painting:
            for pane in self.head.panes:
                pane.paint(self.head.shown_ms, self._said(), self.guard)

    def _refresh_plot(self) -> None:
        with self._painting:
            if self._plot is not None:
                self._plot.refresh(self.head.main.run, self.head.shown_ms)

    def _said(self) -> dict[str, Any]:
        """What a frame tells of the lab, whichever run it shows."""
        head, forking = self.head, self._forking
        return {
            "lines": tuple(branch.line for branch in head.branches),
            "chosen": head.main.branch.number,
            "beside": head.beside.branch.number if head.two else None,
            "marks": head.marks,
            "parted": head.parted,
            "why": self.why,
            "playing": self.playing,
            "speed": self.speed,
            "notice": self.notice,
            "note": self.note,
            "question": self.question,
            "forking": forking.picture if forking else None,
            "paper": self._paper,
            "papers": self._papers,
            "beat": self._beat,
        }

    def guard(self, act: Callable[[], None]) -> None:
        """Nobody sees what a thread raises, so the lab says it, and plays on."""
        try:
            act()
        except Exception as error:  # noqa: BLE001  one screen's mistake must not keep the others from the picture
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self.closed:  # in one that was closed meanwhile, that is all the error says
            self.notice = of_error(error)


ORDERS: Mapping[str, Callable[[Player, Intent], None]] = {
    "play": lambda player, _intent: player.play(),
    "pause": lambda player, _intent: player.pause(),
    "speed": lambda player, intent: player.set_speed(intent["value"]),
    "back": lambda player, _intent: player.look(player.head.back),
    "step": lambda player, _intent: player.look(player.head.forward),
    "go": lambda player, intent: player.look(partial(player.head.go, intent)),
    "now": lambda player, _intent: player.back_to_now(),
    "copy": lambda player, intent: player.copy(intent.get("what")),
    "save": lambda player, _intent: player.save(),
    "choose": lambda player, intent: player.head.choose(intent.get("run")),
    "alone": lambda player, _intent: player.head.alone(),
    "fork": lambda player, _intent: player.fork(),
    "give-up": lambda player, _intent: player.give_up(),
    "dismiss": lambda player, _intent: player.dismiss(),
}
"""What a person may ask of the lab itself, by the name in the intent's "do"."""
