"""What a client can ask of the key-value store. Keys and values are text; consensus never looks inside."""

from typing import TypeAlias

from msgspec import Struct


class Set(Struct, frozen=True, gc=False, array_like=True, tag="set"):
    """Give the key this value."""

    key: str
    value: str


class Get(Struct, frozen=True, gc=False, array_like=True, tag="get"):
    """Read the key. Goes through the log like a write, so the answer is never stale."""

    key: str


class Delete(Struct, frozen=True, gc=False, array_like=True, tag="delete"):
    """Remove the key. Removing an absent key succeeds too."""

    key: str


class Append(Struct, frozen=True, gc=False, array_like=True, tag="append"):
    """Add the text to the end of the key's value; an absent key counts as the empty text."""

    key: str
    value: str


class Cas(Struct, frozen=True, gc=False, array_like=True, tag="cas"):
    """Compare and set: give the key the new value only if it holds the expected one."""

    key: str
    expected: str
    value: str


Command: TypeAlias = Set | Get | Delete | Append | Cas
