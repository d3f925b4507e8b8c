"""Bugs in reads that are no entries of the log (thesis ch. 6): each lets a leader answer that is none any more, or does not know enough."""

from math import inf

from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election, reads, replication
from raftcore.consensus.progress import Reign
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants.mutant import BY_HAND, Mutant, elect, settle
from raftcore.server import Server
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, PreVote, RequestVote, TimeoutNow
from raftcore.vocabulary.names import Reason

SELDOM_HEARTBEATS = replace(BY_HAND, heartbeat_ms=500.0)
WITH_LEASES = replace(BY_HAND, election_timeout_ms=(1_000.0, 20_000.0), leader_guard=True, reads=ReadMode.LEASE, max_clock_drift=0.5)

# ---- the bugs


def read_before_the_first_commit(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Let a read wait for a round, and for nothing else."""
    stale = isinstance(ask.command, Get) and ask.command.mode is ReadMode.STALE
    if me.reign is None or stale or reads.has_committed_in_its_term(me):
        return reads.answer_read(me, ask)
    reads.await_round(me, me.reign, ask)  # wrong: before it commits an entry of its term, a leader does not know what is committed
    return None


def ask_again_under_the_same_number(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Let a read wait for the latest round of heartbeats."""
    if me.reign and me.reign.round:
        me.reign.round_is_out = False  # wrong: answers to the round that was sent before the read came say nothing about it
    return reads.answer_read(me, ask)


def trust_the_lease_in_a_transfer(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Answer under the lease, as always."""
    if me.reign:
        me.reign.transferred = False  # wrong: who was told to stand is elected at once, lease or not
    return reads.answer_read(me, ask)


def trust_the_own_clock(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Hold a lease for as long as an election timeout is by the own clock."""
    reign = me.reign
    if reign:
        reads.settle_rounds(me, reign)
        if reign.lease_until_ms > -inf:
            reign.lease_until_ms = reign.quorum_heard_ms + me.shortest_ms  # wrong: the voters' clocks may be faster
    return reads.answer_read(me, ask)


def count_the_lease_from_the_answer(me: NodeState, reply: AppendEntriesReply) -> None:
    """Learn what a follower says, and hold a lease from now on where that makes a majority."""
    heard_ms = me.reign.quorum_heard_ms if me.reign else me.now_ms
    replication.absorb_append_entries_reply(me, reply)
    if me.reign:
        reads.settle_rounds(me, me.reign)
        if me.reign.quorum_heard_ms > heard_ms:
            me.reign.lease_until_ms = me.now_ms + me.lease_ms  # wrong: who has answered waits since it heard, and that is long ago


def guard_in_the_same_term_only(me: NodeState, ask: RequestVote | PreVote) -> bool:
    """Whether this server hears a leader, and so does not enter a later term to vote in it."""
    in_that_term = isinstance(ask, RequestVote) and ask.term == me.current_term
    return not in_that_term and election.guards_leader(me, ask)  # wrong: another message may have taken it there, and the lease still holds


def obey_any_call(me: NodeState, ask: TimeoutNow) -> None:
    """Stand for election as soon as anybody says so."""
    election.answer_timeout_now(me, replace(ask, term=me.current_term, round=me.leader_round))  # wrong: it may be given up


def refuse_with_the_round(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """Answer as Figure 2 says, and repeat the round of what is answered."""
    return replace(replication.answer_append_entries(me, ask), round=ask.round)  # wrong: in a refusal's term it is another round's number


def count_refusals_for_a_stale_term(me: NodeState, reply: AppendEntriesReply) -> None:
    """Count whatever answer comes in the term that this server leads."""
    reason = None if reply.reason is Reason.STALE_TERM else reply.reason  # wrong: it answers a message of an earlier term
    replication.absorb_append_entries_reply(me, replace(reply, reason=reason))


class KeepsItsDeadline(Server):
    """A server that counts its leases, but not the election timeout that is under way, by the clock that has changed."""

    def set_clock_rate(self, rate: float) -> None:
        """Count at another rate from the next deadline on."""
        deadline_ms = self.node.state.deadline_ms
        super().set_clock_rate(rate)
        self.node.state.deadline_ms = self._deadline_ms = deadline_ms  # wrong: it was to last for so long by this server's clock
        self._schedule()


FEW_ROUNDS = 5


class ForgetsTheOldestRounds(Reign):
    """A reign that keeps a short list of rounds that are not answered."""

    def remember_round(self, now_ms: float) -> None:
        """Remember when the latest round is sent."""
        if len(self.sent) == FEW_ROUNDS:
            self.sent.popleft()  # wrong: if more rounds than these are under way, none of these is ever answered
        self.sent.append((self.round, now_ms))


def start_reign_with_a_short_list(me: NodeState) -> None:
    """Become leader as Raft does."""
    election.start_reign(me)
    me.reign = ForgetsTheOldestRounds(quorum_heard_ms=me.now_ms)


# ---- the plays


def a_new_leader_is_asked(cluster: Cluster) -> None:
    """C1 hears that x is 2 from S1, which crashes; its successor S2 has that entry, and does not know yet that it is committed."""
    elect(cluster, "S1")
    cluster.submit("C1", "SET x 1")
    settle(cluster)
    cluster.submit("C1", "SET x 2")
    cluster.run_for(45)
    cluster.crash("S1")
    elect(cluster, "S2")
    cluster.cut("S2", "S3")
    cluster.run_for(15)
    cluster.mend("S2", "S3")
    cluster.submit("C2", "GET x", through="S2")
    cluster.run_for(1_000)


def old_answers_come_late(cluster: Cluster) -> None:
    """S1 hears answers to its last round when S2 has long been elected and has made x 2."""
    elect(cluster, "S1")
    cluster.submit("C1", "SET x 1")
    cluster.run_for(900)
    for name in ("S2", "S3"):
        cluster.link(name, "S1", delay_ms=(400, 400))
    cluster.run_for(110)
    cluster.link("S1", "S2", up=False)
    cluster.link("S1", "S3", up=False)
    elect(cluster, "S2")
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(1_000)


def x_becomes_2(cluster: Cluster) -> None:
    """C2 hears from S2 that x is 2 now."""
    cluster.submit("C2", "SET x 2", through="S2")
    cluster.run_for(80)


def read_after_a_transfer(cluster: Cluster) -> None:
    """S1 hands over to S2, hears nothing of what came of it, and is asked."""
    reign_with_a_lease(cluster)
    cluster.transfer_leadership("S2")
    for name in ("S2", "S3"):
        cluster.link(name, "S1", up=False)
    cluster.run_for(50)
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(100)


def reign_with_a_lease(cluster: Cluster) -> None:
    """S1 leads, x is 1, and everybody waits for an election timeout before there can be another leader."""
    cluster.run_for(1_000)
    elect(cluster, "S1")
    cluster.submit("C1", "SET x 1")
    settle(cluster)


def read_by_a_slow_clock(cluster: Cluster) -> None:
    """S1's clock is slower than the others', who are right to elect S2 when an election timeout is over."""
    cluster.set_clock_rate("S1", 0.67)
    reign_with_a_lease(cluster)
    cluster.isolate("S1")
    cluster.run_for(1_020)
    elect(cluster, "S2")
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(100)


def read_after_late_answers(cluster: Cluster) -> None:
    """S1 hears late what the others say, and they hear no more from S1; S2 is elected while S1 counts on its lease."""
    reign_with_a_lease(cluster)
    for name in ("S2", "S3"):
        cluster.link(name, "S1", delay_ms=(800, 800))
    cluster.run_for(900)
    for name in ("S2", "S3"):
        cluster.link("S1", name, up=False)
    cluster.run_for(1_010)
    elect(cluster, "S2")
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(100)


def a_late_answer_brings_the_term(cluster: Cluster) -> None:
    """S2 has promised S3 its vote, and hears S1 again; then an answer of S3 tells it of term 2, and S3 asks for that vote."""
    reign_with_a_lease(cluster)
    cluster.isolate("S1")
    cluster.run_for(1_010)
    cluster.time_out("S3")
    cluster.run_for(15)
    cluster.link("S3", "S2", delay_ms=(300, 300))
    cluster.run_for(6)
    cluster.link("S3", "S2", delay_ms=(150, 150))
    cluster.time_out("S2")
    cluster.mend("S1", "S2")
    cluster.run_for(150)
    cluster.isolate("S1")
    cluster.link("S3", "S2", delay_ms=(10, 10))
    cluster.run_for(170)
    cluster.submit("C2", "SET x 2", through="S3")
    cluster.run_for(80)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(100)


def a_call_comes_a_term_late(cluster: Cluster) -> None:
    """S1 tells S2 to stand, and crashes; S3 leads and holds a lease when S2 hears it, and S2 is elected behind its back."""
    reign_with_a_lease(cluster)
    cluster.link("S1", "S2", delay_ms=(2_000, 2_000))
    cluster.transfer_leadership("S2")
    cluster.run_for(5)
    cluster.crash("S1")
    cluster.run_for(1_015)
    elect(cluster, "S3")
    cluster.restart("S1")
    cluster.run_for(930)
    for name in ("S1", "S2"):
        cluster.link(name, "S3", up=False)
    cluster.link("S1", "S2", delay_ms=(10, 10))
    cluster.run_for(70)
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S3")
    cluster.run_for(100)


def a_refusal_finds_its_sender_leading_again(cluster: Cluster) -> None:
    """One of S1's many heartbeats reaches S2 when S2 has led and S1 leads again; S2 refuses it, and then leads once more unheard."""
    elect(cluster, "S1")
    cluster.submit("C1", "SET x 1")
    cluster.run_for(1_000)
    cluster.link("S1", "S2", delay_ms=(400, 400))
    cluster.run_for(110)
    cluster.link("S1", "S2", delay_ms=(10, 10))
    elect(cluster, "S2")
    settle(cluster)
    elect(cluster, "S1")
    cluster.run_for(200)
    cluster.link("S1", "S2", up=False)
    cluster.link("S1", "S3", up=False)
    cluster.link("S2", "S1", up=False)
    cluster.link("S3", "S1", up=False)
    elect(cluster, "S2")
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(1_000)


def a_clock_changes_while_a_timeout_runs(cluster: Cluster) -> None:
    """S2 draws its timeout by a fast clock; then that is as it should be and S1's is slow. S2 stands while S1 counts on its lease."""
    reign_with_a_lease(cluster)
    cluster.set_clock_rate("S2", 1.5)
    cluster.cut("S1", "S3")
    cluster.run_for(1_200)
    cluster.isolate("S1")
    cluster.set_clock_rate("S2", 1)
    cluster.set_clock_rate("S1", 0.67)
    cluster.run_for(750)
    x_becomes_2(cluster)
    cluster.submit("C3", "GET x", through="S1")
    cluster.run_for(100)


def more_reads_than_a_leader_remembers_rounds(cluster: Cluster) -> None:
    """Each client asks again 40 ms later, so ten rounds begin while one is there and back."""
    elect(cluster, "S1")
    settle(cluster)
    for _ in range(15):
        for number in range(1, 21):
            cluster.submit(f"C{number}", Get("x", ReadMode.READ_INDEX), through="S1")
            cluster.run_for(2)


READS = (
    Mutant(
        number="25",
        name="Read before the first commit",
        sentence="A new leader answers reads before it has committed an entry of its own term.",
        property="Linearizability",
        seen_in="etcd#7331",
        rules=Rules(answer_read=read_before_the_first_commit),
        story=a_new_leader_is_asked,
    ),
    Mutant(
        number="26",
        name="A round's number is used again",
        sentence="A read waits for answers to a number that was asked before it came.",
        property="Linearizability",
        seen_in="etcd#20418",
        rules=Rules(answer_read=ask_again_under_the_same_number),
        story=old_answers_come_late,
        config=SELDOM_HEARTBEATS,
    ),
    Mutant(
        number="27a",
        name="The lease outlives a transfer",
        sentence="A leader still trusts its lease when it has told another server to stand.",
        property="Linearizability",
        seen_in="raft-rs#234",
        rules=Rules(answer_read=trust_the_lease_in_a_transfer),
        story=read_after_a_transfer,
        config=WITH_LEASES,
    ),
    Mutant(
        number="27b",
        name="The lease trusts one clock",
        sentence="A leader's lease lasts for an election timeout by its own clock, which may be slower than the others'.",
        property="Linearizability",
        seen_in="etcd#12704",
        rules=Rules(answer_read=trust_the_own_clock),
        story=read_by_a_slow_clock,
        config=WITH_LEASES,
    ),
    Mutant(
        number="27c",
        name="The guard ends with the term",
        sentence="A server that has entered a later term votes in it, though it has just heard the leader of the earlier one.",
        property="Linearizability",
        seen_in="this lab, in its first week",
        rules=Rules(guards_leader=guard_in_the_same_term_only),
        story=a_late_answer_brings_the_term,
        config=replace(WITH_LEASES, pre_vote=True),
    ),
    Mutant(
        number="27d",
        name="The lease begins with the answers",
        sentence="A leader's lease lasts from when it hears that a majority has answered, and not from when it asked.",
        property="Linearizability",
        seen_in="sofa-jraft#34",
        rules=Rules(absorb_append_entries_reply=count_the_lease_from_the_answer),
        story=read_after_late_answers,
        config=WITH_LEASES,
    ),
    Mutant(
        number="28",
        name="A stale call is obeyed",
        sentence="A server obeys a TimeoutNow of an earlier term, or one that was given up since.",
        property="Linearizability",
        seen_in="openraft#2088",
        rules=Rules(answer_timeout_now=obey_any_call),
        story=a_call_comes_a_term_late,
        config=WITH_LEASES,
    ),
    Mutant(
        number="31",
        name="An old refusal counts anew",
        sentence="A refusal for a stale term carries the round of the old message, and counts when its sender leads again.",
        property="Linearizability",
        seen_in="this project",
        rules=Rules(answer_append_entries=refuse_with_the_round, absorb_append_entries_reply=count_refusals_for_a_stale_term),
        story=a_refusal_finds_its_sender_leading_again,
    ),
    Mutant(
        number="38",
        name="A timeout keeps its length",
        sentence="A running election timeout keeps its length when the clock rate changes, while leases are stretched.",
        property="Linearizability",
        seen_in="this project",
        rules=Rulebook(server=KeepsItsDeadline),
        story=a_clock_changes_while_a_timeout_runs,
        config=replace(WITH_LEASES, election_timeout_ms=(1_000.0, 1_100.0), pre_vote=True),
    ),
    Mutant(
        number="39",
        name="The oldest rounds are forgotten",
        sentence="A bounded list of rounds forgets the oldest that are unanswered.",
        property="Convergence",
        seen_in="this project",
        rules=Rules(start_reign=start_reign_with_a_short_list),
        story=more_reads_than_a_leader_remembers_rounds,
        config=replace(BY_HAND, check_quorum=True, election_timeout_ms=(300.0, 400.0)),
    ),
)
