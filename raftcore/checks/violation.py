"""What a check finds."""

from msgspec import Struct

from raftcore.vocabulary.names import ServerId


class Violation(Struct, frozen=True):
    """A property that does not hold.

    property: its name. at_ms: when that was seen, in simulated milliseconds. sentence: what happened between whom. servers: those
    that it is about. evidence: positions in the trace of the events that show it; the last is where it was seen.
    """

    property: str
    at_ms: float
    sentence: str
    servers: tuple[ServerId, ...]
    evidence: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.property}, at {self.at_ms:,.1f} ms: {self.sentence}"


class RuleFailure(Violation, frozen=True):
    """A custom rule that raised, did not return, or does not answer the same twice. property: its short name, as in RuleError.finding."""

    def __str__(self) -> str:
        return f"{self.sentence}, at {self.at_ms:,.1f} ms"
