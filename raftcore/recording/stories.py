"""The tables of what a run tells: clients' operations, elections, and when no leader could commit."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from msgspec import Struct

from raftcore.checks.violation import Violation
from raftcore.recording.frames import ELECTIONS, OPERATIONS, OUTAGES, VIOLATIONS, Columns, frame
from raftcore.recording.rows import Rows
from raftcore.statemachine.language import show_command
from raftcore.trace.view import voter_groups
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import CANDIDATE, LEADER, Address, ClientId, Role, ServerId, Term

OUTCOMES = {True: "ok", False: "failed", None: "unknown"}


def _frame(columns: Columns, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return frame(columns, {name: [row.get(name) for row in rows] for name in columns})


# ---- operations


def operations_frame(rows: Rows) -> pd.DataFrame:
    """One row a client's command, in the order in which they were called."""
    found: dict[tuple[ClientId, int], dict[str, Any]] = {}
    for _, event in rows.events(ev.Invoked, ev.Completed):
        row = found.setdefault((event.client, event.sequence_num), {})
        if type(event) is ev.Invoked:
            row |= _called(event)
        else:
            row |= _returned(event)
    return _frame(OPERATIONS, list(found.values()))


def _called(event: ev.Invoked) -> dict[str, Any]:
    return {
        "client": event.client,
        "sequence_num": event.sequence_num,
        "operation": type(event.command).__name__.lower(),
        "key": getattr(event.command, "key", None),
        "command": show_command(event.command),
        "called_at_ms": event.at_ms,
        "outcome": "pending",
    }


def _returned(event: ev.Completed) -> dict[str, Any]:
    return {
        "returned_at_ms": event.at_ms,
        "outcome": OUTCOMES[event.ok],
        "value": event.value,
        "index": event.index or None,
        "attempts": event.attempts,
        "latency_ms": event.latency_ms,
    }


# ---- elections


class _Election(Struct):
    started_at_ms: float
    votes: dict[ServerId, int]  # by candidate, in the order in which they stood
    winner: ServerId | None = None
    won_at_ms: float | None = None


def elections_frame(rows: Rows) -> pd.DataFrame:
    """One row for each term in which somebody stood for election, in order of time."""
    elections: dict[Term, _Election] = {}
    for _, event in rows.events(ev.RoleChanged, ev.VoteCounted):
        if type(event) is ev.VoteCounted:
            if not event.pre_vote and event.term in elections:
                elections[event.term].votes[event.server] += 1
        elif event.role is CANDIDATE:
            elections.setdefault(event.term, _Election(event.at_ms, {})).votes[event.server] = 0
        elif event.role is LEADER and event.term in elections and elections[event.term].winner is None:
            elections[event.term].winner, elections[event.term].won_at_ms = event.server, event.at_ms
    return _frame(ELECTIONS, [_election(term, it) for term, it in elections.items()])


def _election(term: Term, it: _Election) -> dict[str, Any]:
    return {
        "term": term,
        "started_at_ms": it.started_at_ms,
        "candidates": " ".join(it.votes),
        "votes": " ".join(map(str, it.votes.values())),
        "winner": it.winner,
        "won_at_ms": it.won_at_ms,
        "duration_ms": it.won_at_ms - it.started_at_ms if it.won_at_ms is not None else None,
        "split": len(it.votes) > 1 and it.winner is None,
    }


# ---- outages


class _Server(Struct):
    alive: bool = True
    paused: bool = False
    role: Role = Role.FOLLOWER
    term: Term = 0
    configuration: Configuration = Configuration()


class _Cluster:
    """Who could reach whom: only as much of the run's state as decides whether a leader can commit."""

    def __init__(self) -> None:
        self.servers: dict[ServerId, _Server] = {}
        self.cut: set[tuple[Address, Address]] = set()

    def absorb(self, event: Any) -> None:
        if type(event) is ev.LinkChanged:
            ends = event.source, event.target
            (self.cut.discard if event.link.carries else self.cut.add)(ends)
            return
        server = self.servers.setdefault(event.server, _Server())
        match event:
            case ev.RoleChanged():
                server.role, server.term = event.role, event.term
            case ev.ConfigurationChanged():
                server.configuration = event.configuration
            case ev.Crashed() | ev.Halted():
                server.alive, server.paused, server.role = False, False, Role.FOLLOWER
            case ev.Restarted():
                server.alive, server.term = True, event.current_term
            case ev.Paused() | ev.Resumed():
                server.paused = type(event) is ev.Paused

    def able(self) -> ServerId | None:
        """The leader of the highest term that reaches a majority, there and back; None: no leader can commit."""
        leaders = [name for name, server in self.servers.items() if server.role is LEADER and server.alive and not server.paused]
        return max(filter(self._reaches_majority, leaders), key=lambda name: self.servers[name].term, default=None)

    def _reaches_majority(self, leader: ServerId) -> bool:
        groups = voter_groups(self.servers[leader].configuration)
        return all(sum(self._reach(leader, name) for name in voters) > len(voters) // 2 for voters in groups)

    def _reach(self, leader: ServerId, name: ServerId) -> bool:
        if name == leader:
            return True
        server = self.servers.get(name, _Server())
        hears = server.alive and not server.paused and server.term <= self.servers[leader].term
        return hears and (leader, name) not in self.cut and (name, leader) not in self.cut


_DECIDE = (
    ev.RoleChanged, ev.ConfigurationChanged, ev.Crashed, ev.Halted, ev.Restarted, ev.Paused, ev.Resumed, ev.LinkChanged, ev.Created,
)  # fmt: skip

_OF_THE_LEADER: Mapping[type, str] = {
    ev.Crashed: "leader crashed",
    ev.Halted: "leader halted",
    ev.Paused: "leader paused",
    ev.RoleChanged: "leader stepped down",
    ev.ConfigurationChanged: "membership changed",
}
_OF_OTHERS: Mapping[type, str] = {
    ev.Crashed: "majority down",
    ev.Halted: "majority down",
    ev.Paused: "majority down",
    ev.RoleChanged: "majority in a later term",
    ev.LinkChanged: "links cut",
}


def outages_frame(rows: Rows) -> pd.DataFrame:
    """One row for each while in which no leader could commit, in order of time. The first begins with the run."""
    cluster = _Cluster()
    found: list[dict[str, Any]] = []
    leader: ServerId | None = None
    if len(rows):
        found.append({"from_ms": 0.0, "cause": "start"})
    for _, event in rows.events(*_DECIDE):
        cluster.absorb(event)
        able = cluster.able()
        if leader is None and able is not None:
            begun = found[-1]
            begun |= {"to_ms": event.at_ms, "next_leader": able, "duration_ms": event.at_ms - begun["from_ms"]}
            if not begun["duration_ms"]:
                found.pop()  # nobody could have noticed
        elif leader is not None and able is None:
            whose = _OF_THE_LEADER if getattr(event, "server", None) == leader else _OF_OTHERS
            found.append({"from_ms": event.at_ms, "leader": leader, "cause": whose[type(event)]})
        leader = able
    return _frame(OUTAGES, found)


# ---- violations


def violations_frame(violations: Iterable[Violation]) -> pd.DataFrame:
    """One row for each, in the order in which they were seen."""
    return _frame(VIOLATIONS, [_violation(it) for it in violations])


def _violation(it: Violation) -> dict[str, Any]:
    servers, evidence = " ".join(it.servers), " ".join(map(str, it.evidence))
    return {"property": it.property, "at_ms": it.at_ms, "sentence": it.sentence, "servers": servers, "evidence": evidence}
