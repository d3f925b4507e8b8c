"""python -m raftcore swarm: random runs from the command line."""

import argparse
import sys
from collections.abc import Sequence

from raftcore.cluster.rulebook import CORRECT
from raftcore.hunting.cores import count_cores
from raftcore.hunting.counts import ALL_PROPERTIES
from raftcore.hunting.hunt import found_in
from raftcore.hunting.progress import Progress
from raftcore.hunting.story import Story, live
from raftcore.hunting.swarm import swarm


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 where all is well, 1 where a run failed, and 130 where it was interrupted."""
    wanted = _parser().parse_args(arguments)
    screen = Screen()
    try:
        return _repeat(wanted.seed, screen) if wanted.seed is not None else _swarm(wanted, screen)
    except KeyboardInterrupt:
        screen.say(f"interrupted: {screen.progress.last}")
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


class Screen:
    """Lines that stay, and how far it is below them."""

    def __init__(self) -> None:
        self.progress = Progress(sys.stderr)

    def say(self, line: str) -> None:
        """A line that stays."""
        self.progress.clear()
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def say_failed(self, seed: int, story: Story) -> None:
        """One line, which repeats it."""
        self.say(f"FAILED seed {seed}: {story.violation}  — repeat: python -m raftcore swarm --seed {seed}")


def _swarm(wanted: argparse.Namespace, screen: Screen) -> int:
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    result = swarm(seeds, wanted.cores, wanted.limit, on_failure=screen.say_failed, on_progress=screen.progress)
    screen.say(f"{result.table()}\n\n{result}")
    return 1 if result.failed else 0


def _repeat(seed: int, screen: Screen) -> int:
    result = live(seed)
    story = result.story
    if story is None:
        idle = [name for name in ALL_PROPERTIES if name not in result.properties]
        screen.say(f"seed {seed}: {result.verdict}" + (f"\nnot exercised: {', '.join(idle)}" if idle else ""))
        screen.say(f"situations: {', '.join(result.situations)}")
        return 0
    screen.say(f"seed {seed}: {story.violation}")
    found = found_in(seed, story, CORRECT, screen.progress)
    screen.say(f"{found}\n\n{found.as_code()}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
