"""How long a cluster is without a leader, in ticks, where etcd-io/raft was measured with the same parameters.

Election timeout 10 ticks, heartbeat 1, one hop a tick, five servers with pre-vote and check-quorum. As there, timeouts are whole ticks,
from 10 to 19, so that all that happens falls on a tick. The leader crashes at a random tick; counted are those until another leads.
"""

from collections.abc import Callable
from math import floor
from random import Random

from bench.figure import Figure
from raftcore import Config, Scenario
from raftcore.cluster.world import SimWorld
from raftcore.vocabulary.names import LEADER, ServerId

TRIALS = 2_000
TICK_MS = 10.0
CONFIG = Config(election_timeout_ms=(10 * TICK_MS, 20 * TICK_MS), heartbeat_ms=TICK_MS, delay_ms=(TICK_MS, TICK_MS), sync_ms=0.0)

MEDIAN, P95 = 16, 21


def whole_ticks(draw: Callable[[], float]) -> Callable[[], float]:
    """The same draws, rounded so that a timeout takes whole ticks."""
    return lambda: floor(draw() * 10) / 10


def leader_of(world: SimWorld, gone: ServerId = "") -> ServerId:
    """Who leads; "" if nobody does."""
    return next((name for name, server in world.servers.items() if name != gone and server.node.state.role is LEADER), "")


def failover_ticks(seed: int) -> int:
    """Ticks from the crash of a leader to the reign of its successor."""
    world = SimWorld(Scenario(size=5, seed=seed, config=CONFIG))
    for server in world.servers.values():
        server.node.state.draw = whole_ticks(server.node.state.draw)
    world.clock.run(1_000 + TICK_MS * Random(f"failover {seed}").randrange(20), limit=100_000)
    leader = leader_of(world)
    assert leader, "five healthy servers have a leader within 100 ticks"
    world.servers[leader].stop()
    world.network.join(leader, None)
    crashed_ms = world.clock.now_ms
    while not leader_of(world, gone=leader):
        world.clock.run(world.clock.next_ms, limit=1)
    return round((world.clock.now_ms - crashed_ms) / TICK_MS)


def figures() -> list[Figure]:
    ticks = sorted(failover_ticks(seed) for seed in range(TRIALS))
    median, p95 = ticks[TRIALS // 2], ticks[TRIALS * 95 // 100]
    return [
        Figure("failover in ticks, median", f"{median}", f"etcd-io/raft {MEDIAN}", median / MEDIAN, "≤ 1", median <= MEDIAN),
        Figure("failover in ticks, 95 % within", f"{p95}", f"etcd-io/raft {P95}", p95 / P95, "≤ 1", p95 <= P95),
    ]
