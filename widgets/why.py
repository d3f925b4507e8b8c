"""A person asks why: what was asked, in words, and the answer, which follows the moment that is shown."""

from typing import TypeAlias

from msgspec import Struct

from raftcore.checks.explain import why_no_leader, why_not_committed, why_pending, why_refused
from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView, OperationView
from raftcore.vocabulary.errors import ClientNotFound, ConfigError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import Index, ServerId
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief
from widgets.intents import Intent, said
from widgets.words import asked, clip, line


class OfEntry(Struct, frozen=True):
    """Why is this entry not committed?"""

    server: ServerId
    index: Index

    def words(self) -> str:
        return f"Why is entry {self.index} of {self.server} not committed?"

    def answer(self, view: ClusterView) -> str:
        return why_not_committed(view, self.index, self.server)


class OfLeader(Struct, frozen=True):
    """Why does no server lead with a majority?"""

    def words(self) -> str:
        return "Why does no server lead with a majority?"

    def answer(self, view: ClusterView) -> str:
        return why_no_leader(view)


class OfEvent(Struct, frozen=True):
    """Why was this refused?"""

    event: Event

    def words(self) -> str:
        return f"Why? {clip(line(self.event), 100)}"  # type: ignore[arg-type]  # every event is one of AnyEvent

    def answer(self, view: ClusterView) -> str:
        return why_refused(self.event)


class OfOperation(Struct, frozen=True):
    """Why does this client wait?"""

    operation: OperationView

    def words(self) -> str:
        return f"Why does {self.operation.client} wait for {asked(self.operation.command)}?"

    def answer(self, view: ClusterView) -> str:
        return why_pending(view, self.operation)


Question: TypeAlias = OfEntry | OfLeader | OfEvent | OfOperation


def question(intent: Intent, run: Run, view: ClusterView) -> Question:
    """What was asked of this run at the moment of this view. Raises ConfigError and ClientNotFound where there is no such thing."""
    match intent.get("what"):
        case "entry":
            return OfEntry(str(intent.get("server")), said(intent, "index"))
        case "leader":
            return OfLeader()
        case "event":
            position = whole(intent.get("position"))
            if position is None or not 0 <= position < len(run.trace):
                asked, last = brief(intent.get("position")), len(run.trace) - 1
                raise ConfigError(f"there is no event {asked} in this run; its events are numbered from 0 to {last:,}")
            return OfEvent(run.trace[position])
        case "operation":
            client = str(intent.get("client"))
            if client not in view.pending:
                raise ClientNotFound(f"{client} waits for nothing at {view.at_ms:,.0f} ms")
            return OfOperation(view.pending[client])
        case other:
            raise ConfigError(f"no question about {brief(other)}; ask about an entry, a leader, an event or an operation")
