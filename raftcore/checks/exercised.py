"""Which properties a run has exercised: those whose premise has come about. Of the others nobody can say that they hold."""

from collections.abc import Container, Iterable

from raftcore.checks.beliefs.belief import Belief
from raftcore.checks.invariant import Invariant
from raftcore.checks.situations.clients import read_completed

LINEARIZABILITY_PREMISE = read_completed
"""Linearizability is no class: it is judged of the clients' history as a whole, and only reads and comparisons tell what the store held."""


def exercised(properties: Iterable[type[Invariant | Belief]], situations: Container[str]) -> list[str]:
    """The names of those properties whose premise is among these situations, which are named."""
    return [it.name for it in properties if it.premise.name in situations]
