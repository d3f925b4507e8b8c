"""Random runs: each seed is a cluster with its own knobs, faults and clients. No invariant is ever broken; and once everything

is healed and restarted, all servers soon agree. A failing seed is printed with the line that repeats it.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from random import Random

import pytest

from raftcore import Cluster, Config, Reason, Role, Rules
from raftcore.checks.convergence import why_not_converged
from raftcore.checks.violation import Violation
from raftcore.checks.watch import Watch
from raftcore.consensus import election, replication
from raftcore.consensus.door import Ready
from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.state import NodeState
from raftcore.server import Server
from raftcore.storage.sim_disk import SimDisk
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.events import MessageDropped
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, PreVote, PreVoteReply, RequestVote, RequestVoteReply

BLOCKS, SEEDS_PER_BLOCK = 60, 25


class RandomRun:
    """One run. What happens in it is a function of the seed."""

    def __init__(self, seed: int, rules=None) -> None:
        self.random = random = Random(f"random run {seed}")
        self.cluster = Cluster(random.choice([1, 2, 3, 3, 4, 5, 5, 5, 7]), seed, random_config(random), rules)
        self.founders = self.cluster.server_ids

    def trouble(self, rounds: int) -> None:
        """Let time pass and something happen, again and again."""
        acts = [*[self.ask] * 8, *[self.hurt_link] * 3, self.crash, self.crash, self.restart, self.restart, self.restart, self.wake]
        acts += [self.pause, self.wake, self.time_out, self.split, self.isolate, self.cluster.heal]
        acts += [self.add, self.remove, self.change, self.transfer, self.snapshot, self.set_clock, self.hurt_disk, self.mend_disks]
        for _ in range(rounds):
            self.cluster.run_for(self.random.choice([0, 0, 1, 5, 20, 60, 200, 400]) * self.random.random())
            self.try_to(self.random.choice(acts))

    def converge(self) -> None:
        """Make everything whole, and see all servers agree."""
        cluster = self.cluster
        cluster.heal()
        self.mend_disks()
        for name in cluster.server_ids:
            cluster.set_clock_rate(name, 1)
            self.try_to(lambda name=name: cluster.restart(name))
            self.try_to(lambda name=name: cluster.resume(name))
        cluster.run_until(agreement, limit_ms=longest_wait_ms(cluster.scenario.config))

    def try_to(self, act: Callable[[], object]) -> None:
        """Act, unless the server is in no state for it: that is refused, and changes nothing."""
        with suppress(ControlError):
            act()

    # ---- what may happen

    def server(self) -> str:
        return self.random.choice(self.cluster.server_ids)

    def ask(self) -> None:
        through = self.random.choice([None, None, self.server()])
        self.cluster.submit(self.random.choice(["C1", "C2", "C3"]), random_command(self.random), through)

    def crash(self) -> None:
        leader = self.cluster.leader
        self.cluster.crash(leader if leader and self.random.random() < 0.3 else self.server())

    def restart(self) -> None:
        self.cluster.restart(self.server())

    def pause(self) -> None:
        self.cluster.pause(self.server())

    def wake(self) -> None:
        self.cluster.resume(self.server())

    def time_out(self) -> None:
        self.cluster.time_out(self.server())

    def isolate(self) -> None:
        self.cluster.isolate(self.server())

    def split(self) -> None:
        names = list(self.cluster.server_ids)
        self.random.shuffle(names)
        cut = self.random.randrange(len(names) + 1)
        self.cluster.partition(names[:cut], names[cut:])

    def add(self) -> None:
        self.cluster.add_server()

    def remove(self) -> None:
        self.cluster.remove_server(self.server())

    def change(self) -> None:
        names = list(self.cluster.server_ids)
        self.random.shuffle(names)
        voters, learners = sorted(self.random.sample(range(len(names) + 1), 2)) if len(names) > 1 else (1, 1)
        self.cluster.change_membership(names[:voters], names[voters:learners])

    def transfer(self) -> None:
        self.cluster.transfer_leadership(self.server())

    def snapshot(self) -> None:
        self.cluster.take_snapshot(self.server())

    def set_clock(self) -> None:
        self.cluster.set_clock_rate(self.server(), self.random.choice([0.96, 1, 1.04]))

    def hurt_disk(self) -> None:
        fault = self.random.choice([{"sync_ms": 40.0}, {"sync_fails": True}, {"capacity_bytes": 4_000}])
        self.cluster.disk(self.server(), **fault)

    def mend_disks(self) -> None:
        for name in self.cluster.server_ids:
            self.cluster.disk(name, sync_ms=self.cluster.config.sync_ms, sync_fails=False, capacity_bytes=None)

    def hurt_link(self) -> None:
        source, target = self.random.choice([*self.cluster.server_ids, "C1"]), self.server()
        if source == target:
            return
        shortest = self.random.choice([0, 1, 10, 100])
        self.cluster.link(
            source, target,
            up=self.random.random() < 0.8,
            delay_ms=(shortest, shortest + self.random.choice([0, 5, 50, 200])),
            loss=self.random.choice([0, 0.1, 0.5]),
            duplication=self.random.choice([0, 0.2, 0.7]),
            reordering=self.random.choice([0, 0.2, 0.7]),
        )  # fmt: skip


def random_config(random: Random) -> Config:
    delay_ms = random.choice([(10, 20), (0, 0), (0, 5), (1, 30)])
    sync_ms = random.choice([0, 0.5, 1, 10, 30])
    # Raft promises leaders only where a broadcast, answers and all, takes less time than an election timeout (§5.6), and than the
    # timeouts of two servers differ: else votes are split again and again (§9.3).
    broadcast_ms = 2 * (delay_ms[1] + sync_ms)
    shortest = broadcast_ms + random.choice([60, 100, 150])
    return Config(
        election_timeout_ms=(shortest, shortest + broadcast_ms + random.choice([30, 150])),
        heartbeat_ms=random.choice([20, 50]),
        delay_ms=delay_ms,
        sync_ms=sync_ms,
        max_entries_per_message=random.choice([1, 2, 64]),
        max_messages_in_flight=random.choice([1, 2, 8]),
        max_bytes_per_message=random.choice([1, 3, 1_000]),
        pre_vote=(pre_vote := random.random() < 0.7),
        check_quorum=random.random() < 0.7,
        leader_guard=not pre_vote or random.random() < 0.7,  # without both, a server that was removed disturbs for ever (thesis 4.2.3)
        snapshot_every=random.choice([0, 3, 10, 50]),
        snapshot_chunk_bytes=random.choice([7, 50, 10_000]),
        reads=random.choice(list(ReadMode)),
        session_timeout_ms=random.choice([500.0, 60_000.0]),
    )


def random_command(random: Random) -> Command:
    key, value, expected = random.choice("xyz"), str(random.randrange(3)), str(random.randrange(3))
    mode = random.choice([None, *ReadMode])
    return random.choice([Set(key, value), Get(key, mode), Delete(key), Append(key, value), Cas(key, expected, value)])


def agreement(view: ClusterView) -> bool:
    """Everybody who belongs to the cluster follows one leader and has committed and applied the same whole log."""
    return why_not_converged(view) == "" and all(view.servers[name].alive for name in view.configuration.members)


def longest_wait_ms(config: Config) -> float:
    """Time for slow messages to land, for a score of split votes, and for logs to travel."""
    return 1_000 + 30 * config.election_timeout_ms[1]


def run_seed(seed: int, rules=None) -> RandomRun:
    run = RandomRun(seed, rules)
    run.trouble(rounds=60)
    run.converge()
    assert run.cluster.violations == ()
    events = run.cluster.trace
    assert all(earlier.at_ms <= later.at_ms for earlier, later in pairwise(events))
    assert all(isinstance(event.reason, Reason) for event in events if isinstance(event, MessageDropped))
    return run


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_happens_the_invariants_hold_and_after_a_heal_all_agree(block: int) -> None:
    for seed in range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK):
        try:
            run_seed(seed)
        except BaseException:
            print(f"to repeat it, in tests/: python -c 'from test_random_runs import run_seed; run_seed({seed})'")
            raise


# ---- the checks have teeth: with a rule that is wrong, soon an invariant breaks


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
        with suppress(IndexError, AssertionError):  # a server that obeys a wrong rule may break before anybody sees why
            run.trouble(rounds=60)
        if any(violation.property == invariant for violation in run.cluster.violations):
            return run.cluster
    raise AssertionError(f"{invariant} was not broken in 400 runs")


@pytest.mark.parametrize("name", WRONG_RULES)
def test_a_wrong_rule_breaks_an_invariant_within_a_few_runs(name: str) -> None:
    rules, invariant = WRONG_RULES[name]
    cluster = first_broken(invariant, rules)
    assert list(cluster.violations) == judged_without_shortcuts(cluster)


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
