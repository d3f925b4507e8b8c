"""Linearizability: small histories as plays, chance ones against a checker by brute force, and real ones with known verdicts."""

import csv
import os
import tracemalloc
from collections.abc import Sequence
from itertools import permutations
from math import inf
from pathlib import Path

import pytest
from hypothesis import event, find, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from raftcore import Cluster
from raftcore.checks import linearizability
from raftcore.checks.client_history import KeyCommand
from raftcore.checks.linearizability import (
    KEY_VALUE,
    MEMORY_BYTES,
    REGISTER,
    Model,
    Operation,
    Result,
    Verdict,
    check,
    read_jepsen,
    read_kv,
)
from raftcore.checks.models import Impossible
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.errors import ConfigError

FOLDER = Path(os.environ.get("RAFT_LAB_DATA", Path(__file__).parents[1] / "../shared/data")) / "porcupine"


def wrote(value: str, began: float, ended: float = inf, key: str = "x") -> Operation:
    return Operation("C1", Set(key, value), began, ended, None if ended == inf else True)


def read(value: str | None, began: float, ended: float, key: str = "x") -> Operation:
    return Operation("C2", Get(key), began, ended, True, value)


def judged(*history: Operation, model: Model = KEY_VALUE) -> Verdict:
    return check(history, model).verdict


# ---- plays


def test_a_read_between_call_and_answer_of_a_write_may_see_either_value() -> None:
    assert judged(wrote("1", 1, 10), read(None, 2, 3), read("1", 4, 5)) is Verdict.LINEARIZABLE


def test_of_a_key_that_has_unanswered_reads_alone_nothing_can_be_wrong() -> None:
    assert judged(Operation("C1", Get("x"), 1)) is Verdict.LINEARIZABLE


def test_an_operation_happens_where_it_began_at_the_earliest() -> None:
    result = check([wrote("1", 0.25, 0.5), read(None, 0.75, 0.9)], REGISTER)
    assert result.points() == [0.25]


def test_what_was_seen_once_stays_seen() -> None:
    new_then_old = [wrote("1", 1, 10), read("1", 2, 3), read(None, 4, 5)]
    result = check(new_then_old, REGISTER)
    assert result.verdict is Verdict.NOT_LINEARIZABLE
    assert result.cannot_follow == new_then_old[2]
    assert result.longest_prefix[:2] == (new_then_old[0], new_then_old[1])
    assert "C2 GET x → absent contradicts the answers before it" in result.sentence


def test_an_operation_without_an_answer_may_happen_much_later_or_never() -> None:
    lost = wrote("1", 1)
    assert judged(lost, read(None, 2, 3), read("1", 4, 5)) is Verdict.LINEARIZABLE
    assert judged(lost, read(None, 2, 3), read(None, 4, 5)) is Verdict.LINEARIZABLE
    assert judged(read("1", 0, 0.5), lost) is Verdict.NOT_LINEARIZABLE


def test_an_operation_without_an_answer_happens_once_at_most() -> None:
    lost = Operation("C1", Append("x", "a"), 1)
    assert judged(lost, read("a", 2, 3), read("aa", 4, 5)) is Verdict.NOT_LINEARIZABLE
    assert judged(lost, lost, read("a", 2, 3), read("aa", 4, 5)) is Verdict.LINEARIZABLE


def test_a_failed_compare_and_set_is_evidence() -> None:
    failed = Operation("C2", Cas("x", "1", "2"), 3, 4, ok=False)
    assert judged(wrote("1", 1, 2), failed) is Verdict.NOT_LINEARIZABLE
    assert judged(wrote("1", 1, 3.5), failed) is Verdict.LINEARIZABLE
    assert judged(wrote("3", 1, 2), replace(failed, value="3")) is Verdict.LINEARIZABLE
    assert judged(wrote("3", 1, 2), replace(failed, value="4")) is Verdict.NOT_LINEARIZABLE


def test_an_append_says_what_the_key_holds_then_and_a_refused_one_changes_nothing() -> None:
    appended = Operation("C1", Append("x", "b"), 3, 4, True, "ab")
    assert judged(wrote("a", 1, 2), appended, read("ab", 5, 6)) is Verdict.LINEARIZABLE
    assert judged(wrote("c", 1, 2), appended) is Verdict.NOT_LINEARIZABLE
    assert judged(wrote("a", 1, 2), Operation("C1", Append("x", "b"), 3, 4, False), read("a", 5, 6)) is Verdict.LINEARIZABLE


def test_a_deleted_key_is_absent_and_not_empty() -> None:
    deleted = Operation("C1", Delete("x"), 3, 4, True)
    assert judged(wrote("1", 1, 2), deleted, read(None, 5, 6)) is Verdict.LINEARIZABLE
    assert judged(wrote("1", 1, 2), deleted, read("", 5, 6)) is Verdict.NOT_LINEARIZABLE


def test_two_open_writes_of_one_value_are_two() -> None:
    lost = [wrote("1", 1), wrote("1", 2)]
    seen_twice = [read("1", 3, 4), wrote("2", 5, 6), read("1", 7, 8)]
    assert judged(*lost, *seen_twice) is Verdict.LINEARIZABLE
    assert judged(lost[0], *seen_twice) is Verdict.NOT_LINEARIZABLE


def test_stale_reads_claim_nothing() -> None:
    stale = replace(read(None, 3, 4), stale=True)
    assert judged(wrote("1", 1, 2), stale) is Verdict.LINEARIZABLE
    assert judged(wrote("1", 1, 2), replace(stale, stale=False)) is Verdict.NOT_LINEARIZABLE


def test_the_easy_key_that_refutes_is_reached_however_hard_another_is() -> None:
    hard = [Operation(f"C{number}", Append("hard", chr(97 + number)), number, 100, True) for number in range(14)]
    impossible = read("never", 101, 102, "hard")
    easy = read("nobody wrote this", 200, 201, "easy")
    alone = check([*hard, impossible], KEY_VALUE, budget=20_000)
    assert alone.verdict is Verdict.UNKNOWN
    assert alone.steps == 20_000
    assert "20,000 steps" in alone.sentence
    both = check([*hard, impossible, easy], KEY_VALUE, budget=20_000)
    assert both.verdict is Verdict.NOT_LINEARIZABLE
    assert both.cannot_follow == easy


def test_a_budget_that_is_just_enough_is_enough() -> None:
    history = [wrote("1", 1, 2), wrote("2", 3, 4), read("2", 5, 6)]
    steps = check(history, KEY_VALUE).steps
    assert check(history, KEY_VALUE, budget=steps).verdict is Verdict.LINEARIZABLE
    assert check(history, KEY_VALUE, budget=steps - 1).verdict is Verdict.UNKNOWN


def test_a_long_history_costs_little_more_than_its_length() -> None:
    history = [wrote(str(number), 2 * number, 2 * number + 1) for number in range(5_000)]
    assert check(history, KEY_VALUE).steps == 5_000


def test_the_same_check_takes_the_same_steps() -> None:
    history = [wrote(str(number), number) for number in range(6)] + [read("5", 10, 11), read("2", 12, 13), read("5", 14, 15)]
    first, second = (check(history, KEY_VALUE) for _ in range(2))
    assert first == second


# ---- memory


def nine_open_appends(key: str = "x") -> list[Operation]:
    """Each makes a value that is 2,000 characters longer: there are 986,409 values in all, one for each order of some of them."""
    return [Operation(f"C{number}", Append(key, chr(96 + number) * 2_000), float(number)) for number in range(1, 10)]


def test_what_has_no_answer_is_not_tried_before_what_has_one() -> None:
    """Nothing of it need have happened (elasticsearch#101357)."""
    assert check([*nine_open_appends(), read(None, 20, 21)], KEY_VALUE).steps == 1


def test_what_has_no_answer_is_tried_where_the_answers_need_it() -> None:
    appends = nine_open_appends()[:5]
    needed = appends[3]
    result = check([*appends, read(needed.command.value, 20, 21)], KEY_VALUE)
    assert (result.verdict, result.longest_prefix[0]) == (Verdict.LINEARIZABLE, needed)


def test_a_search_that_would_fill_the_memory_is_given_up_and_says_so() -> None:
    tracemalloc.start()
    result = check([*nine_open_appends(), read("never", 20, 21)], KEY_VALUE)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (result.verdict, result.out_of_memory) == (Verdict.UNKNOWN, True)
    assert "256 MB" in result.sentence
    assert peak_bytes < 1.5 * MEMORY_BYTES


def test_many_small_states_fill_the_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what tells states apart that were reached before takes memory."""
    monkeypatch.setattr(linearizability, "MEMORY_BYTES", 1_000_000)
    hard = [Operation(f"C{number}", Append("x", chr(97 + number)), number, 100, True) for number in range(14)]
    result = check([*hard, read("never", 101, 102)], KEY_VALUE)
    assert (result.verdict, result.out_of_memory) == (Verdict.UNKNOWN, True)
    assert result.steps < 10_000


def test_a_search_that_is_given_up_leaves_its_memory_to_the_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "MEMORY_BYTES", 4_000_000)
    hard = [*nine_open_appends("x"), read("never", 20, 21, "x")]
    many = [wrote(str(number), 2 * number, 2 * number + 1, "y") for number in range(3_000)]
    alone, refuted = check([*hard, *many], KEY_VALUE), check([*hard, *many, read("never", 9_000, 9_001, "y")], KEY_VALUE)
    assert (alone.verdict, alone.out_of_memory) == (Verdict.UNKNOWN, True)
    assert sum(it.command.key == "y" for it in alone.longest_prefix) == 3_000
    assert (refuted.verdict, refuted.cannot_follow) == (Verdict.NOT_LINEARIZABLE, read("never", 9_000, 9_001, "y"))


def test_a_key_that_is_decided_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "MEMORY_BYTES", 1_500_000)
    history = [wrote(str(number), 2 * number, 2 * number + 1, key) for key in "abcdefgh" for number in range(500)]
    assert check(history, KEY_VALUE).verdict is Verdict.LINEARIZABLE


# ---- bad input


def test_an_empty_history_is_linearizable() -> None:
    assert check([], REGISTER) == Result(Verdict.LINEARIZABLE, (), None, 0)


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, None])
def test_a_budget_that_is_none_is_refused(budget: object) -> None:
    with pytest.raises(ConfigError, match="steps judge nothing; give a whole number, at least 1"):
        check([], REGISTER, budget=budget)  # type: ignore[arg-type]


def test_an_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no model 'queue'; give REGISTER or KEY_VALUE"):
        check([], "queue")  # type: ignore[arg-type]


def test_operations_that_the_model_does_not_know_or_that_cannot_be_are_refused_by_number() -> None:
    with pytest.raises(ConfigError, match="operation 2, C1 DELETE x, is nothing that a register knows; it knows Get, Set, Cas"):
        check([wrote("1", 1, 2), Operation("C1", Delete("x"), 3, 4, True)], REGISTER)
    with pytest.raises(ConfigError, match="operation 1, C2 GET x → 1, ended at 1, before it began at 3"):
        check([read("1", 3, 1)], REGISTER)
    with pytest.raises(ConfigError, match="item 1 of the history is 'GET x'"):
        check(["GET x"], REGISTER)  # type: ignore[list-item]


def test_a_run_in_place_of_its_history_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"a Cluster is no history; give the operations: check\(history\(cluster\), KEY_VALUE\)"):
        check(Cluster(3), KEY_VALUE)  # type: ignore[arg-type]


# ---- against brute force

commands: st.SearchStrategy[KeyCommand] = st.sampled_from(
    [Set("x", "1"), Set("x", "2"), Get("x"), Cas("x", "1", "2"), Cas("x", "2", "1"), Append("x", "1"), Delete("x"), Set("y", "1"), Get("y")]
)
said = st.sampled_from([UNSET, None, "1", "2", "11"])


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Up to six operations with answers that may or may not fit."""
    moments = draw(st.permutations(range(2 * draw(st.integers(1, 6)))))
    history = []
    for began, ended in sorted(sorted(pair) for pair in zip(moments[::2], moments[1::2], strict=True)):
        command = draw(commands)
        ok = draw(st.sampled_from([True, True, False, None]))
        told = draw(said) if ok is not None and not isinstance(command, Set | Delete) else UNSET
        history.append(Operation("C1", command, began, inf if ok is None else ended, ok, told))
    return history


def has_an_order(history: Sequence[Operation], answered_by: float = inf) -> bool:
    """Whether some order is legal, found by trying all of them. Operations that were not answered by then may be missing in it."""
    answered = [it for it in history if it.ok is not None and it.ended <= answered_by]
    others = [it for it in history if it not in answered and it.began < answered_by]
    subsets = [[it for place, it in enumerate(others) if chosen >> place & 1] for chosen in range(1 << len(others))]
    return any(is_legal(order) for subset in subsets for order in permutations([*answered, *subset]))


def is_legal(order: Sequence[Operation]) -> bool:
    """Whether the order respects time, and each answer fits what came before."""
    if any(later.ended < earlier.began for place, earlier in enumerate(order) for later in order[place + 1 :]):
        return False
    held: dict[str, str | None] = {}
    for operation in order:
        key = operation.command.key
        following = KEY_VALUE.step(held.get(key), operation)
        if isinstance(following, Impossible):
            return False
        held[key] = following
    return True


@settings(max_examples=250, deadline=None)
@given(histories())
def test_the_verdict_is_that_of_trying_every_order(history: list[Operation]) -> None:
    result = check(history, KEY_VALUE)
    event(result.verdict.value)
    assert result.verdict is (Verdict.LINEARIZABLE if has_an_order(history) else Verdict.NOT_LINEARIZABLE)
    assert is_legal(result.longest_prefix)
    refuting = result.cannot_follow
    if refuting is None:
        assert [it for it in history if it.ok is not None and it not in result.longest_prefix] == []
        return
    same_key = [it for it in history if it.command.key == refuting.command.key]
    assert has_an_order(same_key, refuting.ended - 1), "before its answer there was an order"
    assert not has_an_order(same_key, refuting.ended), "its answer is what no order has a place for"
    assert {it for it in same_key if it.ended < refuting.ended} <= set(result.longest_prefix)


@pytest.mark.parametrize("verdict", [Verdict.LINEARIZABLE, Verdict.NOT_LINEARIZABLE])
def test_both_verdicts_occur_there(verdict: Verdict) -> None:
    assert find(histories(), lambda history: len(history) > 2 and check(history, KEY_VALUE).verdict is verdict)


# ---- histories with known verdicts


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the histories do not lie beside the project")
def test_the_verdicts_are_those_of_porcupine() -> None:
    rows = list(csv.DictReader((FOLDER / "verdicts.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 54
    for row in rows:
        path = FOLDER / row["file"]
        operations = read_jepsen(path, failed_cas_is_evidence=True) if path.suffix == ".log" else read_kv(path)
        assert len(operations) == int(row["operations"]), path
        result = check(operations, REGISTER if path.suffix == ".log" else KEY_VALUE)
        assert result.verdict is (Verdict.LINEARIZABLE if row["verdict"] == "ok" else Verdict.NOT_LINEARIZABLE), path
