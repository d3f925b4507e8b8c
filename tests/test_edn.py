"""EDN is read as its specification says, and what is none is refused where it goes wrong."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.checks.edn import MOST_NESTED, EdnError, Keyword, Symbol, forms, show


def values(text: str) -> list[Any]:
    return [form.value for form in forms(text)]


@pytest.mark.parametrize(
    "text, value",
    [
        ("nil", None), ("true", True), ("false", False), ("17", 17), ("-3", -3), ("+4N", 4), ("1.5", 1.5), ("2e3", 2000.0), ("1.25M", 1.25),
        (":invoke", Keyword("invoke")), (":a/b.c", Keyword("a/b.c")), ("foo", Symbol("foo")), ("-", Symbol("-")), (r"\\c", "c"),
        (r"\\newline", "\n"),
        ('"a b"', "a b"), (r'"\\n\\t\\"\\\\"', '\n\t"\\'), (r'"\\u00e9"', "é"), (r'"\\ud83d\\ude00"', "😀"), ('"é;#{"', "é;#{"),
        ("[]", ()), ("(1 [2])", (1, (2,))), ("#{1 2}", (1, 2)), ("{:a 1, :b {}}", {Keyword("a"): 1, Keyword("b"): {}}),
        ('#inst "1985-04-12"', "1985-04-12"), ("#jepsen.history.Op{:f 1}", {Keyword("f"): 1}), ("#a #b 1", 1),
        ("[1 #_ 2 3]", (1, 3)), ("[#_#_ 1 2 3]", (3,)), ("[#_ #tag {:a 1} 2]", (2,)), ("[1 ; one ] \n2]", (1, 2)),
    ],
)  # fmt: skip
def test_each_kind_of_value(text: str, value: object) -> None:
    text = text.replace("\\\\", "\\") if text.startswith(("\\", '"\\')) else text
    assert values(text) == [value]


def test_values_follow_each_other_and_say_where_they_stand() -> None:
    assert [(form.value, form.begin, form.end) for form in forms(" 1,, [2]\n#t 3 ; end")] == [(1, 1, 2), ((2,), 5, 8), (3, 12, 13)]


def test_nothing_is_no_value() -> None:
    assert values(" ,\n; nothing") == values("#_ 1") == []


@pytest.mark.parametrize(
    "text, why, offset",
    [
        ("[1", "a [ is not closed", 0), ("[1 {]", "a ] closes nothing", 4), ("1 ]", "a ] closes nothing", 2),
        ('[ "a', "a text does not end", 2), ("{:a}", "a map has a key without a value", 0), ("{:a 1 :a 2}", "a map has one key twice", 0),
        ("{[] 1}", "a collection for a key", 0), ("[#_]", "a # has nothing behind it", 3), ("#tag", "a # has nothing behind it", 0),
        ("##Inf", "there is a '#'", 0), (r'"\x"', r"a text has \x, which means nothing", 0), (r'"\ud83d"', "a surrogate alone", 0),
        (" 1x", "'1x' is neither a number nor a name", 1), (":", "':' is neither", 0), ("1" * 5_000, "is neither a number", 0),
    ],
)  # fmt: skip
def test_what_is_no_edn_is_refused_where_it_goes_wrong(text: str, why: str, offset: int) -> None:
    with pytest.raises(EdnError, match=re.escape(why)) as caught:
        values(text)
    assert caught.value.offset == offset


def test_depth_is_bounded_and_costs_no_stack() -> None:
    assert values("[" * MOST_NESTED + "]" * MOST_NESTED)
    with pytest.raises(EdnError, match="nested deeper than 64 levels"):
        values("[" * 1_000_000)


@given(st.text())
def test_any_text_that_json_can_write_comes_back(text: str) -> None:
    assert values(json.dumps(text)) == values(show(text)) == [text]


@given(st.text(alphabet=st.sampled_from(list('[]{}()#_"\\:;,. \n0a-+nil')), max_size=30))
def test_any_signs_are_read_or_refused(text: str) -> None:
    with suppress(EdnError):
        assert all(values(text[form.begin : form.end]) == [form.value] for form in forms(text))
