"""The state of one server's simulated disk."""

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.links import LONGEST_MS
from raftcore.vocabulary.numbers import number, truth, whole
from raftcore.vocabulary.spelling import brief


class DiskState(Struct, frozen=True):
    """A disk and its faults.

    sync_ms: what a sync takes, in simulated milliseconds. sync_fails: every sync that ends reports an error, and kept nothing.
    capacity_bytes: what fits on the disk; None: enough for everything. loses_writes: what is written is reported as kept, and is gone after
    a power failure. If something was kept behind it the server finds that out and does not start; what was lost at the end of its log
    leaves no trace, and the server starts without it: it may vote twice. reads_fail: no file can be read, so the server can't start.
    """

    sync_ms: float = 1.0
    sync_fails: bool = False
    capacity_bytes: int | None = None
    loses_writes: bool = False
    reads_fail: bool = False

    def __post_init__(self) -> None:
        sync_ms = number(self.sync_ms)
        if sync_ms is None or not 0.0 <= sync_ms <= LONGEST_MS:
            raise ConfigError(
                f"sync_ms={brief(self.sync_ms)} must be a finite number of milliseconds, not negative and at most {LONGEST_MS:g}"
            )
        force_setattr(self, "sync_ms", sync_ms)
        for name in ("sync_fails", "loses_writes", "reads_fail"):
            if (switch := truth(getattr(self, name))) is None:
                raise ConfigError(f"{name}={brief(getattr(self, name))} must be True or False")
            force_setattr(self, name, switch)
        if self.capacity_bytes is not None:
            capacity = whole(self.capacity_bytes)
            if capacity is None or not 0 <= capacity < 1 << 62:
                raise ConfigError(f"capacity_bytes={brief(self.capacity_bytes)} must be a whole number from 0 to below 2**62, or None")
            force_setattr(self, "capacity_bytes", capacity)
