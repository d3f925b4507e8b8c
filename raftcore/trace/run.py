"""What a run is to those who only look at it, whether it goes on or was recorded."""

from typing import Protocol

from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import Scenario
from raftcore.vocabulary.spelling import brief


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


_ASKED = [name for name in vars(Run) if not name.startswith("_")]


def require_run(value: object) -> None:
    """Refuse what is no run, such as a view, a table, or the class Cluster itself. Raises ConfigError."""
    if not all(hasattr(type(value), name) for name in _ASKED):  # of the type, so that no view is made for the question
        raise ConfigError(f"{brief(value)} is no run; give a cluster, or a recording of one")
