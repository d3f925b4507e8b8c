"""What the screen is given to draw: one Frame, immutable. No part ever reads a node or a cluster, only this."""

from collections.abc import Iterable

from msgspec import Struct

from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.events import AnyEvent, Applied, Crashed, Event, Halted, Restarted, SnapshotInstalled

REPLACES_STORE = (Crashed, Halted, Restarted, SnapshotInstalled)


class Frame(Struct, frozen=True, kw_only=True):
    """One picture of the lab.

    speed: simulated milliseconds per real one. notice: the latest message for the person, "" if there is none.
    events: what happened since the frame before, at most the latest few hundred.
    beat: counts up once a second, so that the browser can tell that the kernel lives.
    number: one more than that of the frame before; a part that is not watched misses some.
    changed_keys: all that changed in any store since the frame before, or None where a whole store did.
    """

    view: ClusterView
    playing: bool = False
    speed: float = 1 / 30
    notice: str = ""
    events: tuple[AnyEvent, ...] = ()
    beat: int = 0
    number: int = 0
    changed_keys: frozenset[str] | None = None


def highest_leader(view: ClusterView) -> ServerView | None:
    """The live server that leads the highest term, whether a majority follows it or not; None while nobody leads."""
    return max(view.leaders, key=lambda server: server.current_term, default=None)


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
