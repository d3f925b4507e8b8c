"""What a run is to those who only look at it, whether it goes on or was recorded."""

from typing import Protocol, runtime_checkable

from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import Scenario


@runtime_checkable
class Run(Protocol):
    """A cluster, or a recording of one. now_ms: simulated milliseconds since the start. server_ids: all that there ever were."""

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


def require_run(value: object) -> None:
    """Refuse what is no run. Raises ConfigError."""
    if not isinstance(value, Run):
        raise ConfigError(f"{value!r} is no run; give a cluster, or a recording of one")
