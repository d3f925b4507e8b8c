"""Messages delivered a second: five idle servers with heartbeats and all that Raft needs, against two bare simpy processes."""

import simpy

from bench.figure import Figure, best_of, rate
from raftcore import Cluster
from raftcore.vocabulary.events import MessageDelivered

ROUNDS = 60
SPAN_MS = 20_000


def ping_pong(messages: int = 3_000) -> float:
    """Two simpy processes that hand one message to and fro through two Stores."""
    env = simpy.Environment()
    there, back = simpy.Store(env), simpy.Store(env)
    exchanged = 0

    def player(inbox: simpy.Store, outbox: simpy.Store):
        nonlocal exchanged
        while exchanged < messages:
            message = yield inbox.get()
            exchanged += 1
            yield outbox.put(message)

    def play() -> int:
        env.run()
        return exchanged

    env.process(player(there, back))
    env.process(player(back, there))
    there.put("ping")
    return rate(play)


def delivered_in_span() -> int:
    """How many messages the span delivers: the same in every run, since a run is a function of its seed."""
    cluster = led_cluster(trace=True)
    before = len(cluster.trace)
    cluster.run_for(SPAN_MS)
    return sum(isinstance(event, MessageDelivered) for event in cluster.trace[before:])


def led_cluster(trace: bool) -> Cluster:
    cluster = Cluster(size=5, seed=7, trace=trace)
    cluster.run_for(1_000)
    return cluster


def heartbeats(trace: bool, delivered: int) -> float:
    cluster = led_cluster(trace)

    def idle() -> int:
        cluster.run_for(SPAN_MS)
        return delivered

    return rate(idle)


def figures() -> list[Figure]:
    delivered = delivered_in_span()
    theirs, off, on = best_of(ROUNDS, ping_pong, lambda: heartbeats(False, delivered), lambda: heartbeats(True, delivered))
    return [
        Figure("messages/s, trace off", f"{off:,.0f}", f"simpy {theirs:,.0f}", off / theirs, "≥ 1.5", off / theirs >= 1.5),
        Figure("messages/s, trace on", f"{on:,.0f}", f"simpy {theirs:,.0f}", on / theirs, "≥ 0.75", on / theirs >= 0.75),
    ]
