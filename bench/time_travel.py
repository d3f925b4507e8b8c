"""Looking at any moment of a run: what it costs in a run of 1,000,000 events and in one of 1,000."""

import random
import time
from collections.abc import Callable
from statistics import quantiles

from bench.figure import Figure
from raftcore import Cluster
from widgets.branch import Branch
from widgets.event_feed import EventFeed
from widgets.forks import Forks
from widgets.kv_table import KvTable
from widgets.log_grid import LogGrid
from widgets.pane import Pane
from widgets.player_bar import PlayerBar
from widgets.ring import Ring
from widgets.sessions import Sessions
from widgets.status_line import StatusLine

SHORT, LONG = 1_000, 1_000_000
LOOKS = 400
PARTS = (PlayerBar, Forks, Ring, LogGrid, KvTable, StatusLine, Sessions, EventFeed)


def run_of(events: int) -> Cluster:
    """A run of so many events, with a command now and then."""
    cluster = Cluster(size=5, seed=3)
    while len(cluster.trace) < events:
        cluster.submit(f"C{len(cluster.trace) % 3 + 1}", f"SET k{len(cluster.trace) % 50} v")
        cluster.run_for(50)
    cluster.trace.view()  # folded as it grew, as in a lab
    return cluster


def slow_ms(run: Cluster, look: Callable[[float], object]) -> float:
    """What 95 % of looks at random moments stay below, in processor time: a busy machine is not the run's length."""
    chance, taken = random.Random(1), []
    for _ in range(LOOKS):
        at_ms = chance.uniform(0, run.now_ms)
        start = time.process_time()
        look(at_ms)
        taken.append((time.process_time() - start) * 1000)
    return quantiles(taken, n=20)[-1]


def painter(run: Cluster) -> Callable[[float], object]:
    """Draws what a lab draws when a person scrubs, but for the timeline, which comes more slowly."""
    pane = Pane(Branch(1, run))
    pane.screens.extend(part() for part in PARTS)
    return lambda at_ms: pane.paint(pane.sight(at_ms), {"playing": False}, lambda act: act())


def figure(name: str, most_ms: float, short: float, long: float) -> Figure:
    return Figure(name, f"{long:.2f} ms at {LONG:,}", f"{short:.2f} ms at {SHORT:,}", long / short, f"< {most_ms:g} ms", long < most_ms)


def figures() -> list[Figure]:
    short, long = run_of(SHORT), run_of(LONG)
    return [
        figure("view_at, 95 % within", 20, slow_ms(short, short.trace.view_at), slow_ms(long, long.trace.view_at)),
        figure("a scrubbed lab's frame, 95 %", 50, slow_ms(short, painter(short)), slow_ms(long, painter(long))),
    ]
