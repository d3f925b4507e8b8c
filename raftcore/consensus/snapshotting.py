"""Log compaction and InstallSnapshot (§7, Figure 13).

A snapshot covers what is committed and applied, so installing one never takes anything away that a follower acknowledged.
Pieces go one at a time; each answer says how much the follower holds, so lost, repeated and reordered ones do no harm.
"""

from raftcore.consensus.state import Incoming, NodeState
from raftcore.vocabulary.durable import Snapshot
from raftcore.vocabulary.events import SnapshotInstalled, SnapshotTaken
from raftcore.vocabulary.messages import InstallSnapshot, InstallSnapshotReply
from raftcore.vocabulary.names import SNAPSHOT, STALE_TERM, Index, ServerId

# ---- every server


def take_snapshot(me: NodeState, index: Index, data: bytes) -> None:
    """Let the state after `index`, which has been applied, stand in for the log up to there.

    A few entries before it stay in memory, so that a follower that is only a little behind needs no snapshot; and so does what a follower
    still needs that is being sent a snapshot, or that has installed one and catches up.
    """
    if index <= me.snapshot_index:
        return
    term = me.log.term_at(index)
    me.snapshot = Snapshot(index, term, me.log.configuration_at(index), data)
    kept = min(window(me), (index - me.log.base_index) // 2)
    me.log.compact(min(index - kept, *needed(me, index), index))
    me.say(SnapshotTaken(me.now_ms, me.id, index, term, len(data)))


def window(me: NodeState) -> int:
    """How many entries can be in flight to one follower."""
    return me.config.max_entries_per_message * me.config.max_messages_in_flight


def needed(me: NodeState, index: Index) -> list[Index]:
    """Behind which entries the followers need all that there is, who are brought up to date by a snapshot; or it would be out of date

    when it is there, and so would the next one. This ends where more has come than could have been sent while the snapshot was: such a
    follower is too slow, or down. So what is kept is bounded, however long that lasts.
    """
    assert me.snapshot
    pieces = len(me.snapshot.data) // me.config.snapshot_chunk_bytes + 1
    behind = []
    for progress in me.progress.values():
        fed_from = progress.fed_from
        if fed_from is None or fed_from < me.log.base_index:
            continue
        lag = index - fed_from
        if lag <= window(me) * pieces:
            behind.append(fed_from)
        progress.catching_up = progress.catching_up and window(me) < lag <= window(me) * pieces
    return behind


# ---- leader


def start_install_snapshot(me: NodeState, follower: ServerId) -> None:
    """Begin to send the snapshot to a follower that lacks entries which are compacted away."""
    assert me.snapshot, "a log is compacted only into a snapshot"
    me.progress[follower].send_snapshot(me.snapshot)
    me.tell_progress(follower)
    send_piece(me, follower)


def send_piece(me: NodeState, follower: ServerId) -> None:
    """Send the piece that follows what the follower holds."""
    progress = me.progress[follower]
    if progress.offset == 0:  # the follower may have been away for long: nothing binds it to an old snapshot
        progress.snapshot = me.snapshot
    snapshot, reign = progress.snapshot, me.reign
    assert snapshot
    assert reign
    end = progress.offset + me.config.snapshot_chunk_bytes
    piece = InstallSnapshot(
        me.current_term, me.id, snapshot.last_included_index, snapshot.last_included_term, snapshot.configuration,
        progress.offset, snapshot.data[progress.offset : end], end >= len(snapshot.data), reign.round,
    )  # fmt: skip
    me.send(follower, piece)


def absorb_install_snapshot_reply(me: NodeState, reply: InstallSnapshotReply) -> None:
    """Send the next piece, or, where the snapshot is installed, the entries that follow it. An answer to an earlier term is void."""
    progress, reign = me.progress.get(reply.follower_id), me.reign
    if progress is None or reign is None or reply.term != me.current_term or reply.reason is STALE_TERM:
        return
    if reply.round > reign.answered.get(reply.follower_id, 0):
        reign.answered[reply.follower_id] = reply.round
    of_this = progress.snapshot is not None and reply.last_included_index == progress.snapshot.last_included_index
    if reply.installed:
        if progress.absorb_match(reply.last_included_index, reign.round):
            me.tell_progress(reply.follower_id)
    elif of_this and progress.state is SNAPSHOT and progress.absorb_offset(reply.offset, reply.round, reign.round):
        send_piece(me, reply.follower_id)


# ---- follower


def answer_install_snapshot(me: NodeState, ask: InstallSnapshot) -> InstallSnapshotReply:
    """InstallSnapshot RPC, receiver (Figure 13). The step numbers are the paper's."""
    index = ask.last_included_index
    if ask.term < me.current_term:  # 1
        return InstallSnapshotReply(me.current_term, me.id, 0, 0, installed=False, reason=STALE_TERM)

    me.follow(ask.leader_id, ask.round)
    if index <= me.commit_index:  # an old snapshot never shortens a log
        return InstallSnapshotReply(me.current_term, me.id, index, 0, installed=True, round=ask.round)

    if me.incoming is None or not me.incoming.is_of(ask):  # 2
        me.incoming = Incoming(ask)
    held = me.incoming.data
    if ask.offset == len(held):  # 3
        held += ask.data
        if ask.done:
            install(me, Snapshot(index, ask.last_included_term, ask.configuration, bytes(held)))
            return InstallSnapshotReply(me.current_term, me.id, index, 0, installed=True, round=ask.round)
    return InstallSnapshotReply(me.current_term, me.id, index, len(held), installed=False, round=ask.round)  # 4


def install(me: NodeState, snapshot: Snapshot) -> None:
    """Take a leader's snapshot for the state up to its last entry (Figure 13, steps 5 to 8)."""
    index, term = snapshot.last_included_index, snapshot.last_included_term
    kept = index <= me.log.last_index and me.log.has(index, term)
    if kept:  # 6
        me.log.compact(index)
    else:  # 7
        me.log.reset(index, term, snapshot.configuration)
        me.saved_index = 0
    me.incoming = None
    me.snapshot = me.installed = snapshot  # 5, 8
    me.commit_index = me.last_applied = index
    me.say(SnapshotInstalled(me.now_ms, me.id, index, term, kept, snapshot.data))
