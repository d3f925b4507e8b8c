"""States a second that an exploration reaches on one core: three servers, two terms, a crash; disks that sync at once, or are slow."""

from bench.figure import Figure, best_of, rate
from raftcore.hunting.explore import explore
from raftcore.hunting.small_world import World

ROUNDS = 3
WORLDS = {
    "states/s, explored": World(terms=2, commands=0, crashes=1),
    "states/s, explored, slow disks": World(terms=2, commands=0, crashes=1, slow_disks=True),
}
LIMIT = 60_000
TARGET = 10_000


def figures() -> list[Figure]:
    return [figure(name, world) for name, world in WORLDS.items()]


def figure(name: str, world: World) -> Figure:
    """How fast this world is explored."""
    (states,) = best_of(ROUNDS, lambda: rate(lambda: explore(world, LIMIT).states))
    return Figure(name, f"{states:,.0f}", f"a target of {TARGET:,}", states / TARGET, "≥ 1", states >= TARGET)
