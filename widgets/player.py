"""Who lets a run live, or be seen again, in real time: one thread, which alone moves the clock and alone paints.

Callbacks of widgets and notebook cells only act on the cluster, between two slices of time, and wake the thread, which then paints
at once. The core knows neither thread nor wall clock.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock, Thread, current_thread
from typing import Any

from raftcore import Cluster
from raftcore.interrupts import Uninterrupted
from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.spelling import brief
from widgets import share
from widgets.branch import Branch
from widgets.checking import Broken
from widgets.forking import Forking
from widgets.frame import Why
from widgets.intents import CONTROLS, Intent
from widgets.notices import of_error, of_violation, report
from widgets.orders import ORDERS
from widgets.pane import Pane, Plot, Screen, Sight
from widgets.pending import PendingAction
from widgets.playhead import Playhead
from widgets.questions import OpenQuestion
from widgets.speed import DEFAULT_SPEED, possible
from widgets.wakeup import Wakeup

PAINT_S = 0.1  # moving pictures are fed ten times a second and move by themselves in between
REST_S = 0.03  # between two pictures: who scrubs asks for more than anybody sees
PLOT_S = 0.5  # plotly queues without end what comes faster than it draws
YIELD_S = 0.25  # and its drawing holds up the browser: not right after a click
TICK_S = 0.02
PORTION_MS = 20.0  # of simulated time, after which who waits for the cluster comes first
BREATH_S = 0.0002
PATIENCE_S = 5.0  # who stops time waits for what the thread does just now, but not for a rule that never returns

CLOSED = "this lab is closed; Lab(cluster) opens a new one on its cluster"
OF_A_RECORDING = "this is a recording, and nothing can be done to it; a fork of it is a cluster, which goes on"

_players: "dict[Run, Player]" = {}


class Player:
    """Plays one run, and its forks: `speed` simulated milliseconds a real one. Its thread lives until `close`."""

    def __init__(self, run: Run) -> None:
        self._root: Run | None = run
        self._head: Playhead | None = Playhead(run)
        self.playing, self.speed = False, DEFAULT_SPEED
        self.notice = self.note = self._ended = ""
        self.clipboard: share.Clipboard = share.Clipboard()
        self._pending: PendingAction | None = None
        self._forking: Forking | None = None
        self._asked: OpenQuestion | None = None
        self._known: tuple[Branch | None, int] = None, 0  # so many violations of this run were there before: time does not stop for them
        self._plot: Plot | None = None
        self._painting = RLock()  # held for a picture, and for what changes what it says. Taken before the playhead's and the cluster's
        self._passing = RLock()  # held for a portion of time. Taken before the playhead's and the cluster's
        self._wanted = Wakeup()  # somebody did something that should be seen at once
        self.closed, self._beat = False, 0
        self._painted: tuple[object, ...] = ()
        self._thread = Thread(target=self._live, name="raft-lab", daemon=True)
        self._thread.start()

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
            self._pending = None
            branch, broken = self._broken()
            self._known = branch, len(broken)
            self.playing = True
        self._wanted.set()

    def begin(self) -> None:
        """Let time pass, unless something is violated already: that is to be looked at first."""
        broken = self.head.sights[0].checked(still=True).broken
        if broken:
            self.notice = of_violation(broken[0].violation)
        else:
            self.play()

    def pause(self) -> None:
        """Let time stand still. When this returns, it does."""
        self.playing = False
        self._wanted.set()
        with Uninterrupted():
            if self._passing.acquire(timeout=PATIENCE_S):
                self._passing.release()

    def set_speed(self, speed: float) -> None:
        """Change how many simulated milliseconds pass in a real one; what is too slow or too fast becomes the slowest or fastest."""
        self.speed = possible(speed)
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
            self._tell(error)
        self._wanted.set()

    def _obey(self, intent: Intent, pane: Pane) -> None:
        name = str(intent.get("do"))
        if name == "why":
            self.ask(intent, pane)
        elif name in ORDERS:
            ORDERS[name](self, intent)
        elif name not in CONTROLS:
            self.notice = f"the lab knows no control {brief(name)}"
        elif (cluster := self.head.living(pane)) is not None:
            self._pending = None
            CONTROLS[name](cluster, intent)
        else:
            self._pending = PendingAction(self.head.sight(pane), intent)

    def ask(self, intent: Intent, pane: Pane) -> None:
        """Answer from now on what a person wants to know of this run; put the answer away where it is nothing."""
        self._asked = OpenQuestion(intent, pane, self.head.sight(pane)) if intent.get("what") is not None else None

    @property
    def why(self) -> Why | None:
        """What a person wants to know, and the answer at this moment."""
        asked = self._asked
        return asked.answer(self.head.sight(asked.pane)) if asked else None

    @property
    def question(self) -> str:
        """What a person is asked who wants something to be done where nothing can be done; "" if there is nothing to ask."""
        pending = self._pending
        return pending.question if pending else ""

    def fork(self) -> None:
        """Make a run that goes on from the moment that is shown, and do there what a person wanted to be done here.

        It is made between pictures, until it is ready or somebody gives it up.
        """
        with self._painting:
            if self._forking is not None:
                raise ControlError("a fork is being made; wait for it, or stop it first")
            pending = self._pending
            sight = pending.sight if pending else self.head.sights[0]
            self._forking = Forking(sight.branch, sight.at_ms, pending.intent if pending else None)
            self._pending = None

    def give_up(self) -> None:
        """Make no fork after all."""
        with self._painting:
            self._forking = None

    def _go_on_forking(self) -> None:
        forking = self._forking
        try:
            if forking is None or not forking.go_on(PAINT_S):
                return
        except Exception:
            with self._painting:
                if forking is self._forking:
                    self._forking = None
            raise
        with self._painting:
            if forking is not self._forking:  # it was given up meanwhile
                return
            self._forking = None
            self.head.adopt(forking)
        if forking.wish is not None:
            CONTROLS[str(forking.wish["do"])](forking.cluster, forking.wish)

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
        self.pause()
        self._pending = None
        move()

    def back_to_now(self) -> None:
        """Show the end of the chosen run."""
        self._pending = None
        self.head.go_to_end()

    def dismiss(self) -> None:
        """Put away what the lab said or asked."""
        self.notice, self._pending = "", None

    # ---- screens

    def attach(self, screen: Screen, *, beside: bool = False) -> None:
        """Paint the chosen run for this screen too, or the one beside it, beginning with the latest of what happened so far."""
        with self._painting:
            self._paint()
            pane = self.head.beside if beside else self.head.main
            pane.attach(screen)

    def detach(self, screen: Screen) -> None:
        """Paint for this screen no more, and end where there is no other."""
        with self._painting:
            head = self._head
            if head is None:
                return
            for pane in (head.main, head.beside):
                pane.screens = [other for other in pane.screens if other is not screen]
            unseen = not head.main.screens and not head.beside.screens
        if unseen:
            self.close()

    def attach_plot(self, plot: Plot) -> None:
        """Draw the course of events on this plot."""
        with self._painting:
            self.head.main  # noqa: B018  a closed player takes no plot
            self._plot = plot

    def close(self, ended: str = "") -> None:
        """Stop for good: when this returns, the thread has ended. The browser's connections keep this object, so it lets go of the run.

        ended: what the screens say beside their last picture, which is of this moment; "": it is too late to show them one.
        """
        with self._painting:
            if self._root is not None:
                _players.pop(self._root, None)
            self.playing, self._ended = False, ended
            if ended:
                self.guard(self._paint)
            self.closed = True
            self._known, self._painted = (None, 0), ()
            self._plot = self._head = self._root = self._pending = self._asked = self._forking = None
        self._wanted.set()
        if current_thread() is not self._thread:
            self._thread.join(PATIENCE_S)

    # ---- the thread

    def _live(self) -> None:
        last = time.monotonic()
        painted = paint_at = plot_at = beat_at = last
        while not self.closed:
            self._wanted.wait(BREATH_S if self._forking else TICK_S if self.playing else PAINT_S)
            wanted = self._wanted.clear()
            if wanted:
                time.sleep(max(0.0, painted + REST_S - time.monotonic()))
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

        What a rule raises also stops time, and the lab says it, since nobody sees what a thread raises.
        """
        left_ms = real_s * 1000 * self.speed
        while left_ms > 0 and self._pass_portion(min(left_ms, PORTION_MS)):
            left_ms -= PORTION_MS
            time.sleep(BREATH_S)  # a lock that is taken again at once lets nobody else in

    def _pass_portion(self, span_ms: float) -> bool:
        """Let so much time pass, unless somebody has stopped it; whether it may go on."""
        with self._passing:
            if not self.playing:
                return False
            try:
                if not self.head.pass_time(span_ms):
                    self.playing = False
                self._stop_where_broken()
            except Exception as error:  # noqa: BLE001  a student's rule may raise anything
                self.playing = False
                self._tell(error)
            return self.playing

    def _stop_where_broken(self) -> None:
        """Time stands still when something is violated, so that it can be looked at."""
        branch, broken = self._broken()
        (known_of, known), self._known = self._known, (branch, len(broken))
        if branch is known_of and len(broken) > known:
            self.playing = False
            self.notice = of_violation(broken[known].violation)

    def _broken(self) -> tuple[Branch, tuple[Broken, ...]]:
        """What is violated by the moment that is shown, and in which run."""
        sight = self.head.sights[0]
        return sight.branch, sight.checked(still=False).broken

    def _paint_if_new(self) -> None:
        with self._painting:
            sights = self.head.sights
            said = self._said(sights)
            if self._painted != (painted := (sights, *said.values())):
                self._painted = painted
                self._show(sights, said)

    def _paint(self) -> None:
        with self._painting:
            sights = self.head.sights
            self._show(sights, self._said(sights))

    def _show(self, sights: tuple[Sight, ...], said: Mapping[str, Any]) -> None:
        """What stands beside first: it may be shown for the first time, where the chosen run's picture says that there are two."""
        for pane, sight in reversed([*zip((self.head.main, self.head.beside), sights, strict=False)]):
            pane.paint(sight, said, self.guard)

    def _refresh_plot(self) -> None:
        with self._painting:
            if self._plot is not None:
                sight = self.head.sights[0]
                self._plot.refresh(sight.branch.run, sight.at_ms)

    def _said(self, sights: tuple[Sight, ...]) -> dict[str, Any]:
        """What a frame tells of the lab, whichever run it shows."""
        head, forking = self.head, self._forking
        return {
            "lines": tuple(branch.line for branch in head.branches),
            "chosen": sights[0].branch.number,
            "beside": sights[1].branch.number if len(sights) > 1 else None,
            "marks": head.marks(sights[0]),
            "parted": head.parted(sights),
            "why": self.why,
            "playing": self.playing,
            "speed": self.speed,
            "notice": self.notice,
            "note": self.note,
            "question": self.question,
            "forking": forking.picture if forking else None,
            "paper": self.clipboard.text,
            "papers": self.clipboard.copies,
            "beat": self._beat,
            "ended": self._ended,
        }

    def guard(self, act: Callable[[], None]) -> None:
        """Nobody sees what a thread raises, so the lab says it, and plays on."""
        try:
            act()
        except Exception as error:  # noqa: BLE001  one screen's mistake must not keep the others from the picture
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if self.closed:  # meanwhile, and that is all the error says
            return
        notice = of_error(error)
        if notice != self.notice:  # what keeps on failing is reported once
            self.notice = notice
            report(error)
