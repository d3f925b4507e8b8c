"""What needs time. Convergence: once faults end, a leader comes to be and all live servers reach the same commit index. Answered: clients

get their answers, also while only some quorum stays connected (connected.py).

Either holds or not at a moment. Who asks knows how long it may take, and until when faults kept it from coming true (§9.3).
"""

from msgspec import Struct

from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config

CONVERGENCE, ANSWERED = "Convergence", "Answered"


def longest_wait_ms(config: Config) -> float:
    """How long convergence may take: time for slow messages to land, for a score of split votes, and for logs to travel."""
    return 1_000 + 30 * config.election_timeout_ms[1]


def longest_answer_ms(config: Config, servers: int) -> float:
    """How long an answer may take: for a leader to come, and for a client to ask every server in turn, twice: those that are cut off

    leave it waiting.
    """
    return longest_wait_ms(config) + 2 * servers * config.client_retry_ms


def may_be_answered(config: Config) -> bool:
    """Whether clients wait long enough, and sessions last long enough, for a request, a round of the leader's and an answer, twice."""
    twice_ms = 12 * config.delay_ms[1] + 8 * config.sync_ms
    return config.client_limit_ms > twice_ms and (not config.client_sessions or config.session_timeout_ms > 2 * twice_ms)


class Lack(Struct, frozen=True):
    """Something that keeps a cluster from agreeing, or clients from an answer.

    kind: the same words whoever it concerns. sentence: who, and how far it is. property: what does not hold, therefore.
    """

    kind: str
    sentence: str
    property: str = CONVERGENCE


def lack(view: ClusterView) -> Lack | None:
    """What is missing; None when the cluster has a leader, and every live member follows it and has applied its whole log."""
    leader = view.leader
    if leader is None:
        return Lack("no leader", "no server leads with a quorum behind it")
    removed = leader not in view.configuration.all_voters
    if removed and view.servers[leader].configuration_index <= view.servers[leader].commit_index:
        return Lack("removed leader", f"{leader} leads, though a configuration in which it has no vote is committed (thesis 4.2.2)")
    last_index = view.servers[leader].log.last_index
    for name in view.servers[leader].configuration.members:
        server = view.servers[name]
        if not server.alive:
            continue
        if server.leader != leader:
            return Lack("not following", f"{name} does not follow {leader}, which leads in term {view.servers[leader].current_term}")
        if server.last_applied != last_index or server.log.last_index != last_index:
            applied = f"{name} has applied its log up to index {server.last_applied}"
            return Lack("behind", f"{applied}, and the log of {leader} ends at {last_index}")
    return None


def unanswered(view: ClusterView) -> Lack | None:
    """Which client has waited longest for the outcome of its command; None when none waits."""
    waiting = min(view.pending.items(), key=lambda pending: pending[1].invoked_at_ms, default=None)
    if waiting is None:
        return None
    client, operation = waiting
    since = f"{operation.invoked_at_ms:,.0f} ms"
    return Lack("unanswered", f"{client} has waited since {since} for the outcome of its command {operation.sequence_num}", ANSWERED)


def why_not_converged(view: ClusterView) -> str:
    """What is missing, as a sentence; "" when nothing is."""
    missing = lack(view)
    return missing.sentence if missing else ""
