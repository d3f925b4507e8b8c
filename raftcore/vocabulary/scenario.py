"""A run, before it is run: configuration, seed and actions. The same scenario gives the same trace, byte for byte."""

from keyword import iskeyword
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr, replace

from raftcore.files import save_atomically
from raftcore.vocabulary.actions import Action, CreateServer
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import CommandError, ConfigError, FileError
from raftcore.vocabulary.names import ServerId, is_server_name
from raftcore.vocabulary.numbers import number as number_of
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import Spelled, brief
from raftcore.vocabulary.validation import KINDS, can_be, check_action, check_path, named

MAX_SERVERS = 9
LONGEST_SEED = 256  # bits
LARGEST_FILE = 1 << 28  # bytes; a command has up to two megabytes

COLON = ":"  # between a rule's module and its name
LONGEST_NAME = 500

SERVER_ITSELF = "server"
"""In place of a rule's name: what is not Raft's own is the kind of server, with its log and its state machine."""


class SwappedRule(Struct, frozen=True):
    """A rule that is not Raft's own. server: whose, or None for every server's without one of its own.

    rule: its place in the table, or SERVER_ITSELF. function: by which name Python can import it, "package.module:name"; or, where
    `importable` is False, what it was called. A file may hold
    anything there: `has_name` says whether it is a name. Raises ConfigError for what can be no server and no rule.
    """

    server: ServerId | None
    rule: str
    function: str
    importable: bool

    def __post_init__(self) -> None:
        if self.server is not None and not is_server_name(self.server):
            raise ConfigError(f"{brief(self.server)} is no server that can have a rule; servers are named S1, S2 …")
        if not is_dotted_name(self.rule) or "." in self.rule:
            raise ConfigError(f"{brief(self.rule)} is no rule's name; write one such as 'answer_request_vote'")

    @property
    def has_name(self) -> bool:
        """Whether Python can import it by its name: a file may say so of what is no name."""
        return self.importable and is_dotted_name(self.module) and is_dotted_name(self.name)

    @property
    def called(self) -> str:
        """What it was called, as one line of printable characters that is safe in a comment and not too long."""
        return "".join(sign if sign.isprintable() else " " for sign in self.function[:LONGEST_NAME])

    @property
    def module(self) -> str:
        """Where an importable one is defined."""
        return self.function.partition(COLON)[0]

    @property
    def name(self) -> str:
        """What an importable one is called in its module."""
        return self.function.partition(COLON)[2]

    @property
    def is_ours(self) -> bool:
        """Whether it is part of this package: only such are imported because a file names them."""
        return self.has_name and self.module.partition(".")[0] == "raftcore"


def is_dotted_name(text: object) -> bool:
    """Whether Python's grammar takes it as a name, or as names with dots between.

    >>> is_dotted_name("package.module"), is_dotted_name("os; print()"), is_dotted_name("a.import")
    (True, False, False)
    """
    return isinstance(text, str) and all(part.isidentifier() and not iskeyword(part) for part in text.split("."))


class Scenario(Struct, metaclass=Spelled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a run is a function of. `actions` are in order of time. `rules`: those that are not Raft's own.

    Files with fields that this lab does not know are refused: they may be what makes the run.
    """

    size: int
    seed: int
    config: Config = Config()
    rules: tuple[SwappedRule, ...] = ()
    actions: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        size, seed = whole(self.size), whole(self.seed)
        if size is None or not 1 <= size <= MAX_SERVERS:
            raise ConfigError(f"a cluster of {brief(self.size)} servers can't be; choose 1 to {MAX_SERVERS}, best an odd number")
        if seed is None or seed.bit_length() > LONGEST_SEED:
            raise ConfigError(f"seed={brief(self.seed)} must be a whole number of at most {LONGEST_SEED} bits")
        force_setattr(self, "size", size)
        force_setattr(self, "seed", seed)
        for field, kinds, right in _TUPLES:
            values = getattr(self, field)
            if not isinstance(values, tuple | list) or not set(map(type, values)) <= kinds:
                raise ConfigError(f"{field}={brief(values)} must be a tuple of {right}")
            force_setattr(self, field, tuple(values))
        if not isinstance(self.config, Config):
            raise ConfigError(f"config={brief(self.config)} must be a Config, for example Config(heartbeat_ms=50)")

    def until(self, at_ms: float) -> "Scenario":
        """The same run, with nothing done to it after this moment. Raises ConfigError where it is none."""
        until_ms = number_of(at_ms)
        if until_ms is None:
            raise ConfigError(f"at_ms={brief(at_ms)} is no moment of a run; give simulated milliseconds since its start")
        return replace(self, actions=tuple(action for action in self.actions if action.at_ms <= until_ms))

    # ---- files

    def to_json(self) -> str:
        """The text of a scenario file: JSON, as docs/scenario.schema.json says. Raises ConfigError and CommandError as `check_run`."""
        sound = replace(self, actions=check_run(self))
        return msgspec.json.format(msgspec.json.encode(ScenarioFile(scenario=sound)), indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "this text") -> "Scenario":
        """The scenario that a file's text holds. `name` is what errors call it. Raises FileError, and ConfigError for what is no text."""
        if not isinstance(text, str | bytes):
            raise ConfigError(f"{brief(text)} is no text of a scenario; give a str or bytes, or a path to Scenario.load")
        try:
            text = text.decode("utf-8-sig").encode() if isinstance(text, bytes) else text.encode()
        except UnicodeError as error:
            raise FileError(f"{name} is no scenario: it is not UTF-8 text ({error})") from None
        try:
            return _read(text, name)
        except RecursionError:
            raise FileError(f"{name} is no scenario: its lists or objects lie too deep in each other") from None

    def save(self, path: str | Path) -> None:
        """Write a small file that repeats the run. What stands at `path` is replaced, whole or not at all. Raises OSError."""
        text = self.to_json().encode()
        save_atomically(check_path(path), lambda file: file.write_bytes(text))

    @classmethod
    def load(cls, path: str | Path) -> "Scenario":
        """The scenario that was saved there. Raises FileError, ConfigError for what is no path, and OSError."""
        with check_path(path).open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise FileError(f"{path} is larger than {LARGEST_FILE:,} bytes, and no scenario is")
        return cls.from_json(text, str(path))


def check_run(scenario: Scenario) -> tuple[Action, ...]:
    """The actions with Python's own values. Raise ConfigError or CommandError, which name the action, where one can't be taken.

    Its actions must be possible, in order of time, and name servers that there are by then.
    """
    servers, at_ms, sound = {f"S{number}" for number in range(1, scenario.size + 1)}, 0.0, []
    for number, asked in enumerate(scenario.actions, 1):
        try:
            action = check_action(asked)
        except (ConfigError, CommandError) as error:
            raise type(error)(f"action {number} ({type(asked).__name__} at {brief(asked.at_ms)} ms): {error}") from None
        called = f"action {number} ({type(action).__name__} at {action.at_ms:g} ms)"
        if action.at_ms < at_ms:
            raise ConfigError(f"{called} comes after one at {at_ms:g} ms; actions must be in order of time")
        at_ms = action.at_ms
        if isinstance(action, CreateServer):
            _create(servers, action.server, called)
        for kind, name in named(action):
            if not can_be(kind, name) or (is_server_name(name) and name not in servers):
                raise ConfigError(f"{called} names {brief(name)}; servers are then {', '.join(sorted(servers))}, and clients C1, C2 …")
        sound.append(action)
    return tuple(sound)


def _create(servers: set[str], name: str, called: str) -> None:
    if name in servers or len(servers) == MAX_SERVERS:
        why = "it exists already" if name in servers else f"a cluster has at most {MAX_SERVERS} servers"
        raise ConfigError(f"{called} can't create {name}: {why}")
    servers.add(name)


def _read(text: bytes, name: str) -> Scenario:
    try:
        kind = msgspec.json.decode(text, type=_FileKind)
    except msgspec.ValidationError:
        raise FileError(f"{name} is JSON, but no scenario of this lab: a scenario begins with the format {FORMAT!r}") from None
    except msgspec.DecodeError as error:
        raise FileError(f"{name} is no scenario, or only a part of one: {error}") from None
    if kind.format != FORMAT:
        raise FileError(f"{name} holds {brief(kind.format)}, and a scenario says {FORMAT!r}")
    if kind.version > VERSION:
        raise FileError(f"{name} is a scenario of version {kind.version}, and this lab reads up to {VERSION}; a newer lab can load it")
    if kind.version < 1:
        raise FileError(f"{name} is a damaged scenario: there is no version {kind.version}; they are counted from 1")
    try:
        scenario = msgspec.json.decode(text, type=ScenarioFile).scenario
        check_run(scenario)
    except (msgspec.ValidationError, ConfigError, CommandError) as error:
        raise FileError(f"{name} is a damaged scenario: {error}") from None
    return scenario


_TUPLES: tuple[tuple[str, frozenset[type], str], ...] = (
    ("rules", frozenset({SwappedRule}), "SwappedRule"),
    ("actions", KINDS, "actions, for example (Crash(100.0, 'S1'),)"),
)

FORMAT = "raftlab scenario"
VERSION = 1


class _FileKind(Struct):
    format: str
    version: int


class ScenarioFile(Struct, kw_only=True):
    """What stands in a scenario's file."""

    format: str = FORMAT
    version: int = VERSION
    scenario: Scenario
