"""Situations of elections and of leaders."""

from raftcore.checks.situations.situation import Past, situation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Reason


@situation(ev.TimerSet)
def timer_set(run: Past, event: ev.TimerSet) -> bool:
    """A server waits for the end of its election timeout, or for its next heartbeat (§5.2)."""
    return True


@situation(ev.RoleChanged)
def election_started(run: Past, event: ev.RoleChanged) -> bool:
    """A server stands for election in a new term (§5.2)."""
    return event.role is CANDIDATE


@situation(ev.VoteGranted)
def vote_granted(run: Past, event: ev.VoteGranted) -> bool:
    """A server gives another one its vote (§5.2)."""
    return event.server != event.candidate


@situation(ev.RoleChanged)
def leader_elected(run: Past, event: ev.RoleChanged) -> bool:
    """A server becomes leader (§5.2)."""
    return event.role is LEADER


@situation(ev.RoleChanged)
def leader_elected_after_a_commit(run: Past, event: ev.RoleChanged) -> bool:
    """A server becomes leader, and an entry was committed in an earlier term (§5.4)."""
    return event.role is LEADER and run.memory.committed_before(event.term) > 0


@situation(ev.RoleChanged)
def leader_with_uncommitted_entries(run: Past, event: ev.RoleChanged) -> bool:
    """A server becomes leader, and its log ends with entries of earlier terms that nobody has committed (§5.4.2)."""
    last = run.servers[event.server].last
    return event.role is LEADER and last.index > run.memory.committed_index and last.term < event.term


@situation(ev.RoleChanged)
def contested_election(run: Past, event: ev.RoleChanged) -> bool:
    """Two servers stand for election in the same term (§5.2)."""
    rivals = (it.term == event.term and it.role is CANDIDATE and it.id != event.server for it in run.servers.values())
    return event.role is CANDIDATE and any(rivals)


@situation(ev.RoleChanged, ev.PreVoteStarted)
def split_vote(run: Past, event: ev.RoleChanged | ev.PreVoteStarted) -> bool:
    """Candidates share the votes of a term, and the election timeout of one of them ends before any has won (§5.2)."""
    server = run.servers[event.server]
    if server.role is not CANDIDATE or (isinstance(event, ev.RoleChanged) and event.role is not CANDIDATE):
        return False
    rivals = (it.term == server.term and it.role is CANDIDATE and it is not server for it in run.servers.values())
    return run.memory.latest_reign < server.term and any(rivals)


@situation(ev.VoteDenied)
def second_vote_refused(run: Past, event: ev.VoteDenied) -> bool:
    """A server refuses its vote, since it has voted for another candidate of that term (§5.2)."""
    return event.reason is Reason.ALREADY_VOTED and not event.pre_vote


@situation(ev.VoteDenied)
def vote_refused_for_a_log_behind(run: Past, event: ev.VoteDenied) -> bool:
    """A server refuses its vote, since its own log is more up to date than the candidate's (§5.4.1)."""
    return event.reason is Reason.LOG_BEHIND and not event.pre_vote


@situation(ev.VoteDenied, name="pre-vote refused")
def pre_vote_refused(run: Past, event: ev.VoteDenied) -> bool:
    """A server says that it would not vote for another one (thesis 9.6)."""
    return event.pre_vote


@situation(ev.VoteDenied)
def leader_stickiness(run: Past, event: ev.VoteDenied) -> bool:
    """A server refuses a vote or a pre-vote, since it hears a leader (thesis 4.2.3)."""
    return event.reason is Reason.LEADER_HEARD


@situation(ev.RoleChanged)
def two_leaders_at_once(run: Past, event: ev.RoleChanged) -> bool:
    """A server becomes leader, and another one that runs still believes that it leads (§5.2)."""
    return event.role is LEADER and any(it.role is LEADER and it.id != event.server for it in run.servers.values())


@situation(ev.RoleChanged, name="step-down by check-quorum")
def step_down_by_check_quorum(run: Past, event: ev.RoleChanged) -> bool:
    """A leader that has a vote steps down within its term, since no majority has answered it (thesis 6.2)."""
    server = run.servers[event.server]
    steps_down = server.role is LEADER and event.role is FOLLOWER and event.term == server.term
    return steps_down and event.server in server.configuration.all_voters


@situation(ev.Crashed)
def leader_crashed(run: Past, event: ev.Crashed) -> bool:
    """A leader crashes (§5.5)."""
    return run.servers[event.server].role is LEADER


@situation(ev.TransferEnded)
def leadership_transfer_done(run: Past, event: ev.TransferEnded) -> bool:
    """A leader that hands over hears of a later leader (thesis 3.10)."""
    return event.done


@situation(ev.TransferEnded)
def leadership_transfer_aborted(run: Past, event: ev.TransferEnded) -> bool:
    """A leader gives up to hand over (thesis 3.10)."""
    return not event.done


ELECTIONS = (
    timer_set,
    election_started,
    vote_granted,
    leader_elected,
    leader_elected_after_a_commit,
    leader_with_uncommitted_entries,
    contested_election,
    split_vote,
    second_vote_refused,
    vote_refused_for_a_log_behind,
    pre_vote_refused,
    leader_stickiness,
    two_leaders_at_once,
    step_down_by_check_quorum,
    leader_crashed,
    leadership_transfer_done,
    leadership_transfer_aborted,
)
