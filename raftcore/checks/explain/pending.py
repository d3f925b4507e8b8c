"""Why a client still waits."""

from raftcore.checks.explain.commit import why_not_committed
from raftcore.checks.explain.election import why_no_leader
from raftcore.checks.explain.reach import carries, lacking, latest_leader, needs, said_of_each, stopped, unreachable
from raftcore.trace.view import ClusterView, OperationView, ServerView
from raftcore.vocabulary.commands import Get, OpenSession
from raftcore.vocabulary.errors import ClientNotFound
from raftcore.vocabulary.messages import ClientReply, ClientRequest
from raftcore.vocabulary.names import Index


def why_pending(view: ClusterView, operation: OperationView) -> str:
    """Why a client has no answer to its operation yet, in a sentence. ClientNotFound where the operation is not under way in this view."""
    if view.pending.get(operation.client) != operation:
        waiting = ", ".join(view.pending) or "nobody"
        raise ClientNotFound(f"{operation.client} does not wait for this operation at {view.at_ms:,.0f} ms; those who wait: {waiting}")
    return (
        _answer_on_its_way(view, operation)
        or _read_waits(view, operation)
        or _entry_waits(view, operation)
        or _request_on_its_way(view, operation)
        or _early_read(view, operation)
        or _nobody_listens(view, operation)
    )


def _answer_on_its_way(view: ClusterView, operation: OperationView) -> str:
    for sent in view.messages.values():
        reply = sent.message
        if isinstance(reply, ClientReply) and sent.target == operation.client and reply.sequence_num == operation.sequence_num:
            if reply.reason is None:
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
                f"{leader.id} may not answer the read before a majority has answered its round {read.round} of heartbeats, or another "
                f"could lead already{_unanswering(view, leader)}. Thesis 6.4"
            )
    return ""


def _unanswering(view: ClusterView, leader: ServerView) -> str:
    """Who can't answer, where a majority can't."""
    voters = leader.configuration.all_voters
    silent = [name for name in voters if name != leader.id and unreachable(view, leader, name)]
    if not lacking(leader.configuration, [name for name in voters if name not in silent]):
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


def _early_read(view: ClusterView, operation: OperationView) -> str:
    leader = latest_leader(view)
    if leader is None or not isinstance(operation.command, Get) or leader.log.term_at(leader.commit_index) == leader.current_term:
        return ""
    last = leader.log.last_index
    own = why_not_committed(view, last, leader.id) if last > leader.commit_index else "it is about to append one. §8"
    return (
        f"{leader.id} answers no read before it has committed an entry of its own term {leader.current_term}: only then it knows what is "
        f"committed (thesis 6.4, step 1): {own}"
    )


def _nobody_listens(view: ClusterView, operation: OperationView) -> str:
    """What was asked is lost, or was never taken in."""
    client = operation.client
    if view.leader is None:
        return f"Nobody can carry it out without a leader that a majority follows; {client} goes on asking: {why_no_leader(view)}"

    def fate(name: str) -> str:
        if stopped(view.servers[name]):
            return stopped(view.servers[name])
        there, back = carries(view, client, name), carries(view, name, client)
        return "" if there and back else f"has no whole link with {client}"

    deaf = [name for name in view.servers if fate(name)]
    why = f", since {said_of_each(deaf, fate)}" if deaf else ""
    return f"What {client} asked, or the answer, was lost{why}; it asks the next server when its patience ends, and {view.leader} leads. §8"
