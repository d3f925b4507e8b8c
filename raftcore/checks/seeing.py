"""Who sees which events. A method says it beside itself; whoever feeds it events asks once, and not for each event."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

from raftcore.checks.violation import Violation

Handler: TypeAlias = Callable[[int, Any], Violation | None]
"""Takes a position in the trace and the event there; says what is wrong with it, if anything is."""

Method = TypeVar("Method", bound=Callable[..., Violation | None])

_SEEN: dict[Callable[..., object], tuple[type, ...]] = {}


def sees(*kinds: type) -> Callable[[Method], Method]:
    """Let a method see the events of these kinds. A kind of message stands for the MessageSent that carries one."""

    def mark(method: Method) -> Method:
        _SEEN[method] = kinds
        return method

    return mark


def handlers_of(subject: object) -> Iterator[tuple[type, Handler]]:
    """What an object sees, and the method that sees it, in the order in which they are written."""
    for name, method in vars(type(subject)).items():
        if callable(method):
            for kind in _SEEN.get(method, ()):
                yield kind, getattr(subject, name)
