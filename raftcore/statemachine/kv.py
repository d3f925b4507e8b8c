"""The key-value store: the state machine that every server feeds with the committed commands, in the order of the log.

It is deterministic: the same commands give the same map and the same results on every server.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from immutables import Map, MapMutation
from msgspec import Struct

from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, Set
from raftcore.vocabulary.messages import Entry

MAX_VALUE_BYTES = 1 << 20
"""The longest value, in bytes of UTF-8."""


class Result(Struct, frozen=True, gc=False):
    """What a command came to.

    ok, value: the answer to the client. changed_key: the key that now holds `new_value` (None: that is absent now), or
    None where nothing changed.
    """

    ok: bool
    value: str | None = None
    changed_key: str | None = None
    new_value: str | None = None


class KeyValueStore:
    """A map from text to text. `kv_store` is persistent: to keep it is to keep this moment, and costs nothing."""

    def __init__(self) -> None:
        self.kv_store: Map[str, str] = Map()

    def apply(self, command: Command) -> Result:
        """Carry out one command."""
        return self.apply_all([Entry(term=0, command=command)])[0]

    def apply_all(self, entries: Iterable[Entry]) -> list[Result]:
        """Carry out the entries' commands in order; one result an entry. An entry without a command changes nothing."""
        # One mutation for all of them: to make a new map for each would cost more than twice as much.
        store = self.kv_store.mutate()
        results = [_APPLY[type(entry.command)](store, entry.command) for entry in entries]
        self.kv_store = store.finish()
        return results


_Store: TypeAlias = MapMutation[str, str]


def _no_op(_store: _Store, _command: None) -> Result:
    return _NOTHING


def _set(store: _Store, command: Set) -> Result:
    key, value = command.key, command.value
    store[key] = value
    return Result(True, None, key, value)


def _get(store: _Store, command: Get) -> Result:
    return Result(True, store.get(command.key))


def _delete(store: _Store, command: Delete) -> Result:
    if store.pop(command.key, None) is None:
        return _NOTHING
    return Result(True, None, command.key, None)


def _append(store: _Store, command: Append) -> Result:
    """The only command whose value can outgrow the limit after it was checked: refused then, alike on every server."""
    key = command.key
    value = store.get(key, "") + command.value
    if size_bytes(value) > MAX_VALUE_BYTES:
        return Result(False)
    store[key] = value
    return Result(True, value, key, value)


def _cas(store: _Store, command: Cas) -> Result:
    key, value = command.key, command.value
    held = store.get(key)
    if held != command.expected:
        return Result(False, held)
    store[key] = value
    return Result(True, value, key, value)


_NOTHING = Result(True)

_APPLY: dict[type, Callable[[_Store, Any], Result]] = {
    Set: _set,
    Get: _get,
    Delete: _delete,
    Append: _append,
    Cas: _cas,
    type(None): _no_op,
}


def size_bytes(text: str) -> int:
    """The length of the text in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
