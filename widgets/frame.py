"""What the screen is given to draw: one Frame, immutable. No part ever reads a node or a cluster, only this."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from raftcore.trace.diff import Difference
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import AnyEvent, Applied, Crashed, Event, Halted, Restarted, SnapshotInstalled
from raftcore.vocabulary.names import ServerId
from widgets.checking import Checked

REPLACES_STORE = (Crashed, Halted, Restarted, SnapshotInstalled)


class Line(Struct, frozen=True):
    """A run of the lab: from `parent`, if it is a fork, it parted at `at_ms`; it has come to `end_ms`."""

    number: int
    parent: int | None
    at_ms: float
    end_ms: float

    @property
    def name(self) -> str:
        """What the screen calls it."""
        return f"run {self.number}" if self.parent is None else f"fork {self.number}"


class Mark(Struct, frozen=True):
    """Something that stands out in a run. kind: "election", "crash" or "violation"."""

    at_ms: float
    kind: str
    words: str


class Why(Struct, frozen=True):
    """What a person asked, and the answer at this moment."""

    question: str
    answer: str


class Frame(Struct, frozen=True, kw_only=True):
    """One picture of the lab.

    config: the run's. speed: simulated milliseconds per real one. end_ms: how far the run has come. past: whether an earlier moment is
    shown. lives: whether the run can go on from its end.
    notice, note, question, paper: the latest error, what was done, what the person is asked, and a text to be copied; "" if there is
    none. papers: how many such texts there have been. forking: how far a fork is that is being made, its "share" and "words".
    events: what happened since the frame before. position: how many had happened by this moment, these included.
    jump: counts the leaps in time and from run to run. After a leap, `events` are the latest ones before this moment.
    run: the number of the run. lines: all runs of the lab. chosen, beside: the numbers of those that are shown; beside is None where only
    one is. marks: what stands out in the chosen one. parted: where the two first differ, if they do.
    checked: what is known of whether the run is right. why: what a person asked, and its answer; None if nothing was.
    syncing: the servers whose disks are syncing, as far as that has a time of its own: in a small world it lasts until it is chosen to end.
    beat: counts up once a second, so that the browser can tell that the kernel lives. ended: after the last frame, why there will be no
    other; "" before.
    number: one more than that of the frame before; a part that is not watched misses some.
    changed_keys: all that changed in any store since the frame before, or None where a whole store did.
    """

    view: ClusterView
    config: Config = Config()
    playing: bool = False
    speed: float = 1 / 30
    end_ms: float = 0.0
    past: bool = False
    lives: bool = True
    notice: str = ""
    note: str = ""
    question: str = ""
    forking: Mapping[str, Any] | None = None
    paper: str = ""
    papers: int = 0
    events: tuple[AnyEvent, ...] = ()
    position: int = 0
    jump: int = 0
    marks: tuple[Mark, ...] = ()
    run: int = 1
    lines: tuple[Line, ...] = ()
    chosen: int = 1
    beside: int | None = None
    parted: Difference | None = None
    checked: Checked = Checked()
    why: Why | None = None
    syncing: tuple[ServerId, ...] = ()
    beat: int = 0
    ended: str = ""
    number: int = 0
    changed_keys: frozenset[str] | None = None


def changed_keys(events: Iterable[Event]) -> frozenset[str] | None:
    """The keys that changed in any store by these events; None where a server lost its store, or got another."""
    keys = set()
    for event in events:
        if type(event) is Applied:
            if event.changed_key is not None:
                keys.add(event.changed_key)
        elif type(event) in REPLACES_STORE:
            return None
    return frozenset(keys)
