"""A reader of EDN, the notation in which Jepsen writes histories (github.com/edn-format/edn)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

MOST_NESTED = 64
"""How deep collections may be nested. Histories need three levels."""


class EdnError(ValueError):
    """The text is no EDN. The message says what is wrong at `offset`, in characters from the beginning of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Keyword(Struct, frozen=True):
    """A name that stands for itself, written with a colon before it."""

    name: str

    def __str__(self) -> str:
        return f":{self.name}"


class Symbol(Struct, frozen=True):
    """A name without a colon."""

    name: str

    def __str__(self) -> str:
        return self.name


class Form(Struct, frozen=True):
    """A value that stands in no other, and where: begin and end, in characters from the beginning of the text.

    value: None, bool, int, float, str, Keyword, Symbol, a tuple for a list, a vector or a set, or a dict for a map. Of a tagged value
    the tag is left out.
    """

    value: Any
    begin: int
    end: int


_TOKEN = re.compile(
    r"""[\s,]+ | ;[^\n]* | (?P<string> "(?:[^"\\]|\\.)*" ) | (?P<opening> \#?\{ | \( | \[ ) | (?P<closing> [)\]}] )
    | (?P<discard> \#_ ) | (?P<tag> \#[A-Za-z][^\s,;"(){}\[\]]* )
    | (?P<character> \\(?:[A-Za-z]\w* | \S) ) | (?P<atom> [^\s,;"(){}\[\]\\\#]+ )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"{": "}", "#{": "}", "(": ")", "[": "]"}
_WHOLE, _REAL = re.compile(r"[+-]?\d{1,300}N?"), re.compile(r"[+-]?\d{1,300}(\.\d*)?([eE][+-]?\d{1,3})?M?")
_NAMES: dict[str, Any] = {"nil": None, "true": True, "false": False}
_CHARACTERS = {"newline": "\n", "return": "\r", "space": " ", "tab": "\t"}
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", "\\": "\\", '"': '"'}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


class _Open(Struct):
    """A collection that is not closed yet. skip: how many of the forms that follow are left out, by #_."""

    opening: str
    begin: int
    items: list[Any]
    skip: int = 0
    tagged: bool = False


def forms(text: str) -> Iterator[Form]:
    """The values of a text, one after the other.

    Raises EdnError where the text is no EDN, nested deeper than MOST_NESTED, or a map whose keys are collections or stand there twice.
    """
    stack = [_Open("", 0, [])]
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise EdnError("a text does not end" if text[position] == '"' else f"there is a {text[position]!r}", position)
        begin, position = position, match.end()
        yield from _take(stack, match, begin)
    if len(stack) > 1 or stack[0].skip or stack[0].tagged:
        raise EdnError(f"a {stack[-1].opening} is not closed" if len(stack) > 1 else "a # has nothing behind it", stack[-1].begin)


def _take(stack: list[_Open], match: re.Match[str], begin: int) -> Iterator[Form]:
    """Let a token open, close or fill a collection; a form that is complete and stands in no other comes out."""
    kind, token, top = match.lastgroup, match.group(), stack[-1]
    if kind is None:
        return
    if kind == "opening":
        if len(stack) > MOST_NESTED:
            raise EdnError(f"it is nested deeper than {MOST_NESTED} levels", begin)
        stack.append(_Open(token, begin, []))
    elif kind == "discard":
        top.skip += 1
    elif kind == "tag":
        top.tagged = True
    elif kind != "closing":
        yield from _complete(stack, Form(_atom(kind, token, begin), begin, match.end()))
    elif _CLOSING.get(top.opening) != token:
        raise EdnError(f"a {token} closes nothing", begin)
    elif top.skip or top.tagged:
        raise EdnError(f"a # has nothing behind it, before {token}", begin)
    else:
        stack.pop()
        yield from _complete(stack, Form(_collection(top), top.begin, match.end()))


def _complete(stack: list[_Open], form: Form) -> Iterator[Form]:
    top = stack[-1]
    top.tagged = False
    if top.skip:
        top.skip -= 1
    elif len(stack) > 1:
        top.items.append(form.value)
    else:
        yield form


def _collection(closed: _Open) -> Any:
    if closed.opening != "{":
        return tuple(closed.items)
    keys, values = closed.items[::2], closed.items[1::2]
    if len(keys) != len(values):
        raise EdnError("a map has a key without a value", closed.begin)
    if any(isinstance(key, tuple | dict) for key in keys):
        raise EdnError("a map has a collection for a key", closed.begin)
    made = dict(zip(keys, values, strict=True))
    if len(made) != len(keys):
        raise EdnError("a map has one key twice", closed.begin)
    return made


def _atom(kind: str, token: str, begin: int) -> Any:
    if kind == "string":
        return _string(token[1:-1], begin) if "\\" in token else token[1:-1]
    if kind == "character":
        return _CHARACTERS.get(token[1:], token[1:])
    if token in _NAMES:
        return _NAMES[token]
    if token[0] == ":" and len(token) > 1:
        return Keyword(token[1:])
    if _WHOLE.fullmatch(token):
        return int(token.rstrip("N"))
    if _REAL.fullmatch(token):
        return float(token.rstrip("M"))
    if token[0].isdigit() or token[0] == ":":
        raise EdnError(f"{token[:20]!r} is neither a number nor a name", begin)
    return Symbol(token)


def _string(token: str, begin: int) -> str:
    text = _ESCAPE.sub(lambda match: _escaped(match, begin), token)
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # as Java has it, some signs are two escapes
    except UnicodeDecodeError:
        raise EdnError("a text has half of a sign: a surrogate alone", begin) from None


def _escaped(match: re.Match[str], begin: int) -> str:
    code, letter = match.groups()
    if code:
        return chr(int(code, 16))
    if letter not in _ESCAPES:
        raise EdnError(f"a text has \\{letter}, which means nothing", begin)
    return _ESCAPES[letter]


def show(text: str | None) -> str:
    """A text as EDN, or nil: an EDN string is written like one in JSON."""
    return "nil" if text is None else json.dumps(text, ensure_ascii=False)
