"""All invariants, fed with a run's events in order. What an event costs does not depend on how long the run is."""

from collections.abc import Iterable

from raftcore.checks.clients import NoInvention
from raftcore.checks.commitment import CommitOnlyOwnTerm, CommittedIsDurable, JointQuorum, MonotonicCommit, MonotonicMatch
from raftcore.checks.completeness import LeaderCompleteness, StateMachineSafety
from raftcore.checks.elections import ElectionSafety, LegalTransitions, MonotonicTerm, VoteOnce
from raftcore.checks.invariant import Invariant
from raftcore.checks.logs import ConfigurationFollowsLog, LeaderAppendOnly, LogMatching, TermsOrdered
from raftcore.checks.memory import Memory
from raftcore.checks.seeing import Handler, handlers_of
from raftcore.checks.situations.coverage import Coverage
from raftcore.checks.usual import Usual
from raftcore.checks.violation import Violation
from raftcore.trace.stream import Trace
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Event, MessageSent
from raftcore.vocabulary.names import ServerId

INVARIANTS: tuple[type[Invariant], ...] = (
    ElectionSafety,
    LeaderAppendOnly,
    LogMatching,
    LeaderCompleteness,
    StateMachineSafety,
    CommitOnlyOwnTerm,
    CommittedIsDurable,
    VoteOnce,
    MonotonicTerm,
    MonotonicCommit,
    MonotonicMatch,
    TermsOrdered,
    LegalTransitions,
    ConfigurationFollowsLog,
    JointQuorum,
    NoInvention,
)
"""In the order in which they are shown."""

MOST_OF_EACH = 5
"""Violations of one property that are kept: a server that has gone wrong goes on doing so."""

DEFAULTS = Config()


class Watch:
    """Judges a run event by event, from its first one on. server_ids: those of the beginning.

    violations: in the order in which they were seen, the first few of each property; it only grows. coverage: which situations the run
    has come to. shortcuts: see usual.py; without them every invariant sees every event, and what is found is the same.
    """

    def __init__(self, server_ids: Iterable[ServerId], config: Config = DEFAULTS, shortcuts: bool = True) -> None:
        self._memory = memory = Memory(server_ids, config)
        self.violations: list[Violation] = []
        self.coverage = Coverage(memory)
        self.position = 0
        """How many events it has seen."""
        self._found: dict[str, int] = {}
        self._handlers: dict[type, list[Handler]] = {ev.EntriesAppended: [memory.write_down], ev.Restarted: [memory.write_down_restart]}
        for subject in (*(invariant(memory) for invariant in INVARIANTS), memory):
            for kind, handler in handlers_of(subject):
                self._handlers.setdefault(kind, []).append(handler)
        # One look decides for what is common; what only one sees needs no asking round.
        self._judges = {kind: handlers[0] if len(handlers) == 1 else self._ask for kind, handlers in self._handlers.items()}
        if shortcuts:
            self._judges |= Usual(memory, self._ask).looks

    def absorb(self, events: Iterable[Event]) -> None:
        """Judge the next events."""
        judges, at = self._judges, self.position - 1
        coverage, awaited = self.coverage, self.coverage.awaited
        for at, event in enumerate(events, self.position):
            kind: type = type(event)
            if kind is MessageSent:
                kind = type(event.message)  # type: ignore[attr-defined]  # the line above has seen to it
            if kind in awaited:
                coverage.look(at, kind, event)
            if kind in judges:
                violation = judges[kind](at, event)
                if violation is not None:
                    self.keep(violation)
        self.position = at + 1

    def _ask(self, at: int, event: Event) -> None:
        """Let everybody see an event who wants to, the memory last."""
        for handle in self._handlers[type(event.message) if isinstance(event, MessageSent) else type(event)]:
            violation = handle(at, event)
            if violation is not None:
                self.keep(violation)

    def keep(self, violation: Violation) -> None:
        """Put a violation behind those that were seen, unless there are enough of its property."""
        found = self._found[violation.property] = self._found.get(violation.property, 0) + 1
        if found <= MOST_OF_EACH:
            self.violations.append(violation)


def check_trace(trace: Trace, config: Config = DEFAULTS) -> tuple[Violation, ...]:
    """Judge a whole run, as it was recorded."""
    watch = Watch(trace.server_ids, config)
    watch.absorb(trace)
    return tuple(watch.violations)
