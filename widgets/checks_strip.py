"""The laws that every run is held to, at a glance: which hold, which were not exercised, which was broken and by what; what should have

come to be and has not; and the answer to what a person asked.
"""

from raftcore.checks.beliefs import BELIEFS, Belief
from raftcore.checks.convergence import CONVERGENCE, Lack
from raftcore.checks.exercised import LINEARIZABILITY_PREMISE
from raftcore.checks.invariant import Invariant
from raftcore.checks.linearizability import Result, Verdict
from raftcore.checks.situations import Situation
from raftcore.checks.watch import INVARIANTS
from raftcore.trace.view import ClusterView
from widgets.checking import LINEARIZABLE, Broken, Checked, Unjudged
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.words import clip, line

MOST_SHOWN = 3
ABOUT_HISTORY = (
    "Linearizable: each operation of a client seems to happen at one moment between its call and its answer, on one copy of the store. "
    "Judged whenever time stands still. A lease read is judged as long as clocks differ by no more than max_clock_drift, and no server is "
    "made to stand for election too soon: of others Raft promises nothing (thesis 6.4.1)."
)


class ChecksStrip(Part):
    """Sends {"do": "go", "position"} to see what shows a violation, and {"do": "why", "what": None} to put an answer away."""

    _esm = together("kit.js", "checks_strip.js")
    _css = together("kit.css", "checks_strip.css")

    def draw(self, frame: Frame) -> Picture:
        checked = frame.checked
        broken = {it.violation.property for it in checked.firsts}
        ahead = checked.ahead
        return {
            "laws": [due(law(one, broken, checked), ahead.get(one.name)) for one in judged(checked)],
            "history": due(history(checked), ahead.get(LINEARIZABLE)),
            "broken": [violation(it) for it in checked.shown[:MOST_SHOWN]],
            "overdue": checked.overdue and overdue(checked.overdue),
            "unjudged": checked.unjudged and unjudged(checked.unjudged),
            "why": {"question": frame.why.question, "answer": frame.why.answer} if frame.why else None,
        }

    def still(self, view: ClusterView) -> str:
        return ""  # A view holds no history.


def judged(checked: Checked) -> tuple[type[Invariant | Belief], ...]:
    """What is judged in this run."""
    if not checked.judged:
        return ()
    return (*INVARIANTS, *BELIEFS) if checked.beliefs else INVARIANTS


def law(invariant: type[Invariant | Belief], broken: set[str], checked: Checked) -> Picture:
    """One law: its name, what it says, and whether it holds, if the run has exercised it."""
    about = f"{' '.join((invariant.__doc__ or '').split())} {invariant.section}"
    if invariant.name in broken:
        return {"name": invariant.name, "about": about, "state": "broken"}
    return exercised({"name": invariant.name, "about": about, "state": "holds"}, invariant.premise, checked)


def exercised(law: Picture, premise: Situation, checked: Checked) -> Picture:
    """The law, of which nobody can say that it holds as long as its premise has not come about."""
    if law["state"] != "holds" or premise.name in checked.situations:
        return law
    return {**law, "about": f"{law['about']} Not exercised so far: that takes “{premise.name}”. {premise.about}", "state": "idle"}


def due(law: Picture, at_ms: float | None) -> Picture:
    """The law, which will be broken at this time: at the moment that is shown it is wrong to say that it holds, or is broken."""
    return law if at_ms is None else {**law, "state": "ahead", "at_ms": at_ms}


def history(checked: Checked) -> Picture:
    """What the clients' history comes to."""
    states = {Verdict.LINEARIZABLE: "holds", Verdict.NOT_LINEARIZABLE: "broken", Verdict.UNKNOWN: "unknown"}
    result = checked.result
    if result is not None:
        about = f"{ABOUT_HISTORY} Now {result.sentence}."
        law = {"name": named(checked.operations, result), "about": about, "state": states[result.verdict]}
        return exercised(law, LINEARIZABILITY_PREMISE, checked)
    if checked.operations:
        name = f"{LINEARIZABLE}: {checked.operations:,} operations are too many for a pause"
        return {"name": name, "about": f"{ABOUT_HISTORY} In code, check(history(run), KEY_VALUE) judges so many.", "state": "unknown"}
    return {"name": f"{LINEARIZABLE}: judged at each pause", "about": ABOUT_HISTORY, "state": "waits"}


def named(operations: int, result: Result) -> str:
    count = f"{operations:,} operation{'' if operations == 1 else 's'}"
    return f"{LINEARIZABLE}: unknown within {result.steps:,} steps" if result.verdict is Verdict.UNKNOWN else f"{LINEARIZABLE} ({count})"


def violation(broken: Broken) -> Picture:
    it = broken.violation
    return {"property": it.property, "at_ms": it.at_ms, "sentence": clip(it.sentence, 400), "events": evidence(broken)}


def evidence(broken: Broken) -> list[Picture]:
    """The events that show it: where they are in the run, and what happened."""
    return [{"position": position, "at_ms": event.at_ms, "text": clip(line(event), 100)} for position, event in broken.events]  # type: ignore[arg-type]  # every event is one of AnyEvent


def overdue(it: Lack) -> Picture:
    """What must have come to be, and has not."""
    title = "The run has not converged" if it.property == CONVERGENCE else "A client is not answered"
    return {"title": title, "sentence": clip(it.sentence, 400) + "."}


def unjudged(it: Unjudged) -> Picture:
    """That lease reads are not judged, why, and which answer shows what comes of it."""
    title = f"{it.reads:,} lease read{' is' if it.reads == 1 else 's are'} not judged"
    sentence = f"{it.why} (thesis 6.4.1)."
    if it.contradiction is None:
        return {"title": title, "sentence": sentence, "events": []}
    shown = f"{sentence} {'It' if it.reads == 1 else 'They'} would break {LINEARIZABLE}: {it.contradiction.violation.sentence}."
    return {"title": title, "sentence": clip(shown, 500), "events": evidence(it.contradiction)}
