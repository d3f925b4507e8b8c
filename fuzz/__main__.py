"""python -m fuzz [--cases 100000] [--seconds 0] [--from 0] [kind …]: run so many cases of each kind, and say which went wrong."""

import argparse
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from random import Random

from fuzz.inputs import KINDS

MOST_MEMORY_BYTES = 6 << 30


def main() -> int:
    """1 where a fault was found, else 0."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="of each kind at most; 0: no limit")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first case")
    given = parser.parse_args()
    with suppress(ImportError):  # Windows has no such limit
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    found = [_run(kind, given.first, given.cases, given.seconds) for kind in given.kinds or KINDS]
    return int(any(found))


def _run(kind: str, first: int, cases: int, seconds: float) -> bool:
    began, done, found = time.monotonic(), 0, Counter[str]()
    for number in range(first, first + cases):
        if seconds and time.monotonic() - began > seconds:
            break
        try:
            KINDS[kind](Random(f"{kind} {number}"))
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            where = f"{type(error).__name__} in {_place(error)}"
            found[where] += 1
            if found[where] == 1:
                print(f"{kind} {number}: {where}: {str(error)[:200]}", flush=True)
        done += 1
    print(f"{kind}: {done:,} cases in {time.monotonic() - began:.0f} s, {found.total():,} went wrong in {len(found)} places", flush=True)
    return bool(found)


def _place(error: Exception) -> str:
    """The last line of the lab itself that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "raftcore" in frame.filename or "widgets" in frame.filename] or frames
    return f"{'/'.join(ours[-1].filename.split('/')[-2:])}:{ours[-1].lineno}"


if __name__ == "__main__":
    sys.exit(main())
