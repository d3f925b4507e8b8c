"""Everything that a person, an exercise or a campaign can do to a run. A click and a line of code become the same value.

An action takes effect at the end of its instant: after every event of the same simulated time.
"""

from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType

from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.names import Address, ClientId, ServerId


class Crash(Struct, frozen=True, tag=True):
    """Stop the server. With `power_loss` its machine loses power, and what it had not synced may be gone, in part or as a whole.

    Without it only the process crashes: the operating system still has all that was written, synced or not.
    """

    at_ms: float
    server: ServerId
    power_loss: bool = True


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
    """Let the server's election timer run out now, as if its clock had jumped: a lease that counts on its silence may break."""

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


class CreateServer(Struct, frozen=True, tag=True):
    """Let a new server exist, with an empty disk. It belongs to no configuration until a ChangeMembership names it."""

    at_ms: float
    server: ServerId


class ChangeMembership(Struct, frozen=True, tag=True):
    """Ask the leader to make these servers the voters, and these the learners (§6)."""

    at_ms: float
    voters: tuple[ServerId, ...]
    learners: tuple[ServerId, ...] = ()


class TransferLeadership(Struct, frozen=True, tag=True):
    """Ask the leader to hand its leadership to this server (thesis 3.10); to the leader itself: to cancel the transfer under way."""

    at_ms: float
    target: ServerId


class TakeSnapshot(Struct, frozen=True, tag=True):
    """Let the server put a snapshot in place of its log as far as it has applied it (§7)."""

    at_ms: float
    server: ServerId


class SetClockRate(Struct, frozen=True, tag=True):
    """Let the server's clock count `rate` milliseconds in one of simulated time, from its next timeout on."""

    at_ms: float
    server: ServerId
    rate: float


class SetDisk(Struct, frozen=True, tag=True):
    """Change how the server's disk behaves. Fields left unset stay as they are."""

    at_ms: float
    server: ServerId
    sync_ms: float | UnsetType = UNSET
    sync_fails: bool | UnsetType = UNSET
    capacity_bytes: int | UnsetType | None = UNSET
    loses_writes: bool | UnsetType = UNSET
    reads_fail: bool | UnsetType = UNSET


class FlipBit(Struct, frozen=True, tag=True):
    """Let one bit rot in what the server's disk keeps; which one is drawn from the disk's stream."""

    at_ms: float
    server: ServerId


Action: TypeAlias = (
    Crash
    | Restart
    | Pause
    | Resume
    | TimeOut
    | SetLink
    | Partition
    | Isolate
    | Heal
    | Submit
    | CreateServer
    | ChangeMembership
    | TransferLeadership
    | TakeSnapshot
    | SetClockRate
    | SetDisk
    | FlipBit
)
