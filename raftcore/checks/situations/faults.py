"""Situations of faults: crashes, links, clocks and disks."""

from typing import get_args

from raftcore.checks.situations.situation import Past, situation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.messages import Message
from raftcore.vocabulary.names import Reason


@situation(ev.Crashed)
def power_loss(run: Past, event: ev.Crashed) -> bool:
    """A server's machine loses power: what was not synced may be gone."""
    return event.power_loss


@situation(ev.Crashed)
def process_crash(run: Past, event: ev.Crashed) -> bool:
    """A server's process dies, and its operating system runs on: all that was written is still there."""
    return not event.power_loss


@situation(ev.Restarted)
def unsynced_data_lost(run: Past, event: ev.Restarted) -> bool:
    """A server restarts without a term or entries that it had before it stopped."""
    server = run.servers[event.server]
    return event.current_term < server.term or _last_index(event) < server.last.index


@situation(ev.Restarted)
def unsynced_data_survived(run: Past, event: ev.Restarted) -> bool:
    """A server restarts with a term or entries of which its disk had not said that it keeps them."""
    server = run.servers[event.server]
    return event.current_term > server.saved_term or _last_index(event) > max(server.saved_index, server.base.index)


def _last_index(event: ev.Restarted) -> int:
    return max(event.kept_index, event.snapshot_index) + len(event.entries)


@situation(ev.Paused)
def server_paused(run: Past, event: ev.Paused) -> bool:
    """A server freezes, as a process that is stopped or collects garbage for long."""
    return True


@situation(ev.LinkChanged)
def partition_healed(run: Past, event: ev.LinkChanged) -> bool:
    """A link between two servers that was cut carries messages again."""
    pair = event.source, event.target
    if not event.link.up and event.source in run.servers and event.target in run.servers:
        run.cut.add(pair)
    return event.link.up and pair in run.cut


@situation(ev.LinkChanged)
def unreliable_link(run: Past, event: ev.LinkChanged) -> bool:
    """A link loses, doubles or holds back some of its messages."""
    return event.link.loss > 0 or event.link.duplication > 0 or event.link.reordering > 0


@situation(ev.MessageDropped, after=unreliable_link)
def message_lost(run: Past, event: ev.MessageDropped) -> bool:
    """A message is lost on a link that is not cut."""
    return event.reason is Reason.LOST


@situation(*get_args(Message), after=unreliable_link)
def message_duplicated(run: Past, event: ev.MessageSent) -> bool:
    """A message is sent a second time by the network."""
    return event.copy_of > 0


@situation(ev.MessageDelivered, after=unreliable_link)
def message_reordered(run: Past, event: ev.MessageDelivered) -> bool:
    """A message arrives after one that was sent later on the same link."""
    link, number = (event.source, event.target), event.id
    latest = run.arrived.get(link, 0)
    run.arrived[link] = max(latest, number)
    return number < latest


@situation(ev.ClockRateChanged)
def clock_rate_changed(run: Past, event: ev.ClockRateChanged) -> bool:
    """A server's clock goes faster or slower than before."""
    return True


def _disk_of_halted(run: Past, event: ev.DiskChanged | ev.Halted) -> DiskState | None:
    """The disk of a server that stops, if it was ever changed; a change is written down for later."""
    if isinstance(event, ev.DiskChanged):
        run.disks[event.server] = event.disk
        return None
    return run.disks.get(event.server)


@situation(ev.DiskChanged, ev.Halted)
def sync_failed(run: Past, event: ev.DiskChanged | ev.Halted) -> bool:
    """A server stops, since its disk fails to sync what it wrote."""
    disk = _disk_of_halted(run, event)
    return disk is not None and disk.sync_fails


@situation(ev.DiskChanged, ev.Halted)
def disk_full(run: Past, event: ev.DiskChanged | ev.Halted) -> bool:
    """A server stops, since its disk has no room for what it wrote."""
    disk = _disk_of_halted(run, event)
    return disk is not None and disk.capacity_bytes is not None and not disk.sync_fails


@situation(ev.DiskDamaged)
def disk_damaged(run: Past, event: ev.DiskDamaged) -> bool:
    """A bit flips on a server's disk."""
    return True


FAULTS = (
    power_loss,
    process_crash,
    unsynced_data_lost,
    unsynced_data_survived,
    server_paused,
    partition_healed,
    unreliable_link,
    message_lost,
    message_duplicated,
    message_reordered,
    clock_rate_changed,
    sync_failed,
    disk_full,
    disk_damaged,
)
