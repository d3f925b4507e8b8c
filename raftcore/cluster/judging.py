"""What judges a cluster while it runs: the invariants, which see its events in portions, and the beliefs, asked after each step."""

from collections.abc import Mapping

from raftcore.checks.beliefs.watch import Checks, Disk, Server, watch_beliefs
from raftcore.checks.watch import Watch
from raftcore.interrupts import Uninterrupted
from raftcore.trace.stream import Trace
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.names import ServerId

JUDGED_AT_ONCE = 16_384
"""Events that wait for the invariants at most: to judge in large portions costs less than to change between two works all the time."""


class Judging:
    """Judges one run as `checks` says (see Cluster); without a trace nothing. Raises ConfigError.

    say: whom the run has to tell its events; None: nobody. beliefs: what judges these, if anything does.
    """

    def __init__(self, checks: Checks, config: Config, trace: Trace | None) -> None:
        self._config, self._trace = config, trace
        self._watch = Watch(trace.server_ids, config) if trace is not None and checks else None
        self.beliefs = watch_beliefs(checks, config, trace)
        self.say = self.beliefs.say if self.beliefs else trace.say if trace is not None else None

    def attend(self, servers: Mapping[ServerId, Server], disks: Mapping[ServerId, Disk]) -> None:
        """Let beliefs look at these servers and disks from now on."""
        if self.beliefs:
            self.beliefs.attend(servers, disks)

    @property
    def judges(self) -> bool:
        """Whether anything is judged."""
        return self._watch is not None

    @property
    def is_due(self) -> bool:
        """Whether so many events wait that they should be judged."""
        return self._watch is not None and self._trace is not None and len(self._trace) - self._watch.position >= JUDGED_AT_ONCE

    def watch(self) -> Watch:
        """The invariants, which have seen all that has happened. Raises ControlError where nothing is judged."""
        self.judge()
        if self._watch is None:
            raise ControlError("this cluster is not judged; make it without checks=False and trace=False to see its violations")
        return self._watch

    def judge(self) -> None:
        """Let the invariants see what has happened."""
        if self._watch is None or self._trace is None:
            return
        with Uninterrupted():
            try:
                self._watch.absorb(self._trace[self._watch.position :])
            except BaseException:  # it has seen half an event, so another one must judge from the beginning
                self._watch = Watch(self._trace.server_ids, self._config)
                raise

    def judge_beliefs(self, now_ms: float) -> None:
        """Let the violations of beliefs take their place among those that the trace shows."""
        if self.beliefs and self._watch is not None:
            for violation in self.beliefs.judge(now_ms):
                self.judge()
                self._watch.keep(violation)
