"""Two at once: what is wrong shows soonest where two servers lead, or are to lead, and neither hears of the other.

Chance seldom brings that about, so these acts look at the cluster first. In Raft as it should be nothing comes of them.
"""

from contextlib import suppress
from random import Random

from raftcore.cluster.cluster import Cluster
from raftcore.consensus.quorum import has_majority
from raftcore.hunting.healing import reunite
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.errors import ConditionNotReached, ControlError
from raftcore.vocabulary.names import CANDIDATE, LEADER, ClientId, ServerId, Term

SPLITS = 20
"""Ways to part a cluster that are looked at, until on either side somebody believes to have a majority."""


def stand_at_once(cluster: Cluster, random: Random) -> None:
    """The network falls in two where on either side somebody believes to have a majority, and both stand for election in the same term."""
    _start_again(cluster, random)
    rivals = _part(cluster, random)
    if rivals:
        term = 1 + max(server.current_term for server in rivals)
        for rival in rivals:
            for _ in range(term - rival.current_term):
                cluster.time_out(rival.id)
        cluster.run_for(2 * round_ms(cluster))


def _start_again(cluster: Cluster, random: Random) -> None:
    """Some servers know no more than their disks, and lead no more."""
    for server in cluster.view.servers.values():
        if random.random() < 0.5:
            if server.alive:
                cluster.crash(server.id)
            cluster.restart(server.id)


def _part(cluster: Cluster, random: Random) -> tuple[ServerView, ...]:
    """Partition the cluster, and say who is to stand on which side."""
    view, names = cluster.view, list(cluster.server_ids)
    for _ in range(SPLITS):
        random.shuffle(names)
        cut = random.randrange(1, len(names)) if len(names) > 1 else 1
        sides = names[:cut], names[cut:]
        able = [[view.servers[name] for name in side if _may_win(view, name, side)] for side in sides]
        if all(able):
            cluster.partition(*sides)
            return tuple(random.choice(some) for some in able)
    return ()


def _may_win(view: ClusterView, name: ServerId, side: list[ServerId]) -> bool:
    """Whether this server believes to have a majority on its side: where its configuration is joint, one of the two."""
    server, alive = view.servers[name], {other for other in side if view.servers[other].alive}
    able = server.alive and not server.paused and server.role is not LEADER
    return able and any(has_majority(voters, alive) for voters in voter_groups(server.configuration))


def change_in_turn(cluster: Cluster, random: Random) -> None:
    """Two leaders, one after the other, change the membership, and hardly anybody hears of it; then two stand at once."""
    change_in_secret(cluster, random)
    term = _latest_term(cluster.view)
    with suppress(ConditionNotReached):
        cluster.run_until(lambda view: _latest_term(view) > term, limit_ms=2 * cluster.config.election_timeout_ms[1])
        if random.random() < 0.5:
            cluster.heal()
            cluster.run_for(cluster.config.heartbeat_ms + 2 * round_ms(cluster))
        change_in_secret(cluster, random)
    stand_at_once(cluster, random)


def change_in_secret(cluster: Cluster, random: Random) -> None:
    """The latest leader is cut off, alone or with some others, and asked to change the membership."""
    if cluster.view.leaders:
        leader = latest_leader(cluster.view).id
        names = set(cluster.server_ids) - {leader}
        cluster.partition({leader, *random.sample(sorted(names), random.choice([0, min(1, len(names))]))})
        change = remove_one if random.random() < 0.7 else change_membership
        with suppress(ControlError):
            change(cluster, random)
        cluster.run_for(2 * round_ms(cluster))


def remove_one(cluster: Cluster, random: Random) -> None:
    """Some server is to leave."""
    cluster.remove_server(random.choice(cluster.server_ids))


def change_membership(cluster: Cluster, random: Random) -> None:
    """Anybody may become a voter, a learner, or nothing."""
    names = list(cluster.server_ids)
    random.shuffle(names)
    voters, learners = sorted(random.sample(range(len(names) + 1), 2)) if len(names) > 1 else (1, 1)
    cluster.change_membership(names[:voters], names[voters:learners])


def _latest_term(view: ClusterView) -> Term:
    return max((leader.current_term for leader in view.leaders), default=0)


def lead_in_turn(cluster: Cluster, random: Random) -> None:
    """Two servers lead in turn, each for a moment, in which hardly anybody hears of it (Figure 8)."""
    names = list(cluster.server_ids)
    pair = random.sample(names, min(2, len(names)))
    for turn in range(random.choice([3, 4])):
        name = pair[turn % len(pair)]
        reunite(cluster)
        for _ in range(2):
            if cluster.view.servers[name].role is not LEADER:
                cluster.time_out(name)
                cluster.run_for(2 * round_ms(cluster))
        cluster.partition({name, *random.sample(names, random.choice([0, 1]))})
        cluster.run_for(random.choice([0, 1, 4]) * round_ms(cluster) * random.random())
        cluster.crash(name)
    reunite(cluster)


def overtake(cluster: Cluster, random: Random) -> None:
    """Somebody stands while another leads, who hears no more from now on; and when both lead, both are asked."""
    patience_ms = 2 * cluster.config.election_timeout_ms[1]
    with suppress(ConditionNotReached):
        if not cluster.view.leader:
            reunite(cluster)
            cluster.run_until(lambda view: view.leader, limit_ms=patience_ms)
        with suppress(ControlError):
            random.choice([_hand_over, _cut_off, _let_be])(cluster, random)
        cluster.run_until(_has_challenger, limit_ms=patience_ms)
        leader = former_leader(cluster.view)
        for other in cluster.server_ids:
            if other != leader.id:
                cluster.link(other, leader.id, up=False)
        cluster.run_until(lambda view: len(view.leaders) > 1, limit_ms=patience_ms)
        ask_both(cluster, random, ReadMode.LEASE if random.random() < 0.5 else ReadMode.READ_INDEX)


def _hand_over(cluster: Cluster, random: Random) -> None:
    cluster.transfer_leadership(random.choice(cluster.server_ids))


def _cut_off(cluster: Cluster, random: Random) -> None:
    cluster.isolate(former_leader(cluster.view).id)


def _let_be(cluster: Cluster, random: Random) -> None:
    """Leave it to chance who stands next."""


def succeed(cluster: Cluster, random: Random) -> None:
    """A leader crashes just after it was told something, and whoever leads next is asked at once."""
    view = cluster.view
    if view.leaders:
        key, leader = random.choice("xyz"), former_leader(view)
        cluster.submit(_idle(cluster, random, "C1", "C2", "C3"), Set(key, str(random.randrange(3))), leader.id)
        cluster.run_for(random.choice([2, 4, 8]) * round_ms(cluster) * random.random())
        cluster.crash(leader.id)
        with suppress(ConditionNotReached):
            cluster.run_until(lambda view: _latest_term(view) > leader.current_term, limit_ms=2 * cluster.config.election_timeout_ms[1])
            successor = latest_leader(cluster.view)
            for other in cluster.server_ids:
                if other != successor.id and random.random() < 0.5:
                    cluster.link(successor.id, other, up=False)
            cluster.submit(_idle(cluster, random, "C6", "C7", "C8"), Get(key, ReadMode.READ_INDEX), successor.id)


def _has_challenger(view: ClusterView) -> bool:
    return bool(view.leaders) and any(server.alive and server.role is CANDIDATE for server in view.servers.values())


def former_leader(view: ClusterView) -> ServerView:
    """Of those who believe that they lead, the one of the lowest term."""
    return min(view.leaders, key=lambda leader: leader.current_term)


def latest_leader(view: ClusterView) -> ServerView:
    """Of those who believe that they lead, the one of the highest term."""
    return max(view.leaders, key=lambda leader: leader.current_term)


def ask_both(cluster: Cluster, random: Random, mode: ReadMode) -> None:
    """The latest leader is told something, and when it has answered a former one is asked, who may not have heard."""
    key, latest = random.choice("xyz"), latest_leader(cluster.view)
    teller = _idle(cluster, random, "C1", "C2", "C3")
    cluster.submit(teller, Set(key, str(random.randrange(3))), latest.id)
    with suppress(ConditionNotReached):
        cluster.run_until(lambda view: teller not in view.pending, limit_ms=10 * round_ms(cluster))
    if cluster.view.leaders:
        cluster.submit(_idle(cluster, random, "C6", "C7", "C8"), Get(key, mode), former_leader(cluster.view).id)


def _idle(cluster: Cluster, random: Random, *clients: ClientId) -> ClientId:
    """One of these clients that waits for nothing, or any where all do."""
    pending = cluster.view.pending
    return random.choice([client for client in clients if client not in pending] or clients)


def round_ms(cluster: Cluster) -> float:
    """How long a round of messages and a sync may take."""
    return cluster.config.delay_ms[1] + cluster.config.sync_ms
