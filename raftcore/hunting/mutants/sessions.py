"""Bugs in the sessions by which a command that is sent twice is applied once (§8, thesis 6.3)."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from raftcore.cluster.cluster import Cluster
from raftcore.cluster.rulebook import Rulebook
from raftcore.hunting.mutants.mutant import BY_HAND, Mutant, elect, settle
from raftcore.server import Server
from raftcore.statemachine.kv import Result
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary.durable import Image
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Index

WITH_SESSIONS = replace(BY_HAND, client_sessions=True, client_retry_ms=300.0)

# ---- the bugs


class ForgetfulMachine(StateMachine):
    """Its snapshots name the sessions, and leave out what these remember."""

    def image(self) -> bytes:
        """The whole state, but for each client's latest command."""
        image = msgspec.msgpack.decode(super().image(), type=Image)
        forgotten = {number: replace(session, sequence_num=0) for number, session in image.sessions.items()}  # wrong: a retry will be new
        return msgspec.msgpack.encode(replace(image, sessions=forgotten))


class ForgetfulServer(Server):
    """A server whose snapshots forget what was answered."""

    machine_type = ForgetfulMachine


class EagerMachine(StateMachine):
    """It carries out whatever is in the log."""

    def apply_all(self, first_index: Index, entries: Iterable[Entry]) -> list[Result]:
        """Carry out the entries in order."""
        return super().apply_all(first_index, [replace(entry, session_id=0) for entry in entries])  # wrong: a session knows a retry


class EagerServer(Server):
    """A server that applies a command as often as it was sent."""

    machine_type = EagerMachine


# ---- the plays


def an_answer_is_lost(cluster: Cluster) -> None:
    """C1 does not hear that its command was applied, and sends it again."""
    elect(cluster, "S1")
    cluster.submit("C1", "SET x -")
    settle(cluster)
    cluster.link("S1", "C1", up=False)
    cluster.submit("C1", "APPEND x +", through="S1")
    settle(cluster)
    cluster.link("S1", "C1", up=True)
    cluster.run_for(2_000)


def a_successor_knows_only_the_snapshot(cluster: Cluster) -> None:
    """C1 does not hear that its command was applied, and sends it again to a leader that has started from a snapshot."""
    elect(cluster, "S1")
    cluster.submit("C1", "SET x -")
    settle(cluster)
    cluster.link("S1", "C1", up=False)
    cluster.submit("C1", "APPEND x +", through="S1")
    settle(cluster)
    cluster.take_snapshot("S2")
    cluster.run_for(10)
    cluster.crash("S2")
    cluster.restart("S2")
    cluster.crash("S1")
    elect(cluster, "S2")
    cluster.run_for(2_000)


SESSIONS = (
    Mutant(
        number="29",
        name="Sessions left out",
        sentence="A snapshot leaves out what the sessions remember: each client's latest command and its answer.",
        property="No Invention",
        seen_in="openraft PR#2096",
        rules=Rulebook(server=ForgetfulServer),
        story=a_successor_knows_only_the_snapshot,
        config=WITH_SESSIONS,
    ),
    Mutant(
        number="30",
        name="A retry is applied again",
        sentence="The state machine does not look whether it has carried out a client's command already.",
        property="No Invention",
        seen_in="summitdb#5",
        rules=Rulebook(server=EagerServer),
        story=an_answer_is_lost,
        config=WITH_SESSIONS,
    ),
)
