"""The table of outages: when no leader could have committed an entry.

A leader can commit while a majority of its configuration can append, sync and answer in time. Time is what the paper's timing requirement
says (§5.6, broadcastTime << electionTimeout, where a broadcast includes the sync of each server): a server is too slow whose sync takes
an election timeout, and so is a link on which a message takes one.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct

from raftcore.recording.frames import OUTAGES, frame_of
from raftcore.recording.rows import Array, Rows
from raftcore.trace.view import voter_groups
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import LEADER, Address, Role, ServerId, Term

_DECIDE = (
    ev.RoleChanged, ev.ConfigurationChanged, ev.Crashed, ev.Halted, ev.Restarted, ev.Paused, ev.Resumed, ev.LinkChanged, ev.Created,
    ev.DiskChanged,
)  # fmt: skip

_WRITES = (ev.VoteGranted, ev.EntriesAppended, ev.LogTruncated, ev.SnapshotTaken, ev.SnapshotInstalled, ev.Restarted)
"""What a server says when it writes to its disk, as it does on a restart. So it does when it takes a role in a new term."""

_SYNC_ENDS = (ev.Synced, ev.Crashed, ev.Halted)

_OF_THE_LEADER: Mapping[type, str] = {
    ev.Crashed: "leader crashed",
    ev.Halted: "leader halted",
    ev.Paused: "leader paused",
    ev.RoleChanged: "leader stepped down",
    ev.ConfigurationChanged: "membership changed",
    ev.DiskChanged: "leader's disk stuck",
}
_OF_OTHERS: Mapping[type, str] = {
    ev.Crashed: "majority down",
    ev.Halted: "majority down",
    ev.Paused: "majority down",
    ev.RoleChanged: "majority in a later term",
    ev.LinkChanged: "links cut",
    ev.DiskChanged: "majority's disks stuck",
}


def outages_frame(rows: Rows, config: Config) -> pd.DataFrame:
    """One row for each while in which no leader could have committed an entry, in order of time. The first begins with the run."""
    cluster = _Cluster(config, _Syncs(rows))
    found: list[dict[str, Any]] = []
    leader: ServerId | None = None
    if len(rows):
        found.append({"from_ms": 0.0, "cause": "start"})
    for position, event in _decisive(rows):
        cluster.absorb(position, event)
        able = cluster.able()
        if leader is None and able is not None:
            begun = found[-1]
            begun |= {"to_ms": event.at_ms, "next_leader": able, "duration_ms": event.at_ms - begun["from_ms"]}
            if not begun["duration_ms"]:
                found.pop()  # nobody could have noticed
        elif leader is not None and able is None:
            found.append({"from_ms": event.at_ms, "leader": leader, "cause": _cause(event, leader)})
        leader = able
    return frame_of(OUTAGES, found)


def _cause(event: Any, leader: ServerId) -> str:
    if type(event) is ev.LinkChanged and event.link.carries:
        return "links too slow"
    return (_OF_THE_LEADER if getattr(event, "server", None) == leader else _OF_OTHERS)[type(event)]


def _decisive(rows: Rows) -> list[tuple[int, Any]]:
    """The events that decide who can commit. Most runs change no disk: then the many syncs are not among them."""
    decisive = rows.events(*_DECIDE)
    if len(rows.where(ev.DiskChanged)):
        decisive = sorted([*decisive, *rows.events(ev.Synced)], key=lambda item: item[0])
    return decisive


class _Syncs:
    """When the servers' disks were syncing, as the trace tells it: from the first write after a sync to the end of the next one."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._servers = rows.words("server")
        self._by_server: dict[ServerId, tuple[Array, Array]] = {}

    def under_way(self, server: ServerId, position: int) -> bool:
        """Whether a sync of this server's disk was running after so many events."""
        if server not in self._by_server:
            self._by_server[server] = self._of(server)
        began, ended = (bisect_right(positions, position) for positions in self._by_server[server])
        writes, ends = self._by_server[server]
        return bool(began) and (not ended or writes[began - 1] > ends[ended - 1])

    def _of(self, server: ServerId) -> tuple[Array, Array]:
        """The positions of this server's writes, and those where its syncs ended."""
        servers, code = self._rows.codes("server"), self._servers.index(server)

        def ours(positions: Array) -> Array:
            return np.compress(servers[positions] == code, positions)

        roles, terms = ours(self._rows.where(ev.RoleChanged)), self._rows.numbers("term")
        new_terms = roles[1:][terms[roles[1:]] != terms[roles[:-1]]]
        writes = [ours(self._rows.where(*_WRITES)), roles[:1], new_terms]
        return np.sort(np.concatenate(writes)), ours(self._rows.where(*_SYNC_ENDS))


class _Server(Struct):
    """As much of a server as decides whether it can help to commit. slow: its disk is too slow. busy: a sync that takes too long runs."""

    alive: bool = True
    paused: bool = False
    slow: bool = False
    busy: bool = False
    role: Role = Role.FOLLOWER
    term: Term = 0
    configuration: Configuration = Configuration()

    @property
    def answers(self) -> bool:
        """Whether it keeps what it is sent, and answers in time."""
        return self.alive and not (self.paused or self.slow or self.busy)


class _Cluster:
    """Who could reach whom: only as much of the run's state as decides whether a leader can commit."""

    def __init__(self, config: Config, syncs: _Syncs) -> None:
        shortest, self.longest_ms = config.election_timeout_ms
        self.patience_ms = shortest if config.check_quorum else self.longest_ms
        self.syncs = syncs
        self.slow = config.sync_ms >= self.patience_ms
        self.healthy = config.delay_ms[0] < self.longest_ms
        self.servers: dict[ServerId, _Server] = {}
        self.carries: dict[tuple[Address, Address], bool] = {}

    def absorb(self, position: int, event: Any) -> None:
        if type(event) is ev.LinkChanged:
            self.carries[event.source, event.target] = event.link.carries and event.link.delay_ms[0] < self.longest_ms
            return
        server = self._server(event.server)
        match event:
            case ev.RoleChanged():
                server.role, server.term = event.role, event.term
            case ev.ConfigurationChanged():
                server.configuration = event.configuration
            case ev.Crashed() | ev.Halted():
                server.alive, server.paused, server.busy, server.role = False, False, False, Role.FOLLOWER
            case ev.Restarted():
                server.alive, server.term = True, event.current_term
            case ev.Paused() | ev.Resumed():
                server.paused = type(event) is ev.Paused
            case ev.DiskChanged():
                self._change_disk(server, event, position)
            case ev.Synced():
                server.busy = False

    def _change_disk(self, server: _Server, event: ev.DiskChanged, position: int) -> None:
        """A sync under way keeps its time, whatever the disk is like from now on."""
        before, server.slow = server.slow, event.disk.sync_fails or event.disk.sync_ms >= self.patience_ms
        if before and not server.slow and self.syncs.under_way(event.server, position):
            server.busy = True

    def able(self) -> ServerId | None:
        """The leader of the highest term that reaches a majority, there and back; None: no leader can commit."""
        leaders = [name for name, server in self.servers.items() if server.role is LEADER and server.answers]
        return max(filter(self._reaches_majority, leaders), key=lambda name: self.servers[name].term, default=None)

    def _reaches_majority(self, leader: ServerId) -> bool:
        groups = voter_groups(self.servers[leader].configuration)
        return all(sum(self._reach(leader, name) for name in voters) > len(voters) // 2 for voters in groups)

    def _reach(self, leader: ServerId, name: ServerId) -> bool:
        if name == leader:
            return True
        server = self._server(name)
        both_ways = self._carries(leader, name) and self._carries(name, leader)
        return both_ways and server.answers and server.term <= self.servers[leader].term

    def _server(self, name: ServerId) -> _Server:
        return self.servers.setdefault(name, _Server(slow=self.slow))

    def _carries(self, source: Address, target: Address) -> bool:
        return self.carries.get((source, target), self.healthy)
