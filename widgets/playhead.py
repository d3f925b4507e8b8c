"""The moment that is shown: "now", where the run lives on, or one in its past; of one run, or of two side by side on one clock.

To move the moment never changes a run. Only time that passes at a cluster's end does. Here is neither a thread nor the wall clock.
"""

from threading import RLock

from raftcore import Cluster
from raftcore.trace.diff import Difference
from raftcore.trace.run import Run, require_run
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.numbers import whole
from widgets.branch import Branch, Parting, moment_after, moment_before
from widgets.forking import Forking
from widgets.frame import Mark
from widgets.intents import Intent
from widgets.marks import Marks
from widgets.pane import Pane

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
        self._moving = RLock()  # a player moves the moment on while a person moves it elsewhere

    @property
    def shown_ms(self) -> float:
        """The moment, in simulated milliseconds. A run that has not come so far is shown at its end."""
        return self.main.shown_ms(self._moment_ms)

    @property
    def panes(self) -> tuple[Pane, ...]:
        """What is to be painted."""
        return (self.main, self.beside) if self.two else (self.main,)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What stands out in the chosen run."""
        if self._marks.run is not self.main.run:
            self._marks = Marks(self.main.run)
        return self._marks.follow(self.main.checked(None, still=False).broken)

    @property
    def parted(self) -> Difference | None:
        """Where the two runs that are shown first differ, as far as they have come."""
        if not self.two:
            return None
        if self._parting is None or self._parting.branches != (self.main.branch, self.beside.branch):
            self._parting = Parting(self.main.branch, self.beside.branch)
        return self._parting.find()

    @property
    def sight(self) -> tuple[object, ...]:
        """What the pictures depend on."""
        return tuple(pane.sight(self.shown_ms) for pane in self.panes)

    @property
    def view(self) -> ClusterView:
        """The chosen run at this moment."""
        return self.main.run.trace.view_at(self.shown_ms)

    def lives(self, pane: Pane) -> bool:
        """Whether this run is shown at its end and can go on: only there can anything be done to it."""
        return pane.cluster is not None and self.shown_ms >= pane.run.now_ms

    # ---- moving

    def go_to(self, at_ms: float) -> None:
        """Show this moment; the end, if the run has not come so far. ConfigError if it is no moment."""
        self.main.run.trace.position_at(at_ms)
        with self._moving:
            self._moment_ms = float(at_ms) if at_ms < self.main.run.now_ms else None

    def go(self, intent: Intent) -> None:
        """Show a moment that is given by its time, "at_ms", or by an event that happened then, "position" in the trace."""
        if "position" in intent:
            self.go_to_event(intent["position"])
        else:
            self.go_to(intent["at_ms"])

    def go_to_event(self, position: int) -> None:
        """Show the moment of the event at this position of the trace. ConfigError if there is none."""
        trace = self.main.run.trace
        if whole(position) is None or not 0 <= position < len(trace):
            raise ConfigError(f"there is no event {position!r} in this run; its events are numbered from 0 to {len(trace) - 1:,}")
        self.go_to(trace[position].at_ms)

    def go_to_end(self) -> None:
        """Show now."""
        self._moment_ms = None

    def back(self) -> None:
        """Go to the moment before something happened."""
        self.go_to(moment_before(self.main.run, self.shown_ms))

    def forward(self) -> None:
        """Go to where something happens next; at the end of a cluster, let it happen. ControlError at the end of a recording."""
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
        self.branches.append(Branch(len(self.branches) + 1, fork.cluster, fork.origin, fork.at_ms))
        with self._moving:
            self.choose(fork.origin.number)
            self.choose(self.branches[-1].number)
            self.go_to(fork.at_ms)

    def choose(self, number: object) -> None:
        """Let this run be the chosen one, and show the one that was chosen before beside it. ConfigError if there is none."""
        branch = next((one for one in self.branches if one.number == number), None)
        if branch is None:
            raise ConfigError(f"this lab has no run {number!r}; its runs are numbered from 1 to {len(self.branches)}")
        at_ms = self.shown_ms
        if branch is not self.main.branch:
            self.beside.turn_to(self.main.branch)
            self.main.turn_to(branch)
            self.two = True
        self.go_to(at_ms)

    def compare(self, run: Run) -> None:
        """Show this run beside the chosen one, and keep it among the lab's. ConfigError if it is none."""
        require_run(run)
        known = {id(branch.run): branch for branch in self.branches}
        if id(run) not in known:
            origin = run.origin if isinstance(run, Cluster) else None
            parent = known.get(id(origin.cluster)) if origin else None
            at_ms = origin.at_ms if origin and parent else 0.0
            known[id(run)] = Branch(len(self.branches) + 1, run, parent, at_ms)
            self.branches.append(known[id(run)])
        self.two = run is not self.main.run
        self.beside.turn_to(known[id(run)])

    def alone(self) -> None:
        """Show only the chosen run."""
        self.two = False
