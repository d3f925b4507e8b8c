"""What could have caused a message, and what it could have caused: Lamport's happened-before, within a window of a run.

A server's events are in the order of the trace, and sending comes before receiving; nothing else orders events of two servers.
"""

from collections.abc import Iterable, Mapping
from math import inf

from msgspec import Struct

from raftcore.vocabulary.names import Address

BEFORE = -1
"""The position of what was sent before the window began."""


class Flight(Struct, frozen=True):
    """A message. sent_at, ended_at: positions in the trace; ended_at is None while it flies. why_lost: "" unless it was dropped.

    way: the share of its way that it made, 1 unless it was dropped.
    """

    id: int
    source: Address
    target: Address
    sent_ms: float
    end_ms: float
    sent_at: int
    ended_at: int | None
    why_lost: str
    way: float
    words: str

    @property
    def arrived(self) -> bool:
        return self.ended_at is not None and not self.why_lost


class Cone(Struct, frozen=True):
    """The causal past and future of a message.

    past: the messages that had arrived, and so could have led to it. future: those that were sent because of it, or could have been.
    past_until, future_since: for each place the moment, in simulated milliseconds, up to which and since when its events belong to them.
    """

    past: frozenset[int]
    future: frozenset[int]
    past_until: Mapping[Address, float]
    future_since: Mapping[Address, float]


def cone_of(flights: Iterable[Flight], chosen: Flight) -> Cone:
    """Two passes over the messages of the window, one back in time and one forward."""
    known = [flight for flight in flights if flight.id != chosen.id]
    past, until = _past([flight for flight in known if flight.arrived], chosen)
    future, since = _future(known, chosen) if chosen.arrived else (set[int](), dict[Address, float]())
    return Cone(frozenset(past), frozenset(future), until, since)


def _past(arrived: list[Flight], chosen: Flight) -> tuple[set[int], dict[Address, float]]:
    reach: dict[Address, int] = {chosen.source: chosen.sent_at}
    until = {chosen.source: chosen.sent_ms}
    past = set()
    for flight in sorted(arrived, key=lambda one: -(one.ended_at or 0)):  # the latest arrival first: its reach is known by then
        if (flight.ended_at or 0) < reach.get(flight.target, BEFORE):
            past.add(flight.id)
            if flight.sent_at > reach.get(flight.source, BEFORE - 1):
                reach[flight.source], until[flight.source] = flight.sent_at, flight.sent_ms
    return past, until


def _future(known: list[Flight], chosen: Flight) -> tuple[set[int], dict[Address, float]]:
    reach: dict[Address, float] = {chosen.target: chosen.ended_at or 0}
    since = {chosen.target: chosen.end_ms}
    future = set()
    for flight in sorted(known, key=lambda one: one.sent_at):
        if flight.sent_at > reach.get(flight.source, inf):
            future.add(flight.id)
            if flight.arrived and (flight.ended_at or 0) < reach.get(flight.target, inf):
                reach[flight.target], since[flight.target] = flight.ended_at or 0, flight.end_ms
    return future, since
