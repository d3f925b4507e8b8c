"""Bugs in what a server keeps, and when (Figure 2: "updated on stable storage before responding to RPCs")."""

from collections.abc import Callable
from typing import ClassVar

from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.door import Ready
from raftcore.hunting.mutants.mutant import ROUND_TRIP_MS, Mutant, elect, settle
from raftcore.server import Server
from raftcore.storage.disk import Disk
from raftcore.storage.records import Recovered, read
from raftcore.storage.wal import WriteAheadLog, explain
from raftcore.vocabulary.durable import HardState, LogSuffix
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.messages import AppendEntriesReply, Message, RequestVoteReply

# ---- the bugs


class HastyServer(Server):
    """A server that lets answers of one kind out before its disk has synced what they promise."""

    hasty_with: ClassVar[type[Message]]

    def hold(self, ready: Ready) -> None:
        """Hold back all but those answers."""
        hasty = [letter for letter in ready.send if isinstance(letter[1], self.hasty_with)]
        self._send(self.id, hasty)  # wrong: a crash may still take back what it promises
        ready.send = [letter for letter in ready.send if letter not in hasty]
        super().hold(ready)


class VotesUnsaved(HastyServer):
    """It gives its vote before the vote is on the disk."""

    hasty_with = RequestVoteReply


class AcknowledgesUnsaved(HastyServer):
    """It acknowledges entries before they are on the disk."""

    hasty_with = AppendEntriesReply


class TwoWrites(WriteAheadLog):
    """It writes the term first, and then the vote."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._vote: HardState | None = None

    def append(self, record: HardState | LogSuffix) -> None:
        """Write the record, but for a vote."""
        if isinstance(record, HardState) and record.voted_for:
            self._vote, record = record, HardState(record.current_term)
        super().append(record)

    def sync(self, done: Callable[[bool], None]) -> None:
        """Let the disk keep what was written, and write the vote."""
        super().sync(done)
        vote, self._vote = self._vote, None
        if vote:
            super().append(vote)  # wrong: the sync that the server waits for has begun, and does not cover it


class TwoWritesServer(Server):
    """A server that saves term and vote one after the other."""

    wal_type = TwoWrites


class AfraidOfTornTails(WriteAheadLog):
    """It trusts no file that does not end with a whole record."""

    def recover(self) -> Recovered:
        """What the newest file adds up to. Raises CorruptLogError where any is damaged."""
        for name in self.disk.names():
            damage = read(self.disk.read(name), int(name.rpartition(".")[2])).damage
            if damage:
                raise CorruptLogError(explain(name, damage))  # wrong: a write that a crash cut short was never acknowledged
        return super().recover()


class AfraidServer(Server):
    """A server that a torn tail keeps from starting."""

    wal_type = AfraidOfTornTails


class Skipping(WriteAheadLog):
    """It makes do with what it can read."""

    def recover(self) -> Recovered:
        """What the newest file adds up to, as far as it can be read."""
        for name in self.disk.names():
            data = self.disk.read(name)
            damage = read(data, int(name.rpartition(".")[2])).damage
            if damage:
                self.disk.remove(name)
                self.disk.append(name, data[: damage.offset])  # wrong: where nothing is torn it may hide what was acknowledged
        return super().recover()


class SkippingServer(Server):
    """A server that starts from a damaged log."""

    wal_type = Skipping


class CommitAtOnce(Server):
    """It keeps its commit index too, in the name of a file, which a disk may keep sooner than the log."""

    def hold(self, ready: Ready) -> None:
        """Keep the commit index, and hold back what must wait."""
        if ready.apply:
            committed = ready.apply_from + len(ready.apply) - 1
            self._wal.disk.append(f"{COMMIT}.{committed}", b"\0")  # wrong: the entries up to there are not on the disk yet
        super().hold(ready)


class WithCommitIndex(WriteAheadLog):
    """It expects all entries that were committed."""

    def recover(self) -> Recovered:
        """What the newest file adds up to. Raises CorruptLogError where that ends before the commit index."""
        recovered = super().recover()
        before = recovered.snapshot.last_included_index if recovered.snapshot else 0
        last_index = before + len(recovered.entries)
        kinds = (name.split(".") for name in self.disk.names())
        committed = max((int(number) for kind, number in kinds if kind == COMMIT), default=0)
        if committed > last_index:
            raise CorruptLogError(f"the log should hold all {committed} entries that are committed, and ends after {last_index}")
        return recovered


COMMIT = "commit"


class CommitAheadServer(CommitAtOnce):
    """A server whose disk can know of more committed entries than it holds."""

    wal_type = WithCommitIndex


class BelievesWhatItReads(Server):
    """A server that takes all that it reads when it starts for kept."""

    def start(self) -> None:
        """Begin to wait for a leader, and for no sync."""
        self._unsaved = False  # wrong: what it has read may stand in the page cache alone, and so does the new file
        super().start()


class RetriesSync(WriteAheadLog):
    """It asks again for a sync that failed, until one succeeds."""

    def sync(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once a sync succeeds."""

        def finish(kept: bool) -> None:
            if kept:
                done(True)  # wrong: the pages that the failed sync lost count as clean, so this one wrote none of them
            else:
                self.sync(done)

        super().sync(finish)


class RetryingServer(Server):
    """A server that believes the second sync, where the first one failed."""

    wal_type = RetriesSync


# ---- the plays


def a_crash_takes_a_vote_back(cluster: Cluster) -> None:
    """S3 votes for S1, crashes while its disk still writes, and is asked by S2 in the same term."""
    cluster.disk("S3", sync_ms=200)
    cluster.cut("S1", "S2")
    cluster.link("S2", "S3", delay_ms=(500, 500))
    cluster.time_out("S1")
    cluster.time_out("S2")
    cluster.run_for(15)
    cluster.crash("S3")
    cluster.run_for(10)
    cluster.cut("S1", "S3")
    cluster.restart("S3")
    cluster.run_for(800)


def a_crash_takes_an_entry_back(cluster: Cluster) -> None:
    """S2 and S3 answer while their disks still write, and crash."""
    elect(cluster, "S1")
    settle(cluster)
    for name in ("S2", "S3"):
        cluster.disk(name, sync_ms=500)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(60)
    for name in cluster.server_ids:
        cluster.crash(name)
    for name in ("S2", "S3"):
        cluster.restart(name)
    cluster.time_out("S2")
    cluster.run_for(2_000)


def a_crash_comes_between_term_and_vote(cluster: Cluster) -> None:
    """S3 votes for S1, crashes when its term is on the disk and its vote is not, and is asked by S2 in the same term."""
    cluster.disk("S3", sync_ms=50)
    cluster.cut("S1", "S2")
    cluster.link("S2", "S3", delay_ms=(500, 500))
    cluster.time_out("S1")
    cluster.time_out("S2")
    cluster.run_for(75)
    cluster.cut("S1", "S3")
    cluster.crash("S3")
    cluster.restart("S3")
    cluster.run_for(800)


def a_crash_tears_two_logs(cluster: Cluster) -> None:
    """S2 and S3 crash while their disks write the same entry."""
    elect(cluster, "S1")
    settle(cluster)
    for name in ("S2", "S3"):
        cluster.disk(name, sync_ms=50)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(ROUND_TRIP_MS)
    for name in ("S2", "S3"):
        cluster.crash(name)
        cluster.restart(name)
    cluster.run_for(30_000)


def a_bit_rots(cluster: Cluster) -> None:
    """S2 has acknowledged three entries when it crashes, and a bit of its log rots; then S1 crashes too."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    for client in ("C1", "C2", "C3"):
        cluster.submit(client, "SET x 1", through="S1")
        settle(cluster)
    cluster.crash("S2")
    cluster.flip_bit("S2")
    cluster.restart("S2")
    cluster.crash("S1")
    cluster.heal()
    elect(cluster, "S2")
    settle(cluster)


def a_crash_while_catching_up(cluster: Cluster) -> None:
    """S4 and S5 are told at once of entries and that they are committed, and crash while their disks still write."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.partition({"S4", "S5"})
    for client in ("C1", "C2"):
        cluster.submit(client, "SET x 1", through="S1")
    settle(cluster)
    for name in ("S4", "S5"):
        cluster.disk(name, sync_ms=50)
    cluster.heal()
    cluster.run_until(lambda view: all(view.servers[name].log.last_index > 1 for name in ("S4", "S5")))
    for name in ("S4", "S5"):
        cluster.crash(name)
        cluster.restart(name)
    cluster.crash("S3")
    cluster.submit("C3", "SET x 2", through="S1")
    cluster.run_for(30_000)


def a_process_dies_and_then_the_power(cluster: Cluster) -> None:
    """S2's process crashes while its disk writes an entry. S2 starts again and acknowledges what it reads; then the power fails."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.disk("S2", sync_ms=5_000)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(ROUND_TRIP_MS)
    cluster.crash("S2", power_loss=False)
    cluster.restart("S2")
    settle(cluster)
    _lose_power_and_go_on(cluster)


def a_sync_fails_once(cluster: Cluster) -> None:
    """S2's disk fails to sync an entry and is mended; S2 syncs again and acknowledges the entry. Then the power fails."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S3")
    cluster.disk("S2", sync_fails=True)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(ROUND_TRIP_MS)
    cluster.disk("S2", sync_fails=False)
    settle(cluster)
    _lose_power_and_go_on(cluster)


def _lose_power_and_go_on(cluster: Cluster) -> None:
    """S1 and S2 lose power. S2 starts again, and goes on with S3."""
    for name in ("S1", "S2"):
        if cluster.view.servers[name].alive:
            cluster.crash(name)
    cluster.disk("S2", sync_ms=cluster.config.sync_ms)
    cluster.heal()
    cluster.restart("S2")
    settle(cluster)
    elect(cluster, "S2")
    settle(cluster)


STORAGE = (
    Mutant(
        number="2",
        name="A vote is given unsaved",
        sentence="A server answers a candidate before its term and vote are on the disk.",
        property="Vote Once",
        seen_in="PySyncObj#84",
        rules=Rulebook(server=VotesUnsaved),
        story=a_crash_takes_a_vote_back,
    ),
    Mutant(
        number="13",
        name="Acknowledged unsaved",
        sentence="A follower acknowledges entries before they are on the disk.",
        property="Committed Is Durable",
        seen_in="etcd#8144",
        rules=Rulebook(server=AcknowledgesUnsaved),
        story=a_crash_takes_an_entry_back,
    ),
    Mutant(
        number="4",
        name="Term and vote in two writes",
        sentence="A server writes its term and then its vote, and answers when the first of them is kept.",
        property="Vote Once",
        seen_in="hashicorp/raft#661",
        rules=Rulebook(server=TwoWritesServer),
        story=a_crash_comes_between_term_and_vote,
    ),
    Mutant(
        number="14a",
        name="A torn tail kills",
        sentence="A server does not start from a log whose last record a crash has cut short.",
        property="Convergence",
        seen_in="etcd#5230",
        rules=Rulebook(server=AfraidServer),
        story=a_crash_tears_two_logs,
        seed=13,
    ),
    Mutant(
        number="14b",
        name="Damage is skipped",
        sentence="A server starts from a log that is damaged in the middle, without what follows the damage.",
        property="Leader Completeness",
        seen_in="etcd#14093",
        rules=Rulebook(server=SkippingServer),
        story=a_bit_rots,
        seed=3,
    ),
    Mutant(
        number="15",
        name="Committed beyond the log",
        sentence="A server keeps its commit index before the entries, and does not start when it finds fewer.",
        property="Convergence",
        seen_in="PySyncObj PR#197",
        rules=Rulebook(server=CommitAheadServer),
        story=a_crash_while_catching_up,
        size=5,
        seed=8,
    ),
    Mutant(
        number="40",
        name="Recovery without sync",
        sentence="A server that starts again acknowledges what it has read before that is synced.",
        property="Committed Is Durable",
        seen_in="PostgreSQL's start-up",
        rules=Rulebook(server=BelievesWhatItReads),
        story=a_process_dies_and_then_the_power,
    ),
    Mutant(
        number="41",
        name="A failed sync is retried",
        sentence="A server whose disk fails to sync tries again, and believes the sync that then succeeds.",
        property="Committed Is Durable",
        seen_in="fsyncgate 2018",
        rules=Rulebook(server=RetryingServer),
        story=a_sync_fails_once,
    ),
)
