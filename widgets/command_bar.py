"""The line on which a client asks for something, and what became of what it asked."""

from raftcore import Cluster
from raftcore.trace.view import ClusterView, OperationView
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.events import Completed, Invoked
from raftcore.vocabulary.names import ClientId
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import asked, outcome

CLIENTS = ("C1", "C2", "C3")
OUTCOMES = 4
REMEMBERED = 64


class CommandBar(Part):
    """Sends {"do": "submit", "client", "through"} with either "text" or "op", "key", "value" and "expected"."""

    _esm = together("kit.js", "command_bar.js")
    _css = together("kit.css", "command_bar.css")

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._commands: dict[tuple[ClientId, int], Command] = {}
        super().__init__(cluster)

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        self._remember(frame)
        latest = view.completed[-OUTCOMES:]
        return {
            "servers": list(view.servers),
            "clients": sorted({*CLIENTS, *view.pending}),
            "pending": [waiting(operation, view.at_ms) for operation in view.pending.values()],
            "outcomes": [self._outcome(done) for done in reversed(latest)],
        }

    def _remember(self, frame: Frame) -> None:
        """A Completed does not repeat its command, so those that were asked for lately are kept."""
        begun: list[OperationView | Invoked] = [event for event in frame.events if isinstance(event, Invoked)]
        for one in (*begun, *frame.view.pending.values()):
            self._commands[one.client, one.sequence_num] = one.command
        while len(self._commands) > REMEMBERED:
            self._commands.pop(next(iter(self._commands)))

    def _outcome(self, done: Completed) -> Picture:
        command = self._commands.get((done.client, done.sequence_num))
        what = asked(command) if command is not None else f"no. {done.sequence_num}"
        return {"text": f"{done.client} {what} → {outcome(done)}", "ok": done.ok}

    def still(self, view: ClusterView) -> str:
        return ""  # Without a kernel nobody can submit anything.


def waiting(operation: OperationView, now_ms: float) -> str:
    """A command that is under way: "C2 set y=7 → waiting, 2.1 s"."""
    seconds = (now_ms - operation.invoked_at_ms) / 1000
    return f"{operation.client} {asked(operation.command)} → waiting, {seconds:.1f} s"
