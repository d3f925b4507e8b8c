"""python -m raftcore swarm: random runs from the command line."""

import argparse
import sys
from collections.abc import Sequence

from raftcore.cluster.rulebook import CORRECT
from raftcore.hunting.cores import count_cores
from raftcore.hunting.hunt import found_in
from raftcore.hunting.story import live
from raftcore.hunting.swarm import swarm


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 where all is well, 1 where a run failed, and 130 where it was interrupted."""
    wanted = _parser().parse_args(arguments)
    try:
        return _repeat(wanted.seed) if wanted.seed is not None else _swarm(wanted)
    except KeyboardInterrupt:
        _say("interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m raftcore", description="A complete Raft in simulated time.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="swarm")
    command = commands.add_parser("swarm", help="let many random runs live, each in trouble of its own kind, and see whether all is well")
    command.add_argument("--seeds", type=_count, default=1_000, metavar="N", help="how many runs (1,000)")
    command.add_argument("--first", type=int, default=0, metavar="SEED", help="the seed of the first one (0)")
    command.add_argument("--cores", type=_count, default=count_cores(None), metavar="N", help="processes that work (as many as cores)")
    command.add_argument("--limit", type=_count, default=None, metavar="SECONDS", help="stop after so long")
    command.add_argument("--seed", type=int, default=None, help="repeat one run, and shrink what goes wrong in it")
    return parser


def _count(text: str) -> int:
    """A number of things, 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 1 or more")
    return int(text)


def _swarm(wanted: argparse.Namespace) -> int:
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    result = swarm(seeds, wanted.cores, wanted.limit, say=_say, say_progress=_say_progress)
    _say(str(result))
    return 1 if result.failed else 0


def _repeat(seed: int) -> int:
    story = live(seed)
    if story is None:
        _say(f"seed {seed}: all is well")
        return 0
    _say(f"seed {seed}: {story.violation}")
    found = found_in(seed, story, CORRECT, _say_progress)
    _say(f"{found}\n\n{found.as_code()}")
    return 1


def _say(line: str) -> None:
    """A line that stays."""
    _say_progress("")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _say_progress(line: str) -> None:
    """A line that the next one takes the place of, where somebody looks on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line:78}\r")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
