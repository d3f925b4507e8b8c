"""What can be done to a run, each in a line of code. Every method makes one Action, or a few that belong together."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from threading import RLock

from msgspec import UNSET, UnsetType

from raftcore.cluster.client import Operation
from raftcore.cluster.world import SimWorld
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.names import Address, ServerId
from raftcore.vocabulary.spelling import spelled
from raftcore.vocabulary.validation import group


class Controls(ABC):
    """The part of a Cluster that acts on servers, links, membership, disks and clocks. What does not fit is refused with a sentence."""

    _world: SimWorld
    _lock: RLock

    @property
    @abstractmethod
    def server_ids(self) -> tuple[ServerId, ...]:
        """S1 … Sn, and those that were created since."""

    @abstractmethod
    def _do(self, kind: Callable[..., Action], *details: object) -> Operation | None:
        """Take an action of this kind now."""

    # ---- servers and links

    def crash(self, server: ServerId, power_loss: bool = True) -> None:
        """Stop a server. Its machine loses power, and with that any part of what the server had not synced.

        With `power_loss=False` only the process crashes, as by `kill -9`: what it wrote can still be read, synced or not.
        """
        self._do(act.Crash, server, power_loss)

    def restart(self, server: ServerId) -> None:
        """Start a crashed server again from its disk; if that can't be trusted it stays down, and `view.servers[…].halted` says why."""
        self._do(act.Restart, server)

    def pause(self, server: ServerId) -> None:
        """Freeze a server; what arrives waits for it."""
        self._do(act.Pause, server)

    def resume(self, server: ServerId) -> None:
        """Let a paused server go on."""
        self._do(act.Resume, server)

    def time_out(self, server: ServerId) -> None:
        """Let a server's election timer run out now."""
        self._do(act.TimeOut, server)

    def isolate(self, server: ServerId) -> None:
        """Cut every link between this server and the others."""
        self._do(act.Isolate, server)

    def partition(self, *groups: Iterable[Address]) -> None:
        """Let only members of one group hear each other; servers named nowhere form one more group."""
        self._do(act.Partition, tuple(sorted_group(group) for group in groups))

    def heal(self) -> None:
        """Make every link healthy."""
        self._do(act.Heal)

    @spelled
    def link(
        self,
        source: Address,
        target: Address,
        *,
        up: bool | UnsetType = UNSET,
        delay_ms: tuple[float, float] | UnsetType = UNSET,
        loss: float | UnsetType = UNSET,
        duplication: float | UnsetType = UNSET,
        reordering: float | UnsetType = UNSET,
    ) -> None:
        """Change one direction of a link; what is not given stays. Probabilities are per message, from 0 to 1."""
        self._do(act.SetLink, source, target, up, delay_ms, loss, duplication, reordering)

    def cut(self, one: Address, other: Address) -> None:
        """Cut a link, both ways."""
        with self._lock:
            self.link(one, other, up=False)
            self.link(other, one, up=False)

    def mend(self, one: Address, other: Address) -> None:
        """Let a link that was cut carry messages again, both ways."""
        with self._lock:
            self.link(one, other, up=True)
            self.link(other, one, up=True)

    # ---- membership, leadership, storage and clocks

    def create_server(self, server: ServerId | None = None) -> ServerId:
        """Let a new server exist, with an empty disk; it belongs to the cluster once a change of membership names it."""
        with self._lock:
            names = set(self.server_ids)
            name = server if server is not None else next(f"S{number}" for number in itertools.count(1) if f"S{number}" not in names)
            self._do(act.CreateServer, name)
            return name

    def change_membership(self, voters: Iterable[ServerId], learners: Iterable[ServerId] = ()) -> None:
        """Ask the leader to make these servers the voters, and these the learners (§6); the view's configuration says when it is done."""
        self._do(act.ChangeMembership, sorted_group(voters), sorted_group(learners))

    def add_server(self, server: ServerId | None = None) -> ServerId:
        """Make one more server a voter, created if it does not exist; returns its name. It learns the log first."""
        with self._lock:
            now = self._world.configuration
            if isinstance(server, str) and server in now.voters:
                raise ControlError(f"{server} is a voter already; the voters are {', '.join(now.voters)}")
            self._world.who_can_change(Configuration((*now.voters, "a new server")))  # or a refusal would leave a server behind
            name = server if isinstance(server, str) and server in self.server_ids else self.create_server(server)
            self.change_membership({*now.voters, name}, set(now.learners) - {name})
            return name

    def remove_server(self, server: ServerId) -> None:
        """Let a server belong to the cluster no more. It goes on running, and hears nothing."""
        with self._lock:
            now = self._world.configuration
            self._world.server(server)
            if server not in now.members:
                raise ControlError(f"{server} does not belong to the cluster; its members are {', '.join(now.members)}")
            self.change_membership(set(now.voters) - {server}, set(now.learners) - {server})

    def transfer_leadership(self, target: ServerId) -> None:
        """Ask the leader to hand its leadership to this server (thesis 3.10).

        While a transfer is under way, another target takes the place of the first, and the leader itself as target cancels it.
        """
        self._do(act.TransferLeadership, target)

    def take_snapshot(self, server: ServerId) -> None:
        """Let a server put a snapshot in place of its log, as far as it has applied it (§7)."""
        self._do(act.TakeSnapshot, server)

    def set_clock_rate(self, server: ServerId, rate: float) -> None:
        """Let a server's clock count `rate` milliseconds in one of simulated time."""
        self._do(act.SetClockRate, server, rate)

    @spelled
    def disk(
        self,
        server: ServerId,
        *,
        sync_ms: float | UnsetType = UNSET,
        sync_fails: bool | UnsetType = UNSET,
        capacity_bytes: int | UnsetType | None = UNSET,
        loses_writes: bool | UnsetType = UNSET,
        reads_fail: bool | UnsetType = UNSET,
    ) -> None:
        """Change how a server's disk behaves (DiskState); what is not given stays."""
        self._do(act.SetDisk, server, sync_ms, sync_fails, capacity_bytes, loses_writes, reads_fail)

    def flip_bit(self, server: ServerId) -> None:
        """Let one bit rot in what a server's disk keeps; the server learns of it when it restarts."""
        self._do(act.FlipBit, server)


def sorted_group(names: object) -> tuple[Address, ...]:
    """The names of a group, in order of name."""
    return tuple(sorted(group(names), key=str))
