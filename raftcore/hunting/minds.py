"""What one server can be in a small world, and what it does about anything that happens to it.

The real node does it, with its rules; but it is asked only once for each of its states and each thing that can happen. A rule is a
function of the state and the message alone, so the answer stays true.
"""

from copy import deepcopy
from typing import NamedTuple, TypeAlias

from raftcore.consensus.door import Ready, Saved, Stimulus
from raftcore.consensus.node import RaftNode
from raftcore.hunting.shapes import Shapes, shape_of
from raftcore.hunting.small_world import CRASH, RESTART, Packet, World
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState, LogSuffix, Record
from raftcore.vocabulary.events import Crashed, Event, Restarted, Synced
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import LEADER, Index, ServerId, Term


class Disk(NamedTuple):
    """What a server has saved."""

    saved: HardState = HardState()
    entries: tuple[Entry, ...] = ()

    def write(self, record: Record) -> "Disk":
        """The disk after one more record."""
        if isinstance(record, HardState):
            return self._replace(saved=record)
        assert isinstance(record, LogSuffix), "nobody compacts in a small world"
        return self._replace(entries=self.entries[: record.first_index - 1] + record.entries)


class Mind(NamedTuple):
    """One server: its node, which nobody steps any more (None: it is down), its disk, and what is often asked of it."""

    server: ServerId
    node: RaftNode | None
    disk: Disk
    log: int
    leads: bool
    term: Term
    commit: Index


class Applying(NamedTuple):
    """Entries that the state machine gets, from `first_index` on."""

    first_index: Index
    entries: tuple[Entry, ...]


Told: TypeAlias = Event | Packet | Applying
"""What came of a step, in order."""


class Outcome(NamedTuple):
    """What a server does about something: the mind that it has then, the packets that it sends to servers, and all that is to tell."""

    number: int
    before: Mind
    after: Mind
    mind: int
    sends: tuple[int, ...]
    told: tuple[Told, ...]


class Minds:
    """Every mind and packet that was met, by the number of its shape; and every outcome."""

    def __init__(self, world: World, shapes: Shapes) -> None:
        self._world = world
        self._shapes = shapes
        self._voters = Configuration(voters=world.server_ids)
        self._outcomes: dict[tuple[int, int | str | Stimulus], Outcome] = {}
        self.known: dict[int, Mind] = {}
        self.packets: dict[int, Packet] = {}

    def born(self, server: ServerId) -> Outcome:
        """What a server does when it is started for the first time."""
        return self._boot(self.known[self._keep(server, None, Disk())], [])

    def outcome(self, mind: int, stimulus: str | Stimulus) -> Outcome:
        """What this mind does about a crash, a restart, or what its node can be told."""
        known = self._outcomes.get((mind, stimulus))
        if known is None:
            known = self._outcomes[mind, stimulus] = self._find(self.known[mind], stimulus)
        return known

    def hearing(self, mind: int, packet: int) -> Outcome:
        """What this mind does about a packet."""
        known = self._outcomes.get((mind, packet))
        if known is None:
            known = self._outcomes[mind, packet] = self._step(self.known[mind], self.packets[packet].message)
        return known

    def _find(self, me: Mind, stimulus: str | Stimulus) -> Outcome:
        if not isinstance(stimulus, str):
            return self._step(me, stimulus)
        if stimulus == CRASH:
            down = self._keep(me.server, None, me.disk)
            return Outcome(len(self._outcomes), me, self.known[down], down, (), (Crashed(0.0, me.server),))
        assert stimulus == RESTART
        saved, entries = me.disk
        return self._boot(me, [Restarted(0.0, me.server, saved.current_term, saved.voted_for, len(entries), ())])

    def _boot(self, me: Mind, told: list[Told]) -> Outcome:
        saved, entries = me.disk
        node = RaftNode(me.server, self._voters, self._world.config, _draw, self._world.rules, saved, None, entries)
        return self._obeyed(me, node, node.start(0.0), told)

    def _step(self, me: Mind, stimulus: Stimulus) -> Outcome:
        assert me.node, "who is down hears nothing"
        node = deepcopy(me.node, {id(me.node.state.config): me.node.state.config})
        return self._obeyed(me, node, node.step(stimulus, 0.0), [])

    def _obeyed(self, me: Mind, node: RaftNode, ready: Ready, told: list[Told]) -> Outcome:
        """Save at once, then send and apply, as a server with a fast disk does; whom a crash hits before has said nothing at all."""
        disk, sends = me.disk, []
        while True:
            told += ready.events
            for record in ready.save:
                disk = disk.write(record)
            if ready.save:
                told.append(Synced(0.0, me.server, disk.saved.current_term, disk.saved.voted_for, len(disk.entries)))
            packets = [Packet(me.server, target, message) for target, message in ready.send]
            told += packets
            sends += [self._packet(packet) for packet in packets if packet.target in self._world.server_ids]
            if ready.apply:
                told.append(Applying(ready.apply_from, ready.apply))
            if not ready.save:
                break
            ready = node.step(Saved(), 0.0)
        mind = self._keep(me.server, node, disk)
        return Outcome(len(self._outcomes), me, self.known[mind], mind, tuple(sends), tuple(told))

    def _keep(self, server: ServerId, node: RaftNode | None, disk: Disk) -> int:
        number = self._shapes.number((server, shape_of(node), shape_of(disk)))
        if number not in self.known:
            log = self._shapes.number(shape_of(disk.entries))
            state = node.state if node else None
            leads = state is not None and state.role is LEADER
            term = state.current_term if state else disk.saved.current_term
            self.known[number] = Mind(server, node, disk, log, leads, term, state.commit_index if state else 0)
        return number

    def _packet(self, packet: Packet) -> int:
        number = self._shapes.number(shape_of(packet))
        self.packets.setdefault(number, packet)
        return number


def _draw() -> float:
    """Timeouts are choices; how long they are means nothing."""
    return 0.0
