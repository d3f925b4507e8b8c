"""The ring: servers, their timers and votes, the links between them, and the messages in flight.

The picture says when each message leaves and arrives; the browser moves it in between. What it holds is bounded.
"""

from collections import deque
from collections.abc import Mapping

from raftcore import Cluster
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.events import MessageDropped, MessageSent
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, Message, RequestVoteReply, Rpc
from raftcore.vocabulary.names import Role, ServerId
from raftcore.vocabulary.scenario import Config
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.still import ring_still
from widgets.words import CUT, describe, faults

SCRIPTS = ("ring_geometry.js", "ring_links.js", "ring_servers.js", "ring_messages.js", "ring_link_panel.js", "ring_controls.js", "ring.js")
MOST_FLIGHTS = 200
MOST_DROPS = 40
DROPS_LAST_MS = 1000.0
"""For how long (real time) a drop is sent along, so that no browser misses it."""


class Ring(Part):
    """Sends what the person does to servers and links; see ring_controls.js for the intents."""

    _esm = together("kit.js", *SCRIPTS)
    _css = together("kit.css", "ring.css")

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._healthy_delay_ms = (cluster.config if cluster else Config()).delay_ms  # a link that differs is shown as slow
        self._drops: deque[Picture] = deque(maxlen=MOST_DROPS)
        self._in_flight: Mapping[int, MessageSent] = {}
        super().__init__(cluster)

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        sent = {event.id: event for event in frame.events if isinstance(event, MessageSent)}
        self._note_drops(frame, sent)
        self._in_flight = view.messages
        return {
            "now_ms": view.at_ms,
            "speed": frame.speed,
            "playing": frame.playing,
            "healthy_delay_ms": list(self._healthy_delay_ms),
            "servers": [server_picture(view, server) for server in view.servers.values()],
            "links": links(view, self._healthy_delay_ms),
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


def server_picture(view: ClusterView, server: ServerView) -> Picture:
    """One server. A leader's timer is its heartbeat, which the ring does not show."""
    timed = server.alive and server.timer_ms is not None and server.role is not Role.LEADER
    return {
        "id": server.id,
        "alive": server.alive,
        "paused": server.paused,
        "role": server.role.value,
        "term": server.current_term,
        "leader": server.leader,
        "voted_for": server.voted_for,
        "timer": list(server.timer_ms) if timed and server.timer_ms else None,
        "votes": votes(view, server) if server.alive and server.role is Role.CANDIDATE else [],
    }


def votes(view: ClusterView, candidate: ServerView) -> list[Picture]:
    """For each peer of a candidate: is its vote held, granted and still flying, or neither."""
    flying = {
        sent.source
        for sent in view.messages.values()
        if isinstance(sent.message, RequestVoteReply)
        and sent.message.vote_granted
        and sent.target == candidate.id
        and sent.message.term == candidate.current_term
    }

    def state(peer: ServerId) -> str:
        if peer in candidate.votes:
            return "held"
        return "flying" if peer in flying else "none"

    return [{"peer": peer, "state": state(peer)} for peer in view.servers if peer != candidate.id]


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
        "reply": isinstance(message, AppendEntriesReply | RequestVoteReply | ClientReply),
        "ok": is_yes(message),
        "hollow": isinstance(message, AppendEntries) and not message.entries,
        "term": message.term if isinstance(message, Rpc) else 0,
        "label": f"{sent.source} → {sent.target}: {describe(message)}",
        "sent_ms": sent.at_ms,
        "deliver_ms": sent.deliver_at_ms,
    }


def shape(message: Message) -> str:
    if isinstance(message, ClientRequest | ClientReply):
        return "client"
    return "append" if isinstance(message, AppendEntries | AppendEntriesReply) else "vote"


def is_yes(message: Message) -> bool:
    match message:
        case AppendEntriesReply():
            return message.success
        case RequestVoteReply():
            return message.vote_granted
        case ClientReply():
            return message.ok
        case _:
            return True
