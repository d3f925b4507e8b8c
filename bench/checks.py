"""What it costs to judge every event: the same span of the same run, with the invariants and without."""

from bench.figure import Figure, best_of, rate
from raftcore import Cluster, Config
from raftcore.vocabulary.commands import Get, ReadMode, Set

ROUNDS = 40
IDLE_MS, BUSY_MS = 20_000, 2_000
CLIENTS = 30


def idle(checks: bool) -> float:
    """Five servers that have nothing to do but heartbeats; simulated milliseconds a second."""
    cluster = led_cluster(5, checks)

    def live() -> int:
        cluster.run_for(IDLE_MS)
        return IDLE_MS

    return rate(live)


def busy(checks: bool) -> float:
    """Five servers, and thirty clients that always have a command under way; reads and writes, and a snapshot now and then."""
    cluster = led_cluster(5, checks)
    for number in range(3_000):
        command = Get(f"k{number % 20}", ReadMode.READ_INDEX) if number % 4 == 0 else Set(f"k{number % 20}", f"{number}")
        cluster.submit(f"C{number % CLIENTS + 1}", command)

    def live() -> int:
        cluster.run_for(BUSY_MS)
        return BUSY_MS

    return rate(live)


def led_cluster(size: int, checks: bool) -> Cluster:
    cluster = Cluster(size, seed=7, config=Config(snapshot_every=200), checks=checks)
    cluster.run_for(1_000)
    return cluster


def figures() -> list[Figure]:
    lines = []
    for name, load in (("idle", idle), ("busy", busy)):
        without, judged = best_of(ROUNDS, lambda load=load: load(False), lambda load=load: load(True))
        share = without / judged - 1
        figure = Figure(f"{name}, judged", f"{judged:,.0f} ms/s", f"not judged {without:,.0f}", share, "< 0.25", share < 0.25)
        lines.append(figure)
    return lines
