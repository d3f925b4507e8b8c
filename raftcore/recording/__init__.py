"""A run as data: typed columns, one Parquet file, and tables. Loaded only when somebody asks for it."""

from raftcore.recording.recording import Recording
from raftcore.recording.sources import Told

__all__ = ["Recording", "Told"]
