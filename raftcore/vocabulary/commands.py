"""What a client can ask of the key-value store. Keys and values are text; consensus never looks inside."""

from enum import Enum
from typing import TypeAlias

from msgspec import Struct


class ReadMode(Enum):
    """How a read finds its answer (thesis ch. 6).

    LOG: as an entry of the log, like a write. READ_INDEX: the leader asks a majority whether it still leads (6.4). LEASE: it trusts
    their clocks instead (6.4.1). STALE: any server answers from what it has applied, old or not.
    """

    LOG = "log"
    READ_INDEX = "read index"
    LEASE = "lease"
    STALE = "stale"


MAX_KEY_BYTES = 256
"""The longest key, in bytes of UTF-8."""

MAX_VALUE_BYTES = 1 << 20
"""The longest value, in bytes of UTF-8."""


class Set(Struct, frozen=True, gc=False, array_like=True, tag="set"):
    """Give the key this value."""

    key: str
    value: str


class Get(Struct, frozen=True, gc=False, array_like=True, tag="get"):
    """Read the key, in this way; None: in the way of the cluster's configuration. Only STALE may miss a write that was answered before."""

    key: str
    mode: ReadMode | None = None


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


class OpenSession(Struct, frozen=True, gc=False, array_like=True, tag="open_session"):
    """Open a client's session; its number is the index at which this stands in the log (thesis 6.3). Clients send it by themselves."""


def size_bytes(text: str) -> int:
    """The length of the text in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


Command: TypeAlias = Set | Get | Delete | Append | Cas | OpenSession
