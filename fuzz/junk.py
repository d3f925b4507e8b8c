"""Values that people, notebooks and files give by mistake, and texts that are almost right."""

from collections.abc import Callable
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from raftcore import Config, ReadMode, Rules
from raftcore.vocabulary import commands


class Unspeakable:
    """A value that can't even be shown."""

    def __repr__(self) -> str:
        raise ValueError("no text")


NAMES: tuple[Any, ...] = ("S1", "S2", "S3", "S4", "S9", "S0", "C1", "C2", "s1", "S01", "S1\n", "", "S99999", np.str_("S1"))
NUMBERS: tuple[Any, ...] = (
    0, 1, 2, 5, 50, -1, 0.5, 20.0, 1e-300, nan, inf, -inf, 1e13, 10**400, -(10**400), True, False,
    np.int64(3), np.uint8(2), np.float64(2.5), np.float32(0.5), np.bool_(True), np.float64(nan), np.array(3), Decimal(1), 1j,
)  # fmt: skip
TEXTS: tuple[Any, ...] = (
    "x",
    "1",
    "SET x 1",
    "GET x",
    "nonsense",
    "\ud800",
    "\0",
    "x" * 2_000,
    "'a " * 50,
    b"bytes",
    np.str_("x"),
    "../..",
)
STRANGE: tuple[Any, ...] = (
    None, object(), Unspeakable(), lambda: 0, lambda view: view.nothing, [], (), {}, set(), [None], [[]], {"S1": 1}, range(3), int,
    pd.NA, pd.NaT, np.array([1, 2]), np.array([]), pd.Series([1]), pd.DataFrame(), Path("x"), Config(), Rules(), ReadMode.LOG, ReadMode,
    commands.Set("x", "1"), commands.Get("x"), commands.Set(1, 2), commands.OpenSession(), commands.Get("x", "log"), ("S1", "S2"),
    [("S1",), ("S2", "S3")], (1, 2), (2, 1), ("a", "b"), (nan, inf),
)  # fmt: skip


def junk(random: Random) -> Any:
    """A value of any kind."""
    return random.choice(random.choice((NAMES, NUMBERS, TEXTS, STRANGE)))


def broken_bytes(random: Random, data: bytes, words: tuple[bytes, ...]) -> bytes:
    """The same with a few bytes changed, cut out, doubled or put in."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 5, 20))):
        start = random.randrange(len(made) + 1)
        end = min(len(made), start + random.choice((0, 1, 1, 4, 30)))
        made[start:end] = random.choice((random.choice(words), random.randbytes(random.randrange(4)), bytes(made[start:end]) * 2))
    return bytes(made[: random.randrange(len(made) + 1)] if random.random() < 0.1 else made)


def broken_json(random: Random, value: Any) -> Any:
    """The same tree with one value in it replaced, left out, doubled or wrapped."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.05:
            return {name: it for name, it in value.items() if name != key}
        return value | {key: broken_json(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(len(value))
        return [*value[:place], *_in_place(random, value[place]), *value[place + 1 :]]
    return plain_json(random)


def plain_json(random: Random) -> Any:
    """A value that JSON can say."""
    return random.choice(_PLAIN_JSON)(random)


def _in_place(random: Random, value: Any) -> list[Any]:
    many = random.choice((1, 1, 1, 1, 1, 0, 2, 50))
    return [value] * many if many != 1 else [broken_json(random, value)]


_PLAIN_JSON: tuple[Callable[[Random], Any], ...] = (
    lambda random: random.choice((None, True, False, [], {}, "", [[]], {"type": "Crash"}, ["S1"])),
    lambda random: random.choice((0, 1, -1, 3, 9, 10, 0.5, 1e-9, 100, 1e12, 1e300, 2**63, 2**64, 10**30, -(2**63))),
    lambda random: random.choice(
        ("S1", "S2", "S4", "C1", "S0", "\u2028", "</script><script>alert(1)</script>", "x" * 500, "os:system", "a\n")
    ),
)
