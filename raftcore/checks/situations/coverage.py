"""Which situations a run has come to so far. An event costs nothing for those that it has come to already."""

from collections.abc import Iterable

from raftcore.checks.memory import Memory
from raftcore.checks.situations import SITUATIONS
from raftcore.checks.situations.situation import Past, Situation
from raftcore.vocabulary.events import Event


class Coverage:
    """Asked about each event whose kind is in `awaited`, before the memory takes it in.

    first: of each situation that has come about, by name, where in the trace that was. awaited: the others, by the kinds of event with
    which they may come about; a kind of message stands for the MessageSent that carries one.
    """

    def __init__(self, memory: Memory) -> None:
        self.first: dict[str, int] = {}
        self.awaited: dict[type, tuple[Situation, ...]] = {}
        self._past = Past(memory)
        self._await(it for it in SITUATIONS if it.after is None)

    def look(self, at: int, kind: type, event: Event) -> None:
        """Take in an event of this kind, which stands at this place in the trace."""
        past = self._past
        for situation in self.awaited[kind]:
            if situation.occurs(past, event):
                self._come_to(situation, at)

    def _come_to(self, situation: Situation, at: int) -> None:
        self.first[situation.name] = at
        for kind in situation.kinds:
            self.awaited[kind] = tuple(it for it in self.awaited[kind] if it is not situation)
            if not self.awaited[kind]:
                del self.awaited[kind]
        self._await(it for it in SITUATIONS if it.after is situation)

    def _await(self, situations: Iterable[Situation]) -> None:
        for situation in situations:
            for kind in situation.kinds:
                self.awaited[kind] = (*self.awaited.get(kind, ()), situation)
