"""Looks at the columns of a file before a table or an event is made of them: a file may hold anything.

What each class of events needs must be there, names must be names, numbers must be in the range of a run, and time must not go back.
The fields that stand in `rest` are looked at when they are read.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from raftcore.recording.columns import KINDS, NUMBERS, WORDS, coded, shape_of
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import LARGEST
from raftcore.vocabulary.errors import FileError, RaftLabError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import Message
from raftcore.vocabulary.names import is_client_name, is_server_name
from raftcore.vocabulary.spelling import brief

_MAY_BE_NEGATIVE = {"sequence_num"}  # that of a client that asks for a session
_MESSAGES = frozenset(kind.__name__ for kind in get_args(Message))


def _is_address(word: str) -> bool:
    return is_server_name(word) or is_client_name(word)


_CAN_BE: Mapping[str, Callable[[str], bool]] = {
    "kind": KINDS.__contains__,
    "server": is_server_name,
    "peer": is_server_name,
    "source": _is_address,
    "target": _is_address,
    "client": is_client_name,
}


@contextmanager
def naming_damage(name: str) -> Iterator[None]:
    """Turn what fails while the columns of a file are read into a FileError that names the file: they may hold anything."""
    try:
        yield
    except (
        msgspec.MsgspecError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        MemoryError,
        RecursionError,
    ) as error:
        if isinstance(error, RaftLabError):
            raise
        raise FileError(f"{name} is damaged: its columns tell no run ({error!r})") from None


def check_columns(table: pa.Table, now_ms: float, name: str) -> None:
    """Raise FileError where these columns are those of no run. now_ms: until when it went. name: what the error calls the file."""
    for wrong in _what_is_wrong(table, now_ms):
        raise FileError(f"{name} is damaged: {wrong}")


def _what_is_wrong(table: pa.Table, now_ms: float) -> Iterator[str]:
    for field in table.schema:
        if not field.nullable and table.column(field.name).null_count:
            yield f"an event has no {field.name}"
    yield from _times(table.column("at_ms").to_numpy(), now_ms)
    words = {name: coded(table.column(name)) for name in WORDS}
    for name, can_be in _CAN_BE.items():
        yield from (f"the column {name} holds {brief(word)}" for word in _used(*words[name]) if not can_be(word))
    yield from _numbers(table)
    yield from _fields(table, *words["kind"], *words["what"])


def _used(codes: Any, words: list[str]) -> Iterator[str]:
    """The words that stand somewhere in a column."""
    return (words[code] for code in np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(words))))


def _times(at_ms: Any, now_ms: float) -> Iterator[str]:
    if not np.isfinite(at_ms).all() or (len(at_ms) and not 0 <= at_ms[0] <= at_ms[-1] <= now_ms):
        yield f"an event is not between 0 and {now_ms:g} ms, when the run ended"
    if (np.diff(at_ms) < 0).any():
        yield "its events are not in order of time"


def _numbers(table: pa.Table) -> Iterator[str]:
    for name, dtype in NUMBERS.items():
        values = table.column(name).drop_null()
        if not len(values):
            continue
        if dtype is np.float64:
            if pc.any(pc.is_nan(values)).as_py():
                yield f"the column {name} holds what is no number"
            continue
        least, most = pc.min_max(values).as_py().values()
        # Each entry was appended by a leader first, so it takes a byte of `rest` at least.
        limit = table.column("rest").nbytes if name in ("index", "entries") else LARGEST
        if most > limit or least < (-LARGEST if name in _MAY_BE_NEGATIVE else 0):
            yield f"the column {name} holds numbers from {least:,} to {most:,}, and no run does"


def _fields(table: pa.Table, codes: Any, kinds: list[str], what: Any, words: list[str]) -> Iterator[str]:
    """What the events of each class need, and what they may have in the column `what`."""
    absent = {name: np.bincount(codes[column.is_null().to_numpy()], minlength=len(kinds)) for name, column in _columns(table)}
    said = np.zeros((len(kinds), len(words) + 1), dtype=bool)
    said[codes, what] = True  # -1, none, is the last
    for code, name in enumerate(kinds):
        kind = KINDS[name]
        yield from (f"a {name} has nothing in the column {column}" for column in _needs(kind) if absent[column][code])
        allowed = _whats(kind)
        strange = [word for place, word in enumerate(words) if said[code, place] and allowed and word not in allowed]
        yield from (f"a {name} has {brief(word)} in the column what" for word in strange)


def _columns(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    return ((name, table.column(name)) for name in table.schema.names)


def _needs(kind: type[Event]) -> Iterator[str]:
    """The columns that are never empty in an event of this class."""
    types, shape = get_type_hints(kind), shape_of(kind)
    yield from (column for field, column in shape.columns.items() if NoneType not in get_args(types[field]))
    if shape.rest or kind is ev.MessageSent:
        yield "rest"
    if kind is ev.MessageSent:
        yield "what"


def _whats(kind: type[Event]) -> frozenset[str]:
    """What may stand in the column `what`: a value of an Enum, or a message's class. Empty: no event of this class uses it."""
    enums = shape_of(kind).enums.values()
    return _MESSAGES if kind is ev.MessageSent else frozenset(value.value for enum in enums for value in enum)
