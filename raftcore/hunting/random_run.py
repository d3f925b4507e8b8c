"""Random runs: each seed is a cluster with its own knobs, clients and mix of trouble."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random

from raftcore.checks.beliefs.watch import Checks
from raftcore.checks.connected import promises_a_leader
from raftcore.cluster.cluster import AnyRules, Cluster
from raftcore.hunting.faults import Faults
from raftcore.hunting.hand import TELLERS, Hand
from raftcore.hunting.quorums import leave_a_quorum
from raftcore.hunting.rivals import Rivals
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConditionNotReached, ControlError
from raftcore.vocabulary.names import ServerId, Term

ROUNDS = 60
"""Things that are done to a cluster in one run."""

Act = Callable[[], object]


class RandomRun(Hand):
    """One run. What happens in it is a function of the seed, and of what is given: what of `faults`, `size` and `config` is None is drawn,

    and `rules` None is Raft.
    """

    def __init__(
        self,
        seed: int,
        rules: AnyRules = None,
        faults: Faults | None = None,
        size: int | None = None,
        config: Config | None = None,
        checks: Checks = "full",
    ) -> None:
        random = Random(f"random run {seed}")
        drawn_size, drawn_config = random.choice([1, 2, 3, 3, 4, 5, 5, 5, 7]), random_config(random)
        mix = Faults.drawn(random)
        super().__init__(Cluster(drawn_size if size is None else size, seed, config or drawn_config, rules, checks=checks), random)
        self._acts = self._mixed(faults or mix)
        self._quorums = (faults or mix).quorums

    def trouble(self, stop: Callable[[], object] = bool, rounds: int = ROUNDS) -> None:
        """Let time pass and something happen, again and again, until `stop` says that it is enough."""
        for _ in range(rounds):
            self.cluster.run_for(self.random.choice([0, 0, 1, 5, 20, 60, 200, 400]) * self.random.random())
            with suppress(ControlError):  # it is refused, and changes nothing, where a server is in no state for it
                self.random.choice(self._acts)()
            if stop():
                return

    def live(self, stop: Callable[[], object] = bool) -> None:
        """Let there be trouble, and then cut links for good but those of one quorum, where servers have what lets it elect a leader."""
        self.trouble(stop)
        if self._quorums and promises_a_leader(self.cluster.config) and not stop():
            leave_a_quorum(self.cluster, self.random)

    # ---- what may happen

    def _mixed(self, faults: Faults) -> list[Act]:
        """Every act as often as it is to be chosen."""
        cluster, rivals, on_one = self.cluster, Rivals(self.cluster, self.random), self._on_one
        crash, kill = on_one(cluster.crash), on_one(partial(cluster.crash, power_loss=False))
        restart, pause, resume = on_one(cluster.restart), on_one(cluster.pause), on_one(cluster.resume)
        kinds: dict[str, list[Act]] = {
            "commands": [self._ask] * 8,
            "links": [self._hurt_link] * 3,
            "crashes": [crash, kill, restart, restart, restart],
            "pauses": [pause, resume, resume],
            "timeouts": [*[on_one(cluster.time_out)] * 3, rivals.lead_in_turn],
            "partitions": [self._split, on_one(cluster.isolate), cluster.heal],
            "membership": [cluster.add_server, rivals.remove_one, rivals.change_membership, rivals.change_in_secret],
            "transfers": [on_one(cluster.transfer_leadership), self._call_late, self._call_in_vain, rivals.lead_again],
            "snapshots": [on_one(cluster.take_snapshot)],
            "clocks": [partial(self._set_clock, rivals)],
            "disks": [self._hurt_disk, self._mend_disk],
            "rot": [on_one(cluster.flip_bit)],
            "leaders": [self._strike, self._strike, self._strike_at_once],
            "reads": [*[partial(self._read, rivals)] * 2, rivals.overtake, rivals.succeed, self._flood],
            "rivals": [rivals.stand_at_once, rivals.change_in_turn],
        }
        return [act for kind, acts in kinds.items() for act in acts * getattr(faults, kind)]

    def _server(self) -> ServerId:
        """One of all; often one that believes it leads, for most that can go wrong goes wrong there."""
        leaders = [server.id for server in self.cluster.view.leaders]
        return self.random.choice(leaders if leaders and self.random.random() < 0.3 else self.cluster.server_ids)

    def _on_one(self, act: Callable[[ServerId], object]) -> Act:
        return lambda: act(self._server())

    def _ask(self) -> None:
        through = self.random.choice([None, self._server()])
        self.cluster.submit(self.random.choice(["C1", "C2", "C3", "C4", "C5"]), random_command(self.random), through)

    def _split(self) -> None:
        names = list(self.cluster.server_ids)
        self.random.shuffle(names)
        cut = self.random.randrange(len(names) + 1)
        self.cluster.partition(names[:cut], names[cut:])

    def _set_clock(self, rivals: Rivals) -> None:
        apart = (1 + self.cluster.config.max_clock_drift) ** 0.4  # two servers, one slow and one fast, are less apart than leases allow for
        if self.random.random() < 0.15:
            rivals.drift_apart(1 / apart, apart)
        else:
            self.cluster.set_clock_rate(self._server(), self.random.choice([1 / apart, 1, apart]))

    def _flood(self) -> None:
        self.flood(self._leader(), self.random.choice([4, 8, 16]))

    def _hurt_disk(self) -> None:
        sync_ms, sync_fails, capacity_bytes = self.random.choice([(40.0, False, None), (1.0, True, None), (1.0, False, 4_000)])
        self.cluster.disk(self._server(), sync_ms=sync_ms, sync_fails=sync_fails, capacity_bytes=capacity_bytes)

    def _mend_disk(self) -> None:
        self.cluster.disk(self._server(), sync_ms=self.cluster.config.sync_ms, sync_fails=False, capacity_bytes=None)

    def _hurt_link(self) -> None:
        random = self.random
        source, target = random.choice([*self.cluster.server_ids, "C1"]), self._server()
        if source == target:
            return
        shortest = random.choice([0, 1, 10, 100])
        self.cluster.link(
            source, target,
            up=random.random() < 0.8,
            delay_ms=(shortest, shortest + random.choice([0, 5, 50, 200])),
            loss=random.choice([0, 0.1, 0.5]),
            duplication=random.choice([0, 0.2, 0.7]),
            reordering=random.choice([0, 0.2, 0.7]),
        )  # fmt: skip

    # ---- what is aimed at leaders

    def _leader(self) -> ServerId:
        """One that believes it leads, or any where none does."""
        leaders = [server.id for server in self.cluster.view.leaders]
        return self.random.choice(leaders or self.cluster.server_ids)

    def _read(self, rivals: Rivals) -> None:
        if len(self.cluster.view.leaders) > 1:
            rivals.ask_both()
        else:
            self.ask(self._leader(), self.random.choice("xyz"), self.random.choice([ReadMode.READ_INDEX, ReadMode.LEASE]))

    def _strike(self) -> None:
        """Something befalls a leader, often just after it has taken in a command."""
        leader, random = self._leader(), self.random
        if random.random() < 0.5:
            self.cluster.submit(random.choice(TELLERS), random_command(random), leader)
            self.cluster.run_for(self._moment_ms())
        random.choice([self.cluster.crash, self.cluster.isolate, self.mute, self.deafen, self.hear_late])(leader)

    def _strike_at_once(self) -> None:
        """Somebody is elected, and the next moment something befalls it."""
        cluster, reigns = self.cluster, _reigns(self.cluster.view)
        with suppress(ConditionNotReached):
            cluster.run_until(lambda view: not _reigns(view) <= reigns, limit_ms=self.patience_ms)
            cluster.run_for(self._moment_ms())
            self.random.choice([self._split, self._strike])()

    def _call_late(self) -> None:
        """A leader hands over on a link that is slow, and something befalls it: its word comes when it waits no more."""
        leader, target = self._leader(), self.any_server()
        if leader != target:
            self.delay(leader, target)
            self.cluster.transfer_leadership(target)
            self.cluster.run_for(self._moment_ms())
            self.random.choice([self.cluster.crash, self.cluster.isolate])(leader)

    def _call_in_vain(self) -> None:
        """A leader hands over to one that nobody hears."""
        target = self.any_server()
        self.cluster.transfer_leadership(target)
        self.mute(target)

    def _moment_ms(self) -> float:
        """Up to two rounds of messages and syncs."""
        return self.random.choice([0, 1, 4]) * self.round_ms * self.random.random()


def _reigns(view: ClusterView) -> set[tuple[ServerId, Term]]:
    return {(leader.id, leader.current_term) for leader in view.leaders}


def random_config(random: Random) -> Config:
    """Knobs with which Raft promises that a leader comes to be."""
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
        pre_vote=(pre_vote := random.random() < 0.5),
        check_quorum=random.random() < 0.7,
        leader_guard=not pre_vote or random.random() < 0.7,  # without both, a server that was removed disturbs for ever (thesis 4.2.3)
        snapshot_every=random.choice([0, 3, 10, 50]),
        snapshot_chunk_bytes=random.choice([7, 50, 10_000]),
        reads=random.choice(list(ReadMode)),
        session_timeout_ms=random.choice([500.0, 60_000.0]),
        client_retry_ms=300 + 10 * broadcast_ms,  # five clients that ask again and again must not ask for more than one leader can do
    )


def random_command(random: Random) -> Command:
    """A command on one of three keys, so that clients meet."""
    key, value, expected = random.choice("xyz"), str(random.randrange(3)), str(random.randrange(3))
    mode = random.choice([None, *ReadMode])
    commands: list[Command] = [Set(key, value), Get(key, mode), Delete(key), Append(key, value), Cas(key, expected, value)]
    return random.choice(commands)
