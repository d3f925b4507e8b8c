"""Bugs in what a server keeps, and when (Figure 2: "updated on stable storage before responding to RPCs")."""

from typing import ClassVar

from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.door import Ready
from raftcore.hunting.mutants.mutant import Mutant, elect, settle
from raftcore.server import Server
from raftcore.vocabulary.messages import AppendEntriesReply, Message, RequestVoteReply

# ---- the bugs


class HastyServer(Server):
    """A server that lets answers of one kind out before its disk has synced what they promise."""

    hasty_with: ClassVar[type[Message]]

    def hold(self, ready: Ready) -> None:
        """Hold back all but those answers."""
        for target, message in ready.send:
            if isinstance(message, self.hasty_with):
                self._send(self.id, target, message)  # wrong: a crash may still take back what it promises
        ready.send = [letter for letter in ready.send if not isinstance(letter[1], self.hasty_with)]
        super().hold(ready)


class VotesUnsaved(HastyServer):
    """It gives its vote before the vote is on the disk."""

    hasty_with = RequestVoteReply


class AcknowledgesUnsaved(HastyServer):
    """It acknowledges entries before they are on the disk."""

    hasty_with = AppendEntriesReply


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
)
