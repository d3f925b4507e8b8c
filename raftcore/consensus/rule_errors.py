"""What a custom rule did wrong, as one sentence with the line that it is about, and a traceback of a few frames.

Nothing of it trusts what the rule made: an exception or a value may fail at being shown.
"""

from collections.abc import Callable
from traceback import clear_frames
from types import CodeType, TracebackType
from typing import Any

from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.source_lines import definition_of, frames_of, line_of, persons_frame

MOST_SHOWN = 200
"""Characters of what a rule made that are shown."""

GUARDS: set[CodeType] = set()
"""The code of the functions around a custom rule: what a traceback tells up to the last of them is this project's own business."""


def guards(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that stands around a custom rule."""
    GUARDS.add(function.__code__)
    return function


def called(name: str, rule: Callable[..., Any]) -> str:
    """What a rule is called in every sentence about it.

    >>> called("start_election", print)
    'the rule start_election (print)'
    """
    return f"the rule {name} ({shown(getattr(rule, '__qualname__', rule), str).rpartition('<locals>.')[2]})"


def shown(thing: object, show: Callable[[object], str] = repr) -> str:
    """A thing as text, cut where that is long. One that can't be shown is told by its type."""
    try:
        text = str(show(thing))
    except BaseException:  # noqa: BLE001  a rule may have made it
        return f"a value of type {type(thing).__name__} that can't be shown"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def mistake(sentence: str, rule: Callable[..., Any]) -> RuleError:
    """What is wrong with what a rule has done, and where that rule is defined."""
    where = definition_of(rule)
    return RuleError(f"{sentence} (defined in {where})" if where else sentence)


def raised(name: str, error: BaseException) -> RuleError:
    """The error of this rule, in place of what it raised."""
    trace = error.__traceback__
    assert trace
    inner = within_guards(trace) or trace
    frame = persons_frame(inner)
    code = frame.tb_frame.f_code
    kind, text = type(error).__name__, shown(error, str)
    failure = RuleError(f"{name} raised {kind}{f': {text}' if text else ''} ({line_of(code.co_filename, frame.tb_lineno)})")
    failure.finding = f"{kind} in {code.co_name}"
    if isinstance(error, MemoryError | RecursionError):
        clear_frames(trace)  # they hold what filled the memory
    return failure.with_traceback(few_frames(inner))


def within_guards(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that lies within the innermost guard, the rule's own frames; None where there is none."""
    inner = None
    for frame in frames_of(trace):
        if frame.tb_frame.f_code in GUARDS:
            inner = frame.tb_next
    return inner


def few_frames(trace: TracebackType | None) -> TracebackType | None:
    """The same traceback with the first and the last two frames alone, as after an endless recursion there may be a thousand."""
    frames = list(frames_of(trace))
    kept: TracebackType | None = None
    for frame in reversed(frames if len(frames) <= 4 else [*frames[:2], *frames[-2:]]):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def shorten(error: RuleError) -> None:
    """Take from an error's traceback what lies between whoever asked and the rule."""
    error.__traceback__ = within_guards(error.__traceback__)
