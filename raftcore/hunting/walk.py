"""A small world, gone through by hand: choose what happens next, and go back. A walk is a run like any other, with a trace of its own.

There is no clock in it. One choice is made every STEP_MS, so that what shows runs has something to show.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from raftcore.cluster.rulebook import Rulebook
from raftcore.hunting.laws import Finding
from raftcore.hunting.minds import Applying, Outcome, Told
from raftcore.hunting.small_world import (
    BEAT,
    CRASH,
    DELIVER,
    DROP,
    DUPLICATE,
    REQUEST,
    RESTART,
    TIME_OUT,
    Choice,
    Packet,
    State,
    World,
    in_words,
)
from raftcore.hunting.stage import Stage
from raftcore.statemachine.language import show_command
from raftcore.statemachine.machine import StateMachine
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary import actions as act
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.names import Reason, ServerId
from raftcore.vocabulary.scenario import Scenario

STEP_MS = 10.0


class Walk:
    """A walk through a small world, which begins with the choices of `path`.

    walk = Walk(World(terms=2))
    walk.choices      # ("S1 times out", "S2 times out", "S3 times out")
    walk.choose(0)
    walk.back()

    Raises ConfigError where `path` names a choice that is not there.
    """

    def __init__(self, world: World, path: Iterable[int] = ()) -> None:
        self.world = world
        self._stage = Stage(world)
        self.path: tuple[int, ...] = ()
        self._begin()
        for index in path:
            self.choose(index)

    # ---- choosing

    @property
    def choices(self) -> tuple[str, ...]:
        """What can happen next, in words."""
        return tuple(self._in_words(choice) for choice in self._stage.choices(self._state))

    def choose(self, index: int) -> None:
        """Let the choice at this place happen. ConfigError if there is none."""
        choices = self._stage.choices(self._state)
        if type(index) is not int or not 0 <= index < len(choices):
            raise ConfigError(f"there is no choice {index!r} after {list(self.path)}; there are {len(choices)}, counted from 0")
        self.path = (*self.path, index)
        self.now_ms = len(self.path) * STEP_MS
        self._let_happen(choices[index])
        self._trace = None

    def back(self) -> None:
        """Take the latest choice back. ControlError at the start."""
        if not self.path:
            raise ControlError("nothing was chosen yet, so nothing can be taken back")
        *path, _ = self.path
        self._begin()
        for index in path:
            self.choose(index)
