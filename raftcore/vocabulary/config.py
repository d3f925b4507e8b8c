"""The knobs of a cluster."""

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.links import LONGEST_MS, check_range
from raftcore.vocabulary.numbers import number, truth, whole
from raftcore.vocabulary.spelling import Spelled, brief

_TIMES = {"heartbeat_ms": 1.0, "sync_ms": 0.0, "session_timeout_ms": 1.0, "client_retry_ms": 1.0, "client_limit_ms": 1.0}
_COUNTS = {
    "max_entries_per_message": 1,
    "max_bytes_per_message": 1,
    "max_messages_in_flight": 1,
    "snapshot_every": 0,
    "snapshot_chunk_bytes": 1,
}
LARGEST = 1 << 40  # what no run ever reaches, and every part of it can still count
_SWITCHES = ("pre_vote", "check_quorum", "leader_guard", "client_sessions")


class Config(Struct, metaclass=Spelled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The knobs of a cluster. Times are simulated milliseconds; the defaults are what a careful engineer would run.

    election_timeout_ms: range from which each server draws its election timeout (§9.3).
    heartbeat_ms: how often a leader that has nothing to say lets its followers hear from it.
    delay_ms: shortest and longest flight of a message on a healthy link.
    sync_ms: what it costs a server to make its disk keep what was written.
    max_entries_per_message: entries in one AppendEntries at most.
    max_bytes_per_message: bytes of values in one AppendEntries at most, but for a single longer command.
    max_messages_in_flight: AppendEntries with entries that a follower has not answered yet, at most.
    pre_vote: a server asks whether it would win before it begins a term (thesis 9.6).
    check_quorum: a leader that hears from no majority for an election timeout steps down (thesis 6.2).
    leader_guard: who hears a leader takes part in no election (thesis 4.2.3), and promises no vote for one (thesis 9.6). Without it
        promises look at logs and votes only, as etcd's do without check-quorum, so pre_vote alone does not protect a live leader.
    snapshot_every: entries that a server applies before it compacts them into a snapshot (§7); 0: only by hand.
    snapshot_chunk_bytes: piece of a snapshot in one InstallSnapshot.
    reads: how reads that don't say it themselves find their answer (thesis ch. 6).
    max_clock_drift: how much faster than the slowest clock the fastest one is trusted to run; 0.1 is a tenth. Leases count on it.
    client_sessions: servers remember each client's latest answer, so that a retry is not applied again (thesis 6.3).
        Without it, a command that was asked for twice and fails has no known outcome: the first try may have taken effect.
    session_timeout_ms: how long a client may be silent, in log time, before its session is forgotten.
    client_retry_ms: how long a client waits for an answer before it asks another server.
    client_limit_ms: how long a client tries in all; then the outcome of its command is unknown.
    """

    election_timeout_ms: tuple[float, float] = (150.0, 300.0)
    heartbeat_ms: float = 50.0
    delay_ms: tuple[float, float] = (10.0, 20.0)
    sync_ms: float = 1.0
    max_entries_per_message: int = 64
    max_bytes_per_message: int = 1 << 20
    max_messages_in_flight: int = 8
    pre_vote: bool = True
    check_quorum: bool = True
    leader_guard: bool = True
    snapshot_every: int = 1_000
    snapshot_chunk_bytes: int = 1 << 16
    reads: ReadMode = ReadMode.READ_INDEX
    max_clock_drift: float = 0.1
    client_sessions: bool = True
    session_timeout_ms: float = 60_000.0
    client_retry_ms: float = 300.0
    client_limit_ms: float = 10_000.0

    def __post_init__(self) -> None:
        # As with Link, a number is kept as a float, however it was typed.
        for name, least in (("election_timeout_ms", 1.0), ("delay_ms", 0.0)):
            force_setattr(self, name, check_range(name, getattr(self, name), minimum=least))
        for name, least in _TIMES.items():
            value = number(getattr(self, name))
            if value is None or not least <= value <= LONGEST_MS:
                right = f"a finite number of milliseconds, at least {least:g} and at most {LONGEST_MS:g}"
                raise ConfigError(f"{name}={brief(getattr(self, name))} must be {right}")
            force_setattr(self, name, value)
        for name, least in _COUNTS.items():
            count = whole(getattr(self, name))
            if count is None or not least <= count <= LARGEST:
                raise ConfigError(f"{name}={brief(getattr(self, name))} must be a whole number, at least {least} and at most {LARGEST:,}")
            force_setattr(self, name, count)
        for name in _SWITCHES:
            if (switch := truth(getattr(self, name))) is None:
                raise ConfigError(f"{name}={brief(getattr(self, name))} must be True or False")
            force_setattr(self, name, switch)
        if not isinstance(self.reads, ReadMode):
            raise ConfigError(f"reads={brief(self.reads)} must be one of {', '.join(map(str, ReadMode))}")
        drift = number(self.max_clock_drift)
        if drift is None or not 0.0 <= drift < 1.0:
            raise ConfigError(f"max_clock_drift={brief(self.max_clock_drift)} must be a number from 0 to less than 1; 0.1 is a tenth")
        force_setattr(self, "max_clock_drift", drift)
        if self.heartbeat_ms >= self.election_timeout_ms[0]:
            raise ConfigError(
                f"heartbeat_ms={self.heartbeat_ms:g} must be shorter than the shortest election timeout "
                f"({self.election_timeout_ms[0]:g} ms), or followers never stop campaigning (§5.6)"
            )
