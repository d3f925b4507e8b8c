"""Commands as people type them: SET x 1, GET x, DELETE x, APPEND x abc, CAS x 1 2; GET x STALE chooses the way to read.

A word is taken as it stands, whatever signs are in it. Only a word with spaces, an empty one, or one that begins with a
quote needs quotes: "…" as in JSON, with its backslashes, or '…', in which every sign stands for itself.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from raftcore.statemachine.kv import MAX_VALUE_BYTES
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, OpenSession, ReadMode, Set, size_bytes
from raftcore.vocabulary.errors import CommandError

MAX_KEY_BYTES = 256
"""The longest key, in bytes of UTF-8."""


class _Form(Struct, frozen=True):
    """How a command is written. `longer`: how else, with the words that may be left out."""

    command: type[Any]
    needs: str
    example: str
    longer: str = ""

    def __str__(self) -> str:
        return self.example + self.longer


_FORMS = {
    "SET": _Form(Set, "a key and a value", "SET x 1"),
    "GET": _Form(Get, "a key", "GET x", " or GET x " + " | ".join(mode.name for mode in ReadMode)),
    "DELETE": _Form(Delete, "a key", "DELETE x"),
    "APPEND": _Form(Append, "a key and a text to add", "APPEND x abc"),
    "CAS": _Form(Cas, "a key, the value that it should hold, and a new value", "CAS x 1 2"),
}
_SHORT = {"DEL": "DELETE"}
_VERBS = {form.command: verb for verb, form in _FORMS.items()}
_EXAMPLES = ", ".join(form.example for form in _FORMS.values())

# An apostrophe opens a quotation only if another one closes it at the end of a word: 'tis is a word like any other.
_WORD = re.compile(
    r"""(?: (?P<json> "(?:[^"\\]|\\.)*" ) | '(?P<plain> .*? )' | (?P<bare> [^\s"]\S* ) ) (?!\S) \s*""", re.DOTALL | re.VERBOSE
)
_NEEDS_NO_QUOTES = re.compile(r"""[^\s"']\S*""")

_LIMITS = {"key": ("key", MAX_KEY_BYTES), "value": ("value", MAX_VALUE_BYTES), "expected": ("expected value", MAX_VALUE_BYTES)}


def parse_command(text: str) -> Command:
    """The command that the text says. Raises CommandError, which shows the right form."""
    words = list(_words(text.lstrip()))
    if not words:
        raise CommandError(f"type a command: {_EXAMPLES}")
    verb = _SHORT.get(words[0].upper(), words[0].upper())
    form = _FORMS.get(verb)
    if form is None:
        raise CommandError(f"there is no command {words[0]!r}; there are {_EXAMPLES}")

    values = words[1:]
    most = len(form.command.__struct_fields__)
    least = most - len(form.command.__struct_defaults__)
    if len(values) < least:
        raise CommandError(f"{verb} needs {form.needs}: {form}")
    if len(values) > most:
        raise CommandError(f"{verb} needs {form.needs}: {form}; {len(values)} words follow; put quotes around a text with spaces")
    if len(values) == least:
        return check_command(form.command(*values))
    return check_command(Get(values[0], _read_mode(values[1])))  # no other command has a word that may be left out


def show_command(command: Command) -> str:
    """The text that `parse_command` reads as this command. Nobody types OpenSession; it has a text to be looked at."""
    values = [getattr(command, field) for field in command.__struct_fields__]
    return " ".join([_VERBS.get(type(command), "OPEN SESSION"), *(_show_word(value) for value in values if value is not None)])


def check_command(command: Command) -> Command:
    """The command itself. Raises CommandError unless people may ask for it, and its keys and values are text that the store accepts."""
    if isinstance(command, OpenSession):
        raise CommandError("a client opens its sessions by itself when it needs one; give it the command that it is to carry out")
    if type(command) not in _VERBS:
        raise CommandError(f"{command!r} is no command; give one such as Set('x', '1'), or its text to a client's run: {_EXAMPLES}")
    for field in command.__struct_fields__:
        if field == "mode":
            _check_mode(getattr(command, field))
        else:
            _check_text(field, getattr(command, field))
    if not command.key:
        raise CommandError(f"the key is empty; it needs a character or more: {_FORMS[_VERBS[type(command)]].example}")
    return command


def _check_mode(mode: object) -> None:
    if mode is not None and not isinstance(mode, ReadMode):
        raise CommandError(f"{mode!r} is no way to read; give one of {', '.join(map(str, ReadMode))}, or None")


def _check_text(field: str, text: object) -> None:
    name, limit_bytes = _LIMITS[field]
    if not isinstance(text, str):
        raise CommandError(f"the {name} {text!r} is no text; write {str(text)!r}")
    try:
        length_bytes = size_bytes(text)
    except UnicodeEncodeError as error:
        raise CommandError(f"the {name} is no text: its character {error.start + 1} is half of a surrogate pair") from None
    if length_bytes > limit_bytes:
        raise CommandError(f"the {name} is {length_bytes:,} bytes long; it may have {limit_bytes:,}")


def _read_mode(word: str) -> ReadMode:
    try:
        return ReadMode[word.upper()]
    except KeyError:
        raise CommandError(f"there is no way to read {word!r}; write {_FORMS['GET']}, with quotes around a key that has spaces") from None


def _words(text: str) -> Iterator[str]:
    """The words of the text, out of their quotes."""
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise CommandError(f'the quotes must close at the end of a word: {text[at : at + 30]}; write \\" for a " between them')
        word = match[match.lastgroup or 0]
        yield _read_json(word) if match.lastgroup == "json" else word
        at = match.end()


def _read_json(word: str) -> str:
    try:
        text: str = json.loads(word, strict=False)
    except json.JSONDecodeError:
        raise CommandError(f"in {word[:40]} a backslash begins no escape that there is; write \\\\ for a backslash, or use '…'") from None
    return text


def _show_word(word: str | ReadMode) -> str:
    if isinstance(word, ReadMode):
        return word.name
    return word if _NEEDS_NO_QUOTES.fullmatch(word) else json.dumps(word, ensure_ascii=False)
