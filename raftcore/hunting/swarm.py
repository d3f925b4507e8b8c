"""A swarm of random runs, each in trouble of its own kind and then healed: python -m raftcore swarm --seeds 1000.

A failure is one line, and the line says how to repeat it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from msgspec import Struct

from raftcore.hunting.cores import in_order
from raftcore.hunting.counts import Counts
from raftcore.hunting.hunt import ignore
from raftcore.hunting.stopwatch import Stopwatch
from raftcore.hunting.story import RunResult, Story, live


class Swarm(Struct, frozen=True):
    """What became of a swarm: how many runs there were, in how many seconds, how many of them nobody could judge in time, and the seeds

    that failed, with their stories. properties: how many runs exercised each; situations: how many came to each; by name.
    """

    runs: int
    seconds: float
    undecided: int
    failed: tuple[tuple[int, Story], ...]
    properties: dict[str, int]
    situations: dict[str, int]

    def __str__(self) -> str:
        counts = {"failed": len(self.failed), "undecided": self.undecided}
        verdict = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{self.runs:,} runs in {self.seconds:,.0f} s: {verdict or 'all is well'}"

    def table(self) -> str:
        """How many runs exercised each property and came to each situation, a line each."""
        properties = self._lines("property", self.properties, "not exercised")
        return "\n".join((*properties, "", *self._lines("situation", self.situations, "never")))

    def _lines(self, title: str, counts: dict[str, int], never: str) -> Iterator[str]:
        yield f"{title:{WIDTH}}{f'of {self.runs:,} runs':>18}"
        for name, count in counts.items():
            share = f"{count:,} {count / self.runs:>7.1%}" if count else never
            yield f"{name:{WIDTH}}{share:>18}"


WIDTH = 40
"""Of the first column of the table."""


def swarm(
    seeds: Sequence[int],
    cores: int = 1,
    limit_s: float | None = None,
    work: Callable[[int], RunResult] = live,
    on_failure: Callable[[int, Story], object] = ignore,
    on_progress: Callable[[str], object] = ignore,
) -> Swarm:
    """Let these seeds run, or as many of them as `limit_s` seconds allow. `on_failure` gets each that fails and its story at once,

    `on_progress` how far it is.
    """
    watch, counts = Stopwatch(), Counts()
    with closing(in_order(work, seeds, cores)) as results:
        for seed, result in results:
            counts.add(seed, result)
            if result.story:
                on_failure(seed, result.story)
            unknown = f", {counts.undecided} undecided" if counts.undecided else ""
            on_progress(f"{counts.runs:,} of {len(seeds):,} runs, {len(counts.failed)} failed{unknown}, {watch.seconds:,.0f} s")
            if limit_s is not None and watch.seconds >= limit_s:
                break
    return Swarm(counts.runs, watch.seconds, counts.undecided, tuple(counts.failed), counts.properties, counts.situations)
