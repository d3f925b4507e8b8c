"""What each command does to the key-value store, a map from text to text, and what it answers.

It is deterministic: the same commands give the same map and the same results on every server.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from immutables import MapMutation
from msgspec import Struct

from raftcore.vocabulary.commands import MAX_VALUE_BYTES, Append, Cas, Command, Delete, Get, Set, size_bytes
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import ClientId, Index, Reason


class Result(Struct, frozen=True, gc=False):
    """What an entry came to.

    ok, value: the answer to the client. changed_key: the key that now holds `new_value` (None: that is absent now), or
    None where nothing changed. repeated: the session knew the command already, so it was not carried out again. reason: why
    it failed or was refused, where it is not ok. expired: the sessions that the entry's time put an end to, with their clients.
    """

    ok: bool
    value: str | None = None
    changed_key: str | None = None
    new_value: str | None = None
    repeated: bool = False
    reason: Reason | None = None
    expired: tuple[tuple[ClientId, Index], ...] = ()


_Store: TypeAlias = MapMutation[str, str]


def carry_out(store: _Store, command: Command | Configuration | None) -> Result:
    """Let a command change the store. None, and a cluster's configuration, change nothing."""
    return _RULES[type(command)](store, command)


def _nothing(_store: _Store, _command: Configuration | None) -> Result:
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
        return Result(False, reason=FAILURES[Append])
    store[key] = value
    return Result(True, value, key, value)


def _cas(store: _Store, command: Cas) -> Result:
    key, value = command.key, command.value
    held = store.get(key)
    if held != command.expected:
        return Result(False, held, reason=FAILURES[Cas])
    store[key] = value
    return Result(True, value, key, value)


_NOTHING = Result(True)

FAILURES: Mapping[type, Reason] = {Append: Reason.TOO_LARGE, Cas: Reason.MISMATCH}
"""The commands that can fail, and why one does."""

_RULES: dict[type, Callable[[_Store, Any], Result]] = {
    Set: _set,
    Get: _get,
    Delete: _delete,
    Append: _append,
    Cas: _cas,
    Configuration: _nothing,
    type(None): _nothing,
}
