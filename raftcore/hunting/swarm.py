"""A swarm of random runs, each in trouble of its own kind and then healed: python -m raftcore swarm --seeds 1000.

A failure is one line, and the line says how to repeat it.
"""

from collections.abc import Callable, Sequence
from contextlib import closing

from msgspec import Struct

from raftcore.hunting.cores import in_order
from raftcore.hunting.hunt import ignore
from raftcore.hunting.stopwatch import Stopwatch
from raftcore.hunting.story import Story, Undecided, live


class Swarm(Struct, frozen=True):
    """What became of a swarm: how many runs there were, in how many seconds, how many of them nobody could judge in time, and the seeds

    that failed, with their stories.
    """

    runs: int
    seconds: float
    undecided: int
    failed: tuple[tuple[int, Story], ...]

    def __str__(self) -> str:
        counts = {"failed": len(self.failed), "undecided": self.undecided}
        verdict = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{self.runs:,} runs in {self.seconds:,.0f} s: {verdict or 'all is well'}"


def swarm(
    seeds: Sequence[int],
    cores: int = 1,
    limit_s: float | None = None,
    work: Callable[[int], Story | Undecided | None] = live,
    on_failure: Callable[[int, Story], object] = ignore,
    on_progress: Callable[[str], object] = ignore,
) -> Swarm:
    """Let these seeds run, or as many of them as `limit_s` seconds allow. `on_failure` gets each that fails and its story at once,

    `on_progress` how far it is.
    """
    watch = Stopwatch()
    failed: list[tuple[int, Story]] = []
    runs = undecided = 0
    with closing(in_order(work, seeds, cores)) as stories:
        for seed, story in stories:
            runs += 1
            undecided += isinstance(story, Undecided)
            if isinstance(story, Story):
                failed.append((seed, story))
                on_failure(seed, story)
            unknown = f", {undecided} undecided" if undecided else ""
            on_progress(f"{runs:,} of {len(seeds):,} runs, {len(failed)} failed{unknown}, {watch.seconds:,.0f} s")
            if limit_s is not None and watch.seconds >= limit_s:
                break
    return Swarm(runs, watch.seconds, undecided, tuple(failed))
