"""A client as a person holds it: ask for a command, and the clock runs until the answer is there."""

from collections.abc import Callable

from raftcore.cluster.client import Operation
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set
from raftcore.vocabulary.events import Completed
from raftcore.vocabulary.names import ClientId


class Client:
    """One client of a cluster. Every method returns a Completed:

    its `ok` is False when a compare-and-set met another value, and None when the outcome is unknown: no server answered in time, or the
    client's session had expired.
    """

    def __init__(
        self, client_id: ClientId, submit: Callable[[ClientId, Command | str], Operation], finish: Callable[[Operation], Completed]
    ) -> None:
        self.id = client_id
        self._submit = submit
        self._finish = finish

    def run(self, command: Command | str) -> Completed:
        """Ask for a command, given as a value or as text such as "SET x 1", and wait for its outcome; CommandError if it does not parse."""
        return self._finish(self._submit(self.id, command))

    def set(self, key: str, value: str) -> Completed:
        """Give the key this value."""
        return self.run(Set(key, value))

    def get(self, key: str, mode: ReadMode | None = None) -> Completed:
        """Read the key, in the cluster's own way if no mode is given; `value` is None when it is absent."""
        return self.run(Get(key, mode))

    def delete(self, key: str) -> Completed:
        """Remove the key."""
        return self.run(Delete(key))

    def append(self, key: str, value: str) -> Completed:
        """Add text to the end of the key's value."""
        return self.run(Append(key, value))

    def cas(self, key: str, expected: str, value: str) -> Completed:
        """Give the key a new value if it holds the expected one."""
        return self.run(Cas(key, expected, value))
