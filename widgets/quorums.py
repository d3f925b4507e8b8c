"""Which majorities count just now, and who stands in them: one group of voters, or two while a configuration is joint (§6)."""

from collections.abc import Container

from msgspec import Struct

from raftcore.checks.explain.reach import runs
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import Role, ServerId


class Quorum(Struct, frozen=True):
    """A group of voters, and those of them that count for what is asked.

    >>> Quorum(("S1", "S2", "S3"), ("S1", "S3")).enough
    True
    """

    voters: tuple[ServerId, ...]
    counted: tuple[ServerId, ...]

    @property
    def need(self) -> int:
        """How many are a majority."""
        return len(self.voters) // 2 + 1

    @property
    def enough(self) -> bool:
        return len(self.counted) >= self.need


def quorums(configuration: Configuration, counted: Container[ServerId]) -> list[Quorum]:
    """The groups of a configuration of which each needs a majority, with who of them counts."""
    return [Quorum(voters, tuple(name for name in voters if name in counted)) for voters in voter_groups(configuration)]


def all_enough(groups: list[Quorum]) -> bool:
    return all(group.enough for group in groups)


def backing(view: ClusterView, leader: ServerView) -> list[Quorum]:
    """The live servers that know this one as the leader of their term, itself among them."""
    return quorums(leader.configuration, {*view.behind(leader), leader.id})


def running(view: ClusterView) -> list[Quorum]:
    """The voters that could take part in an election."""
    return quorums(view.configuration, {server.id for server in view.servers.values() if runs(server)})


def standing_now(view: ClusterView) -> tuple[Configuration, str, list[Quorum]]:
    """The configuration that the highest leader goes by, else a candidate, else the cluster; what is counted there, and who counts."""
    leader = view.latest_leader
    if leader:
        return leader.configuration, f"follow {leader.id}", backing(view, leader)
    candidates = [server for server in view.servers.values() if server.alive and server.role is Role.CANDIDATE]
    if candidates:
        best = max(candidates, key=lambda server: (server.current_term, len(server.votes)))
        return best.configuration, f"vote for {best.id}", quorums(best.configuration, {*best.votes, best.id})
    return view.configuration, "run", running(view)
