"""A server whose disk fails, that is paused for too long, and that puts a snapshot in place of its log."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from plays import AS_IN_THE_PAPER, log_of
from test_server import SYNC_MS, Stage, granted

from raftcore import Cluster
from raftcore.server import MOST_WAITING
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.events import MessageDropped
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    InstallSnapshot,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import Reason


def test_what_comes_to_a_paused_server_is_held_back_up_to_a_limit_and_then_lost() -> None:
    stage = Stage()
    stage.server.pause()
    for number in range(MOST_WAITING + 50):
        stage.hear(RequestVoteReply(0, f"S{number}", vote_granted=False))
    assert len(stage.server._inbox) == MOST_WAITING


def test_what_a_paused_server_has_no_room_for_is_told_as_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftcore.server.MOST_WAITING", 5)
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    paused = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.pause(paused)
    cluster.run_for(1_000)
    before = len(cluster.trace)
    told = [event for event in cluster.trace[before - 200 :] if isinstance(event, MessageDropped)]

    assert {(event.target, event.reason) for event in told} == {(paused, Reason.SERVER_FULL)}
    cluster.resume(paused)
    cluster.run_for(1_000)
    assert not [event for event in cluster.trace[before:] if isinstance(event, MessageDropped)]
    assert cluster.view.servers[paused].leader == cluster.leader


@pytest.mark.parametrize(
    "act",
    [
        lambda cluster, name: cluster.remove_server(name),
        lambda cluster, name: cluster.transfer_leadership(name),
        lambda cluster, _: cluster.change_membership(cluster.server_ids[:2], learners=cluster.server_ids[2:]),
    ],
    ids=["removal", "transfer", "change"],
)
def test_a_leader_that_has_no_room_for_what_it_is_asked_refuses_it(
    act: Callable[[Cluster, str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftcore.server.MOST_WAITING", 5)
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    leader = cluster.leader or ""
    other = next(name for name in cluster.server_ids if name != leader)
    cluster.disk(leader, sync_ms=500)
    for number in range(8):
        cluster.submit(f"C{number + 1}", "SET x 1", through=leader)
    cluster.run_for(100)
    before = cluster.scenario
    with pytest.raises(ControlError, match=f"{leader} waits for its disk and holds back all the messages that it can; run on until it has"):
        act(cluster, other)
    assert cluster.scenario == before
    cluster.run_for(2_000)
    act(cluster, other)


def test_a_timer_of_a_server_that_has_no_room_does_not_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftcore.server.MOST_WAITING", 2)
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    follower = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.disk(follower, sync_ms=2_000)
    cluster.client("C1").set("x", "1")
    cluster.run_for(200)
    with pytest.raises(ControlError, match=f"{follower} waits for its disk"):
        cluster.time_out(follower)


def test_a_sync_that_fails_stops_the_server_before_it_says_anything() -> None:
    stage = Stage()
    stage.disk.become(DiskState(SYNC_MS, sync_fails=True))
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(10_000)
    assert stage.sent == []
    assert not stage.server.alive
    assert [("failed to keep" in reason) for reason in stage.halted] == [True]


def test_a_disk_that_is_full_stops_the_server_before_it_says_anything() -> None:
    stage = Stage()
    stage.disk.become(DiskState(SYNC_MS, capacity_bytes=3))
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(10_000)
    assert stage.sent == []
    assert "disk is full" in stage.halted[0]


def test_a_server_compacts_its_log_when_it_has_applied_enough_and_starts_from_that() -> None:
    stage = Stage(config=replace(AS_IN_THE_PAPER, snapshot_every=3))
    stage.lead()
    stage.hear(*(ClientRequest("C1", number, Set("x", str(number))) for number in (1, 2, 3)))
    stage.run_to(270)
    stage.hear(AppendEntriesReply(1, "S2", True, 4))
    stage.run_to(280)
    assert stage.server.node.state.snapshot_index == 4
    stage.crash()
    stage.start()
    assert (stage.server.applied_index, dict(stage.server._machine.kv_store)) == (4, {"x": "3"})
    assert stage.server.node.state.commit_index == 4


# ---- recovery: what was read is synced before it is answered


def test_a_vote_that_a_crash_of_the_process_left_unsynced_is_given_again_once_it_is_synced() -> None:
    stage = Stage()
    stage.hear(RequestVote(1, "S2", 0, 0))
    stage.run_to(2)
    stage.kill()
    stage.run_to(20)
    stage.start()
    stage.hear(RequestVote(1, "S3", 0, 0), RequestVote(1, "S2", 0, 0))
    stage.run_to(24.9)
    assert stage.sent == []
    stage.run_to(25)
    refused = RequestVoteReply(1, "S1", vote_granted=False, reason=Reason.ALREADY_VOTED)
    assert stage.sent == [(25.0, "S3", refused), (25.0, "S2", granted(1))]
    stage.crash()
    assert stage.on_disk()[0] == HardState(1, "S2")


def test_what_a_failed_sync_lost_is_written_anew_by_the_next_start_and_only_then_acknowledged() -> None:
    stage = Stage()
    entry = log_of("1")[0]
    stage.disk.become(DiskState(SYNC_MS, sync_fails=True))
    stage.hear(AppendEntries(1, "S2", 0, 0, (entry,), 0))
    stage.run_to(10)
    assert not stage.server.alive
    stage.disk.become(DiskState(SYNC_MS))
    stage.start()
    stage.hear(AppendEntries(1, "S2", 1, 1, (), 0))
    stage.run_to(14.9)
    assert stage.sent == []
    stage.run_to(15)
    assert stage.sent == [(15.0, "S2", AppendEntriesReply(1, "S1", True, 1))]
    stage.crash()
    assert stage.on_disk() == (HardState(1, None), [entry])


def test_a_server_counts_nothing_of_its_log_as_saved_before_recovery_has_synced_it() -> None:
    stage = Stage()
    stage.hear(AppendEntries(1, "S2", 0, 0, tuple(log_of("1 1")), 0))
    stage.run_to(2)
    stage.kill()
    stage.start()
    assert stage.server.node.state.saved_index == 0
    stage.run_to(6.9)
    assert stage.server.node.state.saved_index == 0
    stage.run_to(7)
    assert stage.server.node.state.saved_index == 2


def test_a_restarted_server_goes_on_in_the_term_and_with_the_vote_that_its_disk_kept() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    name = next(name for name in cluster.server_ids if name != cluster.leader)
    before = cluster.view.servers[name]
    for power_loss in (False, True):
        cluster.crash(name, power_loss=power_loss)
        cluster.restart(name)
        after = cluster.view.servers[name]
        assert (after.current_term, after.voted_for) == (before.current_term, before.voted_for)
        assert after.current_term > 0
        state = cluster._world.servers[name].node.state
        assert (state.current_term, state.voted_for) == (before.current_term, before.voted_for)


# ---- what a halted server advises


@pytest.mark.parametrize("fault", [{"sync_fails": True}, {"capacity_bytes": 0}, {"reads_fail": True}], ids=str)
def test_a_server_whose_disk_is_mended_starts_again_and_catches_up(fault: dict[str, Any]) -> None:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(1_000)
    name = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.disk(name, **fault)
    if "reads_fail" in fault:
        cluster.crash(name)
        cluster.restart(name)
    cluster.client("C1").set("x", "1")
    cluster.run_for(300)
    assert cluster.view.servers[name].halted
    cluster.disk(name, sync_fails=False, capacity_bytes=None, reads_fail=False)
    cluster.restart(name)
    cluster.run_for(500)
    assert cluster.view.servers[name].commit_index == max(server.commit_index for server in cluster.view.servers.values())
    assert not cluster.violations


def test_a_server_with_a_damaged_log_is_replaced_as_its_message_says() -> None:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(1_000)
    cluster.client("C1").set("x", "1")
    name = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.flip_bit(name)
    cluster.crash(name)
    cluster.restart(name)
    assert "remove this one from the cluster and add a new one" in cluster.view.servers[name].halted
    cluster.remove_server(name)
    cluster.run_for(500)
    new = cluster.add_server()
    cluster.run_for(2_000)
    assert set(cluster.view.servers[new].configuration.voters) == {*cluster.server_ids} - {name}
    assert cluster.client("C1").get("x").value == "1"
    assert not cluster.violations


def test_a_read_that_waits_for_the_disk_sees_what_was_committed_when_it_came_also_where_a_snapshot_takes_the_place_of_that() -> None:
    """Thesis 6.4: the store must have applied what was committed. All that is heard here waits for one sync."""
    stage = Stage(config=replace(AS_IN_THE_PAPER, leader_guard=True, max_clock_drift=0.0))
    stage.lead()
    reign = stage.server.node.state.reign
    assert reign
    stage.hear(AppendEntriesReply(1, "S2", True, 1, round=reign.round))
    stage.hear(ClientRequest("C1", 1, Set("x", "1")))
    stage.run_to(stage.clock.now_ms + 2 * SYNC_MS)
    stage.hear(ClientRequest("C2", 1, Set("y", "1")))
    image = StateMachine(1.0)
    image.apply_all(1, (Entry(1), Entry(1, Set("x", "1")), Entry(2)))
    stage.hear(
        ClientRequest("C3", 1, Set("z", "1")),
        AppendEntriesReply(1, "S2", True, 2, round=reign.round),
        ClientRequest("C4", 1, Get("x", ReadMode.LEASE)),
        InstallSnapshot(2, "S2", 3, 2, Configuration(stage.members), 0, image.image(), done=True),
    )
    stage.take_sent()
    stage.run_to(stage.clock.now_ms + 3 * SYNC_MS)
    answers = [(target, message.value) for _, target, message in stage.sent if isinstance(message, ClientReply)]
    assert answers == [("C4", "1")]
