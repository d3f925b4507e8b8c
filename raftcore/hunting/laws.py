"""What must hold in a small world, judged at every step. The names are those of the checks that watch every run.

Some laws are about what came before: that is remembered as a History, which is part of the state. So two states are one only if no law
can ever tell them apart.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from raftcore.consensus.quorum import is_quorum
from raftcore.hunting.lone_server import Told
from raftcore.hunting.minds import Mind, Outcome
from raftcore.hunting.small_world import Packet
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import Committed, LogTruncated, RoleChanged
from raftcore.vocabulary.messages import Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import LEADER, ServerId, Term

JUDGED = RoleChanged | Committed | LogTruncated
"""The events that laws look at. Besides these they look at packets, and at the server's mind before and after."""


class Finding(NamedTuple):
    """A law that does not hold, what happened, in a sentence, and between whom."""

    property: str
    sentence: str
    servers: tuple[ServerId, ...]


Vote: TypeAlias = tuple[ServerId, Term, ServerId]
"""Who voted, in which term, and for whom."""


class Heard(NamedTuple):
    """The latest round of a leader, in the latest term, that was delivered to this follower while it was in no later term."""

    follower: ServerId
    leader: ServerId
    term: Term
    round: int


class History(NamedTuple):
    """What laws remember.

    votes: which server gave its vote of which term to whom, as far as it was sent. leaders: who was elected in which term. committed: the
    entries that were committed anywhere, from index 1 on, each with the term in which that was. heard: which rounds of whom were delivered
    to whom (beliefs.py).
    """

    votes: frozenset[Vote] = frozenset()
    leaders: frozenset[tuple[Term, ServerId]] = frozenset()
    committed: tuple[tuple[Entry, Term], ...] = ()
    heard: frozenset[Heard] = frozenset()


def judge_step(step: Outcome) -> Finding | None:
    """The laws about one server's step."""
    return next(_broken_by(step), None)


def _broken_by(step: Outcome) -> Iterator[Finding]:
    before, after = step.before, step.after
    me = (after.server,)
    if after.life is None:  # a crash may take back what was not saved
        return
    if after.term < before.term:
        yield Finding("Monotonic Term", f"{after.server} went back from term {before.term} to term {after.term} (§5.1)", me)
    if before.life is None:
        return
    log, end = before.entries, len(after.entries)
    if before.leads and after.leads and before.term == after.term and after.entries[: len(log)] != log:
        yield Finding(
            "Leader Append-Only", f"{after.server} leads in term {after.term} and has changed or removed entries of its own log", me
        )
    cut = min((event.last_index for event in step.told if isinstance(event, LogTruncated)), default=end)
    if cut < before.commit:
        yield Finding("Monotonic Commit", f"{after.server} had committed up to {before.commit} and has cut its log back to {cut}", me)
    commits = [before.commit, *(event.index for event in step.told if isinstance(event, Committed))]
    if commits != sorted(commits) or after.commit > end:
        row = ", then ".join(map(str, commits))
        yield Finding("Monotonic Commit", f"{after.server} has committed up to {row}, in a log of {end}", me)
    log = after.entries
    fall = next((index for index in range(1, end) if log[index].term < log[index - 1].term), 0)
    if fall:
        back = f"from term {log[fall - 1].term} back to term {log[fall].term} at index {fall + 1}"
        yield Finding("Terms Ordered", f"the log of {after.server} goes {back} (§5.3)", me)
    if log and log[-1].term > after.term:
        yield Finding("Terms Ordered", f"{after.server} is in term {after.term}, and its log ends in term {log[-1].term} (§5.3)", me)


def is_memorable(step: Outcome) -> bool:
    """Whether a history has to look at this step."""
    return any(isinstance(told, RoleChanged | Committed) or vote_in(told) for told in step.told)


def remember(history: History, step: Outcome) -> tuple[History, Finding | None]:
    """The history after a step, and the first law about the past that it breaks."""
    after, term = step.after, step.before.term
    for event in step.told:
        finding, vote = None, vote_in(event)
        if vote:
            history, finding = _vote(history, vote)
        elif isinstance(event, RoleChanged):
            term = event.term
            if event.role is LEADER:
                history, finding = _reign(history, event, after.entries)
        elif isinstance(event, Committed):
            history, finding = _commit(history, event, after, term)
        if finding:
            return history, finding
    return history, None


def vote_in(told: Told) -> Vote | None:
    """The vote that is given with this packet, if one is: who asks for votes has given its own to itself."""
    match told:
        case Packet(voter, candidate, RequestVoteReply(term=term, vote_granted=True)):
            return voter, term, candidate
        case Packet(candidate, _, RequestVote(term=term)):
            return candidate, term, candidate
        case _:
            return None


def _vote(history: History, vote: Vote) -> tuple[History, Finding | None]:
    voter, term, candidate = vote
    for server, when, first in history.votes:
        if (server, when) == (voter, term) and first != candidate:
            why = f"{voter} voted for {first} and then for {candidate}, both in term {term}"
            return history, Finding("Vote Once", why, (voter,))
    return history._replace(votes=history.votes | {vote}), None


def _reign(history: History, event: RoleChanged, log: tuple[Entry, ...]) -> tuple[History, Finding | None]:
    me, now = event.server, event.term
    for term, leader in history.leaders:
        if term == now and leader != me:
            return history, Finding("Election Safety", f"{leader} and {me} were both elected in term {term}", (leader, me))
    for index, (entry, term) in enumerate(history.committed, 1):
        if term < now and log[index - 1 : index] != (entry,):
            why = f"entry {index} of term {entry.term} was committed in term {term}, and {me}, elected in term {now}, does not have it"
            return history, Finding("Leader Completeness", why, (me,))
    return history._replace(leaders=history.leaders | {(now, me)}), None


def _commit(history: History, event: Committed, me: Mind, term: Term) -> tuple[History, Finding | None]:
    log, known = me.entries[: event.index], history.committed
    for index, (entry, (first, _)) in enumerate(zip(log, known, strict=False), 1):
        if entry != first:
            why = f"{me.server} commits an entry of term {entry.term} at index {index}, where one of term {first.term} was committed before"
            return history, Finding("State Machine Safety", why, (me.server,))
    if me.leads and log[-1].term != term:
        why = f"{me.server} leads in term {term} and commits entry {event.index}, which is of term {log[-1].term} (§5.4.2)"
        return history, Finding("Commit Only Own Term", why, (me.server,))
    return history._replace(committed=known + tuple((entry, term) for entry in log[len(known) :])), None


def judge_logs(me: Mind, it: Mind) -> Finding | None:
    """Log Matching (§5.3): where two logs hold entries of one term, they are the same up to there."""
    one, other = me.entries, it.entries
    last = next((at for at in range(min(len(one), len(other)), 0, -1) if one[at - 1].term == other[at - 1].term), 0)
    if one[:last] == other[:last]:
        return None
    why = f"the logs of {me.server} and {it.server} hold the same term at index {last}, and differ before or there"
    return Finding("Log Matching", why, (me.server, it.server))


def judge_commit(step: Outcome, minds: list[Mind], voters: Configuration) -> Finding | None:
    """Committed Is Durable (Figure 2): what a leader commits is on the disks of a quorum."""
    me = step.after
    if not me.leads or me.commit <= step.before.commit:
        return None
    log = me.entries[: me.commit]
    kept = {mind.server for mind in minds if mind.saved[: me.commit] == log}
    if is_quorum(voters, kept):
        return None
    why = f"{me.server} has committed up to {me.commit}, and that is on the disks of no more than {', '.join(sorted(kept))}"
    return Finding("Committed Is Durable", why, (me.server,))


class Sometimes(NamedTuple):
    """What comes true in some state of a world that is worth exploring: or all laws might hold since nothing happens."""

    name: str
    holds: Callable[[History], bool]


SOMETIMES = (
    Sometimes("a leader is elected", lambda history: bool(history.leaders)),
    Sometimes("an entry commits", lambda history: bool(history.committed)),
)
