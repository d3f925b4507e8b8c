"""Events as typed columns, and back: what a recording's file holds, and what its tables are made of.

Most fields of an event have a column; what is left stands in `rest`, as MessagePack. A message is told when it is sent, and not again
when it arrives.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, get_args, get_type_hints

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from raftcore.vocabulary import events as ev
from raftcore.vocabulary import messages as msg
from raftcore.vocabulary.events import AnyEvent, Event
from raftcore.vocabulary.messages import Message

WORD = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        pa.field("at_ms", pa.float64(), nullable=False),
        pa.field("kind", WORD, nullable=False),
        pa.field("server", WORD),
        pa.field("peer", WORD),
        pa.field("source", WORD),
        pa.field("target", WORD),
        pa.field("client", WORD),
        pa.field("what", WORD),
        pa.field("term", pa.int64()),
        pa.field("index", pa.int64()),
        pa.field("entries", pa.int64()),
        pa.field("id", pa.int64()),
        pa.field("copy_of", pa.int64()),
        pa.field("sequence_num", pa.int64()),
        pa.field("size_bytes", pa.int64()),
        pa.field("until_ms", pa.float64()),
        pa.field("rest", pa.binary()),
    ]
)
"""The columns, in order. docs/data.md says what each of them means."""

WORDS = tuple(field.name for field in SCHEMA if field.type == WORD)
NUMBERS = {field.name: field.type.to_pandas_dtype() for field in SCHEMA if field.type in (pa.int64(), pa.float64())}

COLUMN_OF = {
    "leader": "peer",
    "candidate": "peer",
    "voter": "peer",
    "follower": "peer",
    "voted_for": "peer",
    "current_term": "term",
    "last_included_term": "term",
    "first_index": "index",
    "last_index": "index",
    "prev_log_index": "index",
    "match_index": "index",
    "read_index": "index",
    "kept_index": "index",
    "last_included_index": "index",
    "deliver_at_ms": "until_ms",
    "deadline_ms": "until_ms",
    "lease_until_ms": "until_ms",
}
"""Where a field stands that is not called like its column. One that holds a value of an Enum stands in `what`."""

_OF_EACH_MESSAGE: Mapping[type, tuple[str, str | None]] = {
    msg.AppendEntries: ("term", "prev_log_index"),
    msg.AppendEntriesReply: ("term", "match_index"),
    msg.RequestVote: ("term", "last_log_index"),
    msg.RequestVoteReply: ("term", None),
    msg.PreVote: ("next_term", "last_log_index"),
    msg.PreVoteReply: ("next_term", None),
    msg.InstallSnapshot: ("term", "last_included_index"),
    msg.InstallSnapshotReply: ("term", "last_included_index"),
    msg.TimeoutNow: ("term", None),
}
"""Which of a message's own fields are shown as term and index of the event that it was sent. A client's message has neither."""

_FLIGHTS_END = (ev.MessageDelivered, ev.MessageDropped)
_LOG_GROWS = (ev.EntriesAppended, ev.Restarted)
_ENCODE = msgspec.msgpack.Encoder().encode
_MESSAGES = msgspec.msgpack.Decoder(Message)

Positions: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


class Shape(Struct, frozen=True):
    """How one class of events lies in the columns.

    columns: by field. enums: of the fields that hold a value of one. rest: the fields that have no column, and how they are read.
    """

    columns: Mapping[str, str]
    enums: Mapping[str, type[Enum]]
    rest: tuple[str, ...]
    decode: Callable[[bytes], Any]


@cache
def shape_of(kind: type[Event]) -> Shape:
    """How this class of events lies in the columns."""
    types = get_type_hints(kind)
    fields = [field for field in kind.__struct_fields__ if field not in ("at_ms", "message")]
    enums = {field: types[field] for field in fields if isinstance(types[field], type) and issubclass(types[field], Enum)}
    columns = {field: "what" if field in enums else COLUMN_OF.get(field, field) for field in fields}
    columns = {field: name for field, name in columns.items() if field in enums or _fits(types[field], name)}
    rest = tuple(field for field in fields if field not in columns)
    assert len(set(columns.values())) == len(columns), f"two fields of {kind.__name__} want one column"
    decoder = msgspec.msgpack.Decoder(tuple[tuple(types[field] for field in rest)] if rest else tuple[()])  # type: ignore[misc]  # made here
    return Shape(columns, enums, rest, decoder.decode)


def _fits(field: Any, column: str) -> bool:
    if column in NUMBERS:
        return field is int or field is float
    return column in WORDS and column not in ("kind", "what")


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(AnyEvent)}


# ---- to columns


class _Numbering(dict[Any, int]):
    """The words of a column, numbered as they come."""

    def __missing__(self, word: Any) -> int:
        self[word] = len(self)
        return self[word]


class _Words:
    """A column of words while it is filled: numbers, and the words that they stand for; -1 is none."""

    def __init__(self, length: int) -> None:
        self.codes = np.full(length, -1, dtype=np.int32)
        self.numbers = _Numbering()

    def put(self, positions: Positions, values: Iterable[Any]) -> None:
        self.codes[positions] = np.fromiter(map(self.numbers.__getitem__, values), np.int32, len(positions))

    def to_arrow(self) -> pa.DictionaryArray:
        words = list(self.numbers)
        absent = self.codes < 0
        if None in self.numbers:
            absent |= self.codes == self.numbers[None]
            words[self.numbers[None]] = ""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes, mask=absent), pa.array(words, pa.string()))


class _Numbers:
    """A column of numbers while it is filled."""

    def __init__(self, length: int, dtype: type) -> None:
        self.values: np.ndarray[Any, Any] = np.zeros(length, dtype=dtype)
        self.absent = np.ones(length, dtype=bool)

    def put(self, positions: Positions, values: Iterable[Any]) -> None:
        self.values[positions] = np.fromiter(values, self.values.dtype, len(positions))
        self.absent[positions] = False

    def to_arrow(self) -> pa.Array:
        return pa.array(self.values, mask=self.absent)


class Converter:
    """Makes columns of a run's events, portion by portion. It remembers the messages in flight: a later portion does not tell them.

    Fields are taken one by one: a million events must not leave millions of tuples to the garbage collector.
    """

    def __init__(self) -> None:
        self._in_flight: dict[int, Message] = {}

    def table(self, events: Sequence[Event]) -> pa.Table:
        """The columns of SCHEMA for the next events of the run."""
        count = len(events)
        columns: dict[str, Any] = {name: _Words(count) for name in WORDS}
        columns |= {name: _Numbers(count, dtype) for name, dtype in NUMBERS.items()}
        rest = np.full(count, None, dtype=object)
        columns["at_ms"].put(np.arange(count), map(attrgetter("at_ms"), events))
        for kind, positions, ours in _by_kind(events):
            columns["kind"].codes[positions] = columns["kind"].numbers[kind.__name__]
            left: Iterable[bytes | None] | None = _put_fields(shape_of(kind), ours, positions, columns)
            if kind is ev.MessageSent:
                left = self._sent(ours, positions, columns)
            elif kind in _FLIGHTS_END:
                left = self._ended(ours)
            elif kind in _LOG_GROWS:
                columns["entries"].put(positions, map(len, map(attrgetter("entries"), ours)))
            if left is not None:
                rest[positions] = left
        arrays = [pa.array(rest, pa.binary()) if name == "rest" else columns[name].to_arrow() for name in SCHEMA.names]
        return pa.table(arrays, schema=SCHEMA)

    def _sent(self, events: list[Any], positions: Positions, columns: dict[str, Any]) -> list[bytes]:
        """Tell the messages: all of each in `rest`, and what is often asked for in columns."""
        messages = [event.message for event in events]
        self._in_flight.update(zip(map(attrgetter("id"), events), messages, strict=True))
        encoded = list(map(_ENCODE, messages))
        columns["what"].put(positions, map(attrgetter("__name__"), map(type, messages)))
        columns["size_bytes"].put(positions, map(len, encoded))
        for kind, rows, ours in _by_kind(messages):
            term, index = _OF_EACH_MESSAGE.get(kind, (None, None))
            if term:
                columns["term"].put(positions[rows], map(attrgetter(term), ours))
            if index:
                columns["index"].put(positions[rows], map(attrgetter(index), ours))
            if kind is msg.AppendEntries:
                columns["entries"].put(positions[rows], map(len, map(attrgetter("entries"), ours)))
        return encoded

    def _ended(self, events: list[Any]) -> list[bytes | None]:
        """Nothing for the messages that were told, and those that were not."""
        pop = self._in_flight.pop
        return [None if pop(event.id, None) is event.message else _ENCODE(event.message) for event in events]


def _by_kind(values: Sequence[Any]) -> Iterable[tuple[type, Positions, list[Any]]]:
    """The classes of these values, where those of each stand, and they themselves. What a message needs to be known for comes first."""
    numbers = _Numbering()
    codes = np.fromiter(map(numbers.__getitem__, map(type, values)), np.int32, len(values))
    all_values = np.empty(len(values), dtype=object)
    all_values[:] = values
    for kind in sorted(numbers, key=_FLIGHTS_END.__contains__):
        positions = np.flatnonzero(codes == numbers[kind])
        yield kind, positions, all_values[positions].tolist()


def _put_fields(shape: Shape, events: list[Any], positions: Positions, columns: dict[str, Any]) -> list[bytes] | None:
    """Put the fields that have a column there, and return the others."""
    for field, column in shape.columns.items():
        values: Iterable[Any] = map(attrgetter(field), events)
        columns[column].put(positions, map(_VALUE, values) if field in shape.enums else values)
    if not shape.rest:
        return None
    return list(map(_ENCODE, zip(*(map(attrgetter(field), events) for field in shape.rest), strict=True)))


_VALUE = attrgetter("value")


# ---- and back


def to_events(table: pa.Table) -> list[Any]:
    """The events that these columns hold, in order. Raises KeyError, ValueError, TypeError or msgspec.DecodeError where they hold none."""
    columns = {name: as_list(table.column(name)) for name in SCHEMA.names}
    at: dict[str, list[int]] = {}
    for position, name in enumerate(columns["kind"]):
        at.setdefault(name, []).append(position)
    messages: dict[int, Message] = {}
    events: list[Any] = [None] * len(table)
    for name in sorted(at, key=lambda name: KINDS[name] in _FLIGHTS_END):  # only then are the messages known
        positions = at[name]
        select: Callable[[list[Any]], Sequence[Any]] = itemgetter(*positions) if len(positions) > 1 else itemgetter(slice(*_one(positions)))
        ours = {column: select(columns[column]) for column in SCHEMA.names}
        for position, event in zip(positions, read_kind(KINDS[name], ours, messages), strict=True):
            events[position] = event
    return events


def _one(positions: list[int]) -> tuple[int, int]:
    return positions[0], positions[0] + 1


def read_kind(kind: type[Event], columns: Mapping[str, Sequence[Any]], messages: dict[int, Message]) -> Iterable[Any]:
    """The events of one class, from their rows. `messages`: those that were sent are put there, for those that arrive to find them."""
    shape = shape_of(kind)
    fields: dict[str, Iterable[Any]] = {"at_ms": columns["at_ms"]}
    for field, column in shape.columns.items():
        fields[field] = columns[column]
        if field in shape.enums:
            enum = {value.value: value for value in shape.enums[field]}
            fields[field] = [enum[value] for value in columns[column]]
    if shape.rest:
        fields |= zip(shape.rest, zip(*map(shape.decode, columns["rest"]), strict=True), strict=True)
    if kind is ev.MessageSent:
        fields["message"] = list(map(_MESSAGES.decode, columns["rest"]))
        messages.update(zip(columns["id"], fields["message"], strict=True))
    elif kind in _FLIGHTS_END:
        told = zip(columns["id"], columns["rest"], strict=True)
        fields["message"] = [_MESSAGES.decode(rest) if rest is not None else messages[number] for number, rest in told]
    return map(kind, *(fields[field] for field in kind.__struct_fields__))


def as_list(column: pa.ChunkedArray) -> list[Any]:
    """The column's values. Many times faster than Arrow's own way; a number that is absent reads as 0."""
    if pa.types.is_dictionary(column.type):
        codes, words = coded(column)
        said: list[Any] = np.array([*words, None], dtype=object)[codes].tolist()  # -1 is the last
        return said
    if pa.types.is_binary(column.type):
        decoded: list[Any] = column.to_pylist()
        return decoded
    numbers: list[Any] = column.fill_null(0).to_numpy().tolist()
    return numbers


def coded(column: pa.ChunkedArray) -> tuple[np.ndarray[Any, np.dtype[np.int32]], list[str]]:
    """A column of words as numbers, -1 where there is none, and the words that they stand for."""
    one = column.unify_dictionaries()
    codes = [chunk.indices.fill_null(-1).to_numpy() for chunk in one.chunks]
    words = one.chunk(0).dictionary.to_pylist() if one.num_chunks else []
    return np.concatenate(codes) if codes else np.zeros(0, dtype=np.int32), words
