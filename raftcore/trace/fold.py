"""The fold from events to views: one pure function for each kind of event, (view, event) -> view.

A view shares with its predecessor all that did not change, so keeping one costs next to nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from immutables import Map
from msgspec.structs import replace

from raftcore.trace.log_view import LogView
from raftcore.trace.view import ClusterView, OperationView, ProgressView, ServerView, SessionView, SnapshotView
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Get, OpenSession
from raftcore.vocabulary.durable import Image
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import AppendEntriesReply, ClientReply, ClientRequest, InstallSnapshotReply
from raftcore.vocabulary.names import STALE_TERM, ClientId, Role, ServerId

COMPLETED_KEPT = 8

_IMAGES = msgspec.msgpack.Decoder(Image)


def empty_view(server_ids: Iterable[ServerId]) -> ClusterView:
    """The cluster before anything happened."""
    return ClusterView(at_ms=0.0, servers={name: ServerView(id=name) for name in server_ids}, links={}, pending={})


def absorb(view: ClusterView, event: Event) -> ClusterView:
    """The view after the event."""
    return FOLDS[type(event)](view, event)


# ---- events of one server: (server, event) -> server


def _role_changed(server: ServerView, event: ev.RoleChanged) -> ServerView:
    voted_for = server.voted_for if event.term == server.current_term else None
    begun = replace(
        server, role=event.role, current_term=event.term, voted_for=voted_for, leader=None, votes=(), pre_votes=(), denied=Map()
    )
    if server.role is not Role.LEADER:
        return begun
    return replace(begun, progress=Map(), quorum_heard_ms=None, lease_until_ms=None, reads=Map(), answered=Map(), transfer=None)


def _leader_recognized(server: ServerView, event: ev.LeaderRecognized) -> ServerView:
    return replace(server, leader=event.leader, pre_votes=(), denied=Map())


def _vote_granted(server: ServerView, event: ev.VoteGranted) -> ServerView:
    return replace(server, voted_for=event.candidate)


def _vote_counted(server: ServerView, event: ev.VoteCounted) -> ServerView:
    if event.pre_vote:
        return replace(server, pre_votes=(*server.pre_votes, event.voter))
    return replace(server, votes=(*server.votes, event.voter))


def _pre_vote_started(server: ServerView, event: ev.PreVoteStarted) -> ServerView:
    return replace(server, leader=None, pre_votes=(), denied=Map())


def _entries_appended(server: ServerView, event: ev.EntriesAppended) -> ServerView:
    return replace(server, log=server.log.append(event.entries))


def _log_truncated(server: ServerView, event: ev.LogTruncated) -> ServerView:
    return replace(server, log=server.log.truncate(event.last_index), synced_index=min(server.synced_index, event.last_index))


def _progress_changed(server: ServerView, event: ev.ProgressChanged) -> ServerView:
    if event.follower not in server.configuration.members:  # one who leaves, and hears from the leader for the last time
        return server
    known = ProgressView(event.next_index, event.match_index, event.state)
    return replace(server, progress=server.progress.set(event.follower, known))


def _committed(server: ServerView, event: ev.Committed) -> ServerView:
    return replace(server, commit_index=event.index)


def _timer_set(server: ServerView, event: ev.TimerSet) -> ServerView:
    return replace(server, timer_ms=(event.at_ms, event.deadline_ms))


def _synced(server: ServerView, event: ev.Synced) -> ServerView:
    snapshots = server.snapshots
    if snapshots and not snapshots[-1].synced:
        synced_before = [it for it in snapshots if it.synced][-1:]
        snapshots = (*synced_before, replace(snapshots[-1], synced=True))
    return replace(server, synced_index=event.last_index, snapshots=snapshots)


def _applied(server: ServerView, event: ev.Applied) -> ServerView:
    kv_store = server.kv_store
    if event.changed_key is not None and event.new_value is not None:
        kv_store = kv_store.set(event.changed_key, event.new_value)
    elif event.changed_key is not None and event.changed_key in kv_store:
        kv_store = kv_store.delete(event.changed_key)
    return replace(server, last_applied=event.index, kv_store=kv_store, sessions=_sessions_after(server, event))


def _sessions_after(server: ServerView, event: ev.Applied) -> Map[int, SessionView]:
    """The sessions after an entry that opened one, or came in one; a session that is not there has expired."""
    entry, sessions = server.log[event.index], server.sessions
    if type(entry.command) is OpenSession:
        return sessions.set(event.index, SessionView(entry.client_id, 0, entry.at_ms))
    if not entry.session_id or entry.session_id not in sessions:
        return sessions
    latest = max(sessions[entry.session_id].sequence_num, entry.sequence_num)
    return sessions.set(entry.session_id, SessionView(entry.client_id, latest, entry.at_ms))


def _session_expired(server: ServerView, event: ev.SessionExpired) -> ServerView:
    return replace(server, sessions=server.sessions.delete(event.session_id))


def _snapshot_taken(server: ServerView, event: ev.SnapshotTaken) -> ServerView:
    index, term = event.last_included_index, event.last_included_term
    snapshot = SnapshotView(index, term, event.size_bytes, server.kv_store, server.sessions)
    # With the log a new file begins, and the damaged one goes.
    return replace(server, log=server.log.compact(index, term), snapshots=(*server.snapshots, snapshot), damage="")


def _snapshot_installed(server: ServerView, event: ev.SnapshotInstalled) -> ServerView:
    index, term, image = event.last_included_index, event.last_included_term, _IMAGES.decode(event.data)
    sessions = Map({number: SessionView(it.client_id, it.sequence_num, it.active_at_ms) for number, it in image.sessions.items()})
    snapshot = SnapshotView(index, term, len(event.data), Map(image.kv_store), sessions)
    log = server.log.compact(index, term) if event.kept else LogView(index, base_index=index, base_term=term)
    return replace(
        server, log=log, snapshots=(*server.snapshots, snapshot), kv_store=snapshot.kv_store, sessions=sessions,
        commit_index=index, last_applied=index, synced_index=server.synced_index if event.kept else 0, damage="",
    )  # fmt: skip


def _configuration_changed(server: ServerView, event: ev.ConfigurationChanged) -> ServerView:
    progress = server.progress
    for follower in progress:
        if follower not in event.configuration.members:
            progress = progress.delete(follower)
    return replace(server, configuration=event.configuration, configuration_index=event.index, progress=progress)


def _quorum_heard(server: ServerView, event: ev.QuorumHeard) -> ServerView:
    return replace(server, quorum_heard_ms=event.sent_ms, lease_until_ms=event.lease_until_ms)


def _transfer_started(server: ServerView, event: ev.TransferStarted) -> ServerView:
    return replace(server, transfer=event)


def _transfer_ended(server: ServerView, event: ev.TransferEnded) -> ServerView:
    ends_another = server.transfer is not None and server.transfer.target != event.target
    return server if ends_another else replace(server, transfer=None)


def _read_started(server: ServerView, event: ev.ReadStarted) -> ServerView:
    return replace(server, reads=server.reads.set((event.client, event.sequence_num), event))


def _read_served(server: ServerView, event: ev.ReadServed) -> ServerView:
    read = event.client, event.sequence_num
    if read not in server.reads:
        return server
    reads = server.reads.delete(read)
    return replace(server, reads=reads, answered=server.answered if reads else Map())


def _crashed(server: ServerView, event: ev.Crashed) -> ServerView:
    return replace(
        ServerView(id=server.id, alive=False, current_term=server.current_term, voted_for=server.voted_for),
        log=server.log, synced_index=server.synced_index, snapshots=server.snapshots, configuration=server.configuration,
        configuration_index=server.configuration_index, clock_rate=server.clock_rate, disk=server.disk,
        damage=server.damage,
    )  # fmt: skip


def _halted(server: ServerView, event: ev.Halted) -> ServerView:
    return replace(_crashed(server, ev.Crashed(event.at_ms, event.server)), halted=event.reason)


def _restarted(server: ServerView, event: ev.Restarted) -> ServerView:
    base = event.snapshot_index
    snapshot = next((it for it in server.snapshots if it.last_included_index == base), None)
    base_term = snapshot.last_included_term if snapshot else 0
    if event.kept_index > base:
        log = server.log.truncate(event.kept_index).append(event.entries)
    else:
        log = LogView(base, base_index=base, base_term=base_term).append(event.entries)
    started = ServerView(id=server.id, current_term=event.current_term, voted_for=event.voted_for, log=log)
    started = replace(started, synced_index=min(server.synced_index, log.last_index))  # the rest counts once it is synced again
    started = replace(started, commit_index=base, last_applied=base, clock_rate=server.clock_rate, disk=server.disk)
    if snapshot is None:
        return started
    kept = tuple(it for it in server.snapshots if it.last_included_index <= base)  # not one alone: it may be on no disk yet
    return replace(started, kv_store=snapshot.kv_store, sessions=snapshot.sessions, snapshots=kept)


def _clock_rate_changed(server: ServerView, event: ev.ClockRateChanged) -> ServerView:
    transfer = server.transfer
    if transfer:  # its end moves with the clock that counts it; timers and leases are told anew
        left_ms = (transfer.deadline_ms - event.at_ms) * (server.clock_rate / event.rate)
        transfer = replace(transfer, deadline_ms=event.at_ms + left_ms)
    return replace(server, clock_rate=event.rate, transfer=transfer)


def _disk_changed(server: ServerView, event: ev.DiskChanged) -> ServerView:
    return replace(server, disk=event.disk)


def _disk_damaged(server: ServerView, event: ev.DiskDamaged) -> ServerView:
    return replace(server, damage=event.what)


def _paused(server: ServerView, event: ev.Paused) -> ServerView:
    return replace(server, paused=True)


def _resumed(server: ServerView, event: ev.Resumed) -> ServerView:
    return replace(server, paused=False)


def _unchanged(server: ServerView, event: ev.ServerEvent) -> ServerView:
    return server


def _of_server(fold: Callable[[ServerView, Any], ServerView]) -> Callable[[ClusterView, Any], ClusterView]:
    def absorb_in_cluster(view: ClusterView, event: ev.ServerEvent) -> ClusterView:
        servers = {**view.servers, event.server: fold(view.servers[event.server], event)}
        return replace(view, at_ms=event.at_ms, servers=servers)

    return absorb_in_cluster


# ---- events of the whole cluster: (view, event) -> view


def _created(view: ClusterView, event: ev.Created) -> ClusterView:
    return replace(view, at_ms=event.at_ms, servers={**view.servers, event.server: ServerView(id=event.server)})


def _vote_denied(view: ClusterView, event: ev.VoteDenied) -> ClusterView:
    """The voter is as before; the candidate lacks its vote, or its promise of one, if that is what it still asks for."""
    candidate = view.servers[event.candidate]
    asked = (candidate.current_term + 1, True) if candidate.pre_votes else (candidate.current_term, False)
    if (event.term, event.pre_vote) != asked:
        return replace(view, at_ms=event.at_ms)
    candidate = replace(candidate, denied=candidate.denied.set(event.server, event.reason))
    return replace(view, at_ms=event.at_ms, servers={**view.servers, event.candidate: candidate})


def _message_sent(view: ClusterView, event: ev.MessageSent) -> ClusterView:
    return replace(view, at_ms=event.at_ms, messages=view.messages.set(event.id, event))


def _message_gone(view: ClusterView, event: ev.MessageDelivered | ev.MessageDropped) -> ClusterView:
    messages = view.messages.delete(event.id)
    if type(event.message) is ClientRequest or type(event.message) is ClientReply:
        return replace(view, at_ms=event.at_ms, messages=messages, pending=_pending_after(view, event, event.message))
    return replace(view, at_ms=event.at_ms, messages=messages)


def _pending_after(
    view: ClusterView, event: ev.MessageDelivered | ev.MessageDropped, message: ClientRequest | ClientReply
) -> Mapping[ClientId, OperationView]:
    """What clients wait for, and what became last of that."""
    operation = view.pending.get(message.client_id)
    if operation is None or not operation.needs(message.sequence_num):
        return view.pending
    read = message.command if type(message) is ClientRequest and type(message.command) is Get else None
    operation = replace(operation, latest=event, mode=read.mode if read else operation.mode)
    return {**view.pending, message.client_id: operation}


def _message_delivered(view: ClusterView, event: ev.MessageDelivered) -> ClusterView:
    """A message arrived. Answers to a leader's rounds are counted while a read waits for them (thesis 6.4)."""
    view, message = _message_gone(view, event), event.message
    if type(message) is not AppendEntriesReply and type(message) is not InstallSnapshotReply:
        return view
    leader = view.servers.get(event.target)
    if leader is None or not leader.reads or message.term != leader.current_term or message.reason is STALE_TERM:
        return view
    latest = max(message.round, leader.answered.get(message.follower_id, 0))
    leader = replace(leader, answered=leader.answered.set(message.follower_id, latest))
    return replace(view, servers={**view.servers, event.target: leader})


def _link_changed(view: ClusterView, event: ev.LinkChanged) -> ClusterView:
    ends = event.source, event.target
    cut_ms = {cut: since_ms for cut, since_ms in view.cut_ms.items() if cut != ends}
    if not event.link.carries:
        cut_ms[ends] = view.cut_ms.get(ends, event.at_ms)
    return replace(view, at_ms=event.at_ms, links={**view.links, ends: event.link}, cut_ms=cut_ms)


def _acted(view: ClusterView, event: ev.Acted) -> ClusterView:
    return replace(view, at_ms=event.at_ms)


def _invoked(view: ClusterView, event: ev.Invoked) -> ClusterView:
    operation = OperationView(event.client, event.sequence_num, event.command, event.at_ms)
    return replace(view, at_ms=event.at_ms, pending={**view.pending, event.client: operation})


def _completed(view: ClusterView, event: ev.Completed) -> ClusterView:
    pending = {client: operation for client, operation in view.pending.items() if client != event.client}
    return replace(view, at_ms=event.at_ms, pending=pending, completed=(*view.completed, event)[-COMPLETED_KEPT:])


FOLDS: Mapping[type[Event], Callable[[ClusterView, Any], ClusterView]] = {
    ev.RoleChanged: _of_server(_role_changed),
    ev.LeaderRecognized: _of_server(_leader_recognized),
    ev.VoteGranted: _of_server(_vote_granted),
    ev.VoteDenied: _vote_denied,
    ev.VoteCounted: _of_server(_vote_counted),
    ev.PreVoteStarted: _of_server(_pre_vote_started),
    ev.EntriesAppended: _of_server(_entries_appended),
    ev.LogTruncated: _of_server(_log_truncated),
    ev.AppendRefused: _of_server(_unchanged),
    ev.ProgressChanged: _of_server(_progress_changed),
    ev.Committed: _of_server(_committed),
    ev.TimerSet: _of_server(_timer_set),
    ev.QuorumHeard: _of_server(_quorum_heard),
    ev.ConfigurationChanged: _of_server(_configuration_changed),
    ev.MembershipChangeEnded: _of_server(_unchanged),
    ev.TransferStarted: _of_server(_transfer_started),
    ev.TransferEnded: _of_server(_transfer_ended),
    ev.ReadStarted: _of_server(_read_started),
    ev.ReadServed: _of_server(_read_served),
    ev.SnapshotTaken: _of_server(_snapshot_taken),
    ev.SnapshotInstalled: _of_server(_snapshot_installed),
    ev.SessionExpired: _of_server(_session_expired),
    ev.Synced: _of_server(_synced),
    ev.Applied: _of_server(_applied),
    ev.Created: _created,
    ev.Crashed: _of_server(_crashed),
    ev.Halted: _of_server(_halted),
    ev.Restarted: _of_server(_restarted),
    ev.Paused: _of_server(_paused),
    ev.Resumed: _of_server(_resumed),
    ev.ClockRateChanged: _of_server(_clock_rate_changed),
    ev.DiskChanged: _of_server(_disk_changed),
    ev.DiskDamaged: _of_server(_disk_damaged),
    ev.MessageSent: _message_sent,
    ev.MessageDelivered: _message_delivered,
    ev.MessageDropped: _message_gone,
    ev.LinkChanged: _link_changed,
    ev.Acted: _acted,
    ev.Invoked: _invoked,
    ev.Completed: _completed,
}
