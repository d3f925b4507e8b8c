"""The state of one server's simulated disk."""

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.links import LONGEST_MS, is_number


class DiskState(Struct, frozen=True):
    """A disk and its faults.

    sync_ms: what a sync takes, in simulated milliseconds. sync_fails: every sync that ends reports an error, and kept nothing.
    capacity_bytes: what fits on the disk; None: enough for everything. loses_writes: what is written is reported as kept, and is not.
    """

    sync_ms: float = 1.0
    sync_fails: bool = False
    capacity_bytes: int | None = None
    loses_writes: bool = False

    def __post_init__(self) -> None:
        if not is_number(self.sync_ms) or not 0.0 <= self.sync_ms <= LONGEST_MS:
            raise ConfigError(f"sync_ms={self.sync_ms!r} must be a finite number of milliseconds, not negative and at most {LONGEST_MS:g}")
        force_setattr(self, "sync_ms", float(self.sync_ms))
        for name in ("sync_fails", "loses_writes"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name}={getattr(self, name)!r} must be True or False")
        capacity = self.capacity_bytes
        if capacity is not None and (type(capacity) is not int or capacity < 0):
            raise ConfigError(f"capacity_bytes={capacity!r} must be a whole number of bytes, or None")
