"""Why is an entry not committed?: each sentence as it comes out of a run in which it is true."""

import pytest
from stories import no_op
from views import cluster_view, server

from raftcore import Cluster, Config, Role
from raftcore.checks.explain import why_no_leader, why_not_committed
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ConfigError, ServerNotFound
from raftcore.vocabulary.events import Restarted

PLAIN = Config(client_sessions=False)


def led_by_s1(size: int = 5, config: Config = PLAIN) -> Cluster:
    """A cluster whose leader is S1, and has committed its no-op everywhere."""
    cluster = Cluster(size=size, seed=1, config=config)
    time_out_s1(cluster)
    cluster.run_until(lambda view: view.leader == "S1" and all(it.commit_index == 1 for it in view.servers.values()))
    return cluster


def time_out_s1(cluster: Cluster) -> None:
    cluster.run_for(150)  # before that all guard the leader whom they may have heard before they started
    cluster.time_out("S1")


def ask_s1(cluster: Cluster, text: str = "SET x 1", wait_ms: float = 60) -> None:
    cluster.submit("C1", text, through="S1")
    cluster.run_for(wait_ms)


def test_an_entry_in_a_minority_is_not_committed() -> None:
    cluster = led_by_s1()
    cluster.partition(["S1", "S2"])
    cut_ms = cluster.now_ms
    ask_s1(cluster)
    sentence = why_not_committed(cluster.view, 2)
    heard_ms = cluster.view.servers["S1"].quorum_heard_ms
    assert heard_ms is not None
    assert heard_ms <= cut_ms
    assert sentence == (
        "Entry 2 of S1 is on S1 and S2, as far as S1 knows; a commit needs 3 of 5, and S3, S4 and S5 have been cut off "
        f"from S1 since {cut_ms:,.0f} ms; no majority has answered what S1 sent after {heard_ms:,.0f} ms. §5.3"
    )
    assert why_not_committed(cluster.view, 2, "S2") == sentence


def test_what_keeps_each_follower_is_said_of_it() -> None:
    cluster = led_by_s1()
    cluster.crash("S2")
    cluster.pause("S3")
    cluster.link("S1", "S4", up=False)
    cluster.link("S5", "S1", up=False)
    ask_s1(cluster, wait_ms=40)
    cut_ms = f"{cluster.now_ms - 40:,.0f} ms"
    kept = f"S5 has not been heard by S1 since {cut_ms}, S4 has not been reached by S1 since {cut_ms}, S2 is crashed, and S3 is paused"
    assert kept in why_not_committed(cluster.view, 2)


def test_a_link_is_cut_since_it_carries_nothing_however_it_was_changed_meanwhile() -> None:
    cluster = led_by_s1(3)
    cluster.link("S1", "S2", loss=1.0)
    cut_ms = cluster.now_ms
    cluster.run_for(50)
    cluster.link("S1", "S2", delay_ms=(1, 2))
    assert cluster.view.cut_ms == {("S1", "S2"): cut_ms}
    cluster.heal()
    assert cluster.view.cut_ms == {}
    cluster.run_for(50)
    cluster.cut("S1", "S2")
    assert cluster.view.cut_ms == {("S1", "S2"): cluster.now_ms, ("S2", "S1"): cluster.now_ms}


def test_an_entry_counts_where_it_is_synced_and_the_leader_knows() -> None:
    cluster = led_by_s1(3)
    for name in ("S1", "S2", "S3"):
        cluster.disk(name, sync_ms=100)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].log.last_index == 2)
    assert "is saved nowhere yet; a commit needs 2 of 3, and S2 and S3 have not received it, and S1 has not synced it to its own disk" in (
        why_not_committed(cluster.view, 2)
    )
    cluster.run_until(lambda view: view.servers["S1"].synced_index == 2)
    cluster.run_for(1)
    assert "S2 and S3 are about to receive it" in why_not_committed(cluster.view, 2)
    cluster.run_until(lambda view: all(it.log.last_index == 2 for it in view.servers.values()))
    assert "is on S1, as far as S1 knows; a commit needs 2 of 3, and S2 and S3 have not synced it to disk" in why_not_committed(
        cluster.view, 2
    )
    cluster.run_until(lambda view: all(it.synced_index == 2 for it in view.servers.values()))
    cluster.run_for(1)
    assert "S2 and S3 have saved it, with the answer under way" in why_not_committed(cluster.view, 2)
    cluster.run_for(50)
    assert why_not_committed(cluster.view, 2) == "Entry 2 is committed, and S1 knows it. §5.3"


def test_figure_8_an_older_term_is_not_committed_by_counting() -> None:
    cluster = led_by_s1(config=Config(client_sessions=False, max_entries_per_message=1))
    cluster.partition(["S1", "S2"])
    ask_s1(cluster)
    cluster.crash("S1")
    cluster.restart("S1")
    cluster.heal()
    cluster.isolate("S5")
    cluster.run_until(lambda view: view.leader is not None)
    leader = cluster.view.servers[cluster.leader or ""]
    assert leader.id in ("S1", "S2"), "who lacks entry 2 can't win"
    cluster.run_until(lambda view: sum(progress.match_index >= 2 for progress in view.servers[leader.id].progress.values()) >= 2)
    term = leader.current_term
    assert why_not_committed(cluster.view, 2).startswith(
        f"Entry 2 is of term 1, and {leader.id} leads term {term}: no entry of an older term is committed by counting, though a majority "
        f"has saved it. {leader.id} commits it along with entry 3, the first of its own term, which is on "
    )
    assert why_not_committed(cluster.view, 2).endswith("§5.4.2, Figure 8")


def test_a_joint_configuration_needs_two_majorities() -> None:
    cluster = led_by_s1(3)
    for _ in range(2):
        cluster.create_server()
    cluster.change_membership(["S1", "S4", "S5"])
    cluster.run_until(lambda view: view.servers["S1"].configuration.is_joint)
    cluster.partition(["S1", "S2", "S3"])
    cluster.run_for(60)
    sentence = why_not_committed(cluster.view, cluster.view.servers["S1"].configuration_index)
    assert "is on S1, S2 and S3, as far as S1 knows; a commit needs 2 of 3 (S1 S2 S3) and 2 of 3 (S1 S4 S5)" in sentence
    assert "S4 and S5 have been cut off from S1 since " in sentence
    assert sentence.endswith("§6")


def test_a_learner_does_not_count() -> None:
    cluster = led_by_s1(3)
    cluster.create_server("S4")
    cluster.change_membership(["S1", "S2", "S3"], learners=["S4"])
    cluster.run_for(200)
    for name in ("S2", "S3"):
        cluster.crash(name)
    ask_s1(cluster)
    last = cluster.view.servers["S1"].log.last_index
    assert "S2 and S3 are crashed" in why_not_committed(cluster.view, last)
    assert "S4 holds it too, but a learner counts nowhere" in why_not_committed(cluster.view, last)


def test_an_entry_that_another_took_the_place_of_never_will_be() -> None:
    cluster = led_by_s1()
    cluster.partition(["S1", "S2"])
    ask_s1(cluster)
    cluster.run_until(lambda view: view.leader not in (None, "S1"))
    view = cluster.view
    later = view.leader
    assert later
    if view.servers["S1"].role is Role.LEADER:
        assert f"{later} leads term {view.servers[later].current_term} meanwhile" in why_not_committed(view, 2, "S1")
    cluster.run_until(lambda view: view.servers[later].commit_index >= 2)
    assert why_not_committed(cluster.view, 2, "S2") == (
        f"Entry 2 of S2 (term 1) never will be: {later} knows that the one of term {view.servers[later].current_term} is committed there, "
        "and S2 removes its own when it hears from a leader. §5.3"
    )


def test_a_follower_learns_of_a_commit_later() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].commit_index == 2)
    assert (
        why_not_committed(cluster.view, 2, "S2") == "Entry 2 is committed, as S1 knows; S2 learns it from the leader's next message. §5.3"
    )
    cluster.crash("S2")
    assert "next message, but S2 is crashed. §5.3" in why_not_committed(cluster.view, 2, "S2")


def test_a_new_leader_does_not_know_what_its_predecessor_committed() -> None:
    cluster = led_by_s1(3, Config(client_sessions=False, pre_vote=False, leader_guard=False))
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].commit_index == 2)
    cluster.isolate("S1")
    cluster.time_out("S3")
    cluster.run_until(lambda view: view.servers["S3"].role is Role.LEADER)
    assert cluster.view.servers["S3"].commit_index == 1
    for name in ("S2", "S3"):
        assert why_not_committed(cluster.view, 2, name).startswith(
            "Entry 2 is committed, as S1 knows; S3 leads term 2 and does not know it yet: Entry 2 is of term 1, and S3 leads term 2: no "
            "entry of an older term is committed by counting. S3 commits it along with entry 3, the first of its own term, which is "
        )


def test_where_nobody_leads_there_is_nobody_to_learn_a_commit_from() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].commit_index == 2)
    cluster.run_until(lambda view: view.servers["S2"].commit_index == 2)
    cluster.crash("S1")
    assert cluster.view.servers["S3"].commit_index == 1
    assert why_not_committed(cluster.view, 2, "S3") == (
        f"Entry 2 is committed, as S2 knows; S3 learns it from a leader that has it: {why_no_leader(cluster.view)}"
    )


def test_a_paused_leader_commits_nothing() -> None:
    cluster = led_by_s1(3)
    ask_s1(cluster, wait_ms=25)
    cluster.pause("S1")
    cluster.run_for(100)
    assert why_not_committed(cluster.view, 2) == (
        "S1 is paused, and does nothing meanwhile: Entry 2 of S1 is on S1, as far as S1 knows; a commit needs 2 of 3, and S2 and S3 have "
        "saved it, unknown to S1 so far. §5.3"
    )
    assert "next message, but S1 is paused. §5.3" in why_not_committed(committed_by_a_paused_leader().view, 2, "S2")


def committed_by_a_paused_leader() -> Cluster:
    """Its followers do not know of the commit."""
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].commit_index == 2)
    cluster.pause("S1")
    return cluster


def test_without_a_leader_nothing_is_committed() -> None:
    cluster = led_by_s1(3)
    cluster.isolate("S1")
    ask_s1(cluster)
    cluster.crash("S1")
    cluster.crash("S2")
    assert why_not_committed(cluster.view, 2) == (
        "Entry 2 waits for a leader, since only a leader commits: A leader needs the votes of 2 of 3, and S1 and S2 are crashed. §5.2"
    )


def test_whether_an_entry_is_committed_is_forgotten_in_a_crash() -> None:
    cluster = led_by_s1(3)
    cluster.client("C1").set("x", "1")
    for name in cluster.server_ids:
        cluster.crash(name)
    unknown = (
        "No server that runs knows whether entry 2 of S1 is committed, since commitIndex is volatile: a crash forgets it (Figure 2). Only "
        "a leader finds out: "
    )
    assert why_not_committed(cluster.view, 2) == f"{unknown}{why_no_leader(cluster.view)}"
    cluster.restart("S1")
    assert why_not_committed(cluster.view, 2) == f"{unknown}A leader needs the votes of 2 of 3, and S2 and S3 are crashed. §5.2"
    cluster.restart("S2")
    cluster.run_until(lambda view: view.leader is not None)
    assert f"{cluster.leader} commits it along with entry 3" in why_not_committed(cluster.view, 2)
    cluster.run_until(lambda view: view.servers["S1"].commit_index >= 2)
    assert why_not_committed(cluster.view, 2, "S1") == "Entry 2 is committed, and S1 knows it. §5.3"


def test_a_lone_server_too_forgets_what_is_committed_at_the_instant_of_its_restart() -> None:
    cluster = Cluster(size=1, seed=1)
    cluster.client("C1").set("x", "1")
    cluster.crash("S1")
    cluster.restart("S1")
    restarted = next(at for at, event in enumerate(cluster.trace) if isinstance(event, Restarted))
    view = cluster.trace.view_after(restarted + 1)
    assert not view.configuration.members, "it tells that next"
    assert why_not_committed(view, 2).startswith("No server that runs knows whether entry 2 of S1 is committed")


def test_nor_does_a_leader_of_the_past_know_what_a_later_one_committed() -> None:
    entry = (no_op(2),)
    old, *later = server("S1", role=Role.LEADER), server("S2", 2, alive=False, entries=entry), server("S3", 2, entries=entry)
    assert why_not_committed(cluster_view(old, *later), 1, "S3").startswith("No server that runs knows whether entry 1 of S3 is committed")
    assert why_not_committed(cluster_view(old, server("S2", 2), later[1]), 1, "S3").startswith(
        "Entry 1 of S3 waits for a leader of its term 2"
    )


def test_a_majority_by_any_configuration_may_have_committed_an_entry() -> None:
    """S3 may have committed it with S2, before it began to leave: S1 has not heard that it would."""
    entry, both = (no_op(1),), Configuration(("S1", "S2"))
    s2, s3 = server("S2", entries=entry, configuration=both), server("S3", alive=False, entries=entry, configuration=both)
    assert why_not_committed(cluster_view(server("S1"), s2, s3), 1, "S2").startswith("No server that runs knows")


def test_an_entry_or_a_server_that_is_not_there_is_refused() -> None:
    cluster = led_by_s1(3)
    with pytest.raises(ConfigError, match="no entry 9 to ask about: the log of S1 ends at 1"):
        why_not_committed(cluster.view, 9)
    with pytest.raises(ConfigError, match="index=0 is no place in a log; the first entry is 1"):
        why_not_committed(cluster.view, 0)
    with pytest.raises(ServerNotFound, match="no server 'S9'; there are S1, S2, S3"):
        why_not_committed(cluster.view, 1, "S9")
