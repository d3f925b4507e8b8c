"""Work for many seeds on several cores: in order, and with no process left behind, however it ends."""

import multiprocessing
import os
import re
from itertools import count

import pytest

from raftcore.hunting import cores as cores_module
from raftcore.hunting.cores import BATCH, in_order


def square(seed: int) -> int:
    return seed**2


def stick(seed: int) -> int:
    """The first batch is done soon, and the others never."""
    while seed >= BATCH:
        pass
    return seed


def divide(seed: int) -> int:
    return 60 // (7 - seed)


def vanish(seed: int) -> int:
    os._exit(3)


def hold(seed: int) -> int:
    """All but the first hold the interpreter: no thread and no handler of a signal gets a turn."""
    return len(re.findall("(a+)+b", "a" * 60)) if seed else seed


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_results_come_in_the_order_of_the_seeds(cores: int) -> None:
    seeds = [5, 3, *range(40), 3]
    assert list(in_order(square, seeds, cores)) == [(seed, seed**2) for seed in seeds]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("cores", [1, 2])
def test_seeds_without_an_end_are_taken_as_they_are_needed(cores: int) -> None:
    results = in_order(square, count(), cores)
    assert [next(results) for _ in range(10)] == [(seed, seed**2) for seed in range(10)]
    results.close()


def test_work_that_never_ends_is_ended_when_nobody_listens_any_more() -> None:
    results = in_order(stick, range(100), cores=2)
    assert next(results) == (0, 0)
    assert len(multiprocessing.active_children()) == 2
    results.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("cores", [1, 2])
def test_an_error_is_raised_here_after_the_results_that_came_before_it(cores: int) -> None:
    results = in_order(divide, range(4, 20), cores)
    assert [next(results) for _ in range(3)] == [(4, 20), (5, 30), (6, 60)]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert multiprocessing.active_children() == []


def test_an_error_of_another_process_says_where_it_was_raised() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        list(in_order(divide, range(20), cores=2))
    assert "in divide" in "".join(raised.value.__notes__)


def test_a_process_that_vanishes_is_told_of() -> None:
    with pytest.raises(RuntimeError, match="a process that worked for this one ended with code 3"):
        list(in_order(vanish, range(20), cores=2))
    assert multiprocessing.active_children() == []


def test_a_process_that_is_silent_is_ended_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores_module, "MOST_SILENT_S", 2)
    results = in_order(hold, range(8), cores=2)
    assert next(results) == (0, 0)
    with pytest.raises(RuntimeError, match="seed 1: a process that worked for this one has not been heard of for 2 s, and was ended"):
        next(results)
    assert multiprocessing.active_children() == []
