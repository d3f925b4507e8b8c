"""Leadership transfer (thesis 3.10): the leader brings the target up to date, takes in nothing new meanwhile, and tells it to stand."""

from raftcore.consensus.progress import Transfer
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.events import TransferEnded, TransferStarted
from raftcore.vocabulary.messages import TimeoutNow
from raftcore.vocabulary.names import ServerId


def why_no_transfer(me: NodeState, target: ServerId) -> str:
    """Why this server can't hand its leadership to the target, as a sentence; "" if it can."""
    if me.reign is None:
        return f"{me.id} does not lead"
    if target == me.id:
        return f"{target} leads already; name another server"
    if target in me.configuration.learners:
        return f"{target} is a learner, and a learner can't lead; make it a voter first"
    if target not in me.configuration.all_voters:
        return f"{target} is no voter of this cluster; choose one of {', '.join(me.configuration.all_voters)}"
    if me.reign.transfer:
        return f"{me.id} is handing over to {me.reign.transfer.target} already; wait until that is done or given up"
    return ""


def start_transfer(me: NodeState, target: ServerId) -> None:
    """Begin to hand over; after an election timeout it is given up."""
    assert me.reign
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
        me.reign.transfer = None
        me.say(TransferEnded(me.now_ms, me.id, transfer.target, done=False))
    elif transfer.target in me.progress and me.progress[transfer.target].match_index == me.log.last_index:
        me.reign.transferred = True
        me.send(transfer.target, TimeoutNow(me.current_term, me.id, me.reign.round))
