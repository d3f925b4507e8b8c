"""Who lets a cluster live in real time: one thread a cluster, which alone moves the clock and alone paints.

Callbacks of widgets and notebook cells only act on the cluster, between two slices of time, and wake the thread, which then paints
at once. The core knows neither thread nor wall clock.
"""

import math
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from threading import Event as Signal
from threading import RLock, Thread
from typing import Protocol, cast

from raftcore import Cluster
from raftcore.trace.stream import Subscription
from raftcore.vocabulary.errors import ConfigError, ControlError, RaftLabError
from raftcore.vocabulary.events import AnyEvent, Event
from raftcore.vocabulary.links import is_number
from widgets.frame import Frame, changed_keys
from widgets.intents import CONTROLS, Intent

DEFAULT_SPEED = 1 / 30
SLOWEST, FASTEST = 1 / 1000, 10.0

PAINT_S = 0.1  # moving pictures are fed ten times a second and move by themselves in between
PLOT_S = 0.5  # plotly queues without end what comes faster than it draws
YIELD_S = 0.25  # and its drawing holds up the browser: not right after a click
TICK_S = 0.02
MOST_EVENTS = 400
PORTION_MS = 20.0  # of simulated time, after which who waits for the cluster comes first
BREATH_S = 0.0002

CLOSED = "this lab is closed; Lab(cluster) opens a new one on its cluster"

_players: "dict[Cluster, Player]" = {}


class Screen(Protocol):
    """Something that shows frames. `watched` is False once a person has closed its last view."""

    @property
    def watched(self) -> bool: ...
    def show(self, frame: Frame) -> None: ...


class Plot(Protocol):
    """Something that draws the course of events, more slowly."""

    def absorb(self, events: Iterable[Event]) -> None: ...
    def refresh(self, now_ms: float) -> None: ...


@dataclass
class _Run:
    """What is played, and how far it has been painted and plotted."""

    cluster: Cluster
    unpainted: Subscription
    unplotted: Subscription


class Player:
    """Plays one cluster: `speed` simulated milliseconds a real one. Its thread lives until `close`."""

    def __init__(self, cluster: Cluster) -> None:
        trace = cluster.trace
        self._run: _Run | None = _Run(cluster, trace.subscribe(len(trace)), trace.subscribe())
        self.playing = False
        self.speed = DEFAULT_SPEED
        self.notice = ""
        self._plot: Plot | None = None
        self._screens: list[Screen] = []
        self._painting = RLock()
        self._wanted = Signal()  # somebody did something that should be seen at once
        self.closed = False
        self._beat = 0
        self._painted: tuple[object, ...] = ()
        self._frames = 0
        Thread(target=self._live, name="raft-lab", daemon=True).start()

    @staticmethod
    def of(cluster: Cluster) -> "Player":
        """The player of this cluster; there is never more than one."""
        if cluster not in _players:
            _players[cluster] = Player(cluster)
        return _players[cluster]

    @property
    def run(self) -> _Run:
        """What is played; ControlError once the player is closed."""
        if self._run is None:
            raise ControlError(CLOSED)
        return self._run

    @property
    def cluster(self) -> Cluster:
        """The cluster that is played; ControlError once the player is closed."""
        return self.run.cluster

    # ---- what a person does

    def play(self) -> None:
        """Let time pass. ControlError once the player is closed."""
        with self._painting:
            if self.closed:
                raise ControlError(CLOSED)
            self.playing = True
        self._wanted.set()

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

    def take(self, intent: Intent) -> None:
        """Do what a person asked for in the browser. An error becomes the notice; the lab plays on."""
        if self.closed:
            return
        try:
            self.notice = ""
            self._obey(intent)
        except RaftLabError as error:
            self.notice = str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, a person must see it
            self.notice = explain(error)
        self._wanted.set()

    def _obey(self, intent: Intent) -> None:
        match str(intent.get("do")):
            case "play":
                self.play()
            case "pause":
                self.pause()
            case "step":
                self.pause()
                self.cluster.step()
            case "speed":
                self.set_speed(intent["value"])
            case "dismiss":
                pass  # the notice is gone already
            case name if name in CONTROLS:
                CONTROLS[name](self.cluster, intent)
            case name:
                self.notice = f"the lab knows no control {name!r}"

    # ---- screens

    def attach(self, screen: Screen) -> None:
        """Paint for this screen too, beginning with the latest of what happened so far."""
        with self._painting:
            self._paint()
            done = self.run.unpainted.position
            screen.show(self._frame(self.cluster.trace[max(0, done - MOST_EVENTS) : done], None))
            self._screens.append(screen)

    def detach(self, screens: Iterable[Screen]) -> None:
        """Paint for these screens no more."""
        with self._painting:
            for screen in screens:
                self._screens.remove(screen)

    def attach_plot(self, plot: Plot) -> None:
        """Draw the course of events on this plot, from the beginning of the run."""
        with self._painting:
            self.run.unplotted = self.cluster.trace.subscribe()
            self._plot = plot

    def close(self) -> None:
        """Stop for good: the thread ends, and the screens keep their last picture.

        The browser's connections keep this object for as long as the kernel lives, so it lets go of the run.
        """
        if self._run is None:
            return
        _players.pop(self._run.cluster, None)
        with self._painting:
            self.playing = False
            self.closed = True
            self._screens.clear()
            self._plot = self._run = None
        self._wanted.set()

    # ---- the thread

    def _live(self) -> None:
        last = time.monotonic()
        paint_at = plot_at = beat_at = last
        while not self.closed:
            wanted = self._wanted.wait(TICK_S if self.playing else PAINT_S)
            self._wanted.clear()
            now = time.monotonic()
            if self.playing:
                self._pass_time(min(now - last, PAINT_S))
            last = now
            if now >= beat_at:
                self._beat, beat_at = self._beat + 1, now + 1
            if wanted:
                plot_at = max(plot_at, now + YIELD_S)
            if wanted or now >= paint_at:
                paint_at = now + PAINT_S
                self.guard(self._paint_if_new)
            if now >= plot_at:
                plot_at = now + PLOT_S
                self.guard(self._refresh_plot)

    def _pass_time(self, real_s: float) -> None:
        """Let the cluster live for this long. Where the machine can't keep up, simulated time falls behind and stays there.

        Nobody sees what a thread raises, so the lab says it. What a rule raises also stops time.
        """
        left_ms = real_s * 1000 * self.speed
        try:
            while left_ms > 0 and self.playing:
                self.cluster.run_for(min(left_ms, PORTION_MS))
                left_ms -= PORTION_MS
                time.sleep(BREATH_S)  # a lock that is taken again at once lets nobody else in
        except Exception as error:  # noqa: BLE001  a student's rule may raise anything
            self.playing = False
            self._tell(error)

    def _paint_if_new(self) -> None:
        painted = (len(self.cluster.trace), self.cluster.now_ms, self.playing, self.speed, self.notice, self._beat)
        if painted != self._painted:
            self._painted = painted
            self._paint()

    def _paint(self) -> None:
        with self._painting:
            events = self.run.unpainted.take()
            self._frames += 1
            frame = self._frame(events[-MOST_EVENTS:], changed_keys(events))
            for screen in self._screens:
                if screen.watched:
                    self.guard(partial(screen.show, frame))

    def _refresh_plot(self) -> None:
        with self._painting:
            if self._plot is not None:
                self._plot.absorb(self.run.unplotted.take())
                self._plot.refresh(self.cluster.now_ms)

    def _frame(self, events: Iterable[Event], keys: frozenset[str] | None) -> Frame:
        return Frame(
            view=self.cluster.view,
            playing=self.playing,
            speed=self.speed,
            notice=self.notice,
            events=cast("tuple[AnyEvent, ...]", tuple(events)),
            beat=self._beat,
            number=self._frames,
            changed_keys=keys,
        )

    def guard(self, act: Callable[[], None]) -> None:
        """Nobody sees what a thread raises, so the lab says it, and plays on."""
        try:
            act()
        except Exception as error:  # noqa: BLE001  one screen's mistake must not keep the others from the picture
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self.closed:  # in one that was closed meanwhile, that is all the error says
            self.notice = explain(error)


def explain(error: Exception) -> str:
    """What went wrong and where, in a line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {frames[-1].name}, line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
