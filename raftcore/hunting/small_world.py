"""A world that is small enough to see all of it, and what can happen next in it.

There is no clock: a timeout is a choice like any other, and so is which message arrives next, and where disks are slow, which of them
syncs. What is never delivered is lost.
"""

from typing import NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.cluster.rulebook import RAFT, Rulebook
from raftcore.consensus.rules import Rules
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.numbers import truth, whole
from raftcore.vocabulary.scenario import MAX_SERVERS
from raftcore.vocabulary.spelling import Spelled, brief

TIMELESS = Config(pre_vote=False, check_quorum=False, leader_guard=False, snapshot_every=0, max_messages_in_flight=1)
"""What Figure 2 says. What asks how long ago a leader was heard has no meaning where there is no clock."""

BOUNDS = ("terms", "commands", "heartbeats", "crashes", "losses", "duplications")


class World(Struct, metaclass=Spelled, frozen=True, kw_only=True):
    """What may happen at most.

    size: servers. terms: elections begin up to this term. commands: that clients ask of leaders, each another value. heartbeats: rounds
    of them. crashes: after each the server may restart, with what it had saved. losses: messages that are lost for good, though to be
    late for ever is the same. duplications: messages that arrive once more. slow_disks: whether a sync is a choice of its own, and a crash
    before it loses what was written; else disks sync at once. rules, config: of all servers; a Rulebook says too what they are made of.
    Raises ConfigError.
    """

    size: int = 3
    terms: int = 2
    commands: int = 1
    heartbeats: int = 0
    crashes: int = 0
    losses: int = 0
    duplications: int = 0
    slow_disks: bool = False
    rules: Rules | Rulebook = RAFT
    config: Config = TIMELESS

    def __post_init__(self) -> None:
        size = whole(self.size)
        if size is None or not 1 <= size <= MAX_SERVERS:
            raise ConfigError(f"a small world of {brief(self.size)} servers can't be; choose 1 to {MAX_SERVERS}, best 3")
        force_setattr(self, "size", size)
        for name in BOUNDS:
            count = whole(getattr(self, name))
            if count is None or count < 0:
                raise ConfigError(f"{name}={brief(getattr(self, name))} must be a whole number, 0 or more")
            force_setattr(self, name, count)
        if (slow_disks := truth(self.slow_disks)) is None:
            raise ConfigError(f"slow_disks={brief(self.slow_disks)} must be True or False")
        force_setattr(self, "slow_disks", slow_disks)
        if not isinstance(self.rules, Rules | Rulebook):
            raise ConfigError(
                f"rules must be one table for all servers, Rules(…) or Rulebook(server=…), and this is a {type(self.rules).__name__}"
            )
        if not isinstance(self.config, Config):
            raise ConfigError(f"config={brief(self.config)} must be a Config, for example TIMELESS")
        if self.rulebook.by_server:
            names = ", ".join(self.rulebook.by_server)
            raise ConfigError(f"in a small world all servers have the same rules: none of its own for {names}, no Rulebook(by_server=…)")
        for switch in ("pre_vote", "check_quorum", "leader_guard"):
            if getattr(self.config, switch):
                raise ConfigError(f"{switch} must be off: a small world has no clock to wait by, and knows Figure 2 alone")
        if self.config.snapshot_every:
            raise ConfigError(
                f"snapshot_every={self.config.snapshot_every} must be 0: in a small world logs stay short and nobody compacts"
            )

    @property
    def rulebook(self) -> Rulebook:
        """The rules of all servers, and what they are."""
        return Rulebook.of(self.rules)

    @property
    def server_ids(self) -> tuple[ServerId, ...]:
        """S1 … Sn."""
        return tuple(f"S{number}" for number in range(1, self.size + 1))


class Packet(NamedTuple):
    """A message under way."""

    source: ServerId
    target: ServerId
    message: Message

    @property
    def round(self) -> int:
        """The leader's round that this message belongs to; 0 where it belongs to none."""
        return self.message.round if isinstance(self.message, AppendEntries) else 0


class Left(NamedTuple):
    """What may still happen, of each that is bounded."""

    commands: int
    heartbeats: int
    crashes: int
    losses: int
    duplications: int

    @classmethod
    def all_of(cls, world: World) -> "Left":
        """Everything that the world allows."""
        return cls(*(getattr(world, name) for name in cls._fields))


class State(NamedTuple):
    """A state of the world, as numbers: each server's mind, the packets under way in the order of sending, what history remembers."""

    minds: tuple[int, ...]
    mail: tuple[int, ...]
    history: int
    left: Left


BIRTH = "starts for the first time"
TIME_OUT, BEAT, CRASH, RESTART, REQUEST, SYNC = "times out", "sends heartbeats", "crashes", "restarts", "is asked", "disk syncs"
DELIVER, DROP, DUPLICATE = "deliver", "lose", "duplicate"

Choice: TypeAlias = tuple[str, int]
"""What may happen next, and to whom: a server's place, or for the last three the packet's place among those under way."""


def in_words(message: Message) -> str:
    """A message in a few words.

    >>> in_words(RequestVoteReply(2, "S1", vote_granted=True))
    'RequestVoteReply(term 2, granted)'
    """
    match message:
        case RequestVote():
            said = f"term {message.term}, last entry {message.last_log_index} of term {message.last_log_term}"
        case RequestVoteReply() | PreVoteReply():
            said = f"term {message.term}, {'granted' if message.vote_granted else 'refused'}"
        case PreVote():
            said = f"next term {message.next_term}"
        case AppendEntries():
            last = message.prev_log_index + len(message.entries)
            said = f"term {message.term}, {f'entries up to {last}' if message.entries else 'heartbeat'} after {message.prev_log_index}"
        case AppendEntriesReply():
            said = f"term {message.term}, {f'matches up to {message.match_index}' if message.success else 'refused'}"
        case _:
            said = "…"
    return f"{type(message).__name__}({said})"
