"""Which kinds of values messages, events and a server's state may hold, and what is wrong with one that is of another, in words.

A kind is exact: True is no int here, and neither is a number of NumPy, which a disk and a recording would write differently.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from raftcore.consensus.rule_errors import shown

Problem: TypeAlias = Callable[[Any], str]
"""What is wrong with a value, as "it must be an int" or "its term is None, and must be an int"; "" where nothing is."""


def problem_of(thing: Any) -> str:
    """What is wrong with what a message, an event or another struct holds.

    >>> from raftcore.vocabulary.messages import Entry
    >>> problem_of(Entry(term=True))
    'its term is True, and must be an int'
    """
    return problem(type(thing))(thing)


@cache
def _problem(kind: Any) -> Problem:
    if kind is Any:
        return lambda _: ""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _of_one_of(kind)
    if origin is Literal:
        return lambda value: "" if value in get_args(kind) else _must_be(kind)
    if origin is not None:
        return _of_a_container(kind, origin)
    if kind is float:
        return _of_a_number
    return _of_a_struct(kind) if issubclass(kind, Struct) else _of_exactly(kind)


problem: Callable[[Any], Problem] = _problem  # mypy does not know that a kind is hashable
"""How to find what is wrong with a value that should be of this kind."""


def _of_a_number(value: Any) -> str:
    return "" if type(value) in (float, int) and value == value else "it must be a number"  # noqa: PLR0124  NaN is none


def _of_exactly(kind: type) -> Problem:
    wrong = _must_be(kind)
    return lambda value: "" if type(value) is kind else wrong


def _of_one_of(kind: Any) -> Problem:
    options, wrong = get_args(kind), _must_be(kind)
    known = {option: problem(option) for option in options if isinstance(option, type)}
    if float in known:
        known[int] = known[float]
    others = [problem(option) for option in options if not isinstance(option, type)]

    def look(value: Any) -> str:
        find = known.get(type(value))
        if find:
            return find(value)
        return "" if any(not other(value) for other in others) else wrong

    return look


def _of_a_container(kind: Any, origin: type) -> Problem:
    """All of what is in it; of a list and a deque, which may be long, the ends."""
    parts, wrong = get_args(kind), _must_be(kind)
    if origin is tuple and parts[-1] is not ...:
        return _of_a_row(kind)
    find = problem(parts[0] if origin is tuple else parts[-1])  # of a dict, what its keys lead to
    pick = _PICKS.get(origin, iter)

    def look(value: Any) -> str:
        if type(value) is not origin:
            return wrong
        return next((f"{shown(it)} is in it, and {_and(flaw)}" for it in pick(value) if (flaw := find(it))), "")

    return look


def _of_a_row(kind: Any) -> Problem:
    finds, wrong = [problem(part) for part in get_args(kind)], _must_be(kind)

    def look(value: Any) -> str:
        if type(value) is not tuple or len(value) != len(finds):
            return wrong
        return wrong if any(find(part) for find, part in zip(finds, value, strict=True)) else ""

    return look


def _ends(row: Any) -> Iterable[Any]:
    return (row[0], row[-1]) if row else ()


_PICKS: dict[type, Callable[[Any], Iterable[Any]]] = {list: _ends, deque: _ends, dict: dict.values}


def _of_a_struct(kind: type[Struct]) -> Problem:
    finds: list[tuple[str, Problem]] = []
    wrong = _must_be(kind)

    def look(value: Any) -> str:
        if type(value) is not kind:
            return wrong
        if not finds:  # only now, for a kind may hold others of its own
            finds.extend((name, problem(hint)) for name, hint in get_type_hints(kind).items())
        for name, find in finds:
            if flaw := find(getattr(value, name)):
                return f"its {name} is {shown(getattr(value, name))}, and {_and(flaw)}"
        return ""

    return look


def _and(flaw: str) -> str:
    return flaw.removeprefix("it ")


def _must_be(kind: Any) -> str:
    return f"it must be {in_words(kind)}"


def in_words(kind: Any) -> str:
    """A kind as a person would say it.

    >>> in_words(int | None), in_words(set[str])
    ('an int or None', 'a set of str')
    """
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(in_words, get_args(kind)))
    if kind is NoneType:
        return "None"
    if get_origin(kind) is not None:
        parts = [part for part in get_args(kind) if part is not ...]
        return f"a {get_origin(kind).__name__} of {' and '.join(getattr(part, '__name__', str(part)) for part in parts)}"
    name = "number" if kind is float else kind.__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
