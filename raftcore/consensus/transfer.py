"""Leadership transfer (thesis 3.10): the leader brings the target up to date, takes in nothing new meanwhile, and tells it to stand.

As in etcd's raft, a transfer to another server takes the place of the one under way, and one to the leader itself cancels that.
"""

from raftcore.consensus.progress import Reign, Transfer
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.events import TransferEnded, TransferStarted
from raftcore.vocabulary.messages import TimeoutNow
from raftcore.vocabulary.names import ServerId


def why_no_transfer(me: NodeState, target: ServerId) -> str:
    """Why this server can't hand its leadership to the target, as a sentence; "" if it can."""
    if me.reign is None:
        return f"{me.id} does not lead"
    under_way = me.reign.transfer
    if target == me.id:
        return "" if under_way else f"{target} leads already; name another server"
    if target in me.configuration.learners:
        return f"{target} is a learner, and a learner can't lead; make it a voter first"
    if target not in me.configuration.all_voters:
        return f"{target} is no voter of this cluster; choose one of {', '.join(me.configuration.all_voters)}"
    if under_way and under_way.target == target:
        return f"{me.id} is handing over to {target} already; wait, name another voter, or name {me.id} to cancel"
    return ""


def start_transfer(me: NodeState, target: ServerId) -> None:
    """Begin to hand over, in place of a transfer that is under way; after an election timeout it is given up. To itself: only cancel."""
    assert me.reign
    give_up(me, me.reign)
    if target == me.id:
        return
    deadline_ms = me.now_ms + me.longest_ms
    me.reign.transfer = Transfer(target, deadline_ms)
    me.say(TransferStarted(me.now_ms, me.id, target, deadline_ms))
    advance_transfer(me)


def advance_transfer(me: NodeState) -> None:
    """Tell the target to stand as soon as it has all of this log; give up when the time is over, or when it is no voter any more."""
    transfer = me.reign.transfer if me.reign else None
    if me.reign is None or transfer is None:
        return
    if me.now_ms >= transfer.deadline_ms or transfer.target not in me.configuration.all_voters:
        give_up(me, me.reign)
    elif transfer.target in me.progress and me.progress[transfer.target].match_index == me.log.last_index:
        me.reign.transferred = True
        me.send(transfer.target, TimeoutNow(me.current_term, me.id, me.reign.round))


def give_up(me: NodeState, reign: Reign) -> None:
    """Go on leading. The target may have been told to stand, and still may: nothing that it does then is unsafe."""
    if reign.transfer:
        me.say(TransferEnded(me.now_ms, me.id, reign.transfer.target, done=False))
        reign.transfer = None
