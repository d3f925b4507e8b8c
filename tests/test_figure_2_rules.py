"""Rules as a student writes them beside Figure 2, straight into the state: what they do is told as if the state's own moves had done it."""

import re
from functools import partial

import pytest

from raftcore import Cluster, Config, Rules
from raftcore.cluster.cluster import AnyRules
from raftcore.consensus import election, replication
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.hunting.explore import explore
from raftcore.hunting.hunt import hunt, ignore
from raftcore.hunting.random_run import RandomRun
from raftcore.hunting.small_world import World
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.events import MessageSent, VoteGranted
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, Reason

AS_IN_THE_PAPER = Config(pre_vote=False, check_quorum=False, leader_guard=False)
RAFT = Rules()


def agreed_index(me: NodeState) -> int:
    return quorum_index(me.configuration, {peer: it.match_index for peer, it in me.progress.items()} | {me.id: me.saved_index})


def advance_commit_index(me: NodeState) -> None:
    n = agreed_index(me)
    if n > me.commit_index and me.log.term_at(n) == me.current_term:
        me.commit_index = n


def start_election(me: NodeState) -> None:
    me.current_term += 1
    me.role = CANDIDATE
    me.voted_for = me.id
    me.votes = {me.id}
    me.reset_election_timer()
    for voter in me.configuration.all_voters:
        if voter != me.id:
            me.send(voter, RequestVote(me.current_term, me.id, me.log.last_index, me.log.last_term))


def answer_request_vote(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    if ask.term < me.current_term:
        return RequestVoteReply(me.current_term, me.id, False, Reason.STALE_TERM)
    if me.voted_for in (None, ask.candidate_id) and not me.log.is_ahead_of(ask.last_log_index, ask.last_log_term):
        me.voted_for = ask.candidate_id
        me.reset_election_timer()
        return RequestVoteReply(me.current_term, me.id, True)
    return RequestVoteReply(me.current_term, me.id, False, Reason.ALREADY_VOTED)


def absorb_request_vote_reply(me: NodeState, reply: RequestVoteReply) -> None:
    if me.role is CANDIDATE and reply.term == me.current_term and reply.vote_granted:
        me.votes.add(reply.voter_id)


def answer_append_entries(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    if ask.term < me.current_term:
        return AppendEntriesReply(me.current_term, me.id, False, reason=Reason.STALE_TERM)
    me.role = FOLLOWER
    me.leader_id = ask.leader_id
    me.reset_election_timer()
    if not me.log.has(ask.prev_log_index, ask.prev_log_term):
        return AppendEntriesReply(me.current_term, me.id, False, 0, ask.prev_log_index, 0, ask.prev_log_index, Reason.LOG_GAP, ask.round)
    last_new_index = me.log.merge(ask.prev_log_index, ask.entries)
    if ask.leader_commit > me.commit_index:
        me.commit_index = min(ask.leader_commit, last_new_index)
    return AppendEntriesReply(me.current_term, me.id, True, last_new_index, round=ask.round)


def absorb_append_entries_reply(me: NodeState, reply: AppendEntriesReply) -> None:
    progress = me.progress.get(reply.follower_id)
    if progress is None or reply.term != me.current_term:
        return
    progress.in_flight.clear()
    if reply.success:
        progress.match_index = max(progress.match_index, reply.match_index)
        progress.next_index = max(progress.next_index, reply.match_index + 1)
    else:
        progress.next_index = max(progress.match_index + 1, progress.next_index - 1)


FIGURE_2 = {
    "start_election": start_election,
    "answer_request_vote": answer_request_vote,
    "absorb_request_vote_reply": absorb_request_vote_reply,
    "answer_append_entries": answer_append_entries,
    "absorb_append_entries_reply": absorb_append_entries_reply,
    "advance_commit_index": advance_commit_index,
}


# ---- what is right is not accused


@pytest.mark.parametrize("names", [*([name] for name in FIGURE_2), list(FIGURE_2)], ids=[*FIGURE_2, "all of them"])
def test_rules_that_write_the_state_as_figure_2_says_it_are_seen_to_do_so(names: list[str]) -> None:
    cluster = Cluster(5, seed=1, config=AS_IN_THE_PAPER, rules=Rules(**{name: FIGURE_2[name] for name in names}))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(300)
    cluster.crash(cluster.leader)
    cluster.run_for(1_500)
    client = cluster.client("C1")
    assert client.set("x", "1").ok
    cluster.run_for(500)

    assert cluster.violations == ()
    leader = cluster.view.servers[cluster.leader]
    last_index = leader.log.last_index
    assert {server.commit_index for server in cluster.view.servers.values() if server.alive} == {last_index}
    assert {server.leader for server in cluster.view.servers.values() if server.alive} == {leader.id}
    assert {server.voted_for for server in cluster.view.servers.values() if server.alive} >= {leader.id}
    assert {progress.match_index for name, progress in leader.progress.items() if cluster.view.servers[name].alive} == {last_index}


def test_a_small_world_of_such_rules_is_passed() -> None:
    rules = Rules(**{name: FIGURE_2[name] for name in FIGURE_2 if name != "absorb_append_entries_reply"})
    explored = explore(World(terms=1, commands=1, rules=rules))
    assert explored.passed, explored


@pytest.mark.parametrize("seed", range(6))
def test_rules_that_use_the_moves_tell_nothing_twice(seed: int) -> None:
    """A function around each of Raft's rules makes the same trace as these."""

    def trace_of(rules: AnyRules) -> bytes:
        run = RandomRun(seed, rules)
        run.trouble(lambda: False)
        return run.cluster.trace.to_bytes()

    assert trace_of(Rules(**{name: partial(getattr(RAFT, name)) for name in Rules.__struct_fields__})) == trace_of(None)


def begin_a_term_and_vote_by_moves(me: NodeState) -> None:
    me.current_term += 1
    me.role = CANDIDATE
    me.leader_id, me.voted_for, me.votes, me.leader_round = None, None, set(), 0
    me.vote_for(me.id)
    me.count_vote(me.id)
    ask = RequestVote(me.current_term, me.id, me.log.last_index, me.log.last_term)
    for voter in me.configuration.all_voters:
        if voter != me.id:
            me.send(voter, ask)


@pytest.mark.parametrize("seed", range(3))
def test_a_role_that_is_written_is_told_before_what_the_moves_tell_under_it(seed: int) -> None:
    def trace_of(rules: AnyRules) -> bytes:
        run = RandomRun(seed, rules, config=AS_IN_THE_PAPER)
        run.trouble(lambda: False)
        return run.cluster.trace.to_bytes()

    assert trace_of(Rules(start_election=begin_a_term_and_vote_by_moves)) == trace_of(
        Rules(start_election=partial(election.start_election))
    )


def test_who_follows_the_same_leader_as_before_it_stood_is_seen_to_do_so() -> None:
    cluster = Cluster(3, seed=1, config=AS_IN_THE_PAPER, rules=Rules(**FIGURE_2))
    cluster.time_out("S1")
    cluster.run_for(100)
    cluster.crash("S1")
    cluster.restart("S1")
    cluster.isolate("S2")
    cluster.time_out("S2")
    cluster.time_out("S1")
    cluster.run_for(60)
    cluster.heal()
    cluster.run_for(100)
    assert [(server.leader, server.current_term) for server in cluster.view.servers.values()] == [("S1", 2)] * 3


# ---- what is wrong is found


def commit_what_is_counted(me: NodeState) -> None:
    me.commit_index = max(me.commit_index, agreed_index(me))


def test_figure_8_is_found_though_the_leader_writes_its_commit_index() -> None:
    explored = explore(World(commands=0, heartbeats=1, rules=Rules(advance_commit_index=commit_what_is_counted)))
    assert explored.violation
    assert explored.violation.property == "Commit Only Own Term"
    assert len(explored.path) == 10


def vote_again(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    if ask.term < me.current_term or me.log.is_ahead_of(ask.last_log_index, ask.last_log_term):
        return election.refuse(me, Reason.STALE_TERM)
    me.voted_for = ask.candidate_id
    return RequestVoteReply(me.current_term, me.id, True)


def test_a_second_vote_is_found_at_once_though_it_is_only_written() -> None:
    explored = explore(World(terms=1, commands=0, rules=Rules(answer_request_vote=vote_again)))
    assert explored.violation
    assert explored.violation.property == "Votes Follow Role"
    assert len(explored.path) == 3


def take_back(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    reply = RAFT.answer_append_entries(me, ask)
    if me.last_applied == 2:
        me.commit_index = 1
    return reply


def test_a_commit_index_that_falls_is_told_and_found() -> None:
    cluster = Cluster(3, seed=1, rules=Rules(answer_append_entries=take_back))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.submit("C1", Set("x", "1"))
    cluster.run_for(500)
    violation = next(it for it in cluster.violations if it.property == "Monotonic Commit")
    assert re.fullmatch("S. committed index 1 after 2", violation.sentence)


def commit_at_once(me: NodeState) -> None:
    RAFT.start_reign(me)
    me.commit_index = me.log.last_index


def commit_nothing(me: NodeState) -> None:
    me.commit_index = 0


def test_a_commit_index_that_rises_and_falls_within_one_choice_is_found() -> None:
    explored = explore(World(size=1, terms=1, rules=Rules(start_reign=commit_at_once, advance_commit_index=commit_nothing)))
    assert explored.violation
    assert explored.violation.property == "Monotonic Commit"
    assert explored.violation.sentence == "S1 has committed up to 0, then 1, then 0, in a log of 1"


@pytest.mark.parametrize("role", [LEADER, FOLLOWER])
def test_a_reign_is_begun_and_ended_by_the_moves_alone(role) -> None:
    def write(me: NodeState) -> None:
        me.role = role

    name = "start_reign" if role is LEADER else "advance_commit_index"
    with pytest.raises(
        RuleError, match=rf"the rule {name} .*wrote me.role = {role}; a reign begins with me.become_leader\(\), and ends with"
    ):
        Cluster(3, seed=1, rules=Rules(**{name: write})).run_for(3_000)


def test_what_is_committed_is_applied_by_the_server_and_by_no_rule() -> None:
    def apply(me: NodeState) -> None:
        advance_commit_index(me)
        while me.last_applied < me.commit_index:
            me.last_applied += 1

    with pytest.raises(RuleError, match=r"the rule advance_commit_index .* wrote me.last_applied; what is committed is applied without it"):
        Cluster(3, seed=1, rules=Rules(advance_commit_index=apply)).run_for(3_000)


def test_a_vote_is_told_before_it_is_given() -> None:
    cluster = Cluster(3, seed=1, config=AS_IN_THE_PAPER, rules=Rules(answer_request_vote=answer_request_vote))
    cluster.time_out("S1")
    cluster.run_for(30)
    told = next(at for at, it in enumerate(cluster.trace) if isinstance(it, VoteGranted) and it.server == "S2")
    given = next(at for at, it in enumerate(cluster.trace) if isinstance(it, MessageSent) and isinstance(it.message, RequestVoteReply))
    assert told < given


# ---- word for word, where messages come late


def step_5_word_for_word(me, ask):
    if ask.term < me.current_term:
        return replication.refuse(me, ask, Reason.STALE_TERM)
    me.follow(ask.leader_id, ask.round)
    if not me.log.has(ask.prev_log_index, ask.prev_log_term):
        return replication.refuse(me, ask, Reason.LOG_CONFLICT)
    last_new_index = me.log.merge(ask.prev_log_index, ask.entries)
    if ask.leader_commit > me.commit_index:
        me.commit_index = min(ask.leader_commit, last_new_index)
    return AppendEntriesReply(me.current_term, me.id, True, last_new_index, round=ask.round)


def step_5_that_lowers(me, ask):
    reply = step_5_word_for_word(me, ask)
    me.commit_index = max(me.commit_index - 1, 0)
    return reply


def test_step_5_of_append_entries_is_right_word_for_word():
    assert hunt(Rules(answer_append_entries=step_5_word_for_word), seeds=40, cores=1, on_progress=ignore) is None


def test_a_commit_index_that_is_lowered_in_any_other_way_is_found():
    found = hunt(Rules(answer_append_entries=step_5_that_lowers), seeds=40, cores=1, on_progress=ignore)
    assert found is not None
    assert found.violation.property == "Monotonic Commit"
