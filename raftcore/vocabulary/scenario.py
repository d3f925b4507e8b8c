"""A run, before it is run: configuration, seed and actions. The same scenario gives the same trace, byte for byte."""

from math import inf

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.links import check_range, is_number

MAX_SERVERS = 9


class Config(Struct, frozen=True, kw_only=True):
    """The knobs of a cluster. Times are simulated milliseconds; the defaults are what a careful engineer would run.

    election_timeout_ms: range from which each server draws its election timeout (§9.3).
    heartbeat_ms: how often a leader that has nothing to say lets its followers hear from it.
    delay_ms: shortest and longest flight of a message on a healthy link.
    sync_ms: what it costs a server to make its disk keep what was written.
    max_entries_per_message: entries in one AppendEntries at most.
    max_messages_in_flight: AppendEntries with entries that a follower has not answered yet, at most.
    client_retry_ms: how long a client waits for an answer before it asks another server.
    client_limit_ms: how long a client tries in all; then the outcome of its command is unknown.
    """

    election_timeout_ms: tuple[float, float] = (150.0, 300.0)
    heartbeat_ms: float = 50.0
    delay_ms: tuple[float, float] = (10.0, 20.0)
    sync_ms: float = 1.0
    max_entries_per_message: int = 64
    max_messages_in_flight: int = 8
    client_retry_ms: float = 300.0
    client_limit_ms: float = 10_000.0

    def __post_init__(self) -> None:
        # As with Link, a number is kept as a float, however it was typed.
        for name, least in (("election_timeout_ms", 1.0), ("delay_ms", 0.0)):
            force_setattr(self, name, check_range(name, getattr(self, name), minimum=least))
        for name, least in (("heartbeat_ms", 1.0), ("sync_ms", 0.0), ("client_retry_ms", 1.0), ("client_limit_ms", 1.0)):
            value = getattr(self, name)
            if not is_number(value) or not least <= value < inf:
                raise ConfigError(f"{name}={value!r} must be a finite number of milliseconds, at least {least:g}")
            force_setattr(self, name, float(value))
        for name in ("max_entries_per_message", "max_messages_in_flight"):
            count = getattr(self, name)
            if type(count) is not int or count < 1:
                raise ConfigError(f"{name}={count!r} must be a whole number, at least 1")
        if self.heartbeat_ms >= self.election_timeout_ms[0]:
            raise ConfigError(
                f"heartbeat_ms={self.heartbeat_ms:g} must be shorter than the shortest election timeout "
                f"({self.election_timeout_ms[0]:g} ms), or followers never stop campaigning (§5.6)"
            )


class Scenario(Struct, frozen=True, kw_only=True):
    """Everything that a run is a function of. `actions` are in order of time."""

    size: int
    seed: int
    config: Config = Config()
    actions: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= MAX_SERVERS:
            raise ConfigError(f"a cluster of {self.size!r} servers can't be; choose 1 to {MAX_SERVERS}, best an odd number")
        if type(self.seed) is not int:
            raise ConfigError(f"seed={self.seed!r} must be a whole number")
        if not isinstance(self.config, Config):
            raise ConfigError(f"config={self.config!r} must be a Config, for example Config(heartbeat_ms=50)")
