"""The key-value store obeys every command as a plain dict would, and commands survive being written down and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftcore.statemachine.kv import MAX_VALUE_BYTES, KeyValueStore, Result
from raftcore.statemachine.language import MAX_KEY_BYTES, check_command, parse_command, show_command
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, Set
from raftcore.vocabulary.errors import CommandError
from raftcore.vocabulary.messages import Entry

texts = st.text(st.characters(codec="utf-8"), max_size=30)
# What a reader of words could stumble on, more often than chance would have it.
tricky = st.text(st.sampled_from(list("ab'\"\\#<>&;$ \t\n\x00\u2028é😀")), max_size=8)
values = texts | tricky
keys = values.filter(bool)


def commands(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[Command]:
    return st.one_of(
        st.builds(Set, keys, values),
        st.builds(Get, keys),
        st.builds(Delete, keys),
        st.builds(Append, keys, values),
        st.builds(Cas, keys, values, values),
    )


few_keys, few_values = st.sampled_from(["x", "y"]), st.sampled_from(["", "1", "2"])
entries = st.lists(st.builds(Entry, st.just(1), st.none() | commands(few_keys, few_values)), max_size=30)

FULL = "v" * MAX_VALUE_BYTES


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
        ("0", Cas("x", "9", "1"), Result(False, "0"), "0"),
        (None, Cas("x", "9", "1"), Result(False, None), None),
        (None, Cas("x", "", "1"), Result(False, None), None),
        ("0", None, Result(True), "0"),
        (FULL[1:], Append("x", "w"), Result(True, FULL[1:] + "w", "x", FULL[1:] + "w"), FULL[1:] + "w"),
        (FULL, Append("x", "w"), Result(False), FULL),
        (FULL[1:], Append("x", "é"), Result(False), FULL[1:]),
        (FULL, Append("x", ""), Result(True, FULL, "x", FULL), FULL),
    ],
)
def test_what_a_command_answers_and_leaves(held: str | None, command: Command | None, result: Result, holds: str | None) -> None:
    store = KeyValueStore()
    store.apply(Set("other", "kept"))
    if held is not None:
        store.apply(Set("x", held))

    assert store.apply_all([Entry(1, command)]) == [result]
    assert dict(store.kv_store) == {"other": "kept"} | ({} if holds is None else {"x": holds})


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
    store, model = KeyValueStore(), {}
    results: list[Result] = []
    for begin in range(0, len(entries), batch):
        results += store.apply_all(entries[begin : begin + batch])

    seen: dict[str, str] = {}
    for entry, result in zip(entries, results, strict=True):
        assert (result.ok, result.value) == dict_apply(model, entry.command)
        # Whoever follows changed_key and new_value alone, as the trace does, arrives at the same map.
        if result.changed_key is not None and result.new_value is None:
            del seen[result.changed_key]
        elif result.changed_key is not None:
            seen[result.changed_key] = result.new_value
        assert seen == model
    assert dict(store.kv_store) == model


@given(entries)
def test_two_servers_that_apply_the_same_log_come_to_the_same(entries: list[Entry]) -> None:
    one, other = KeyValueStore(), KeyValueStore()

    assert [one.apply(entry.command) for entry in entries if entry.command] == other.apply_all(entry for entry in entries if entry.command)
    assert one.kv_store == other.kv_store
    assert list(one.kv_store.items()) == list(other.kv_store.items())


@given(entries, entries)
def test_a_map_that_was_kept_still_shows_its_moment(before: list[Entry], after: list[Entry]) -> None:
    store = KeyValueStore()
    store.apply_all(before)
    kept = store.kv_store
    copy = dict(kept)
    store.apply_all(after)

    assert dict(kept) == copy


# ---- the language


@pytest.mark.parametrize(
    "text,command",
    [
        ("SET x 1", Set("x", "1")),
        ("set  x\t1 ", Set("x", "1")),
        (" Get x", Get("x")),
        ("DELETE x", Delete("x")),
        ("del x", Delete("x")),
        ("APPEND x abc", Append("x", "abc")),
        ("CAS x 1 2", Cas("x", "1", "2")),
        ('SET "a key" "a value"', Set("a key", "a value")),
        ("SET 'a key' 'it's here'", Set("a key", "it's here")),
        ("SET x it's", Set("x", "it's")),
        ("SET 'tis 'twas", Set("'tis", "'twas")),
        ("SET x #1", Set("x", "#1")),
        ("SET x <script>alert('1')</script>", Set("x", "<script>alert('1')</script>")),
        (r"SET x C:\temp\new", Set("x", r"C:\temp\new")),
        (r"SET x 'C:\temp new'", Set("x", r"C:\temp new")),
        (r'SET x "say \"hi\"\n\u00e9"', Set("x", 'say "hi"\né')),
        ('SET x 5"', Set("x", '5"')),
        ("SET x a;b&c|$d`e`", Set("x", "a;b&c|$d`e`")),
        ('SET x ""', Set("x", "")),
        ("SET x ''", Set("x", "")),
        ('SET x "two\nlines"', Set("x", "two\nlines")),
        ("SET x 'two\nlines'", Set("x", "two\nlines")),
        ("SET set get", Set("set", "get")),
    ],
)
def test_what_a_person_types_is_understood(text: str, command: Command) -> None:
    assert parse_command(text) == command


@given(commands(keys, values))
def test_a_command_that_is_shown_reads_as_itself(command: Command) -> None:
    assert parse_command(show_command(command)) == command


@pytest.mark.parametrize(
    "command,text",
    [
        (Set("x", "1"), "SET x 1"),
        (Get("x"), "GET x"),
        (Delete("x"), "DELETE x"),
        (Append("x", "it's"), "APPEND x it's"),
        (Cas("x", "", "a b"), 'CAS x "" "a b"'),
        (Set("'x'", '"é"\n'), 'SET "\'x\'" "\\"é\\"\\n"'),
    ],
)
def test_a_command_is_shown_as_it_would_be_typed(command: Command, text: str) -> None:
    assert show_command(command) == text


ALL = "SET x 1, GET x, DELETE x, APPEND x abc, CAS x 1 2"


@pytest.mark.parametrize(
    "text,message",
    [
        ("", f"type a command: {ALL}"),
        (" \n", f"type a command: {ALL}"),
        ("PUT x 1", f"there is no command 'PUT'; there are {ALL}"),
        ("SET", "SET needs a key and a value: SET x 1"),
        ("SET x", "SET needs a key and a value: SET x 1"),
        ("get", "GET needs a key: GET x"),
        ("DEL", "DELETE needs a key: DELETE x"),
        ("APPEND x", "APPEND needs a key and a text to add: APPEND x abc"),
        ("CAS x 1", "CAS needs a key, the value that it should hold, and a new value: CAS x 1 2"),
        ("SET x two words", "SET needs a key and a value: SET x 1; 3 words follow; put quotes around a text with spaces"),
        ('SET x "open', 'the quotes must close at the end of a word: "open; write \\" for a " between them'),
        ('SET x "a"b', 'the quotes must close at the end of a word: "a"b; write \\" for a " between them'),
        (r'SET x "C:\temp\d"', r"""in "C:\temp\d" a backslash begins no escape that there is; write \\ for a backslash, or use '…'"""),
        ('SET "" 1', "the key is empty; it needs a character or more: SET x 1"),
        (r'SET x "a\ud800"', "the value is no text: its character 2 is half of a surrogate pair"),
    ],
)
def test_what_is_not_understood_shows_the_right_form(text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(text)
    assert str(caught.value) == message


# ---- what the store accepts


@pytest.mark.parametrize(
    "command",
    [Set("k" * MAX_KEY_BYTES, FULL), Set("é" * (MAX_KEY_BYTES // 2), "é" * (MAX_VALUE_BYTES // 2)), Cas("x", FULL, FULL), Append("x", "")],
)
def test_a_command_of_the_largest_size_is_accepted(command: Command) -> None:
    assert check_command(command) is command


@pytest.mark.parametrize(
    "command,message",
    [
        (Set("", "1"), "the key is empty; it needs a character or more: SET x 1"),
        (Delete(""), "the key is empty; it needs a character or more: DELETE x"),
        (Get("k" * 257), "the key is 257 bytes long; it may have 256"),
        (Get("é" * 129), "the key is 258 bytes long; it may have 256"),
        (Set("x", FULL + "v"), "the value is 1,048,577 bytes long; it may have 1,048,576"),
        (Append("x", "é" * (MAX_VALUE_BYTES // 2) + "v"), "the value is 1,048,577 bytes long; it may have 1,048,576"),
        (Cas("x", FULL + "v", "1"), "the expected value is 1,048,577 bytes long; it may have 1,048,576"),
        (Set("x", 1), "the value 1 is no text; write '1'"),
        (Get(None), "the key None is no text; write 'None'"),
        (Set("x", "a\ud800"), "the value is no text: its character 2 is half of a surrogate pair"),
    ],
)
def test_what_the_store_can_not_hold_is_refused_with_the_limit(command: Command, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        check_command(command)
    assert str(caught.value) == message
