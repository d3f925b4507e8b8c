"""Rules that are not Raft's own, held to what their places in the table promise. Raft's own go unwatched, and cost nothing."""

from collections.abc import Callable
from functools import cache, wraps
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import replace

from raftcore.consensus.rules import Rules, kinds_of
from raftcore.consensus.state import NodeState
from raftcore.consensus.told import facts_of, tell_the_rest
from raftcore.vocabulary.errors import RaftLabError, RuleError
from raftcore.vocabulary.names import LEADER


def checked(rules: Rules) -> Rules:
    """The same table, in which a rule of somebody else's that returns or sends the wrong kind of thing raises RuleError, and says which

    it is. Whatever else one raises gets a note that says so. What one writes into the state is told for it (told.py).
    """
    swapped = rules.swapped
    return replace(rules, **{name: _checked(name, getattr(rules, name)) for name in swapped}) if swapped else rules


def _checked(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    given, kind = kinds_of(name)
    called = f"the rule {name} ({getattr(rule, '__qualname__', repr(rule))})"
    return _answering(called, kind or NoneType, _watched(called, rule) if given[0] is NodeState else rule)


def _answering(called: str, kind: Any, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, whose answer is looked at."""

    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        try:
            answer = rule(*arguments)
        except RuleError:
            raise
        except RaftLabError as error:  # or it would be taken for a refusal of what somebody did
            raise RuleError(f"{called} raised {type(error).__name__}: {error}") from error
        except Exception as error:
            error.add_note(f"raised by {called}")
            raise
        if not isinstance(answer, kind):
            raise RuleError(f"{called} returned {answer!r}; it must return {_in_words(kind)}")
        if flaw := _flaw_of(answer):
            raise RuleError(f"{called} returned {answer!r}; {flaw}")
        return answer

    return obey


def _watched(called: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, whose messages are looked at, and what it wrote into the state, which is told."""

    @wraps(rule)
    def obey(me: NodeState, *about: Any) -> Any:
        before, applied, said, sent = facts_of(me), me.last_applied, len(me.events), len(me.outbox)
        answer = rule(me, *about)
        if (me.role is LEADER) is (me.reign is None):  # a reign is more than a role
            moves = "a reign begins with me.become_leader(), and ends with me.step_down() or me.become_follower(term)"
            raise RuleError(f"{called} wrote me.role = {me.role}; {moves}")
        if me.last_applied != applied and me.installed is None:
            raise RuleError(f"{called} wrote me.last_applied; what is committed is applied without it: write me.commit_index")
        tell_the_rest(me, before, said)
        for thing in (*me.events[said:], *(message for _, message in me.outbox[sent:])):
            if flaw := _flaw_of(thing):
                raise RuleError(f"{called} has led to {thing!r}; {flaw}")
        return answer

    return obey


def _flaw_of(thing: Any) -> str:
    """Which field of a message or an event holds what it can't, in words; "" where none does."""
    for name, kind in _fields_of(thing.__class__):
        value = getattr(thing, name)
        if not isinstance(value, kind):
            return f"its {name} is {value!r}, and must be {_in_words(kind)}"
    return ""


@cache
def _fields_of(kind: type) -> tuple[tuple[str, Any], ...]:
    """The fields of a message or an event, each with its kind; of a tuple, what is in it does not matter here."""
    if not issubclass(kind, Struct):
        return ()
    hints = get_type_hints(kind)
    return tuple((name, tuple if get_origin(hint) is tuple else int | float if hint is float else hint) for name, hint in hints.items())


def _in_words(kind: Any) -> str:
    if kind is NoneType:
        return "nothing: what it decides belongs into the state"
    return " or ".join(
        "None" if one is NoneType else f"{'an' if one.__name__[0] in 'AEIOUaeiou' else 'a'} {one.__name__}"
        for one in get_args(kind) or (kind,)
    )
