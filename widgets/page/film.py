"""A run as plain data, small enough to stand in a page: what the lab's parts draw at each moment, every message, every line of the feed.

The pictures are those of the live lab, from the same functions, each as what changed since the one before. Messages are told once, with
their flights, and film.js finds those that fly. Nothing here grows without end: of a run that is too long, less is shown, evenly, and
`left_out` says how much.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar, cast

from raftcore.trace.fold import absorb, empty_view
from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.events import AnyEvent, Event, MessageDelivered, MessageDropped, MessageSent, QuorumHeard, TimerSet
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, Entry, PreVoteReply, RequestVoteReply
from widgets.event_feed import KINDS, LEFT_OUT
from widgets.frame import Frame, changed_keys
from widgets.kv_table import Stores
from widgets.log_grid import entry_picture, log_picture
from widgets.page.patches import Patch, patch, rounded
from widgets.part import Picture
from widgets.ring import flight, ring_picture
from widgets.status_line import status_picture
from widgets.words import clip, concerns, describe, kind, line

Film: TypeAlias = dict[str, Any]
Column: TypeAlias = list[Any]
T = TypeVar("T")

MOST_PICTURES = 7_000
MOST_MESSAGES = 60_000
MOST_LINES = 40_000
LONGEST_LINE = 120

TRAFFIC = (MessageSent, MessageDelivered, MessageDropped)
VOTES = (RequestVoteReply, PreVoteReply)
TIMED = (TimerSet, QuorumHeard)
MARKS = ("kind", "reply", "ok", "hollow", "term")


def film_of(run: Run) -> Film:
    """All that the page shows. Times are whole microseconds, and columns of times hold the steps from one to the next."""
    names, texts, marks = Numbered[str](), Numbered[str](), Numbered[tuple[Any, ...]]()
    messages, drops, left_out = messages_of(run, names, texts, marks)
    lines, more_left_out = lines_of(run, names, texts)
    return {
        "end": micro(run.now_ms),
        "kinds": list(KINDS),
        **pictures_of(run),
        "messages": messages,
        "drops": drops,
        "lines": lines,
        "names": list(names),
        "texts": list(texts),
        "marks": [dict(zip(MARKS, mark, strict=True)) for mark in marks],
        "left_out": {"messages": left_out, "lines": more_left_out},
    }


class Numbered(dict[T, int]):
    """A number for each different value, in the order in which they come."""

    def __missing__(self, value: T) -> int:
        self[value] = len(self)
        return self[value]


def micro(ms: float) -> int:
    return round(ms * 1_000)


def steps(values: Sequence[int]) -> list[int]:
    """The first, and how much each is more than the one before. Small numbers pack well.

    >>> steps([5, 7, 7, 12])
    [5, 2, 0, 5]
    """
    return [after - before for before, after in pairwise([0, *values])]


def thinned(items: list[T], most: int, matters: Callable[[T], bool]) -> list[T]:
    """At most so many: all that matter, and of the others some, evenly; or of all some, where too many matter."""
    if len(items) <= most:
        return items
    others = sum(not matters(item) for item in items)
    room = most - (len(items) - others)
    if room < 0:
        return evenly(items, most)
    kept = iter(evenly([number for number, item in enumerate(items) if not matters(item)], room))
    following = next(kept, None)
    chosen = []
    for number, item in enumerate(items):
        if number == following:
            following = next(kept, None)
        elif not matters(item):
            continue
        chosen.append(item)
    return chosen


def evenly(items: list[T], count: int) -> list[T]:
    """So many of them, at even distances.

    >>> evenly([0, 1, 2, 3, 4, 5], 3)
    [0, 2, 4]
    """
    return [items[place * len(items) // count] for place in range(count)]


# ---- the pictures


def pictures_of(run: Run) -> Film:
    """The first picture, and the patches to the later ones with their times. In a long run some come a little late, never early."""
    entries = Numbered[Entry]()
    shown: Picture = {}
    first: Picture | None = None
    times: list[int] = []
    patches: list[Patch] = []
    for at_ms, picture in drawn(run, entries):
        if first is None:
            first = rounded(picture)
        elif (change := patch(shown, picture)) is not None:
            times.append(micro(at_ms))
            patches.append(change)
        shown = picture
    return {"first": first, "at": steps(times), "patches": patches, "entries": [entry_picture(entry) for entry in entries]}


def drawn(run: Run, entries: Numbered[Entry]) -> Iterator[tuple[float, Picture]]:
    """A picture of the beginning, and of each moment that changes it."""
    draw = Drawing(run, entries)
    events, view = run.trace, empty_view(run.trace.server_ids)
    yield 0.0, draw(view, ())
    gap_ms = pause_between_pictures(events)
    news: list[Event] = []
    next_ms = 0.0
    for position, event in enumerate(events, 1):
        view = absorb(view, event)
        if changes_picture(event):
            news.append(event)
        last = position == len(events)
        if news and (last or (events[position].at_ms > event.at_ms >= next_ms)):
            yield event.at_ms, draw(view, news)
            news, next_ms = [], event.at_ms + gap_ms


class Drawing:
    """What each part draws of a view. Logs and stores are drawn anew only by what can change them."""

    def __init__(self, run: Run, entries: Numbered[Entry]) -> None:
        self._config = run.config
        self._entries = entries
        self._stores = Stores()
        self._frames = 0
        self._quiet: Picture = {}

    def __call__(self, view: ClusterView, news: Sequence[Event]) -> Picture:
        if not self._quiet or not all(isinstance(event, TIMED) for event in news):
            self._quiet = {"log": log_picture(view, None, self._entries.__getitem__), "kv": self._kv(view, news)}
        return {
            "ring": ring_picture(view, self._config.delay_ms, self._config.sync_ms),
            "status": {**status_picture(Frame(view=view)), "leaderless": False},  # where nobody answers, nobody asks why
            **self._quiet,
        }

    def _kv(self, view: ClusterView, news: Sequence[Event]) -> Picture:
        self._frames += 1
        return self._stores.draw(Frame(view=view, number=self._frames, changed_keys=changed_keys(news)))


def changes_picture(event: Event) -> bool:
    """Messages have a track of their own; only a vote on its way is also seen at the candidate."""
    return not isinstance(event, TRAFFIC) or isinstance(event.message, VOTES)


def pause_between_pictures(events: Iterable[Event]) -> float:
    """0 where all pictures have room; else how long, in milliseconds, to wait after one before the next."""
    times = dict.fromkeys(event.at_ms for event in events if changes_picture(event))
    return 0.0 if len(times) <= MOST_PICTURES else max(times) / MOST_PICTURES


# ---- messages and lines


def messages_of(run: Run, names: Numbered[str], texts: Numbered[str], marks: Numbered[tuple[Any, ...]]) -> tuple[Film, Film, int]:
    """Every message with its flight, those that were dropped with the reason, and how many are left out."""
    all_sent = [(n, event) for n, event in enumerate(run.trace) if type(event) is MessageSent]
    shown = thinned(all_sent, MOST_MESSAGES, lambda one: says_something(one[1]))
    numbers = {sent.id: number for number, (_, sent) in enumerate(shown)}
    lost = [(n, event) for n, event in enumerate(run.trace) if type(event) is MessageDropped and event.id in numbers]
    flights = [flight(sent) for _, sent in shown]
    messages = {
        "n": steps([n for n, _ in shown]),
        "at": steps([micro(sent.at_ms) for _, sent in shown]),
        "lasts": [micro(sent.deliver_at_ms) - micro(sent.at_ms) for _, sent in shown],
        "source": [names[sent.source] for _, sent in shown],
        "target": [names[sent.target] for _, sent in shown],
        "mark": [marks[tuple(one[field] for field in MARKS)] for one in flights],
        "text": [texts[describe(sent.message)] for _, sent in shown],
    }
    drops = {
        "n": steps([n for n, _ in lost]),
        "at": steps([micro(event.at_ms) for _, event in lost]),
        "message": [numbers[event.id] for _, event in lost],
        "reason": [texts[event.reason.value] for _, event in lost],
    }
    return messages, drops, len(all_sent) - len(shown)


def says_something(sent: MessageSent) -> bool:
    """Whether it is no heartbeat, and no plain answer to one."""
    message = sent.message
    if isinstance(message, AppendEntries):
        return bool(message.entries)
    return not (isinstance(message, AppendEntriesReply) and message.success)


def lines_of(run: Run, names: Numbered[str], texts: Numbered[str]) -> tuple[Film, int]:
    """The feed's lines but for those of messages, which film.js makes of the messages; and how many are left out."""
    told = [(n, cast("AnyEvent", event)) for n, event in enumerate(run.trace) if not isinstance(event, (*LEFT_OUT, *TRAFFIC))]
    shown = thinned(told, MOST_LINES, lambda one: kind(one[1]) not in ("log", "clients"))
    lines = {
        "n": steps([n for n, _ in shown]),
        "at": steps([micro(event.at_ms) for _, event in shown]),
        "kind": [KINDS.index(kind(event)) for _, event in shown],
        "who": [[names[name] for name in concerns(event)] for _, event in shown],
        "text": [texts[clip(line(event), LONGEST_LINE)] for _, event in shown],
    }
    return lines, len(told) - len(shown)
