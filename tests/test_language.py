"""Commands survive being written down and read again, and what the store can't hold is refused with a sentence."""

import pytest
from hypothesis import given
from strategies import commands, keys, values

from raftcore.statemachine.language import parse_command, show_command
from raftcore.vocabulary.commands import MAX_KEY_BYTES, MAX_VALUE_BYTES, Append, Cas, Command, Delete, Get, OpenSession, ReadMode, Set
from raftcore.vocabulary.errors import CommandError
from raftcore.vocabulary.validation import check_command

FULL = "v" * MAX_VALUE_BYTES


# ---- the language


@pytest.mark.parametrize(
    "text,command",
    [
        ("SET x 1", Set("x", "1")),
        ("set  x\t1 ", Set("x", "1")),
        (" Get x", Get("x")),
        ("GET x LOG", Get("x", ReadMode.LOG)),
        ("get x read_index", Get("x", ReadMode.READ_INDEX)),
        ("GET x Lease", Get("x", ReadMode.LEASE)),
        ("GET stale STALE", Get("stale", ReadMode.STALE)),
        ("GET LOG", Get("LOG")),
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
        (Get("a b", ReadMode.READ_INDEX), 'GET "a b" READ_INDEX'),
        (OpenSession(), "OPEN SESSION"),
        (Delete("x"), "DELETE x"),
        (Append("x", "it's"), "APPEND x it's"),
        (Cas("x", "", "a b"), 'CAS x "" "a b"'),
        (Set("'x'", '"é"\n'), 'SET "\'x\'" "\\"é\\"\\n"'),
    ],
)
def test_a_command_is_shown_as_it_would_be_typed(command: Command, text: str) -> None:
    assert show_command(command) == text


ALL = "SET x 1, GET x, DELETE x, APPEND x abc, CAS x 1 2"
READS = "GET x or GET x LOG | READ_INDEX | LEASE | STALE"


@pytest.mark.parametrize(
    "text,message",
    [
        ("", f"type a command: {ALL}"),
        (" \n", f"type a command: {ALL}"),
        ("PUT x 1", f"there is no command 'PUT'; there are {ALL}"),
        ("SET", "SET needs a key and a value: SET x 1"),
        ("SET x", "SET needs a key and a value: SET x 1"),
        ("get", f"GET needs a key: {READS}"),
        ("GET x y z", f"GET needs a key: {READS}; 3 words follow; put quotes around a text with spaces"),
        ("GET x fast", f"there is no way to read 'fast'; write {READS}, and quotes around a key with spaces"),
        ("OPEN SESSION", f"there is no command 'OPEN'; there are {ALL}"),
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
        (
            Get("x", "stale"),
            "'stale' is no way to read; give one of ReadMode.LOG, ReadMode.READ_INDEX, ReadMode.LEASE, ReadMode.STALE, or None",
        ),
        (OpenSession(), "a client opens its sessions by itself when it needs one; give it the command that it is to carry out"),
        (Set("x", "a\ud800"), "the value is no text: its character 2 is half of a surrogate pair"),
    ],
)
def test_what_the_store_can_not_hold_is_refused_with_the_limit(command: Command, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        check_command(command)
    assert str(caught.value) == message
