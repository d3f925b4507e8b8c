"""What a key does with each command when clients take turns: the sequential specification that a history is judged by.

Written anew, not taken from the state machine, so that a mistake there is found.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from raftcore.checks.client_history import KeyCommand, Operation
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set

Held: TypeAlias = str | None
"""What a key holds; None: it is absent."""


class Impossible:
    """In place of a state: what the operation's answer said can't be said in the state before."""


IMPOSSIBLE = Impossible()


class Model(Struct, frozen=True):
    """Keys that know these commands. Every key is absent at first, and none has to do with another.

    rules: for each command, (what its key holds, the command, the whole operation) → what it holds then, or IMPOSSIBLE. An operation that
    was refused changes nothing.
    """

    name: str
    rules: Mapping[type[KeyCommand], Callable[[Held, Any, Operation], Held | Impossible]]

    def step(self, held: Held, operation: Operation) -> Held | Impossible:
        """What the key holds after the operation, or IMPOSSIBLE where its answer does not fit."""
        return self.rules[type(operation.command)](held, operation.command, operation)


def _set(held: Held, command: Set, operation: Operation) -> Held:
    return held if operation.ok is False else command.value


def _get(held: Held, _command: Get, operation: Operation) -> Held | Impossible:
    return held if _fits(operation, held) else IMPOSSIBLE


def _delete(held: Held, _command: Delete, operation: Operation) -> Held:
    return held if operation.ok is False else None


def _append(held: Held, command: Append, operation: Operation) -> Held | Impossible:
    longer = held if operation.ok is False else (held or "") + command.value
    return longer if _fits(operation, longer) else IMPOSSIBLE


def _cas(held: Held, command: Cas, operation: Operation) -> Held | Impossible:
    """A failure is evidence too: the key held something else."""
    equal = held == command.expected
    if operation.ok is False:
        return held if not equal and _fits(operation, held) else IMPOSSIBLE
    return command.value if equal else IMPOSSIBLE


def _fits(operation: Operation, held: Held) -> bool:
    """Whether the answer can come from a key that holds this."""
    return operation.value is UNSET or operation.value == held


REGISTER = Model("register", {Get: _get, Set: _set, Cas: _cas})
KEY_VALUE = Model("key-value store", {Get: _get, Set: _set, Cas: _cas, Delete: _delete, Append: _append})
