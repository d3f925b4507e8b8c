"""What must hold of a server's state after each step, and not only of what the trace tells: what a server believes must be true.

Each belief is one class with a name, a section and a docstring, like the invariants. Those in alone.py and changes.py look at one server,
those in others.py at what it believes of other servers and of its disk. watch.py evaluates them in a simulated cluster; the model checker
evaluates them in each state (hunting/laws.py). They follow the assertions of LogCabin's RaftConsensusInvariants.
"""

from raftcore.checks.beliefs.alone import ALONE, DeadlinesInBounds
from raftcore.checks.beliefs.belief import Belief
from raftcore.checks.beliefs.changes import CHANGES
from raftcore.checks.beliefs.others import OTHERS

BELIEFS: tuple[type[Belief], ...] = (*OTHERS, *ALONE, DeadlinesInBounds, *CHANGES)
"""In the order in which they are shown."""

__all__ = ["BELIEFS", "Belief"]
