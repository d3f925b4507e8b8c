"""The error of a custom rule: a sentence with the rule's own line, and a traceback of a few frames."""

import traceback

import pytest

from raftcore.consensus.rule_errors import GUARDS, MOST_SHOWN, few_frames, guards, mistake, raised, shorten, shown, within_guards
from raftcore.vocabulary.errors import RuleError


def descend(levels: int) -> None:
    if levels == 0:
        raise ZeroDivisionError("at the bottom")
    descend(levels - 1)


@guards
def guarded(levels: int) -> None:
    descend(levels)


def caught(levels: int) -> ZeroDivisionError:
    with pytest.raises(ZeroDivisionError) as info:
        guarded(levels)
    return info.value


def functions(trace: object) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(trace)]  # type: ignore[arg-type]


def test_a_guard_stands_as_it_is_and_its_code_is_known() -> None:
    assert guarded.__code__ in GUARDS
    assert descend.__code__ not in GUARDS


def test_within_the_guards_are_the_rules_own_frames() -> None:
    error = caught(levels=2)

    assert functions(error.__traceback__) == ["caught", "guarded", "descend", "descend", "descend"]
    assert functions(within_guards(error.__traceback__)) == ["descend"] * 3


def test_of_guards_within_each_other_the_innermost_counts() -> None:
    @guards
    def outer() -> None:
        guarded(0)

    with pytest.raises(ZeroDivisionError) as info:
        outer()
    assert functions(within_guards(info.value.__traceback__)) == ["descend"]


def test_without_a_guard_there_is_nothing_within() -> None:
    with pytest.raises(ZeroDivisionError) as info:
        descend(3)
    assert within_guards(info.value.__traceback__) is None
    assert within_guards(None) is None


@pytest.mark.parametrize("levels,frames", [(0, 3), (1, 4), (2, 4), (9, 4)])
def test_few_frames_are_the_first_two_and_the_last_two(levels: int, frames: int) -> None:
    trace = caught(levels).__traceback__
    few = functions(few_frames(trace))

    assert len(few) == frames
    assert few[:2] == ["caught", "guarded"]
    assert traceback.extract_tb(few_frames(trace))[-1] == traceback.extract_tb(trace)[-1]
    assert few_frames(None) is None


def test_what_a_rule_raised_is_told_with_its_line_under_the_rules_name() -> None:
    error = caught(levels=9)
    failure = raised("the rule mine", error)

    line = descend.__code__.co_firstlineno + 2
    assert str(failure) == f"the rule mine raised ZeroDivisionError: at the bottom (line {line} of {__file__})"
    assert failure.finding == "ZeroDivisionError in descend"
    assert functions(failure.__traceback__) == ["descend"] * 4


def test_an_error_without_words_is_told_by_its_kind_alone() -> None:
    with pytest.raises(ValueError) as info:  # noqa: PT011  it says nothing
        raise ValueError
    assert str(raised("the rule mine", info.value)).startswith("the rule mine raised ValueError (line ")


@pytest.mark.parametrize("kind", [MemoryError, RecursionError])
def test_the_frames_of_a_rule_that_filled_the_memory_hold_nothing_any_more(kind: type[BaseException]) -> None:
    def fill() -> None:
        hoard = [0] * 1_000
        raise kind(len(hoard))

    with pytest.raises(kind) as info:
        fill()
    raised("the rule mine", info.value)
    assert info.tb.tb_next is not None
    assert info.tb.tb_next.tb_frame.f_locals.get("hoard") is None


def test_the_frames_of_another_error_keep_what_they_hold() -> None:
    def fill() -> None:
        hoard = [0] * 1_000
        raise ValueError(len(hoard))

    with pytest.raises(ValueError, match="1000") as info:
        fill()
    raised("the rule mine", info.value)
    assert info.tb.tb_next is not None
    assert len(info.tb.tb_next.tb_frame.f_locals["hoard"]) == 1_000


def test_a_mistake_names_where_the_rule_is_defined_if_python_knows_that() -> None:
    assert str(mistake("it is wrong", descend)) == f"it is wrong (defined in line {descend.__code__.co_firstlineno} of {__file__})"
    assert str(mistake("it is wrong", print)) == "it is wrong"


def test_shortened_an_error_begins_at_the_rule() -> None:
    error = RuleError("wrong")
    try:
        guarded_raise(error)
    except RuleError:
        shorten(error)
    assert functions(error.__traceback__) == ["fail"]


def fail(error: RuleError) -> None:
    raise error


@guards
def guarded_raise(error: RuleError) -> None:
    fail(error)


class Unshowable:
    def __repr__(self) -> str:
        raise KeyError


def test_what_a_rule_made_is_shown_up_to_a_length() -> None:
    assert shown("x" * (MOST_SHOWN - 2)) == repr("x" * (MOST_SHOWN - 2))
    assert shown("x" * MOST_SHOWN) == f"'{'x' * (MOST_SHOWN - 1)}…"
    assert shown(Unshowable()) == "a value of type Unshowable that can't be shown"
