"""What entries came to where they were applied first: wherever else they are applied, they must come to the same.

What a command should come to is written anew here, not taken from the state machine, so that a mistake there is found.
"""

from bisect import bisect_right

from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import Applied
from raftcore.vocabulary.names import Index


class Outcomes:
    """first: by index, the event that told of it first; first_at: where that stands in the trace. Nothing stands at 0."""

    def __init__(self) -> None:
        self.first = [Applied(0.0, "", 0, None, None)]
        self.first_at = [-1]
        self._values: dict[str, tuple[list[Index], list[str | None]]] = {}

    def keep(self, at: int, event: Applied) -> None:
        """Keep what the next index came to."""
        self.first.append(event)
        self.first_at.append(at)
        if event.changed_key is not None:
            since, values = self._values.setdefault(event.changed_key, ([], []))
            since.append(event.index)
            values.append(event.new_value)

    def value(self, key: str, index: Index) -> str | None:
        """What a key held after the entry at `index`; None where it was absent."""
        since, values = self._values.get(key, ((), ()))
        before = bisect_right(since, index)
        return values[before - 1] if before else None

    def explains(self, command: Command | Configuration | None, event: Applied) -> bool:
        """Whether the next index can have come to this by that command. One that was not carried out has changed nothing."""
        key, value = event.changed_key, event.new_value
        if type(command) is Set:  # by far the most
            return key is None or (value == command.value and key == command.key)
        match command:
            case _ if key is None:
                return True
            case Delete():
                expected = None
            case Append():
                expected = (self.value(key, event.index) or "") + command.value
            case Cas() if self.value(key, event.index) == command.expected:
                expected = command.value
            case _:
                return False
        return key == command.key and value == expected

    def answer(self, command: Command, index: Index) -> tuple[bool, str | None]:
        """What a client is told of a command that was applied at this index: the verdict, and what the key holds, where that is told."""
        first, kind = self.first[index], type(command)
        done = first.changed_key is not None
        if kind is Set:
            return done, None
        if kind is Append:
            return done, first.new_value
        if isinstance(command, Cas):
            return done, self.value(command.key, index)
        return True, None

    def store(self, index: Index) -> dict[str, str]:
        """All that the store held after the entry at `index`."""
        held = {key: self.value(key, index) for key in self._values}
        return {key: value for key, value in held.items() if value is not None}
