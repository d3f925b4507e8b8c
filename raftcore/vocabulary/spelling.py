"""What people write by hand, in error messages: a keyword that nobody knows gets a sentence with the one that was meant.

For tables of knobs, and functions with many of them.
"""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from msgspec import StructMeta

from raftcore.vocabulary.errors import ConfigError

LONGEST = 80
"""Characters of a wrong value that an error shows."""

T = TypeVar("T")
P = ParamSpec("P")


class Spelled(StructMeta):
    """The metaclass of a Struct whose fields are given by name; ConfigError for a name that it does not have."""

    def __call__(self, *values: Any, **named: Any) -> Any:
        known = self.__struct_fields__
        if values:
            raise ConfigError(f"{self.__name__} takes no value without its name; write {self.__name__}({known[0]}=…)")
        _refuse_strangers(self.__name__, named, known)
        return super().__call__(**named)


def spelled(function: Callable[P, T]) -> Callable[P, T]:
    """The same function; ConfigError for a keyword that it does not have. An `__init__` goes by its class's name."""
    known = [name for name in signature(function).parameters if name != "self"]
    name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @wraps(function)
    def call(*values: P.args, **named: P.kwargs) -> T:
        _refuse_strangers(name, named, known)
        return function(*values, **named)

    return call


def brief(value: object) -> str:
    """How an error shows a value: as Python writes it, and not too much of it.

    >>> brief("S1"), len(brief("x" * 10_000_000))
    ("'S1'", 80)
    """
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python refuses to write very long numbers
        return f"a number of {value.bit_length():,} bits"
    try:
        text = repr(value[:LONGEST] if isinstance(value, str | bytes | list | tuple) else value)
    except Exception:  # noqa: BLE001  # whatever its own way to show itself raises, the error is about something else
        return f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _refuse_strangers(name: str, given: Iterable[str], known: Collection[str]) -> None:
    for word in given:
        if word not in known:
            meant = get_close_matches(word, known, n=1)
            advice = f"did you mean {meant[0]!r}?" if meant else f"there are {', '.join(known)}"
            raise ConfigError(f"{name} takes no {word!r}; {advice}")
