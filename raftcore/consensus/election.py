"""Leader election (§5.2) with the election restriction (§5.4.1), pre-vote (thesis 9.6) and the guard of a live leader (thesis 4.2.3).

Each rule is a function of the server's state and one message, and reads beside Figure 2.
"""

from math import inf

from raftcore.consensus.reads import settle_rounds
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.events import PreVoteStarted, VoteCounted
from raftcore.vocabulary.messages import Entry, PreVote, PreVoteReply, RequestVote, RequestVoteReply, TimeoutNow
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, Reason

# ---- elections


def start_election(me: NodeState, transferred: bool = False) -> None:
    """Begin a term as a candidate and ask every other voter for its vote (§5.2)."""
    me.become_candidate()
    ask = RequestVote(me.current_term, me.id, me.log.last_index, me.log.last_term, transferred)
    for voter in me.configuration.all_voters:
        if voter != me.id:
            me.send(voter, ask)


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
    me.log.append(Entry(me.current_term, at_ms=me.now_ms))


# ---- the guard of a live leader


def guards_leader(me: NodeState, ask: RequestVote | PreVote) -> bool:
    """Whether this server hears a leader, and so takes part in no election that the leader did not ask for (thesis 4.2.3).

    It votes in no later term, even where it has entered that by another's answer: the leader may count on a lease (6.4.1).
    """
    if not me.config.leader_guard or (isinstance(ask, RequestVote) and ask.transferred):
        return False
    if me.reign:
        settle_rounds(me, me.reign)
    heard_ms = me.reign.quorum_heard_ms if me.reign else me.leader_heard_ms
    return me.now_ms - heard_ms < me.lasts(me.config.election_timeout_ms[0])


# ---- pre-vote: would I win?


def start_pre_vote(me: NodeState) -> None:
    """Ask every other voter whether it would vote for this server, before disturbing anyone with a new term (thesis 9.6)."""
    me.reset_election_timer()
    me.leader_id = None
    me.pre_votes = set()
    next_term = me.current_term + 1
    me.say(PreVoteStarted(me.now_ms, me.id, next_term))
    count_pre_vote(me, me.id)
    for voter in me.configuration.all_voters:
        if voter != me.id:
            me.send(voter, PreVote(next_term, me.id, me.log.last_index, me.log.last_term))


def answer_pre_vote(me: NodeState, ask: PreVote) -> PreVoteReply:
    """Say whether this server would vote so; it binds itself to nothing, and its timer goes on.

    Of two that ask at once the one with the lower name goes on, or they may split the vote (§5.2). The other one gives way only once in
    a term: the rival may reach no majority, and this server may be the only one that does (thesis 9.6, 4.2.3: pre-vote and the guard
    must not keep a server from standing that can win). This rule is not in the thesis; it decides only when a server asks.
    """
    reason = None
    if ask.next_term < me.current_term:
        reason = Reason.STALE_TERM
    elif guards_leader(me, ask):
        reason = Reason.LEADER_HEARD
    elif ask.next_term == me.current_term and me.voted_for not in (None, ask.candidate_id):
        reason = Reason.ALREADY_VOTED
    elif me.log.is_ahead_of(ask.last_log_index, ask.last_log_term):
        reason = Reason.LOG_BEHIND
    elif me.pre_votes and ask.candidate_id < me.id and not me.gave_way:
        me.pre_votes = set()
        me.gave_way = True
    return PreVoteReply(me.current_term, ask.next_term, me.id, reason is None, reason)


def absorb_pre_vote_reply(me: NodeState, reply: PreVoteReply) -> None:
    """Count a promise, if this server still asks for it."""
    still_asked = me.pre_votes and reply.next_term == me.current_term + 1
    if still_asked and reply.vote_granted:
        count_pre_vote(me, reply.voter_id)


def count_pre_vote(me: NodeState, voter: str) -> None:
    """Hold a voter's promise, once."""
    if voter not in me.pre_votes:
        me.pre_votes.add(voter)
        me.say(VoteCounted(me.now_ms, me.id, voter, me.current_term + 1, pre_vote=True))


# ---- told to stand


def answer_timeout_now(me: NodeState, ask: TimeoutNow) -> None:
    """Stand for election at once, without asking first, since the leader itself wants it (thesis 3.10).

    A call of an earlier term is void, and so is one from before the leader's latest round that was heard: the transfer may have been
    given up since, and the leader may serve clients again.
    """
    still_wanted = ask.term == me.current_term and ask.round >= me.leader_round
    if still_wanted and me.role is FOLLOWER and me.may_stand:
        me.leader_heard_ms = -inf
        start_election(me, transferred=True)
