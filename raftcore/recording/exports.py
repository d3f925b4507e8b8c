"""A run as others read it: a ShiViz log with vector clocks, and a history of operations as Jepsen writes it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import starmap
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import UNSET, Struct

from raftcore.checks.client_history import ClientHistory, what_it_told
from raftcore.checks.edn import show
from raftcore.recording.columns import as_list
from raftcore.recording.frames import natural
from raftcore.recording.rows import Rows
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import Address, ClientId, Index, ServerId, Term

# ---- ShiViz

SHIVIZ_PARSER = r"(?<host>\S*) (?<clock>\{.*\})\n(?<event>.*)"
"""The regular expression by which ShiViz reads these logs: what stands in its field "Log parsing regular expression"."""

SENT, DELIVERED = ev.MessageSent.__name__, ev.MessageDelivered.__name__

_UNTOLD = (ev.TimerSet, ev.LinkChanged, ev.Acted, ev.MessageDropped)
"""Timers would hide all else, and the others happen at no host."""


class _Row(Struct):
    """The columns that are told. 0 and None: absent."""

    at_ms: float
    kind: str
    server: Address | None
    peer: Address | None
    source: Address | None
    target: Address | None
    client: ClientId | None
    what: str | None
    term: Term
    index: Index
    id: int


def shiviz_lines(rows: Rows, from_ms: float, to_ms: float) -> Iterator[str]:
    """Two lines for each event of this while: its host with the host's vector clock, and what happened."""
    clocks: dict[Address, dict[Address, int]] = {}
    flights: dict[int, tuple[dict[Address, int], str]] = {}
    for row in _rows(rows, from_ms, to_ms):
        host = _host(row)
        clock = clocks.setdefault(host, {})
        sent, what = flights.pop(row.id, ({}, "message")) if row.kind == DELIVERED else ({}, row.what or "")
        for other, count in sent.items():
            clock[other] = max(clock.get(other, 0), count)
        clock[host] = clock.get(host, 0) + 1
        if row.kind == SENT:
            flights[row.id] = (dict(clock), what)
        yield f"{host} {json.dumps(clock)}"
        yield _sentence(row, what)


def _rows(rows: Rows, from_ms: float, to_ms: float) -> Iterator[_Row]:
    at_ms, untold = rows.numbers("at_ms"), rows.where(*_UNTOLD)
    told = (at_ms >= from_ms) & (at_ms <= to_ms)
    told[untold] = False
    taken = rows.table.take(pa.array(np.flatnonzero(told)))
    return starmap(_Row, zip(*(as_list(taken.column(name)) for name in _Row.__struct_fields__), strict=True))


def _host(row: _Row) -> Address:
    """Where it happened: messages at both of their ends."""
    host = row.target if row.kind == DELIVERED else row.source if row.kind == SENT else row.server or row.client
    assert host is not None  # those that happen nowhere are left out
    return host


def _sentence(row: _Row, what: str) -> str:
    where = f"to {row.target}" if row.kind == SENT else f"from {row.source}" if row.kind == DELIVERED else row.peer
    number = f"#{row.id}" if row.id else ""
    term, index = (f"{name} {value}" if value else "" for name, value in (("term", row.term), ("index", row.index)))
    return " ".join(filter(None, (row.kind, what, number, where, term, index, f"at {row.at_ms:.3f} ms")))


# ---- Jepsen

_VERBS: Mapping[type, str] = {Set: "put", Get: "get", Delete: "delete", Append: "append", Cas: "cas"}
_OUTCOMES = {True: "ok", False: "fail", None: "info"}
NS_PER_MS = 1_000_000


def edn_lines(rows: Rows, server_ids: Iterable[ServerId], config: Config) -> Iterator[str]:
    """One line for each call and each outcome, in order: EDN maps. A process whose outcome is unknown asks no more, as Jepsen has it:

    its client goes on as another one, whose number is higher by the number of clients. What is stale in `history` is left out, as nothing
    follows from it. `:result` is what an append or a failed compare-and-set said that the key held. server_ids: those of the beginning.
    """
    told = _judged(rows, ClientHistory(server_ids, config))
    clients = sorted({event.client for event in told}, key=natural)
    processes = {client: number for number, client in enumerate(clients)}
    for event in told:
        outcome = _OUTCOMES[event.ok] if type(event) is ev.Completed else "invoke"
        held = what_it_told(event) if type(event) is ev.Completed and event.ok is not None else UNSET
        value, result = _asked(event.command), "" if held is UNSET else f" :result {show(held)},"
        if isinstance(event.command, Get):
            value, result = show(None if held is UNSET else held), ""
        yield (
            f"{{:process {processes[event.client]}, :type :{outcome}, :f :{_VERBS[type(event.command)]}, :key {show(event.command.key)}, "
            f":value {value},{result} :time {round(event.at_ms * NS_PER_MS)}}}"
        )
        if outcome == "info":
            processes[event.client] += len(clients)


def _judged(rows: Rows, gathered: ClientHistory) -> list[Any]:
    """The calls and outcomes from which something follows, in order."""
    events = [event for _, event in rows.events(*ClientHistory.HEARD)]
    gathered.absorb(events)
    stale = [events[int(it.began)] for it in gathered.first(len(gathered)) if it.stale]
    left_out = {(event.client, event.sequence_num) for event in stale}
    return [it for it in events if isinstance(it, ev.Invoked | ev.Completed) and (it.client, it.sequence_num) not in left_out]


def _asked(command: Command) -> str:
    match command:
        case Set() | Append():
            return show(command.value)
        case Cas():
            return f"[{show(command.expected)} {show(command.value)}]"
    return show(None)
