"""The end of all trouble: everything is made whole, and must agree under a leader that stays, and answer clients (§9.3)."""

from collections.abc import Collection
from contextlib import suppress

from raftcore.checks.connected import is_disturbed
from raftcore.checks.convergence import CONVERGENCE, Lack, lack, longest_wait_ms
from raftcore.cluster.cluster import Cluster
from raftcore.hunting.answers import NOT_PROMISED, Judged, judge_answers, judge_connected
from raftcore.trace.view import ClusterView, voter_groups
from raftcore.vocabulary.actions import FlipBit
from raftcore.vocabulary.errors import ConditionNotReached
from raftcore.vocabulary.names import ServerId

LASTING = 4
"""Election timeouts for which a leader must stay in a cluster that is whole: whoever would disturb it has stood by then."""


def make_whole(cluster: Cluster) -> None:
    """Mend all disks, clocks and links, and let every server run."""
    for server in cluster.view.servers.values():
        if server.disk is not None:
            cluster.disk(
                server.id, sync_ms=cluster.config.sync_ms, sync_fails=False, capacity_bytes=None, loses_writes=False, reads_fail=False
            )
        if server.clock_rate != 1:
            cluster.set_clock_rate(server.id, 1)
    reunite(cluster)


def reunite(cluster: Cluster) -> None:
    """Let every server run, and hear all others. What is in flight stays as late as it is."""
    view = cluster.view
    if view.links:
        cluster.heal()
    for server in view.servers.values():
        if not server.alive:
            cluster.restart(server.id)
        if server.paused:
            cluster.resume(server.id)


def why_not_live(cluster: Cluster) -> Lack | None:
    """Let time pass while some quorum stays connected, if one is, and then make everything whole: what keeps clients from their answers

    in the first, and the servers from agreeing or clients from their answers in the second. None where all is well.
    """
    return judge_connected(cluster).lack or why_not_healed(cluster)


def why_not_healed(cluster: Cluster) -> Lack | None:
    """Make everything whole, let time pass, and say what keeps the servers from agreeing after that, or under a leader that stays (§9.3),

    or clients from an answer. None where all is well.
    """
    return judge_healed(cluster).lack


def judge_healed(cluster: Cluster) -> Judged:
    """Make everything whole, and judge what comes of that.

    Nothing is promised where bits have rotted in so many logs that the others are no majority; nor where servers were removed, and neither
    pre-vote nor the guard is on: they may disturb every leader (thesis 4.2.3).
    """
    make_whole(cluster)
    healed = _judge_agreement(cluster)
    if healed.promised and healed.lack is None:
        answered = judge_answers(cluster, lambda _: "all was whole")
        healed = Judged(healed.promised + answered.promised, answered.lack)
    return NOT_PROMISED if healed.lack and is_disturbed(cluster.view, cluster.config) else healed


def _judge_agreement(cluster: Cluster) -> Judged:
    """Let time pass until all agree, and their leader is not deposed for a while."""
    rotten = {action.server for action in cluster.scenario.actions if isinstance(action, FlipBit)}
    end_ms, reigns = cluster.now_ms + longest_wait_ms(cluster.config), 0
    while cluster.now_ms < end_ms:
        try:
            cluster.run_until(lambda view: not _why_not_all(view, rotten), limit_ms=end_ms - cluster.now_ms)
        except ConditionNotReached:
            if rotten and _has_lost_a_majority(cluster.view):
                return NOT_PROMISED
            return Judged((CONVERGENCE,), _why_not_all(cluster.view, rotten))
        reigns += 1
        with suppress(ConditionNotReached):
            cluster.run_until(lambda view: view.leader is None, limit_ms=LASTING * cluster.config.election_timeout_ms[1])
            continue
        return Judged((CONVERGENCE,))
    return Judged((CONVERGENCE,), Lack("no lasting leader", f"leaders come and go: {reigns} led all, and none stayed"))


def _why_not_all(view: ClusterView, rotten: Collection[ServerId]) -> Lack | None:
    """Why not all members agree: with its disk mended, none of them has a reason to be down, unless a bit of its log rotted."""
    down = [view.servers[name] for name in view.configuration.members if not view.servers[name].alive and name not in rotten]
    return Lack("down", f"{down[0].id} does not start: {down[0].halted}") if down else lack(view)


def _has_lost_a_majority(view: ClusterView) -> bool:
    """Whether so many are down for good that some server may rightly wait for them."""
    groups = [voters for server in view.servers.values() for voters in voter_groups(server.configuration)]
    return any(2 * sum(view.servers[voter].alive for voter in voters) <= len(voters) for voters in groups)
