"""The ring: servers, their timers and votes, the links between them, and the messages in flight.

The picture says when each message leaves and arrives; the browser moves it in between. What it holds is bounded.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import MessageDropped, MessageSent
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import ServerId, Term
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.quorums import standing_now
from widgets.ring_servers import membership_picture, server_picture
from widgets.still import ring_still
from widgets.words import CUT, describe, faults

SCRIPTS = (
    "ring_geometry.js",
    "ring_links.js",
    "ring_servers.js",
    "ring_membership.js",
    "ring_messages.js",
    "ring_link_panel.js",
    "ring_controls.js",
    "ring_more.js",
    "ring.js",
)
MOST_FLIGHTS = 200
MOST_DROPS = 40
REPLIES = (AppendEntriesReply, RequestVoteReply, PreVoteReply, InstallSnapshotReply, ClientReply)
DROPS_LAST_MS = 1000.0
"""For how long (real time) a drop is sent along, so that no browser misses it."""


class Ring(Part):
    """Sends what the person does to servers and links; see ring_controls.js and ring_more.js for the intents.

    only: the intents of the controls that it offers, where there is less to be done than in a cluster; None: all.
    """

    _esm = together("kit.js", *SCRIPTS)
    _css = together("kit.css", "ring.css", "ring_more.css")

    def __init__(self, run: Run | None = None, only: Iterable[str] | None = None) -> None:
        self._only = None if only is None else list(only)
        self._healthy_delay_ms = Config().delay_ms  # a link that differs is shown as slow
        self._drops: deque[Picture] = deque(maxlen=MOST_DROPS)
        self._in_flight: Mapping[int, MessageSent] = {}
        self._jump = 0
        super().__init__(run)

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        self._healthy_delay_ms = frame.config.delay_ms
        sent = {}
        if frame.jump == self._jump:  # after a leap only what is in flight moves on
            sent = {event.id: event for event in frame.events if isinstance(event, MessageSent)}
            self._note_drops(frame, sent)
        else:
            self._jump = frame.jump
            self._drops.clear()
        self._in_flight = view.messages
        return {
            **ring_picture(view, frame.config.delay_ms, frame.config.sync_ms, frame.syncing),
            "violated": sorted(frame.checked.servers),
            "only": self._only,
            "now_ms": view.at_ms,
            "jump": frame.jump,
            "speed": frame.speed,
            "playing": frame.playing,
            "flights": flights(view, sent),
            "dropped": list(self._drops),
        }

    def _note_drops(self, frame: Frame, sent: dict[int, MessageSent]) -> None:
        """Keep the latest drops, each with the flight that it was on, so that it falls off where it was lost."""
        for event in frame.events:
            flown = sent.get(event.id) or self._in_flight.get(event.id) if isinstance(event, MessageDropped) else None
            if isinstance(event, MessageDropped) and flown and on_ring(frame.view, flown):
                self._drops.append({**flight(flown), "at_ms": event.at_ms, "reason": event.reason.value})
        oldest_ms = frame.view.at_ms - DROPS_LAST_MS * frame.speed
        self._drops = deque((drop for drop in self._drops if oldest_ms <= drop["at_ms"] <= frame.view.at_ms), MOST_DROPS)

    def still(self, view: ClusterView) -> str:
        return ring_still(view, self._healthy_delay_ms)


def ring_picture(
    view: ClusterView, healthy_delay_ms: tuple[float, float], healthy_sync_ms: float, syncing: Collection[ServerId] = ()
) -> Picture:
    """What the ring shows of a view, but for the messages in flight."""
    configuration, _, _ = standing_now(view)
    return {
        "healthy_delay_ms": list(healthy_delay_ms),
        "healthy_sync_ms": healthy_sync_ms,
        "servers": [server_picture(view, one, configuration, healthy_sync_ms, one.id in syncing) for one in view.servers.values()],
        "membership": membership_picture(view),
        "links": links(view, healthy_delay_ms),
    }


def links(view: ClusterView, healthy_delay_ms: tuple[float, float]) -> list[Picture]:
    """The directions between servers that are not healthy."""
    return [
        {
            "source": source,
            "target": target,
            "up": link.up,
            "loss": link.loss,
            "delay_ms": list(link.delay_ms),
            "duplication": link.duplication,
            "reordering": link.reordering,
            "said": [fault for fault in faults(link, healthy_delay_ms) if fault != CUT],
        }
        for (source, target), link in view.links.items()
        if source in view.servers and target in view.servers and faults(link, healthy_delay_ms)
    ]


def flights(view: ClusterView, sent: dict[int, MessageSent]) -> list[Picture]:
    """What is in flight, and what both left and arrived since the frame before: the newest, if they are too many."""
    flying = {**sent, **view.messages}
    newest = sorted((number for number, one in flying.items() if on_ring(view, one)), reverse=True)[:MOST_FLIGHTS]
    return [flight(flying[number]) for number in reversed(newest)]


def on_ring(view: ClusterView, sent: MessageSent) -> bool:
    return sent.source in view.servers or sent.target in view.servers


def flight(sent: MessageSent) -> Picture:
    """One message: its shape, its fields in words, and when it leaves and arrives."""
    message = sent.message
    return {
        "id": sent.id,
        "source": sent.source,
        "target": sent.target,
        "kind": shape(message),
        "reply": isinstance(message, REPLIES),
        "ok": is_yes(message),
        "hollow": isinstance(message, AppendEntries) and not message.entries,
        "term": term_of(message),
        "label": f"{sent.source} → {sent.target}: {describe(message)}",
        "sent_ms": sent.at_ms,
        "deliver_ms": sent.deliver_at_ms,
    }


def term_of(message: Message) -> Term:
    """The term that a message is about; 0 for a client's."""
    if isinstance(message, PreVote | PreVoteReply):
        return message.next_term
    return 0 if isinstance(message, ClientRequest | ClientReply) else message.term


def shape(message: Message) -> str:
    """What kind of mark a message has; a legend of them stands in ring_messages.js."""
    match message:
        case ClientRequest() | ClientReply():
            return "client"
        case AppendEntries() | AppendEntriesReply():
            return "append"
        case InstallSnapshot() | InstallSnapshotReply():
            return "snapshot"
        case TimeoutNow():
            return "timeout"
        case PreVote() | PreVoteReply():
            return "prevote"
        case _:
            return "vote"


def is_yes(message: Message) -> bool:
    match message:
        case AppendEntriesReply():
            return message.success
        case RequestVoteReply() | PreVoteReply():
            return message.vote_granted
        case ClientReply():
            return message.ok
        case _:
            return True
