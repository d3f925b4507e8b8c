"""What an operator does to a running cluster: membership, transfers, snapshots, clocks, disks.

What can't be is refused with a sentence, and changes nothing.
"""

from collections.abc import Callable

import pytest

from raftcore import Cluster, Config, ReadMode, Rules
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ConfigError, ControlError, RaftLabError, ServerNotFound
from raftcore.vocabulary.events import DiskChanged, Halted, MembershipChangeEnded, MessageSent, SnapshotInstalled
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply


def led(size: int = 3, seed: int = 7, config: Config | None = None) -> Cluster:
    cluster = Cluster(size, seed, config or Config())
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(200)
    return cluster


def follower(cluster: Cluster) -> str:
    return next(name for name in cluster.view.configuration.voters if name != cluster.leader)


# ---- refused with a sentence


def a_change_is_under_way(cluster: Cluster) -> None:
    cluster.create_server("S4")
    cluster.crash("S4")  # it never catches up
    cluster.change_membership({"S1", "S2", "S3", "S4"})
    cluster.run_for(100)


def there_is_a_learner(cluster: Cluster) -> None:
    cluster.create_server("S4")
    cluster.change_membership({"S1", "S2", "S3"}, {"S4"})
    cluster.run_for(500)


REFUSED: list[tuple[Callable[[Cluster], object] | None, Callable[[Cluster], object], type[RaftLabError], str]] = [
    (None, lambda cluster: cluster.change_membership(()), ControlError, "without voters can decide nothing"),
    (
        None,
        lambda cluster: cluster.change_membership({"S1", "S2"}, {"S2", "S3"}),
        ControlError,
        "S2 can't be a voter and a learner at once",
    ),
    (None, lambda cluster: cluster.change_membership({"S1", "S9"}), ServerNotFound, "no server 'S9'"),
    (None, lambda cluster: cluster.change_membership({"S1", "S2", "S3"}), ControlError, "voters and learners already"),
    (None, lambda cluster: cluster.add_server("S2"), ControlError, "S2 is a voter already"),
    (None, lambda cluster: cluster.add_server("X"), ConfigError, "can't be a server's name"),
    (None, lambda cluster: cluster.create_server(["S6"]), ConfigError, "can't be a server's name"),  # type: ignore[arg-type]
    (None, lambda cluster: cluster.create_server("S2"), ControlError, "S2 exists already"),
    (a_change_is_under_way, lambda cluster: cluster.remove_server("S1"), ControlError, "another change of the membership is under way"),
    (a_change_is_under_way, lambda cluster: cluster.add_server(), ControlError, "another change of the membership is under way"),
    (there_is_a_learner, lambda cluster: cluster.transfer_leadership("S4"), ControlError, "S4 is a learner"),
    (None, lambda cluster: cluster.transfer_leadership(cluster.leader or ""), ControlError, "leads already"),
    (None, lambda cluster: cluster.transfer_leadership("S7"), ServerNotFound, "no server 'S7'"),
    (lambda cluster: cluster.create_server(), lambda cluster: cluster.take_snapshot("S4"), ControlError, "applied nothing"),
    (None, lambda cluster: cluster.set_clock_rate("S1", 0), ConfigError, "rate=0"),
    (None, lambda cluster: cluster.disk("S1", sync_ms=-1), ConfigError, "sync_ms=-1"),
    (None, lambda cluster: cluster.disk("S1", capacity_bytes=0.5), ConfigError, "capacity_bytes=0.5"),  # type: ignore[arg-type]
    (lambda cluster: cluster.create_server(), lambda cluster: cluster.flip_bit("S4"), ControlError, "keeps nothing yet"),
]


@pytest.mark.parametrize("prepare, act, error, sentence", REFUSED, ids=[sentence for *_, sentence in REFUSED])
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    prepare: Callable[[Cluster], object] | None, act: Callable[[Cluster], object], error: type[RaftLabError], sentence: str
) -> None:
    cluster = led()
    if prepare:
        prepare(cluster)
    before, scenario, events = cluster.view, cluster.scenario, len(cluster.trace)
    with pytest.raises(error, match=sentence):
        act(cluster)
    assert (cluster.view.servers, cluster.scenario, len(cluster.trace)) == (before.servers, scenario, events)


def test_the_last_voter_cannot_be_removed() -> None:
    cluster = led(1)
    with pytest.raises(ControlError, match="without voters"):
        cluster.remove_server("S1")
    assert cluster.view.configuration == Configuration(("S1",))


def test_without_a_leader_nobody_can_change_the_membership() -> None:
    cluster = Cluster(3)
    with pytest.raises(ControlError, match="no server leads just now"):
        cluster.add_server()
    assert cluster.server_ids == ("S1", "S2", "S3")


def test_a_cluster_has_nine_servers_at_most() -> None:
    cluster = led(9)
    with pytest.raises(ControlError, match="has 9 servers, and can't have more"):
        cluster.create_server()


# ---- membership


def test_a_server_that_is_added_learns_the_log_then_votes_and_can_lead() -> None:
    cluster = led()
    cluster.client("C1").set("x", "1")
    name = cluster.add_server()
    cluster.run_for(1_000)
    assert cluster.view.configuration == Configuration(("S1", "S2", "S3", "S4"))
    assert dict(cluster.view.servers[name].kv_store) == {"x": "1"}
    cluster.transfer_leadership(name)
    cluster.run_for(500)
    assert cluster.leader == name


def test_a_leader_that_is_removed_hands_over_and_disturbs_nobody() -> None:
    cluster = led(5)
    removed = cluster.leader or ""
    cluster.remove_server(removed)
    cluster.run_for(3_000)
    assert cluster.leader not in (None, removed)
    term = cluster.view.servers[cluster.leader or ""].current_term
    cluster.run_for(3_000)
    assert cluster.view.servers[cluster.leader or ""].current_term == term
    assert removed not in cluster.view.configuration.members


def test_all_voters_can_be_replaced_in_one_joint_change() -> None:
    cluster = led(3)
    for name in ("S4", "S5", "S6"):
        cluster.create_server(name)
    cluster.client("C1").set("x", "1")
    cluster.change_membership({"S4", "S5", "S6"})
    cluster.run_until(lambda view: view.configuration.is_joint)
    cluster.run_for(3_000)
    assert cluster.view.configuration == Configuration(("S4", "S5", "S6"))
    for name in ("S1", "S2", "S3"):
        cluster.crash(name)
    assert cluster.client("C1").get("x").value == "1"


# ---- disks


def acknowledged(cluster: Cluster, name: str) -> int:
    """How many votes and entries a server has said yes to."""
    said = [event.message for event in cluster.trace if isinstance(event, MessageSent) and event.source == name]
    return sum(getattr(message, "success", False) or getattr(message, "vote_granted", False) for message in said)


@pytest.mark.parametrize("fault, words", [({"sync_fails": True}, "failed to keep"), ({"capacity_bytes": 10}, "disk is full")])
def test_a_server_whose_disk_fails_stops_and_says_why_and_comes_back_when_it_is_mended(fault: dict[str, object], words: str) -> None:
    cluster = led()
    name = follower(cluster)
    cluster.disk(name, **fault)  # type: ignore[arg-type]
    before = acknowledged(cluster, name)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(500)
    seen = cluster.view.servers[name]
    assert not seen.alive
    assert words in seen.halted
    entries = [event for event in cluster.trace if isinstance(event, Halted)]
    assert [event.server for event in entries] == [name]
    assert cluster.view.completed[-1].ok
    assert before <= acknowledged(cluster, name) <= before + 12, "heartbeats at most: no entry was acknowledged that is not kept"

    cluster.disk(name, sync_fails=False, capacity_bytes=None)
    cluster.restart(name)
    cluster.run_for(1_000)
    assert dict(cluster.view.servers[name].kv_store) == {"x": "1"}


def test_a_server_with_a_rotten_disk_stays_down_and_can_be_replaced() -> None:
    cluster = led()
    name = follower(cluster)
    cluster.client("C1").set("x", "1")
    cluster.crash(name)
    cluster.flip_bit(name)
    cluster.restart(name)
    assert "damaged" in cluster.view.servers[name].halted
    assert not cluster.view.servers[name].alive
    cluster.remove_server(name)
    cluster.run_for(500)
    new = cluster.add_server()
    cluster.run_for(1_000)
    assert dict(cluster.view.servers[new].kv_store) == {"x": "1"}
    assert name not in cluster.view.configuration.voters


def test_a_slow_disk_slows_its_server_and_not_the_others() -> None:
    cluster = led(config=Config(delay_ms=(10, 10)))
    cluster.client("C1").set("x", "0")
    healthy = cluster.client("C1").set("x", "1").latency_ms
    cluster.disk(follower(cluster), sync_ms=100)
    assert cluster.client("C1").set("x", "2").latency_ms == healthy


# ---- a follower that is away


def test_a_follower_that_was_away_for_long_catches_up_through_a_snapshot_and_nothing_grows_meanwhile() -> None:
    cluster = led(config=Config(snapshot_every=50))
    name = follower(cluster)
    cluster.crash(name)
    longest = 0
    for number in range(400):
        cluster.submit("C1", f"SET k{number % 3} {number}")
    while cluster.view.pending:
        cluster.run_for(500)
        longest = max(longest, *(len(server.node.state.log.entries) for server in cluster._world.servers.values()))
    assert longest < 120
    cluster.restart(name)
    cluster.run_for(2_000)
    assert [event.server for event in cluster.trace if isinstance(event, SnapshotInstalled)] == [name]
    assert dict(cluster.view.servers[name].kv_store) == dict(cluster.view.servers[cluster.leader or ""].kv_store)


# ---- what a review found


def test_a_sole_voter_with_a_learner_that_is_down_leads_on_and_answers_reads() -> None:
    cluster = led(1)
    cluster.create_server("S2")
    cluster.crash("S2")
    cluster.change_membership({"S1"}, {"S2"})
    cluster.run_for(3_000)
    assert cluster.view.servers["S1"].current_term == 1
    assert cluster.client("C1").get("x").ok


def test_a_server_that_is_created_later_obeys_the_same_rules() -> None:
    asked: list[str] = []

    def answer(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
        asked.append(me.id)
        return Rules().answer_append_entries(me, ask)

    cluster = Cluster(1, 7, rules=Rules(answer_append_entries=answer))
    cluster.run_for(1_000)
    cluster.add_server()
    cluster.run_for(500)
    assert set(asked) == {"S2"}


def test_a_change_that_its_leader_does_not_live_to_end_is_said_to_have_ended() -> None:
    cluster = led()
    leader = cluster.leader or ""
    a_change_is_under_way(cluster)
    cluster.partition({leader})
    cluster.run_for(1_000)
    ends = [event.why for event in cluster.trace if isinstance(event, MembershipChangeEnded)]
    assert ends == [f"{leader} leads no more; ask its successor"]


def test_a_lease_is_kept_when_all_clocks_change_alike() -> None:
    cluster = led(config=Config(max_clock_drift=0.0, reads=ReadMode.LEASE))
    cluster.client("C1").set("x", "old")
    old = cluster.leader or ""
    for name in cluster.server_ids:
        cluster.set_clock_rate(name, 0.5)
    cluster.run_for(500)
    cluster.partition({old, "C2"}, {*cluster.server_ids, "C1"} - {old})
    for name in cluster.server_ids:
        cluster.set_clock_rate(name, 4.0)
    cluster.run_until(lambda view: view.leader not in (None, old))
    cluster.client("C1").set("x", "new")
    operation = cluster.submit("C2", "GET x", through=old)
    cluster.run_for(50)
    assert operation.answer is None


def test_a_server_whose_disk_is_full_does_nothing_more_and_starts_again_when_there_is_room() -> None:
    for seed in range(6):
        cluster = led(3, seed, Config(pre_vote=False, leader_guard=False))
        name = follower(cluster)
        cluster.pause(name)
        cluster.submit("C1", "SET x 1")
        cluster.run_for(1_000)
        cluster.disk(name, capacity_bytes=1)
        cluster.resume(name)
        cluster.run_for(2_000)
        told = [event for event in cluster.trace if getattr(event, "server", "") == name]
        assert not cluster.view.servers[name].alive
        assert all(isinstance(event, DiskChanged) for event in told[told.index(next(e for e in told if isinstance(e, Halted))) + 1 :])
        cluster.disk(name, capacity_bytes=None)
        cluster.restart(name)
        assert cluster.view.servers[name].alive
