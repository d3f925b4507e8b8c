"""Situations of logs, commitment and snapshots."""

from raftcore.checks.logbook import Written
from raftcore.checks.situations.elections import leader_with_uncommitted_entries
from raftcore.checks.situations.situation import Past, situation
from raftcore.trace.view import voter_groups
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.messages import InstallSnapshot
from raftcore.vocabulary.names import LEADER, Reason


@situation(ev.EntriesAppended)
def entry_appended_by_a_leader(run: Past, event: ev.EntriesAppended) -> bool:
    """A leader writes an entry to its log (§5.3)."""
    return run.servers[event.server].role is LEADER


@situation(ev.EntriesAppended)
def entry_replicated(run: Past, event: ev.EntriesAppended) -> bool:
    """A follower writes a leader's entry to its log (§5.3)."""
    return run.servers[event.server].role is not LEADER


@situation(ev.Synced)
def log_synced(run: Past, event: ev.Synced) -> bool:
    """A server's disk keeps an entry of its log (Figure 2)."""
    return event.last_index > 0


@situation(ev.ProgressChanged)
def follower_matched(run: Past, event: ev.ProgressChanged) -> bool:
    """A leader learns up to where a follower's log equals its own (Figure 2)."""
    return event.match_index > 0


@situation(ev.Committed)
def entry_committed(run: Past, event: ev.Committed) -> bool:
    """A leader commits an entry by counting the servers that hold it (§5.3)."""
    return run.servers[event.server].role is LEADER


@situation(ev.Committed, after=leader_with_uncommitted_entries)
def entry_of_an_earlier_term_committed(run: Past, event: ev.Committed) -> bool:
    """A leader commits entries of earlier terms, indirectly, with an entry of its own term (§5.4.2)."""
    server = run.servers[event.server]
    if server.role is not LEADER:
        return False
    index = max(server.commit_index, run.memory.committed_index) + 1
    first = server.at(index) if index < event.index else None
    return first is not None and first.term < server.term


@situation(ev.Applied)
def entry_applied_again(run: Past, event: ev.Applied) -> bool:
    """An entry is applied that was applied before: by another server, or before a restart (§5.4.3)."""
    return event.index < len(run.memory.outcomes.first)


@situation(ev.AppendRefused)
def log_mismatch(run: Past, event: ev.AppendRefused) -> bool:
    """A follower refuses entries, since its log does not hold the one before them (§5.3)."""
    return event.reason in (Reason.LOG_GAP, Reason.LOG_CONFLICT)


@situation(ev.LogTruncated)
def truncation(run: Past, event: ev.LogTruncated) -> bool:
    """A server deletes the end of its log, which conflicts with the leader's (§5.3)."""
    return True


@situation(ev.ProgressChanged, name="Figure 8", after=leader_with_uncommitted_entries)
def figure_8(run: Past, event: ev.ProgressChanged) -> bool:
    """A leader knows an entry of an earlier term on a majority, and may not commit it by counting (§5.4.2, Figure 8 c)."""
    return _stranded(run, event) is not None


@situation(ev.ProgressChanged, ev.LogTruncated, name="Figure 8, overwritten", after=leader_with_uncommitted_entries)
def figure_8_overwritten(run: Past, event: ev.ProgressChanged | ev.LogTruncated) -> bool:
    """An entry that stood on a majority, and was not committed, is deleted (§5.4.2, Figure 8 d)."""
    if isinstance(event, ev.LogTruncated):
        server = run.servers[event.server]
        return any(index > event.last_index and server.at(index) is entry for index, entry in run.stranded.items())
    written = _stranded(run, event)
    if written:
        open_still = {index: entry for index, entry in run.stranded.items() if index > run.memory.committed_index}
        run.stranded = open_still | {written.index: written}
    return False


def _stranded(run: Past, event: ev.ProgressChanged) -> Written | None:
    """The entry that this leader now knows in a follower's log, where it is of an earlier term, uncommitted, and on a majority."""
    leader, index = run.servers[event.server], event.match_index
    if index <= leader.commit_index or leader.role is not LEADER:
        return None
    written = leader.at(index)
    if written is None or written.term >= leader.term or index <= run.memory.committed_index:
        return None
    for voters in voter_groups(leader.configuration):
        if 2 * sum(run.memory.holds(run.servers[name], written) for name in voters) <= len(voters):
            return None
    return written


# ---- snapshots


@situation(ev.SnapshotTaken, ev.SnapshotInstalled)
def log_compacted(run: Past, event: ev.SnapshotTaken | ev.SnapshotInstalled) -> bool:
    """A snapshot takes the place of the beginning of a server's log (§7)."""
    return True


@situation(ev.SnapshotInstalled)
def snapshot_installed(run: Past, event: ev.SnapshotInstalled) -> bool:
    """A follower takes a leader's snapshot for its own state (§7)."""
    return True


@situation(InstallSnapshot)
def snapshot_sent(run: Past, event: ev.MessageSent) -> bool:
    """A leader sends a follower a snapshot, since the entries that it lacks are compacted away (§7)."""
    return True


@situation(InstallSnapshot)
def snapshot_sent_in_chunks(run: Past, event: ev.MessageSent) -> bool:
    """A leader sends a piece of a snapshot that is not the last (§7, Figure 13)."""
    message = event.message
    return isinstance(message, InstallSnapshot) and not message.done


@situation(InstallSnapshot)
def snapshot_during_appends(run: Past, event: ev.MessageSent) -> bool:
    """A leader takes in entries between two pieces of a snapshot that it sends to a follower (§7)."""
    message, pair = event.message, (event.source, event.target)
    last_index = run.servers[event.source].last.index
    if isinstance(message, InstallSnapshot) and message.offset == 0:
        run.began[pair] = last_index
    return last_index > run.began.get(pair, last_index)


LOGS = (
    entry_appended_by_a_leader,
    entry_replicated,
    log_synced,
    follower_matched,
    entry_committed,
    entry_of_an_earlier_term_committed,
    entry_applied_again,
    log_mismatch,
    truncation,
    figure_8,
    figure_8_overwritten,
    log_compacted,
    snapshot_sent,
    snapshot_installed,
    snapshot_sent_in_chunks,
    snapshot_during_appends,
)
