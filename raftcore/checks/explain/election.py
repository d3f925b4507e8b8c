"""Why there is no leader."""

from raftcore.checks.explain.reach import lacking, listed, needs, runs, said_of_each, stopped, unreachable
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.names import Role, ServerId


def why_no_leader(view: ClusterView) -> str:
    """Why no server leads with a majority behind it, in a sentence; or who does."""
    if view.leader is not None:
        led = view.servers[view.leader]
        return f"There is a leader: {led.id} leads term {led.current_term}, and a majority follows it. §5.2"
    if not view.configuration.all_voters:
        return "No server is a voter of a cluster yet. §6"
    return _too_few_run(view) or _links_forbid(view) or _election(view) or _asking(view) or _leader_unheard(view) or _waiting(view)


def _too_few_run(view: ClusterView) -> str:
    running = [name for name in view.configuration.all_voters if runs(view.servers[name])]
    if not lacking(view.configuration, running):
        return ""
    down = [name for name in view.configuration.all_voters if name not in running]
    why = said_of_each(down, lambda name: stopped(view.servers[name]))
    return f"A leader needs the votes of {needs(view.configuration)}, and {why}. §5.2"


def _links_forbid(view: ClusterView) -> str:
    """Whether the links leave no server a majority that it can ask and that can answer."""
    voters = [view.servers[name] for name in view.configuration.all_voters]
    most: list[ServerId] = []
    for server in filter(runs, voters):
        reached = [peer.id for peer in voters if peer.id == server.id or not unreachable(view, server, peer.id)]
        if not lacking(view.configuration, reached):
            return ""
        most = max(most, reached, key=len)
    return f"A leader needs the votes of {needs(view.configuration)}, and the links let no server ask more than {listed(most)}. §5.2"


def _election(view: ClusterView) -> str:
    """An election under way: who stands, with which votes, and what is missing."""
    candidates = [server for server in view.servers.values() if runs(server) and server.role is Role.CANDIDATE]
    if not candidates:
        return ""
    term = max(server.current_term for server in candidates)
    standing = [server for server in candidates if server.current_term == term]
    held = listed([f"{server.id} with {len(server.votes)} vote{'s' * (len(server.votes) != 1)}" for server in standing])
    if len(standing) > 1:
        ends_ms = min(server.timer_ms[1] for server in standing if server.timer_ms)
        return (
            f"The vote of term {term} is split: {held} stand, and a majority is {needs(view.configuration)}; the first of them whose timer "
            f"runs out, at {ends_ms:,.0f} ms, begins a new term. §5.2"
        )
    candidate = standing[0]
    missing = [name for name in candidate.configuration.all_voters if name not in candidate.votes and name != candidate.id]
    if not lacking(candidate.configuration, [*candidate.votes, candidate.id]):
        return f"{candidate.id} stands for term {term}, has the votes that it needs, and leads in the same instant. §5.2"
    why = said_of_each(missing, lambda name: _no_vote(view, candidate, name))
    return f"{held} stands for term {term} and needs {needs(candidate.configuration)}; {why}. §5.2"


def _asking(view: ClusterView) -> str:
    """Servers that ask whether they would win, before they begin a term."""
    asking = [server for server in view.servers.values() if runs(server) and server.pre_votes and server.role is Role.FOLLOWER]
    if not asking:
        return ""
    best = max(asking, key=lambda server: (server.current_term, len(server.pre_votes)))
    if not lacking(best.configuration, best.pre_votes):
        return f"{best.id} holds enough promises of votes, and stands for election in the same instant. Thesis 9.6"
    missing = [name for name in best.configuration.all_voters if name not in best.pre_votes]
    why = said_of_each(missing, lambda name: _no_vote(view, best, name))
    return (
        f"{best.id} asks who would vote for it in term {best.current_term + 1}, and needs the promises of {needs(best.configuration)}; "
        f"it holds {len(best.pre_votes)}: {why}. Thesis 9.6"
    )


def _no_vote(view: ClusterView, candidate: ServerView, name: ServerId) -> str:
    """Why a candidate does not hold this voter's vote, or promise of one, as the predicate of a sentence."""
    voter = view.servers[name]
    if unreachable(view, candidate, name):
        return unreachable(view, candidate, name)
    if _is_ahead(voter, candidate):
        return "has a log that is ahead (§5.4.1)"
    standing = candidate.role is Role.CANDIDATE
    if standing and voter.current_term > candidate.current_term:
        return "is in a later term"
    if standing and voter.current_term == candidate.current_term and voter.voted_for not in (None, candidate.id):
        return "voted for another"
    return "has not answered yet"


def _is_ahead(voter: ServerView, candidate: ServerView) -> bool:
    """Whether the voter's log is more up to date (§5.4.1)."""

    def end(server: ServerView) -> tuple[int, int]:
        return server.log.term_at(server.log.last_index), server.log.last_index

    return end(voter) > end(candidate)


def _leader_unheard(view: ClusterView) -> str:
    """A leader that was just elected, or that few can hear."""
    if not view.leaders:
        return ""
    leader = max(view.leaders, key=lambda server: server.current_term)
    voters = [view.servers[name] for name in leader.configuration.all_voters if name != leader.id]
    others = [it.id for it in voters if (it.leader, it.current_term) != (leader.id, leader.current_term) or not it.alive]
    if not others:
        return f"{leader.id} has just won term {leader.current_term}. §5.2"
    why = said_of_each(others, lambda name: unreachable(view, leader, name) or "has not heard from it yet")
    return f"{leader.id} leads term {leader.current_term} without the {needs(leader.configuration)} that must follow it; {why}. §5.2"


def _waiting(view: ClusterView) -> str:
    """Nobody stands: the timers still run."""
    timers = [(server.timer_ms[1], name) for name, server in view.servers.items() if runs(server) and server.timer_ms]
    if not timers:
        return "No server runs that could stand for election. §5.2"
    first_ms, name = min(timers)
    return f"Nobody stands for election yet: the first election timeout to run out is that of {name}, at {first_ms:,.0f} ms. §5.2"
