"""Beliefs about others, which only somebody who sees all servers can judge: what followers hold and have heard, and what disks keep."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from raftcore.checks.beliefs.belief import Belief
from raftcore.checks.beliefs.changes import Match, Notes
from raftcore.checks.situations.clients import lease_held, quorum_heard
from raftcore.checks.situations.elections import vote_granted
from raftcore.checks.situations.logs import follower_matched, log_synced
from raftcore.consensus.progress import Reign
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.messages import Entry, Message, RequestVoteReply
from raftcore.vocabulary.names import Address, Index, ServerId, Term


class Entries(Protocol):
    """A log: the entries that follow `base_index`."""

    @property
    def base_index(self) -> Index: ...
    @property
    def entries(self) -> Sequence[Entry]: ...


class MatchIsTrue(Belief):
    """What a leader believes to be replicated is: the entry at matchIndex is in that follower's log and on its disk, with the term that it

    has in the leader's log. A follower that has gone on to a later term may have changed its log, and one whose disk lost what it had
    reported as kept may lack it.
    """

    name = "Match Is True"
    section = "Figure 2, §5.3"
    premise = follower_matched

    @staticmethod
    def flaw(leader: Notes, match: Match, entries: Entries, kept_index: Index) -> str:
        """What is wrong, given the follower's log, and up to where its disk keeps that; "" where nothing is."""
        follower, index, term = match
        base_index = entries.base_index
        last_index = base_index + len(entries.entries)
        believes = f"{leader.server} leads in term {leader.term} and believes that {follower}'s log equals its own up to {index}"
        if last_index < index:
            return f"{believes}, and it ends at {last_index}"
        if base_index < index:
            found = entries.entries[index - base_index - 1].term
            if term is not None and found != term:
                return f"{believes}, of term {term}, and it has term {found} there"
            if kept_index < index:
                return f"{believes}, and its disk keeps that only up to {kept_index}"
        return ""


class RoundIsHeard(Belief):
    """A round that a leader counts as answered was delivered to that follower in a message of the leader's present term, and the follower

    was in no later term then. Linearizable reads, leases and check-quorum stand on that.
    """

    name = "Round Is Heard"
    section = "thesis 6.4, 6.4.1, 6.2"
    premise = quorum_heard

    @staticmethod
    def flaw(leader: Notes, heard: Mapping[tuple[ServerId, ServerId], tuple[Term, int]]) -> str:
        """What is wrong; "" where nothing is. heard: by follower and leader, of the leader's latest term the latest round delivered."""
        for follower, number in leader.answered.items():
            if follower == leader.server or not number:
                continue
            term, latest = heard.get((follower, leader.server), (0, 0))
            known = latest if term == leader.term else 0
            if number > known:
                what = f"its latest of that term is {known}" if known else "nothing of that term has reached it"
                return f"{leader.server} leads in term {leader.term} and counts its round {number} as answered by {follower}, and {what}"
        return ""


class LeaseExcludes(Belief):
    """While a leader holds a lease, or could extend it by what has been answered, nobody else is elected in a later term: as long as clocks

    drift no more than they may, no timer is forced and the leader has told nobody to stand.
    """

    name = "Lease Excludes"
    section = "thesis 6.4.1"
    premise = lease_held

    @staticmethod
    def flaw(holder: NodeState, now_ms: float, elected: tuple[Term, ServerId]) -> str:
        """What is wrong; "" where nothing is. elected: the latest term in which there was a leader, and who it was."""
        reign, (term, other) = holder.reign, elected
        if reign is None or reign.transferred or not holder.config.leader_guard or term <= holder.current_term or other == holder.id:
            return ""
        until_ms = lease_end_ms(holder, reign)
        if now_ms >= until_ms:
            return ""
        return (
            f"{holder.id} leads in term {holder.current_term} with a lease until {until_ms:,.3f} ms, and {other} has been elected in term "
            f"{term} by {now_ms:,.3f} ms"
        )


def lease_end_ms(me: NodeState, reign: Reign) -> float:
    """When the lease ends that this leader holds, or would hold as soon as it looks at what has been answered."""
    settled = quorum_index(me.configuration, reign.answered) if reign.answered else 0
    heard = [sent_ms for number, sent_ms in reign.sent if number <= settled]
    return max([reign.lease_until_ms, *(sent_ms + me.lease_ms for sent_ms in heard)])


class SavedIsSaved(Belief):
    """What a server counts of its own log is on its disk. What it does not count is on its way there."""

    name = "Saved Is Saved"
    section = "Figure 2, §5.1"
    premise = log_synced

    @staticmethod
    def flaw(me: Notes, kept_index: Index) -> str:
        """What is wrong; "" where nothing is. kept_index: up to where the disk keeps the log as it is."""
        if me.saved_index <= kept_index:
            return ""
        return f"{me.server} counts its log as saved up to {me.saved_index}, and its disk keeps that up to {kept_index}"


class TermAndVoteAreSaved(Belief):
    """A server speaks only in a term that is on its disk, and gives only a vote that is on its disk."""

    name = "Term And Vote Are Saved"
    section = "Figure 2, §5.1"
    premise = vote_granted

    @staticmethod
    def flaw(me: ServerId, target: Address, message: Message, kept_term: Term, kept_vote: ServerId | None) -> str:
        """What is wrong with a message that leaves this server; "" where nothing is. A pre-vote binds nobody (thesis 9.6)."""
        term = getattr(message, "term", 0)  # clients' messages and pre-votes have none
        if term > kept_term:
            return f"{me} sends {type(message).__name__} in term {term}, and its disk keeps term {kept_term}"
        gives_vote = isinstance(message, RequestVoteReply) and message.vote_granted
        if gives_vote and term == kept_term and kept_vote != target:
            return f"{me} gives {target} its vote of term {term}, and its disk keeps a vote for {kept_vote or 'nobody'}"
        return ""


OTHERS: tuple[type[Belief], ...] = (MatchIsTrue, RoundIsHeard, LeaseExcludes, SavedIsSaved, TermAndVoteAreSaved)
