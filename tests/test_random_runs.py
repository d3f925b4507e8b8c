"""Random runs of servers that obey a wrong rule, or stand on a wrong disk: soon an invariant breaks."""

from contextlib import suppress
from random import Random

import pytest

from raftcore import Cluster, Reason, Role, Rules
from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.violation import Violation
from raftcore.checks.watch import Watch
from raftcore.consensus import election, replication
from raftcore.consensus.door import Ready
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.hunting.random_run import RandomRun
from raftcore.hunting.story import live
from raftcore.server import Server
from raftcore.storage.sim_disk import SimDisk
from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, PreVote, PreVoteReply, RequestVote, RequestVoteReply


def vote_for_anybody(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    """Whatever the log of the candidate holds."""
    if ask.term < me.current_term or me.voted_for not in (None, ask.candidate_id):
        return election.refuse(me, Reason.ALREADY_VOTED)
    me.vote_for(ask.candidate_id)
    return RequestVoteReply(me.current_term, me.id, vote_granted=True)


def promise_anybody(me: NodeState, ask: PreVote) -> PreVoteReply:
    return PreVoteReply(me.current_term, ask.next_term, me.id, vote_granted=True)


def vote_twice(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    me.voted_for = None if me.voted_for != me.id else me.id
    return election.answer_request_vote(me, ask)


def count_any_vote(me: NodeState, reply: RequestVoteReply) -> None:
    if me.role is Role.CANDIDATE and reply.vote_granted:
        me.count_vote(reply.voter_id)


def count_any_term(me: NodeState) -> None:
    reached = {peer: progress.match_index for peer, progress in me.progress.items()} | {me.id: me.saved_index}
    me.commit_to(quorum_index(me.configuration, reached))


def truncate_always(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    if me.log.has(ask.prev_log_index, ask.prev_log_term) and ask.term >= me.current_term and ask.prev_log_index < me.log.last_index:
        me.log.replace_from(ask.prev_log_index + 1, ())
    return replication.answer_append_entries(me, ask)


def commit_to_own_end(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    reply = replication.answer_append_entries(me, ask)
    if reply.success:
        me.commit_to(min(ask.leader_commit, me.log.last_index))
    return reply


def skip_the_check(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """The receiver's second step is missing: entries go wherever there is room."""
    if ask.term < me.current_term or ask.prev_log_index > me.log.last_index:
        return replication.answer_append_entries(me, ask)
    me.follow(ask.leader_id)
    last_new_index = me.log.merge(ask.prev_log_index, ask.entries)
    me.commit_to(min(ask.leader_commit, last_new_index))
    return AppendEntriesReply(me.current_term, me.id, True, last_new_index)


def delete_what_disagrees(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """A follower may delete its inconsistent entries as soon as it refuses: they are of no leader of this term (openraft)."""
    prev, current = ask.prev_log_index, ask.term >= me.current_term
    reply = replication.answer_append_entries(me, ask)
    if current and me.commit_index < prev <= me.log.last_index and not me.log.has(prev, ask.prev_log_term):
        me.log.replace_from(prev, ())
    return reply


@pytest.mark.parametrize("seed", [4, 70, 74, 78, 96, 342])
def test_a_rule_that_truncates_and_appends_nothing_is_right(seed: int) -> None:
    """Its log must know its new end; and none of its refusals is a lost log to the leader."""
    assert live(seed, Rules(answer_append_entries=delete_what_disagrees)).story is None


@pytest.mark.parametrize("seed", [2_000_284, 2_001_058])
def test_a_successor_that_steps_down_soon_ends_no_random_run(seed: int) -> None:
    assert live(seed).story is None


WRONG_RULES = {
    "votes without looking at logs": (Rules(answer_request_vote=vote_for_anybody, answer_pre_vote=promise_anybody), "Leader Completeness"),
    "votes twice a term": (Rules(answer_request_vote=vote_twice), "Vote Once"),
    "votes counted for another term": (Rules(absorb_request_vote_reply=count_any_vote), "Vote Once"),
    "old terms committed by counting": (Rules(advance_commit_index=count_any_term), "Commit Only Own Term"),
    "truncates at every append": (Rules(answer_append_entries=truncate_always), "Committed Is Durable"),
    "commits its own tail": (Rules(answer_append_entries=commit_to_own_end), "State Machine Safety"),
    "accepts what does not fit": (Rules(answer_append_entries=skip_the_check), "Log Matching"),
}


def first_broken(invariant: str, rules: Rules | None = None) -> Cluster:
    """The first of many runs in which this invariant is broken."""
    for seed in range(400):
        run = RandomRun(seed, rules)
        with suppress(RuleError, IndexError, AssertionError):  # a server that obeys a wrong rule may break before anybody sees why
            run.trouble()
        if any(violation.property == invariant for violation in run.cluster.violations):
            return run.cluster
    raise AssertionError(f"{invariant} was not broken in 400 runs")


@pytest.mark.parametrize("name", WRONG_RULES)
def test_a_wrong_rule_breaks_an_invariant_within_a_few_runs(name: str) -> None:
    rules, invariant = WRONG_RULES[name]
    cluster = first_broken(invariant, rules)
    assert shown_by_the_trace(cluster) == judged_without_shortcuts(cluster)


def shown_by_the_trace(cluster: Cluster) -> list[Violation]:
    """The violations but for those that only the servers' states show."""
    beliefs = {belief.name for belief in BELIEFS}
    return [violation for violation in cluster.violations if violation.property not in beliefs]


def judged_without_shortcuts(cluster: Cluster) -> list[Violation]:
    watch = Watch(cluster.trace.server_ids, cluster.config, shortcuts=False)
    watch.absorb(cluster.trace)
    return watch.violations


def test_a_server_that_does_not_wait_for_its_disk_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def obey_at_once(self: Server, ready: Ready) -> None:
        obey(self, ready)
        if ready in self._held:
            self._held.remove(ready)
            self._carry_out(ready)

    obey = Server._obey
    monkeypatch.setattr(Server, "_obey", obey_at_once)
    first_broken("Vote Once")
    first_broken("Committed Is Durable")


def test_a_disk_that_forgets_what_it_kept_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: SimDisk, random: Random) -> None:
        crash(self, random)
        self.files.clear()

    crash = SimDisk.crash
    monkeypatch.setattr(SimDisk, "crash", forget)
    for invariant in ("Monotonic Term", "Committed Is Durable"):
        first_broken(invariant)
