"""The arithmetic that decides safety, against its definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.consensus.quorum import agreed_index, has_majority, majority

VOTERS = ("S1", "S2", "S3", "S4", "S5")


@pytest.mark.parametrize("size", range(1, 10))
def test_two_majorities_always_share_a_server_and_one_less_may_not(size: int) -> None:
    assert 2 * majority(size) > size
    assert 2 * (majority(size) - 1) <= size


@given(st.sets(st.sampled_from([*VOTERS, "S6", "S7", "S8"])))
def test_only_voters_count_and_each_once(agreeing: set[str]) -> None:
    assert has_majority(VOTERS, agreeing) == (len(agreeing & set(VOTERS)) >= 3)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9))
def test_the_agreed_index_is_the_highest_that_a_majority_has_reached(match_indexes: list[int]) -> None:
    names = [str(number) for number in range(len(match_indexes))]
    index = agreed_index(names, dict(zip(names, match_indexes, strict=True)))
    assert sum(match >= index for match in match_indexes) >= majority(len(match_indexes))
    assert sum(match >= index + 1 for match in match_indexes) < majority(len(match_indexes))
