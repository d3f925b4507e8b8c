"""Who can talk to whom just now, who makes a majority, and how both are said."""

from collections.abc import Callable, Collection, Iterable
from itertools import groupby

from raftcore.consensus.quorum import has_majority, majority
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import ServerId

PLURALS = {"is": "are", "has": "have", "holds": "hold"}  # a verb of the past is its own plural


def listed(names: Collection[str]) -> str:
    """Names in a sentence.

    >>> listed(["S1"]), listed(["S1", "S2", "S3"]), listed([])
    ('S1', 'S1, S2 and S3', 'nobody')
    """
    *most, last = names or ["nobody"]
    return f"{', '.join(most)} and {last}" if most else last


def said_of(names: Collection[str], predicate: str) -> str:
    """A clause about one or more.

    >>> said_of(["S1"], "is crashed"), said_of(["S1", "S2"], "is crashed")
    ('S1 is crashed', 'S1 and S2 are crashed')
    """
    verb, _, rest = predicate.partition(" ")
    return f"{listed(names)} {verb if len(names) == 1 else PLURALS.get(verb, verb)} {rest}"


def said_of_each(names: Iterable[ServerId], what: Callable[[ServerId], str]) -> str:
    """Clauses that say of each name what holds of it, those of whom the same holds together.

    >>> said_of_each(["S1", "S2", "S3"], lambda name: "is paused" if name == "S2" else "is crashed")
    'S1 and S3 are crashed, and S2 is paused'
    """
    ordered = sorted(names, key=lambda name: (what(name), name))
    *most, last = [said_of(list(group), predicate) for predicate, group in groupby(ordered, key=what)]
    return f"{', '.join(most)}, and {last}" if most else last


def runs(server: ServerView) -> bool:
    """Whether it takes part in anything."""
    return server.alive and not server.paused


def stopped(server: ServerView) -> str:
    """Why a server takes part in nothing; "" if it does."""
    if server.halted:
        return "has halted, unable to trust what is on disk"
    if not server.alive:
        return "is crashed"
    return "is paused" if server.paused else ""


def while_paused(server: ServerView) -> str:
    """What comes before all that is said of a leader: that it is paused; "" if it runs."""
    return f"{server.id} is paused, and does nothing meanwhile: " if server.paused else ""


def unreachable(view: ClusterView, server: ServerView, peer: ServerId) -> str:
    """Why a server and its peer can't ask and answer each other; "" if they can."""
    there_ms, back_ms = view.cut_ms.get((server.id, peer)), view.cut_ms.get((peer, server.id))
    if stopped(view.servers[peer]):
        return stopped(view.servers[peer])
    if there_ms is not None and back_ms is not None:
        return f"has been cut off from {server.id} since {max(there_ms, back_ms):,.0f} ms"
    if there_ms is not None:
        return f"has not been reached by {server.id} since {there_ms:,.0f} ms"
    return f"has not been heard by {server.id} since {back_ms:,.0f} ms" if back_ms is not None else ""


def reached(view: ClusterView, server: ServerView, configuration: Configuration) -> list[ServerId]:
    """The voters that a server can ask and hear, itself among them."""
    return [name for name in configuration.all_voters if name == server.id or not unreachable(view, server, name)]


def lacking(configuration: Configuration, agreeing: Collection[ServerId]) -> list[tuple[ServerId, ...]]:
    """The groups of voters in which those who agree are no majority: two at most, while the configuration is joint (§6)."""
    return [voters for voters in voter_groups(configuration) if not has_majority(voters, set(agreeing))]


def missed(configuration: Configuration, agreeing: Collection[ServerId]) -> list[ServerId]:
    """The voters that could still make a majority, had they agreed: of the groups that have none, all others (§6)."""
    groups = lacking(configuration, agreeing)
    return [name for name in configuration.all_voters if name not in agreeing and any(name in voters for voters in groups)]


def needs(configuration: Configuration) -> str:
    """How many must agree: "3 of 5", or while the configuration is joint, so many of either group (§6)."""
    groups = voter_groups(configuration)
    counts = [f"{majority(len(voters))} of {len(voters)}" for voters in groups]
    if len(groups) < 2:
        return counts[0] if counts else "a configuration"
    return " and ".join(f"{count} ({' '.join(voters)})" for count, voters in zip(counts, groups, strict=True))
