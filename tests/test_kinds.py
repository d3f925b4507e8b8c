"""What a message, an event or a server's state may hold, told by the kind that it is declared with."""

from collections import deque
from typing import Any, Literal

import pytest
from msgspec import Struct

from raftcore.consensus.kinds import in_words, problem, problem_of


class _Leaf(Struct):
    term: int


class _Tree(Struct):
    name: str
    leaf: _Leaf | None = None


NAN = float("nan")

ACCEPTED: list[tuple[Any, Any]] = [
    (Any, NotImplemented),
    (int, 3),
    (bool, True),
    (float, 1.5),
    (float, 2),
    (str, ""),
    (int | None, None),
    (int | None, 0),
    (float | None, 2),
    (str | tuple[int, ...], (1, 2)),
    (Literal["a", "b"], "b"),
    (list[int], []),
    (list[int], [1, 2, 3]),
    (tuple[int, ...], ()),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[str, int], ("a", 1)),
    (deque[int], deque([1])),
    (set[str], {"a"}),
    (dict[str, int], {"a": 1}),
    (_Leaf, _Leaf(1)),
    (_Tree, _Tree("a", _Leaf(1))),
]

REFUSED: list[tuple[Any, Any, str]] = [
    (int, True, "it must be an int"),
    (int, 1.0, "it must be an int"),
    (bool, 1, "it must be a bool"),
    (float, NAN, "it must be a number"),
    (float, True, "it must be a number"),
    (int | None, "1", "it must be an int or None"),
    (float | None, "1", "it must be a number or None"),
    (str | tuple[int, ...], ("a",), "it must be a str or a tuple of int"),
    (Literal["a", "b"], "c", "it must be a Literal of a and b"),
    (list[int], (1,), "it must be a list of int"),
    (list[int], ["a", 2, 3], "'a' is in it, and must be an int"),
    (list[int], [1, 2, "c"], "'c' is in it, and must be an int"),
    (deque[int], deque([1, None]), "None is in it, and must be an int"),
    (tuple[int, ...], [1], "it must be a tuple of int"),
    (tuple[int, ...], (1, "b", 3), "'b' is in it, and must be an int"),
    (tuple[str, int], ("a", "b"), "it must be a tuple of str and int"),
    (tuple[str, int], (1, 2), "it must be a tuple of str and int"),
    (tuple[str, int], ("a",), "it must be a tuple of str and int"),
    (tuple[str, int], ("a", 1, 2), "it must be a tuple of str and int"),
    (tuple[str, int], ["a", 1], "it must be a tuple of str and int"),
    (set[str], {1}, "1 is in it, and must be a str"),
    (set[str], frozenset("a"), "it must be a set of str"),
    (dict[str, int], {"a": "b"}, "'b' is in it, and must be an int"),
    (_Leaf, {"term": 1}, "it must be a _Leaf"),
    (_Leaf, _Leaf("a"), "its term is 'a', and must be an int"),  # type: ignore[arg-type]
    (_Tree, _Tree("a", _Leaf(None)), "its leaf is _Leaf(term=None), and its term is None, and must be an int"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("kind,value", ACCEPTED, ids=str)
def test_nothing_is_wrong_with_a_value_of_its_kind(kind: Any, value: object) -> None:
    assert problem(kind)(value) == ""


@pytest.mark.parametrize("kind,value,flaw", REFUSED, ids=str)
def test_a_value_of_another_kind_is_told_what_it_must_be(kind: Any, value: object, flaw: str) -> None:
    assert problem(kind)(value) == flaw


def test_a_struct_is_looked_at_by_its_own_kind() -> None:
    assert problem_of(_Leaf(1)) == ""
    assert problem_of(_Leaf(True)) == "its term is True, and must be an int"


def test_of_a_long_list_the_ends_are_looked_at() -> None:
    """A log may be long, and its ends are where a rule writes."""
    assert problem(list[int])([1, "in the middle", 3]) == ""


def test_an_article_fits_its_word() -> None:
    assert in_words(int) == "an int"
    assert in_words(str) == "a str"
    assert in_words(float) == "a number"
    assert in_words(tuple[int, ...] | None) == "a tuple of int or None"
