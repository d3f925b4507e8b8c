"""The logbook: what two logs have in common is one thing, and what they have not is two."""

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from raftcore.checks.logbook import Logbook, Written
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry

terms = st.lists(st.integers(1, 3), max_size=6)


def write(logbook: Logbook, log: list[int]) -> list[Written]:
    places = [logbook.start]
    for term in log:
        places.append(logbook.write(places[-1], Entry(term), at=0, server="S1"))
    return places


@given(st.lists(terms, min_size=2, max_size=5))
def test_two_logs_hold_the_same_place_at_an_index_if_and_only_if_they_agree_up_to_there(logs: list[list[int]]) -> None:
    logbook = Logbook()
    kept = [write(logbook, log) for log in logs]
    for log, places in zip(logs, kept, strict=True):
        for other, theirs in zip(logs, kept, strict=True):
            alike = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(log, other, strict=False))))
            assert [one is two for one, two in zip(places, theirs, strict=False)] == [
                index <= alike for index in range(min(len(places), len(theirs)))
            ]
            assert all(places[-1].reaches(it) == (it.index <= alike) for it in theirs if it.index < len(places))


def test_a_rival_is_another_of_the_same_index_and_term() -> None:
    logbook = Logbook()
    first, second, third = (write(logbook, log)[-1] for log in ([1, 2], [2, 2], [1, 3]))
    assert logbook.rival(first) is second
    assert logbook.rival(second) is first
    assert logbook.rival(third) is None


def test_what_is_forgotten_was_never_written() -> None:
    logbook = Logbook()
    places = [write(logbook, log)[-1] for log in ([1], [2], [3])]
    for place in (places[1], places[2], places[0], places[0]):
        logbook.forget(place)
        assert logbook.find(logbook.start, place.entry) is None
    assert write(logbook, [2])[-1] is not places[1]


def test_each_place_knows_the_latest_configuration_up_to_it() -> None:
    logbook, configuration = Logbook(), Configuration(("S1",))
    before = write(logbook, [1])[-1]
    changed = logbook.write(before, Entry(1, configuration), at=0, server="S1")
    after = logbook.write(changed, Entry(1), at=0, server="S1")
    assert [it.configured for it in (before, changed, after)] == [None, (2, configuration), (2, configuration)]
