"""A swarm of random runs, each in trouble of its own kind and then healed: python -m raftcore swarm --seeds 1000.

A failure is one line, and the line says how to repeat it.
"""

from collections.abc import Callable, Sequence
from contextlib import closing

from msgspec import Struct

from raftcore.hunting.cores import in_order
from raftcore.hunting.hunt import ignore
from raftcore.hunting.stopwatch import Stopwatch
from raftcore.hunting.story import Story, live


class Swarm(Struct, frozen=True):
    """What became of a swarm: how many runs there were, in how many seconds, and the seeds that failed, with their stories."""

    runs: int
    seconds: float
    failed: tuple[tuple[int, Story], ...]

    def __str__(self) -> str:
        verdict = f"{len(self.failed)} failed" if self.failed else "all is well"
        return f"{self.runs:,} runs in {self.seconds:,.0f} s: {verdict}"


def swarm(
    seeds: Sequence[int],
    cores: int = 1,
    limit_s: float | None = None,
    work: Callable[[int], Story | None] = live,
    say: Callable[[str], object] = ignore,
    say_progress: Callable[[str], object] = ignore,
) -> Swarm:
    """Let these seeds run, or as many of them as `limit_s` seconds allow. `say` gets each failure, `say_progress` how far it is."""
    watch = Stopwatch()
    failed: list[tuple[int, Story]] = []
    runs = 0
    with closing(in_order(work, seeds, cores)) as stories:
        for seed, story in zip(seeds, stories, strict=True):
            runs += 1
            if story:
                failed.append((seed, story))
                say(f"FAILED seed {seed}: {story.violation}  — repeat: python -m raftcore swarm --seed {seed}")
            say_progress(f"{runs:,} of {len(seeds):,} runs, {len(failed)} failed, {watch.seconds:,.0f} s")
            if limit_s is not None and watch.seconds >= limit_s:
                break
    return Swarm(runs, watch.seconds, tuple(failed))
