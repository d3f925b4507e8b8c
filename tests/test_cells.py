"""Functions that were written in a cell work in another process as they do here."""

import sys
from textwrap import dedent

import pytest

from raftcore.hunting.cores import in_order, pack


def work_of(cell: str) -> object:
    """What a cell calls `work`."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(dedent(cell), names)
    return names["work"]


CELLS = {
    "a global": """
        STEP = 3
        def work(seed): return STEP * seed
    """,
    "a function of the cell, and one of a module": """
        from operator import mul
        def twice(number): return mul(2, number)
        def work(seed): return twice(seed) + seed
    """,
    "functions that need each other": """
        def even(seed): return seed == 0 or odd(seed - 1)
        def odd(seed): return seed > 0 and even(seed - 1)
        def work(seed): return 3 * seed if even(seed) or odd(seed) else None
    """,
    "a closure, and one that calls itself": """
        def times(factor):
            def product(seed): return seed and factor + product(seed - 1)
            return product
        work = times(3)
    """,
    "defaults, a module and a lambda": """
        import operator
        work = lambda seed, step=3, *, add=lambda one, other: operator.add(one, other): add(step * seed, 0)
    """,
    "a class": """
        class Step:
            size = 3
        def work(seed): return Step().size * seed
    """,
    "a partial function and a name within a name": """
        from functools import partial
        import os.path
        STEP = 3
        def product(step, seed): return [step * seed for _ in os.path.join("a") if STEP][0]
        work = partial(product, STEP)
    """,
}


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is no script, and no file at all."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)


@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_what_was_written_in_a_cell_works_elsewhere(cell: str) -> None:
    assert list(in_order(work_of(cell), range(8), cores=2)) == [(seed, 3 * seed) for seed in range(8)]  # type: ignore[arg-type]


@pytest.mark.parametrize("held", ["__import__('threading').Lock()", "type('Stays', (), {'__reduce__': lambda it: it.gone})()"])
def test_what_cannot_go_there_is_known_here(held: str) -> None:
    assert pack(work_of(f"held = {held}\ndef work(seed): return held")) is None
    assert pack(work_of("def work(seed): return seed"))


@pytest.mark.usefixtures("notebook")
def test_what_cannot_be_made_again_there_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    work = work_of("from functools import cache\n@cache\ndef work(seed): return seed")
    monkeypatch.setattr(sys.modules["__main__"], "work", work, raising=False)
    with pytest.raises(AttributeError, match="work"):
        list(in_order(work, range(8), cores=2))  # type: ignore[arg-type]


@pytest.mark.usefixtures("notebook")
def test_a_notebook_that_was_reset_still_has_all_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys.modules["__main__"], "__spec__", raising=False)
    assert list(in_order(work_of("def work(seed): return 3 * seed"), range(8), cores=2)) == [(seed, 3 * seed) for seed in range(8)]  # type: ignore[arg-type]
