"""Every interleaving of a small world, breadth first: the first violation that is found is one of the shortest.

States that differ only in what no rule and no law can see are one, and so are those that differ only in the names of servers. A packet
that would change nothing and bring no answer may as well stay under way: it is not delivered.
"""

from array import array
from collections.abc import Callable

from msgspec import Struct

from raftcore.hunting.laws import SOMETIMES, Finding
from raftcore.hunting.shapes import Symmetry
from raftcore.hunting.small_world import State, World
from raftcore.hunting.stage import Stage, Step
from raftcore.hunting.stopwatch import Stopwatch
from raftcore.hunting.walk import Walk
from raftcore.vocabulary.errors import ConfigError

PROGRESS_EVERY = 1 << 14
"""States between two words of how far it is."""


class Explored(Struct, frozen=True, kw_only=True):
    """What an exploration came to.

    states: that were reached, over whichever road. unique: different ones. depth: choices to the farthest. seconds: that it took, of
    the wall clock. complete: all that can be reached was. finding: the law that does not hold, or None; path: the choices that lead there, as places among
    all that can happen. reached, missed: what should sometimes come true, and did, or did not.
    """

    world: World
    states: int
    unique: int
    depth: int
    seconds: float
    complete: bool
    finding: Finding | None
    path: tuple[int, ...]
    reached: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def states_per_s(self) -> float:
        """States a second."""
        return self.states / self.seconds if self.seconds else 0.0

    @property
    def passed(self) -> bool:
        """Whether every law holds in every state, and not just since nothing happens in this world."""
        return self.complete and self.finding is None and not self.missed

    def walk(self) -> Walk:
        """The shortest road to the violation, to be looked at and to be gone by hand; without one, a walk that has not begun."""
        return Walk(self.world, self.path)
