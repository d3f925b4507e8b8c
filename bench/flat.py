"""What must not grow: the cost of an event, of a view, of a log's window and of the table of stores, in a long run against a short one."""

import time
from collections.abc import Callable
from itertools import count

from immutables import Map
from msgspec.structs import replace

from bench.figure import Figure
from raftcore import Cluster
from raftcore.trace.log_view import LogView
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import Entry
from widgets.frame import Frame
from widgets.kv_table import KvTable

SHORT, LONG = 1_000, 100_000
ROUNDS = 15
NAMES = ("S1", "S2", "S3", "S4", "S5")


def grown(entries: int) -> Cluster:
    """A cluster whose logs hold this many entries, and whose trace tells of all of them."""
    cluster = Cluster(size=3, seed=5)
    cluster.run_until(lambda view: view.leader is not None)
    clients = range(1, 101)
    for client in clients:
        for number in range(entries // len(clients)):
            cluster.submit(f"C{client}", Set(f"k{number % 50}", "v"))
    while cluster.view.pending:
        cluster.run_for(1_000)
    return cluster


def cost_us(act: Callable[[], object], times: int) -> float:
    """Microseconds of one call, at best."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(times):
            act()
        best = min(best, (time.process_time() - start) / times)
    return best * 1e6


def compared(name: str, short: Callable[[], object], long: Callable[[], object], times: int) -> Figure:
    little, much = cost_us(short, times), cost_us(long, times)
    return Figure(name, f"{much:.2f} µs at {LONG:,}", f"{little:.2f} µs at {SHORT:,}", much / little, "≤ 1.3", much / little <= 1.3)


def log_of(entries: int) -> LogView:
    return LogView().append(tuple(Entry(1) for _ in range(entries)))


def changing_table(keys: int) -> Callable[[], object]:
    """Draws the table of five stores with this many keys, in each frame with another value of some key and a key that comes or goes."""
    table, numbers = KvTable(), count()
    base = Map({f"k{number:06}": "v" for number in range(keys)})
    stores = [base.set("k000500", "w"), base.set("k000500", "w").delete("k000700")]
    frames = [
        Frame(view=ClusterView(at_ms=0.0, servers={name: ServerView(id=name, kv_store=store) for name in NAMES}, links={}, pending={}))
        for store in stores
    ]

    def draw() -> object:
        number = next(numbers)
        changed = frozenset({"k000500", "k000700"})
        return table.draw(replace(frames[number % 2], number=number, changed_keys=changed if number else None))

    draw()
    return draw


def figures() -> list[Figure]:
    short, long = grown(SHORT), grown(LONG)
    few, many = log_of(SHORT), log_of(LONG)
    return [
        compared("20 ms of a cluster's life", lambda: short.run_for(20), lambda: long.run_for(20), 50),
        compared("a command, start to answer", lambda: short.client("C1").set("k", "v"), lambda: long.client("C1").set("k", "v"), 10),
        compared("the view of the latest moment", lambda: short.view, lambda: long.view, 1_000),
        compared("a log's window of 60", lambda: few.window(SHORT - 59, SHORT), lambda: many.window(LONG - 59, LONG), 200),
        compared("a changed frame of the stores", changing_table(SHORT), changing_table(LONG), 20),
        compared("a log's truncation", lambda: few.truncate(SHORT - 3), lambda: many.truncate(LONG - 3), 1_000),
    ]
