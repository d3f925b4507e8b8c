"""What clients saw of a run, as far as Raft promises anything of it."""

from msgspec.structs import replace

from raftcore.checks.linearizability import Operation, history
from raftcore.cluster.cluster import Cluster
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.events import Acted, ClockRateChanged


def claims(cluster: Cluster) -> tuple[Operation, ...]:
    """The history of the clients. Where clocks broke the promise that leases stand on, reads by lease are as good as stale ones."""
    operations = history(cluster)
    if leases_hold(cluster):
        return operations
    return tuple(replace(it, stale=it.stale or _by_lease(it, cluster.config.reads)) for it in operations)


def leases_hold(cluster: Cluster) -> bool:
    """Whether at no time a clock ran faster than another by more than is trusted, and none jumped (thesis 6.4.1).

    Who lets a timer run out by hand lets a clock jump.
    """
    rates = dict.fromkeys(cluster.server_ids, 1.0)
    for event in cluster.trace:
        if isinstance(event, Acted) and isinstance(event.action, TimeOut):
            return False
        if isinstance(event, ClockRateChanged):
            rates[event.server] = event.rate
            if max(rates.values()) > min(rates.values()) * (1 + cluster.config.max_clock_drift):
                return False
    return True


def _by_lease(operation: Operation, reads: ReadMode) -> bool:
    return isinstance(operation.command, Get) and (operation.command.mode or reads) is ReadMode.LEASE
