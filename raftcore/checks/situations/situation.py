"""What a situation is, and what is known of a run when one is looked for."""

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from raftcore.checks.leases import Leases
from raftcore.checks.logbook import Written
from raftcore.checks.memory import Memory
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.names import Address, ClientId, Index, ServerId


class Past:
    """A run before the event that is looked at. memory: what the invariants know of it. The rest is what some situations write down

    themselves; servers, links, clients and uncommitted entries bound it.

    leases: whether clocks let leases hold. writers: of each client, the last command that a leader wrote, and which leader. awaited: of
    each client, the last read that waited for a majority. began: by leader and follower, where the leader's log ended when it began to
    send its snapshot. stranded: uncommitted entries of earlier terms that stood on a majority. cut: links between servers that carry
    nothing. arrived: of each link, the latest message that was delivered. disks: those that were changed.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.servers = memory.servers
        self.leases = Leases(memory.servers, memory.config)
        self.writers: dict[ClientId, tuple[int, ServerId]] = {}
        self.awaited: dict[ClientId, int] = {}
        self.began: dict[tuple[Address, Address], Index] = {}
        self.stranded: dict[Index, Written] = {}
        self.cut: set[tuple[Address, Address]] = set()
        self.arrived: dict[tuple[Address, Address], int] = {}
        self.disks: dict[ServerId, DiskState] = {}


Occurs: TypeAlias = Callable[[Past, Any], bool]
"""Whether a situation comes about with an event of one of its kinds."""


class Situation(Struct, frozen=True, eq=False):
    """Something that may happen in a run, and that tests of Raft want to have happened.

    name: in the field's words. about: its definition, a sentence. kinds: of the events with which it may come about; a kind of message
    stands for the MessageSent that carries one. occurs: whether it does. after: it is looked for once this has come about.
    """

    name: str
    about: str
    kinds: tuple[type, ...]
    occurs: Occurs
    after: "Situation | None" = None


def situation(*kinds: type, name: str = "", after: Situation | None = None) -> Callable[[Occurs], Situation]:
    """Make a situation of a function: its name says what it is called, unless `name` does, and its docstring what that means."""

    def make(occurs: Occurs) -> Situation:
        about = " ".join((occurs.__doc__ or "").split())
        return Situation(name or occurs.__name__.replace("_", " "), about, kinds, occurs, after)

    return make
