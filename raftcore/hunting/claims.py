"""What clients saw of a run, as far as Raft promises anything of it."""

from msgspec.structs import replace

from raftcore.checks.leases import Leases
from raftcore.checks.linearizability import Operation, history
from raftcore.cluster.cluster import Cluster
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.events import Acted, ClockRateChanged, Created


def claims(cluster: Cluster) -> tuple[Operation, ...]:
    """The history of the clients. Where clocks broke the promise that leases stand on, reads by lease are as good as stale ones."""
    operations = history(cluster)
    if leases_hold(cluster):
        return operations
    return tuple(replace(it, stale=it.stale or _by_lease(it, cluster.config.reads)) for it in operations)


def leases_hold(cluster: Cluster) -> bool:
    """Whether Raft promises anything of leases in this run."""
    leases = Leases(cluster.trace.server_ids, cluster.config)
    for event in cluster.trace:
        if isinstance(event, Acted | ClockRateChanged | Created):
            leases.absorb(event)
    return leases.hold


def _by_lease(operation: Operation, reads: ReadMode) -> bool:
    return isinstance(operation.command, Get) and (operation.command.mode or reads) is ReadMode.LEASE
