"""The network in the process. Each direction of each link has its own state and its own random streams.

What a message's flight takes is drawn from a stream of its own, apart from every fault's, so that removing a fault does not reshuffle
the rest of the run.
"""

from collections.abc import Callable, Iterable
from heapq import heappush
from random import Random

from msgspec.structs import replace

from raftcore.cluster.clock import VirtualClock
from raftcore.vocabulary.events import Event, MessageDelivered, MessageDropped, MessageSent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Envelope, Message
from raftcore.vocabulary.names import Address, Reason

Receive = Callable[[Message], None]


def never() -> bool:
    """Of who takes in all that comes."""
    return False


class _Direction:
    """One direction of a link: its state, its random streams, and who listens at its end."""

    __slots__ = (
        "draw_delay", "faulty", "hand_over", "is_full", "last_arrival_ms", "link", "name", "net", "receive", "shortest_ms",
        "spread_ms", "streams", "unseen",
    )  # fmt: skip

    def __init__(self, net: "LoopbackTransport", source: Address, target: Address) -> None:
        self.net = net
        self.receive: Receive | None
        self.receive, self.is_full = net.receivers[target]
        self.name = f"{net.seed} {source}->{target}"
        self.draw_delay = Random(f"{self.name} delay").random
        self.streams: dict[str, Random] = {}
        self.last_arrival_ms = 0.0
        self.link = net.healthy
        self.hand_over: Receive = self._hand_over  # bound once, not for each message
        self.become(net.healthy)

    def become(self, link: Link) -> None:
        """Take on this state. Messages in flight feel it when they arrive; a new delay is a new route, which overtakes the old one."""
        if link.delay_ms != self.link.delay_ms:
            self.last_arrival_ms = 0.0
        self.link = link
        self.faulty = link != replace(self.net.healthy, delay_ms=link.delay_ms)
        self.unseen = not self.faulty and self.net.say is None  # nobody looks at a message while it flies
        self.shortest_ms = link.delay_ms[0]
        self.spread_ms = link.delay_ms[1] - link.delay_ms[0]

    def one_more_delay_ms(self, fault: str) -> float:
        """How much longer a message takes that this fault keeps back; later ones overtake it."""
        return self.shortest_ms + self.spread_ms * self.stream(fault).random()

    def strikes(self, fault: str, probability: float) -> bool:
        """Whether this fault befalls the message at hand."""
        return probability > 0.0 and self.stream(fault).random() < probability

    def stream(self, fault: str) -> Random:
        """The random stream of one fault."""
        if fault not in self.streams:
            self.streams[fault] = Random(f"{self.name} {fault}")
        return self.streams[fault]

    def arrive(self, flight: MessageSent) -> None:
        """Hand a message over, unless the link was cut or the server went down while it flew, or it has no room for it."""
        net = self.net
        if not self.link.up:
            net.drop(flight, Reason.LINK_CUT)
        elif self.receive is None:
            net.drop(flight, Reason.SERVER_DOWN)
        elif self.is_full():
            net.drop(flight, Reason.SERVER_FULL)
        else:
            if net.say:
                net.say(MessageDelivered(net.clock.now_ms, flight.id, flight.source, flight.target, flight.message))
            self.receive(flight.message)

    def _hand_over(self, message: Message) -> None:
        """Let a message arrive that flew unseen."""
        receive = self.receive
        if receive is not None and self.link.up:
            receive(message)

    def lose(self, flight: MessageSent) -> None:
        """Let a message fall off."""
        self.net.drop(flight, Reason.LOST if self.link.up else Reason.LINK_CUT)


class LoopbackTransport:
    """Carries messages between the addresses that have joined. `say` is None when nobody listens."""

    def __init__(self, clock: VirtualClock, seed: int, healthy: Link, say: Callable[[Event], None] | None) -> None:
        self.healthy = healthy
        self.clock = clock
        self.say = say
        self.receivers: dict[Address, tuple[Receive | None, Callable[[], bool]]] = {}
        self.seed = seed
        self._directions: dict[Address, dict[Address, _Direction]] = {}  # by source, by target
        self._last_id = 0

    def join(self, address: Address, receive: Receive | None, is_full: Callable[[], bool] = never) -> None:
        """Deliver what comes for an address to `receive`; None while nobody is there. What it would not take in `is_full` tells."""
        self.receivers[address] = receive, is_full
        for directions in self._directions.values():
            if address in directions:
                directions[address].receive, directions[address].is_full = receive, is_full

    def _direction(self, source: Address, target: Address) -> _Direction:
        """One direction, made when it is first spoken of."""
        directions = self._directions.setdefault(source, {})
        if target not in directions:
            directions[target] = _Direction(self, source, target)
        return directions[target]

    def link(self, source: Address, target: Address) -> Link:
        """The state of one direction."""
        return self._direction(source, target).link

    def set_link(self, source: Address, target: Address, link: Link) -> bool:
        """Change one direction; whether it differs from before."""
        direction = self._direction(source, target)
        changed = direction.link != link
        direction.become(link)
        return changed

    def changed_links(self) -> list[tuple[Address, Address]]:
        """The directions that are not healthy, by name: which was first spoken of is no part of a scenario."""
        everywhere = self._directions.items()
        return sorted((source, target) for source, to in everywhere for target, direction in to.items() if direction.link != self.healthy)

    def send(self, source: Address, envelopes: Iterable[Envelope]) -> None:
        """Let messages fly."""
        clock = self.clock
        for target, message in envelopes:
            try:
                direction = self._directions[source][target]
            except KeyError:
                direction = self._direction(source, target)
            draw_delay = direction.draw_delay
            arrival_ms = clock.now_ms + direction.shortest_ms + direction.spread_ms * draw_delay()
            if arrival_ms > direction.last_arrival_ms:
                direction.last_arrival_ms = arrival_ms
            else:  # a link keeps order
                arrival_ms = direction.last_arrival_ms
            if direction.unseen:
                clock.planned = planned = clock.planned + 1  # as clock.call_at does it: a call for each message can be felt
                heappush(clock.queue, (arrival_ms, planned, direction.hand_over, message))
                continue
            self._last_id += 1
            if direction.faulty and direction.strikes("reordering", direction.link.reordering):
                arrival_ms += direction.one_more_delay_ms("reordering")
            flight = MessageSent(clock.now_ms, self._last_id, source, target, message, arrival_ms)
            if direction.faulty:
                self._fly_through_faults(direction, flight)
            else:
                if self.say:
                    self.say(flight)
                clock.call_at(arrival_ms, direction.arrive, flight)

    def _fly_through_faults(self, direction: _Direction, flight: MessageSent) -> None:
        """Let a message fly on a link that is not healthy. A copy comes later than its original, and nothing waits for it."""
        link = direction.link
        self._fly(direction, flight, direction.strikes("loss", link.loss))
        if direction.strikes("duplication", link.duplication):
            self._last_id += 1
            arrival_ms = flight.deliver_at_ms + direction.one_more_delay_ms("duplication")
            copy = replace(flight, id=self._last_id, deliver_at_ms=arrival_ms, copy_of=flight.id)
            self._fly(direction, copy, direction.strikes("loss of copies", link.loss))

    def _fly(self, direction: _Direction, flight: MessageSent, lost: bool) -> None:
        """Let one message arrive, or fall off half-way."""
        if self.say:
            self.say(flight)
        if lost or not direction.link.up:
            self.clock.call_at((flight.at_ms + flight.deliver_at_ms) / 2, direction.lose, flight)
        else:
            self.clock.call_at(flight.deliver_at_ms, direction.arrive, flight)

    def drop(self, flight: MessageSent, reason: Reason) -> None:
        """Say that a message will never arrive."""
        if self.say:
            self.say(MessageDropped(self.clock.now_ms, flight.id, flight.source, flight.target, flight.message, reason))
