"""The fold from events to views: one pure function for each kind of event, (view, event) -> view.

A view shares with its predecessor all that did not change, so keeping one costs next to nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from immutables import Map
from msgspec.structs import replace

from raftcore.trace.view import ClusterView, OperationView, ProgressView, ServerView
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import Role, ServerId

COMPLETED_KEPT = 8


def empty_view(server_ids: Iterable[ServerId]) -> ClusterView:
    """The cluster before anything happened."""
    return ClusterView(at_ms=0.0, servers={name: ServerView(id=name) for name in server_ids}, links={}, pending={})


def absorb(view: ClusterView, event: Event) -> ClusterView:
    """The view after the event."""
    return FOLDS[type(event)](view, event)


# ---- events of one server: (server, event) -> server


def _role_changed(server: ServerView, event: ev.RoleChanged) -> ServerView:
    voted_for = server.voted_for if event.term == server.current_term else None
    return replace(server, role=event.role, current_term=event.term, voted_for=voted_for, leader=None, votes=(), progress=Map())


def _leader_recognized(server: ServerView, event: ev.LeaderRecognized) -> ServerView:
    return replace(server, leader=event.leader)


def _vote_granted(server: ServerView, event: ev.VoteGranted) -> ServerView:
    return replace(server, voted_for=event.candidate)


def _vote_counted(server: ServerView, event: ev.VoteCounted) -> ServerView:
    return replace(server, votes=(*server.votes, event.voter))


def _entries_appended(server: ServerView, event: ev.EntriesAppended) -> ServerView:
    return replace(server, log=server.log.append(event.entries))


def _log_truncated(server: ServerView, event: ev.LogTruncated) -> ServerView:
    return replace(server, log=server.log.truncate(event.last_index), synced_index=min(server.synced_index, event.last_index))


def _progress_changed(server: ServerView, event: ev.ProgressChanged) -> ServerView:
    progress = server.progress.set(event.follower, ProgressView(event.next_index, event.match_index))
    return replace(server, progress=progress)


def _committed(server: ServerView, event: ev.Committed) -> ServerView:
    return replace(server, commit_index=event.index)


def _timer_set(server: ServerView, event: ev.TimerSet) -> ServerView:
    return replace(server, timer_ms=(event.at_ms, event.deadline_ms))


def _synced(server: ServerView, event: ev.Synced) -> ServerView:
    return replace(server, synced_index=event.last_index)


def _applied(server: ServerView, event: ev.Applied) -> ServerView:
    kv_store = server.kv_store
    if event.changed_key is not None and event.new_value is not None:
        kv_store = kv_store.set(event.changed_key, event.new_value)
    elif event.changed_key is not None and event.changed_key in kv_store:
        kv_store = kv_store.delete(event.changed_key)
    return replace(server, last_applied=event.index, kv_store=kv_store)


def _crashed(server: ServerView, event: ev.Crashed) -> ServerView:
    forgotten = ServerView(id=server.id, alive=False, current_term=server.current_term, voted_for=server.voted_for)
    return replace(forgotten, log=server.log, synced_index=server.synced_index)


def _restarted(server: ServerView, event: ev.Restarted) -> ServerView:
    log = server.log.truncate(event.kept_index).append(event.entries)
    return ServerView(
        id=server.id, current_term=event.current_term, voted_for=event.voted_for, log=log, synced_index=log.last_index, role=Role.FOLLOWER
    )


def _paused(server: ServerView, event: ev.Paused) -> ServerView:
    return replace(server, paused=True)


def _resumed(server: ServerView, event: ev.Resumed) -> ServerView:
    return replace(server, paused=False)


def _vote_denied(server: ServerView, event: ev.VoteDenied) -> ServerView:
    return server


def _append_refused(server: ServerView, event: ev.AppendRefused) -> ServerView:
    return server


def _of_server(fold: Callable[[ServerView, Any], ServerView]) -> Callable[[ClusterView, Any], ClusterView]:
    def absorb_in_cluster(view: ClusterView, event: ev.ServerEvent) -> ClusterView:
        servers = {**view.servers, event.server: fold(view.servers[event.server], event)}
        return replace(view, at_ms=event.at_ms, servers=servers)

    return absorb_in_cluster


# ---- events of the network and of clients: (view, event) -> view


def _message_sent(view: ClusterView, event: ev.MessageSent) -> ClusterView:
    return replace(view, at_ms=event.at_ms, messages=view.messages.set(event.id, event))


def _message_gone(view: ClusterView, event: ev.MessageDelivered | ev.MessageDropped) -> ClusterView:
    return replace(view, at_ms=event.at_ms, messages=view.messages.delete(event.id))


def _link_changed(view: ClusterView, event: ev.LinkChanged) -> ClusterView:
    return replace(view, at_ms=event.at_ms, links={**view.links, (event.source, event.target): event.link})


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
    ev.VoteDenied: _of_server(_vote_denied),
    ev.VoteCounted: _of_server(_vote_counted),
    ev.EntriesAppended: _of_server(_entries_appended),
    ev.LogTruncated: _of_server(_log_truncated),
    ev.AppendRefused: _of_server(_append_refused),
    ev.ProgressChanged: _of_server(_progress_changed),
    ev.Committed: _of_server(_committed),
    ev.TimerSet: _of_server(_timer_set),
    ev.Synced: _of_server(_synced),
    ev.Applied: _of_server(_applied),
    ev.Crashed: _of_server(_crashed),
    ev.Restarted: _of_server(_restarted),
    ev.Paused: _of_server(_paused),
    ev.Resumed: _of_server(_resumed),
    ev.MessageSent: _message_sent,
    ev.MessageDelivered: _message_gone,
    ev.MessageDropped: _message_gone,
    ev.LinkChanged: _link_changed,
    ev.Acted: _acted,
    ev.Invoked: _invoked,
    ev.Completed: _completed,
}
