"""What a run's clients saw is judged as far as Raft promises anything: by leases only where clocks are as true as it was told."""

from collections.abc import Callable

import pytest

from raftcore import Cluster, Config
from raftcore.checks.linearizability import KEY_VALUE, Verdict, check, history
from raftcore.checks.violation import Violation
from raftcore.cluster.rulebook import CORRECT
from raftcore.hunting.claims import claims, leases_hold
from raftcore.hunting.hunt import Found
from raftcore.hunting.story import tell
from raftcore.vocabulary.commands import Get, ReadMode

LEASES = Config(
    election_timeout_ms=(300.0, 315.0),
    heartbeat_ms=20.0,
    delay_ms=(0.1, 0.1),
    sync_ms=0.0,
    reads=ReadMode.LEASE,
    pre_vote=False,
    client_sessions=False,
    client_retry_ms=60.0,
    max_clock_drift=0.1,
)


def old_value_by_lease(slow: float, fast: float) -> Cluster:
    """A leader with a slow clock is cut off, and still answers a read after another was elected and has taken in a write."""
    cluster = Cluster(3, 8, LEASES)
    cluster.run_for(3_000)
    old = cluster.leader
    others = [name for name in cluster.server_ids if name != old]
    cluster.set_clock_rate(old, slow)
    for name in others:
        cluster.set_clock_rate(name, fast)
    cluster.run_for(1_000)
    cluster.isolate(old)
    cluster.run_until(lambda view: any(leader.id != old for leader in view.leaders), limit_ms=400)
    new = next(leader.id for leader in cluster.view.leaders if leader.id != old)
    cluster.submit("C1", "SET x 2", through=new)
    cluster.run_for(1.5)
    cluster.submit("C2", Get("x"), through=old)
    cluster.run_for(2)
    return cluster


@pytest.mark.parametrize("slow, fast", [(0.7736, 1.0), (1 / 1.1, 1.1)])
def test_a_read_by_lease_claims_nothing_where_clocks_are_further_apart_than_trusted(slow: float, fast: float) -> None:
    cluster = old_value_by_lease(slow, fast)
    assert check(history(cluster), KEY_VALUE).verdict is Verdict.NOT_LINEARIZABLE
    assert check(claims(cluster), KEY_VALUE).verdict is Verdict.LINEARIZABLE
    assert tell(cluster.scenario, None, "Linearizability", cluster.now_ms) is None


@pytest.mark.parametrize(
    "happens, holds",
    [
        (lambda cluster: cluster.set_clock_rate("S1", 1), True),
        (lambda cluster: cluster.set_clock_rate("S1", 1.1), True),
        (lambda cluster: cluster.set_clock_rate("S1", 1 / 1.1), True),
        (lambda cluster: cluster.set_clock_rate("S1", 1.2), False),
        (lambda cluster: (cluster.set_clock_rate("S1", 1.06), cluster.set_clock_rate("S2", 1 / 1.06)), False),
        (lambda cluster: (cluster.set_clock_rate("S1", 1.06), cluster.set_clock_rate("S1", 1), cluster.set_clock_rate("S2", 0.95)), True),
        (lambda cluster: (cluster.set_clock_rate("S1", 1.2), cluster.set_clock_rate("S1", 1)), False),
        (lambda cluster: cluster.time_out("S1"), False),
    ],
    ids=["true", "faster", "slower", "too fast", "two that are apart", "one after the other", "for a while", "one that jumps"],
)
def test_leases_hold_while_no_clock_is_faster_than_another_by_more_than_is_trusted(
    happens: Callable[[Cluster], object], holds: bool
) -> None:
    cluster = Cluster(3, config=LEASES)
    happens(cluster)
    cluster.run_for(10)
    assert leases_hold(cluster) is holds


def test_the_test_of_what_was_found_judges_what_the_hunt_judged() -> None:
    cluster = old_value_by_lease(0.7736, 1.0)
    broken = Violation("Linearizability", cluster.now_ms, "", (), ())
    names: dict[str, Callable[[], None]] = {}
    exec(Found(8, cluster.scenario, broken, len(cluster.scenario.actions), CORRECT).as_test(), names)
    names["test_the_run_with_seed_8"]()
