"""A run, before it is run: configuration, seed and actions. The same scenario gives the same trace, byte for byte."""

from keyword import iskeyword
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from raftcore.files import save_atomically
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError, FileError
from raftcore.vocabulary.names import ServerId, is_server_name
from raftcore.vocabulary.spelling import Spelled, brief

MAX_SERVERS = 9

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
        if type(self.size) is not int or not 1 <= self.size <= MAX_SERVERS:
            raise ConfigError(f"a cluster of {self.size!r} servers can't be; choose 1 to {MAX_SERVERS}, best an odd number")
        if type(self.seed) is not int:
            raise ConfigError(f"seed={self.seed!r} must be a whole number")
        if not isinstance(self.config, Config):
            raise ConfigError(f"config={self.config!r} must be a Config, for example Config(heartbeat_ms=50)")

    def until(self, at_ms: float) -> "Scenario":
        """The same run, with nothing done to it after this moment."""
        return replace(self, actions=tuple(action for action in self.actions if action.at_ms <= at_ms))

    # ---- files

    def to_json(self) -> str:
        """The text of a scenario file: JSON, as docs/scenario.schema.json says."""
        return msgspec.json.format(msgspec.json.encode(ScenarioFile(scenario=self)), indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "this text") -> "Scenario":
        """The scenario that a file's text holds. `name` is what errors call it. Raises FileError."""
        try:
            kind = msgspec.json.decode(text, type=_FileKind)
        except msgspec.ValidationError:
            raise FileError(f"{name} is JSON, but no scenario of this lab: a scenario begins with the format {FORMAT!r}") from None
        except msgspec.DecodeError as error:
            raise FileError(f"{name} is no scenario, or only a part of one: {error}") from None
        if kind.format != FORMAT:
            raise FileError(f"{name} holds {kind.format!r}, and a scenario says {FORMAT!r}")
        if kind.version > VERSION:
            raise FileError(f"{name} is a scenario of version {kind.version}, and this lab reads up to {VERSION}; a newer lab can load it")
        try:
            return msgspec.json.decode(text, type=ScenarioFile).scenario
        except msgspec.ValidationError as error:
            raise FileError(f"{name} is a damaged scenario: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write a small file that repeats the run. What stands at `path` is replaced, whole or not at all."""
        text = self.to_json().encode()
        save_atomically(path, lambda file: file.write_bytes(text))

    @classmethod
    def load(cls, path: str | Path) -> "Scenario":
        """The scenario that was saved there. Raises FileError, or FileNotFoundError."""
        return cls.from_json(Path(path).read_bytes(), str(path))


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
