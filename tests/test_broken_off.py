"""A run that is interrupted, or whose step raises: it is what its scenario says, or refuses to go on; never anything else."""

import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from breaking_off import at_line, fail, interrupt, lines_of

from raftcore import Cluster, Rules
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ControlError, IncompleteStepError, RuleError
from raftcore.vocabulary.names import Role

MOMENTS = 60
"""That are tried of each way to let time pass: spread over all the lines that it executes."""


def has_leader(view: ClusterView) -> bool:
    return view.leader is not None


def act_in_many_ways(cluster: Cluster) -> None:
    cluster.partition({"S1", "S2"}, {"S3"})
    with suppress(ControlError):  # a change may be under way, from before an interrupt
        cluster.add_server()
    cluster.cut("S1", "S2")
    cluster.heal()


WAYS: dict[str, Callable[[Cluster], object]] = {
    "run_for": lambda cluster: cluster.run_for(400),
    "run_to": lambda cluster: cluster.run_to(cluster.now_ms + 400),
    "step": lambda cluster: [cluster.step() for _ in range(40)],
    "run_until": lambda cluster: cluster.run_until(lambda view: has_leader(view) and view.at_ms > 900),
    "a client": lambda cluster: cluster.client("C1").set("x", "1"),
    "actions": act_in_many_ways,
    "a fork": lambda cluster: cluster.fork().run_for(100),
    "violations": lambda cluster: (cluster.run_for(200), cluster.violations),
    "a recording": lambda cluster: (cluster.run_for(200), cluster.recording.events),
}


def made() -> Cluster:
    cluster = Cluster(3, 4)
    cluster.run_for(500)
    return cluster


def moments(way: Callable[[Cluster], object]) -> list[int]:
    """Lines at which the work is broken off, the same in every run of the test."""
    cluster = made()
    lines = lines_of(lambda: way(cluster))
    return sorted(Random(lines).sample(range(1, lines), min(MOMENTS, lines - 1)))


def is_what_its_scenario_says(cluster: Cluster) -> bool:
    again = Cluster.from_scenario(cluster.scenario)
    again.run_to(cluster.now_ms)
    return cluster.trace.to_bytes() == again.trace.to_bytes() and cluster.violations == again.violations == ()


def is_begun_by(cluster: Cluster, whole: Cluster) -> bool:
    return whole.trace.to_bytes().startswith(cluster.trace.to_bytes())


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_interrupted_run_goes_on_as_its_scenario_says(way: Callable[[Cluster], object]):
    handler = signal.getsignal(signal.SIGINT)
    for line in moments(way):
        cluster = made()
        with pytest.raises(KeyboardInterrupt), at_line(line, interrupt):
            way(cluster)
        assert signal.getsignal(signal.SIGINT) is handler
        cluster.run_for(50)
        way(cluster)
        assert is_what_its_scenario_says(cluster), f"interrupted at line {line}"
        assert len(cluster.recording.events) == len(cluster.trace)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_run_whose_step_raised_refuses_to_go_on_or_is_what_its_scenario_says(way: Callable[[Cluster], object]):
    refused = 0
    for line in moments(way):
        cluster = made()
        with pytest.raises(MemoryError), at_line(line, fail):
            way(cluster)
        try:
            cluster.run_for(50)
            way(cluster)
        except IncompleteStepError:
            refused += 1
            assert is_begun_by(cluster, cluster.fork()), f"broken off at line {line}"
        else:
            assert is_what_its_scenario_says(cluster), f"broken off at line {line}"
            assert len(cluster.recording.events) == len(cluster.trace)
    assert refused or way is WAYS["a fork"]


def test_interrupts_of_a_timer_change_no_run():
    rang: list[int] = []  # an interrupt is lost where Python can't raise, as in a callback of the garbage collector

    def boom(*_: object) -> None:
        rang.append(seed)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, boom)
    gc.disable()
    try:
        for seed in range(30):
            cluster = Cluster(5, seed)
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.002 + seed / 5_000)
                while seed not in rang:
                    cluster.run_for(500)
            cluster.run_for(500)
            assert is_what_its_scenario_says(cluster)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def test_an_interrupt_ends_a_run_at_the_next_thing_that_happens():
    seen: list[float] = []

    def answer(me, ask):
        seen.append(ask.term)
        if len(seen) == 1:
            interrupt()
        return Rules().answer_request_vote(me, ask)

    cluster = Cluster(3, 4, rules=Rules(answer_request_vote=answer))
    with pytest.raises(KeyboardInterrupt):
        cluster.run_for(10_000)
    assert len(seen) == 1
    cluster.run_for(1_000)
    assert cluster.leader


# ---- a run that was broken off


def mistaken(me, ask):
    if ask.term == 1:
        raise ZeroDivisionError("a student's mistake")
    return Rules().answer_request_vote(me, ask)


@pytest.fixture
def broken() -> Cluster:
    cluster = Cluster(3, 4, rules=Rules(answer_request_vote=mistaken))
    with pytest.raises(RuleError, match="ZeroDivisionError"):
        cluster.run_for(1_000)
    return cluster


def test_a_run_that_was_broken_off_refuses_whatever_lets_it_go_on_and_says_why(broken: Cluster):
    before, actions = broken.trace.to_bytes(), broken.scenario.actions
    sentence = (
        r"broken off half-way through a step at .* ms \(RuleError: .* ZeroDivisionError: a student's mistake \(line .*\)\), "
        r"and can't go on.* fork\(at_ms=\d+\)"
    )
    for go_on in (
        lambda: broken.run_for(1),
        lambda: broken.run_for(0),
        lambda: broken.run_to(broken.now_ms),
        broken.step,
        lambda: broken.run_until(has_leader),
        lambda: broken.client("C1").set("x", "1"),
        lambda: broken.submit("C1", "SET x 1"),
        lambda: broken.crash("S1"),
        broken.heal,
        broken.create_server,
    ):
        with pytest.raises(IncompleteStepError, match=sentence):
            go_on()
    assert (broken.trace.to_bytes(), broken.scenario.actions) == (before, actions)


def test_a_run_that_was_broken_off_can_be_looked_at_and_forked_before_that_moment(broken: Cluster):
    assert broken.view.at_ms == broken.now_ms
    assert any(server.role is Role.CANDIDATE for server in broken.view.servers.values())
    assert broken.violations == ()
    assert len(broken.recording.events) == len(broken.trace)
    assert "run_to" in broken.as_code() or "run_for" in broken.as_code()
    fork = broken.fork(at_ms=int(broken.now_ms) - 1)
    assert fork.trace.to_bytes() == broken.trace.to_bytes()[: len(fork.trace.to_bytes())]
    with pytest.raises(RuleError, match="ZeroDivisionError"):
        fork.run_for(10)


def test_a_refused_action_breaks_nothing_off():
    cluster = Cluster(3, 4)
    cluster.crash("S1")
    with pytest.raises(ControlError):
        cluster.crash("S1")
    cluster.run_for(1_000)
    assert is_what_its_scenario_says(cluster)


def test_a_rule_that_returns_the_wrong_thing_breaks_the_run_off_too():
    cluster = Cluster(3, 4, rules=Rules(answer_request_vote=lambda _me, _ask: None))
    with pytest.raises(RuleError):
        cluster.run_for(1_000)
    with pytest.raises(IncompleteStepError, match="RuleError: the rule answer_request_vote"):
        cluster.run_for(1)


def test_a_rule_that_lets_its_own_cluster_go_on_is_refused():
    held: list[Cluster] = []

    def answer(me, ask):
        held[0].run_for(1)

    held.append(Cluster(3, 4, rules=Rules(answer_request_vote=answer)))
    with pytest.raises(RuleError, match="a step is still under way"):
        held[0].run_for(1_000)
