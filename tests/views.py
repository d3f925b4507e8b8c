"""Views built by hand, for tests of what is drawn of them."""

from immutables import Map
from msgspec.structs import replace

from raftcore.trace.log_view import LogView
from raftcore.trace.view import ClusterView, ProgressView, ServerView
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import FollowerState, Role

CUT = Link((10.0, 20.0), up=False)


def server(name: str, term: int = 1, role: Role = Role.FOLLOWER, entries: tuple[Entry, ...] = (), **more: object) -> ServerView:
    return ServerView(id=name, current_term=term, role=role, log=LogView().append(entries), **more)


def cluster_view(*servers: ServerView, at_ms: float = 1_000.0, **more: object) -> ClusterView:
    everybody = Configuration(tuple(one.id for one in servers))
    named = {one.id: one if one.configuration.members else replace(one, configuration=everybody) for one in servers}
    return ClusterView(at_ms=at_ms, servers=named, **{"links": {}, "pending": {}, **more})


def split_brain() -> ClusterView:
    """S1 leads term 2 in the minority; S4 leads term 3 with a majority."""
    return cluster_view(
        server("S1", 2, Role.LEADER, leader="S1", kv_store=Map({"x": "1"})),
        server("S2", 2, leader="S1", kv_store=Map({"x": "1"})),
        server("S3", 3, leader="S4", kv_store=Map({"x": "1", "y": "2"})),
        server("S4", 3, Role.LEADER, leader="S4", kv_store=Map({"x": "1", "y": "2"})),
        server("S5", 3, leader="S4", kv_store=Map({"x": "1"})),
        links={("S1", "S3"): CUT},
    )


def long_view(entries: int) -> ClusterView:
    log = LogView().append(tuple(Entry(1, Set(f"k{n}", "v" * 300)) for n in range(entries)))
    progress = Map({"S2": ProgressView(entries + 1, entries, FollowerState.REPLICATE)})
    leader = ServerView(id="S1", current_term=1, role=Role.LEADER, leader="S1", log=log, progress=progress)
    return cluster_view(leader, ServerView(id="S2", current_term=1, leader="S1", log=log))
