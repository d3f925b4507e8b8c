"""Why an entry is not committed."""

from raftcore.checks.explain.election import why_no_leader
from raftcore.checks.explain.reach import (
    lacking,
    listed,
    missed,
    needs,
    reached,
    said_of,
    said_of_each,
    stopped,
    unreachable,
    while_paused,
)
from raftcore.consensus.quorum import has_majority
from raftcore.trace.view import ClusterView, ServerView, require_view, voter_groups
from raftcore.vocabulary.errors import ConfigError, ServerNotFound
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply
from raftcore.vocabulary.names import Index, ServerId
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief


def why_not_committed(view: ClusterView, index: Index, server: ServerId | None = None) -> str:
    """Why the entry at `index` of a server's log is not committed, in a sentence; or that it is.

    server: whose log is meant; None: that of the latest leader, or without one, the log that has the entry in its latest term. Raises
    ServerNotFound, and ConfigError where that log has no such entry, or `view` is none.
    """
    require_view(view)
    place = whole(index)
    if place is None or place < 1:
        raise ConfigError(f"index={brief(index)} is no place in a log; the first entry is 1")
    return _why_not_committed(view, place, server)


def _why_not_committed(view: ClusterView, index: Index, server: ServerId | None) -> str:
    holder = _holder(view, index, server)
    if holder.alive and holder.commit_index >= index:
        return f"Entry {index} is committed, and {holder.id} knows it. §5.3"
    knowing = next((it for it in view.servers.values() if it.alive and it.commit_index >= index), None)
    if knowing:
        return _committed_elsewhere(view, holder, knowing, index)
    if holder.alive and holder in view.leaders:
        return _uncounted(view, holder, index)
    leader = view.latest_leader
    if (leader is None or leader.current_term < _term(holder, index)) and _may_be_committed(view, holder, index):
        return (
            f"No server that runs knows whether entry {index} of {holder.id} is committed, since commitIndex is volatile: a crash forgets "
            f"it (Figure 2). Only a leader finds out: {why_no_leader(view)}"
        )
    if leader is None:
        return f"Entry {index} waits for a leader, since only a leader commits: {why_no_leader(view)}"
    if leader.current_term < _term(holder, index):
        return (
            f"Entry {index} of {holder.id} waits for a leader of its term {_term(holder, index)} or a later one, since only such a leader "
            f"commits it, and {leader.id} leads term {leader.current_term}. §5.3"
        )
    if not _holds_same(leader, holder, index):
        return (
            f"{while_paused(leader)}Entry {index} of {holder.id} (term {_term(holder, index)}) is not in the log of {leader.id}, which "
            f"leads term {leader.current_term}; {holder.id} removes it when it hears from {leader.id}. §5.3"
        )
    return _uncounted(view, leader, index)


def _holder(view: ClusterView, index: Index, server: ServerId | None) -> ServerView:
    """Whose log is meant."""
    asked_of: object = server
    if asked_of is not None and not (isinstance(asked_of, str) and asked_of in view.servers):
        raise ServerNotFound(f"there is no server {brief(server)}; there are {', '.join(view.servers)}")
    leader = view.latest_leader
    asked = [view.servers[server]] if server is not None else [*([leader] if leader else []), *view.servers.values()]
    holders = [it for it in asked if index <= it.log.last_index]
    if not holders:
        longest = max(asked, key=lambda it: it.log.last_index)
        raise ConfigError(f"there is no entry {index} to ask about: the log of {longest.id} ends at {longest.log.last_index}")
    return holders[0] if holders[0] in asked[:1] else max(holders, key=lambda it: _term(it, index))


def _term(server: ServerView, index: Index) -> int:
    """The term of the entry; 0 where only a snapshot holds it."""
    return server.log.term_at(index) if index >= server.log.base_index else 0


def _holds_same(one: ServerView, other: ServerView, index: Index) -> bool:
    """Whether both logs have the same entry there. What stands in a snapshot is committed, so nobody has another."""
    if index > one.log.last_index or index > other.log.last_index:
        return False
    return not _term(one, index) or not _term(other, index) or _term(one, index) == _term(other, index)


def _may_be_committed(view: ClusterView, holder: ServerView, index: Index) -> bool:
    """Whether as many logs hold the entry as a commit needs, by the configuration of any server: a leader that crashed may have known."""
    holding = {it.id for it in view.servers.values() if _holds_same(it, holder, index)}
    groups = [voters for it in view.servers.values() for voters in voter_groups(it.configuration)]
    return not groups or any(has_majority(voters, holding) for voters in groups)  # at the instant of its restart, a lone server has none


def _committed_elsewhere(view: ClusterView, holder: ServerView, knowing: ServerView, index: Index) -> str:
    if not _holds_same(holder, knowing, index):
        return (
            f"Entry {index} of {holder.id} (term {_term(holder, index)}) never will be: {knowing.id} knows that the one of term "
            f"{_term(knowing, index)} is committed there, and {holder.id} removes its own when it hears from a leader. §5.3"
        )
    known = f"Entry {index} is committed, as {knowing.id} knows"
    leader = view.latest_leader
    if leader is None or not _holds_same(leader, holder, index):
        return f"{known}; {holder.id} learns it from a leader that has it: {why_no_leader(view)}"
    if leader.commit_index < index:
        return f"{known}; {leader.id} leads term {leader.current_term} and does not know it yet: {_uncounted(view, leader, index)}"
    return f"{known}; {holder.id} learns it from the leader's next message{_but_hindered(view, leader, holder)}. §5.3"


def _but_hindered(view: ClusterView, leader: ServerView, holder: ServerView) -> str:
    """What keeps the next message from being sent, or from arriving."""
    for server in (holder, leader):
        if stopped(server):
            return f", but {server.id} {stopped(server)}"
    cut = unreachable(view, leader, holder.id)
    return f", but {holder.id} {cut}" if cut else ""


# ---- what a leader counts


def _uncounted(view: ClusterView, leader: ServerView, index: Index) -> str:
    """Why a leader does not commit the entry by counting who has saved it (§5.3, §5.4.2)."""
    counted, paused = _counted(leader, index), while_paused(leader)
    if leader.log.term_at(index) < leader.current_term:
        return f"{paused}{_of_an_older_term(view, leader, index, counted)}"
    if not lacking(leader.configuration, counted):
        return f"{leader.id} has just learned that a majority has saved entry {index}, and commits it in the same instant. §5.3"
    needed = f"a commit needs {needs(leader.configuration)}"
    missing = f"{_missing(view, leader, index, counted)}{_also(view, leader, index)}"
    section = "§6" if leader.configuration.is_joint else "§5.3"
    return f"{paused}Entry {index} of {leader.id} {_where(leader, counted)}; {needed}, and {missing}. {section}"


def _counted(leader: ServerView, index: Index) -> list[ServerId]:
    """The voters of whom the leader knows that they have saved the entry, itself among them once its disk has synced."""
    return [name for name in leader.configuration.all_voters if _has_saved(leader, name, index)]


def _has_saved(leader: ServerView, name: ServerId, index: Index) -> bool:
    if name == leader.id:
        return leader.synced_index >= index
    return name in leader.progress and leader.progress[name].match_index >= index


def _of_an_older_term(view: ClusterView, leader: ServerView, index: Index, counted: list[ServerId]) -> str:
    """Figure 8: counting replicas of an older term's entry decides nothing, a later leader may still overwrite it."""
    own = index
    while leader.log.term_at(own) < leader.current_term and own < leader.log.last_index:
        own += 1
    though = "" if lacking(leader.configuration, counted) else ", though a majority has saved it"
    own_counted = _counted(leader, own)
    missing = f", and {_missing(view, leader, own, own_counted)}" if lacking(leader.configuration, own_counted) else ""
    return (
        f"Entry {index} is of term {leader.log.term_at(index)}, and {leader.id} leads term {leader.current_term}: no entry of an older "
        f"term is committed by counting{though}. {leader.id} commits it along with entry {own}, the first of its own term, which "
        f"{_where(leader, own_counted)} and needs {needs(leader.configuration)}{missing}. §5.4.2, Figure 8"
    )


def _where(leader: ServerView, counted: list[ServerId]) -> str:
    return f"is on {listed(counted)}, as far as {leader.id} knows" if counted else "is saved nowhere yet"


def _missing(view: ClusterView, leader: ServerView, index: Index, counted: list[ServerId]) -> str:
    """What keeps those from counting who are missed."""
    said = said_of_each(missed(leader.configuration, counted), lambda name: _hindrance(view, leader, name, index))
    heard_ms = leader.quorum_heard_ms
    if heard_ms is not None and lacking(leader.configuration, reached(view, leader, leader.configuration)):
        said += f"; no majority has answered what {leader.id} sent after {heard_ms:,.0f} ms"
    return said


def _hindrance(view: ClusterView, leader: ServerView, name: ServerId, index: Index) -> str:
    """Why this voter does not count yet, as the predicate of a sentence."""
    server = view.servers[name]
    if name == leader.id:
        return "has not synced it to its own disk"
    if unreachable(view, leader, name):
        return unreachable(view, leader, name)
    if not _holds_same(leader, server, index):
        return "is about to receive it" if _flies(view, leader.id, name, index) else "has not received it"
    if server.synced_index < index:
        return "has not synced it to disk"
    return (
        "has saved it, with the answer under way"
        if _flies(view, name, leader.id, index)
        else f"has saved it, unknown to {leader.id} so far"
    )


def _flies(view: ClusterView, source: ServerId, target: ServerId, index: Index) -> bool:
    """Whether a message is in flight that brings the entry, or the answer that it is saved."""
    for sent in view.messages.values():
        if (sent.source, sent.target) == (source, target):
            match sent.message:
                case AppendEntries(prev_log_index=before, entries=entries) if before < index <= before + len(entries):
                    return True
                case AppendEntriesReply(success=True, match_index=match) if match >= index:
                    return True
    return False


def _also(view: ClusterView, leader: ServerView, index: Index) -> str:
    """Who holds the entry and does not count, and who leads meanwhile."""
    now = leader.configuration
    learners = [name for name in now.learners if name not in now.all_voters and _has_saved(leader, name, index)]
    said = f"; {said_of(learners, 'holds it too, but a learner counts nowhere')}" if learners else ""
    if leader.id not in now.all_voters:
        said += f"; {leader.id} itself has left the voters and does not count"
    later = view.latest_leader
    if later and later.current_term > leader.current_term:
        said += f"; {later.id} leads term {later.current_term} meanwhile"
    return said
