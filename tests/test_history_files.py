"""Histories read from files: what a line means, and by which number one is refused that means nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from raftcore.checks.client_history import Operation
from raftcore.checks.history_files import read_jepsen, read_kv
from raftcore.checks.linearizability import REGISTER, Verdict, check
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.errors import FileError

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "history.log"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def jepsen(*lines: str) -> str:
    return "\n".join("INFO  jepsen.util - " + "\t".join(line.split(" ", 3)) for line in lines)


def test_a_jepsen_log_says_what_was_asked_and_answered(write: Write) -> None:
    history = read_jepsen(
        write(
            jepsen(
                "0 :invoke :read nil", "1 :invoke :write 4", "0 :ok :read nil", "1 :ok :write 4", "0 :invoke :cas [4 0]",
                "0 :ok :cas [4 0]", "1 :invoke :cas [4 1]", "0 :invoke :read nil", "1 :fail :cas [4 1]", "0 :ok :read 0",
            )
        )
    )  # fmt: skip
    assert history == (
        Operation("0", Get("register"), 1, 3, True, None),
        Operation("1", Set("register", "4"), 2, 4, True),
        Operation("0", Cas("register", "4", "0"), 5, 6, True),
        Operation("1", Cas("register", "4", "1"), 7, 9, False),
        Operation("0", Get("register"), 8, 10, True, "0"),
    )


def test_what_timed_out_stays_open_and_a_read_that_timed_out_saw_nothing(write: Write) -> None:
    history = read_jepsen(
        write(
            jepsen(
                "0 :invoke :write 1", "1 :invoke :cas [1 2]", "2 :invoke :read nil", "0 :info :write :timed-out", "1 :info :cas :timed-out",
                "2 :fail :read :timed-out", "0 :invoke :write 2",
            )
        )
    )  # fmt: skip
    assert [(it.ended, it.ok, it.value) for it in history] == [
        (float("inf"), None, UNSET),
        (float("inf"), None, UNSET),
        (6, False, UNSET),
        (float("inf"), None, UNSET),
    ]


def test_a_compare_and_set_that_timed_out_and_failed_did_not_happen_and_says_nothing_of_the_value(write: Write) -> None:
    lines = (
        "0 :invoke :write 1",
        "0 :ok :write 1",
        "1 :invoke :cas [1 2]",
        "1 :fail :cas :timed-out",
        "0 :invoke :read nil",
        "0 :ok :read 1",
    )
    history = read_jepsen(write(jepsen(*lines)))
    assert history == (Operation("0", Set("register", "1"), 1, 2, True), Operation("0", Get("register"), 5, 6, True, "1"))
    assert check(history, REGISTER).verdict is Verdict.LINEARIZABLE


def test_a_log_of_a_key_value_store_knows_no_absent_keys(write: Write) -> None:
    text = r"""
{:process 0, :type :invoke, :f :get, :key "a \"b\"", :value nil}
{:process 1, :type :invoke, :f :append, :key "0", :value "x"}
{:process 0, :type :ok, :f :get, :key "a \"b\"", :value ""}
{:process 0, :type :invoke, :f :put, :key "0", :value ""}
{:process 1, :type :ok, :f :append, :key "0", :value "x"}
{:process 1, :type :invoke, :f :append, :key "0", :value ""}
{:process 2, :type :invoke, :f :put, :key "0", :value "y"}
{:process 2, :type :ok, :f :put, :key "0", :value "y"}
{:process 2, :type :invoke, :f :get, :key "0", :value nil}
{:process 2, :type :ok, :f :get, :key "0", :value "y"}"""
    assert read_kv(write(text)) == (
        Operation("0", Get('a "b"'), 2, 4, True, None),
        Operation("1", Append("0", "x"), 3, 6, True),
        Operation("0", Delete("0"), 5),
        Operation("1", Get("0"), 7),
        Operation("2", Set("0", "y"), 8, 9, True),
        Operation("2", Get("0"), 10, 11, True, "y"),
    )


@pytest.mark.parametrize(
    "lines, why",
    [
        (("0 :invoke :write",), "line 1: .* is no line of a history; a line is INFO jepsen.util - PROCESS"),
        (("0 :invoke :write 1", "hello"), "line 2: .*hello' is no line"),
        (("0 :invoke :write nil",), "line 1: .*is no line"),
        (("0 :invoke :cas 1",), "line 1: .*is no line"),
        (("0 :invoke :read nil", "0 :ok :read :timed-out"), "line 2: .*is no line"),
        (
            ("0 :invoke :read nil", "0 :invoke :read nil"),
            "line 2: .*is a second call of process 0, which has no answer to the first one yet",
        ),
        (("0 :invoke :read nil", "1 :ok :read 1"), "line 2: .*is an answer to process 1, which waits for none"),
        (("0 :invoke :write 1", "0 :ok :write 2"), "line 2: .*is no answer to what process 0 asked for: SET register 1"),
        (("0 :invoke :write 1", "0 :info :cas :timed-out"), "line 2: .*is no answer to what process 0 asked for"),
        (("0 :invoke :write :timed-out",), "line 1: .*is a call that does not say what it asks for"),
    ],
)
def test_a_malformed_line_of_a_jepsen_log_is_refused_by_number(write: Write, lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(FileError, match=r"^history\.log, " + why):
        read_jepsen(write(jepsen(*lines)))


@pytest.mark.parametrize(
    "line",
    [
        '{:process 0, :type :invoke, :f :put, :key "0", :value nil}',
        '{:process 0, :type :fail, :f :put, :key "0", :value "1"}',
        '{:process zero, :type :invoke, :f :get, :key "0", :value nil}',
        '{:process 0, :type :invoke, :f :get, :key "0", :value nil',
        r'{:process 0, :type :invoke, :f :get, :key "\x", :value nil}',
    ],
)
def test_a_malformed_line_of_a_key_value_log_is_refused_by_number(write: Write, line: str) -> None:
    good = '{:process 1, :type :invoke, :f :get, :key "0", :value nil}\n'
    with pytest.raises(FileError, match=r"^history\.log, line 2: .* is no line of a history; a line is \{:process N"):
        read_kv(write(good + line))


def test_a_file_that_is_no_text_is_refused_and_an_absent_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "history.log").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match=r"history\.log, line 1"):
        read_jepsen(tmp_path / "history.log")
    with pytest.raises(FileNotFoundError):
        read_kv(tmp_path / "absent.txt")


GOOD = b'{:process 1, :type :invoke, :f :get, :key "0", :value nil}\n'


@pytest.mark.parametrize("line", [b"\xff", b'{:process 2, :type :invoke, :f :put, :key "0", :value "\xff"}'])
def test_bytes_that_are_no_text_are_refused_by_number_and_not_taken_for_each_other(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "history.log").write_bytes(GOOD + line)
    with pytest.raises(FileError, match=r"^history\.log, line 2: .* is no UTF-8"):
        read_kv(tmp_path / "history.log")


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "history.log"
    path.write_bytes(GOOD + '{:process 2, :type :invoke, :f :put, :key "0", :value "a\u2028b\x85c"}\r\n'.encode() + b"\x0c\nno line")
    with pytest.raises(FileError, match=r"^history\.log, line 4: 'no line'"):
        read_kv(path)
    path.write_bytes(path.read_bytes().removesuffix(b"no line"))
    assert [it.command for it in read_kv(path)] == [Get("0"), Set("0", "a\u2028b\x85c")]
