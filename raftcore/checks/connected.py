"""Which servers could lead: what Raft with pre-vote, check-quorum and the guard of a live leader promises where only some links carry.

A server is elected, and commits, if it asks and hears a quorum of its configuration in which no log is ahead of its own (§5.4.1). While
there is such a server, a leader comes to be and answers clients: a leader that hears no quorum steps down (thesis 6.2), and who can't
win raises nobody's term (thesis 9.6) and is not voted for by those who hear a leader (thesis 4.2.3). Raft promises nothing where the
only server that reaches a quorum has a log that is behind: those who are ahead do not vote for it, and reach no quorum themselves.
"""

from collections.abc import Iterable, Iterator

from raftcore.checks.explain.reach import runs
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Address, ServerId


def promises_a_leader(config: Config) -> bool:
    """Whether servers have what keeps those on the far side of a cut link from disturbing or blocking the others."""
    return config.pre_vote and config.check_quorum and config.leader_guard


def who_could_lead(view: ClusterView, config: Config) -> tuple[ServerId, ...]:
    """The servers that Raft lets lead as long as links and servers stay as they are, in the order of their names.

    One whose disk or clock is at fault does not count, nor a link that loses messages or is slower than the network is said to be.
    """
    return tuple(server.id for server in view.servers.values() if is_sound(server, config) and _could_lead(view, config, server))


def is_sound(server: ServerView, config: Config) -> bool:
    """Whether a server runs, and neither its disk nor its clock is at fault."""
    disk = server.disk
    keeps = disk is None or not (disk.sync_fails or disk.loses_writes or disk.sync_ms > config.sync_ms or disk.capacity_bytes is not None)
    return runs(server) and keeps and server.clock_rate == 1


def are_linked(view: ClusterView, config: Config, one: Address, other: Address) -> bool:
    """Whether all that two servers, or a client and a server, say to each other arrives in time."""
    links = [link for pair in ((one, other), (other, one)) if (link := view.links.get(pair))]
    return all(_carries_in_time(link, config) for link in links)


def _carries_in_time(link: Link, config: Config) -> bool:
    return link.up and link.loss == 0 and link.delay_ms[1] <= config.delay_ms[1]


def is_whole(view: ClusterView, config: Config) -> bool:
    """Whether nothing is at fault: no member's disk or clock, no link, and every member runs."""
    members = (view.servers[name] for name in view.configuration.members)
    return all(is_sound(member, config) for member in members) and all(_carries_in_time(link, config) for link in view.links.values())


def is_disturbed(view: ClusterView, config: Config) -> bool:
    """Whether some server runs that was removed, and that nothing keeps from disturbing the others (thesis 4.2.3)."""
    members = view.configuration.members
    removed = any(server.alive and server.id not in members for server in view.servers.values())
    return removed and not config.pre_vote and not config.leader_guard


def is_backed(server: ServerView, names: Iterable[ServerId]) -> bool:
    """Whether these are a quorum of the server's configuration, in which it has a vote itself."""
    groups, agreeing = voter_groups(server.configuration), set(names)
    has_vote = server.id in server.configuration.all_voters
    return has_vote and all(2 * len(agreeing.intersection(voters)) > len(voters) for voters in groups)


def _could_lead(view: ClusterView, config: Config, server: ServerView) -> bool:
    return is_backed(server, _would_follow(view, config, server))


def _would_follow(view: ClusterView, config: Config, server: ServerView) -> Iterator[ServerId]:
    """Those that a server reaches and that would vote for it, itself among them. Of one that leads, those that have voted for it would."""
    leads = view.latest_leader is server
    for name in server.configuration.all_voters:
        voter = view.servers.get(name)
        if name == server.id or (voter and _is_reached(view, config, server, voter) and (leads or voter.log.end <= server.log.end)):
            yield name


def _is_reached(view: ClusterView, config: Config, server: ServerView, voter: ServerView) -> bool:
    return is_sound(voter, config) and are_linked(view, config, server.id, voter.id)
