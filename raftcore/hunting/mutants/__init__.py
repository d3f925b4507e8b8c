"""The catalogue of planted bugs: each has one thing wrong, has happened in a real system, and must be caught by the property it breaks."""

from raftcore.hunting.mutants.answers import ANSWERS
from raftcore.hunting.mutants.elections import ELECTIONS
from raftcore.hunting.mutants.membership import MEMBERSHIP
from raftcore.hunting.mutants.mutant import Mutant
from raftcore.hunting.mutants.reads import READS
from raftcore.hunting.mutants.replication import REPLICATION
from raftcore.hunting.mutants.sessions import SESSIONS
from raftcore.hunting.mutants.snapshots import SNAPSHOTS
from raftcore.hunting.mutants.storage import STORAGE
from raftcore.hunting.mutants.transfers import TRANSFERS

MUTANTS: tuple[Mutant, ...] = tuple(
    sorted(
        (*ANSWERS, *ELECTIONS, *MEMBERSHIP, *READS, *REPLICATION, *SNAPSHOTS, *SESSIONS, *STORAGE, *TRANSFERS),
        key=lambda mutant: (int(mutant.number.rstrip("abcd")), mutant.number),
    )
)
"""All of them, in the order of the catalogue."""

__all__ = ["MUTANTS", "Mutant"]
