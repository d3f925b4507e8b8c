"""Any event comes back from its columns as it was."""

from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct, UnsetType, msgpack
from msgspec.structs import replace
from strategies import tricky

from raftcore import Cluster
from raftcore.recording.columns import KINDS, SCHEMA, Converter, shape_of, to_events
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.events import AnyEvent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Message, TimeoutNow

times = st.floats(0, 1e9)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: tricky,
    bytes: st.binary(max_size=10),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: times,
    type(None): st.none(),
    UnsetType: st.just(UNSET),
    Link: st.builds(Link, st.just((1.0, 2.5)), st.booleans(), st.floats(0, 1)),
    DiskState: st.builds(DiskState, st.floats(0, 100), st.booleans(), st.none() | st.integers(0, 9)),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Values of this type."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(map(anything, get_args(hint)))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        return st.lists(anything(inner[0]), max_size=3).map(tuple) if inner[-1] is ... else st.tuples(*map(anything, inner))
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert issubclass(hint, Struct)
    hints = get_type_hints(hint)
    return st.deferred(lambda: st.builds(hint, *(anything(hints[field]) for field in hint.__struct_fields__)))


def portions_of(events: list[Any], count: int) -> pa.Table:
    """Their columns, converted so many at a time."""
    converter = Converter()
    return pa.concat_tables(converter.table(events[start : start + count]) for start in range(0, len(events), count))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=8)
@given(data=st.data())
def test_any_event_comes_back(kind: type[ev.Event], data: st.DataObject) -> None:
    event = data.draw(anything(kind))
    (back,) = to_events(Converter().table([event]))
    assert msgpack.encode(back) == msgpack.encode(event)
    assert back == event


@settings(max_examples=30)
@given(drawn=st.lists(anything(AnyEvent), min_size=1, max_size=6), count=st.integers(1, 4))
def test_any_events_come_back_in_order_however_they_are_portioned(drawn: list[Any], count: int) -> None:
    sent = {event.id: event for event in drawn if isinstance(event, ev.MessageSent)}
    events = [*(event for event in drawn if not isinstance(event, ev.MessageSent)), *sent.values()]
    assert to_events(portions_of(events, count)) == events


def test_every_class_of_events_has_its_place() -> None:
    assert set(KINDS.values()) == set(get_args(AnyEvent))
    for kind in KINDS.values():
        shape = shape_of(kind)
        assert {"at_ms", "message", *shape.columns, *shape.rest} >= set(kind.__struct_fields__)
        assert set(shape.columns.values()) <= set(SCHEMA.names)


SENT = ev.MessageSent(1.0, 7, "S1", "S2", TimeoutNow(3, "S1"), 9.0)
ARRIVED = ev.MessageDelivered(9.0, 7, "S1", "S2", SENT.message)


@pytest.mark.parametrize("count", [1, 2])
def test_a_message_is_told_once(count: int) -> None:
    table = portions_of([SENT, ARRIVED], count)
    assert table.column("rest").is_valid().to_pylist() == [True, False]
    assert to_events(table) == [SENT, ARRIVED]


def test_a_message_that_was_not_sent_like_this_is_told_when_it_arrives() -> None:
    other = replace(ARRIVED, message=TimeoutNow(4, "S1"))
    again = replace(ARRIVED, at_ms=10.0)
    events = [SENT, other, again]
    assert to_events(portions_of(events, 1)) == events
    assert to_events(portions_of([ARRIVED], 1)) == [ARRIVED]


# ---- the page


def said_of(hint: Any) -> str:
    """A type, as docs/data.md calls it."""
    if get_origin(hint) is tuple:
        return f"array of {said_of(get_args(hint)[0])}"
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    modules = {kind.__module__ for kind in kinds}
    if len(kinds) > 2 and len(modules) == 1:
        return f"one of {modules.pop()}"
    return " or ".join("nil" if kind is type(None) else kind.__name__ for kind in kinds)


def rest_section() -> str:
    """What docs/data.md says of `rest`, kind by kind."""
    rows = []
    for name, kind in KINDS.items():
        hints = get_type_hints(kind)
        fields = [f"{field}: {said_of(hints[field])}" for field in shape_of(kind).rest]
        if fields:
            rows.append(f"| {name} | {', '.join(fields)} |")
    return "\n".join(["| kind | array of |", "| --- | --- |", *rows, ""])


def test_the_page_about_data_says_what_stands_in_rest() -> None:
    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    assert rest_section() in page, f"docs/data.md should say:\n{rest_section()}"


def test_rest_is_plain_message_pack() -> None:
    """As the page says: structs are maps with their class as `type` where there is a choice, or arrays that begin with their tag."""
    cluster = Cluster(size=3, seed=7)
    cluster.client("C1").set("x", "1")
    cluster.link("S1", "S2", loss=0.5)
    table = cluster.recording._growing.table()
    rest = {kind: table.filter(pa.compute.equal(table["kind"], kind))["rest"].to_pylist() for kind in KINDS}
    assert msgpack.decode(rest["MessageSent"][-1])["type"] in {kind.__name__ for kind in get_args(Message)}
    assert set(rest["MessageDelivered"]) == set(rest["RoleChanged"]) == {None}
    (entries,) = msgpack.decode(rest["EntriesAppended"][-1])
    assert (entries[0][1], entries[0][2]) == (["set", "x", "1"], "C1")
    (configuration,) = msgpack.decode(rest["ConfigurationChanged"][0])
    assert configuration[:2] == ["configuration", ["S1", "S2", "S3"]]
    (link,) = msgpack.decode(rest["LinkChanged"][0])
    assert link == {"delay_ms": [10.0, 20.0], "up": True, "loss": 0.5, "duplication": 0.0, "reordering": 0.0}
    (action,) = msgpack.decode(rest["Acted"][0])
    assert action["type"] == "Submit"
