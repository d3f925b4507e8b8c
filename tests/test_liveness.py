"""Liveness: while some quorum stays connected, and after a heal, a leader comes to be and clients are answered, each within a bound."""

import pytest

from raftcore import Cluster, Config, Rules
from raftcore.checks.connected import is_disturbed, who_could_lead
from raftcore.checks.convergence import longest_answer_ms, unanswered
from raftcore.consensus.state import NodeState
from raftcore.hunting.answers import NOT_PROMISED, Judged, judge_connected
from raftcore.hunting.faults import Faults
from raftcore.hunting.healing import judge_healed, why_not_healed, why_not_live
from raftcore.hunting.hunt import hunt, ignore
from raftcore.hunting.mutants.answers import never_lose_a_majority, refuse_everything
from raftcore.hunting.story import live
from raftcore.vocabulary.messages import ClientReply, ClientRequest

REFUSING = Rules(answer_client_request=refuse_everything, answer_read=refuse_everything)
ONLY_QUORUMS = Faults(**dict.fromkeys(Faults.__struct_fields__, 0) | {"commands": 1, "quorums": 1})


def led(size: int = 5, seed: int = 4, config: Config | None = None, rules: Rules | None = None) -> Cluster:
    """A cluster that has had a leader for a while."""
    cluster = Cluster(size, seed, config or Config(), rules)
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(500)
    return cluster


def leave_a_bridge(cluster: Cluster) -> tuple[str, str]:
    """Cut all links but those of one follower to the leader and to two others: the leader, and the follower."""
    leader = cluster.leader
    assert leader
    bridge, *others = [name for name in cluster.server_ids if name != leader]
    for one in (leader, *others):
        for other in others:
            if one < other or one == leader:
                cluster.cut(one, other)
    for name in others[:2]:
        cluster.link(bridge, name, up=True)
        cluster.link(name, bridge, up=True)
    cluster.cut(bridge, others[2])
    return leader, bridge


# ---- after a heal


def refuse_writes(me: NodeState, ask: ClientRequest) -> ClientReply:
    return refuse_everything(me, ask)


def leave_unanswered(me: NodeState, ask: ClientRequest) -> None:
    return None


@pytest.mark.parametrize(
    "rules",
    [
        REFUSING,
        Rules(answer_client_request=refuse_writes),
        Rules(answer_read=leave_unanswered),
    ],
)
def test_a_cluster_that_agrees_and_answers_no_client_is_not_live(rules: Rules) -> None:
    cluster = led(3, rules=rules)
    lack = why_not_healed(cluster)
    assert lack is not None
    assert (lack.kind, lack.property) == ("unanswered", "Answered")
    assert "has had no answer to" in lack.sentence
    assert lack.sentence.endswith(f"in which all was whole: {cluster.leader} leads")


def test_of_several_clients_that_wait_the_one_is_named_that_has_waited_longest() -> None:
    cluster = led(3, rules=REFUSING)
    for name in ("C2", "C1"):
        cluster.submit(name, "SET x 1")
        cluster.run_for(10)
    lack = unanswered(cluster.view)
    assert lack is not None
    assert lack.sentence.startswith("C2 has waited since ")


def test_the_hunter_finds_a_raft_that_refuses_every_command_and_its_test_fails_until_it_is_mended() -> None:
    found = hunt(REFUSING, seeds=5, cores=1, on_progress=ignore)
    assert found is not None
    assert found.violation.property == "Answered"
    names: dict[str, object] = {}
    exec(found.as_test(), names)
    with pytest.raises(AssertionError):
        names[f"test_the_run_with_seed_{found.seed}"]()  # type: ignore[operator]


def test_clients_of_a_healthy_cluster_are_answered_though_others_wait_for_what_never_comes() -> None:
    cluster = led(3)
    cluster.link("C1", "S1", up=False)
    cluster.link("C1", "S2", up=False)
    cluster.link("C1", "S3", up=False)
    cluster.submit("C1", "SET x 1")
    assert why_not_live(cluster) is None


def without_one(config: Config) -> Cluster:
    """A cluster that answers nobody, and from which a server was removed that still runs."""
    cluster = led(3, config=config, rules=REFUSING)
    removed = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.change_membership([name for name in cluster.server_ids if name != removed])
    cluster.run_for(2_000)
    assert removed not in cluster.view.configuration.members
    assert cluster.view.servers[removed].alive
    return cluster


@pytest.mark.parametrize("pre_vote, guard", [(True, True), (True, False), (False, True)])
def test_that_a_server_was_removed_excuses_nothing_where_it_can_disturb_nobody(pre_vote: bool, guard: bool) -> None:
    lack = why_not_healed(without_one(Config(pre_vote=pre_vote, leader_guard=guard)))
    assert lack is not None
    assert lack.property == "Answered"


def test_a_removed_server_that_nothing_keeps_from_disturbing_excuses_the_others() -> None:
    """Thesis 4.2.3."""
    assert judge_healed(without_one(Config(pre_vote=False, leader_guard=False))) == NOT_PROMISED


def test_a_removed_server_that_is_down_excuses_nothing_but_it_runs_again_once_all_is_healed() -> None:
    config = Config(pre_vote=False, leader_guard=False)
    cluster = without_one(config)
    assert is_disturbed(cluster.view, cluster.config)
    cluster.crash(next(name for name in cluster.server_ids if name not in cluster.view.configuration.members))
    assert not is_disturbed(cluster.view, cluster.config)


# ---- while some quorum stays connected


def test_a_leader_that_reaches_only_a_bridge_gives_way_to_it_and_clients_are_answered() -> None:
    cluster = led()
    old, bridge = leave_a_bridge(cluster)
    assert bridge in who_could_lead(cluster.view, cluster.config)
    assert judge_connected(cluster) == Judged(("Answered",))
    assert (cluster.leader, cluster.leader == old) == (bridge, False)


def test_a_leader_that_stays_though_nobody_hears_it_keeps_a_connected_quorum_without_answers() -> None:
    cluster = led(rules=Rules(has_lost_majority=never_lose_a_majority))
    _, bridge = leave_a_bridge(cluster)
    judged = judge_connected(cluster)
    assert judged.promised == ("Answered",)
    assert judged.lack is not None
    assert (judged.lack.property, judged.lack.kind) == ("Answered", "no leader")
    assert f"{bridge} could lead a quorum that hears it: no server leads" in judged.lack.sentence


def test_an_end_of_each_link_that_is_cut_for_good_keeps_nobody_from_an_answer() -> None:
    """The leader hears nobody, though all hear it: check-quorum lets it step down (thesis 6.2)."""
    cluster = led()
    leader = str(cluster.leader)
    for name in cluster.server_ids:
        if name != leader:
            cluster.link(name, leader, up=False)
    assert leader not in who_could_lead(cluster.view, cluster.config)
    assert judge_connected(cluster) == Judged(("Answered",))
    assert cluster.leader not in (None, leader)


def test_a_chain_is_led_by_one_that_reaches_a_majority_and_answers() -> None:
    """The leader stands at its end."""
    cluster = led()
    chain = [str(cluster.leader), *(name for name in cluster.server_ids if name != cluster.leader)]
    for place, name in enumerate(chain):
        for other in chain[place + 2 :]:
            cluster.cut(name, other)
    assert set(who_could_lead(cluster.view, cluster.config)) == set(chain[1:4])
    assert judge_connected(cluster) == Judged(("Answered",))
    assert cluster.leader in chain[1:4]


@pytest.mark.parametrize("switch", ["pre_vote", "check_quorum", "leader_guard"])
def test_nothing_is_promised_to_a_connected_quorum_without_what_keeps_others_from_blocking_it(switch: str) -> None:
    cluster = led(config=Config(**{switch: False}))
    assert judge_connected(cluster) == NOT_PROMISED


def test_nothing_is_promised_where_no_quorum_stays_connected_or_its_only_candidate_is_behind() -> None:
    cluster = led(3)
    leader = str(cluster.leader)
    behind, ahead = [name for name in cluster.server_ids if name != leader]
    cluster.isolate(behind)
    cluster.submit("C1", "SET x 1", through=leader)
    cluster.run_for(1_000)
    cluster.heal()
    cluster.cut(leader, ahead)
    cluster.pause(leader)
    assert who_could_lead(cluster.view, cluster.config) == (ahead,)
    cluster.resume(leader)
    for name in cluster.server_ids:
        for other in cluster.server_ids:
            if name < other:
                cluster.cut(name, other)
    assert who_could_lead(cluster.view, cluster.config) == ()
    assert judge_connected(cluster) == NOT_PROMISED


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cluster, name: cluster.pause(name),
        lambda cluster, name: cluster.crash(name),
        lambda cluster, name: cluster.set_clock_rate(name, 2),
        lambda cluster, name: cluster.disk(name, sync_fails=True),
        lambda cluster, name: cluster.disk(name, sync_ms=1_000),
    ],
)
def test_a_server_that_is_not_sound_could_not_lead(spoil: object) -> None:
    cluster = led(3)
    name = cluster.server_ids[0]
    spoil(cluster, name)  # type: ignore[operator]
    assert name not in who_could_lead(cluster.view, cluster.config)


def test_the_bound_grows_with_the_servers_that_a_client_may_have_to_ask() -> None:
    assert longest_answer_ms(Config(), 5) > longest_answer_ms(Config(), 3)


@pytest.mark.parametrize("block", range(4))
def test_raft_answers_whatever_links_are_cut_for_good_as_long_as_a_quorum_is_left(block: int) -> None:
    config = Config()
    results = [live(seed, faults=ONLY_QUORUMS, size=5, config=config) for seed in range(block * 10, block * 10 + 10)]
    assert not [result.story for result in results if result.story]
    assert sum("Answered" in result.properties for result in results) >= 8
