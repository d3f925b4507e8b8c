"""The table of outages: when no leader could have committed an entry, by crashes, links, terms and disks."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from test_frames import SEEDS, every_run, run_of

from raftcore import Cluster, Config
from raftcore.recording.outages import _Syncs
from raftcore.recording.rows import Rows
from raftcore.trace.view import ServerView, voter_groups

DEFAULTS = Config()


def led_by(size: int = 3, seed: int = 2, config: Config = DEFAULTS) -> Cluster:
    """A cluster whose leader has committed its first entry."""
    cluster = Cluster(size=size, seed=seed, config=config)
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(200)
    return cluster


def outage_ms(cluster: Cluster, since_ms: float) -> float:
    """How long no leader could commit, from this moment on."""
    outages = cluster.recording.outages
    ends = outages["to_ms"].fillna(cluster.now_ms)
    return float((ends - outages["from_ms"].clip(lower=since_ms)).clip(lower=0).sum())


# ---- compared with a plain look at views


def can_commit(cluster: Cluster, at_ms: float) -> bool:
    """Whether a leader and a majority of its configuration keep what they get and reach each other, as a plain look at a view has it."""
    view, config = cluster.trace.view_at(at_ms), cluster.config
    patience_ms = config.election_timeout_ms[0 if config.check_quorum else 1]

    def carries(source: str, target: str) -> bool:
        link = view.links.get((source, target))
        return link is None or (link.up and link.loss < 1 and link.delay_ms[0] < config.election_timeout_ms[1])

    def answers(server: ServerView) -> bool:
        works = server.disk is None or (server.disk.sync_ms < patience_ms and not server.disk.sync_fails)
        return server.alive and not server.paused and works

    def hear_each_other(leader: ServerView, other: ServerView) -> bool:
        return other.id == leader.id or (
            answers(other) and other.current_term <= leader.current_term and carries(leader.id, other.id) and carries(other.id, leader.id)
        )

    return any(
        all(sum(hear_each_other(leader, view.servers[name]) for name in voters) > len(voters) // 2
            for voters in voter_groups(leader.configuration))
        for leader in view.leaders if answers(leader)
    )  # fmt: skip


@every_run
def test_an_outage_lasts_as_long_as_no_leader_can_commit(seed: int) -> None:
    cluster = run_of(seed)
    outages = cluster.recording.outages
    moments = sorted({event.at_ms for event in cluster.trace})
    for moment in moments[:: max(1, len(moments) // 150)]:
        out = (outages["from_ms"] <= moment) & ~(outages["to_ms"] <= moment)
        assert out.any() == (not can_commit(cluster, moment)), moment
    assert all(before.to_ms <= after.from_ms for before, after in pairwise(outages.itertuples()))
    assert (outages["duration_ms"].dropna() > 0).all()


def test_the_syncs_that_the_trace_tells_are_those_of_the_disks() -> None:
    cluster = led_by(seed=4, config=Config(sync_ms=20.0, snapshot_every=5))
    seen, found = [], []
    for number in range(300):
        if number % 20 == 0:
            cluster.submit(f"C{number // 20 % 3 + 1}", f"SET x {number}")
        if number in (120, 200):
            cluster.crash("S1")
        if number in (150, 260):
            cluster.restart("S1")
        cluster.run_for(7)
        syncs = _Syncs(Rows(cluster.recording._growing.table()))
        for name, server in cluster._world.servers.items():
            if server.alive:
                seen.append(server._syncing)
                found.append(syncs.under_way(name, len(cluster.trace)))
    assert found == seen
    assert {True, False} == set(seen)


# ---- what begins one


def test_outages_say_what_began_them() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_until(lambda view: view.leader)
    first = cluster.leader
    cluster.crash(first)
    cluster.run_until(lambda view: view.leader)
    cluster.restart(first)
    cluster.run_for(500)
    second = cluster.leader
    cluster.isolate(second)
    cluster.run_until(lambda view: view.leader not in (None, second))
    cluster.heal()
    cluster.run_for(500)
    cluster.pause(cluster.leader)
    cluster.run_for(50)
    outages = cluster.recording.outages
    assert outages["cause"].tolist() == ["start", "leader crashed", "links cut", "leader paused"]
    assert outages["leader"].tolist()[1:3] == [first, second]
    assert outages["to_ms"].isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize("stuck", [{"sync_ms": 20_000}, {"sync_ms": 150}])
def test_nothing_is_committed_while_all_disks_are_stuck(stuck: dict[str, float]) -> None:
    cluster = led_by()
    began_ms = cluster.now_ms
    for server in cluster.server_ids:
        cluster.disk(server, **stuck)
    for number in range(20):
        cluster.submit(f"C{number + 1}", "SET x 1")
        cluster.run_for(1_000)
    outages = cluster.recording.outages
    assert outage_ms(cluster, began_ms) == cluster.now_ms - began_ms
    assert outages["cause"].tolist()[1].endswith("stuck")
    assert set(cluster.recording.operations["outcome"]) == {"unknown", "pending"}


def test_a_cluster_that_is_asked_for_nothing_is_out_too_while_its_disks_are_stuck() -> None:
    cluster = led_by()
    began_ms = cluster.now_ms
    for server in cluster.server_ids:
        cluster.disk(server, sync_ms=5_000)
    cluster.run_for(1_000)
    for server in cluster.server_ids:
        cluster.disk(server, sync_ms=1)
    cluster.run_for(1_000)
    assert outage_ms(cluster, began_ms) == pytest.approx(1_000)


@pytest.mark.parametrize("fault", [{"sync_ms": 1_000}, {"sync_fails": True}])
def test_a_majority_of_stuck_disks_is_an_outage_and_a_minority_is_none(fault: dict[str, float]) -> None:
    cluster = led_by(size=5)
    followers = [server for server in cluster.server_ids if server != cluster.leader]
    for server in followers[:2]:
        cluster.disk(server, **fault)
    cluster.run_for(500)
    assert outage_ms(cluster, 300) == 0
    cluster.disk(followers[2], **fault)
    cluster.run_for(500)
    assert outage_ms(cluster, 300) == pytest.approx(500)
    assert cluster.recording.outages["cause"].iloc[-1] == "majority's disks stuck"


def test_a_leader_whose_disk_is_stuck_commits_nothing_until_another_leads() -> None:
    cluster = led_by()
    leader = cluster.leader
    cluster.disk(leader, sync_ms=60_000)
    began_ms = cluster.now_ms
    cluster.submit("C1", "SET x 1", through=leader)
    cluster.run_until(lambda view: view.leader not in (None, leader))
    cluster.run_for(200)
    outage = cluster.recording.outages.iloc[-1]
    assert (outage["cause"], outage["leader"], outage["next_leader"]) == ("leader's disk stuck", leader, cluster.leader)
    assert outage["from_ms"] == began_ms
    assert cluster.client("C2").set("y", "2").ok


def test_a_sync_that_began_on_a_stuck_disk_takes_its_time_after_the_disk_is_well() -> None:
    cluster = led_by()
    began_ms = cluster.now_ms
    for server in cluster.server_ids:
        cluster.disk(server, sync_ms=4_000)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(500)
    for server in cluster.server_ids:
        cluster.disk(server, sync_ms=1)
    cluster.run_for(2_000)
    assert outage_ms(cluster, began_ms) == pytest.approx(2_500)
    cluster.run_for(4_000)
    assert outage_ms(cluster, began_ms) < 5_000
    assert cluster.client("C2").set("y", "2").ok


def test_a_disk_that_is_slow_but_keeps_up_is_no_outage() -> None:
    cluster = led_by()
    began_ms = cluster.now_ms
    for server in cluster.server_ids:
        cluster.disk(server, sync_ms=100)
    for number in range(20):
        cluster.submit(f"C{number + 1}", "SET x 1")
        cluster.run_for(1_000)
    assert outage_ms(cluster, began_ms) == 0
    assert set(cluster.recording.operations["outcome"]) == {"ok"}


def test_links_that_take_longer_than_an_election_timeout_are_an_outage() -> None:
    cluster = led_by()
    began_ms = cluster.now_ms
    for one, other in (("S1", "S2"), ("S1", "S3"), ("S2", "S3")):
        cluster.link(one, other, delay_ms=(20_000, 20_000))
    cluster.run_for(5_000)
    assert outage_ms(cluster, began_ms) == 5_000
    assert cluster.recording.outages["cause"].iloc[-1] == "links too slow"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_leader_commits_anything_during_an_outage_of_disks(seed: int) -> None:
    """But for what was proposed before it."""
    cluster = led_by(size=3 + 2 * (seed % 2), seed=seed)
    for number in range(12):
        for server in cluster.server_ids:
            cluster.disk(server, sync_ms=[1, 3_000][number % 2] if (seed + 3 * number + 5 * int(server[1:])) % 4 else 1)
        cluster.submit(f"C{number + 1}", f"SET x {number}")
        cluster.run_for(700)
    outages = cluster.recording.outages
    stuck = [(row.from_ms, row.to_ms) for row in outages.fillna({"to_ms": cluster.now_ms}).itertuples() if row.cause.endswith("stuck")]
    assert stuck
    for entry in cluster.recording.log.dropna(subset="committed_at_ms").itertuples():
        if cluster.trace.view_at(entry.committed_at_ms).leader == entry.server:
            place = bisect_right(stuck, (entry.committed_at_ms,)) - 1
            assert place < 0 or not stuck[place][0] < entry.proposed_at_ms <= entry.committed_at_ms < stuck[place][1]
