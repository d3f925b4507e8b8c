"""python -m bench [NAME …]: measure, and print one table. A missed target is told, not failed: a benchmark is no test."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.figure import Figure, figures_of

VERDICTS = {True: "met", False: "MISSED", None: ""}
NAMES = (
    "messages", "commands", "checks", "flat", "time_travel", "playing", "failover", "memory", "recording", "linearizability", "explore",
)  # fmt: skip


def row(figure: Figure) -> str:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return f"{figure.name:34} {figure.ours:>22} {figure.theirs:>24} {ratio:>7}  {figure.target:>9}  {VERDICTS[figure.met]}"


def main(wanted: list[str]) -> None:
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r} in {Path(__file__).parent.name}; there are: {', '.join(NAMES)}")
    print(f"{'figure':34} {'ours':>22} {'compared with':>24} {'ratio':>7}  {'target':>9}", flush=True)
    # A process for each: what one keeps in memory is no figure of the next.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        for name in wanted or NAMES:
            for figure in fresh.submit(figures_of, name).result():
                print(row(figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
