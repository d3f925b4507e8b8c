"""What became of many random runs: how many failed, and how many exercised each property and came to each situation."""

from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.situations import SITUATIONS
from raftcore.checks.watch import INVARIANTS
from raftcore.hunting.story import AT_THE_END, RunResult, Story

ALL_PROPERTIES = (*(one.name for one in INVARIANTS), *(one.name for one in BELIEFS), *AT_THE_END)
"""Whatever a run is judged by, by name."""


class Counts:
    """Counts run after run. undecided: those of which nobody can say whether they are right. failed: the others that are not right, with

    their seeds. properties: how many runs exercised each; situations: how many came to each; by name.
    """

    def __init__(self) -> None:
        self.runs = self.undecided = 0
        self.failed: list[tuple[int, Story]] = []
        self.properties = dict.fromkeys(ALL_PROPERTIES, 0)
        self.situations = dict.fromkeys((it.name for it in SITUATIONS), 0)

    def add(self, seed: int, result: RunResult) -> None:
        """Take in one run."""
        self.runs += 1
        self.undecided += result.undecided
        if result.story:
            self.failed.append((seed, result.story))
        for names, counts in ((result.properties, self.properties), (result.situations, self.situations)):
            for name in names:
                counts[name] += 1

    def sentence(self, wanted: str | None) -> str:
        """What to say where nothing has failed; `wanted`: the one property that was looked for, or None."""
        runs = f"{self.runs:,} run{'' if self.runs == 1 else 's'}"
        unknown = f", {self.undecided:,} undecided" if self.undecided else ""
        if wanted:
            return f"{runs}{unknown}: no violation of {wanted}; exercised in {self.properties[wanted]:,}"
        idle = [name for name, count in self.properties.items() if not count]
        return f"{runs}{unknown}: no violation" + (f"; not exercised: {', '.join(idle)}" if idle else "")
