"""What entries came to where they were applied first: wherever else they are applied, they must come to the same."""

from bisect import bisect_right

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

    def store(self, index: Index) -> dict[str, str]:
        """All that the store held after the entry at `index`."""
        held = {key: self.value(key, index) for key in self._values}
        return {key: value for key, value in held.items() if value is not None}
