"""What the screen is given to draw: one Frame, immutable. No part ever reads a node or a cluster, only this."""

from msgspec import Struct

from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.events import AnyEvent


class Frame(Struct, frozen=True, kw_only=True):
    """One picture of the lab.

    speed: simulated milliseconds per real one. notice: the latest message for the person, "" if there is none.
    events: what happened since the frame before, at most the latest few hundred.
    beat: counts up once a second, so that the browser can tell that the kernel lives.
    """

    view: ClusterView
    playing: bool = False
    speed: float = 1 / 30
    notice: str = ""
    events: tuple[AnyEvent, ...] = ()
    beat: int = 0


def highest_leader(view: ClusterView) -> ServerView | None:
    """The live server that leads the highest term, whether a majority follows it or not; None while nobody leads."""
    return max(view.leaders, key=lambda server: server.current_term, default=None)
