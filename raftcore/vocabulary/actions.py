"""Everything that a person, an exercise or a campaign can do to a run. A click and a line of code become the same value.

An action takes effect at the end of its instant: after every event of the same simulated time.
"""

from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType

from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.names import Address, ClientId, ServerId


class Crash(Struct, frozen=True, tag=True):
    """Stop the server; it forgets all that it had not synced."""

    at_ms: float
    server: ServerId


class Restart(Struct, frozen=True, tag=True):
    """Start a crashed server again from its disk."""

    at_ms: float
    server: ServerId


class Pause(Struct, frozen=True, tag=True):
    """Freeze the server; what arrives waits for it."""

    at_ms: float
    server: ServerId


class Resume(Struct, frozen=True, tag=True):
    """Let a paused server go on; it finds all that waited at once."""

    at_ms: float
    server: ServerId


class TimeOut(Struct, frozen=True, tag=True):
    """Let the server's election timer run out now."""

    at_ms: float
    server: ServerId


class SetLink(Struct, frozen=True, tag=True):
    """Change one direction of a link. Fields left unset stay as they are."""

    at_ms: float
    source: Address
    target: Address
    up: bool | UnsetType = UNSET
    delay_ms: tuple[float, float] | UnsetType = UNSET
    loss: float | UnsetType = UNSET
    duplication: float | UnsetType = UNSET
    reordering: float | UnsetType = UNSET


class Partition(Struct, frozen=True, tag=True):
    """Only members of one group hear each other. Servers named nowhere form a group of their own.

    A client named in no group reaches every server.
    """

    at_ms: float
    groups: tuple[tuple[Address, ...], ...]


class Isolate(Struct, frozen=True, tag=True):
    """Cut every link between the server and the other servers, both ways."""

    at_ms: float
    server: ServerId


class Heal(Struct, frozen=True, tag=True):
    """Make every link whole again: up, with the configured delay, nothing lost, doubled or reordered."""

    at_ms: float


class Submit(Struct, frozen=True, tag=True):
    """Let a client ask for a command, first at the server `through`, or at the leader that it knows."""

    at_ms: float
    client: ClientId
    command: Command
    through: ServerId | None = None


Action: TypeAlias = Crash | Restart | Pause | Resume | TimeOut | SetLink | Partition | Isolate | Heal | Submit
