"""What a planted bug is: one thing wrong, and a play that shows it. All else in its cluster is Raft as it should be."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from raftcore.checks.convergence import unanswered, why_not_converged
from raftcore.checks.linearizability import KEY_VALUE, Verdict, check, history
from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.rules import Rules
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import LEADER, ServerId

BY_HAND = Config(
    election_timeout_ms=(10_000.0, 20_000.0),
    heartbeat_ms=100.0,
    delay_ms=(10.0, 10.0),
    pre_vote=False,
    check_quorum=False,
    leader_guard=False,
    snapshot_every=0,
    client_sessions=False,
    client_retry_ms=60_000.0,
)
"""Figure 2 alone, on even links, with so much patience that within a play nothing happens by itself but heartbeats."""


class Mutant(Struct, frozen=True, kw_only=True):
    """A planted bug.

    number: as in the catalogue; a letter tells apart what stands there as one. sentence: what is wrong. property: what it breaks, by
    the name of a check, "Convergence", "Answered" (every command gets an answer) or "Linearizability". seen_in: where it happened in a
    real system. story: what is to be done to a cluster of `size` servers with `config`, so that it shows.
    """

    number: str
    name: str
    sentence: str
    property: str
    seen_in: str
    rules: Rules | Rulebook
    story: Callable[[Cluster], None]
    size: int = 3
    config: Config = BY_HAND
    seed: int = 1

    def cluster(self, size: int | None = None, seed: int | None = None, config: Config | None = None) -> Cluster:
        """A cluster all of whose servers have the bug, as its play wants it where nothing else is said."""
        return Cluster(size or self.size, self.seed if seed is None else seed, config or self.config, self.rules)

    def play(self) -> Cluster:
        """The cluster after the play."""
        cluster = self.cluster()
        self.story(cluster)
        return cluster

    def caught(self, cluster: Cluster) -> str:
        """How the run shows that the property does not hold, as a sentence; "" where it shows nothing."""
        if self.property == "Convergence":
            return why_not_converged(cluster.view)
        if self.property == "Answered":
            lack = unanswered(cluster.view)
            return lack.sentence if lack else ""
        if self.property == "Linearizability":
            result = check(history(cluster), KEY_VALUE)
            return result.sentence if result.verdict is Verdict.NOT_LINEARIZABLE else ""
        return next((found.sentence for found in cluster.violations if found.property == self.property), "")

    def mended(self) -> "Mutant":
        """The same play for servers that are as they should be: nothing comes of it."""
        return replace(self, rules=Rules())


# ---- what plays are made of


ROUND_TRIP_MS = 25
"""On links as in BY_HAND: there, a sync, and back."""


def elect(cluster: Cluster, name: ServerId) -> None:
    """Let a server stand for election until it leads, at most twice: its first term may be known already to those who hear of it."""
    for _ in range(2):
        server = cluster.view.servers[name]
        if server.alive and server.role is not LEADER:
            cluster.time_out(name)
            cluster.run_for(ROUND_TRIP_MS)


def settle(cluster: Cluster) -> None:
    """Let all be said that is to be said, and heartbeats tell everybody what is committed."""
    cluster.run_for(250)
