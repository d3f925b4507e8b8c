"""Why there is no leader."""

from raftcore.checks.explain.reach import (
    lacking,
    listed,
    missed,
    needs,
    reached,
    runs,
    said_of_each,
    stopped,
    unreachable,
    while_paused,
)
from raftcore.checks.explain.refusal import vote_refused
from raftcore.trace.view import ClusterView, ServerView, require_view
from raftcore.vocabulary.names import Role, ServerId


def why_no_leader(view: ClusterView) -> str:
    """Why no server leads with a majority behind it, in a sentence; or who does. Raises ConfigError where `view` is none."""
    require_view(view)
    if view.leader is not None:
        return _led(view, view.servers[view.leader])
    if not view.configuration.all_voters:
        return "No server is a voter of a cluster yet. §6"
    return _too_few_run(view) or _links_forbid(view) or _election(view) or _asking(view) or _leader_unheard(view) or _waiting(view)


def first_to_stand(view: ClusterView) -> tuple[float, ServerId] | None:
    """When the first election timeout runs out, and whose it is; None where none runs. Only a voter stands, so nobody else counts (§6)."""
    voters = [view.servers[name] for name in view.configuration.all_voters]
    able = [it for it in voters if runs(it) and it.role is not Role.LEADER and it.id in it.configuration.all_voters]
    return min(((it.timer_ms[1], it.id) for it in able if it.timer_ms), default=None)


def _led(view: ClusterView, leader: ServerView) -> str:
    if runs(leader):
        followed = f"There is a leader: {leader.id} leads term {leader.current_term}, and a majority follows it"
        return f"{followed}{_for_now(view, leader)}. §5.2"
    follows = f"it leads term {leader.current_term}, and a majority follows it for now"
    return f"{while_paused(leader)}{follows}{_first_timeout(view, '; ')}. §5.2"


def _for_now(view: ClusterView, leader: ServerView) -> str:
    """What keeps a leader from a majority of those that follow it, and have not noticed yet."""
    unheard = missed(leader.configuration, reached(view, leader, leader.configuration))
    return f" for now, but {said_of_each(unheard, lambda name: unreachable(view, leader, name))}" if unheard else ""


def _first_timeout(view: ClusterView, before: str) -> str:
    first = first_to_stand(view)
    return f"{before}the first election timeout to run out is that of {first[1]}, at {first[0]:,.0f} ms" if first else ""


def _too_few_run(view: ClusterView) -> str:
    running = [name for name in view.configuration.all_voters if runs(view.servers[name])]
    if not lacking(view.configuration, running):
        return ""
    why = said_of_each(missed(view.configuration, running), lambda name: stopped(view.servers[name]))
    return f"A leader needs the votes of {needs(view.configuration)}, and {why}. §5.2"


def _links_forbid(view: ClusterView) -> str:
    """Whether the links leave no server a majority that it can ask and that can answer."""
    voters = [view.servers[name] for name in view.configuration.all_voters]
    sides = [reached(view, server, view.configuration) for server in voters if runs(server)]
    if not all(lacking(view.configuration, side) for side in sides):
        return ""
    named = listed(list(dict.fromkeys(f"({' '.join(side)})" for side in sides)))
    return f"A leader needs the votes of {needs(view.configuration)}, and the links leave no side a majority: {named}. §5.2"


def _rivals(view: ClusterView) -> list[ServerView]:
    """Who stands for election, or asks whether it would win."""
    return [server for server in view.servers.values() if runs(server) and (server.role is Role.CANDIDATE or server.pre_votes)]


def _hopeful(view: ClusterView) -> list[ServerView]:
    """Those of them who hold the votes of a majority, or can ask and hear one. Who can't, enters term after term in vain."""
    return [
        server
        for server in _rivals(view)
        if not lacking(server.configuration, {*server.votes, *server.pre_votes, *reached(view, server, server.configuration)})
    ]


def _election(view: ClusterView) -> str:
    """An election under way: who stands, with which votes, and what is missing."""
    candidates = [server for server in _hopeful(view) if not server.pre_votes]
    if not candidates:
        return ""
    term = max(server.current_term for server in candidates)
    standing = [server for server in candidates if server.current_term == term]
    if len(standing) == 1 or not _is_split(view, standing):
        return f"{'. '.join(_candidacy(view, candidate) for candidate in standing)}. §5.2"
    ends_ms = min(server.timer_ms[1] for server in standing if server.timer_ms)
    return (
        f"The vote of term {term} is split: {listed(list(map(_with_votes, standing)))} stand, and a majority is "
        f"{needs(view.configuration)}; the first of them whose timer runs out, at {ends_ms:,.0f} ms, begins a new term. §5.2"
    )


def _is_split(view: ClusterView, standing: list[ServerView]) -> bool:
    """Whether so many votes are given, counted or still on their way, that the rest can make no candidate a leader."""
    term = standing[0].current_term
    given = {voter.id: voter.voted_for for voter in view.servers.values() if voter.current_term == term}
    given |= {name: candidate.id for candidate in standing for name in candidate.votes}
    return all(
        lacking(candidate.configuration, [name for name in view.servers if given.get(name) in (None, candidate.id)])
        for candidate in standing
    )


def _candidacy(view: ClusterView, candidate: ServerView) -> str:
    """What one candidate has, and what it lacks."""
    agreeing = {*candidate.votes, candidate.id}
    if not lacking(candidate.configuration, agreeing):
        return f"{candidate.id} stands for term {candidate.current_term}, has the votes that it needs, and leads in the same instant"
    why = said_of_each(missed(candidate.configuration, agreeing), lambda name: _no_vote(view, candidate, name))
    return f"{_with_votes(candidate)} stands for term {candidate.current_term} and needs {needs(candidate.configuration)}; {why}"


def _with_votes(candidate: ServerView) -> str:
    return f"{candidate.id} with {len(candidate.votes)} vote{'s' * (len(candidate.votes) != 1)}"


def _asking(view: ClusterView) -> str:
    """Servers that ask whether they would win, before they begin a term."""
    asking = [server for server in _hopeful(view) if server.pre_votes]
    if not asking:
        return ""
    best = max(asking, key=lambda server: (server.current_term, len(server.pre_votes)))
    if not lacking(best.configuration, best.pre_votes):
        return f"{best.id} holds enough promises of votes, and stands for election in the same instant. Thesis 9.6"
    why = said_of_each(missed(best.configuration, best.pre_votes), lambda name: _no_vote(view, best, name))
    return (
        f"{best.id} asks who would vote for it in term {best.current_term + 1}, and needs the promises of {needs(best.configuration)}; "
        f"it holds {len(best.pre_votes)}: {why}. Thesis 9.6"
    )


def _no_vote(view: ClusterView, candidate: ServerView, name: ServerId) -> str:
    """Why a candidate does not hold this voter's vote, or promise of one, as the predicate of a sentence."""
    voter = view.servers[name]
    if unreachable(view, candidate, name):
        return unreachable(view, candidate, name)
    if name in candidate.denied:
        return vote_refused(voter, candidate.denied[name])
    if voter.log.end > candidate.log.end:
        return "has a log that is ahead (§5.4.1)"
    standing = not candidate.pre_votes
    if standing and voter.current_term > candidate.current_term:
        return "is in a later term"
    if standing and voter.current_term == candidate.current_term and voter.voted_for not in (None, candidate.id):
        return "voted for another"
    return "has not answered yet"


def _leader_unheard(view: ClusterView) -> str:
    """A leader that was just elected, or that few can hear."""
    leader = view.latest_leader
    if leader is None or stopped(leader):
        return ""
    others = missed(leader.configuration, {leader.id, *view.behind(leader)})
    if not others:
        return f"{leader.id} has just won term {leader.current_term}. §5.2"
    why = said_of_each(others, lambda name: unreachable(view, leader, name) or "has not heard from it yet")
    return f"{leader.id} leads term {leader.current_term} without the {needs(leader.configuration)} that must follow it; {why}. §5.2"


def _waiting(view: ClusterView) -> str:
    """Nobody stands, or only in vain: the timers still run."""
    timeout, leader = _first_timeout(view, ": "), view.latest_leader
    if not timeout:
        return "No server runs that could stand for election. §5.2"
    nobody = "Nobody who can reach a majority" if _rivals(view) else "Nobody"
    return f"{while_paused(leader) if leader else ''}{nobody} stands for election yet{timeout}. §5.2"
