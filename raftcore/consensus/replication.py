"""Log replication (§5.3) and the rule of commitment (§5.4.2).

A leader that does not know where a follower's log agrees with its own probes with one message at a time and skips a
whole conflicting term for each refusal; once it knows, it pipelines. An answer is understood alone: late, repeated and reordered
ones do no harm. It counts only in the term of its request (messages.py).
"""

from raftcore.consensus.log import Log
from raftcore.consensus.progress import Progress
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.snapshotting import send_piece, start_install_snapshot
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, Entry
from raftcore.vocabulary.names import LEADER, PROBE, REPLICATE, SNAPSHOT, STALE_TERM, Index, Reason, ServerId

# ---- leader


def answer_client_request(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Append the command and answer once it is applied (None for now); a server that does not lead names the leader (§8)."""
    if me.role is not LEADER:
        return ClientReply(ask.client_id, ask.sequence_num, me.id, ok=False, leader_id=me.leader_id, reason=Reason.NOT_LEADER)
    if me.reign and me.reign.transfer:  # thesis 3.10: or the target would never catch up
        return ClientReply(ask.client_id, ask.sequence_num, me.id, ok=False, reason=Reason.TRANSFERRING)
    me.log.append(Entry(me.current_term, ask.command, ask.client_id, ask.sequence_num, ask.session_id, me.now_ms))
    return None


def start_append_entries(me: NodeState, follower: ServerId) -> None:
    """Send a follower the entries that it lacks, as many as may be in flight (§5.3), or a snapshot if they are compacted away (§7)."""
    progress, config = me.progress[follower], me.config
    next_index, last_index = progress.next_index, me.log.last_index
    if next_index > last_index or progress.state is SNAPSHOT:
        return
    if next_index <= me.log.base_index:
        start_install_snapshot(me, follower)
        return
    probing = progress.state is PROBE
    may_fly = 1 if probing else config.max_messages_in_flight
    while next_index <= last_index and len(progress.in_flight) < may_fly:
        entries = me.log.batch(next_index - 1, config.max_entries_per_message, config.max_bytes_per_message)
        send_entries(me, follower, next_index - 1, entries)
        next_index += len(entries)
        progress.in_flight.append(next_index - 1)
    if not probing and next_index != progress.next_index:
        progress.next_index = next_index
        me.tell_progress(follower)


def start_heartbeat(me: NodeState, follower: ServerId) -> None:
    """Let a follower hear from its leader (§5.2); its answer also tells whether something sent before was lost."""
    progress = me.progress[follower]
    if progress.state is SNAPSHOT:
        send_piece(me, follower)
    elif progress.next_index <= me.log.base_index:
        start_install_snapshot(me, follower)
    else:
        send_entries(me, follower, progress.next_index - 1, ())


def send_entries(me: NodeState, follower: ServerId, prev_log_index: Index, entries: tuple[Entry, ...]) -> None:
    """Send a follower what is to stand behind `prev_log_index`."""
    log, reign = me.log, me.reign
    assert reign
    prev_log_term = log.last_term if prev_log_index == log.last_index else log.term_at(prev_log_index)
    message = AppendEntries(me.current_term, me.id, prev_log_index, prev_log_term, entries, me.commit_index, reign.round)
    me.outbox.append((follower, message))


def absorb_append_entries_reply(me: NodeState, reply: AppendEntriesReply) -> None:
    """Learn how far a follower's log agrees (Figure 2, leaders), and which round it answers (thesis 6.4).

    An answer to a request of an earlier term is void, also where the follower was in this term already when it refused that request.
    """
    follower, reign = reply.follower_id, me.reign
    progress = me.progress.get(follower)
    if progress is None or reign is None or reply.term != me.current_term or reply.reason is STALE_TERM:
        return
    if reply.round > reign.answered.get(follower, 0):
        reign.answered[follower] = reply.round
    if reply.success:
        known = reply.match_index <= progress.match_index and progress.state is REPLICATE
        if not known and progress.absorb_match(reply.match_index, reign.round):
            me.tell_progress(follower)
    elif progress.state is not SNAPSHOT:
        absorb_refusal(me, progress, reply)


_LOG_REASONS = (Reason.LOG_GAP, Reason.LOG_CONFLICT)


def absorb_refusal(me: NodeState, progress: Progress, reply: AppendEntriesReply) -> None:
    """Decrement nextIndex and retry (Figure 2, leaders).

    A refusal up to matchIndex is a late one, and void, if it was asked for before the leader knew that index to match. If it was asked
    for since, and the follower says that its log is the reason, it has lost what it had acknowledged, as when its disk lied: nothing is
    known of its log any more.
    """
    if reply.prev_log_index <= progress.match_index:
        if reply.round <= progress.match_round or reply.reason not in _LOG_REASONS:
            return
        progress.forget_match()
    retry_from = max(progress.match_index + 1, min(backtrack(me.log, reply), reply.prev_log_index))
    if retry_from < progress.next_index:
        progress.probe_from(retry_from)
        me.tell_progress(reply.follower_id)


def backtrack(log: Log, reply: AppendEntriesReply) -> Index:
    """Where to try next after a refusal: one step skips a whole term (end of §5.3)."""
    last_of_term = log.last_index_of(reply.conflict_term) if reply.conflict_term else 0
    return last_of_term + 1 if last_of_term else reply.conflict_index


def advance_commit_index(me: NodeState) -> None:
    """Commit what a majority has saved, and only by counting entries of the leader's own term (§5.3, §5.4.2, Figure 8)."""
    if me.commit_index == me.log.last_index:
        return
    reached = {peer: progress.match_index for peer, progress in me.progress.items()}
    reached[me.id] = me.saved_index
    index = quorum_index(me.configuration, reached)
    if index > me.commit_index and me.log.term_at(index) == me.current_term:
        me.commit_to(index)


# ---- follower


def answer_append_entries(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """AppendEntries RPC, receiver (Figure 2). The step numbers are the paper's."""
    if ask.term < me.current_term:  # 1
        return AppendEntriesReply(me.current_term, me.id, False, reason=STALE_TERM)

    me.follow(ask.leader_id, ask.round)
    if not me.log.has(ask.prev_log_index, ask.prev_log_term):  # 2
        return refuse(me, ask, Reason.LOG_GAP if ask.prev_log_index > me.log.last_index else Reason.LOG_CONFLICT)

    last_new_index = me.log.merge(ask.prev_log_index, ask.entries) if ask.entries else ask.prev_log_index  # 3, 4
    if ask.leader_commit > me.commit_index:  # 5
        me.commit_to(min(ask.leader_commit, last_new_index))
    return AppendEntriesReply(me.current_term, me.id, True, last_new_index, round=ask.round)


def refuse(me: NodeState, ask: AppendEntries, reason: Reason) -> AppendEntriesReply:
    """Say why a leader's log does not fit, and where it might try next."""
    conflict_term, conflict_index = me.log.conflict_at(ask.prev_log_index)
    return AppendEntriesReply(me.current_term, me.id, False, 0, ask.prev_log_index, conflict_term, conflict_index, reason, ask.round)
