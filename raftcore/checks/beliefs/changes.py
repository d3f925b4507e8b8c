"""Beliefs about what one server may change from one step to the next, by the little that is noted of it in between."""

from typing import NamedTuple

from raftcore.checks.beliefs.belief import Belief, Flaw
from raftcore.checks.situations.clients import quorum_heard
from raftcore.checks.situations.elections import vote_granted
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.names import LEADER, Index, ServerId, Term


class Match(NamedTuple):
    """What a leader believes of a follower: that its log equals the leader's up to `match_index`.

    term: of the leader's entry there, or None where the leader has compacted it away.
    """

    follower: ServerId
    match_index: Index
    term: Term | None


class Notes(NamedTuple):
    """What is noted of a server after a step.

    saved_index: up to where it counts its log as saved. leader: whom it follows, or followed in this term. Of a leader: round, its latest;
    answered, the latest that each has answered; settled, the latest that a quorum has; unanswered, the first that it remembers as not
    answered by one (0: none); matches, what it believes of each other.
    """

    server: ServerId
    term: Term
    voted_for: ServerId | None
    saved_index: Index
    leader: ServerId | None
    leads: bool
    round: int
    answered: dict[ServerId, int]
    settled: int
    unanswered: int
    configuration_index: Index
    matches: dict[ServerId, Match]


def notes_of(me: NodeState) -> Notes:
    """What there is to note of this server now."""
    reign, log = me.reign, me.log
    index = log.configuration_index
    if reign is None or me.role is not LEADER:
        return Notes(me.id, me.current_term, me.voted_for, me.saved_index, me.leader_id, False, 0, {}, 0, 0, index, {})
    settled = quorum_index(me.configuration, reign.answered) if reign.answered else 0
    return Notes(
        server=me.id,
        term=me.current_term,
        voted_for=me.voted_for,
        saved_index=me.saved_index,
        leader=me.leader_id,
        leads=True,
        round=reign.round,
        answered=dict(reign.answered),
        settled=settled,
        unanswered=reign.sent[0][0] if reign.sent else 0,
        configuration_index=index,
        matches=_matches(me),
    )


def _matches(me: NodeState) -> dict[ServerId, Match]:
    log, matches = me.log, {}
    for follower, progress in me.progress.items():
        at = progress.match_index
        if at:
            matches[follower] = Match(follower, at, log.term_at(at) if log.base_index <= at <= log.last_index else None)
    return matches


class OneLeaderATerm(Belief):
    """Within a term a server votes for one candidate and follows one leader at most, also where it forgets in between whom it followed."""

    name = "One Leader A Term"
    section = "§5.2"
    premise = vote_granted

    @staticmethod
    def flaw(before: Notes, after: Notes) -> str:
        """What is wrong, as the end of a sentence that begins with the server's name; "" where nothing is."""
        if before.term != after.term:
            return ""
        if before.voted_for and after.voted_for != before.voted_for:
            return f"had voted for {before.voted_for} in term {after.term}, and has now voted for {after.voted_for or 'nobody'}"
        if before.leader and after.leader and after.leader != before.leader:
            return f"followed {before.leader} in term {after.term}, and now follows {after.leader}"
        return ""


class RoundsGoForward(Belief):
    """While a server leads in a term, its rounds and what others have answered only grow, and it forgets no round before a quorum has

    answered it: else it does not know since when it has been heard.
    """

    name = "Rounds Go Forward"
    section = "thesis 6.4, 6.2"
    premise = quorum_heard

    @staticmethod
    def flaw(before: Notes, after: Notes) -> str:
        """What is wrong, as the end of a sentence that begins with the server's name; "" where nothing is."""
        if not (before.leads and after.leads and before.term == after.term):
            return ""
        if after.round < before.round:
            return f"was in round {before.round} of term {after.term}, and is in round {after.round} now"
        back = next((name for name, number in before.answered.items() if after.answered.get(name, 0) < number), "")
        if back:
            return f"knew that {back} had answered round {before.answered[back]}, and believes {after.answered.get(back, 0)} now"
        settled = max(before.settled, after.settled)
        forgets = before.unanswered > settled and after.unanswered != before.unanswered
        if forgets and before.configuration_index == after.configuration_index:
            return f"has forgotten when it sent round {before.unanswered}, and a quorum has answered up to {settled} only"
        return ""


CHANGES: tuple[type[OneLeaderATerm | RoundsGoForward], ...] = (OneLeaderATerm, RoundsGoForward)


def flaws_of_change(before: Notes, after: Notes) -> list[Flaw]:
    """What a server must not have changed."""
    flaws = [(belief, belief.flaw(before, after)) for belief in CHANGES]
    return [Flaw(belief, f"{after.server} {wrong}", (after.server,)) for belief, wrong in flaws if wrong]


def keep_leader(before: Notes, after: Notes) -> Notes:
    """The notes after a step, with the leader that was followed before in the same term, where none is followed now."""
    if before.term == after.term and before.leader and not after.leader:
        return after._replace(leader=before.leader)
    return after
