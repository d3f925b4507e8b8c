"""Why a server refused, a command failed, or the network dropped: each Reason with its rule."""

from collections.abc import Mapping

from raftcore.trace.view import ServerView
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import AppendRefused, Event, MessageDelivered, MessageDropped, MessageSent, VoteDenied
from raftcore.vocabulary.messages import AppendEntriesReply, ClientReply, InstallSnapshotReply, PreVoteReply, RequestVoteReply
from raftcore.vocabulary.names import Reason, Role, ServerId

_VOTES = {
    Reason.STALE_TERM: "{server} knows of a later term than that of this election, and an election of the past decides nothing. §5.1",
    Reason.ALREADY_VOTED: "{server} gave its one vote of term {term} to another, and a second one could elect two leaders. §5.2",
    Reason.LOG_BEHIND: "{server}'s log is ahead of {candidate}'s: its last entry has a later term, or the same one and a higher index, so "
    "{candidate} may lack committed entries. §5.4.1",
    Reason.LEADER_HEARD: "{server} takes part in no election while a leader may live: it led with a majority, heard from a leader, or "
    "started (and may have heard one before) within the shortest election timeout. §6, thesis 4.2.3",
}
_VOTES_BRIEFLY = {
    Reason.STALE_TERM: "refused, knowing of a later term (§5.1)",
    Reason.ALREADY_VOTED: "refused, having voted for another (§5.2)",
    Reason.LOG_BEHIND: "refused, with a log that is ahead (§5.4.1)",
    Reason.LEADER_HEARD: "refused, having {heard} within the shortest election timeout (thesis 4.2.3)",
}
_APPENDS = {
    Reason.STALE_TERM: "{server} knows of a later term than that of {leader}, which leads no more and steps down when it hears of it. §5.1",
    Reason.LOG_GAP: "{server}'s log ends before entry {prev}, behind which the new ones belong; {leader} tries further back. §5.3",
    Reason.LOG_CONFLICT: "{server} has an entry of another term at {prev}, behind which the new ones belong; {leader} "
    "tries further back. §5.3",
}
_DROPS = {
    Reason.LOST: "The link from {source} to {target} loses some messages, and Raft's senders send again. §5.5",
    Reason.LINK_CUT: "The link from {source} to {target} is cut; whoever needs an answer sends again. §5.5",
    Reason.SERVER_FULL: "{target} was held up for so long that it can hold nothing more back; whoever needs an answer sends again. §5.5",
    Reason.SERVER_DOWN: "{target} does not run, so nobody took the message; whoever needs an answer sends again. §5.5",
}
_CLIENTS = {
    Reason.NOT_LEADER: "{server} does not lead, and only a leader takes commands; it names the leader that it knows. §8",
    Reason.TRANSFERRING: "{server} hands its leadership over and takes in nothing new, or its successor would never catch up. Thesis 3.10",
    Reason.TOO_MANY_REQUESTS: "{server} holds as many reads as it can, which wait for a majority; the client asks again. Thesis 6.4",
    Reason.OVERTAKEN: "{server} has applied a later command of the client's session, and remembers only the latest answer. Thesis 6.3",
    Reason.SESSION_EXPIRED: "The client's session had expired, so {server} can't know whether an earlier try was applied. Thesis 6.3",
    Reason.MISMATCH: "{server} has carried it out: the key does not hold what the comparison expects, so nothing changed. That is the "
    "answer, and the client does not ask again. §8",
    Reason.TOO_LARGE: "{server} has carried it out: with what is appended the value would be longer than a value may be, so nothing "
    "changed. That is the answer, and the client does not ask again. §8",
}


def why_refused(event: Event) -> str:
    """Why this vote, these entries, this request or this message came to nothing, in a sentence. ConfigError for an event of no refusal."""
    match event:
        case VoteDenied():
            return _said(_VOTES, event.reason, server=event.server, candidate=event.candidate, term=event.term)
        case AppendRefused():
            return _said(_APPENDS, event.reason, server=event.server, leader=event.leader, prev=event.prev_log_index)
        case MessageDropped():
            return _DROPS[event.reason].format(source=event.source, target=event.target)
        case MessageSent() | MessageDelivered():
            return _reply_refused(event)
    raise ConfigError(
        f"{type(event).__name__} refuses nothing; ask about a VoteDenied, an AppendRefused, a MessageDropped or a refusing reply"
    )


def vote_refused(voter: ServerView, reason: Reason) -> str:
    """The same of a vote, or the promise of one, as the predicate of a sentence about the voter."""
    heard = f"heard from {voter.leader}" if voter.leader else "heard from a leader, or started,"
    if voter.role is Role.LEADER:
        heard = "led with a majority"
    return _VOTES_BRIEFLY.get(reason, f"refused: {reason.value}").format(heard=heard)


def _said(sentences: Mapping[Reason, str], reason: Reason, server: ServerId, **others: object) -> str:
    """The sentence for this reason. A rule of one's own may refuse for a reason that Raft's has not."""
    return sentences.get(reason, f"{{server}} refused: {reason.value}.").format(server=server, **others)


def _reply_refused(event: MessageSent | MessageDelivered) -> str:
    reply, reason = event.message, getattr(event.message, "reason", None)
    if reason is not None:
        match reply:
            case RequestVoteReply():
                return _said(_VOTES, reason, server=event.source, candidate=event.target, term=reply.term)
            case PreVoteReply():
                return _said(_VOTES, reason, server=event.source, candidate=event.target, term=reply.next_term)
            case AppendEntriesReply():
                return _said(_APPENDS, reason, server=event.source, leader=event.target, prev=reply.prev_log_index)
            case InstallSnapshotReply():
                return _said(_APPENDS, reason, server=event.source, leader=event.target)
            case ClientReply():
                return _said(_CLIENTS, reason, server=event.source)
    raise ConfigError(f"{type(reply).__name__} from {event.source} refuses nothing; ask about a reply with a reason")
