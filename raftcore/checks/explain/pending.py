"""Why a client still waits."""

from raftcore.checks.explain.commit import why_not_committed
from raftcore.checks.explain.election import why_no_leader
from raftcore.checks.explain.reach import missed, needs, reached, said_of_each, stopped, unreachable, while_paused
from raftcore.checks.explain.refusal import why_refused
from raftcore.trace.view import ClusterView, OperationView, ServerView, require_view
from raftcore.vocabulary.commands import OpenSession, ReadMode
from raftcore.vocabulary.errors import ClientNotFound, ConfigError
from raftcore.vocabulary.events import MessageDelivered, MessageDropped
from raftcore.vocabulary.messages import ClientReply, ClientRequest
from raftcore.vocabulary.names import Index
from raftcore.vocabulary.spelling import brief


def why_pending(view: ClusterView, operation: OperationView) -> str:
    """Why a client has no answer to its operation yet, in a sentence.

    operation: one of `view.pending`, or as an earlier view has it. Raises ClientNotFound where it is not under way in this view, and
    ConfigError where it is no operation, or `view` no view.
    """
    require_view(view)
    if not isinstance(operation, OperationView):
        raise ConfigError(
            f"{brief(operation)} is no operation under way; give one of view.pending, by client: {', '.join(view.pending) or 'none'}"
        )
    now = view.pending.get(operation.client)
    if now is None or now.sequence_num != operation.sequence_num:
        waiting = ", ".join(view.pending) or "nobody"
        raise ClientNotFound(f"{operation.client} does not wait for this operation at {view.at_ms:,.0f} ms; those who wait: {waiting}")
    return (
        _answer_on_its_way(view, now)
        or _read_waits(view, now)
        or _entry_waits(view, now)
        or _request_on_its_way(view, now)
        or _refused(view, now)
        or _early_read(view, now)
        or _nobody_leads(view, now)
        or _unanswered(view, now)
    )


def _answer_on_its_way(view: ClusterView, operation: OperationView) -> str:
    for sent in view.messages.values():
        reply = sent.message
        if isinstance(reply, ClientReply) and sent.target == operation.client and operation.needs(reply.sequence_num):
            if reply.is_answer or reply.is_unknown:
                return f"The answer of {sent.source} is on its way to {operation.client}, and arrives at {sent.deliver_at_ms:,.0f} ms. §8"
            redirected = f"ask {reply.leader_id}" if reply.leader_id else "ask later"
            return f"{sent.source} refused ({reason_of(reply)}), and its advice to {redirected} is on its way to {operation.client}. §8"
    return ""


def reason_of(reply: ClientReply) -> str:
    return reply.reason.value if reply.reason else ""


def _request_on_its_way(view: ClusterView, operation: OperationView) -> str:
    for sent in view.messages.values():
        if sent.source == operation.client and isinstance(sent.message, ClientRequest):
            what = "request for a session" if isinstance(sent.message.command, OpenSession) else "request"
            deaf = stopped(view.servers[sent.target])
            but = f", but {sent.target} {deaf}, and {operation.client} asks another server when no answer comes" if deaf else ""
            return f"The {what} is on its way to {sent.target}, and arrives at {sent.deliver_at_ms:,.0f} ms{but}. §8"
    return ""


def _read_waits(view: ClusterView, operation: OperationView) -> str:
    """A read that a leader has taken in and may not answer before a majority says that it still leads (thesis 6.4)."""
    for leader in view.leaders:
        read = leader.reads.get((operation.client, operation.sequence_num))
        if read is not None:
            return (
                f"{while_paused(leader)}{leader.id} may not answer the read before a majority has answered its round "
                f"{read.round} of heartbeats, or another could lead already{_unanswering(view, leader)}. Thesis 6.4"
            )
    return ""


def _unanswering(view: ClusterView, leader: ServerView) -> str:
    """Who can't answer, where a majority can't."""
    silent = missed(leader.configuration, reached(view, leader, leader.configuration))
    if not silent:
        return ""
    return f"; it needs {needs(leader.configuration)}, and {said_of_each(silent, lambda name: unreachable(view, leader, name))}"


def _entry_waits(view: ClusterView, operation: OperationView) -> str:
    """A command, or the session that it needs first, that stands in a leader's log."""
    for leader in sorted(view.leaders, key=lambda it: -it.current_term):
        index = _waits_at(leader, operation)
        if index:
            what = "a session for it" if isinstance(leader.log[index].command, OpenSession) else "it"
            why = why_not_committed(view, index, leader.id)
            return f"{leader.id} has {what} in its log at {index}, and answers when that is committed and applied: {why}"
        if any((it.client, it.sequence_num) == (operation.client, operation.sequence_num) for it in leader.sessions.values()):
            return (
                f"{leader.id} has applied it, and its answer was lost; when {operation.client} asks again, its session knows it. Thesis 6.3"
            )
    return ""


def _waits_at(leader: ServerView, operation: OperationView) -> Index:
    """Where the client's request stands in what this leader has not committed, its latest one; 0 where it does not."""
    for index in range(leader.log.last_index, leader.commit_index, -1):
        entry = leader.log[index]
        if entry.client_id == operation.client and (entry.sequence_num == operation.sequence_num or isinstance(entry.command, OpenSession)):
            return index
    return 0


def _refused(view: ClusterView, operation: OperationView) -> str:
    """A refusal that its client has heard, and does not act on yet."""
    match operation.latest:
        case MessageDelivered(message=ClientReply(is_answer=False)) if view.leader is not None:
            return f"{operation.client} was refused, and is about to ask again: {why_refused(operation.latest)}"
    return ""


def _early_read(view: ClusterView, operation: OperationView) -> str:
    leader = view.latest_leader
    if leader is None or operation.mode not in (ReadMode.READ_INDEX, ReadMode.LEASE):
        return ""
    if leader.log.term_at(leader.commit_index) == leader.current_term:
        return ""
    last = leader.log.last_index
    own = why_not_committed(view, last, leader.id) if last > leader.commit_index else "it is about to append one. §8"
    return (
        f"{leader.id} answers no read before it has committed an entry of its own term {leader.current_term}: only then it knows what is "
        f"committed (thesis 6.4, step 1): {own}"
    )


def _nobody_leads(view: ClusterView, operation: OperationView) -> str:
    if view.leader is not None or operation.mode is ReadMode.STALE:
        return ""
    return f"Nobody can carry it out without a leader that a majority follows; {operation.client} goes on asking: {why_no_leader(view)}"


def _unanswered(view: ClusterView, operation: OperationView) -> str:
    """What became of its latest request."""
    leads = f", and {view.leader} leads" if view.leader else ""
    if view.leader and stopped(view.servers[view.leader]):
        leads += f", but {stopped(view.servers[view.leader])}"
    asks = f"; {operation.client} asks the next server when its patience ends{leads}. §8"
    match operation.latest:
        case MessageDropped(source=source, message=ClientReply(), reason=reason):
            return f"The answer of {source} did not arrive ({reason.value}){asks}"
        case MessageDropped(target=target, reason=reason):
            return f"What {operation.client} asked {target} did not arrive ({reason.value}){asks}"
        case MessageDelivered(target=target, message=ClientRequest()):
            return f"{target} has heard what {operation.client} asked, and {_kept_from_answering(view.servers[target])}{asks}"
        case MessageDelivered(source=source):
            return f"The answer of {source} has just arrived. §8"
    return f"{operation.client} is about to ask. §8"


def _kept_from_answering(server: ServerView) -> str:
    if stopped(server):
        return stopped(server)
    return "waits for its disk" if server.synced_index < server.log.last_index else "has not answered"
