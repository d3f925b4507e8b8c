"""Bugs that keep clients from an answer, though nothing that is wrong is ever said (§8, thesis 6.2)."""

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import BY_HAND, Mutant, elect, settle
from raftcore.vocabulary.messages import ClientReply, ClientRequest
from raftcore.vocabulary.names import Reason

# ---- the bugs


def never_lose_a_majority(me: NodeState) -> bool:
    """Whether this leader must step down."""
    return False  # wrong: a leader that hears no majority keeps those that hear it from electing another (thesis 6.2)


def refuse_everything(me: NodeState, ask: ClientRequest) -> ClientReply:
    """Name the leader, whoever is asked."""
    return ClientReply(ask.client_id, ask.sequence_num, me.id, ok=False, leader_id=me.leader_id, reason=Reason.NOT_LEADER)  # wrong


# ---- the plays


def a_leader_reaches_only_a_bridge(cluster: Cluster) -> None:
    """The leader S1 hears S2 alone, and S2 is the only one that a majority hears; then a client asks."""
    cluster.run_for(1_000)
    elect(cluster, "S1")
    settle(cluster)
    for one, other in (("S1", "S3"), ("S1", "S4"), ("S1", "S5"), ("S3", "S4"), ("S3", "S5"), ("S4", "S5")):
        cluster.cut(one, other)
    cluster.submit("C1", "SET x 1", through="S2")
    cluster.run_for(30_000)


def a_client_asks(cluster: Cluster) -> None:
    """S1 leads, and a client asks it."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(2_000)


ANSWERS = (
    Mutant(
        number="34",
        name="A leader that nobody hears stays",
        sentence="A leader that hears from no majority does not step down.",
        property="Answered",
        seen_in="openraft#2080, RATIS-981",
        rules=Rules(has_lost_majority=never_lose_a_majority),
        story=a_leader_reaches_only_a_bridge,
        size=5,
        config=replace(
            BY_HAND,
            election_timeout_ms=(1_000.0, 2_000.0),
            pre_vote=True,
            check_quorum=True,
            leader_guard=True,
            client_sessions=True,
            client_retry_ms=500.0,
            client_limit_ms=60_000.0,
        ),
    ),
    Mutant(
        number="35",
        name="Every command is refused",
        sentence="A server answers every command and every read by a refusal, also while it leads.",
        property="Answered",
        seen_in="openraft#1910",
        rules=Rules(answer_client_request=refuse_everything, answer_read=refuse_everything),
        story=a_client_asks,
    ),
)
