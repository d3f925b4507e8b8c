"""Screens and figures: what is given to their calls, and what a browser may say to them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from functools import cache
from random import Random
from tempfile import mkdtemp
from typing import Any

from fuzz.calls import refused_or_done, sound_cluster
from fuzz.junk import junk, plain_json
from raftcore import Cluster, diff
from raftcore.checks.linearizability import KEY_VALUE
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.recording import Recording
from widgets import CommandBar, EventFeed, KvTable, Lab, LogGrid, PlayerBar, Replay, Ring, StatusLine, Walking, notices
from widgets import figures as fig
from widgets.intents import CONTROLS
from widgets.orders import ORDERS
from widgets.player import Player

_FOLDER = mkdtemp(prefix="raftlab-fuzz-")
"""Where a lab saves its run."""

SCREENS: tuple[Callable[[Any], Any], ...] = (
    CommandBar,
    EventFeed,
    KvTable,
    Lab,
    LogGrid,
    PlayerBar,
    Replay,
    Ring,
    StatusLine,
    Walking,
)


@cache
def _run() -> Cluster:
    return sound_cluster()


@cache
def _recording() -> Recording:
    return _run().recording


def _any_run(random: Random) -> Any:
    return random.choice((_run(), _recording(), _run(), _recording(), junk(random)))


FIGURES: tuple[Callable[[Random], object], ...] = (
    *(lambda random, draw=draw: draw(junk(random)) for draw in (fig.latency, fig.message_matrix, fig.throughput, fig.timeline)),
    lambda random: fig.log_grid(_any_run(random), junk(random), random.choice((None, junk(random)))),
    lambda random: fig.log_grid(_any_run(random), random.choice((None, 300)), junk(random)),
    lambda random: fig.space_time(_any_run(random), junk(random), junk(random)),
    lambda random: fig.space_time(_any_run(random), 0, 300, junk(random)),
    lambda random: fig.hover_space_time(junk(random), 0, 300),
    lambda random: fig.history_figure(random.choice((_run(), junk(random), [junk(random)])), random.choice((KEY_VALUE, junk(random)))),
    lambda random: fig.history_figure(_recording(), KEY_VALUE, junk(random)),
)


def figures(random: Random) -> None:
    """A figure, with junk for what it is of."""
    draw = random.choice(FIGURES)
    refused_or_done(lambda: draw(random))


def screens(random: Random) -> None:
    """A screen of what is no run, and what is asked of a lab in code."""
    if random.random() < 0.5:
        make, value = random.choice(SCREENS), junk(random)
        refused_or_done(lambda: make(value).close())
        return
    player = Player.of(_run())
    ask = random.choice((player.set_speed, player.compare, player.head.go_to, player.head.go_to_event, player.head.choose))
    refused_or_done(lambda: ask(junk(random)))


# ---- what a browser may say

NAMES = (
    "server", "source", "target", "text", "key", "value", "op", "mode", "expected", "client", "through", "servers", "become", "groups",
    "rate", "sync_ms", "sync_fails", "capacity_bytes", "loses_writes", "reads_fail", "up", "delay_ms", "loss", "duplication", "reordering",
    "at_ms", "run", "what", "index", "position", "from",
)  # fmt: skip
USUAL = (
    "S1", "S2", "C1", 1, 5, 300, 0.5, "entry", "leader", "event", "operation", "code", "test", "voter", "set", ["S1"], [["S1"], ["S2"]],
)  # fmt: skip
DONE = (*CONTROLS, *ORDERS, "why", "choose", "back", "time_out", "filter", "window", "open_view", "close_view", "nonsense")


def _intent(random: Random) -> dict[str, Any]:
    values = {
        random.choice(NAMES): random.choice(USUAL) if random.random() < 0.6 else plain_json(random) for _ in range(random.randrange(8))
    }
    return {"do": random.choice(DONE) if random.random() < 0.95 else plain_json(random), **values}


def intents(random: Random) -> None:
    """What a browser says to a lab, to its parts and to a walk: it is done, or refused with a sentence, and the run can be repeated."""
    cluster, walking = sound_cluster(), Walking(Walk(World(terms=1)))
    player, parts = Player.of(cluster), (*walking._parts, LogGrid(), KvTable())
    with chdir(_FOLDER), _mistakes() as mistakes:
        for _ in range(20):
            said = _intent(random)
            refused_or_done(lambda said=said: player._obey(said, player.head.main))
            for part in parts:
                part._absorb(part, said, [])
        player.close()
    assert not mistakes, f"the lab went on after {mistakes[0]}"
    again = Cluster.from_scenario(cluster.scenario)
    again.run_to(cluster.now_ms)
    assert diff(again, cluster) is None, "a repeated run is another one"


@contextmanager
def _mistakes() -> Iterator[list[str]]:
    """The errors that the lab's own thread went on after, and that are no sentences of the lab."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage() + str(record.exc_info))  # type: ignore[method-assign]
    notices.LOG.addHandler(handler)
    try:
        yield found
    finally:
        notices.LOG.removeHandler(handler)


SCREENS_AND_FIGURES: dict[str, Callable[[Random], None]] = {"figures": figures, "screens": screens, "intents": intents}
