"""Leader election (§5.2) with the election restriction (§5.4.1).

Each rule is a function of the server's state and one message, and reads beside Figure 2.
"""

from raftcore.consensus.state import NodeState
from raftcore.vocabulary.messages import Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, Reason


def start_election(me: NodeState) -> None:
    """Begin a term as a candidate and ask every other server for its vote (§5.2)."""
    me.become_candidate()
    for peer in me.peers:
        me.send(peer, RequestVote(me.current_term, me.id, me.log.last_index, me.log.last_term))


def answer_request_vote(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    """RequestVote RPC, receiver (Figure 2). The step numbers are the paper's."""
    if ask.term < me.current_term:  # 1
        return refuse(me, Reason.STALE_TERM)

    unspent = me.voted_for in (None, ask.candidate_id)
    if not unspent:  # 2
        return refuse(me, Reason.ALREADY_VOTED)

    up_to_date = not me.log.is_ahead_of(ask.last_log_index, ask.last_log_term)
    if not up_to_date:  # 2, §5.4.1
        return refuse(me, Reason.LOG_BEHIND)

    me.vote_for(ask.candidate_id)
    return RequestVoteReply(me.current_term, me.id, vote_granted=True)


def refuse(me: NodeState, reason: Reason) -> RequestVoteReply:
    """Deny the vote and say why."""
    return RequestVoteReply(me.current_term, me.id, vote_granted=False, reason=reason)


def absorb_request_vote_reply(me: NodeState, reply: RequestVoteReply) -> None:
    """Count a vote of this election. One of an earlier term, or one that comes after the decision, is void."""
    of_this_election = me.role is CANDIDATE and reply.term == me.current_term
    if of_this_election and reply.vote_granted:
        me.count_vote(reply.voter_id)


def start_reign(me: NodeState) -> None:
    """Become leader, and append a no-op so that entries of earlier terms can be committed (§8, §5.4.2)."""
    me.become_leader()
    me.log.append(Entry(me.current_term))
