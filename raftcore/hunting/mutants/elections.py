"""Bugs in elections (§5.2, §5.4.1)."""

from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.consensus import election, replication
from raftcore.consensus.quorum import majority
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import BY_HAND, Mutant, elect, settle
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, PreVote, PreVoteReply, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, ServerId

# ---- the bugs


def step_down_with_a_new_vote(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """A candidate gives way to the leader of its term."""
    stood = me.role is CANDIDATE
    reply = replication.answer_append_entries(me, ask)
    if stood and me.role is FOLLOWER and ask.term == me.current_term:
        me.voted_for = None  # wrong: the vote of this term is spent
    return reply


def count_messages(me: NodeState, reply: RequestVoteReply) -> None:
    """Count every grant that arrives."""
    if reply.voter_id in me.votes and reply.vote_granted and reply.term == me.current_term:
        me.votes.add(f"a second {reply.voter_id}")  # wrong: a repeated message is no second voter
    election.absorb_request_vote_reply(me, reply)


def are_enough(configuration: Configuration, agreeing: AbstractSet[ServerId]) -> bool:
    """Whether so many make a majority, whoever they are."""
    return len(agreeing) >= majority(len(configuration.voters))


def count_any_vote(me: NodeState, reply: RequestVoteReply) -> None:
    """Count a grant, whatever election it was for."""
    if me.role is CANDIDATE and reply.vote_granted:
        me.count_vote(reply.voter_id)  # wrong: only a vote of this term is one for this election


def prefer_the_longer_log(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    """Compare logs by their lengths, and by their last terms only where those are equal."""
    if ask.last_log_index != me.log.last_index:
        ask = replace(ask, last_log_term=me.log.last_term)  # wrong: the later term wins, and only then the longer log
    return election.answer_request_vote(me, ask)


def guard_nobody(me: NodeState, ask: RequestVote | PreVote) -> bool:
    """Whether this server hears a leader, and so takes part in no election."""
    return False  # wrong: who was removed hears of no leader, and would stand for ever


def ignore_who_is_behind(me: NodeState, ask: PreVote) -> PreVoteReply | None:
    """Say whether this server would vote so, if that is worth an answer."""
    if ask.next_term <= me.current_term:
        return None  # wrong: who is behind must hear of the later term, or it asks for the same one for ever
    return election.answer_pre_vote(me, ask)


# ---- the plays


def a_late_request_meets_a_cleared_vote(cluster: Cluster) -> None:
    """S1, S2 and S3 stand in term 1, S2 wins, S1 gives way; and then S3's request for its vote arrives."""
    for one, other in (("S1", "S4"), ("S1", "S5"), ("S2", "S1"), ("S3", "S2"), ("S3", "S4"), ("S3", "S5")):
        cluster.cut(one, other)
    cluster.link("S3", "S1", delay_ms=(300, 300))
    for name in ("S1", "S2", "S3"):
        cluster.time_out(name)
    cluster.run_for(60)
    cluster.link("S2", "S1", up=True)
    cluster.run_for(300)


def one_grant_comes_twice(cluster: Cluster) -> None:
    """S1 has two of five voters behind it, and hears one of them twice; S2 has the other three."""
    cluster.partition({"S1", "S3"}, {"S2", "S4", "S5"})
    cluster.link("S3", "S1", duplication=1.0)
    cluster.time_out("S1")
    cluster.time_out("S2")
    settle(cluster)


def a_grant_comes_a_term_late(cluster: Cluster) -> None:
    """S2 votes for S1 in term 1, and for S3 in term 2, where S1 stands too when the first vote reaches it."""
    cluster.isolate("S3")
    cluster.link("S2", "S1", delay_ms=(300, 300))
    cluster.time_out("S1")
    cluster.time_out("S3")
    cluster.run_for(20)
    cluster.cut("S1", "S2")
    cluster.mend("S2", "S3")
    cluster.time_out("S1")
    cluster.time_out("S3")
    cluster.run_for(60)
    cluster.link("S2", "S1", up=True)
    settle(cluster)


def a_long_log_of_an_old_term(cluster: Cluster) -> None:
    """S1 has many entries of term 1 that nobody else has, and S2 and S3 have committed one of term 2."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S1")
    for client in ("C1", "C2", "C3"):
        cluster.submit(client, "SET x mine", through="S1")
    settle(cluster)
    cluster.crash("S1")
    elect(cluster, "S2")
    cluster.submit("C4", "SET x 1", through="S2")
    settle(cluster)
    cluster.heal()
    cluster.crash("S2")
    cluster.restart("S1")
    elect(cluster, "S1")
    settle(cluster)


def a_removed_server_stands(cluster: Cluster) -> None:
    """S4 is removed, does not hear of it, and has a fast clock, so that it stands again and again."""
    cluster.run_for(3_000)
    cluster.isolate("S4")
    cluster.remove_server("S4")
    settle(cluster)
    cluster.set_clock_rate("S4", 50)
    cluster.heal()
    cluster.run_for(30_000)


def the_longer_log_is_a_term_behind(cluster: Cluster) -> None:
    """S3 is told to stand, but nobody hears it; and then the leader crashes that has given S2 an entry more."""
    cluster.time_out("S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.link("S1", "S3", up=True)
    cluster.transfer_leadership("S3")
    cluster.run_for(15)
    cluster.isolate("S3")
    cluster.run_for(2_000)
    cluster.submit("C1", "SET x 1", through="S1")
    settle(cluster)
    cluster.crash("S1")
    cluster.heal()
    cluster.run_for(20_000)


ELECTIONS = (
    Mutant(
        number="3",
        name="Stepping down frees the vote",
        sentence="A candidate that gives way to the leader of its term forgets that it has voted for itself.",
        property="Vote Once",
        seen_in="akka-raft#56, CCF PR#8094",
        rules=Rules(answer_append_entries=step_down_with_a_new_vote),
        story=a_late_request_meets_a_cleared_vote,
        size=5,
    ),
    Mutant(
        number="9",
        name="Messages are counted",
        sentence="A candidate counts vote messages and not voters.",
        property="Election Safety",
        seen_in="akka-raft#45",
        rules=Rules(absorb_request_vote_reply=count_messages, is_quorum=are_enough),
        story=one_grant_comes_twice,
        size=5,
    ),
    Mutant(
        number="10",
        name="Votes of any term count",
        sentence="A candidate does not look at the term of a vote.",
        property="Election Safety",
        seen_in="akka-raft#46",
        rules=Rules(absorb_request_vote_reply=count_any_vote),
        story=a_grant_comes_a_term_late,
    ),
    Mutant(
        number="11",
        name="The longer log wins",
        sentence="A voter compares the lengths of two logs before their last terms.",
        property="Leader Completeness",
        seen_in="liferaft#10",
        rules=Rules(answer_request_vote=prefer_the_longer_log),
        story=a_long_log_of_an_old_term,
    ),
    Mutant(
        number="23",
        name="Nobody is guarded",
        sentence="A server that hears its leader takes part in an election all the same.",
        property="Convergence",
        seen_in="logcabin#56",
        rules=Rules(guards_leader=guard_nobody),
        story=a_removed_server_stands,
        size=4,
        config=replace(BY_HAND, leader_guard=True, election_timeout_ms=(1_000.0, 2_000.0)),
    ),
    Mutant(
        number="24",
        name="Who is behind hears nothing",
        sentence="A server leaves a pre-vote of an earlier term without an answer.",
        property="Convergence",
        seen_in="etcd#8243, #8501",
        rules=Rules(answer_pre_vote=ignore_who_is_behind),
        story=the_longer_log_is_a_term_behind,
        config=replace(BY_HAND, pre_vote=True, election_timeout_ms=(1_000.0, 2_000.0)),
    ),
)
