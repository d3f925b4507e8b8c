"""The log of one server against a plain list, and the two moves of §5.3 that must not be got wrong: merge and backtrack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plays import log_of, terms_of

from raftcore.consensus.log import Log
from raftcore.vocabulary.commands import Append, Cas, Command, Get, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry

rising_terms = st.lists(st.integers(1, 5), max_size=12).map(sorted)


def log(terms: str) -> Log:
    return Log(log_of(terms))


def test_before_the_first_entry_stands_index_0_of_term_0() -> None:
    empty = Log()
    assert (empty.last_index, empty.last_term, empty.term_at(0)) == (0, 0, 0)
    assert empty.has(0, 0)
    assert not empty.has(0, 1)
    assert not empty.has(1, 1)
    assert empty.after(0, 5) == ()


def test_an_entry_is_had_only_with_its_term() -> None:
    it = log("1 1 2")
    assert it.has(3, 2)
    assert not it.has(3, 1)
    assert not it.has(4, 2)


def test_after_gives_at_most_the_limit() -> None:
    it = log("1 1 2 2")
    assert [entry.sequence_num for entry in it.after(1, 2)] == [2, 3]
    assert [entry.sequence_num for entry in it.after(3, 9)] == [4]


@pytest.mark.parametrize("command", [Set("x", "12345678"), Append("x", "1234ÄÄ"), Cas("x", "1234", "5678"), Cas("x", "1234567", "8")])
def test_a_batch_has_at_most_the_limit_of_bytes_and_at_least_one_entry(command: Command) -> None:
    it = Log([Entry(1, command), Entry(1, Get("x")), Entry(1, command), Entry(1, command)])
    assert [len(Log(it.entries).batch(0, 9, limit)) for limit in (1, 8, 15, 16, 24)] == [1, 2, 2, 3, 4]
    assert [len(Log(it.entries).batch(0, 2, limit)) for limit in (1, 24)] == [1, 2]


def test_a_delayed_older_append_removes_nothing() -> None:
    """What came later may have been acknowledged meanwhile."""
    it = log("1 1 1 1")
    assert it.merge(0, tuple(log_of("1 1"))) == 2
    assert it.merge(1, ()) == 1
    assert terms_of(it.entries) == "1 1 1 1"
    assert not it.truncated
    assert it.changed_from == 0


def test_a_conflict_drops_the_whole_stale_tail() -> None:
    it = log("1 1 1 2 2")
    it.forget_changes()
    assert it.merge(3, (Entry(3),)) == 4
    assert terms_of(it.entries) == "1 1 1 3"
    assert (it.truncated, it.changed_from, it.last_index, it.last_term) == (True, 4, 4, 3)


def test_a_conflict_in_the_middle_of_a_message_keeps_what_agrees() -> None:
    it = log("1 1 2 2")
    kept = it.entries[:2]
    it.merge(0, (*kept, Entry(3), Entry(3)))
    assert it.entries == [*kept, Entry(3), Entry(3)]
    assert it.changed_from == 3


def test_appending_is_no_truncation() -> None:
    it = log("1")
    assert it.append(Entry(2)) == 2
    assert it.merge(2, (Entry(2), Entry(2))) == 4
    assert (it.truncated, it.changed_from) == (False, 2)


def test_a_log_that_is_shortened_knows_its_new_end() -> None:
    it = log("1 2 3")
    it.replace_from(3, ())
    assert (it.last_index, it.last_term, it.has(2, 2), it.is_ahead_of(2, 3)) == (2, 2, True, False)
    it.replace_from(1, ())
    assert (it.last_index, it.last_term, it.has(0, 0)) == (0, 0, True)


def test_what_is_compacted_away_is_not_replaced() -> None:
    it = log("1 1 2 2")
    it.compact(2)
    it.replace_from(1, (Entry(1), Entry(1), Entry(3)))
    assert (terms_of(it.entries), it.last_index, it.last_term) == ("3", 3, 3)
    it.replace_from(0, ())
    assert (it.entries, it.last_index, it.last_term) == ([], 2, 1)


def test_a_log_has_no_gaps_and_is_compacted_only_where_it_holds_something() -> None:
    it = log("1 1 2")
    it.compact(1)
    with pytest.raises(ValueError, match="the log ends at index 3, so it can't go on at index 5"):
        it.replace_from(5, (Entry(2),))
    for index in (0, 4):
        with pytest.raises(ValueError, match=f"from 1 to 3, so it can't be compacted up to {index}"):
            it.compact(index)


CONFIGURATIONS = [Configuration((f"S{number}",)) for number in range(1, 4)]
moves = st.lists(
    st.tuples(st.sampled_from(["append", "merge", "replace", "compact", "reset"]), st.integers(0, 8), st.integers(0, 3), st.booleans()),
    max_size=20,
)


@given(moves)
def test_after_every_change_all_that_is_kept_beside_the_entries_is_what_they_say(changes: list[tuple[str, int, int, bool]]) -> None:
    it, term, version = Log(), 1, 0
    base: tuple[int, int, Configuration] = (0, 0, Configuration())
    for what, at, count, configures in changes:
        term += configures
        new = tuple(Entry(term, CONFIGURATIONS[term % 3] if configures else None) for _ in range(count))
        entries, index = list(it.entries), it.base_index + 1 + at % (it.last_index - it.base_index + 1)
        match what:
            case "append":
                it.append(Entry(term, CONFIGURATIONS[term % 3] if configures else None))
            case "merge":
                it.merge(index - 1, new)
            case "replace":
                it.replace_from(index, new)
            case "compact":
                index = min(index, it.last_index)
                base = index, it.term_at(index), it.configuration_at(index)
                it.compact(index)
            case "reset":
                base = it.last_index + at, term, CONFIGURATIONS[0]
                it.reset(*base)
        assert facts(it) == facts(Log(it.entries, *base))
        assert it.version > version or it.entries == entries
        assert it.changed_from == 0 or it.base_index < it.changed_from <= it.last_index + 1
        version = it.version


def facts(it: Log) -> list[object]:
    """All that a log keeps beside its entries, and what it says by that."""
    says = [it.term_at(index) for index in range(it.base_index, it.last_index + 1)]
    has = [it.has(index, term) for index, term in enumerate(says, it.base_index)]
    batches = [it.batch(index, 2, 1 << 20) for index in range(it.base_index, it.last_index)]
    ends = (it.base_index, it.base_term, it.last_index, it.last_term)
    return [ends, it.configuration, it.configuration_index, it.configurations, says, has, batches]


@given(rising_terms, rising_terms, st.integers(0, 12))
def test_merging_is_what_figure_2_says(mine: list[int], theirs: list[int], prev: int) -> None:
    """Steps 3 and 4, entry by entry: an existing entry that conflicts goes with all that follow it; what is not there is appended."""
    prev = min(prev, len(mine), len(theirs))
    theirs = sorted([*mine[:prev], *(term for term in theirs[prev:])])
    it = Log([Entry(term) for term in mine])
    model = list(mine)
    for index, term in enumerate(theirs[prev:], prev + 1):
        if index <= len(model) and model[index - 1] != term:
            del model[index - 1 :]
        if index > len(model):
            model.append(term)

    assert it.merge(prev, tuple(Entry(term) for term in theirs[prev:])) == len(theirs)
    assert [entry.term for entry in it.entries] == model
    assert it.last_index == len(model)
    assert it.truncated == any(mine[i] != model[i] for i in range(min(len(mine), len(model))))


@given(rising_terms, st.integers(1, 6))
def test_the_ends_of_a_term_are_found(terms: list[int], term: int) -> None:
    it = Log([Entry(term) for term in terms])
    indexes = [index for index, at in enumerate(terms, 1) if at == term]
    assert it.last_index_of(term) == (indexes[-1] if indexes else 0)
    for index in indexes:
        assert it.conflict_at(index) == (term, indexes[0])
    assert it.conflict_at(len(terms) + 3) == (0, len(terms) + 1)


@given(rising_terms, st.integers(0, 12), st.integers(0, 6))
def test_more_up_to_date_is_the_later_term_and_then_the_longer_log(terms: list[int], last_index: int, last_term: int) -> None:
    it = Log([Entry(term) for term in terms])
    mine = terms[-1] if terms else 0
    assert it.is_ahead_of(last_index, last_term) == (mine > last_term or (mine == last_term and len(terms) > last_index))
