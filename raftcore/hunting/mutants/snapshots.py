"""Bugs in snapshots that a leader sends (§7, Figure 13)."""

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.consensus import snapshotting
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import BY_HAND, Mutant, elect, settle
from raftcore.vocabulary.messages import InstallSnapshot, InstallSnapshotReply
from raftcore.vocabulary.names import Index

# ---- the bugs


def truncate_to_the_snapshot(me: NodeState, ask: InstallSnapshot) -> InstallSnapshotReply:
    """Let nothing of the log be left but what the snapshot stands for."""
    end = max(ask.last_included_index, me.log.base_index)
    if ask.term >= me.current_term and end < me.log.last_index:
        me.log.replace_from(end + 1, ())  # wrong: what follows the snapshot's last entry stays (Figure 13, step 6)
    return snapshotting.answer_install_snapshot(me, ask)


def keep_what_conflicts(me: NodeState, ask: InstallSnapshot) -> InstallSnapshotReply:
    """Keep the log, if it is long enough to have the snapshot's last entry."""
    index = ask.last_included_index
    if me.log.base_index < index <= me.log.last_index:
        ask = replace(ask, last_included_term=me.log.term_at(index))  # wrong: only an entry of the same term is the same entry
    return snapshotting.answer_install_snapshot(me, ask)


def compact_what_is_needed(me: NodeState, index: Index, data: bytes) -> None:
    """Let the state after `index` stand in for the log, whatever is in flight."""
    kept = min(snapshotting.window(me), (index - me.log.base_index) // 2)
    snapshotting.take_snapshot(me, index, data)
    if me.snapshot_index == index and me.log.base_index < index - kept:
        me.log.compact(index - kept)  # wrong: what follows the snapshot in flight is needed when that is there


# ---- the plays


def an_old_snapshot_comes_late(cluster: Cluster) -> None:
    """S3 is sent the same snapshot twice, and acknowledges an entry before the first of them arrives."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    for client in ("C1", "C2", "C3", "C4"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    cluster.take_snapshot("S1")
    cluster.heal()
    cluster.run_for(100)
    cluster.link("S1", "S3", delay_ms=(600, 600))
    cluster.run_for(50)
    cluster.link("S1", "S3", delay_ms=(10, 10))
    cluster.run_for(100)
    cluster.isolate("S2")
    cluster.submit("C5", "SET x 2", through="S1")
    cluster.run_for(500)
    cluster.crash("S1")
    cluster.heal()
    elect(cluster, "S2")
    settle(cluster)


def a_divergent_log_meets_a_snapshot(cluster: Cluster) -> None:
    """Where the snapshot ends, S3 has an entry of its own; and S1, which has restarted, has nothing of what the snapshot stands for."""
    elect(cluster, "S3")
    settle(cluster)
    cluster.isolate("S3")
    for client in ("C1", "C2", "C3", "C4"):
        cluster.submit(client, "SET x mine", through="S3")
    elect(cluster, "S1")
    for client in ("C5", "C6"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    cluster.take_snapshot("S1")
    settle(cluster)
    cluster.crash("S1")
    cluster.restart("S1")
    elect(cluster, "S1")
    cluster.heal()
    cluster.run_for(2_000)


def a_follower_comes_back_under_load(cluster: Cluster) -> None:
    """S3 comes back and gets a snapshot, in pieces, while a command comes every 20 ms; it stops when S3 should have caught up."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.crash("S3")
    for number in range(120):
        if number == 60:
            cluster.restart("S3")
        cluster.submit(f"C{number % 5 + 1}", f"SET x {number}", through="S1")
        cluster.run_for(20)
    cluster.run_for(60)


SNAPSHOTS = (
    Mutant(
        number="16",
        name="A snapshot ends the log",
        sentence="A follower that gets a snapshot truncates what follows it in the log, though that is newer.",
        property="Leader Completeness",
        seen_in="camunda#6092",
        rules=Rules(answer_install_snapshot=truncate_to_the_snapshot),
        story=an_old_snapshot_comes_late,
    ),
    Mutant(
        number="17",
        name="A conflict outlives the snapshot",
        sentence="A follower that gets a snapshot keeps its log where the last entry of the snapshot conflicts with its own.",
        property="Convergence",
        seen_in="hashicorp/raft#697",
        rules=Rules(answer_install_snapshot=keep_what_conflicts),
        story=a_divergent_log_meets_a_snapshot,
    ),
    Mutant(
        number="36",
        name="What follows a snapshot goes",
        sentence="A leader compacts what follows the snapshot in flight, so the follower needs another one when that is there.",
        property="Convergence",
        seen_in="openraft#1706",
        rules=Rules(take_snapshot=compact_what_is_needed),
        story=a_follower_comes_back_under_load,
        config=replace(
            BY_HAND, heartbeat_ms=20.0, snapshot_every=5, snapshot_chunk_bytes=4, max_entries_per_message=2, max_messages_in_flight=2
        ),
    ),
)
