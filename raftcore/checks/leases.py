"""Which lease reads are judged: those that were asked and answered while Raft promised anything of leases (thesis 6.4.1).

A lease counts on clocks that drift no more than `Config.max_clock_drift`, and on servers that wait for an election timeout after they heard
a leader. Invariants, beliefs, `history`, the lab, hunts and the export as EDN all ask this class, so they agree on every run. What was
answered before the promise was broken is judged, whatever comes later.
"""

from collections.abc import Iterable
from math import inf
from typing import TypeAlias

from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Command, Get, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Acted, ClockRateChanged, Created, TimerSet
from raftcore.vocabulary.names import ServerId

LeaseEvent: TypeAlias = Acted | ClockRateChanged | Created | TimerSet
LEASE_EVENTS = (Acted, ClockRateChanged, Created, TimerSet)


class Leases:
    """Follows the clocks and election timers of a run. server_ids: those of the beginning. why: what last broke the promise; "" if nothing.

    The promise is broken while two clocks are further apart than `max_clock_drift`, and when a server is made to stand for election sooner
    than its own timer could have run out. Then it is back as soon as every lease has ended that may have been granted until then: when the
    slowest clock has counted the length of one.
    """

    def __init__(self, server_ids: Iterable[ServerId], config: Config) -> None:
        self.why = ""
        self._reads = config.reads
        self._drift = config.max_clock_drift
        self._shortest_ms = config.election_timeout_ms[0]
        self._lasts_ms = self._shortest_ms / (1 + self._drift)
        self._rates = dict.fromkeys(server_ids, 1.0)
        self._slowest = 1.0
        self._timer_set_ms: dict[ServerId, float] = {}
        self._broken_until_ms = -inf  # inf while clocks are apart

    def absorb(self, event: LeaseEvent) -> None:
        """Take in what may have been done to a clock or a timer."""
        if isinstance(event, TimerSet):
            self._timer_set_ms[event.server] = event.at_ms
        elif not isinstance(event, Acted):
            self._change_rate(event.server, event.rate if isinstance(event, ClockRateChanged) else 1.0, event.at_ms)
        elif isinstance(event.action, TimeOut):
            self._time_out(event.action.server, event.at_ms)

    def hold(self, since_ms: float) -> bool:
        """Whether the promise has held all the time from then until the latest event."""
        return self._broken_until_ms <= since_ms

    def excuse(self, command: Command, asked_ms: float) -> bool:
        """Whether this is a lease read that is not judged, given when it was asked, and that it is answered now."""
        return is_read(command, ReadMode.LEASE, self._reads) and not self.hold(asked_ms)

    def _change_rate(self, server: ServerId, rate: float, now_ms: float) -> None:
        before, self._rates[server] = self._slowest, rate
        slow, fast = min(self._rates, key=self._rates.__getitem__), max(self._rates, key=self._rates.__getitem__)
        self._slowest, fastest = self._rates[slow], self._rates[fast]
        if fastest > (1 + self._drift) * self._slowest:
            self.why = (
                f"the clock of {slow} ran at {self._slowest:g} and that of {fast} at {fastest:g}, further apart than "
                f"max_clock_drift={self._drift:g} allows"
            )
            self._broken_until_ms = inf
        elif self._broken_until_ms == inf:
            self._broken_until_ms = now_ms + self._lasts_ms / self._slowest
        elif self._broken_until_ms > now_ms:
            self._broken_until_ms = now_ms + (self._broken_until_ms - now_ms) * before / self._slowest

    def _time_out(self, server: ServerId, now_ms: float) -> None:
        waited_ms = (now_ms - self._timer_set_ms.get(server, now_ms)) * self._rates.get(server, 1.0)
        if waited_ms >= self._shortest_ms:  # its timer could have run out by itself
            return
        self.why = (
            f"{server} was made to stand for election {waited_ms:,.0f} ms after its timer was set, and by itself waits for "
            f"{self._shortest_ms:g} ms at least"
        )
        self._broken_until_ms = max(self._broken_until_ms, now_ms + self._lasts_ms / self._slowest)


def is_read(command: Command, mode: ReadMode, reads: ReadMode) -> bool:
    """Whether this is a read that finds its answer in this way. reads: how reads that don't say it themselves do."""
    return isinstance(command, Get) and (command.mode or reads) is mode
