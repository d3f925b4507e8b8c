"""What each action does to the simulated world. One that does not fit is refused with a sentence, and changes nothing.

What an action can never mean was refused before (validation.py); here its names are known to be names, and its numbers are floats.
"""

import itertools
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from raftcore.cluster.client import Operation
from raftcore.cluster.world import SimWorld
from raftcore.consensus.door import ChangeWanted, DeadlineReached, TransferWanted
from raftcore.consensus.transfer import why_no_transfer
from raftcore.server import Server
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import ConfigError, ControlError, CorruptLogError, CorruptSnapshotError, DiskFullError, DiskReadError
from raftcore.vocabulary.events import (
    ClockRateChanged,
    Crashed,
    Created,
    DiskChanged,
    DiskDamaged,
    Halted,
    LinkChanged,
    Paused,
    Restarted,
    Resumed,
)
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import LEADER, Address, is_client_name
from raftcore.vocabulary.scenario import MAX_SERVERS
from raftcore.vocabulary.validation import given


def take(world: SimWorld, action: act.Action) -> Operation | None:
    """Let an action happen now. The operation that a Submit began is handed back."""
    return TAKES[type(action)](world, action)


# ---- actions on servers and links


def take_crash(world: SimWorld, action: act.Crash) -> None:
    """Stop a server. Its disk keeps what was synced; where only the process crashed, all that was written can still be read."""
    server = world.live(action.server)
    world.acted(action)
    server.stop()
    world.network.join(server.id, None)
    disk = world.disks[server.id]
    if action.power_loss:
        disk.crash(world.disk_streams[server.id])
    else:
        disk.process_crash()
    if world.say:
        world.say(Crashed(world.now_ms, server.id, action.power_loss))


def take_restart(world: SimWorld, action: act.Restart) -> None:
    """Start a crashed server from its disk. If that can't be trusted the server stays down, and says why."""
    old = world.server(action.server)
    if old.alive:
        raise ControlError(f"{old.id} is running; only a crashed server can be restarted")
    world.acted(action)
    try:
        server = world.boot(old.id)
    except (CorruptLogError, CorruptSnapshotError, DiskFullError, DiskReadError) as error:
        if world.say:
            world.say(Halted(world.now_ms, old.id, str(error)))
        return
    server.set_clock_rate(old.node.state.clock_rate)
    world.servers[old.id] = server
    if world.say:
        world.say(_restarted(world.now_ms, old, server))
    world.join(server)


def take_pause(world: SimWorld, action: act.Pause) -> None:
    """Freeze a server."""
    server = world.live(action.server)
    if server.paused:
        raise ControlError(f"{server.id} is paused already; resume it to let it go on")
    world.acted(action)
    server.pause()
    if world.say:
        world.say(Paused(world.now_ms, server.id))


def take_resume(world: SimWorld, action: act.Resume) -> None:
    """Let a paused server go on."""
    server = world.live(action.server)
    if not server.paused:
        raise ControlError(f"{server.id} is not paused")
    world.acted(action)
    if world.say:
        world.say(Resumed(world.now_ms, server.id))
    server.resume()


def take_time_out(world: SimWorld, action: act.TimeOut) -> None:
    """Let a server's election timer run out."""
    server = world.live(action.server)
    if server.paused:
        raise ControlError(f"{server.id} is paused, and its timer with it; resume it first")
    if server.node.state.role is LEADER:
        raise ControlError(f"{server.id} leads, and a leader has no election timer; choose a follower or a candidate")
    _check_room(server)
    world.acted(action)
    server.hear(DeadlineReached())


def take_set_link(world: SimWorld, action: act.SetLink) -> None:
    """Change one direction of a link."""
    for name in (action.source, action.target):
        world.check_address(name)
    if action.source == action.target:
        raise ConfigError(f"there is no link from {action.source} to itself; name two different ends")
    if is_client_name(action.source) and is_client_name(action.target):
        raise ConfigError(f"there is no link between the clients {action.source} and {action.target}; name a server at one end")
    for name in filter(is_client_name, (action.source, action.target)):
        world.client(name)
    link = replace(world.network.link(action.source, action.target), **given(action, Link.__struct_fields__))
    world.acted(action)
    _set_link(world, action.source, action.target, link)


def take_partition(world: SimWorld, action: act.Partition) -> None:
    """Let only members of one group hear each other."""
    for name in itertools.chain(*action.groups):
        world.check_address(name)
    for name in filter(is_client_name, itertools.chain(*action.groups)):
        world.client(name)
    group_of = dict.fromkeys(world.server_ids, -1) | {name: number for number, group in enumerate(action.groups) for name in group}
    world.acted(action)
    named_before = {name for ends in world.network.changed_links() for name in ends}
    clients = world.clients.keys() & (group_of.keys() | named_before)
    for source, target in _pairs((*world.server_ids, *sorted(clients))):
        if source in clients and target in clients:
            continue  # they never speak with each other
        together = source not in group_of or target not in group_of or group_of[source] == group_of[target]
        _set_link(world, source, target, replace(world.network.link(source, target), up=together))


def take_isolate(world: SimWorld, action: act.Isolate) -> None:
    """Cut a server off from all others, both ways."""
    name = world.server(action.server).id
    world.acted(action)
    for source, target in _pairs(tuple(world.server_ids)):
        if name in (source, target):
            _set_link(world, source, target, replace(world.network.link(source, target), up=False))


def take_heal(world: SimWorld, action: act.Heal) -> None:
    """Make every link healthy."""
    world.acted(action)
    for source, target in world.network.changed_links():
        _set_link(world, source, target, world.network.healthy)


def take_submit(world: SimWorld, action: act.Submit) -> Operation:
    """Let a client begin a command, or queue it behind the one it waits for."""
    if action.through is not None:
        world.server(action.through)
    world.acted(action)
    return world.client(action.client).submit(action.command, action.through)


# ---- actions on the cluster's membership


def take_create_server(world: SimWorld, action: act.CreateServer) -> None:
    """Let a new server exist, with an empty disk and in no configuration."""
    name = action.server
    if name in world.servers:
        raise ControlError(f"{name} exists already; name one that does not, for example S{len(world.servers) + 1}")
    if len(world.servers) == MAX_SERVERS:
        raise ControlError(f"this cluster has {MAX_SERVERS} servers, and can't have more")
    world.acted(action)
    if world.say:
        world.say(Created(world.now_ms, name))
    world.add(name)
    world.server_ids.append(name)
    world.join(world.servers[name])


def take_change_membership(world: SimWorld, action: act.ChangeMembership) -> None:
    """Ask the leader for a new configuration."""
    for name in (*action.voters, *action.learners):
        world.server(name)
    wanted = Configuration(tuple(sorted(set(action.voters))), learners=tuple(sorted(set(action.learners))))
    leader = world.who_can_change(wanted)
    _check_room(leader)
    world.acted(action)
    leader.hear(ChangeWanted(wanted))


def take_transfer_leadership(world: SimWorld, action: act.TransferLeadership) -> None:
    """Ask the leader to hand over."""
    target = world.server(action.target).id
    leader = world.leading()
    objection = why_no_transfer(leader.node.state, target)
    if objection:
        raise ControlError(objection)
    _check_room(leader)
    world.acted(action)
    leader.hear(TransferWanted(target))


def _check_room(server: Server) -> None:
    """Refuse an action that this server would lose, since it has no room for what it can't do at once."""
    if server.is_full():
        raise ControlError(f"{server.id} waits for its disk and holds back all the messages that it can; run on until it has taken them in")


# ---- actions on one server's storage and clock


def take_snapshot(world: SimWorld, action: act.TakeSnapshot) -> None:
    """Let a server compact its log as far as it has applied it."""
    server = world.live(action.server)
    if server.paused:
        raise ControlError(f"{server.id} is paused; resume it first")
    if server.applied_index <= server.node.state.snapshot_index:
        raise ControlError(f"{server.id} has applied nothing since its last snapshot, so there is nothing to put into a new one")
    world.acted(action)
    server.compact()


def take_set_clock_rate(world: SimWorld, action: act.SetClockRate) -> None:
    """Let a server's clock run faster or slower."""
    server = world.server(action.server)
    world.acted(action)
    if world.say:
        world.say(ClockRateChanged(world.now_ms, server.id, action.rate))
    server.set_clock_rate(action.rate)


def take_set_disk(world: SimWorld, action: act.SetDisk) -> None:
    """Change how a server's disk behaves."""
    disk = world.disks[world.server(action.server).id]
    state = replace(disk.state, **given(action, DiskState.__struct_fields__))
    world.acted(action)
    disk.become(state)
    if world.say:
        world.say(DiskChanged(world.now_ms, action.server, state))


def take_flip_bit(world: SimWorld, action: act.FlipBit) -> None:
    """Let one bit rot on a server's disk."""
    name = world.server(action.server).id
    what = world.disks[name].flip_bit(world.disk_streams[name])
    world.acted(action)
    if world.say:
        world.say(DiskDamaged(world.now_ms, name, what))


def _set_link(world: SimWorld, source: Address, target: Address, link: Link) -> None:
    if world.network.set_link(source, target, link) and world.say:
        world.say(LinkChanged(world.now_ms, source, target, link))


def _pairs(names: tuple[Address, ...]) -> list[tuple[Address, Address]]:
    return [(source, target) for source in names for target in names if source != target]


def _restarted(now_ms: float, old: Server, new: Server) -> Restarted:
    """What a server still has of what it had, as an event."""
    before, state = old.node.state.log, new.node.state
    kept_index = base = state.log.base_index
    if old.node.state.snapshot_index <= base:  # else a crash has brought back what the trace has let go of already
        pairs = zip(before.after(base, before.last_index), state.log.entries, strict=False)
        kept_index += next(
            (count for count, (one, other) in enumerate(pairs) if one != other), min(before.last_index - base, len(state.log.entries))
        )
    rest = state.log.after(kept_index, state.log.last_index)
    return Restarted(now_ms, new.id, state.current_term, state.voted_for, kept_index, rest, base)


TAKES: dict[type, Callable[[SimWorld, Any], Operation | None]] = {
    act.Crash: take_crash,
    act.Restart: take_restart,
    act.Pause: take_pause,
    act.Resume: take_resume,
    act.TimeOut: take_time_out,
    act.SetLink: take_set_link,
    act.Partition: take_partition,
    act.Isolate: take_isolate,
    act.Heal: take_heal,
    act.Submit: take_submit,
    act.CreateServer: take_create_server,
    act.ChangeMembership: take_change_membership,
    act.TransferLeadership: take_transfer_leadership,
    act.TakeSnapshot: take_snapshot,
    act.SetClockRate: take_set_clock_rate,
    act.SetDisk: take_set_disk,
    act.FlipBit: take_flip_bit,
}
