"""Verdicts on client histories, against the Go checker porcupine, whose times on a two-core machine lie beside the histories."""

import csv
import os
import resource
import time
from pathlib import Path
from typing import NamedTuple

from bench.figure import Figure
from raftcore.checks.linearizability import KEY_VALUE, REGISTER, check, read_jepsen, read_kv

FOLDER = Path(os.environ.get("RAFT_LAB_DATA", Path(__file__).parents[1] / "../shared/data")) / "porcupine"
ROUNDS = 3
SLOWEST = 3
TOTAL_S, MEMORY_MB, TIMES_GO = 5.0, 1_000, 4.0


class Judged(NamedTuple):
    """One history: how long we took, reading not counted, and how long porcupine took."""

    file: str
    ours_s: float
    theirs_s: float
    steps: int


def judge(row: dict[str, str]) -> Judged:
    path = FOLDER / row["file"]
    history, model = (read_jepsen(path, failed_cas_is_evidence=True), REGISTER) if path.suffix == ".log" else (read_kv(path), KEY_VALUE)
    steps = check(history, model).steps
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        check(history, model)
        times.append(time.process_time() - start)
    return Judged(row["file"], min(times), float(row["porcupine_seconds"]), steps)


def figures() -> list[Figure]:
    if not FOLDER.is_dir():
        return [Figure("linearizability: histories", "not beside the project", "", None, "", None)]
    rows = csv.DictReader((FOLDER / "verdicts.csv").read_text(encoding="utf-8").splitlines())
    judged = sorted((judge(row) for row in rows), key=lambda it: it.theirs_s, reverse=True)
    total_s, theirs_s = sum(it.ours_s for it in judged), sum(it.theirs_s for it in judged)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return [
        *(
            Figure(
                f"linearizability: {Path(it.file).stem}",
                f"{it.ours_s * 1_000:.1f} ms, {it.steps:,} steps",
                f"porcupine {it.theirs_s * 1_000:.1f} ms",
                it.ours_s / it.theirs_s,
                f"<= {TIMES_GO:g}",
                it.ours_s <= TIMES_GO * it.theirs_s,
            )
            for it in judged[:SLOWEST]
        ),
        Figure(
            f"linearizability: all {len(judged)} histories", f"{total_s:.2f} s", f"porcupine {theirs_s:.2f} s", total_s / theirs_s,
            f"< {TOTAL_S:g} s", total_s < TOTAL_S,
        ),
        Figure("linearizability: memory", f"{peak_mb:.0f} MB", "", None, f"< {MEMORY_MB / 1_000:g} GB", peak_mb < MEMORY_MB),
    ]  # fmt: skip
