"""Reads that are no entries of the log (thesis ch. 6): a leader must know that it still leads when it answers.

Each round of heartbeats has a number, which answers repeat. Once a majority has answered a round, nobody else led when it was sent:
that lets reads out (6.4), extends the lease (6.4.1), and tells a leader that is cut off (6.2).
"""

from raftcore.consensus.progress import MOST_READS, PendingRead, Reign
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.events import QuorumHeard, ReadStarted
from raftcore.vocabulary.messages import ClientReply, ClientRequest
from raftcore.vocabulary.names import Reason


def answer_read(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Let a read be answered now, or later (None in both cases); a server that does not lead names the leader.

    A stale read is answered by any server from what it has applied. Where too many reads wait already, one more is refused.
    """
    mode = ask.command.mode if isinstance(ask.command, Get) else None
    if mode is ReadMode.STALE:
        me.reads.append(ask)
    elif me.reign is None:
        return ClientReply(ask.client_id, ask.sequence_num, me.id, ok=False, leader_id=me.leader_id, reason=Reason.NOT_LEADER)
    elif mode is ReadMode.LEASE and has_committed_in_its_term(me) and holds_lease(me, me.reign):
        me.reads.append(ask)
    elif len(me.reign.early_reads) + len(me.reign.reads) >= MOST_READS:
        return ClientReply(ask.client_id, ask.sequence_num, me.id, ok=False, reason=Reason.TOO_MANY_REQUESTS)
    elif not has_committed_in_its_term(me):  # 6.4, step 1: only now does it know what is committed
        me.reign.early_reads.append(ask)
    else:
        await_round(me, me.reign, ask)
    return None


def has_committed_in_its_term(me: NodeState) -> bool:
    """Whether the leader knows all that is committed: it has committed an entry of its own term (§5.4.2, §8)."""
    return me.log.term_at(me.commit_index) == me.current_term


def holds_lease(me: NodeState, reign: Reign) -> bool:
    """Whether no other server can have been elected (6.4.1): the majority that answered guards its leader until the lease ends.

    A transfer makes an election without waiting, so there is no lease from then on.
    """
    settle_rounds(me, reign)
    return me.config.leader_guard and me.now_ms < reign.lease_until_ms and not reign.transferred


def await_round(me: NodeState, reign: Reign, ask: ClientRequest) -> None:
    """Let a read wait for a majority to answer a round that begins after it came (6.4, steps 2 and 3).

    Reads that came together share one. A round that is out is too old, even where it is of the same instant: who has answered it may
    follow another by now.
    """
    if reign.round_is_out:
        start_round(me)
    reign.reads.append(PendingRead(ask, reign.round))
    me.say(ReadStarted(me.now_ms, me.id, ask.client_id, ask.sequence_num, me.commit_index, reign.round))


def start_round(me: NodeState) -> None:
    """Number a new round of heartbeats; the node sends them."""
    assert me.reign
    reign = me.reign
    reign.round += 1
    reign.round_is_out = False
    reign.answered[me.id] = reign.round
    reign.remember_round(me.now_ms)


def settle_rounds(me: NodeState, reign: Reign) -> None:
    """Learn which rounds a majority has answered by now, and what follows from that."""
    settled = quorum_index(me.configuration, reign.answered)
    while reign.reads and reign.reads[0].round <= settled:
        me.reads.append(reign.reads.popleft().ask)
    heard_ms = None
    while reign.sent and reign.sent[0][0] <= settled:
        _, heard_ms = reign.sent.popleft()
    if heard_ms is not None:
        extend_lease(me, reign, heard_ms)


def extend_lease(me: NodeState, reign: Reign, heard_ms: float) -> None:
    """A majority waits for an election timeout from `heard_ms` on, by clocks that may be faster than this server's (6.4.1)."""
    reign.quorum_heard_ms = heard_ms
    reign.lease_until_ms = heard_ms + me.lease_ms
    me.say(QuorumHeard(me.now_ms, me.id, heard_ms, reign.lease_until_ms))


def start_early_reads(me: NodeState) -> None:
    """Take in the reads that came before an entry of this term was committed."""
    if me.reign and me.reign.early_reads and has_committed_in_its_term(me):
        while me.reign.early_reads:
            await_round(me, me.reign, me.reign.early_reads.popleft())


def has_lost_majority(me: NodeState) -> bool:
    """Whether no majority has answered this leader for an election timeout, so that it should step down (6.2)."""
    if not me.config.check_quorum or me.reign is None:
        return False
    return me.now_ms - me.reign.quorum_heard_ms >= me.longest_ms
