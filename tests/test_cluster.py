"""The cluster as a person holds it, and what each intervention does to the simulated world."""

import pytest

from raftcore import Cluster, Config, Role
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.errors import ConditionNotReached, ControlError
from raftcore.vocabulary.events import Acted, Crashed, LinkChanged, MessageDelivered, Paused, Restarted, Resumed
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import AppendEntries


def led(size: int = 5, seed: int = 7, config: Config | None = None) -> tuple[Cluster, str]:
    cluster = Cluster(size, seed, config or Config())
    cluster.run_until(lambda view: view.leader is not None)
    leader = cluster.leader
    assert leader is not None
    return cluster, leader


def others(cluster: Cluster, *names: str) -> list[str]:
    return [name for name in cluster.server_ids if name not in names]


# ---- time


def test_time_moves_only_when_it_is_asked_to() -> None:
    cluster = Cluster(3)
    before = len(cluster.trace)
    assert (cluster.now_ms, cluster.view.at_ms, cluster.leader) == (0.0, 0.0, None)
    cluster.run_for(0)
    assert len(cluster.trace) == before
    cluster.run_for(1_234.5)
    assert (cluster.now_ms, cluster.view.at_ms) == (1_234.5, 1_234.5)


def test_one_step_is_the_next_thing_that_can_be_seen() -> None:
    cluster = Cluster(3)
    for _ in range(300):
        before, at_ms = len(cluster.trace), cluster.now_ms
        assert cluster.step()
        events = cluster.trace[before:]
        assert events
        assert {event.at_ms for event in events} == {cluster.now_ms}
        assert cluster.now_ms >= at_ms


def test_steps_and_strides_make_the_same_run() -> None:
    stepped, strode = Cluster(3, seed=3), Cluster(3, seed=3)
    strode.run_for(800)
    while stepped.now_ms < 800 and len(stepped.trace) < len(strode.trace):
        stepped.step()
    assert stepped.trace.to_bytes() == strode.trace.to_bytes()


def test_run_until_stops_at_the_event_that_makes_it_true() -> None:
    cluster = Cluster(3)
    cluster.run_until(lambda view: view.servers["S1"].current_term == 1)
    views = cluster.view
    assert views.servers["S1"].current_term == 1
    assert cluster.trace[-1].at_ms == cluster.now_ms


def test_a_condition_that_never_comes_true_ends_with_a_sentence_and_the_run_goes_on() -> None:
    cluster = Cluster(3)

    def pigs_fly(_view: object) -> bool:
        return False

    with pytest.raises(ConditionNotReached, match=r"the condition \(pigs_fly\) did not come true within 500 ms"):
        cluster.run_until(pigs_fly, limit_ms=500)
    assert cluster.now_ms <= 500
    cluster.run_for(2_000)
    assert cluster.leader


# ---- servers


def test_a_crashed_leader_has_a_successor_and_comes_back_as_its_follower() -> None:
    cluster, leader = led()
    cluster.client("C1").set("x", "1")
    cluster.crash(leader)
    assert (cluster.view.servers[leader].alive, cluster.leader) == (False, None)
    cluster.run_until(lambda view: view.leader is not None)
    assert cluster.leader != leader
    cluster.client("C1").set("y", "2")

    cluster.restart(leader)
    cluster.run_for(500)
    server = cluster.view.servers[leader]
    assert (server.role, server.leader, dict(server.kv_store)) == (Role.FOLLOWER, cluster.leader, {"x": "1", "y": "2"})


def test_what_a_crash_took_is_told_at_the_restart() -> None:
    """The leader crashes with an entry that its disk has not synced yet."""
    cluster, leader = led(3, config=Config(sync_ms=40))
    cluster.run_for(500)
    kept = cluster.view.servers[leader].log.last_index
    cluster.submit("C1", Set("x", "lost"), leader)
    cluster.run_until(lambda view: view.servers[leader].log.last_index == kept + 1)
    cluster.crash(leader)
    assert cluster.view.servers[leader].log.last_index == kept + 1
    cluster.restart(leader)

    told = [event for event in cluster.trace if isinstance(event, Restarted)]
    assert [(event.server, event.kept_index, event.entries) for event in told] == [(leader, kept, ())]
    assert cluster.view.servers[leader].log.last_index == kept


def test_a_majority_of_crashed_servers_is_too_many_and_all_can_come_back() -> None:
    cluster, leader = led()
    cluster.client("C1").set("x", "1")
    for name in [leader, *others(cluster, leader)[:2]]:
        cluster.crash(name)
    cluster.run_for(3_000)
    assert cluster.leader is None
    for name in cluster.server_ids:
        if not cluster.view.servers[name].alive:
            cluster.restart(name)
    cluster.run_until(lambda view: view.leader is not None)
    assert cluster.client("C1").get("x").value == "1"


def test_a_paused_server_hears_nothing_and_then_all_at_once() -> None:
    cluster, leader = led(3)
    follower = others(cluster, leader)[0]
    cluster.run_for(300)
    cluster.pause(follower)
    cluster.client("C1").set("x", "1")
    cluster.run_for(1_000)
    assert dict(cluster.view.servers[follower].kv_store) == {}
    assert cluster.view.servers[follower].paused
    cluster.resume(follower)
    cluster.run_for(100)
    assert dict(cluster.view.servers[follower].kv_store) == {"x": "1"}
    assert cluster.view.servers[follower].current_term == cluster.view.servers[leader].current_term
    assert [type(event) for event in cluster.trace if isinstance(event, Paused | Resumed)] == [Paused, Resumed]


def test_a_server_timed_out_by_hand_stands_for_election() -> None:
    cluster, leader = led(config=Config(pre_vote=False, leader_guard=False))
    follower = others(cluster, leader)[0]
    term = cluster.view.servers[leader].current_term
    cluster.run_for(100)
    cluster.time_out(follower)
    assert cluster.view.servers[follower].role is Role.CANDIDATE
    cluster.run_for(100)
    assert cluster.leader == follower
    assert cluster.view.servers[follower].current_term == term + 1


def test_a_server_timed_out_by_hand_disturbs_nobody_who_hears_the_leader() -> None:
    cluster, leader = led()
    before = cluster.view.servers[leader].current_term
    cluster.run_for(100)
    cluster.time_out(others(cluster, leader)[0])
    cluster.run_for(300)
    assert {server.current_term for server in cluster.view.servers.values()} == {before}
    assert cluster.leader == leader


@pytest.mark.parametrize("first, then", [("crash", "crash"), ("crash", "pause"), ("crash", "resume"), ("crash", "time_out")])
def test_a_crashed_server_can_only_be_restarted(first: str, then: str) -> None:
    cluster, leader = led(3)
    getattr(cluster, first)(leader)
    with pytest.raises(ControlError, match=f"{leader} is crashed; restart it first"):
        getattr(cluster, then)(leader)


# ---- links


def test_a_minority_commits_nothing_and_forgets_what_it_took_in() -> None:
    cluster, leader = led(config=Config(check_quorum=False))
    minority = [leader, others(cluster, leader)[0]]
    cluster.partition(minority)
    cluster.submit("C1", Set("x", "minority"), leader)
    cluster.run_until(lambda view: view.leader not in (None, leader))
    assert cluster.view.servers[leader].role is Role.LEADER  # it does not know better
    cluster.submit("C2", Set("x", "majority"), cluster.leader)
    cluster.run_for(200)
    assert dict(cluster.view.servers[leader].kv_store) == {}

    cluster.heal()
    cluster.run_for(500)
    log = [entry.command for entry in cluster.view.servers[leader].log]
    assert Set("x", "majority") in log
    assert {server.role for server in cluster.view.servers.values()} == {Role.LEADER, Role.FOLLOWER}


def test_a_partition_cuts_exactly_what_lies_between_the_groups() -> None:
    cluster = Cluster(5)
    cluster.partition({"S1", "S2", "C2"}, {"S3", "C1"})
    down = {ends for ends, link in cluster.view.links.items() if not link.up}
    group = {"S1": 1, "S2": 1, "C2": 1, "S3": 2, "C1": 2, "S4": 3, "S5": 3}
    apart = {(one, other) for one in group for other in group if group[one] != group[other]}
    assert down == apart - {("C1", "C2"), ("C2", "C1")}  # clients have no links with each other
    cluster.partition({"S1", "S2", "S3"})
    down = {
        ends for ends, link in cluster.view.links.items() if not link.up and not ends[0].startswith("C") and not ends[1].startswith("C")
    }
    assert down == {(one, other) for one in cluster.server_ids for other in cluster.server_ids if (one > "S3") != (other > "S3")}


def test_a_client_that_a_partition_cut_reaches_every_server_when_the_next_one_names_it_no_more() -> None:
    cluster = Cluster(3)
    cluster.partition({"S1", "C1"}, {"S2", "S3"})
    cluster.partition({"S1"}, {"S2", "S3"})
    assert not [ends for ends, link in cluster.view.links.items() if "C1" in ends and not link.up]


def test_an_isolated_server_hears_no_other_and_a_heal_mends_all() -> None:
    cluster, leader = led()
    cluster.isolate(leader)
    cluster.link("S1", "C1", delay_ms=(1, 2))
    assert {leader in ends for ends, link in cluster.view.links.items() if not link.up} == {True}
    assert len([link for link in cluster.view.links.values() if not link.up]) == 8
    cluster.heal()
    assert set(cluster.view.links.values()) == {Link((10.0, 20.0))}


def test_cut_and_mend_work_both_ways_and_leave_other_faults_alone() -> None:
    cluster = Cluster(3)
    cluster.link("S1", "S2", loss=0.5)
    cluster.cut("S1", "S2")
    cluster.cut("S1", "S2")
    assert [event.link.up for event in cluster.trace if isinstance(event, LinkChanged)] == [True, False, False]
    cluster.mend("S1", "S2")
    assert cluster.view.links == {("S1", "S2"): Link((10.0, 20.0), loss=0.5), ("S2", "S1"): Link((10.0, 20.0))}


def test_a_one_way_link_lets_a_leader_be_heard_that_hears_nobody() -> None:
    cluster, leader = led(3)
    for name in others(cluster, leader):
        cluster.link(name, leader, up=False)
    before = len(cluster.trace)
    cluster.run_for(1_000)
    heard = [event for event in cluster.trace[before:] if isinstance(event, MessageDelivered)]
    assert any(isinstance(event.message, AppendEntries) for event in heard)
    assert all(event.target != leader or event.source.startswith("C") for event in heard)


# ---- actions are values


def test_an_action_of_a_later_time_waits_for_it_and_comes_last_in_its_instant() -> None:
    cluster = Cluster(3, config=Config(delay_ms=(10, 10), sync_ms=0))
    cluster.run_for(400)
    at_ms = cluster.now_ms + 73
    cluster.act(act.Crash(at_ms, "S1"))
    assert cluster.view.servers["S1"].alive
    cluster.run_for(73)
    assert isinstance(cluster.trace[-1], Crashed)
    assert cluster.trace[-1].at_ms == at_ms == cluster.scenario.actions[-1].at_ms


def test_the_scenario_holds_what_was_done_and_not_what_was_refused() -> None:
    cluster = Cluster(3)
    cluster.run_for(10)
    cluster.crash("S1")
    with pytest.raises(ControlError):
        cluster.crash("S1")
    cluster.run_for(10)
    cluster.restart("S1")
    cluster.submit("C1", Set("x", "1"))
    assert cluster.scenario.actions == (act.Crash(10.0, "S1"), act.Restart(20.0, "S1"), act.Submit(20.0, "C1", Set("x", "1")))
    assert [event.action for event in cluster.trace if isinstance(event, Acted)] == list(cluster.scenario.actions)


def test_the_past_cannot_be_acted_on() -> None:
    cluster = Cluster(3)
    cluster.run_for(100)
    with pytest.raises(ControlError, match="it is 100 ms, so nothing can be done at 50 ms any more"):
        cluster.act(act.Crash(50.0, "S1"))


def test_without_a_trace_it_runs_but_there_is_nothing_to_see() -> None:
    cluster = Cluster(3, trace=False)
    assert cluster.client("C1").set("x", "1").ok
    for look in (lambda: cluster.view, lambda: cluster.leader, lambda: cluster.trace):
        with pytest.raises(ControlError, match="keeps no trace; make it without trace=False"):
            look()


# ---- clients


def test_a_client_reads_what_it_wrote() -> None:
    client = Cluster(3).client("C1")
    assert client.set("x", "1").ok
    assert client.append("x", "2").value == "12"
    assert client.cas("x", "12", "3").ok
    missed = client.cas("x", "12", "4")
    assert (missed.ok, missed.value) == (False, "3")
    assert client.run("GET x").value == "3"
    assert client.delete("x").ok
    assert client.get("x").value is None


def test_where_nobody_can_answer_the_client_says_that_it_does_not_know() -> None:
    cluster = Cluster(3, config=Config(client_limit_ms=1_000))
    for name in cluster.server_ids:
        cluster.crash(name)
    answer = cluster.client("C1").set("x", "1")
    assert (answer.ok, answer.index) == (None, 0)
