"""What has not come to be though there was time enough: of a run to which nothing was done for a while, from views of that while."""

from collections.abc import Callable, Iterator
from itertools import chain

from raftcore.checks.connected import are_linked, is_disturbed, is_whole, promises_a_leader, who_could_lead
from raftcore.checks.convergence import ANSWERED, Lack, lack, longest_answer_ms, longest_wait_ms, may_be_answered
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import ClientId

LOOKS = 8
"""Moments of the past that are looked at: what lacked at all of them lacked all the time, or came and did not last."""

Past = Callable[[float], ClusterView]
"""Gives the view of a moment, in simulated milliseconds, or of one that is a little earlier."""


def overdue(now: ClusterView, since_ms: float, config: Config, past: Past) -> Lack | None:
    """What must have come to be by now, and has not; None where nothing is missing, or where Raft promises nothing.

    since_ms: when something was last done to the run, other than a client's command, or a server stopped by itself. Where all is whole
    since then, servers must agree, and clients be answered; where a server could lead a quorum that hears it, though links are cut or
    servers are down, there must be a leader, and clients be answered. Each within the bounds that hunts know.
    """
    wait_ms = longest_wait_ms(config)
    if now.at_ms - since_ms < wait_ms:
        return None
    begun = past(now.at_ms - wait_ms)
    if is_whole(now, config) and not is_disturbed(now, config):
        missing, why = _not_agreed(now, begun, wait_ms, past), "all was whole"
    else:
        able = who_could_lead(now, config) if promises_a_leader(config) and who_could_lead(begun, config) else ()
        if not able:
            return None
        missing, why = _no_leader(now, wait_ms, past), f"{able[0]} could have led a quorum that hears it"
    missing = missing or _not_answered(now, since_ms, config)
    return Lack(missing.kind, f"for {wait_ms:,.0f} ms {why}, and {missing.sentence}", missing.property) if missing else None


def _not_agreed(now: ClusterView, begun: ClusterView, wait_ms: float, past: Past) -> Lack | None:
    """Why servers do not agree, and have not for so long. Who is behind only a little while clients go on is not meant."""
    missing = lack(now)
    if missing is None:
        return None
    if missing.kind == "behind":
        return _left_behind(now, begun)
    lacking = (lack(view) for view in _looks(now, wait_ms, past))
    return missing if all(it is not None and it.kind != "behind" for it in lacking) else None


def _left_behind(now: ClusterView, begun: ClusterView) -> Lack | None:
    """Who has not applied what stood in the leader's log when the time began."""
    if now.leader is None or now.leader != begun.leader:
        return None
    then = begun.servers[now.leader]
    last_index = then.log.last_index
    if then.current_term != now.servers[now.leader].current_term:
        return None
    for name in now.servers[now.leader].configuration.members:
        server = now.servers[name]
        if server.alive and server.last_applied < last_index:
            return Lack("behind", f"{name} has not applied index {last_index}, which {now.leader} has had in its log all the time")
    return None


def _no_leader(now: ClusterView, wait_ms: float, past: Past) -> Lack | None:
    if any(view.leader for view in chain([now], _looks(now, wait_ms, past))):
        return None
    return lack(now)


def _looks(now: ClusterView, wait_ms: float, past: Past) -> Iterator[ClusterView]:
    """The past so far back, latest first."""
    return (past(now.at_ms - wait_ms * number / LOOKS) for number in range(1, LOOKS + 1))


def _not_answered(now: ClusterView, since_ms: float, config: Config) -> Lack | None:
    """Which client waits for an answer that must have come, or has given up to wait, the latest of all."""
    if not may_be_answered(config):
        return None
    due_ms = since_ms + longest_wait_ms(config)  # from then on there is a leader
    bound_ms = longest_answer_ms(config, len(now.servers))
    for client, operation in now.pending.items():
        began_ms = operation.invoked_at_ms
        if began_ms >= due_ms and now.at_ms - began_ms > bound_ms and _is_heard(now, config, client):
            what = f"waits since {began_ms:,.0f} ms for the outcome of its command {operation.sequence_num}"
            return Lack("unanswered", f"{client} {what}", ANSWERED)
    last = now.completed[-1] if now.completed else None
    if last is None or last.ok is not None or last.latency_ms < config.client_limit_ms or last.at_ms - last.latency_ms < due_ms:
        return None
    if not _is_heard(now, config, last.client):
        return None
    return Lack("unanswered", f"{last.client} has given up its command {last.sequence_num} after {last.latency_ms:,.0f} ms", ANSWERED)


def _is_heard(now: ClusterView, config: Config, client: ClientId) -> bool:
    """Whether nothing keeps this client from any server."""
    return all(are_linked(now, config, client, name) for name in now.servers)
