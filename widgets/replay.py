"""A recorded run in the lab: everything can be looked at, and nothing done to it, but in a fork."""

from raftcore import Cluster
from raftcore.trace.run import Run
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.spelling import brief
from widgets.lab import Lab


class Replay(Lab):
    """The lab on a recording, or on what a cluster has recorded so far. It plays at once, from the beginning to the recording's end.

    Replay(Recording.load("run.parquet"))
    """

    def __init__(self, run: Run) -> None:
        """Raises ConfigError where `run` is neither, and FileError where a recording's file is damaged."""
        if not all(hasattr(run, what) for what in ("trace", "scenario", "now_ms")):
            raise ConfigError(f'{brief(run)} can\'t be replayed; give a recording or a cluster: Replay(Recording.load("run.parquet"))')
        super().__init__(run.recording if isinstance(run, Cluster) else run)
