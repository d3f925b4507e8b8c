"""A run as one file of HTML that plays by itself: no kernel, no server, no network. For a student to hand in, or a teacher to send.

The parts on the page are the lab's own scripts and styles; page.js stands in for the kernel. The same run gives the same file. All
that a person typed is text here, and the page's policy lets nothing be fetched.
"""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path

from msgspec.structs import asdict

from raftcore.checks.exercised import exercised
from raftcore.checks.violation import Violation
from raftcore.checks.watch import INVARIANTS
from raftcore.files import save_atomically
from raftcore.trace.run import Run
from raftcore.vocabulary.config import Config
from widgets.checking import Checked, Checking
from widgets.checks_strip import overdue
from widgets.event_feed import EventFeed
from widgets.kv_table import KvTable
from widgets.log_grid import LogGrid
from widgets.page.drawing import Drawing
from widgets.page.film import Film, film_of
from widgets.part import Part, together
from widgets.player_bar import PlayerBar
from widgets.ring import Ring
from widgets.status_line import StatusLine
from widgets.timeline_series import series_of

PARTS: dict[str, type[Part]] = {"ring": Ring, "log": LogGrid, "kv": KvTable, "status": StatusLine, "events": EventFeed}
EXPORT = "export default "
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


def write_page(run: Run, path: str | Path) -> None:
    """Write the run as a page to `path`. What stands there is replaced, whole or not at all. Raises OSError."""
    text = page_of(run).encode()
    save_atomically(path, lambda file: file.write_bytes(text))


def page_of(run: Run) -> str:
    """The text of the page."""
    film = film_of(run)
    title = f"A Raft run: {counted(run.scenario.size, 'server')}, seed {run.scenario.seed}"
    checked = Checking(run).at(len(run.trace), still=False, view=run.view)
    broken = tuple(it.violation for it in checked.firsts)
    drawing = Drawing(series_of(run), run.now_ms, broken)
    return PAGE.format(
        policy=escape(POLICY),
        title=escape(title),
        style=style(),
        facts=escape(" · ".join(facts(run))),
        names="".join(f'<span style="top:{y:g}px">{escape(name)}</span>' for y, name in drawing.names()),
        end=round(run.now_ms),
        drawing=drawing.svg(),
        broken="".join(map(told, broken)),
        laws=escape(standing(checked)),
        left_out=escape(left_out(film)),
        again=escape(f"Cluster.from_scenario(Scenario.load('run.json')).run_to({run.now_ms:.10g})"),
        scenario=escape(run.scenario.to_json()),
        film=packed(film),
        script=script(),
    )


def standing(checked: Checked) -> str:
    """Which invariants hold at the run's end, which the run has not exercised, and what has not come to be by then."""
    if not checked.judged:
        return "The invariants were not judged."
    broken = {it.violation.property for it in checked.firsts}
    whole = [it for it in INVARIANTS if it.name not in broken]
    hold = exercised(whole, checked.situations)
    idle = ", ".join(it.name for it in whole if it.name not in hold)
    missing = overdue(checked.overdue) if checked.overdue else None
    late = f" {missing['title']}: {missing['sentence']}" if missing else ""
    return f"Of {len(INVARIANTS)} invariants {len(hold)} hold" + (f"; not exercised: {idle}." if idle else ".") + late


def told(violation: Violation) -> str:
    """A violation as a line, and a way to its moment."""
    go = f'<button type="button" class="film-plain" data-go="{violation.at_ms!r}">{violation.at_ms:,.0f} ms</button>'
    return f'<p class="film-broken">{go} <b>{escape(violation.property)} is broken.</b> {escape(violation.sentence)}</p>'


def facts(run: Run) -> Iterator[str]:
    """What made the run, in short."""
    yield f"{run.now_ms / 1_000:,.6g} s of simulated time"
    yield counted(len(run.trace), "event")
    yield counted(len(run.scenario.actions), "action")
    usual = asdict(Config())
    changed = {name: value for name, value in asdict(run.config).items() if value != usual[name]}
    yield ", ".join(f"{name}={shown(value)}" for name, value in changed.items()) or "default configuration"
    if run.scenario.rules:
        yield "with rules of its own: " + ", ".join(rule.rule for rule in run.scenario.rules)


def shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def left_out(film: Film) -> str:
    """A sentence on what had no room; "" where all is there."""
    missing = [f"{count:,} {what}" for what, count in film["left_out"].items() if count]
    return f"The run is long: {' and '.join(missing)} are not shown, evenly over its length, heartbeats first." if missing else ""


def packed(film: Film) -> str:
    """The film as text that needs no escape."""
    return b64encode(zlib.compress(json.dumps(film, ensure_ascii=False, separators=(",", ":")).encode(), 9)).decode()


def style() -> str:
    """The parts' styles, and the page's own."""
    parts: list[type[Part]] = [*PARTS.values(), PlayerBar]
    return "\n".join([*(str(part._css) for part in parts), together("page/page.css")])  # noqa: SLF001  anywidget's name for it


def script() -> str:
    """One script. Each part keeps its own scope, since all bring the kit along."""
    parts = ",\n".join(f"{json.dumps(name)}: (() => {{\n{exported(part)}\n}})()" for name, part in PARTS.items())
    own = together("kit.js", "ring_messages.js", "page/film.js", "page/page.js")
    return f"(() => {{\nconst PARTS = {{\n{parts}\n}};\n{own}\n}})();"


def exported(part: type[Part]) -> str:
    """A part's script as the body of a function that returns what the script exports."""
    before, _, after = str(part._esm).rpartition(EXPORT)  # noqa: SLF001  anywidget's name for it
    return f"{before}return {after}"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<header class="film-head">
<h1>{title}</h1>
<p>{facts}</p>
<button type="button" class="film-plain" data-do="theme">Light or dark</button>
</header>
<p data-wait role="status">The run is being unpacked …</p>
<div class="film rl-lab" hidden>
<div class="rl-lab-row"><div class="rl-part rl-player" data-bar></div></div>
<div class="rl-lab-row rl-lab-two">
<div><div data-part="ring"></div><div class="rl-part rl-ring" data-legend></div></div>
<div><div data-part="log"></div><div data-part="kv"></div></div>
</div>
<div class="rl-lab-row"><div>{broken}<div data-part="status"></div></div></div>
<div class="rl-lab-row"><div class="film-time">
<div class="film-names">{names}</div>
<div class="film-track" data-track role="slider" tabindex="0" aria-label="moment" aria-valuemin="0" aria-valuemax="{end}" aria-valuenow="0">
{drawing}
<div class="film-now"></div>
</div>
</div></div>
<div class="rl-lab-row"><div data-part="events"></div></div>
</div>
<div class="film-below">
<p>{laws}</p>
<p>Space: play, pause · ← →: one event · Home, End · 1–9: choose a server · click the timeline to go there. {left_out}</p>
<details>
<summary>The scenario: what repeats this run, to the byte</summary>
<p>Save it as run.json; in Python, with <code>from raftcore import Cluster, Scenario</code>: <code>{again}</code></p>
<pre data-scenario tabindex="0">{scenario}</pre>
</details>
<p><button type="button" class="film-plain" data-do="copy">Copy scenario</button> <span data-copied role="status"></span></p>
</div>
</main>
<script type="text/plain" data-film>{film}</script>
<script>
{script}
</script>
</body>
</html>
"""
