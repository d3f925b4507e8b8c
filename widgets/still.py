"""Still pictures as SVG, for where no kernel runs: a saved notebook, GitHub, a snapshot. Light colours, so that they read everywhere.

Every text is escaped: a key named <script> is seen as that, and does nothing.
"""

from heapq import nsmallest
from html import escape
from itertools import islice
from math import cos, pi, sin

from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Role
from widgets.palette import term_colours
from widgets.quorums import Quorum, standing_now
from widgets.ring_servers import groups_of, place
from widgets.words import CUT, clip, faults, short

INK, SOFT, LINE, BAD, PANEL = "#1f2933", "#67727e", "#dfe3e8", "#c4321c", "#ffffff"
FONT = "system-ui, Segoe UI, Roboto, sans-serif"
RING_HEIGHT = 395
MEMBER_NOTES = {"voter": (), "learner": ("learner",), "outsider": ("not a member",)}
COLUMNS, ROWS, SOUGHT = 10, 12, 1_000

Point = tuple[float, float]


def picture(width: float, height: float, *shapes: str) -> str:
    """A whole SVG on a white ground."""
    ground = f'<rect width="{width:g}" height="{height:g}" fill="{PANEL}"/>'
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">{ground}{"".join(shapes)}</svg>'


def text(x: float, y: float, words: str, *, size: int = 12, fill: str = INK, bold: bool = False, anchor: str = "middle") -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'


def circle(x: float, y: float, r: float, **paint: object) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"{attributes(paint)}/>'


def box(x: float, y: float, width: float, height: float, **paint: object) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:g}" height="{height:g}"{attributes(paint)}/>'


def stroke(start: Point, end: Point, **paint: object) -> str:
    return f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"{attributes(paint)}/>'


def faded(server: ServerView, *shapes: str) -> str:
    """These shapes, pale where the server is crashed."""
    return "".join(shapes) if server.alive else f'<g opacity="0.4">{"".join(shapes)}</g>'


def attributes(paint: dict[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in paint.items())


# ---- the ring


def ring_still(view: ClusterView, healthy_delay_ms: tuple[float, float] = Config().delay_ms) -> str:
    """Servers, links, the messages in flight at this moment, and whose majority counts."""
    seats = {
        server: (200 + 130 * cos(2 * pi * place / len(view.servers) - pi / 2), 185 + 130 * sin(2 * pi * place / len(view.servers) - pi / 2))
        for place, server in enumerate(view.servers)
    }
    lines = [
        half_link(view.links.get((source, target)), healthy_delay_ms, seats[source], seats[target])
        for source in seats
        for target in seats
        if source != target
    ]
    flights = [
        circle(*between(seats[one.source], seats[one.target], flown(one.at_ms, one.deliver_at_ms, view.at_ms)), 5, fill=INK, stroke=PANEL)
        for one in view.messages.values()
        if one.source in seats and one.target in seats
    ]
    configuration, counting, groups = standing_now(view)
    discs = [disc(server, *seats[server.id], configuration) for server in view.servers.values()]
    names = ("C_old: ", "C_new: ") if configuration.is_joint else ("",)
    said = [f"{name}{tells(group, counting)}" for name, group in zip(names, groups, strict=False)]
    words = [text(392, RING_HEIGHT - 7 - 15 * row, line, fill=SOFT, anchor="end") for row, line in enumerate(reversed(said))]
    moment = text(8, RING_HEIGHT - 7, f"{view.at_ms:,.0f} ms", fill=SOFT, anchor="start")
    return picture(400, RING_HEIGHT, *lines, *discs, *flights, *words, moment)


def tells(group: Quorum, counting: str) -> str:
    """How many of these voters count, and whether they are enough (§6)."""
    verdict = "a majority" if group.enough else f"a majority is {group.need}"
    return f"{len(group.counted)} of {len(group.voters)} {counting}: {verdict}"


def flown(sent_ms: float, deliver_ms: float, now_ms: float) -> float:
    """Which share of the way between two discs' centres is behind a message; it flies from edge to edge."""
    share = min(1.0, max(0.0, (now_ms - sent_ms) / (deliver_ms - sent_ms or 1.0)))
    return 0.25 + 0.5 * share


def between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def half_link(link: Link | None, healthy_delay_ms: tuple[float, float], start: Point, end: Point) -> str:
    """The half of the line at its start: the direction that leaves it."""
    if link is None:
        return stroke(start, between(start, end, 0.5), stroke="#c9d0d8")
    said = [fault for fault in faults(link, healthy_delay_ms) if fault != CUT]
    label = text(*between(start, end, 0.35), ", ".join(said), size=11, fill=SOFT) if said else ""
    if link.up:
        return stroke(start, between(start, end, 0.5), stroke="#c9d0d8") + label
    return stroke(start, between(start, end, 0.46), stroke=BAD, stroke_dasharray="3 5") + label


def disc(server: ServerView, x: float, y: float, configuration: Configuration) -> str:
    """A server: its colour is its term, its border its role. One that does not vote is pale, and below it stands what it is."""
    fill, ink = term_colours(server.current_term)
    votes = place(server.id, configuration) == "voter"
    notes = [*MEMBER_NOTES[place(server.id, configuration)], *groups_of(server.id, configuration)]
    below = text(x, y + 46, ", ".join([*(["paused"] if server.alive and server.paused else []), *notes]), size=11, fill=SOFT)
    if not server.alive:
        body = circle(x, y, 31, fill="#f1f3f5", stroke="#a9b2bb", stroke_dasharray="2 4")
        return body + text(x, y - 1, server.id, size=15, bold=True, fill=SOFT) + text(x, y + 14, "crashed", size=11, fill=SOFT) + below
    edge = {
        Role.LEADER: {"stroke": INK, "stroke_width": 4},
        Role.CANDIDATE: {"stroke": INK, "stroke_width": 2.5, "stroke_dasharray": "6 4"},
        Role.FOLLOWER: {"stroke": PANEL, "stroke_width": 2},
    }[server.role]
    badge = circle(x + 25, y - 27, 10, fill=INK) + text(x + 25, y - 23, server.role.value[0].upper(), bold=True, fill=PANEL)
    ink = ink if votes else INK
    name = text(x, y - 1, server.id, size=15, bold=True, fill=ink) + text(x, y + 14, f"term {server.current_term}", size=11, fill=ink)
    body = circle(x, y, 31, fill=PANEL) + circle(x, y, 31, fill=fill, fill_opacity=1 if votes else 0.35, **edge)
    return body + name + below + ("" if server.role is Role.FOLLOWER else badge)


# ---- the logs


def log_still(view: ClusterView) -> str:
    """The last columns of every log."""
    end = max(server.log.last_index for server in view.servers.values())
    first = max(1, end - COLUMNS + 1)
    heads = [text(105 + 62 * place, 14, str(first + place), size=11, fill=SOFT) for place in range(min(COLUMNS, end))]
    rows = [log_row(server, first, 20 + 40 * place) for place, server in enumerate(view.servers.values())]
    return picture(80 + 62 * COLUMNS, 24 + 40 * len(rows), *heads, *rows)


def log_row(server: ServerView, first: int, y: float) -> str:
    role = server.role.value[0].upper() if server.alive else "crashed"
    drawn = [text(4, y + 16, server.id, bold=True, anchor="start")]
    drawn += [text(4, y + 29, f"{role} · t{server.current_term}", size=11, fill=SOFT, anchor="start")]
    # Of a crashed server the commit index is gone, but what its disk holds is not: nothing may look lost that is not.
    solid_index = server.commit_index if server.alive else server.synced_index
    held_from = max(first, server.log.base_index + 1)  # what is before stands in a snapshot
    for index, entry in enumerate(server.log.window(held_from, first + COLUMNS - 1), held_from):
        x, solid = 76 + 62 * (index - first), index <= solid_index
        fill, ink = term_colours(entry.term)
        edge: dict[str, object] = {"stroke": INK} if solid else {"stroke": SOFT, "stroke_dasharray": "4 3", "fill_opacity": 0.45}
        drawn.append(box(x + 1, y + 1, 56, 33, rx=6, fill=fill, stroke_width=2, **edge))
        drawn += [text(x + 29, y + 15, str(entry.term), size=11, bold=True, fill=ink if solid else INK)]
        drawn += [text(x + 29, y + 28, short(entry.command, 8), size=11, fill=ink if solid else INK)]
        if index == server.last_applied:
            drawn.append(circle(x + 59, y + 17, 3.5, fill=INK))
    return faded(server, *drawn)


# ---- the stores


def kv_still(view: ClusterView) -> str:
    """The first keys, and what each server holds."""
    servers = list(view.servers.values())
    leader = view.latest_leader
    some = {key for server in servers for key in islice(server.kv_store, SOUGHT)}  # a still picture must not cost what a store weighs
    count = max(len(some), *(len(server.kv_store) for server in servers))
    keys = nsmallest(ROWS, some)
    drawn = [text(8, 14, "key", size=11, fill=SOFT, anchor="start")]
    for column, server in enumerate(servers):
        drawn.append(faded(server, text(130 + 80 * column, 14, server.id if server.alive else f"{server.id} crashed", size=11, fill=SOFT)))
    for line, key in enumerate(keys):
        y = 36 + 24 * line
        drawn += [stroke((0, y - 16), (90 + 80 * len(servers), y - 16), stroke=LINE), text(8, y, clip(key, 11), bold=True, anchor="start")]
        drawn += [value(server.kv_store.get(key), leader, key, 94 + 80 * place, y) for place, server in enumerate(servers) if server.alive]
    if count > ROWS:
        drawn.append(text(8, 36 + 24 * ROWS, f"+ {count - ROWS:,} more keys", fill=SOFT, anchor="start"))
    return picture(90 + 80 * len(servers), 34 + 24 * min(count, ROWS + 1), *drawn)


def value(held: str | None, leader: ServerView | None, key: str, x: float, y: float) -> str:
    """A cell of the table, marked where the leader's differs."""
    differs = leader is not None and held != leader.kv_store.get(key)
    mark = box(x, y - 13, 72, 18, fill="#f8e4e1", stroke=BAD, stroke_dasharray="3 3") if differs else ""
    return mark + text(x + 36, y, clip("–" if held is None else held, 10))


# ---- the whole lab


def lab_still(view: ClusterView, healthy_delay_ms: tuple[float, float]) -> str:
    """The ring, and beside it the logs above the stores."""
    logs = 24 + 40 * len(view.servers)
    placed = ((0.0, 0.0, ring_still(view, healthy_delay_ms)), (410.0, 6.0, log_still(view)), (410.0, logs + 20.0, kv_still(view)))
    return picture(
        1120,
        max(RING_HEIGHT, logs + 20 + 34 + 24 * (ROWS + 1)),
        *(f'<g transform="translate({x:g},{y:g})">{one}</g>' for x, y, one in placed),
    )
