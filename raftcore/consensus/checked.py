"""Rules that are not Raft's own, held to what their places in the table promise. Raft's own go unwatched, and cost nothing."""

from collections.abc import Callable
from functools import wraps
from types import NoneType
from typing import Any, get_args

from msgspec.structs import replace

from raftcore.consensus.rules import Rules, kinds_of
from raftcore.vocabulary.errors import RuleError


def checked(rules: Rules) -> Rules:
    """The same table, in which a rule of somebody else's that returns the wrong kind of thing raises RuleError, and says which it is.

    Whatever else one raises gets a note that says so.
    """
    swapped = rules.swapped
    return replace(rules, **{name: _checked(name, getattr(rules, name)) for name in swapped}) if swapped else rules


def _checked(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    kind = kinds_of(name)[1] or NoneType
    called = f"the rule {name} ({getattr(rule, '__qualname__', repr(rule))})"

    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        try:
            answer = rule(*arguments)
        except Exception as error:
            error.add_note(f"raised by {called}")
            raise
        if not isinstance(answer, kind):
            raise RuleError(f"{called} returned {answer!r}; it must return {_in_words(kind)}")
        return answer

    return obey


def _in_words(kind: Any) -> str:
    if kind is NoneType:
        return "nothing: what it decides belongs into the state"
    return " or ".join(
        "None" if one is NoneType else f"{'an' if one.__name__[0] in 'AEIOU' else 'a'} {one.__name__}" for one in get_args(kind) or (kind,)
    )
