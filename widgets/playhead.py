"""The moment that is shown: "now", where the run lives on, or one in its past; of one run, or of two side by side on one clock.

To move the moment never changes a run. Only time that passes at a cluster's end does. Here is neither a thread nor the wall clock, but
one lock: a player lets time pass while a person chooses another moment or another run, and neither may see half of what the other does.
"""

from threading import RLock

from raftcore import Cluster
from raftcore.trace.diff import Difference
from raftcore.trace.run import Run, require_run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief
from widgets.branch import Branch, Parting, moment_after, moment_before
from widgets.forking import Forking
from widgets.frame import Mark
from widgets.intents import Intent, said
from widgets.marks import Marks
from widgets.pane import Pane, Sight

CATCH_UP_MS = 200.0
"""That a run which has come less far than the other may live at once to come up to it."""

ENDED = "the recording ends here; a fork of it is a cluster, which goes on"


class Playhead:
    """What a lab looks at. `main` shows the run that is chosen, `beside`, while there are `two`, the one that was chosen before."""

    def __init__(self, run: Run) -> None:
        self.branches = [Branch(1, run)]
        self.main = Pane(self.branches[0])
        self.beside = Pane(self.branches[0])
        self.two = False
        self._marks = Marks(run)
        self._parting: Parting | None = None
        # None is the end of the chosen run, wherever that is by now. A recording is looked at from its beginning.
        self._moment_ms: float | None = None if self.main.cluster else 0.0
        self._moving = RLock()

    @property
    def shown_ms(self) -> float:
        """The moment, in simulated milliseconds. A run that has not come so far is shown at its end."""
        return self.sights[0].at_ms

    @property
    def sights(self) -> tuple[Sight, ...]:
        """What is to be painted: what the chosen run shows, and what the one beside it does, all of one moment."""
        with self._moving:
            chosen = self.main.sight(self._moment_ms)
            return (chosen, self.beside.sight(chosen.at_ms)) if self.two else (chosen,)

    def sight(self, pane: Pane) -> Sight:
        """What this pane shows."""
        with self._moving:
            return self.sights[0] if pane is self.main else pane.sight(self.shown_ms)

    @property
    def view(self) -> ClusterView:
        """The chosen run at this moment."""
        return self.sights[0].view

    def marks(self, sight: Sight) -> tuple[Mark, ...]:
        """What stands out in the run that is seen, as far as it has come. Only who paints asks."""
        run = sight.branch.run
        if self._marks.run is not run:
            self._marks = Marks(run)
        end = run.trace.position_at(run.now_ms)
        return self._marks.follow(sight.branch.checking.at(end, still=False).broken)

    def parted(self, sights: tuple[Sight, ...]) -> Difference | None:
        """Where the two runs that are seen first differ, as far as they have come; None of one alone. Only who paints asks."""
        if len(sights) == 1:
            return None
        one, other = (sight.branch for sight in sights)
        if self._parting is None or self._parting.branches != (one, other):
            self._parting = Parting(one, other)
        return self._parting.find()

    def living(self, pane: Pane) -> Cluster | None:
        """The run that this pane shows, if it is shown at its end and can go on: only there can anything be done to it."""
        sight = self.sight(pane)
        run = sight.branch.run
        return run if isinstance(run, Cluster) and sight.at_ms >= sight.end_ms else None

    # ---- moving

    def go_to(self, at_ms: float) -> None:
        """Show this moment; the end, if the run has not come so far. ConfigError if it is no moment."""
        with self._moving:
            self.main.run.trace.position_at(at_ms)
            self._moment_ms = float(at_ms) if at_ms < self.main.run.now_ms else None

    def go(self, intent: Intent) -> None:
        """Show a moment that is given by its time, "at_ms", or by an event that happened then, "position" in the trace."""
        if "position" in intent:
            self.go_to_event(intent["position"])
        else:
            self.go_to(said(intent, "at_ms"))

    def go_to_event(self, position: int) -> None:
        """Show the moment of the event at this position of the trace. ConfigError if there is none."""
        with self._moving:
            trace = self.main.run.trace
            place = whole(position)
            if place is None or not 0 <= place < len(trace):
                raise ConfigError(f"there is no event {brief(position)} in this run; its events are numbered from 0 to {len(trace) - 1:,}")
            self.go_to(trace[place].at_ms)

    def go_to_end(self) -> None:
        """Show now."""
        with self._moving:
            self._moment_ms = None

    def back(self) -> None:
        """Go to the moment before something happened."""
        with self._moving:
            self.go_to(moment_before(self.main.run, self.shown_ms))

    def forward(self) -> None:
        """Go to where something happens next; at the end of a cluster, let it happen. ControlError at the end of a recording."""
        with self._moving:
            if self.shown_ms < self.main.run.now_ms:
                self.go_to(moment_after(self.main.run, self.shown_ms))
            elif self.main.cluster is None:
                raise ControlError(ENDED)
            else:
                self.main.cluster.step()
            self._catch_up()

    def pass_time(self, span_ms: float) -> bool:
        """Let time pass: what was, in the past, and what comes, at the end. False at the end of a recording."""
        with self._moving:
            if self._moment_ms is not None:
                self.go_to(self._moment_ms + span_ms)
            elif self.main.cluster is None:
                return False
            else:
                self.main.cluster.run_for(span_ms)
            self._catch_up()
        return True

    def _catch_up(self) -> None:
        late = self.beside.cluster if self.two else None
        if late is not None and late.now_ms < self.shown_ms:
            late.run_for(min(self.shown_ms - late.now_ms, CATCH_UP_MS))

    # ---- forks

    def adopt(self, fork: Forking) -> None:
        """Choose this fork, now that it is ready, and show the run that it parts from beside it."""
        with self._moving:
            self.branches.append(Branch(len(self.branches) + 1, fork.cluster, fork.origin, fork.at_ms))
            self.choose(fork.origin.number)
            self.choose(self.branches[-1].number)
            self.go_to(fork.at_ms)

    def choose(self, number: object) -> None:
        """Let this run be the chosen one, and show the one that was chosen before beside it. ConfigError if there is none."""
        with self._moving:
            wanted = whole(number)
            branch = next((one for one in self.branches if one.number == wanted), None)
            if branch is None:
                raise ConfigError(f"this lab has no run {brief(number)}; its runs are numbered from 1 to {len(self.branches)}")
            at_ms = self.shown_ms
            if branch is not self.main.branch:
                self.main.branch, self.beside.branch = branch, self.main.branch
                self.two = True
            self.go_to(at_ms)

    def compare(self, run: Run) -> None:
        """Show this run beside the chosen one, and keep it among the lab's. ConfigError if it is none."""
        require_run(run)
        with self._moving:
            self.two = run is not self.main.run
            self.beside.branch = self._branch_of(run)

    def _branch_of(self, run: Run) -> Branch:
        """Of the lab's runs this one, which is one of them from now on."""
        known = {id(branch.run): branch for branch in self.branches}
        if id(run) not in known:
            origin = run.origin if isinstance(run, Cluster) else None
            parent = known.get(id(origin.cluster)) if origin else None
            at_ms = origin.at_ms if origin and parent else 0.0
            known[id(run)] = Branch(len(self.branches) + 1, run, parent, at_ms)
            self.branches.append(known[id(run)])
        return known[id(run)]

    def alone(self) -> None:
        """Show only the chosen run."""
        with self._moving:
            self.two = False
