"""The catalogue of planted bugs: each has one thing wrong, has happened in a real system, and must be caught by the property it breaks."""

from raftcore.hunting.mutants.elections import ELECTIONS
from raftcore.hunting.mutants.mutant import Mutant
from raftcore.hunting.mutants.replication import REPLICATION
from raftcore.hunting.mutants.storage import STORAGE

MUTANTS: tuple[Mutant, ...] = tuple(
    sorted((*ELECTIONS, *REPLICATION, *STORAGE), key=lambda mutant: (int(mutant.number.rstrip("ab")), mutant.number))
)
"""All of them, in the order of the catalogue."""

__all__ = ["MUTANTS", "Mutant"]
