"""Whether clients saw one copy that did one thing at a time: each operation at one moment between its call and its answer.

Wing and Gong's search for a legal order, with Lowe's memoization: no set of operations is carried out twice to the same state. Keys are
independent, so each has a search of its own, and they take turns: the first one without an order settles it, however hard the others are.
An operation whose outcome nobody knows may be left out of the order.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from raftcore.checks.client_history import Operation, history
from raftcore.checks.history_files import read_edn, read_jepsen, read_kv
from raftcore.checks.models import KEY_VALUE, REGISTER, Model
from raftcore.checks.search import Search
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import brief

__all__ = ["KEY_VALUE", "REGISTER", "Model", "Operation", "Result", "Verdict", "check", "history", "read_edn", "read_jepsen", "read_kv"]

BUDGET = 2_000_000
TURN = 1_024
"""Steps that the search of one key may take before the next one's turn."""

MEMORY_BYTES = 256 * 1024**2
"""What all searches of one check may hold. Values are part of it, so a few long ones can fill it within few steps."""


class Verdict(Enum):
    """What a check came to. UNKNOWN: the budget was used up first."""

    LINEARIZABLE = "linearizable"
    NOT_LINEARIZABLE = "not linearizable"
    UNKNOWN = "unknown"


class Result(Struct, frozen=True):
    """The verdict, and what shows it.

    longest_prefix: operations in a legal order. If the verdict is LINEARIZABLE, all that are known to have happened. If it is
    NOT_LINEARIZABLE, those of one key: every operation answered before `cannot_follow` was, and maybe others; no such order has that one
    as well. If it is UNKNOWN, as far as the searches came. steps: how often an operation was tried. out_of_memory: whether a search was
    given up since all of them held MEMORY_BYTES.
    """

    verdict: Verdict
    longest_prefix: tuple[Operation, ...]
    cannot_follow: Operation | None
    steps: int
    out_of_memory: bool = False

    @property
    def sentence(self) -> str:
        """The verdict in a sentence, for a student."""
        if self.cannot_follow is not None:
            return (
                f"{self.cannot_follow} contradicts the answers before it: no order of what was done to {self.cannot_follow.command.key}, "
                f"each at a moment between its call and its answer, gives them all"
            )
        if self.out_of_memory:
            megabytes = MEMORY_BYTES // 1024**2
            return f"undecided: after {self.steps:,} steps the search had filled its {megabytes} MB; fewer open operations may be decided"
        if self.verdict is Verdict.UNKNOWN:
            return f"undecided after {self.steps:,} steps; a larger budget may decide it"
        return "the answers are those of an order in which each operation happens between its call and its answer"

    def points(self) -> list[float]:
        """When each operation of the prefix may have happened, at the earliest: a position in the history for each, never falling."""
        points, latest = [], 0.0
        for operation in self.longest_prefix:
            latest = max(latest, operation.began)
            points.append(latest)
        return points


def check(history: Iterable[Operation], model: Model, budget: int = BUDGET, *, initial: str | None = None) -> Result:
    """Judge a history by a model, in at most `budget` steps and MEMORY_BYTES. Stale reads are left out: they claim nothing.

    initial: what every key holds before; None: it is absent.

    Raises ConfigError for an unknown model, a budget that is none, what is no history, and operations that the model does not know or that
    can't be.
    """
    if not isinstance(model, Model):
        raise ConfigError(f"there is no model {brief(model)}; give REGISTER or KEY_VALUE")
    steps = whole(budget)
    if steps is None or steps < 1:
        raise ConfigError(f"budget={brief(budget)} steps judge nothing; give a whole number, at least 1")
    try:
        operations = iter(history)
    except TypeError:
        raise ConfigError(f"a {type(history).__name__} is no history; give the operations: check(history(cluster), KEY_VALUE)") from None
    if not isinstance(initial, str | None):
        raise ConfigError(f"initial={brief(initial)} is no value; give the text that each key holds at first, or None where it is absent")
    searches = [Search(of_key, model, initial) for of_key in _by_key(operations, model).values()]
    undecided, left, held_bytes, out_of_memory = deque(searches), steps, 0, False
    while undecided and left:
        search = undecided.popleft()
        before_bytes = search.held_bytes
        left -= search.advance(min(TURN, left), MEMORY_BYTES - held_bytes)
        if search.refuted:
            return Result(Verdict.NOT_LINEARIZABLE, search.prefix(), search.cannot_follow, steps - left)
        if search.found:
            search.release()
        else:
            undecided.append(search)
        held_bytes += search.held_bytes - before_bytes
        if undecided and held_bytes > MEMORY_BYTES:
            largest = max(undecided, key=lambda it: it.held_bytes)
            undecided.remove(largest)
            held_bytes -= largest.held_bytes
            largest.release()
            out_of_memory = True
    verdict = Verdict.UNKNOWN if undecided or out_of_memory else Verdict.LINEARIZABLE
    return Result(verdict, _merged([search.prefix() for search in searches]), None, steps - left, out_of_memory)


def _by_key(history: Iterable[Operation], model: Model) -> dict[str, list[Operation]]:
    """The operations that claim something, apart by key, in the order of their calls."""
    by_key: dict[str, list[Operation]] = {}
    for number, operation in enumerate(history, 1):
        if not isinstance(operation, Operation):
            raise ConfigError(f"item {number} of the history is {brief(operation)}; give Operations, as `history(run)` and the readers do")
        if type(operation.command) not in model.rules:
            known = ", ".join(command.__name__ for command in model.rules)
            raise ConfigError(f"operation {number}, {operation}, is nothing that a {model.name} knows; it knows {known}")
        if not operation.began <= operation.ended:
            raise ConfigError(f"operation {number}, {operation}, ended at {operation.ended:g}, before it began at {operation.began:g}")
        if not operation.stale:
            by_key.setdefault(operation.command.key, []).append(operation)
    return {key: sorted(operations, key=lambda it: it.began) for key, operations in by_key.items()}


def _merged(orders: list[tuple[Operation, ...]]) -> tuple[Operation, ...]:
    """One order out of one for each key, by when the operations can have happened: keys are independent, so it is legal too."""
    placed = [
        (point, operation)
        for order in orders
        for point, operation in zip(Result(Verdict.UNKNOWN, order, None, 0).points(), order, strict=True)
    ]
    return tuple(operation for _, operation in sorted(placed, key=lambda it: it[0]))
