"""Guards the steps of a run: one that is broken off half-way leaves servers between two states, and the run refuses to go on from there.

States: whole → `with steps:` → under way → whole, or broken off if anything but a refusal was raised. There is no way back from broken off.
Used only under the cluster's lock.
"""

from math import ceil
from types import TracebackType

from raftcore.cluster.clock import VirtualClock
from raftcore.vocabulary.errors import IncompleteStepError, RaftLabError, RuleError


class Steps:
    """`with steps:` encloses all that changes the simulated world. Raises IncompleteStepError where an earlier step was broken off."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._under_way = False
        self._cause = "a step is still under way, and a rule can't act on the run that it is part of"

    def __enter__(self) -> None:
        if self._under_way:
            raise IncompleteStepError(self._sentence())
        self._under_way = True

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        if error is None or _is_refusal(error):
            self._under_way = False
        else:
            self._cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

    def _sentence(self) -> str:
        now_ms = self._clock.now_ms
        before_ms = max(ceil(now_ms) - 1, 0)
        return (
            f"this run was broken off half-way through a step at {now_ms:,g} ms ({self._cause}), and can't go on from there. What happened "
            f"can still be looked at, and fork(at_ms={before_ms}) makes a run that goes on from the moment before"
        )


def _is_refusal(error: BaseException) -> bool:
    """Whether an action was refused, which changes nothing."""
    return isinstance(error, RaftLabError) and not isinstance(error, (RuleError, IncompleteStepError))
