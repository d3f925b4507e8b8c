"""Commands as people type them: SET x 1, GET x, DELETE x, APPEND x abc, CAS x 1 2; GET x STALE chooses the way to read.

A word is taken as it stands, whatever signs are in it. Only a word with spaces, an empty one, or one that begins with a
quote needs quotes: "…" as in JSON, with its backslashes, or '…', in which every sign stands for itself.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set
from raftcore.vocabulary.errors import CommandError
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import EXAMPLES, check_command


class _Form(Struct, frozen=True):
    """How a command is written. `longer`: how else, with the words that may be left out."""

    command: type[Any]
    needs: str
    longer: str = ""

    def __str__(self) -> str:
        return EXAMPLES[self.command] + self.longer


_FORMS = {
    "SET": _Form(Set, "a key and a value"),
    "GET": _Form(Get, "a key", " or GET x " + " | ".join(mode.name for mode in ReadMode)),
    "DELETE": _Form(Delete, "a key"),
    "APPEND": _Form(Append, "a key and a text to add"),
    "CAS": _Form(Cas, "a key, the value that it should hold, and a new value"),
}
_SHORT = {"DEL": "DELETE"}
_VERBS = {form.command: verb for verb, form in _FORMS.items()}
_EXAMPLES = ", ".join(EXAMPLES.values())

# An apostrophe opens a quotation only if another one closes it at the end of a word: 'tis is a word like any other.
_JSON, _PLAIN, _BARE = r"""(?P<json> "(?:[^"\\]|\\.)*" )""", r"""'(?P<plain> .*? )'""", r"""(?P<bare> [^\s"]\S* )"""
_WORD, _NOT_PLAIN = (
    re.compile(rf"(?: {' | '.join(forms)} ) (?!\S) \s*", re.DOTALL | re.VERBOSE) for forms in ((_JSON, _PLAIN, _BARE), (_JSON, _BARE))
)
_CLOSES = re.compile(r"'(?!\S)")
_NEEDS_NO_QUOTES = re.compile(r"""[^\s"']\S*""")


def parse_command(text: str) -> Command:
    """The command that the text says. Raises CommandError, which shows the right form."""
    if not isinstance(text, str):
        raise CommandError(f"{brief(text)} is no text; type a command: {_EXAMPLES}")
    words = list(_words(text.lstrip()))
    if not words:
        raise CommandError(f"type a command: {_EXAMPLES}")
    verb = _SHORT.get(words[0].upper(), words[0].upper())
    form = _FORMS.get(verb)
    if form is None:
        raise CommandError(f"there is no command {brief(words[0])}; there are {_EXAMPLES}")

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
    """The text that `parse_command` reads as this command. Raises CommandError for what is none.

    Nobody types OpenSession; it has a text to be looked at.
    """
    if not isinstance(command, Command):
        raise CommandError(f"{brief(command)} is no command; give one, for example {Set('x', '1')!r}")
    values = [getattr(command, field) for field in command.__struct_fields__]
    return " ".join([_VERBS.get(type(command), "OPEN SESSION"), *(_show_word(value) for value in values if value is not None)])


def _read_mode(word: str) -> ReadMode:
    try:
        return ReadMode[word.upper()]
    except KeyError:
        raise CommandError(f"there is no way to read {brief(word)}; write {_FORMS['GET']}, and quotes around a key with spaces") from None


def _words(text: str) -> Iterator[str]:
    """The words of the text, out of their quotes. Each sign is looked at a few times at most: no apostrophe is sought behind the last."""
    at = 0
    last_closing = max((found.start() for found in _CLOSES.finditer(text)), default=-1)
    while at < len(text):
        match = (_WORD if at < last_closing else _NOT_PLAIN).match(text, at)
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
    if not isinstance(word, str):
        raise CommandError(f"{brief(word)} is no text; write {brief(word)!r}")
    return word if _NEEDS_NO_QUOTES.fullmatch(word) else json.dumps(word, ensure_ascii=False)
