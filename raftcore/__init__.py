"""A complete Raft in simulated time: a cluster that can be played with, broken, and looked into.

from raftcore import Cluster

cluster = Cluster(size=5, seed=7)
cluster.run_for(2_000)
cluster.crash(cluster.leader)
"""

from raftcore.cluster.cluster import Cluster
from raftcore.consensus.rules import Rules
from raftcore.trace.diff import diff
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import Reason, Role
from raftcore.vocabulary.scenario import Scenario

__all__ = ["Cluster", "Config", "ReadMode", "Reason", "Role", "Rules", "Scenario", "diff"]
