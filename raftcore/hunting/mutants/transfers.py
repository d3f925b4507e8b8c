"""Bugs in the transfer of leadership (thesis 3.10)."""

from typing import Any

from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.door import Ready, Stimulus
from raftcore.hunting.mutants.mutant import Mutant, elect, settle
from raftcore.server import Server
from raftcore.vocabulary.events import TransferEnded, TransferStarted
from raftcore.vocabulary.messages import ClientReply, ClientRequest
from raftcore.vocabulary.names import LEADER, Reason

# ---- the bug


class RemembersItsTransfer(Server):
    """A server that refuses commands while it hands over, and forgets to end that where its reign ends first."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.hands_over = False

    def _obey(self, ready: Ready) -> None:
        for event in ready.events:
            if isinstance(event, TransferStarted):
                self.hands_over = True
            elif isinstance(event, TransferEnded) and self.node.state.role is LEADER:
                self.hands_over = False  # wrong: a transfer ends with its reign, too
        super()._obey(ready)

    def hear(self, stimulus: Stimulus) -> None:
        """Let something happen to this server, but for a command while it hands over."""
        if isinstance(stimulus, ClientRequest) and self.hands_over and self.node.state.role is LEADER:
            reply = ClientReply(stimulus.client_id, stimulus.sequence_num, self.id, ok=False, reason=Reason.TRANSFERRING)
            self._send(self.id, [(stimulus.client_id, reply)])
            return
        super().hear(stimulus)


# ---- the play


def a_transfer_is_cut_off(cluster: Cluster) -> None:
    """S1 is cut off while it hands over to S3, hears of its successor, and is elected again."""
    elect(cluster, "S1")
    settle(cluster)
    cluster.isolate("S1")
    cluster.transfer_leadership("S3")
    elect(cluster, "S2")
    cluster.heal()
    settle(cluster)
    elect(cluster, "S1")
    settle(cluster)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_for(2_000)


TRANSFERS = (
    Mutant(
        number="32",
        name="A transfer outlives its reign",
        sentence="A leader whose transfer was given up when its reign ended refuses commands when it is elected again.",
        property="Answered",
        seen_in="hashicorp/raft#696",
        rules=Rulebook(server=RemembersItsTransfer),
        story=a_transfer_is_cut_off,
    ),
)
