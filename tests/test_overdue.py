"""What a run must have come to by a moment, and has not: the lab says it, at any moment of the past as it was then."""

from collections.abc import Callable

import pytest

from raftcore import Cluster, Config, Rules
from raftcore.checks.convergence import longest_wait_ms
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.answers import never_lose_a_majority, refuse_everything
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply
from raftcore.vocabulary.names import Reason
from widgets.checking import Checking
from widgets.checks_strip import ChecksStrip
from widgets.frame import Frame

WAIT_MS = longest_wait_ms(Config())


def vote_for_nobody(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return election.refuse(me, Reason.ALREADY_VOTED)


def commit_nothing(me: NodeState) -> None:
    pass


LEADERLESS = Rules(answer_request_vote=vote_for_nobody)


def sign(run: Cluster, at_ms: float | None = None, checking: Checking | None = None) -> str:
    """What the lab says of it at this moment; "" if nothing."""
    moment_ms = run.now_ms if at_ms is None else at_ms
    view = run.trace.view_at(moment_ms)
    checked = (checking or Checking(run)).at(run.trace.position_at(moment_ms), still=False, view=view)
    picture = ChecksStrip().draw(Frame(view=view, checked=checked))["overdue"]
    return f"{picture['title']}: {picture['sentence']}" if picture else ""


NO_LEADER = f"The run has not converged: for {WAIT_MS:,.0f} ms all was whole, and no server leads with a quorum behind it."


def test_a_cluster_that_elects_nobody_says_so_once_there_was_time_enough_and_in_the_past_as_it_was_then() -> None:
    cluster = Cluster(3, rules=LEADERLESS)
    cluster.run_for(WAIT_MS + 4_000)
    checking = Checking(cluster)
    assert sign(cluster, checking=checking) == NO_LEADER
    assert sign(cluster, WAIT_MS - 1, checking) == ""
    assert sign(cluster, WAIT_MS + 1, checking) == NO_LEADER
    assert sign(cluster, 100, checking) == ""
    recorded = cluster.recording
    assert sign(recorded) == NO_LEADER


def test_a_cluster_whose_clients_go_on_all_the_time_is_not_called_late() -> None:
    cluster = Cluster(5, seed=2)
    checking = Checking(cluster)
    behind = 0
    for number in range(180):
        cluster.submit(f"C{number % 5 + 1}", f"SET x {number}")
        cluster.run_for(77)
        leader = cluster.view.servers.get(cluster.leader or "")
        behind += leader is not None and any(it.last_applied < leader.log.last_index for it in cluster.view.servers.values())
        assert sign(cluster, checking=checking) == ""
    assert behind > 100
    assert cluster.now_ms > WAIT_MS + 3_000


def test_who_does_something_to_the_run_is_given_the_time_again() -> None:
    cluster = Cluster(3, rules=LEADERLESS)
    cluster.run_for(WAIT_MS)
    cluster.pause("S1")
    cluster.resume("S1")
    cluster.run_for(WAIT_MS - 1)
    assert sign(cluster) == ""
    cluster.run_for(2)
    assert sign(cluster) == NO_LEADER


@pytest.mark.parametrize(
    "fault",
    [
        lambda cluster: cluster.disk("S1", sync_fails=True),
        lambda cluster: cluster.set_clock_rate("S1", 2),
        lambda cluster: (cluster.crash("S1"), cluster.crash("S2")),
        lambda cluster: cluster.link("S1", "S2", loss=0.1),
        lambda cluster: cluster.partition(["S1"], ["S2"], ["S3"]),
    ],
)
def test_while_a_fault_keeps_every_quorum_apart_nothing_is_overdue(fault: Callable[[Cluster], object]) -> None:
    config = Config(pre_vote=False)  # so that nothing is promised to a quorum that stays connected
    cluster = Cluster(3, config=config, rules=LEADERLESS)
    fault(cluster)
    cluster.run_for(WAIT_MS + 3_000)
    assert sign(cluster) == ""


def test_a_follower_that_never_applies_what_its_leader_has_is_named() -> None:
    cluster = Cluster(3, rules=Rules(advance_commit_index=commit_nothing))
    cluster.run_for(WAIT_MS + 3_000)
    assert "all was whole, and S1 has not applied index 1, which S" in sign(cluster)


def test_a_connected_quorum_without_a_leader_is_overdue() -> None:
    cluster = Cluster(5, seed=4, rules=Rules(has_lost_majority=never_lose_a_majority))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(500)
    leader = cluster.leader
    bridge, *others = (name for name in cluster.server_ids if name != leader)
    for name in others:
        cluster.cut(leader, name)
        for other in others:
            if name < other:
                cluster.cut(name, other)
    cluster.run_for(WAIT_MS - 1_000)
    assert sign(cluster) == ""
    cluster.run_for(3_000)
    assert f"{bridge} could have led a quorum that hears it, and no server leads" in sign(cluster)


def test_the_same_links_cut_under_raft_itself_leave_nothing_overdue() -> None:
    cluster = Cluster(5, seed=4)
    cluster.run_until(lambda view: view.leader is not None)
    cluster.partition(["S1", "S2", "S3"], ["S4", "S5"])
    cluster.run_for(WAIT_MS + 5_000)
    assert sign(cluster) == ""


def test_a_client_that_gives_up_where_all_is_whole_is_overdue() -> None:
    cluster = Cluster(3, rules=Rules(answer_client_request=refuse_everything))
    cluster.run_for(WAIT_MS)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(9_000)
    assert sign(cluster) == ""
    cluster.run_for(2_000)
    said = sign(cluster)
    assert said.startswith(f"A client is not answered: for {WAIT_MS:,.0f} ms all was whole, and C1 has given up its command 1 after 10,")
    patient = Cluster(3, config=Config(client_limit_ms=60_000), rules=Rules(answer_client_request=refuse_everything))
    patient.run_for(WAIT_MS)
    patient.submit("C1", "SET x 1")
    patient.run_for(15_000)
    assert "and C1 waits since 10,000 ms for the outcome of its command 1." in sign(patient)


def test_a_client_whose_own_links_are_cut_is_not_overdue() -> None:
    cluster = Cluster(3)
    cluster.run_for(WAIT_MS)
    for name in cluster.server_ids:
        cluster.link("C1", name, up=False)
    cluster.run_for(WAIT_MS)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(12_000)
    assert cluster.view.completed[-1].ok is None
    assert sign(cluster) == ""


def test_what_is_kept_of_a_long_run_does_not_grow_with_it() -> None:
    cluster = Cluster(3, rules=LEADERLESS)
    checking = Checking(cluster)
    for _ in range(12):
        cluster.run_for(WAIT_MS)
        sign(cluster, checking=checking)
    assert len(checking._liveness._views) <= 32
    assert checking._liveness._done_ms == []
