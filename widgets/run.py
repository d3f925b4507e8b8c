"""What a picture of a whole run is drawn from: a live cluster has it, and so has a recording."""

from typing import Protocol

from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import Scenario


class Run(Protocol):
    """A run up to `now_ms`, in simulated milliseconds. server_ids: all that ever were; `trace.server_ids` are those of the beginning."""

    @property
    def trace(self) -> Trace: ...
    @property
    def scenario(self) -> Scenario: ...
    @property
    def config(self) -> Config: ...
    @property
    def server_ids(self) -> tuple[ServerId, ...]: ...
    @property
    def now_ms(self) -> float: ...
    @property
    def view(self) -> ClusterView: ...
