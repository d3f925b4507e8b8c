"""What a rule writes straight into the state, told for it: "set commitIndex = N", "increment currentTerm", as Figure 2 says it.

The state's moves (become_follower, vote_for, count_vote …) tell what they do, and Raft's own rules use them. A rule of somebody else's
need not: what it changed and did not tell is told as soon as it is done. How far a server has committed, its node tells (node.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

from raftcore.consensus.state import NodeState
from raftcore.vocabulary.events import Event, LeaderRecognized, ProgressChanged, RoleChanged, VoteCounted, VoteGranted
from raftcore.vocabulary.names import FollowerState, Index, Role, ServerId, Term


class Facts(NamedTuple):
    """What of a state is told. progress: of each follower, its next_index, match_index and state."""

    role: Role
    term: Term
    voted_for: ServerId | None
    votes: frozenset[ServerId]
    pre_votes: frozenset[ServerId]
    leader_id: ServerId | None
    progress: list[tuple[ServerId, Index, Index, FollowerState]]


def facts_of(me: NodeState) -> Facts:
    """What is so now."""
    progress = [(follower, it.next_index, it.match_index, it.state) for follower, it in me.progress.items()]
    return Facts(me.role, me.current_term, me.voted_for, frozenset(me.votes), frozenset(me.pre_votes), me.leader_id, progress)


def tell_the_rest(me: NodeState, before: Facts, said: int) -> None:
    """Tell what is so now, and was not before, but for what the rule told itself: all events from `said` on.

    Whoever hears of a role forgets the rest, but for a vote of that term. So a role comes before all that was told while it was taken, and
    what was so under the one before is told again.
    """
    now = facts_of(me)
    if now == before:
        return
    (was, *rest_before), (role, *rest) = _tale(me, before), _tale(me, now)
    turn, known = _since_the_last_role(me.events, said), [*rest_before, *me.events[said:]]
    if role != (me.events[turn - 1] if turn > said else was):
        me.events.insert(turn, role)
        turn += 1
    if turn > said:
        known = [*(event for event in known if isinstance(event, VoteGranted)), *me.events[turn:]]
    for event in rest:
        if event not in known:
            me.say(event)


def _since_the_last_role(events: list[Event], said: int) -> int:
    """Where what was told of the latest role begins; `said` where no role was told of since then."""
    return max((at for at, event in enumerate(events, 1) if at > said and isinstance(event, RoleChanged)), default=said)


def _tale(me: NodeState, facts: Facts) -> Iterator[Event]:
    """All that tells these facts to one who knows nothing."""
    now_ms, name, term = me.now_ms, me.id, facts.term
    yield RoleChanged(now_ms, name, facts.role, term)
    if facts.voted_for is not None:
        yield VoteGranted(now_ms, name, facts.voted_for, term)
    for voter in sorted(facts.votes):
        yield VoteCounted(now_ms, name, voter, term)
    for voter in sorted(facts.pre_votes):
        yield VoteCounted(now_ms, name, voter, term + 1, pre_vote=True)
    if facts.leader_id is not None:
        yield LeaderRecognized(now_ms, name, facts.leader_id, term)
    for progress in facts.progress:
        yield ProgressChanged(now_ms, name, *progress)
