"""Links that are cut for good, many in one direction, so that one server still reaches a quorum, and mostly another one leads.

Omni-Paxos (EuroSys 2023) has three such networks: the leader loses its quorum, the only server with a quorum is no leader's neighbour,
and servers that stand in a chain.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import permutations
from random import Random

from raftcore.checks.connected import is_backed
from raftcore.cluster.cluster import Cluster
from raftcore.hunting.healing import make_whole
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConditionNotReached
from raftcore.vocabulary.names import ServerId


def leave_a_quorum(cluster: Cluster, random: Random) -> None:
    """Mend everything, and cut links so that some server and a quorum whose logs are not ahead of its own still hear each other."""
    make_whole(cluster)
    if random.random() < 0.8:
        with suppress(ConditionNotReached):
            cluster.run_until(lambda view: view.leader is not None, limit_ms=2 * cluster.config.election_timeout_ms[1])
    view = cluster.view
    quorum = _drawn_quorum(view, random)
    if not quorum:
        return
    kept = set(_kept_links(quorum, view, random))
    for source, target in permutations(cluster.server_ids, 2):
        if (source, target) not in kept:
            cluster.link(source, target, up=False)
    for name, server in view.servers.items():
        if server.alive and name not in (*quorum, view.leader) and random.random() < 0.1:
            random.choice([cluster.crash, cluster.pause])(name)


def _drawn_quorum(view: ClusterView, random: Random) -> list[ServerId]:
    """A server that could lead, and as few others as make a quorum with it, mostly without the leader; nobody where none could."""
    names = [name for name, server in view.servers.items() if server.alive]
    random.shuffle(names)
    if random.random() < 0.8:
        names.sort(key=lambda name: name == view.leader)
    for centre in names:
        server, quorum = view.servers[centre], [centre]
        for name in names:
            if not is_backed(server, quorum) and name != centre and view.servers[name].log.end <= server.log.end:
                quorum.append(name)
        if is_backed(server, quorum):
            return quorum
    return []


def _kept_links(quorum: list[ServerId], view: ClusterView, random: Random) -> Iterator[tuple[ServerId, ServerId]]:
    """Those between the centre of a quorum and the others in it, mostly the one from the leader to the centre, and some that are drawn."""
    centre, share = quorum[0], random.choice([0.0, 0.0, 0.2, 0.5])
    for name in quorum[1:]:
        yield from ((centre, name), (name, centre))
    if view.leader and random.random() < 0.8:
        yield view.leader, centre
    yield from (pair for pair in permutations(view.servers, 2) if random.random() < share)
