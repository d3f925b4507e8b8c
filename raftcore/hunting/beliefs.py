"""What servers believe in a small world, judged by the beliefs that watch random runs (raftcore/checks/beliefs)."""

from raftcore.checks.beliefs.belief import Belief
from raftcore.checks.beliefs.changes import flaws_of_change
from raftcore.checks.beliefs.others import MatchIsTrue, RoundIsHeard, SavedIsSaved, TermAndVoteAreSaved
from raftcore.hunting.laws import Finding, Heard, History
from raftcore.hunting.minds import Mind, Outcome
from raftcore.hunting.small_world import Packet
from raftcore.vocabulary.messages import AppendEntries
from raftcore.vocabulary.names import ServerId


def judge_own(step: Outcome) -> Finding | None:
    """What a server believes of itself and of its disk after a step, and what it must not have changed in it."""
    before, after = step.before, step.after
    if after.notes is None:
        return None
    if after.flaw:
        return _found(*after.flaw)
    if before.notes:
        flaws = flaws_of_change(before.notes, after.notes)
        if flaws:
            return _found(*flaws[0])
    wrong = SavedIsSaved.flaw(after.notes, after.kept_index)
    if wrong:
        return _found(SavedIsSaved, wrong, (after.server,))
    for packet in step.told:
        if isinstance(packet, Packet):
            wrong = TermAndVoteAreSaved.flaw(packet.source, packet.target, packet.message, after.kept_term, after.kept_vote)
            if wrong:
                return _found(TermAndVoteAreSaved, wrong, (after.server,))
    return None


def judge_match(leader: Mind, it: Mind) -> Finding | None:
    """What a leader believes of this follower's log. One that is in a later term may have changed it."""
    if leader.notes is None or it.term > leader.term:
        return None
    match = leader.notes.matches.get(it.server)
    wrong = MatchIsTrue.flaw(leader.notes, match, it, it.kept_index) if match else ""
    return _found(MatchIsTrue, wrong, (leader.server, it.server)) if wrong else None


def hear(history: History, packet: Packet, me: Mind) -> History:
    """The history after this packet was delivered to this server."""
    ask = packet.message
    if not isinstance(ask, AppendEntries) or not ask.round or me.term > ask.term:
        return history
    now = Heard(me.server, ask.leader_id, ask.term, ask.round)
    before = next((it for it in history.heard if it[:2] == now[:2]), None)
    if before and before >= now:
        return history
    return history._replace(heard=history.heard - {before} | {now})


def judge_rounds(history: History, leader: Mind) -> Finding | None:
    """Which rounds this leader counts as answered."""
    if leader.notes is None:
        return None
    wrong = RoundIsHeard.flaw(leader.notes, {(it.follower, it.leader): (it.term, it.round) for it in history.heard})
    return _found(RoundIsHeard, wrong, (leader.server,)) if wrong else None


def _found(belief: type[Belief], sentence: str, servers: tuple[ServerId, ...]) -> Finding:
    return Finding(belief.name, sentence, servers)
