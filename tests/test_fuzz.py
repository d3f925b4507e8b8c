"""A sample of `make fuzz`: whatever the input, only documented errors come of it, and what is refused changes nothing."""

from random import Random

import pytest

from fuzz.inputs import KINDS

CASES = {
    "command": 2_000,
    "scenario": 500,
    "history": 300,
    "recording": 100,
    "part": 200,
    "page": 60,
    "calls": 60,
    "makes": 1_000,
    "figures": 300,
    "screens": 300,
    "intents": 10,
}


@pytest.mark.parametrize("kind", KINDS)
def test_junk_gets_documented_errors(kind: str) -> None:
    for number in range(CASES[kind]):
        KINDS[kind](Random(f"{kind} {number}"))
