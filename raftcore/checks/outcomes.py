"""What the committed entries come to: one state machine for the whole run, and what every key held when."""

from bisect import bisect_right

from raftcore.checks.logbook import Written
from raftcore.statemachine.kv import Result
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary.names import Index


class Outcomes:
    """results: of the committed entries, by index; nothing stands at 0."""

    def __init__(self, session_timeout_ms: float) -> None:
        self._machine = StateMachine(session_timeout_ms)
        self.results = [Result(True)]
        self._values: dict[str, tuple[list[Index], list[str | None]]] = {}

    def apply(self, written: Written) -> None:
        """Carry out the next committed entry."""
        (result,) = self._machine.apply_all(written.index, (written.entry,))
        self.results.append(result)
        if result.changed_key is not None:
            since, values = self._values.setdefault(result.changed_key, ([], []))
            since.append(written.index)
            values.append(result.new_value)

    def value(self, key: str, index: Index) -> str | None:
        """What a key held after the entry at `index`; None where it was absent."""
        since, values = self._values.get(key, ((), ()))
        before = bisect_right(since, index)
        return values[before - 1] if before else None

    def store(self, index: Index) -> dict[str, str]:
        """All that the store held after the entry at `index`."""
        held = {key: self.value(key, index) for key in self._values}
        return {key: value for key, value in held.items() if value is not None}
