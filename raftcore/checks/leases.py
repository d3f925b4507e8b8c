"""Whether a run is one in which Raft promises anything of leases: they count on clocks that drift no more than they may (thesis 6.4.1)."""

from collections.abc import Iterable

from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Acted, ClockRateChanged, Created
from raftcore.vocabulary.names import ServerId


class Leases:
    """Fed with what is done to clocks. `hold`: so far no two were further apart than `Config.max_clock_drift`, and none has jumped."""

    def __init__(self, server_ids: Iterable[ServerId], config: Config) -> None:
        self.hold = True
        self._most = 1 + config.max_clock_drift
        self._rates = dict.fromkeys(server_ids, 1.0)

    def absorb(self, event: Acted | ClockRateChanged | Created) -> None:
        """Take in what may have been done to a clock."""
        if isinstance(event, Acted):
            if isinstance(event.action, TimeOut):  # a clock that jumps
                self.hold = False
            return
        self._rates[event.server] = event.rate if isinstance(event, ClockRateChanged) else 1.0
        if max(self._rates.values()) > self._most * min(self._rates.values()):
            self.hold = False
