"""Client operations as a checker sees them: what was asked, when, and what the answer said. `history` reads them from a run."""

from bisect import bisect_left
from collections.abc import Iterable
from math import inf
from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from raftcore.checks.leases import LEASE_EVENTS, Leases, is_read
from raftcore.statemachine.language import show_command
from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, OpenSession, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Completed, Event, Invoked
from raftcore.vocabulary.names import ClientId, ServerId

KeyCommand: TypeAlias = Set | Get | Delete | Append | Cas
"""What people ask for: a command on one key."""


class Operation(Struct, frozen=True):
    """A client's command between its call and its answer.

    began, ended: positions in the order of what happened: of events in a trace, of operations in a file. An operation without an answer
    stays open to the end of the history, `ended` inf; it may have happened, at any time since, or not. ok: the answer's verdict; None
    where the outcome is unknown. value: what the answer said that the key holds; UNSET where it said nothing. stale: a read that may
    have been answered from an old state, as it was asked to, or under a lease while Raft promised nothing of leases (`Leases`): no
    evidence of anything.
    """

    client: ClientId
    command: KeyCommand
    began: float
    ended: float = inf
    ok: bool | None = None
    value: str | UnsetType | None = UNSET
    stale: bool = False

    def __str__(self) -> str:
        said = "" if self.value is UNSET else " → absent" if self.value is None else f" → {self.value}"
        verdict = {True: said, False: f" → failed{said.replace(' →', ', holds')}", None: " → no answer"}[self.ok]
        return f"{self.client} {show_command(self.command)}{verdict}"


def history(run: Run) -> tuple[Operation, ...]:
    """The operations of all clients, in the order of their calls. Stale reads are among them and say so; `check` leaves them out.

    So are lease reads that were under way while clocks were further apart than `Config.max_clock_drift`, or a server had been made to
    stand for election too soon: Raft promises nothing of these (thesis 6.4.1). Raises ConfigError where it is no run.
    """
    require_run(run)
    gathered = ClientHistory(run.trace.server_ids, run.config)
    gathered.absorb(run.trace)
    return gathered.first(len(gathered))


class Excused(Struct, frozen=True):
    """A lease read that is not judged. place: among the operations, in the order of their calls. ended: the position of its answer. why:

    what had broken the promise of leases.
    """

    place: int
    ended: int
    why: str


class ClientHistory:
    """Operations gathered event by event, from the beginning of a trace on. server_ids: those of the beginning.

    excused: the lease reads that are not judged, in the order of their answers.
    """

    HEARD = (Invoked, Completed, *LEASE_EVENTS)
    """The kinds of events that say something of the history: all others may be left out."""

    def __init__(self, server_ids: Iterable[ServerId], config: Config) -> None:
        self.excused: list[Excused] = []
        self._reads = config.reads
        self._leases = Leases(server_ids, config)
        self._position = 0
        self._operations: list[Operation] = []
        self._open: dict[tuple[ClientId, int], tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._operations)

    def begun_by(self, position: int) -> int:
        """How many operations had begun after so many events."""
        return bisect_left(self._operations, float(position), key=lambda it: it.began)

    def excused_by(self, position: int) -> int:
        """How many of `excused` had been answered after so many events."""
        return bisect_left(self.excused, position, key=lambda it: it.ended)

    def first(self, count: int) -> tuple[Operation, ...]:
        """The first so many, in the order of their calls."""
        return tuple(self._operations[:count])

    def absorb(self, events: Iterable[Event]) -> None:
        """Take in the events that follow those before."""
        for position, event in enumerate(events, self._position):
            if type(event) is Invoked:
                assert not isinstance(event.command, OpenSession)  # a session is no operation
                self._open[event.client, event.sequence_num] = len(self._operations), event.at_ms
                self._operations.append(Operation(event.client, event.command, position, stale=is_stale(event.command, self._reads)))
            elif type(event) is Completed and event.ok is not None:
                self._end(position, event)
            elif isinstance(event, LEASE_EVENTS):
                self._leases.absorb(event)
            self._position = position + 1

    def _end(self, position: int, answer: Completed) -> None:
        place, asked_ms = self._open.pop((answer.client, answer.sequence_num))
        begun = self._operations[place]
        excused = self._leases.excuse(answer.command, asked_ms)
        if excused:
            self.excused.append(Excused(place, position, self._leases.why))
        told = what_it_told(answer)
        self._operations[place] = replace(begun, ended=position, ok=answer.ok, value=told, stale=begun.stale or excused)


def is_stale(command: Command, reads: ReadMode) -> bool:
    """Whether any server may answer from an old state. reads: how reads that don't say it themselves are answered."""
    return is_read(command, ReadMode.STALE, reads)


def what_it_told(answer: Completed) -> str | UnsetType | None:
    """What the answer says of the key: a read and an append what it holds, a compare-and-set that failed what it held instead."""
    match answer.command:
        case Get():
            return answer.value
        case Append() if answer.ok:
            return answer.value
        case Cas() if not answer.ok:
            return answer.value
    return UNSET
