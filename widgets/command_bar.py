"""The line on which a client asks for something, and what became of what it asked."""

from raftcore.trace.view import ClusterView, OperationView
from raftcore.vocabulary.commands import ReadMode
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import asked, outcome

CLIENTS = ("C1", "C2", "C3")
OUTCOMES = 4
READS = {
    ReadMode.READ_INDEX: "The leader asks a majority whether it still leads, then answers from its store (thesis 6.4).",
    ReadMode.LEASE: "The leader answers at once while its lease lasts: a majority heard it, and their clocks are trusted (thesis 6.4.1).",
    ReadMode.LOG: "The read becomes an entry of the log and waits until it is committed, like a write (§8).",
    ReadMode.STALE: "Any server answers at once from what it has applied, old or not; only this one may miss a write (thesis 6.4).",
}
"""How a read may find its answer, in one sentence each."""


class CommandBar(Part):
    """Sends {"do": "submit", "client", "through"} with either "text" or "op", "key", "value", "expected" and "mode"; and of who
    waits {"do": "why", "what": "operation", "client"}.
    """

    _esm = together("kit.js", "command_bar.js")
    _css = together("kit.css", "command_bar.css")

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        latest = view.completed[-OUTCOMES:]
        return {
            "servers": list(view.servers),
            "clients": sorted({*CLIENTS, *view.pending}),
            "reads": reads(frame.config.reads),
            "pending": [{"client": it.client, "text": waiting(it, view.at_ms)} for it in view.pending.values()],
            "outcomes": [{"text": outcome(done), "ok": done.ok} for done in reversed(latest)],
        }

    def still(self, view: ClusterView) -> str:
        return ""  # Without a kernel nobody can submit anything.


def reads(usual: ReadMode) -> list[Picture]:
    """What a person can choose of: first the cluster's own way, which needs no name."""
    chosen = [{"mode": mode.value, "label": mode.value, "about": about} for mode, about in READS.items()]
    return [{"mode": "", "label": f"as configured: {usual.value}", "about": READS[usual]}, *chosen]


def waiting(operation: OperationView, now_ms: float) -> str:
    """A command that is under way: "C2 set y=7 → waiting, 2.1 s"."""
    seconds = (now_ms - operation.invoked_at_ms) / 1000
    return f"{operation.client} {asked(operation.command)} → waiting, {seconds:.1f} s"
