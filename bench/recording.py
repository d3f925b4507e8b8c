"""A recording of a million events: its size, how fast it is loaded, and how fast its tables are there."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from bench.figure import Figure
from raftcore import Cluster
from raftcore.recording import Recording
from raftcore.recording.frames import FRAMES
from raftcore.vocabulary.commands import Get, Set

EVENTS = 1_000_000
SPAN_MS = 5_000
CLIENTS, COMMANDS = 3, 30
MOST_BYTES = 12
ROUNDS = 3


def idle_and_busy(events: int = EVENTS) -> Cluster:
    """Five servers that do nothing half of the time, and serve three clients in the other half."""
    cluster = Cluster(size=5, seed=7)
    number = 0
    while len(cluster.trace) < events:
        cluster.run_for(SPAN_MS)
        for client in range(1, CLIENTS + 1):
            for _ in range(COMMANDS):
                number += 1
                key = f"k{number % 50}"
                cluster.submit(f"C{client}", Set(key, f"value {number}") if number % 3 else Get(key))
        cluster.run_for(SPAN_MS)
    return cluster


def seconds(*works: Callable[[], object]) -> list[float]:
    """Processor time of each, at best, taken in turns."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return best


def tables(run: Recording) -> None:
    for name in FRAMES:
        getattr(run, name)


def figures() -> list[Figure]:
    cluster = idle_and_busy()
    count = len(cluster.trace)
    with TemporaryDirectory() as folder:
        path = Path(folder, "run.parquet")
        cluster.recording.save(path)
        size = path.stat().st_size / count
        load, pandas, converted, from_file, loop = seconds(
            lambda: Recording.load(path),
            lambda: pd.read_parquet(path),
            lambda: tables(Recording(cluster, judged=lambda: cluster.violations)),  # as cluster.recording is, before it has been asked
            lambda: tables(Recording.load(path)),
            lambda: sum(event.at_ms for event in cluster.trace),
        )
    return [
        Figure("bytes an event, idle and busy", f"{size:.1f}", f"limit {MOST_BYTES}", size / MOST_BYTES, "≤ 1", size <= MOST_BYTES),
        Figure("1,000,000 events loaded", f"{load:.2f} s", f"read_parquet {pandas:.2f} s", load / pandas, "< 1 s", load < 1),
        Figure("to tables, from a file", f"{from_file:.2f} s", f"bare loop {loop:.2f} s", from_file / loop, "< 2 s", from_file < 2),
        Figure("to tables, from a live run", f"{converted:.2f} s", f"bare loop {loop:.2f} s", converted / loop, "< 2 s", converted < 2),
    ]
