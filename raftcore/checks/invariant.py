"""What all invariants share: what each is called, what it knows, and how it says that it is broken."""

from typing import ClassVar

from raftcore.checks.memory import Memory
from raftcore.checks.situations.situation import Situation
from raftcore.checks.violation import Violation
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import ServerId


class Invariant:
    """A property that holds at every event. Its methods see events (seeing.py), and answer with what breaks it, or None.

    name: as in papers. section: where it stands there. premise: as long as this has not come about in a run, the property is not exercised:
    it neither holds nor is broken.
    """

    name: ClassVar[str]
    section: ClassVar[str]
    premise: ClassVar[Situation]

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.servers = memory.servers

    def broken(self, at: int, event: Event, sentence: str, servers: tuple[ServerId, ...], *earlier: int) -> Violation:
        """Say that the event at this position breaks it; `earlier` are the positions of those that show it too, -1 for one unknown."""
        evidence = (*sorted({position for position in earlier if 0 <= position < at}), at)
        return Violation(self.name, event.at_ms, sentence, servers, evidence)
