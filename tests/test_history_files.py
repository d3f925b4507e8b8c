"""Histories read from files: what a line means, and by which number one is refused that means nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from raftcore.checks.client_history import Operation
from raftcore.checks.history_files import read_edn, read_jepsen, read_kv
from raftcore.checks.linearizability import REGISTER, Verdict, check
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.errors import ConfigError, FileError

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
        failed_cas_is_evidence=True,
        path=write(
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
    text = r"""{:process 0, :type :invoke, :f :get, :key "a \"b\"", :value nil}
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
        Operation("0", Get('a "b"'), 1, 3, True, None),
        Operation("1", Append("0", "x"), 2, 5, True),
        Operation("0", Delete("0"), 4),
        Operation("1", Get("0"), 6),
        Operation("2", Set("0", "y"), 7, 8, True),
        Operation("2", Get("0"), 9, 10, True, "y"),
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
        '{:process zero, :type :invoke, :f :get, :key "0", :value nil}',
        '{:process 0, :type :invoke, :f :get, :key "0", :value nil',
        r'{:process 0, :type :invoke, :f :get, :key "\x", :value nil}',
    ],
)
def test_a_malformed_line_of_a_key_value_log_is_refused_by_number(write: Write, line: str) -> None:
    good = '{:process 1, :type :invoke, :f :get, :key "0", :value nil}\n'
    with pytest.raises(FileError, match=r"^history\.log, line 2: .* is no line of a history.*; a line is \{:process 0"):
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
    with pytest.raises(FileError, match=r"^history\.log, line 4: 'no line' is no line"):
        read_kv(path)
    path.write_bytes(path.read_bytes().removesuffix(b"no line"))
    assert [it.command for it in read_kv(path)] == [Get("0"), Set("0", "a\u2028b\x85c")]


# ---- compare-and-set that failed


FAILED = ("0 :invoke :write 1", "0 :ok :write 1", "1 :invoke :cas [1 2]", "1 :fail :cas [1 2]", "2 :invoke :read nil", "2 :ok :read 1")


def test_a_compare_and_set_that_failed_did_not_happen_as_jepsen_and_knossos_have_it(write: Write) -> None:
    history = read_jepsen(write(jepsen(*FAILED)))
    assert [it.client for it in history] == ["0", "2"]
    assert check(history, REGISTER).verdict is Verdict.LINEARIZABLE


def test_a_compare_and_set_that_failed_is_evidence_where_the_store_says_so(write: Write) -> None:
    history = read_jepsen(write(jepsen(*FAILED)), failed_cas_is_evidence=True)
    assert check(history, REGISTER).verdict is Verdict.NOT_LINEARIZABLE
    maps = write("\n".join(re.sub(r"(.*?) (.*?) (.*?) (.*)", r"{:process \1, :type \2, :f \3, :value \4}", line) for line in FAILED))
    assert check(read_edn(maps), REGISTER).verdict is Verdict.LINEARIZABLE
    assert check(read_edn(maps, failed_cas_is_evidence=True), REGISTER).verdict is Verdict.NOT_LINEARIZABLE


# ---- logs of several releases of Jepsen

HEADERS = [
    "INFO  jepsen.util - ",
    "INFO [2021-02-23 10:31:11,243] jepsen worker 0 - jepsen.util ",
    "2021-02-26 23:39:01,300{GMT}\tINFO\t[jepsen worker 1] jepsen.util: ",
]
OTHERS = [
    "INFO  jepsen.core - Running test {:name etcd}",
    "INFO [2021-02-23 10:31:11,243] main - jepsen.cli Test options:",
    "2021-02-26 23:39:01,300{GMT}\tWARN\t[jepsen worker 1] jepsen.core: Process 1 crashed",
]


@pytest.mark.parametrize("header, other", list(zip(HEADERS, OTHERS, strict=True)))
def test_a_log_has_the_form_of_its_time_and_other_messages_and_the_nemesis_are_passed_over(write: Write, header: str, other: str) -> None:
    said = ("0\t:invoke\t:write\t[7 2]", ':nemesis\t:info\t:start\t"Cut off #{n1}"', "0\t:ok\t:write\t[7 2]", ":nemesis\t:info\t:stop\tnil",
            "1\t:invoke\t:cas\t[7 [2 3]]", "1\t:info\t:cas\t[7 [2 3]]\t:timeout", "2\t:invoke\t:read\t[7 nil]",
            '2\t:fail\t:read\t[7 nil]\t"no #object[leader]"')  # fmt: skip
    trace = "java.net.ConnectException: refused\n\tat java.net.Socket\n"
    text = other + "\n" + trace + "".join(f"{header}{line}\n" for line in said) + other + "\n"
    assert read_jepsen(write(text)) == (
        Operation("0", Set("7", "2"), 1, 2, True),
        Operation("1", Cas("7", "2", "3"), 3),
        Operation("2", Get("7"), 5, 6, False),
    )


@pytest.mark.parametrize("header", HEADERS)
def test_a_line_that_is_cut_off_is_refused_also_behind_a_message_that_is_passed_over(write: Write, header: str) -> None:
    with pytest.raises(FileError, match=r"line 2: .*is no line of a history"):
        read_jepsen(write(f"INFO  jepsen.core - Run\n{header[9:]}0\t:invoke\t:write\t1\n"))
    with pytest.raises(FileError, match=r"line 1: .*is no line of a history"):
        read_jepsen(write(f"{header}0\t:invoke\t:write\n"))


# ---- maps


def test_a_history_of_jepsen_is_read_as_it_is_written(write: Write) -> None:
    text = """#jepsen.history.Op{:index 0, :time 11, :type :invoke, :process 0, :f :write, :value [1 4]}
{:type :info, :f :kill, :value {"n1" :killed, :why #{1 2}}, :process :nemesis, :time 12, :index 1} ; the nemesis
{:type :ok, :f :write, :value #jepsen.independent.Tuple [1 4], :process 0, :time 13,
 :index 2}
{:type :invoke, :f :read, :value [2 nil], :process 1} {:type :invoke, :f :cas, :value [2 [0 1]], :process 2}
{:type :ok, :f :read, :value [2 nil], :process 1}, #_ {:left "out"} {:type :fail, :f :cas, :value [2 [0 1]], :process 2, :error :not-found}
{:type :invoke, :f :read, :value [1 nil], :process 1, :time 1}
{:type :info, :f :read, :value nil, :process 1, :error "timeout"}
"""
    expected = (
        Operation("0", Set("1", "4"), 1, 2, True),
        Operation("1", Get("2"), 3, 5, True, None),
        Operation("1", Get("1"), 7),
    )
    assert read_edn(write(text)) == expected
    assert read_edn(write(f"[{text}]")) == expected, "one vector of all operations"


def test_what_a_command_came_to_is_what_its_answer_says_in_result(write: Write) -> None:
    text = """
{:process 0, :type :invoke, :f :append, :key "x", :value "b"}
{:process 0, :type :ok, :f :append, :key "x", :value "b", :result "ab"}
{:process 0, :type :invoke, :f :cas, :key "x", :value ["1" "2"]}
{:process 0, :type :fail, :f :cas, :key "x", :value ["1" "2"], :result "ab"}
"""
    assert read_edn(write(text)) == (
        Operation("0", Append("x", "b"), 1, 2, True, "ab"),
        Operation("0", Cas("x", "1", "2"), 3, 4, False, "ab"),
    )


def test_a_register_may_hold_something_at_first(write: Write) -> None:
    path = write("{:process 0, :type :invoke, :f :read, :value nil} {:process 0, :type :ok, :f :read, :value 0}")
    assert check(read_edn(path), REGISTER).verdict is Verdict.NOT_LINEARIZABLE
    assert check(read_edn(path), REGISTER, initial="0").verdict is Verdict.LINEARIZABLE
    with pytest.raises(ConfigError, match="initial=0 is no value; give the text"):
        check(read_edn(path), REGISTER, initial=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line, why",
    [
        ("{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil]]}", "is a transaction; only operations on one key can be read"),
        ("{:process 0, :type :invoke, :f :enqueue, :value 1}", "asks for :enqueue, which no register or map knows"),
        ("{:process 0, :type :ok, :f :write, :value 1}", "is an answer to process 0, which waits for none"),
        ("{:process 0, :type :invoke, :f :write, :value [1 2 3]}", "is no line of a history"),
        ("{:process 0, :type :invoke, :f :write, :value nil}", "is no line of a history"),
        ("{:process 0, :type :invoke, :f :read, :key [1], :value nil}", "is no line of a history"),
        ('{:process 0, :type :invoke, :f :write, :value "9"}', "has 9 as a text and as a number"),
        ("17", "is no line of a history"),
        ("{:process 0", "is no line of a history: a { is not closed"),
    ],
)
def test_an_operation_that_makes_no_sense_is_refused_by_its_line(write: Write, line: str, why: str) -> None:
    good = "{:process 5, :type :invoke, :f :write, :value 9}\n\n"
    with pytest.raises(FileError, match=r"^history\.log, line 3: .*" + re.escape(why)):
        read_edn(write(good + line))
