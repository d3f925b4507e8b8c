"""The line on which a client asks for something, and what became of what it asked."""

from raftcore.trace.view import ClusterView, OperationView
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import asked, outcome

CLIENTS = ("C1", "C2", "C3")
OUTCOMES = 4


class CommandBar(Part):
    """Sends {"do": "submit", "client", "through"} with either "text" or "op", "key", "value" and "expected"."""

    _esm = together("kit.js", "command_bar.js")
    _css = together("kit.css", "command_bar.css")

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        latest = view.completed[-OUTCOMES:]
        return {
            "servers": list(view.servers),
            "clients": sorted({*CLIENTS, *view.pending}),
            "pending": [waiting(operation, view.at_ms) for operation in view.pending.values()],
            "outcomes": [{"text": outcome(done), "ok": done.ok} for done in reversed(latest)],
        }

    def still(self, view: ClusterView) -> str:
        return ""  # Without a kernel nobody can submit anything.


def waiting(operation: OperationView, now_ms: float) -> str:
    """A command that is under way: "C2 set y=7 → waiting, 2.1 s"."""
    seconds = (now_ms - operation.invoked_at_ms) / 1000
    return f"{operation.client} {asked(operation.command)} → waiting, {seconds:.1f} s"
