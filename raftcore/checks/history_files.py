"""Client histories from files: Jepsen's `history.edn`, the logs of its tests, and what `run.to_edn` writes.

A history is a line of operations, each of which is a call or how one ended (github.com/jepsen-io/jepsen, `jepsen.history`). What makes no
sense, alone or where it stands, is refused with its line: a history with a hole would be judged wrongly.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from raftcore.checks.client_history import KeyCommand, Operation
from raftcore.checks.edn import EdnError, Keyword, forms
from raftcore.statemachine.language import show_command
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.errors import FileError
from raftcore.vocabulary.validation import check_path

REGISTER_KEY = "register"
"""The key that stands for the one register of a history that names no keys."""

_Op: TypeAlias = dict[Keyword, Any]
"""An operation as Jepsen has it."""

_EDN_FORM = (
    "{:process 0, :type :invoke|:ok|:fail|:info, :f :read|:write|:cas|:append|:delete, :value 1}, with :key or [key value] for a map"
)
_LOG_FORM = "INFO jepsen.util - PROCESS :invoke|:ok|:fail|:info :read|:write|:cas VALUE, where VALUE is nil, 1, [1 2] or :timed-out"

_VERBS: dict[str, type[KeyCommand]] = {
    "read": Get, "get": Get, "r": Get, "write": Set, "put": Set, "w": Set, "cas": Cas, "append": Append, "delete": Delete,
}  # fmt: skip
_TYPES = ("invoke", "ok", "fail", "info")
_NONE = "is no line of a history"
MOST_SHOWN = 80
"""How many signs of a line a refusal shows."""


class _Said(Struct, frozen=True):
    """What an operation says. asked: the command, or only its kind where an answer does not repeat it. value: what the key held then."""

    process: str
    kind: str
    asked: KeyCommand | type[KeyCommand]
    value: str | UnsetType | None = UNSET


class _MalformedError(Exception):
    """What stands in a line is no operation, or does not fit there."""


def read_edn(path: str | Path, *, failed_cas_is_evidence: bool = False) -> tuple[Operation, ...]:
    """The operations of clients in a history of maps, in the order of their calls: Jepsen's `history.edn`, and what `run.to_edn` writes.

    One register, or a map whose keys stand in `:key` or, as in jepsen.independent, in `:value [key value]`. What the nemesis says is
    passed over. What ends with `:info` stays open. A compare-and-set that ends with `:fail` did not happen, as Jepsen and Knossos have it,
    and is left out, unless it says in `:result` what the key held.

    failed_cas_is_evidence: such a `:fail` says that the key held something else, as in porcupine's test data.

    Raises FileError, which names the line, ConfigError for what is no path, and OSError.
    """
    history = _History(check_path(path), _EDN_FORM, failed_cas_is_evidence)
    history.absorb_maps()
    return history.operations()


def read_kv(path: str | Path) -> tuple[Operation, ...]:
    """Like `read_edn`, for a store that knows no absent keys, only empty ones, as in porcupine's test data: `""` is read as nil.

    Raises FileError, which names the line, ConfigError for what is no path, and OSError.
    """
    history = _History(check_path(path), _EDN_FORM, False, empty_is_absent=True)
    history.absorb_maps()
    return history.operations()


def read_jepsen(path: str | Path, *, failed_cas_is_evidence: bool = False) -> tuple[Operation, ...]:
    """The operations of clients in a log of Jepsen, in the order of their calls; otherwise like `read_edn`.

    Lines of other loggers and of the nemesis are passed over.

    Raises FileError, which names the line, ConfigError for what is no path, and OSError.
    """
    history = _History(check_path(path), _LOG_FORM, failed_cas_is_evidence)
    history.absorb_log()
    return history.operations()


class _History:
    """A history while its file is read."""

    def __init__(self, path: Path, form: str, failed_cas_is_evidence: bool, empty_is_absent: bool = False) -> None:
        self._path, self._form = path, form
        self._failed_cas_is_evidence, self._empty_is_absent = failed_cas_is_evidence, empty_is_absent
        self._calls: dict[int, Operation] = {}  # by their place
        self._waiting: dict[str, int] = {}  # by process: the call that has no answer yet
        self._kinds: dict[tuple[str, str], type] = {}  # of keys and of values, by text: of what it is the text
        self._place = 0

    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._calls.values())

    # ---- files

    def absorb_maps(self) -> None:
        text = self._read()
        line, counted = 1, 0
        try:
            for form in forms(text):
                line, counted = line + text.count("\n", counted, form.begin), form.begin
                begin = text[form.begin : form.begin + MOST_SHOWN]
                for item in form.value if isinstance(form.value, tuple) else (form.value,):
                    self._absorb(item, line, begin)
        except EdnError as error:
            start = text.rfind("\n", 0, error.offset) + 1
            number = text.count("\n", 0, start) + 1
            raise self._refusal(number, text[start : start + MOST_SHOWN], f"{_NONE}: {error}") from None

    def absorb_log(self) -> None:
        passed_over = False
        for number, line in enumerate(self._read().split("\n"), 1):
            if not line.strip():
                continue
            try:
                found = _in_log(line, passed_over)
            except EdnError as error:
                raise self._refusal(number, line, f"{_NONE}: {error}") from None
            except _MalformedError as error:
                raise self._refusal(number, line, str(error)) from None
            passed_over = found is None
            if found is not None:
                self._absorb(found, number, line)

    def _read(self) -> str:
        data = self._path.read_bytes()
        try:
            return data.decode()
        except UnicodeDecodeError as error:  # to replace what can't be read would make one of two values
            start = data.rfind(b"\n", 0, error.start) + 1
            begin = data[start : start + MOST_SHOWN].decode(errors="replace")
            raise self._refusal(data.count(b"\n", 0, start) + 1, begin, "is no UTF-8") from None

    def _refusal(self, line: int, begin: str, why: str) -> FileError:
        shown = begin.partition("\n")[0][:MOST_SHOWN]
        return FileError(f"{self._path.name}, line {line}: {shown!r} {why}; a line is {self._form}")

    # ---- operations

    def _absorb(self, op: Any, line: int, begin: str) -> None:
        """Let an operation begin, or end one. What the nemesis says is passed over: it is no client."""
        fields = {key.name: value for key, value in op.items() if isinstance(key, Keyword)} if isinstance(op, dict) else {}
        if isinstance(fields.get("process"), Keyword):
            return
        try:
            self._place += 1
            self._take(self._said(fields))
        except _MalformedError as error:
            raise self._refusal(line, begin, str(error)) from None

    def _take(self, said: _Said) -> None:
        if said.kind == "invoke":
            if said.process in self._waiting:
                raise _MalformedError(f"is a second call of process {said.process}, which has no answer to the first one yet")
            if isinstance(said.asked, type):
                raise _MalformedError("is a call that does not say what it asks for")
            self._waiting[said.process] = self._place
            self._calls[self._place] = Operation(said.process, said.asked, self._place)
            return
        if said.process not in self._waiting:
            raise _MalformedError(f"is an answer to process {said.process}, which waits for none")
        call = self._waiting.pop(said.process)
        asked = self._calls[call]
        if said.asked not in (asked.command, type(asked.command)):
            raise _MalformedError(f"is no answer to what process {said.process} asked for: {show_command(asked.command)}")
        if said.kind == "fail" and isinstance(asked.command, Cas) and not self._is_evidence(said):
            del self._calls[call]
        elif said.kind != "info":
            self._calls[call] = replace(asked, ended=self._place, ok=said.kind == "ok", value=said.value)

    def _is_evidence(self, failed: _Said) -> bool:
        return failed.value is not UNSET or (self._failed_cas_is_evidence and not isinstance(failed.asked, type))

    def _said(self, op: dict[str, Any]) -> _Said:
        process, kind, verb = op.get("process"), op.get("type"), op.get("f")
        if type(process) is not int or not isinstance(kind, Keyword) or kind.name not in _TYPES or not isinstance(verb, Keyword):
            raise _MalformedError(_NONE)
        if verb.name == "txn":
            raise _MalformedError("is a transaction; only operations on one key can be read")
        if verb.name not in _VERBS:
            raise _MalformedError(f"asks for {verb}, which no register or map knows")
        command = _VERBS[verb.name]
        key, value = self._key_and_value(op, command)
        if isinstance(value, Keyword) or (value is None and kind.name in ("fail", "info")):
            if kind.name == "ok":
                raise _MalformedError(_NONE)
            return _Said(str(process), kind.name, command)  # an outcome that says how it came about: :timed-out
        asked = self._command(command, key, value)
        if command is Get and kind.name == "ok":
            return _Said(str(process), kind.name, asked, self._held(value))
        return _Said(str(process), kind.name, asked, self._held(op["result"]) if "result" in op else UNSET)

    def _key_and_value(self, op: dict[str, Any], command: type[KeyCommand]) -> tuple[str, Any]:
        value = op.get("value")
        if "key" in op:
            return self._as_text(op["key"], "key"), value
        key, inner = _pair(value) or (None, None)
        if key is not None and (command is not Cas or isinstance(inner, tuple | Keyword)):
            return self._as_text(key, "key"), inner
        return REGISTER_KEY, value

    def _command(self, command: type[KeyCommand], key: str, value: Any) -> KeyCommand:
        if command is Get:
            return Get(key)
        if command is Delete:
            return Delete(key)
        if command is Cas:
            pair = _pair(value)
            if pair is None:
                raise _MalformedError(_NONE)
            return Cas(key, self._as_text(pair[0]), self._as_text(pair[1]))
        text = self._as_text(value)
        if self._empty_is_absent and not text:  # to put nothing is to delete, and to append nothing is to do nothing
            return Delete(key) if command is Set else Get(key)
        return Set(key, text) if command is Set else Append(key, text)

    def _held(self, value: Any) -> str | None:
        """What the key held: nil where it was absent."""
        text = None if value is None else self._as_text(value)
        return None if self._empty_is_absent and not text else text

    def _as_text(self, value: Any, role: str = "value") -> str:
        """A key or value as the lab knows them: text. Raises where two that differ would have one text."""
        if not isinstance(value, str | int | float):  # a truth value is an int
            raise _MalformedError(_NONE)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if self._kinds.setdefault((role, text), type(value)) is not type(value):
            raise _MalformedError(f"has {text} as a text and as a number; the lab, which has text alone, can't tell them apart")
        return text


def _pair(value: Any) -> tuple[Any, Any] | None:
    return value if isinstance(value, tuple) and len(value) == 2 else None


# ---- logs

_HEADERS = (
    r"(?P<level>[A-Z]+) \s+ (?P<logger>[\w.$-]+) \s+ - \s+",
    r"(?P<level>[A-Z]+) \s+ \[[\d\-: ,.]+\] \s+ .{0,200}? \s - \s+ (?P<logger>[\w.$-]+) \s+",
    r"\d{4}-\d\d-\d\d [ T] [\d:,.]+ \S* \s+ (?P<level>[A-Z]+) \s+ \[[^\]]{0,200}\] \s+ (?P<logger>[\w.$-]+) : \s*",
)
"""How a line begins, with log4j's patterns of Jepsen 0.0, 0.1 and 0.2."""
_BEGINS = [re.compile(rf"\s* {header} (?P<rest>.*)", re.VERBOSE | re.DOTALL) for header in _HEADERS]
_SPEAKS = re.compile(r"(\d+|:[\w-]+) \s+ :(invoke|ok|fail|info) \s", re.VERBOSE)
_OF_A_CLIENT = re.compile(r"(?<!\S) \d+ \s+ :(invoke|ok|fail|info) \s", re.VERBOSE)
_FIELDS = ("process", "type", "f", "value")


def _in_log(line: str, passed_over: bool) -> _Op | None:
    """The operation in a line of a log, or None for a message of something else. passed_over: the line before was of such a one, too."""
    match = next(filter(None, (begin.match(line) for begin in _BEGINS)), None)
    if match is None:
        if passed_over and not _OF_A_CLIENT.search(line):
            return None  # the message goes on: a stack trace, say
        raise _MalformedError(_NONE)
    rest = match["rest"]
    if not _SPEAKS.match(rest):
        if match["logger"] == "jepsen.util" and match["level"] == "INFO":
            raise _MalformedError(_NONE)
        return None
    if rest.startswith(":"):
        return {Keyword("process"): Keyword("nemesis")}
    said = _first_values(rest)
    if len(said) != len(_FIELDS):
        raise _MalformedError(_NONE)
    return {Keyword(name): value for name, value in zip(_FIELDS, said, strict=True)}


def _first_values(rest: str) -> list[Any]:
    """What stands first in a line; why an operation failed may follow, in Clojure's notation or in words."""
    found: Iterator[Any] = (form.value for form in forms(rest))
    return [value for _, value in zip(_FIELDS, found, strict=False)]
