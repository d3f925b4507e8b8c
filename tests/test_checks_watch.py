"""The watch over a whole run: what it is fed, what it keeps, and what it may cost."""

import pytest
from stories import Story, no_op
from test_random_runs import RandomRun, first_broken, shown_by_the_trace, vote_twice

from raftcore import Cluster, Config, Rules
from raftcore.checks.convergence import why_not_converged
from raftcore.checks.watch import INVARIANTS, MOST_OF_EACH, Watch, check_trace
from raftcore.trace.stream import Trace
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.names import FOLLOWER

VOTES_TWICE = Rules(answer_request_vote=vote_twice)


def test_the_invariants_have_their_names_sections_and_sentences() -> None:
    assert [invariant.name for invariant in INVARIANTS] == [
        "Election Safety", "Leader Append-Only", "Log Matching", "Leader Completeness", "State Machine Safety", "Commit Only Own Term",
        "Committed Is Durable", "Vote Once", "Monotonic Term", "Monotonic Commit", "Monotonic Match", "Terms Ordered",
        "Legal Transitions", "Configuration Follows Log", "Joint Quorum", "No Invention",
    ]  # fmt: skip
    assert all(invariant.section and invariant.__doc__ for invariant in INVARIANTS)


# ---- in a cluster


def test_a_cluster_is_judged_while_it_runs_and_goes_on_when_it_is_broken() -> None:
    cluster = Cluster(3, seed=1, rules=VOTES_TWICE, config=Config(pre_vote=False, leader_guard=False))
    cluster.time_out("S1")
    cluster.time_out("S2")
    cluster.run_for(100)
    now_ms = cluster.now_ms
    violation = cluster.violations[0]
    assert str(violation).startswith("Vote Once, at ")
    assert violation.sentence == "S3 saved its vote of term 1 for S2, and then for S1"
    assert "Election Safety" in {it.property for it in cluster.violations}
    assert all(position < len(cluster.trace) for position in violation.evidence)
    assert cluster.trace[violation.evidence[-1]].at_ms == violation.at_ms
    cluster.run_for(100)
    assert cluster.now_ms == now_ms + 100
    assert cluster.violations[0] == violation


def test_what_was_seen_is_the_same_however_the_run_is_cut_into_slices() -> None:
    broken = first_broken("Vote Once", VOTES_TWICE)
    again = Cluster.from_scenario(broken.scenario, VOTES_TWICE, checks="full")
    while again.now_ms < broken.now_ms:
        again.step()
        seen = again.violations
        assert seen == broken.violations[: len(seen)]
    again.run_to(max(broken.now_ms, again.now_ms))
    assert again.violations == broken.violations
    assert tuple(shown_by_the_trace(again)) == check_trace(broken.trace, broken.config)


def test_a_run_is_the_same_whether_it_is_judged_or_not() -> None:
    run = RandomRun(7)
    run.trouble(rounds=60)
    again = Cluster.from_scenario(run.cluster.scenario, checks=False)
    again.run_to(run.cluster.now_ms)
    assert again.trace.to_bytes() == run.cluster.trace.to_bytes()


@pytest.mark.parametrize("switch", ["checks", "trace"])
def test_a_cluster_that_is_not_judged_says_so(switch: str) -> None:
    cluster = Cluster(3, **{switch: False})
    cluster.run_for(100)
    with pytest.raises(ControlError, match="is not judged; make it without"):
        _ = cluster.violations


def test_a_fork_is_judged_from_its_beginning() -> None:
    broken = first_broken("Vote Once", VOTES_TWICE)
    assert broken.fork().violations == broken.violations


# ---- what is kept


def test_the_first_few_violations_of_each_property_are_kept() -> None:
    story = Story()
    for term in range(100, 0, -1):
        story.follow(term, "S1")
    assert [violation.at_ms for violation in story.violations] == [2.0 + number for number in range(MOST_OF_EACH)]
    story.tell(ev.Committed, "S2", 3)
    assert story.broken == ["Monotonic Term", "Commit Only Own Term", "Monotonic Commit"]


def test_a_violation_reads_as_a_line() -> None:
    story = Story()
    story.follow(2, "S1")
    story.follow(1, "S1")
    assert str(story.violations[0]) == "Monotonic Term, at 2.0 ms: S1 went back from term 2 to term 1"


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_a_broken_trace_says_makes_the_watch_stumble(seed: int) -> None:
    """Any part of a run may be missing."""
    run = RandomRun(seed)
    run.trouble(rounds=60)
    for gap in (2, 3, 5):
        watch = Watch(run.cluster.trace.server_ids, run.cluster.config)
        created = [event for event in run.cluster.trace if isinstance(event, ev.Created)]
        watch.absorb([*created, *(event for number, event in enumerate(run.cluster.trace) if number % gap)])
        assert watch.violations


def test_a_whole_trace_can_be_judged_at_once() -> None:
    story = Story()
    told = [ev.RoleChanged(1.0, "S1", FOLLOWER, 2), ev.RoleChanged(2.0, "S1", FOLLOWER, 1)]
    story.watch.absorb(told)
    assert check_trace(Trace(story.names, told)) == tuple(story.violations) != ()


def test_what_it_remembers_of_the_logs_is_shared() -> None:
    story = Story(5)
    story.reign("S2 S3 S4 S5")
    story.keep("S1 S2 S3 S4 S5", no_op(1), no_op(1))
    logs = [story.memory(name).entries for name in story.names]
    assert all(one is other for log in logs for one, other in zip(log, logs[0], strict=True))


# ---- convergence


def test_convergence_says_what_is_missing() -> None:
    cluster = Cluster(3, seed=7)
    assert why_not_converged(cluster.view) == "no server leads with a quorum behind it"
    cluster.run_for(2_000)
    assert why_not_converged(cluster.view) == ""
    follower = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.isolate(follower)
    cluster.client("C1").set("x", "1")
    cluster.run_for(100)
    log_end = cluster.view.servers[cluster.leader].log.last_index
    assert f"{follower} has applied its log up to index 1, and the log of {cluster.leader} ends at {log_end}" == why_not_converged(
        cluster.view
    )
    cluster.run_for(1_000)
    assert why_not_converged(cluster.view) == f"{follower} does not follow {cluster.leader}, which leads in term 1"
    cluster.crash(follower)
    assert why_not_converged(cluster.view) == ""
    cluster.restart(follower)
    cluster.heal()
    cluster.run_for(1_000)
    assert why_not_converged(cluster.view) == ""
