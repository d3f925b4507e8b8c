"""Why is there no leader?: each sentence as it comes out of a run in which it is true."""

from test_explain import led_by_s1, time_out_s1
from views import cluster_view, server

from raftcore import Cluster, Config, Role
from raftcore.checks.explain import why_no_leader
from raftcore.checks.explain.election import first_to_stand
from raftcore.trace.view import ClusterView
from widgets.status_line import say


def test_a_leader_that_is_there_is_named() -> None:
    assert why_no_leader(led_by_s1().view) == "There is a leader: S1 leads term 1, and a majority follows it. §5.2"


def test_a_leader_that_is_paused_is_followed_until_a_timeout_ends() -> None:
    cluster = led_by_s1()
    cluster.pause("S1")
    cluster.run_for(100)
    first = first_to_stand(cluster.view)
    assert first
    assert why_no_leader(cluster.view) == (
        "S1 is paused, and does nothing meanwhile: it leads term 1, and a majority follows it for now; the first election timeout to run "
        f"out is that of {first[1]}, at {first[0]:,.0f} ms. §5.2"
    )
    cluster.run_until(lambda view: any(it.leader is None for it in view.servers.values()))
    assert (cluster.view.servers[first[1]].leader, cluster.now_ms) == (None, first[0])


def test_a_leader_that_was_just_cut_off_is_followed_for_now() -> None:
    cluster = led_by_s1(3)
    cluster.isolate("S1")
    cut_ms = cluster.now_ms
    cluster.run_for(30)
    assert cluster.view.leader == "S1"
    assert why_no_leader(cluster.view) == (
        f"There is a leader: S1 leads term 1, and a majority follows it for now, but S2 and S3 have been cut off from S1 since "
        f"{cut_ms:,.0f} ms. §5.2"
    )
    cluster.heal()
    cluster.isolate("S3")
    assert why_no_leader(cluster.view) == "There is a leader: S1 leads term 1, and a majority follows it. §5.2"


def test_timers_still_run() -> None:
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(50)
    ends_ms, first = min((ends_ms, name) for name, ends_ms in deadlines(cluster.view).items())
    assert why_no_leader(cluster.view) == (
        f"Nobody stands for election yet: the first election timeout to run out is that of {first}, at {ends_ms:,.0f} ms. §5.2"
    )


def test_a_learners_timeout_is_nobodys() -> None:
    cluster = led_by_s1(3)
    cluster.create_server("S4")
    cluster.change_membership(["S1", "S2", "S3"], learners=["S4"])
    cluster.run_for(200)
    cluster.crash("S1")
    cluster.run_until(lambda view: min(deadlines(view), key=deadlines(view).__getitem__) == "S4")
    voter = min(("S2", "S3"), key=deadlines(cluster.view).__getitem__)
    assert f"the first election timeout to run out is that of {voter}, at " in why_no_leader(cluster.view)
    assert f"the election timeout that ends first is that of {voter}." in say(cluster.view)[1]


def deadlines(view: ClusterView) -> dict[str, float]:
    return {name: server.timer_ms[1] for name, server in view.servers.items() if server.timer_ms}


def test_too_few_run() -> None:
    cluster = led_by_s1()
    cluster.crash("S1")
    cluster.crash("S3")
    cluster.pause("S4")
    assert why_no_leader(cluster.view) == "A leader needs the votes of 3 of 5, and S1 and S3 are crashed, and S4 is paused. §5.2"


def test_of_a_joint_configuration_only_the_half_without_a_majority_is_missed() -> None:
    cluster = led_by_s1(3)
    for _ in range(2):
        cluster.create_server()
    cluster.change_membership(["S3", "S4", "S5"])
    cluster.run_until(lambda view: all(view.servers[name].configuration.is_joint for name in ("S2", "S3")))
    for name in ("S1", "S4", "S5"):
        cluster.crash(name)
    assert why_no_leader(cluster.view) == (
        "A leader needs the votes of 2 of 3 (S1 S2 S3) and 2 of 3 (S3 S4 S5), and S4 and S5 are crashed. §5.2"
    )


def test_servers_that_halted_are_said_to_in_the_plural_too() -> None:
    halted = [server(name, alive=False, halted="its log is torn") for name in ("S2", "S3")]
    assert "S2 and S3 have halted, unable to trust what is on disk. §5.2" in why_no_leader(cluster_view(server("S1"), *halted))


def test_the_links_leave_no_majority() -> None:
    cluster = led_by_s1()
    cluster.partition(["S1", "S2"], ["S3", "S4"], ["S5"])
    cluster.run_for(700)
    assert why_no_leader(cluster.view) == (
        "A leader needs the votes of 3 of 5, and the links leave no side a majority: (S1 S2), (S3 S4) and (S5). §5.2"
    )
    cluster.crash("S4")
    assert "no side a majority: (S1 S2), (S3) and (S5). §5.2" in why_no_leader(cluster.view)


def test_a_split_vote() -> None:
    cluster = Cluster(size=4, seed=1, config=Config(pre_vote=False))
    cluster.run_for(150)
    for name in ("S1", "S2"):
        cluster.time_out(name)
    cluster.link("S1", "S4", delay_ms=(30, 30))
    cluster.link("S2", "S3", delay_ms=(30, 30))
    cluster.run_until(lambda view: all(len(view.servers[name].votes) == 2 for name in ("S1", "S2")))
    cluster.run_for(30)
    assert why_no_leader(cluster.view).startswith(
        "The vote of term 1 is split: S1 with 2 votes and S2 with 2 votes stand, and a majority is 3 of 4; the first of them whose timer "
    )


def test_each_candidate_votes_for_itself() -> None:
    cluster = Cluster(size=3, seed=1, config=Config(pre_vote=False))
    for name in ("S1", "S2", "S3"):
        cluster.time_out(name)
    assert why_no_leader(cluster.view).startswith("The vote of term 1 is split: S1 with 1 vote, S2 with 1 vote and S3 with 1 vote stand, ")


def test_a_vote_is_not_split_while_others_could_decide_it() -> None:
    cluster = Cluster(size=4, seed=1, config=Config(pre_vote=False))
    for name in ("S1", "S2"):
        cluster.time_out(name)
    assert why_no_leader(cluster.view) == (
        "S1 with 1 vote stands for term 1 and needs 3 of 4; S3 and S4 have not answered yet, and S2 voted for another. "
        "S2 with 1 vote stands for term 1 and needs 3 of 4; S3 and S4 have not answered yet, and S1 voted for another. §5.2"
    )
    cluster.run_for(40)
    refused = "refused, having heard from a leader, or started, within the shortest election timeout (thesis 4.2.3)"
    assert why_no_leader(cluster.view) == (
        f"S1 with 1 vote stands for term 1 and needs 3 of 4; S2, S3 and S4 {refused}. "
        f"S2 with 1 vote stands for term 1 and needs 3 of 4; S1, S3 and S4 {refused}. §5.2"
    )


def test_a_vote_on_its_way_is_given() -> None:
    voting = [server(name, role=Role.CANDIDATE, voted_for=name, votes=(name,), timer_ms=(0, 2_000)) for name in ("S1", "S2")]
    for_s1 = [server(name, voted_for="S1") for name in ("S3", "S4")]
    assert "is split" not in why_no_leader(cluster_view(*voting, *for_s1)), "S1 is about to win"
    one_each = [server("S3", voted_for="S1"), server("S4", voted_for="S2")]
    assert "is split" in why_no_leader(cluster_view(*voting, *one_each))


def test_a_candidate_whose_log_is_behind() -> None:
    cluster = led_by_s1(3, Config(client_sessions=False, pre_vote=False, leader_guard=False))
    cluster.isolate("S3")
    cluster.client("C1").set("x", "1")
    cluster.crash("S1")
    cluster.heal()
    cluster.link("S2", "S3", delay_ms=(100, 100))
    cluster.time_out("S3")
    cluster.run_for(30)
    term = cluster.view.servers["S3"].current_term
    assert why_no_leader(cluster.view) == (
        f"S3 with 1 vote stands for term {term} and needs 2 of 3; S1 is crashed, and S2 refused, with a log that is ahead (§5.4.1). §5.2"
    )


def test_a_server_that_asks_first_lacks_promises() -> None:
    cluster = led_by_s1(3)
    cluster.isolate("S3")
    cluster.client("C1").set("x", "1")
    cluster.crash("S1")
    cluster.heal()
    cluster.time_out("S3")
    cluster.run_for(5)
    term = cluster.view.servers["S3"].current_term + 1
    assert why_no_leader(cluster.view) == (
        f"S3 asks who would vote for it in term {term}, and needs the promises of 2 of 3; it holds 1: S2 has a log that is ahead (§5.4.1), "
        "and S1 is crashed. Thesis 9.6"
    )


def test_a_leader_without_followers_is_none() -> None:
    cluster = Cluster(size=3, seed=1)
    time_out_s1(cluster)
    cluster.run_until(lambda view: bool(view.leaders))
    assert (
        why_no_leader(cluster.view) == "S1 leads term 1 without the 2 of 3 that must follow it; S2 and S3 have not heard from it yet. §5.2"
    )


def test_who_was_removed_and_enters_later_terms_says_nothing_of_the_configuration() -> None:
    cluster = led_by_s1(4, Config(client_sessions=False, pre_vote=False))
    cluster.isolate("S2")
    cluster.remove_server("S2")
    cluster.run_for(1_500)
    cluster.crash("S1")
    cluster.run_for(1)
    view = cluster.view
    assert view.servers["S2"].role is Role.CANDIDATE
    assert view.servers["S2"].current_term > view.servers["S3"].current_term
    assert view.configuration == view.servers["S3"].configuration
    first = min(("S3", "S4"), key=lambda name: view.servers[name].timer_ms or ())
    assert why_no_leader(view).startswith(
        "Nobody who can reach a majority stands for election yet: the first election timeout to run out is "
    )
    assert f"that of {first}, at " in why_no_leader(view)
    cluster.run_until(lambda view: view.leader is not None)


def test_a_refusal_is_not_silence() -> None:
    refused = "S2 and S3 refused, having heard from a leader, or started, within the shortest election timeout (thesis 4.2.3)"
    for config, asks, section in (
        (Config(), "S1 asks who would vote for it in term 1, and needs the promises of 2 of 3; it holds 1: ", "Thesis 9.6"),
        (Config(pre_vote=False), "S1 with 1 vote stands for term 1 and needs 2 of 3; ", "§5.2"),
    ):
        cluster = Cluster(size=3, seed=7, config=config)
        cluster.time_out("S1")
        assert why_no_leader(cluster.view) == f"{asks}S2 and S3 have not answered yet. {section}"
        cluster.run_for(40)
        assert why_no_leader(cluster.view) == f"{asks}{refused}. {section}"


def test_who_heard_from_the_leader_that_crashed_refuses() -> None:
    cluster = led_by_s1(3)
    cluster.crash("S1")
    cluster.time_out("S2")
    cluster.run_for(60)
    assert "S3 refused, having heard from S1 within the shortest election timeout (thesis 4.2.3)" in why_no_leader(cluster.view)
    cluster.run_until(lambda view: view.servers["S3"].leader is None)
    cluster.time_out("S2")
    assert not cluster.view.servers["S2"].denied, "it asks anew"


def test_a_newcomer_that_runs_alone_does_not_hide_the_cluster() -> None:
    cluster = led_by_s1(3)
    cluster.create_server("S4")
    for name in ("S1", "S2", "S3"):
        cluster.crash(name)
    assert why_no_leader(cluster.view) == "A leader needs the votes of 2 of 3, and S1, S2 and S3 are crashed. §5.2"
