"""Each switch of Config shows why it is there: with it off the bad thing happens, with it on it does not. Whole clusters, by seed."""

import pytest

from raftcore import Cluster
from raftcore.vocabulary.commands import Append, Command, Get, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Completed, SnapshotInstalled
from raftcore.vocabulary.names import LEADER, ServerId

off_and_on = pytest.mark.parametrize("on", [False, True], ids=["off", "on"])


def led(config: Config, seed: int = 7) -> tuple[Cluster, ServerId, list[ServerId]]:
    """A cluster of three with x = 1 everywhere, its leader, and its followers."""
    cluster = Cluster(3, seed, config)
    cluster.client("C1").set("x", "1")
    cluster.run_for(200)
    leader = cluster.leader
    assert leader
    return cluster, leader, [name for name in cluster.server_ids if name != leader]


def term(cluster: Cluster, server: ServerId) -> int:
    return cluster.view.servers[server].current_term


def another_leads(cluster: Cluster, than: ServerId) -> ServerId:
    """Let time pass until there is another leader."""
    cluster.run_until(lambda view: view.leader not in (None, than))
    leader = cluster.leader
    assert leader
    return leader


def finish(cluster: Cluster, client: str, command: Command, through: ServerId) -> Completed:
    """Let a client ask this server first, and others where it does not answer; what it learns."""
    operation = cluster.submit(client, command, through)
    while operation.answer is None:
        cluster.step()
    return operation.answer


@off_and_on
def test_pre_vote_keeps_who_was_away_from_deposing_the_leader(on: bool) -> None:
    cluster, leader, followers = led(Config(pre_vote=on))
    before = term(cluster, leader)
    cluster.isolate(followers[0])
    cluster.run_for(3_000)
    cluster.heal()
    cluster.run_for(1_000)

    assert (cluster.leader == leader and term(cluster, leader) == before) is on


@off_and_on
def test_check_quorum_ends_a_reign_that_nobody_hears_of(on: bool) -> None:
    cluster, leader, _ = led(Config(check_quorum=on))
    cluster.isolate(leader)
    another_leads(cluster, leader)
    cluster.run_for(1_000)

    assert (cluster.view.servers[leader].role is not LEADER) is on


@off_and_on
def test_the_guard_keeps_who_does_not_hear_the_leader_from_deposing_it(on: bool) -> None:
    cluster, leader, (deaf, _) = led(Config(leader_guard=on, pre_vote=False))
    before = term(cluster, leader)
    cluster.link(leader, deaf, up=False)
    cluster.run_for(3_000)

    assert term(cluster, deaf) > before
    assert (cluster.leader == leader and term(cluster, leader) == before) is on


@off_and_on
def test_sessions_keep_a_retry_from_being_applied_again(on: bool) -> None:
    cluster, leader, _ = led(Config(client_sessions=on))
    cluster.link(leader, "C1", up=False)
    cluster.submit("C1", Append("x", "+"), leader)
    cluster.run_for(100)
    cluster.link(leader, "C1", up=True)
    cluster.run_for(3_000)

    assert cluster.client("C2").get("x").value == ("1+" if on else "1++")


@off_and_on
def test_snapshots_keep_the_log_short_and_a_laggard_from_hearing_all_of_it(on: bool) -> None:
    cluster, leader, (laggard, _) = led(Config(snapshot_every=10 if on else 0))
    cluster.crash(laggard)
    for number in range(60):
        cluster.client("C1").set("x", str(number))
    longest = max(len(cluster._world.servers[name].node.state.log.entries) for name in cluster.server_ids if name != laggard)
    cluster.restart(laggard)
    cluster.run_for(1_000)

    assert (longest < 30) is on
    assert any(type(event) is SnapshotInstalled for event in cluster.trace) is on
    assert cluster.view.servers[laggard].kv_store["x"] == "59"
    assert cluster.leader == leader


# ---- reads: x becomes 2 behind the back of a leader that was cut off, and then it is asked

CASES = [
    # how it reads, how fast its clock runs, and whether the old value comes back
    (ReadMode.STALE, 1.0, True),
    (ReadMode.LEASE, 1.0, False),
    (ReadMode.LEASE, 0.95, False),
    (ReadMode.LEASE, 0.1, True),  # ten times slower, where a tenth is allowed for
    (ReadMode.READ_INDEX, 1.0, False),
    (ReadMode.READ_INDEX, 0.1, False),
    (ReadMode.LOG, 1.0, False),
    (ReadMode.LOG, 0.1, False),
]


@pytest.mark.parametrize("mode, rate, old_value", CASES)
def test_a_read_that_trusts_too_much_misses_what_was_written(mode: ReadMode, rate: float, old_value: bool) -> None:
    cluster, old, _ = led(Config(reads=mode))
    cluster.set_clock_rate(old, rate)
    cluster.run_for(110)  # a heartbeat more, by which the lease is counted
    assert cluster.leader == old
    cluster.isolate(old)
    new = another_leads(cluster, old)
    assert finish(cluster, "C2", Append("x", "+"), new).ok
    answer = finish(cluster, "C1", Get("x"), old)

    assert answer.value == ("1" if old_value else "1+")


# ---- the disk


@off_and_on
def test_a_sync_that_is_true_keeps_what_was_answered(on: bool) -> None:
    """Without it all servers' crash takes back what a client was told."""
    cluster, _, _ = led(Config())
    for name in cluster.server_ids:
        cluster.disk(name, loses_writes=not on)
    assert cluster.client("C1").set("x", "2").ok
    for name in cluster.server_ids:
        cluster.crash(name)
    for name in cluster.server_ids:
        cluster.disk(name, loses_writes=False)
        cluster.restart(name)
    answer = cluster.client("C2").get("x", ReadMode.LOG)

    assert answer.ok
    assert (answer.value == "2") is on
