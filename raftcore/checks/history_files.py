"""Client histories that others recorded: logs of Jepsen's etcd tests, and of a key-value store. A line is a call, or how one ended.

Lines that make no sense, alone or where they stand, are refused by number: a history with a hole would be judged wrongly.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from raftcore.checks.client_history import KeyCommand, Operation
from raftcore.statemachine.language import show_command
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.errors import FileError

REGISTER_KEY = "register"
"""The key that stands for the one register of a Jepsen log."""

_JEPSEN_FORM = "INFO jepsen.util - PROCESS :invoke|:ok|:fail|:info :read|:write|:cas VALUE, where VALUE is nil, 1, [1 2] or :timed-out"
_JEPSEN = re.compile(
    r"""\s* INFO \s+ jepsen\.util \s+ - \s+ (?P<process>\d+) \s+ :(?P<kind>invoke|ok|fail|info) \s+
    (?: :read \s+ (?P<found>nil|-?\d+) | :write \s+ (?P<written>-?\d+) | :cas \s+ \[(?P<expected>-?\d+) \s+ (?P<new>-?\d+)\]
      | :(?P<silent>read|write|cas) \s+ :timed-out ) \s*""",
    re.VERBOSE,
)
_SILENT: dict[str, type[KeyCommand]] = {"read": Get, "write": Set, "cas": Cas}

_TEXT = r'"(?:[^"\\]|\\.)*"'
_KV_FORM = '{:process N, :type :invoke|:ok, :f :get|:put|:append, :key "k", :value nil|"v"}'
_KV = re.compile(
    r"\s*\{:process (?P<process>\d+), :type :(?P<kind>invoke|ok), :f :(?P<verb>get|put|append), "
    rf":key (?P<key>{_TEXT}), :value (?P<value>nil|{_TEXT})\}}\s*"
)


class _Said(Struct, frozen=True):
    """What a line says. asked: the command, or only its kind where an answer does not repeat it. value: what a read found."""

    process: str
    kind: str
    asked: KeyCommand | type[KeyCommand]
    value: str | UnsetType | None = UNSET


class _MalformedError(Exception):
    """A line is none, or does not fit where it stands."""


def read_jepsen(path: str | Path) -> tuple[Operation, ...]:
    """The operations of a Jepsen log on one register, in the order of their calls. What ends with `:info` stays open.

    A `:cas` that ends with `:fail` and `:timed-out` did not happen, and is left out.

    Raises FileError, which names the line, and OSError.
    """
    return _read(Path(path), _jepsen_line, _JEPSEN_FORM)


def read_kv(path: str | Path) -> tuple[Operation, ...]:
    """The operations of a log on a key-value store, in the order of their calls. This format knows no absent keys, only empty ones.

    Raises FileError, which names the line, and OSError.
    """
    return _read(Path(path), _kv_line, _KV_FORM)


def _read(path: Path, read_line: Callable[[str], _Said | None], form: str) -> tuple[Operation, ...]:
    operations: dict[int, Operation] = {}  # by the line of the call
    waiting: dict[str, int] = {}  # by process: the call that has no answer yet
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            text = _text(line)
            if text.strip():
                _take(read_line(text), number, operations, waiting)
        except _MalformedError as error:
            begin = line.decode(errors="replace")[:80]
            raise FileError(f"{path.name}, line {number}: {begin!r} {error}; a line is {form}") from None
    return tuple(operations.values())


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:  # to replace what can't be read would make one of two values
        raise _MalformedError("is no UTF-8") from None


def _take(said: _Said | None, number: int, operations: dict[int, Operation], waiting: dict[str, int]) -> None:
    """Let a line begin an operation, or end one."""
    if said is None:
        raise _MalformedError("is no line of a history")
    if said.kind == "invoke":
        if said.process in waiting:
            raise _MalformedError(f"is a second call of process {said.process}, which has no answer to the first one yet")
        if isinstance(said.asked, type):
            raise _MalformedError("is a call that does not say what it asks for")
        waiting[said.process] = number
        operations[number] = Operation(said.process, said.asked, number)
        return
    if said.process not in waiting:
        raise _MalformedError(f"is an answer to process {said.process}, which waits for none")
    call = waiting.pop(said.process)
    asked = operations[call]
    if said.asked not in (asked.command, type(asked.command)):
        raise _MalformedError(f"is no answer to what process {said.process} asked for: {show_command(asked.command)}")
    if said.kind == "fail" and said.asked is Cas:  # it timed out and did not happen; that the value was another, nobody says
        del operations[call]
    elif said.kind != "info":
        operations[call] = replace(asked, ended=number, ok=said.kind == "ok", value=said.value)


def _jepsen_line(line: str) -> _Said | None:
    match = _JEPSEN.fullmatch(line)
    if match is None or (match["silent"] and match["kind"] == "ok"):
        return None
    process, kind, found = match["process"], match["kind"], match["found"]
    if found:
        return _Said(process, kind, Get(REGISTER_KEY), UNSET if kind != "ok" else None if found == "nil" else found)
    if match["written"]:
        return _Said(process, kind, Set(REGISTER_KEY, match["written"]))
    if match["expected"]:
        return _Said(process, kind, Cas(REGISTER_KEY, match["expected"], match["new"]))
    return _Said(process, kind, _SILENT[match["silent"]])


def _kv_line(line: str) -> _Said | None:
    match = _KV.fullmatch(line)
    if match is None:
        return None
    process, kind, verb, key, text = match.groups()
    try:
        key, value = json.loads(key), None if text == "nil" else json.loads(text)
    except json.JSONDecodeError:
        return None
    if verb == "get":
        return _Said(process, kind, Get(key), (value or None) if kind == "ok" else UNSET)
    if value is None:
        return None
    if not value:  # to put nothing is to delete, and to append nothing is to do nothing
        return _Said(process, kind, Delete(key) if verb == "put" else Get(key))
    return _Said(process, kind, Set(key, value) if verb == "put" else Append(key, value))
