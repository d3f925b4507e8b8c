"""Bugs in the replication of the log, and in what counts as committed (§5.3, §5.4.2)."""

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.consensus import replication
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import BY_HAND, ROUND_TRIP_MS, Mutant, elect, settle
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply
from raftcore.vocabulary.names import SNAPSHOT

# ---- the bugs


def count_any_term(me: NodeState) -> None:
    """Commit whatever a majority has saved."""
    reached = {peer: progress.match_index for peer, progress in me.progress.items()} | {me.id: me.saved_index}
    me.commit_to(quorum_index(me.configuration, reached))  # wrong: an older term's entry is committed only by one of the leader's own


def truncate_always(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Make the log end where the message ends."""
    reply = replication.answer_append_entries(me, ask)
    if reply.success and reply.match_index < me.log.last_index:
        me.log.replace_from(reply.match_index + 1, ())  # wrong: only a conflict truncates, and this message may be an old one
    return reply


def keep_the_tail(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Put the leader's entries in the place of those that conflict, and leave what followed them."""
    tail = me.log.after(ask.prev_log_index + len(ask.entries), me.log.last_index)
    reply = replication.answer_append_entries(me, ask)
    if me.log.truncated and tail:
        me.log.replace_from(reply.match_index + 1, tail)  # wrong: what followed the conflict goes with it
    return reply


def commit_own_end(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Commit up to the end of the own log."""
    reply = replication.answer_append_entries(me, ask)
    if reply.success:
        me.commit_to(min(ask.leader_commit, me.log.last_index))  # wrong: only up to the last entry that this message vouches for
    return reply


def refuse_what_is_compacted(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Take an index that a snapshot stands for to be absent, and so for a conflict."""
    if ask.term >= me.current_term and ask.prev_log_index < me.snapshot_index:
        me.log.replace_from(me.snapshot_index + 1, ())  # wrong: what is compacted was committed, so every leader agrees there
    return replication.answer_append_entries(me, ask)


def believe_late_refusals(me: NodeState, reply: AppendEntriesReply) -> None:
    """Go back to where a follower says that its log ends, whenever it said so."""
    replication.absorb_append_entries_reply(me, reply)
    progress = me.progress.get(reply.follower_id)
    if progress and reply.term == me.current_term and not reply.success and progress.state is not SNAPSHOT:
        progress.probe_from(replication.backtrack(me.log, reply))  # wrong: up to matchIndex the logs agree, so that refusal is an old one
        me.tell_progress(reply.follower_id)


def take_every_low_refusal_for_late(me: NodeState, reply: AppendEntriesReply) -> None:
    """Learn from an answer, unless it refuses what is known to match."""
    progress = me.progress.get(reply.follower_id)
    if progress is None or reply.success or reply.prev_log_index > progress.match_index:
        replication.absorb_append_entries_reply(me, reply)
    # wrong: who refuses what was sent after that was known has lost what it had acknowledged


# ---- the plays


def figure_8(cluster: Cluster) -> None:
    """Figure 8, (a) to (d): an old entry reaches a majority, and is overwritten."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.partition({"S1", "S2"})  # (a)
    cluster.submit("C1", "SET x old", through="S1")
    cluster.run_for(ROUND_TRIP_MS)
    cluster.crash("S1")
    cluster.heal()
    elect(cluster, "S5")  # (b)
    cluster.isolate("S5")
    settle(cluster)
    cluster.crash("S5")
    cluster.restart("S1")
    elect(cluster, "S1")  # (c)
    cluster.run_until(lambda view: view.servers["S3"].log.last_index == 2)
    for name in ("S2", "S3", "S4"):
        cluster.link("S1", name, up=False)
    settle(cluster)
    cluster.crash("S1")
    cluster.heal()
    cluster.restart("S5")
    elect(cluster, "S5")  # (d)
    settle(cluster)


def an_old_heartbeat_comes_late(cluster: Cluster) -> None:
    """S2 acknowledges an entry, and then hears a heartbeat that was sent before it; S1 crashes before it can see that the entry is gone."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.link("S1", "S2", delay_ms=(300, 300))
    cluster.run_for(100)
    cluster.link("S1", "S2", delay_ms=(10, 10))
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(260)
    cluster.crash("S1")
    cluster.heal()
    elect(cluster, "S3")
    settle(cluster)


def a_conflict_with_a_tail(cluster: Cluster) -> None:
    """S2 and S4 have the terms 1 1 1 2 2, and S2 meets a leader of term 3 whose log differs from the fourth entry on."""
    elect(cluster, "S1")
    for client in ("C1", "C2"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    elect(cluster, "S2")
    cluster.partition({"S2", "S4"})
    cluster.submit("C3", "SET x 2", through="S2")
    settle(cluster)
    cluster.crash("S4")
    elect(cluster, "S1")
    cluster.heal()
    settle(cluster)


def a_tail_of_another_term(cluster: Cluster) -> None:
    """S2 has entries that nobody else has, and hears of a commit index from a leader whose log is as long."""
    elect(cluster, "S1")
    settle(cluster)
    elect(cluster, "S2")
    cluster.isolate("S2")
    cluster.submit("C1", "SET x mine", through="S2")
    settle(cluster)
    elect(cluster, "S1")
    cluster.submit("C2", "SET x 1", through="S1")
    settle(cluster)
    cluster.heal()
    settle(cluster)


def an_old_heartbeat_from_before_the_snapshot(cluster: Cluster) -> None:
    """S2 hears a heartbeat whose previous entry it has compacted since; S1 crashes before it can see that an entry is gone."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.link("S1", "S2", delay_ms=(600, 600))
    cluster.run_for(100)
    cluster.link("S1", "S2", delay_ms=(10, 10))
    for client in ("C1", "C2"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    cluster.take_snapshot("S2")
    cluster.submit("C3", "SET x 2", through="S1")
    cluster.run_for(305)
    cluster.crash("S1")
    cluster.heal()
    elect(cluster, "S2")
    settle(cluster)


def a_disk_has_lied(cluster: Cluster) -> None:
    """S3 acknowledges what its disk does not keep, and crashes."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.disk("S3", loses_writes=True)
    for client in ("C1", "C2", "C3"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    cluster.crash("S3")
    cluster.disk("S3", loses_writes=False)
    cluster.restart("S3")
    cluster.run_for(2_000)


def a_refusal_comes_twice(cluster: Cluster) -> None:
    """S3 has been away and refuses once, and S1 hears it again when it has brought S3 up to date, and has compacted its own log."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    for client in ("C1", "C2", "C3"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    cluster.heal()
    cluster.link("S3", "S1", delay_ms=(200, 200), duplication=1.0)
    cluster.run_until(lambda view: view.servers["S3"].leader == "S1" and any(sent.source == "S3" for sent in view.messages.values()))
    cluster.link("S3", "S1", delay_ms=(10, 10), duplication=0.0)
    cluster.run_for(350)
    cluster.take_snapshot("S1")
    cluster.run_for(200)
    cluster.submit("C4", "SET x 2", through="S1")
    cluster.run_for(2_000)


REPLICATION = (
    Mutant(
        number="1",
        name="Old terms are counted",
        sentence="A leader commits an older term's entry by counting replicas.",
        property="Leader Completeness",
        seen_in="logcabin#44, canonical/raft#220, PySyncObj#169",
        rules=Rules(advance_commit_index=count_any_term),
        story=figure_8,
        size=5,
        config=replace(BY_HAND, max_entries_per_message=1),
    ),
    Mutant(
        number="5",
        name="Every append truncates",
        sentence="A follower cuts its log off where an append or a heartbeat ends.",
        property="Leader Completeness",
        seen_in="willemt/raft#37",
        rules=Rules(answer_append_entries=truncate_always),
        story=an_old_heartbeat_comes_late,
    ),
    Mutant(
        number="6",
        name="The stale tail stays",
        sentence="A follower overwrites the entry that conflicts, and keeps those that followed it.",
        property="Log Matching",
        seen_in="mofa#1150",
        rules=Rules(answer_append_entries=keep_the_tail),
        story=a_conflict_with_a_tail,
        size=5,
    ),
    Mutant(
        number="7",
        name="Own end committed",
        sentence="A follower commits up to the leader's commit index as far as its own log goes, agreed upon or not.",
        property="State Machine Safety",
        seen_in="copycat#265, scylladb#9965",
        rules=Rules(answer_append_entries=commit_own_end),
        story=a_tail_of_another_term,
    ),
    Mutant(
        number="8",
        name="Compacted is a conflict",
        sentence="A follower takes an index below its snapshot for a conflict, and truncates what follows the snapshot.",
        property="Leader Completeness",
        seen_in="openraft#511",
        rules=Rules(answer_append_entries=refuse_what_is_compacted),
        story=an_old_heartbeat_from_before_the_snapshot,
    ),
    Mutant(
        number="12",
        name="Late refusals are believed",
        sentence="A stale refusal moves nextIndex below matchIndex.",
        property="Convergence",
        seen_in="etcd-io/raft PR#149",
        rules=Rules(absorb_append_entries_reply=believe_late_refusals),
        story=a_refusal_comes_twice,
    ),
    Mutant(
        number="37",
        name="A lost log is left alone",
        sentence="A leader never probes below matchIndex, though the follower has lost entries that it had acknowledged.",
        property="Convergence",
        seen_in="braft#292",
        rules=Rules(absorb_append_entries_reply=take_every_low_refusal_for_late),
        story=a_disk_has_lied,
    ),
)
