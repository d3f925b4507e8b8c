"""Bugs in changes of the membership, and in who counts (§6, thesis ch. 4)."""

from collections.abc import Set as AbstractSet
from contextlib import suppress

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.consensus import membership, replication, snapshotting
from raftcore.consensus.quorum import has_majority
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import ROUND_TRIP_MS, Mutant, elect, settle
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply
from raftcore.vocabulary.names import Index, ServerId

# ---- the bugs


def snapshot_with_the_old_configuration(me: NodeState, index: Index, data: bytes) -> None:
    """Take a snapshot of the state machine alone."""
    before, (_, configuration) = me.snapshot, me.log.configurations[0]
    snapshotting.take_snapshot(me, index, data)
    if me.snapshot and me.snapshot is not before:
        me.snapshot = replace(me.snapshot, configuration=configuration)  # wrong: the entries that changed it are compacted away now


def keep_a_truncated_configuration(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Go by the latest configuration that was ever heard of."""
    latest = me.log.configurations[-1]
    reply = replication.answer_append_entries(me, ask)
    if me.log.configuration_index < latest[0]:
        me.log.configurations.append(latest)  # wrong: a configuration goes with the entry that brought it
        me.log.configuration = latest[1]
    return reply


def change_at_once(me: NodeState, wanted: Configuration) -> str:
    """Why this leader can't begin a change: not because it is new."""
    objection = membership.why_no_change(me, wanted)
    return "" if "of its own term" in objection else objection  # wrong: a change of an earlier leader may still come back


def either_majority(configuration: Configuration, agreeing: AbstractSet[ServerId]) -> bool:
    """Whether a majority agrees, and while the configuration is joint, of whichever voters."""
    groups = [voters for voters in (configuration.voters, configuration.next_voters) if voters]
    return any(has_majority(voters, agreeing) for voters in groups)  # wrong: a majority of both


def count_learners(me: NodeState) -> None:
    """Commit what as many voters and learners have saved as make a majority of the voters."""
    _commit_what_many_have(me, {*me.configuration.voters, *me.configuration.learners})  # wrong: a learner counts nowhere


def never_dismissed(me: NodeState) -> bool:
    """Whether this leader's work is done."""
    return False  # wrong: it is, once a configuration without its vote is committed (thesis 4.2.2)


def count_itself(me: NodeState) -> None:
    """Commit what as many voters, and this leader, have saved as make a majority of the voters."""
    _commit_what_many_have(me, {*me.configuration.voters, me.id})  # wrong: a leader that leaves does not count itself (thesis 4.2.2)


def _commit_what_many_have(me: NodeState, names: AbstractSet[ServerId]) -> None:
    if me.configuration.is_joint:
        replication.advance_commit_index(me)
        return
    reached = [me.saved_index if name == me.id else me.progress[name].match_index for name in names]
    index = sorted(reached, reverse=True)[len(me.configuration.voters) // 2]
    if index > me.commit_index and me.log.term_at(index) == me.current_term:
        me.commit_to(index)


# ---- the plays


def two_start_from_snapshots(cluster: Cluster) -> None:
    """Three servers become five; then two of the three start again from their snapshots, while the other three elect a leader."""
    elect(cluster, "S1")
    settle(cluster)
    grow_to_five(cluster)
    cluster.change_membership(("S1", "S2", "S3", "S4", "S5"))
    cluster.run_for(1_000)
    for name in ("S1", "S2"):
        cluster.take_snapshot(name)
        cluster.run_for(10)
        cluster.crash(name)
    cluster.partition({"S1", "S2"}, {"S3", "S4", "S5"})
    for name in ("S1", "S2"):
        cluster.restart(name)
    cluster.time_out("S1")
    cluster.time_out("S3")
    settle(cluster)


def a_configuration_is_truncated(cluster: Cluster) -> None:
    """S1 adds S5, but S2 leads before anybody else has heard of that, and removes S4."""
    add_s5_in_secret(cluster)
    elect(cluster, "S2")
    cluster.heal()
    settle(cluster)
    cluster.partition({"S2", "S3"}, {"S1", "S4", "S5"})
    cluster.change_membership(("S1", "S2", "S3"))
    settle(cluster)
    cluster.time_out("S1")
    cluster.time_out("S3")
    settle(cluster)


def two_changes_meet(cluster: Cluster) -> None:
    """Raft-dev, 2015: S1 adds S5, but S2 leads before anybody else has heard of that, and removes S1; then S1 returns."""
    add_s5_in_secret(cluster)
    cluster.crash("S1")
    elect(cluster, "S2")
    cluster.partition({"S2", "S3"})
    with suppress(ControlError):  # Raft refuses it
        cluster.change_membership(("S2", "S3", "S4"))
    settle(cluster)
    cluster.restart("S1")
    cluster.time_out("S3")
    elect(cluster, "S1")
    settle(cluster)


def add_s5_in_secret(cluster: Cluster) -> None:
    """S1 leads four servers, and puts a configuration with S5 into its log, of which only S5 hears."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.create_server("S5")
    four = ("S1", "S2", "S3", "S4")
    cluster.change_membership(four, learners=("S5",))
    cluster.run_for(1_000)
    cluster.partition({"S1", "S5"})
    cluster.change_membership((*four, "S5"))
    settle(cluster)


def both_sides_of_a_joint_configuration(cluster: Cluster) -> None:
    """S1, S2, S3 are to become S3, S4, S5; everybody has the joint configuration when a partition parts the old from the new."""
    elect(cluster, "S1")
    settle(cluster)
    grow_to_five(cluster)
    cluster.change_membership(("S1", "S2", "S3"), learners=("S4", "S5"))
    cluster.run_for(1_000)
    cluster.change_membership(("S3", "S4", "S5"))
    cluster.run_for(15)
    cluster.partition({"S1", "S2"}, {"S3", "S4", "S5"})
    cluster.time_out("S2")
    cluster.time_out("S4")
    settle(cluster)


def grow_to_five(cluster: Cluster) -> None:
    """Let S4 and S5 exist, who belong to nothing yet."""
    cluster.create_server("S4")
    cluster.create_server("S5")


def only_a_learner_has_it(cluster: Cluster) -> None:
    """S1 has nobody but a learner behind it, and crashes."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.create_server("S4")
    cluster.change_membership(("S1", "S2", "S3"), learners=("S4",))
    cluster.run_for(1_000)
    cluster.partition({"S1", "S4"})
    cluster.submit("C1", "SET x 1", through="S1")
    settle(cluster)
    cluster.crash("S1")
    elect(cluster, "S2")
    settle(cluster)


def a_leader_leaves(cluster: Cluster) -> None:
    """S1 has removed itself, and while it still leads takes in a command that only S2 of the three others hears of."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.run_for(50)
    cluster.change_membership(("S2", "S3", "S4"))
    cluster.run_for(ROUND_TRIP_MS)
    cluster.partition({"S1", "S2"}, {"S3", "S4"})
    cluster.submit("C1", "SET x 1", through="S1")
    settle(cluster)
    cluster.crash("S1")
    elect(cluster, "S3")
    settle(cluster)


def a_leader_is_removed(cluster: Cluster) -> None:
    """S1 removes itself, and the others commit that."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.remove_server("S1")
    cluster.run_for(25_000)


MEMBERSHIP = (
    Mutant(
        number="18",
        name="A snapshot without configuration",
        sentence="A snapshot keeps the configuration that held before the entries which it stands for.",
        property="Election Safety",
        seen_in="openraft#1808",
        rules=Rules(take_snapshot=snapshot_with_the_old_configuration),
        story=two_start_from_snapshots,
    ),
    Mutant(
        number="19",
        name="A configuration outlives its entry",
        sentence="A server still goes by a configuration whose entry was truncated.",
        property="Election Safety",
        seen_in="canonical/raft#250",
        rules=Rules(answer_append_entries=keep_a_truncated_configuration),
        story=a_configuration_is_truncated,
        size=4,
    ),
    Mutant(
        number="20",
        name="Changed before committed",
        sentence="A new leader changes the membership before it has committed an entry of its own term.",
        property="Election Safety",
        seen_in="raft-dev 2015; braft#182",
        rules=Rules(why_no_change=change_at_once),
        story=two_changes_meet,
        size=4,
    ),
    Mutant(
        number="21",
        name="One majority of two",
        sentence="While the configuration is joint, one of its two majorities elects a leader.",
        property="Election Safety",
        seen_in="camunda#60086",
        rules=Rules(is_quorum=either_majority),
        story=both_sides_of_a_joint_configuration,
    ),
    Mutant(
        number="22a",
        name="A learner counts",
        sentence="A leader counts learners where it should count voters.",
        property="Leader Completeness",
        seen_in="ra PR#427",
        rules=Rules(advance_commit_index=count_learners),
        story=only_a_learner_has_it,
    ),
    Mutant(
        number="22b",
        name="Who leaves still counts",
        sentence="A leader counts itself though the configuration is without it.",
        property="Leader Completeness",
        seen_in="ra PR#427",
        rules=Rules(advance_commit_index=count_itself),
        story=a_leader_leaves,
        size=4,
    ),
    Mutant(
        number="33",
        name="Who was removed still leads",
        sentence="A leader that a committed change has removed goes on leading.",
        property="Convergence",
        seen_in="etcd#11038",
        rules=Rules(is_dismissed=never_dismissed),
        story=a_leader_is_removed,
        size=4,
    ),
)
