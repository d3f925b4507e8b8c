"""States a second that an exploration reaches on one core: three servers, two terms, and a crash."""

from bench.figure import Figure, best_of, rate
from raftcore.hunting.explore import explore
from raftcore.hunting.small_world import World

ROUNDS = 3
WORLD = World(terms=2, commands=0, crashes=1)
LIMIT = 60_000
TARGET = 10_000


def figures() -> list[Figure]:
    (states,) = best_of(ROUNDS, lambda: rate(lambda: explore(WORLD, LIMIT).states))
    return [Figure("states/s, explored", f"{states:,.0f}", f"a target of {TARGET:,}", states / TARGET, "≥ 1", states >= TARGET)]
