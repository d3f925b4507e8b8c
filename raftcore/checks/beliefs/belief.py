"""What all beliefs share, and how one says that it does not hold."""

from typing import ClassVar, NamedTuple

from raftcore.checks.situations.situation import Situation
from raftcore.vocabulary.names import ServerId

ROUNDING_MS = 1e-6
"""Times that are stretched by a factor are rounded: closer than this they are equal."""


class Belief:
    """A property of servers' states that holds after each step.

    name: as it is reported. section: where it stands in paper or thesis. premise: as for an invariant.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    premise: ClassVar[Situation]


class Flaw(NamedTuple):
    """A belief that does not hold, why, as a sentence, and of which servers."""

    belief: type[Belief]
    sentence: str
    servers: tuple[ServerId, ...]
