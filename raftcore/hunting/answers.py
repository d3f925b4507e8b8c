"""Whether clients are answered: after a heal, and while some quorum stays connected, whatever else is cut off for good.

Clients of their own ask for a write and for a read of each kind, again and again, until each has an answer.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from raftcore.checks.connected import promises_a_leader, who_could_lead
from raftcore.checks.convergence import ANSWERED, Lack, lack, longest_answer_ms, may_be_answered
from raftcore.cluster.client import Operation
from raftcore.cluster.cluster import Cluster
from raftcore.statemachine.language import show_command
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.commands import Command, Get, ReadMode, Set
from raftcore.vocabulary.names import ClientId

KEY = "answered"
"""What is written and read: a key of its own, so that the answers say nothing about those before."""

QUESTIONS: tuple[Command, ...] = (Set(KEY, "yes"), Get(KEY, ReadMode.READ_INDEX), Get(KEY, ReadMode.LEASE), Get(KEY, ReadMode.LOG))

FIRST = 9
"""C9 is the first client that may ask: the others belong to whoever made the trouble."""


class Judged(Struct, frozen=True):
    """What came of waiting. promised: the properties that Raft promises here, and no others were judged. lack: what does not hold."""

    promised: tuple[str, ...] = ()
    lack: Lack | None = None


NOT_PROMISED = Judged()


def judge_connected(cluster: Cluster) -> Judged:
    """Let time pass while some quorum stays connected, until clients are answered.

    Nothing is promised where no quorum stays connected for so long that there must be an answer, or where servers do without pre-vote,
    check-quorum or the guard of a leader.
    """
    config = cluster.config
    if not promises_a_leader(config):
        return NOT_PROMISED

    def why(view: ClusterView) -> str:
        able = who_could_lead(view, config)
        return f"{able[0]} could lead a quorum that hears it" if able else ""

    return judge_answers(cluster, why)


def judge_answers(cluster: Cluster, why: Callable[[ClusterView], str]) -> Judged:
    """Let clients ask until each is answered. `why` says why there must be answers; "" where, as things stand, there need be none.

    Nothing is promised where it does not say so for as long as that may take.
    """
    bound_ms, began_ms = longest_answer_ms(cluster.config, len(cluster.server_ids)), cluster.now_ms
    if not may_be_answered(cluster.config) or not why(cluster.view):
        return NOT_PROMISED
    asking, since_ms = Asking(cluster), began_ms
    while cluster.now_ms < began_ms + 2 * bound_ms:
        cluster.run_for(cluster.config.heartbeat_ms)
        if asking.is_over():
            return Judged((ANSWERED,))
        reason = why(cluster.view)
        if not reason:
            since_ms = cluster.now_ms
        elif cluster.now_ms >= since_ms + bound_ms:
            return Judged((ANSWERED,), asking.lack(since_ms, reason))
    return NOT_PROMISED


class Asking:
    """Clients of which each asks one question, again where the outcome stays unknown, until it is answered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        names = _idle_clients(cluster.view)
        self._asked: list[tuple[ClientId, Command, Operation]] = []
        for command in QUESTIONS:
            self._ask(next(names), command)

    def _ask(self, client: ClientId, command: Command) -> None:
        self._asked.append((client, command, self._cluster.submit(client, command)))

    def is_over(self) -> bool:
        """Whether every question is answered. Those whose client has given up are asked again."""
        asked, self._asked = self._asked, []
        for client, command, operation in asked:
            if operation.answer is None:
                self._asked.append((client, command, operation))
            elif operation.answer.ok is None:
                self._ask(client, command)
        return not self._asked

    def lack(self, since_ms: float, reason: str) -> Lack:
        """Who is not answered, and what the cluster lacks."""
        client, command, _ = self._asked[0]
        view = self._cluster.view
        missing = lack(view) if view.leader is None else None
        state = missing.sentence if missing else f"{view.leader} leads"
        waited_ms = self._cluster.now_ms - since_ms
        sentence = f"{client} has had no answer to {show_command(command)} for {waited_ms:,.0f} ms in which {reason}: {state}"
        return Lack(missing.kind if missing else "unanswered", sentence, ANSWERED)


def _idle_clients(view: ClusterView) -> Iterator[ClientId]:
    """Clients that wait for nothing, and whose links nobody has touched."""
    touched = {name for pair in view.links for name in pair} | view.pending.keys()
    return (name for number in range(FIRST, 10_000) if (name := f"C{number}") not in touched)
