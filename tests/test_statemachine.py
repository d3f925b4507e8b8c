"""The store obeys every command as a plain dict would, sessions let each happen once, and a snapshot holds all of it."""

from itertools import accumulate

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import commands

from raftcore.statemachine.kv import Result
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary.commands import MAX_VALUE_BYTES, Append, Cas, Command, Delete, Get, OpenSession, ReadMode, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Image, Session
from raftcore.vocabulary.errors import CorruptSnapshotError
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Reason

few_keys, few_values = st.sampled_from(["x", "y"]), st.sampled_from(["", "1", "2"])
some_command = st.none() | st.just(Configuration(("S1",))) | commands(few_keys, few_values)
entries = st.lists(st.builds(Entry, st.just(1), some_command), max_size=30)

FULL = "v" * MAX_VALUE_BYTES
TIMEOUT_MS = 1_000.0


def machine_with(*commands: Command | None) -> StateMachine:
    machine = StateMachine(TIMEOUT_MS)
    machine.apply_all(1, [Entry(1, command) for command in commands])
    return machine


# ---- the store


@pytest.mark.parametrize(
    "held,command,result,holds",
    [
        (None, Set("x", "1"), Result(True, None, "x", "1"), "1"),
        ("0", Set("x", "1"), Result(True, None, "x", "1"), "1"),
        (None, Get("x"), Result(True, None), None),
        ("", Get("x"), Result(True, ""), ""),
        ("0", Get("x"), Result(True, "0"), "0"),
        ("0", Delete("x"), Result(True, None, "x", None), None),
        ("", Delete("x"), Result(True, None, "x", None), None),
        (None, Delete("x"), Result(True), None),
        (None, Append("x", "1"), Result(True, "1", "x", "1"), "1"),
        ("0", Append("x", "1"), Result(True, "01", "x", "01"), "01"),
        ("0", Cas("x", "0", "1"), Result(True, "1", "x", "1"), "1"),
        ("0", Cas("x", "9", "1"), Result(False, "0", reason=Reason.MISMATCH), "0"),
        (None, Cas("x", "9", "1"), Result(False, None, reason=Reason.MISMATCH), None),
        (None, Cas("x", "", "1"), Result(False, None, reason=Reason.MISMATCH), None),
        ("0", None, Result(True), "0"),
        ("0", Configuration(("S1", "S2")), Result(True), "0"),
        (FULL[1:], Append("x", "w"), Result(True, FULL[1:] + "w", "x", FULL[1:] + "w"), FULL[1:] + "w"),
        (FULL, Append("x", "w"), Result(False, reason=Reason.TOO_LARGE), FULL),
        (FULL[1:], Append("x", "é"), Result(False, reason=Reason.TOO_LARGE), FULL[1:]),
        (FULL, Append("x", ""), Result(True, FULL, "x", FULL), FULL),
    ],
)
def test_what_a_command_answers_and_leaves(held: str | None, command: Command | None, result: Result, holds: str | None) -> None:
    machine = machine_with(Set("other", "kept"), None if held is None else Set("x", held))

    assert machine.apply_all(3, [Entry(1, command)]) == [result]
    assert dict(machine.kv_store) == {"other": "kept"} | ({} if holds is None else {"x": holds})
    assert machine.read("x") == holds


def dict_apply(kv_store: dict[str, str], command: Command | None) -> tuple[bool, str | None]:
    match command:
        case Set(key, value):
            kv_store[key] = value
        case Get(key):
            return True, kv_store.get(key)
        case Delete(key):
            kv_store.pop(key, None)
        case Append(key, value):
            kv_store[key] = kv_store.get(key, "") + value
            return True, kv_store[key]
        case Cas(key, expected, value):
            if kv_store.get(key) != expected:
                return False, kv_store.get(key)
            kv_store[key] = value
            return True, value
    return True, None


@given(entries, st.integers(1, 31))
def test_in_batches_it_does_what_a_dict_does_one_by_one(entries: list[Entry], batch: int) -> None:
    machine, model = machine_with(), {}
    results: list[Result] = []
    for begin in range(0, len(entries), batch):
        results += machine.apply_all(begin + 1, entries[begin : begin + batch])

    seen: dict[str, str] = {}
    for entry, result in zip(entries, results, strict=True):
        assert (result.ok, result.value) == dict_apply(model, entry.command)
        # Whoever follows changed_key and new_value alone, as the trace does, arrives at the same map.
        if result.changed_key is not None and result.new_value is None:
            del seen[result.changed_key]
        elif result.changed_key is not None:
            seen[result.changed_key] = result.new_value
        assert seen == model
    assert dict(machine.kv_store) == model


@given(entries, entries)
def test_a_map_that_was_kept_still_shows_its_moment(before: list[Entry], after: list[Entry]) -> None:
    machine = machine_with()
    machine.apply_all(1, before)
    kept = machine.kv_store
    copy = dict(kept)
    machine.apply_all(len(before) + 1, after)

    assert dict(kept) == copy


# ---- sessions (thesis 6.3)


class History:
    """A log as it is applied, entry by entry. C1's session is number 1; `ask` applies a command of it."""

    def __init__(self) -> None:
        self.machine = StateMachine(TIMEOUT_MS)
        self.index = 0
        self.open("C1")

    def apply(self, entry: Entry) -> Result:
        self.index += 1
        return self.machine.apply_all(self.index, [entry])[0]

    def open(self, client: str, at_ms: float = 0.0) -> Result:
        return self.apply(Entry(1, OpenSession(), client, -1, 0, at_ms))

    def ask(self, sequence_num: int, command: Command, session: int = 1, at_ms: float = 0.0) -> Result:
        return self.apply(Entry(1, command, "C1", sequence_num, session, at_ms))


def test_a_session_is_opened_under_the_index_of_its_entry() -> None:
    machine = StateMachine(TIMEOUT_MS)
    opening = Entry(1, OpenSession(), "C1", -1, at_ms=5.0)
    assert machine.apply_all(7, [Entry(1), opening, opening]) == [Result(True), Result(True), Result(True)]
    assert machine.sessions == {8: Session("C1", 0, True, None, 5.0), 9: Session("C1", 0, True, None, 5.0)}


@pytest.mark.parametrize(
    "command,answer",
    [
        (Append("x", "a"), Result(True, "0a", repeated=True)),
        (Cas("x", "0", "9"), Result(True, "9", repeated=True)),
        (Cas("x", "7", "9"), Result(False, "0", repeated=True, reason=Reason.MISMATCH)),
        (Get("x", ReadMode.LOG), Result(True, "0", repeated=True)),
        (Delete("x"), Result(True, repeated=True)),
    ],
)
def test_a_retry_gets_the_first_answer_and_is_not_carried_out(command: Command, answer: Result) -> None:
    """The first answer was lost, and meanwhile somebody else has changed the key."""
    history = History()
    history.ask(1, Set("x", "0"))
    first = history.ask(2, command)
    history.apply(Entry(1, Set("x", "other")))

    assert history.ask(2, command) == history.ask(2, command) == answer
    assert (first.ok, first.value, first.repeated) == (answer.ok, answer.value, False)
    assert history.machine.read("x") == "other"


def test_a_retry_that_stands_in_the_same_batch_is_not_carried_out() -> None:
    machine = StateMachine(TIMEOUT_MS)
    once = Entry(1, Append("x", "a"), "C1", 1, session_id=1)
    machine.apply_all(1, [Entry(1, OpenSession(), "C1", -1), once, once])
    assert machine.read("x") == "a"


def test_a_command_that_was_overtaken_is_not_carried_out() -> None:
    history = History()
    history.ask(2, Set("x", "new"))
    assert history.ask(1, Set("x", "old")) == Result(False, repeated=True, reason=Reason.OVERTAKEN)
    assert history.machine.read("x") == "new"
    assert history.ask(2, Set("x", "new")) == Result(True, repeated=True)


def test_sessions_are_told_apart_by_number_and_a_command_without_one_is_always_carried_out() -> None:
    history = History()
    history.open("C1")
    for session in (1, 2, 0, 0):
        assert not history.ask(1, Append("x", "a"), session).repeated
    assert history.machine.read("x") == "aaaa"


@pytest.mark.parametrize("session", [2, 99])
def test_a_command_in_an_unknown_session_is_refused(session: int) -> None:
    history = History()
    assert history.ask(1, Set("x", "1"), session) == Result(False, reason=Reason.SESSION_EXPIRED)
    assert history.machine.read("x") is None


def test_a_silent_session_expires_by_log_time_before_the_entry_is_carried_out() -> None:
    history = History()
    assert history.ask(1, Append("x", "a"), at_ms=1_000.0) == Result(True, "a", "x", "a")
    assert history.ask(2, Append("x", "b"), at_ms=2_000.0) == Result(True, "ab", "x", "ab")  # not longer than the timeout
    assert history.ask(2, Append("x", "b"), at_ms=3_001.0) == Result(False, reason=Reason.SESSION_EXPIRED, expired=(("C1", 1),))
    assert history.ask(2, Append("x", "b"), at_ms=3_001.0) == Result(False, reason=Reason.SESSION_EXPIRED)
    assert history.machine.read("x") == "ab"
    assert not history.machine.sessions


def test_a_retry_keeps_a_session_alive() -> None:
    history = History()
    for number, at_ms in ((2, 900.0), (2, 1_800.0), (1, 2_700.0), (2, 3_600.0)):
        assert history.ask(number, Set("x", "1"), at_ms=at_ms).reason is not Reason.SESSION_EXPIRED


@pytest.mark.parametrize("command", [None, Configuration(("S1",)), Set("y", "1"), OpenSession()])
def test_any_entry_brings_the_time_by_which_the_least_active_sessions_expire(command: Command | Configuration | None) -> None:
    history = History()
    history.open("C2", 500.0)
    history.open("C3", 600.0)
    history.ask(1, Set("x", "1"), at_ms=700.0)
    history.open("C4", 800.0)
    assert history.apply(Entry(1, command, at_ms=1_650.0)).expired == (("C2", 2), ("C3", 3))
    assert history.apply(Entry(1, command, at_ms=1_750.0)).expired == (("C1", 1),)
    assert 5 in history.machine.sessions


# ---- snapshots

session_commands = st.tuples(
    st.none() | st.just(OpenSession()) | st.just(Configuration(("S1",))) | commands(few_keys, few_values),
    st.integers(1, 6),  # the number of the command
    st.integers(0, 12),  # its session: often one that there is
    st.sampled_from([0.0, 0.0, 100.0, 400.0, 1_100.0]),  # time since the entry before
)


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    drawn = [(OpenSession(), 0, 0, 0.0), (OpenSession(), 0, 0, 100.0), *draw(st.lists(session_commands, max_size=40))]
    times = accumulate(pause for *_, pause in drawn)
    return [Entry(1, command, f"C{session}", number, session, at) for (command, number, session, _), at in zip(drawn, times, strict=True)]


@given(logs(), st.data())
def test_servers_agree_however_the_log_reached_them(log: list[Entry], data: st.DataObject) -> None:
    """One applies it in a batch, another entry by entry, a third begins with a snapshot of either."""
    one, other, restored = machine_with(), machine_with(), machine_with(Set("z", "gone"), OpenSession())
    middle = data.draw(st.integers(0, len(log)))
    before = [other.apply_all(index, [entry])[0] for index, entry in enumerate(log[:middle], 1)]
    restored.restore(other.image())
    after = [other.apply_all(index, [entry])[0] for index, entry in enumerate(log[middle:], middle + 1)]

    assert one.apply_all(1, log) == before + after
    assert restored.apply_all(middle + 1, log[middle:]) == after
    for machine in (other, restored):
        assert machine.kv_store == one.kv_store
        assert list(machine.sessions.items()) == list(one.sessions.items())
        assert machine.image() == one.image()
    activity = [session.active_at_ms for session in one.sessions.values()]
    assert activity == sorted(activity)


def test_an_image_is_the_same_whatever_way_led_to_it() -> None:
    one, other = machine_with(Set("a", "1"), Set("b", "2")), machine_with(Set("b", "1"), Set("c", "3"), Set("a", "1"))
    other.apply_all(4, [Entry(1, Delete("c")), Entry(1, Set("b", "2"))])
    assert one.image() == other.image()
    assert list(msgspec.msgpack.decode(one.image(), type=Image).kv_store) == ["a", "b"]


def test_a_session_that_was_restored_expires_in_its_time() -> None:
    history = History()
    machine = machine_with()
    machine.restore(history.machine.image())
    assert machine.apply_all(2, [Entry(1, at_ms=1_000.0), Entry(1, at_ms=1_000.5)])[1].expired == (("C1", 1),)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[1:], lambda data: data[:0], lambda data: data.replace(b"v", b"\xff")]
)
def test_damaged_data_is_refused_and_nothing_changes(damage) -> None:
    machine = machine_with(Set("x", "v"), OpenSession())
    before = machine.image()
    with pytest.raises(CorruptSnapshotError, match="should be the store and its sessions, and is not"):
        machine.restore(damage(before))
    assert machine.image() == before
