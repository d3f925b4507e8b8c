"""What the lab knows of whether a run is right: the invariants that were broken, and whether clients saw one copy of everything."""

from collections.abc import Mapping
from math import inf
from threading import RLock

from msgspec import UNSET, Struct
from msgspec.structs import replace

from raftcore import Cluster
from raftcore.checks.client_history import ClientHistory, Operation
from raftcore.checks.convergence import Lack
from raftcore.checks.linearizability import KEY_VALUE, Result, check
from raftcore.checks.violation import Violation
from raftcore.checks.watch import Watch
from raftcore.interrupts import Uninterrupted
from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ControlError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.names import ServerId
from widgets.liveness import Liveness

BUDGET = 100_000
"""Steps that the check of a history may take at each pause: a twentieth of a second."""

MOST_OPERATIONS = 20_000
"""That are judged when time has come to a stop: to look at so many takes a tenth of a second, once."""

MOST_IN_THE_PAST = 3_000
"""That are judged at any other moment, which may be one of many that are looked at in a second."""

MOST_EVENTS = 6
"""Of what shows a violation, the latest."""

LINEARIZABLE = "Linearizable"
"""What clients expect, by the name that it has among the properties."""


class Broken(Struct, frozen=True):
    """A violation, and the events that show it, with their positions in the trace."""

    violation: Violation
    events: tuple[tuple[int, Event], ...]

    @property
    def seen_at(self) -> int:
        """The position of the event that broke the property."""
        return self.violation.evidence[-1]


class Unjudged(Struct, frozen=True):
    """Lease reads that are not judged: how many, and what had broken the promise of leases when the latest was answered.

    contradiction: what would break if they were judged; None while time passes.
    """

    reads: int
    why: str
    contradiction: Broken | None


class Checked(Struct, frozen=True):
    """What is known of a run at a moment.

    judged: whether invariants are judged at all. position: how many events had happened. broken: what was violated by then. firsts: the
    first violation of each property, as far as the run has come: what has gone wrong goes on doing so, and what follows breaks too.
    operations: how many clients had begun, and result: what their history comes to; 0 and None while time passes, and None where they are
    too many for a pause. beliefs: whether it is judged too what servers believe. unjudged: the lease reads that are no part of it all.
    situations: those that the run had come to, by name. overdue: what must have come to be by then, and has not.
    """

    judged: bool = True
    position: int = 0
    broken: tuple[Broken, ...] = ()
    firsts: tuple[Broken, ...] = ()
    operations: int = 0
    result: Result | None = None
    beliefs: bool = False
    unjudged: Unjudged | None = None
    situations: frozenset[str] = frozenset()
    overdue: Lack | None = None

    @property
    def shown(self) -> tuple[Broken, ...]:
        """The first violations that have happened or begun to: who looks at one of the events that show it wants to know of the others."""
        return tuple(it for it in self.firsts if it.violation.evidence[0] < self.position)

    @property
    def ahead(self) -> dict[str, float]:
        """The properties that still hold, and when each is broken."""
        return {it.violation.property: it.violation.at_ms for it in self.firsts if it.seen_at >= self.position}

    @property
    def servers(self) -> frozenset[ServerId]:
        """Those that the violations which are shown are about."""
        return frozenset(name for it in self.shown for name in it.violation.servers)


class Judge:
    """Judges histories, and the same one that it judged last for nothing."""

    def __init__(self) -> None:
        self._operations: tuple[Operation, ...] = ()
        self._result = check((), KEY_VALUE)

    def judge(self, operations: tuple[Operation, ...]) -> Result:
        """What this history comes to within BUDGET."""
        if operations != self._operations:
            self._operations, self._result = operations, check(operations, KEY_VALUE, BUDGET)
        return self._result


class Checking:
    """Follows one run as it goes on, and looks at each event once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._watch = None if isinstance(run, Cluster) else Watch(run.trace.server_ids, run.config)
        self._judges_beliefs = isinstance(run, Cluster) and run.checks == "full"
        self._broken: list[Broken] = []
        self._firsts: dict[str, Broken] = {}
        self._situations: Mapping[str, int] = {}  # and where in the trace each first came about
        self._liveness = Liveness(run)
        self._history = ClientHistory(run.trace.server_ids, run.config)
        self._contradicted: tuple[Broken, ...] = ()  # the latest found: no history that goes on from there is linearizable
        self._followed = 0
        self._judge, self._judge_all = Judge(), Judge()
        self._following = RLock()  # a screen that is attached is painted at once, on a thread of its own

    def at(self, position: int, still: bool, view: ClusterView | None = None) -> Checked:
        """What is known after so many events. Only while time stands `still` a history is judged.

        view: of that moment, if it is to be said what is overdue then.
        """
        with self._following:
            is_judged = self._follow()
            begun = self._history.begun_by(position) if still else 0
            most = MOST_OPERATIONS if position >= self._followed else MOST_IN_THE_PAST
            operations = self._operations(position, begun) if still and begun <= most else None
            result = None if operations is None else self._judge.judge(operations)
            if result is not None and result.cannot_follow is not None:
                self._contradicted = (self._contradiction(result, result.cannot_follow),)
            contradicted = self._contradicted if still else ()
            broken = tuple(it for it in (*self._broken, *contradicted) if it.seen_at < position)
            firsts = (*self._firsts.values(), *contradicted)
            unjudged = self._unjudged(position, operations if result and result.cannot_follow is None else None)
            situations = frozenset(name for name, at in self._situations.items() if at < position)
            overdue = self._liveness.at(view) if view else None
            return Checked(is_judged, position, broken, firsts, begun, result, self._judges_beliefs, unjudged, situations, overdue)

    def _follow(self) -> bool:
        """Take in what happened since the last look; whether invariants are judged."""
        with Uninterrupted():  # what was looked at half would be looked at again
            events = self.run.trace[self._followed :]
            self._history.absorb(events)
            self._liveness.absorb(events)
            self._followed += len(events)
            return self._follow_violations()

    def _follow_violations(self) -> bool:
        try:
            violations, self._situations = self._judged()
        except ControlError:  # this cluster was made without checks
            return False
        for it in map(self._show, violations[len(self._broken) :]):
            self._broken.append(it)
            self._firsts.setdefault(it.violation.property, it)
        return True

    def _judged(self) -> tuple[tuple[Violation, ...], Mapping[str, int]]:
        if self._watch is not None:
            self._watch.absorb(self.run.trace[self._watch.position :])
            return tuple(self._watch.violations), self._watch.coverage.first
        return (self.run.violations, self.run.situations) if isinstance(self.run, Cluster) else ((), {})

    def _show(self, violation: Violation) -> Broken:
        return Broken(violation, tuple((position, self.run.trace[position]) for position in violation.evidence[-MOST_EVENTS:]))

    def _operations(self, position: int, begun: int) -> tuple[Operation, ...]:
        """The operations as they were then: what is answered later is not answered yet."""
        operations = self._history.first(begun)
        if position >= self._followed:
            return operations
        return tuple(it if it.ended < position else replace(it, ended=inf, ok=None, value=UNSET) for it in operations)

    def _unjudged(self, position: int, operations: tuple[Operation, ...] | None) -> Unjudged | None:
        """The lease reads that are not judged. operations: those of the moment, if it is to be said what these would contradict."""
        reads = self._history.excused_by(position)
        if not reads:
            return None
        contradiction = self._if_judged(reads, operations) if operations else None
        return Unjudged(reads, self._history.excused[reads - 1].why, contradiction)

    def _if_judged(self, reads: int, operations: tuple[Operation, ...]) -> Broken | None:
        """What the first so many lease reads that are not judged contradict."""
        places = {it.place for it in self._history.excused[:reads]}
        judged = (replace(it, stale=False) if place in places else it for place, it in enumerate(operations))
        result = self._judge_all.judge(tuple(judged))
        return self._contradiction(result, result.cannot_follow) if result.cannot_follow else None

    def _contradiction(self, result: Result, operation: Operation) -> Broken:
        """That a history is not linearizable, said like every other violation."""
        ended = int(operation.ended)
        return self._show(Violation(LINEARIZABLE, self.run.trace[ended].at_ms, result.sentence, (), (int(operation.began), ended)))
