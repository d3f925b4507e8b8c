"""What the timeline remembers of a run: bands of role and term, steps of the commit index, faults, client operations.

An incremental fold over trace events. Each event costs O(1), and memory stays bounded however long the run:
whatever ended before the reach of the timeline is forgotten, and no list outgrows its limit. Nothing here draws.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import islice, permutations
from math import inf, nan
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from raftcore.trace.run import Run, require_run
from raftcore.vocabulary.actions import Action, Isolate, Partition
from raftcore.vocabulary.events import (
    Acted,
    ClockRateChanged,
    Committed,
    Completed,
    ConfigurationChanged,
    Crashed,
    Created,
    DiskChanged,
    Event,
    Halted,
    Invoked,
    LinkChanged,
    Paused,
    Restarted,
    Resumed,
    RoleChanged,
    SnapshotInstalled,
    SnapshotTaken,
    TransferStarted,
)
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.names import Address, ClientId, Role, ServerId, Term
from widgets.timeline_members import KEPT, Mark, Memberships, mark_of
from widgets.words import CUT, asked, faults, outcome

Direction: TypeAlias = tuple[Address, Address]

WINDOW_MS = 20_000.0
BANDS = 200
POINTS = 400
LABEL_PARTS = 3


class Reach(Struct, frozen=True):
    """How far back a timeline remembers, in simulated milliseconds, and how many bands and points of a kind at most."""

    window_ms: float
    bands: int
    points: int


LIVE = Reach(WINDOW_MS, BANDS, POINTS)
WHOLE = Reach(inf, 5 * BANDS, 3 * POINTS)
"""For a recorded run: all of it, but where it has more bands than anybody could tell apart."""


class Condition(Enum):
    """Whether a server can do what its role asks of it."""

    RUNNING = "running"
    PAUSED = "paused"
    CRASHED = "crashed"


class Band(Struct, frozen=True, gc=False):
    """A server was this from `begin_ms` to `end_ms`; the end is infinite while it still is."""

    begin_ms: float
    end_ms: float
    role: Role
    term: Term
    condition: Condition


class Fault(Struct, frozen=True, gc=False):
    """The network was in this trouble from `begin_ms` to `end_ms`; the end is infinite while it still is."""

    begin_ms: float
    end_ms: float
    label: str


class Operation(Struct, frozen=True, gc=False):
    """A client's command, in words. The end is infinite while the client waits; `ok` is None as long as the outcome is unknown."""

    begin_ms: float
    end_ms: float
    client: ClientId
    words: str
    ok: bool | None = None


class ServerSeries:
    """One server: the bands that ended, the one that is `open`, and the steps (at_ms, commit index; nan while crashed)."""

    def __init__(self, begin_ms: float = 0.0, reach: Reach = LIVE) -> None:
        self._reach = reach
        self.ended: deque[Band] = deque(maxlen=reach.bands)
        self.open = Band(begin_ms, inf, Role.FOLLOWER, 0, Condition.RUNNING)
        self.commits: deque[tuple[float, float]] = deque([(begin_ms, 0.0)])

    @property
    def bands(self) -> Iterator[Band]:
        yield from self.ended
        yield self.open

    def become(self, at_ms: float, role: Role, term: Term, condition: Condition) -> None:
        was = self.open
        if (role, term, condition) == (was.role, was.term, was.condition):
            return
        if at_ms > was.begin_ms:
            self.ended.append(replace(was, end_ms=at_ms))
        self.open = Band(at_ms, inf, role, term, condition)
        forget_before(at_ms - self._reach.window_ms, self.ended)

    def commit(self, at_ms: float, index: float) -> None:
        """Add a step. A full list keeps every other one: so it covers the window, with steps that are late at times but never early."""
        if len(self.commits) >= self._reach.points:
            self.commits = deque(islice(self.commits, 0, None, 2))
        self.commits.append((at_ms, index))
        while len(self.commits) > 1 and self.commits[1][0] < at_ms - self._reach.window_ms:
            self.commits.popleft()


class Faults:
    """What is wrong with the network, clocks and disks, as one label: faults that overlap share a band, so that bands never do.

    Whether a link is in trouble is known from what became of it, never from what somebody did; that only lends cuts made at once a name.
    """

    def __init__(self, servers: Sequence[ServerId], healthy_delay_ms: tuple[float, float], reach: Reach = LIVE) -> None:
        self._reach = reach
        self.ended: deque[Fault] = deque(maxlen=reach.bands)
        self.open: Fault | None = None
        self._servers = list(servers)
        self._healthy_delay_ms = healthy_delay_ms
        self._trouble: dict[Direction, list[str]] = {}
        self._names: dict[str, frozenset[Direction]] = {}
        self._of_servers: dict[tuple[ServerId, str], str] = {}

    @property
    def bands(self) -> Iterator[Fault]:
        yield from self.ended
        if self.open:
            yield self.open

    def create(self, server: ServerId) -> None:
        """From now on the network has this server too."""
        self._servers.append(server)

    def name(self, action: Action) -> None:
        """Remember what this action cuts. Its name holds from when all these links are cut until one of them is up again."""
        match action:
            case Partition(groups=groups):
                self._names.clear()  # a partition says of every link between servers whether it is up
                named = [member for group in groups for member in group]
                sides = [*groups, tuple(server for server in self._servers if server not in named)]
                label = "partition " + " | ".join(" ".join(side) for side in sides if side)
            case Isolate(server=server):
                sides = [(server,), tuple(other for other in self._servers if other != server)]
                label = f"{server} isolated"
            case _:
                return
        cuts = frozenset((source, target) for one, other in permutations(sides, 2) for source in one for target in other)
        if cuts:
            self._names[label] = cuts

    def change(self, at_ms: float, direction: Direction, link: Link) -> None:
        """One direction of a link is now like this."""
        trouble = faults(link, self._healthy_delay_ms)
        if trouble:
            self._trouble[direction] = trouble
        else:
            self._trouble.pop(direction, None)
        if link.up:
            self._names = {name: cuts for name, cuts in self._names.items() if direction not in cuts}
        self._turn(at_ms, self._label())

    def of_server(self, at_ms: float, server: ServerId, what: str, said: str) -> None:
        """A server's clock or disk, `what`, is now like this; "" where nothing is wrong with it."""
        self._of_servers.pop((server, what), None)
        if said:
            self._of_servers[server, what] = f"{server} {said}"
        self._turn(at_ms, self._label())

    def _label(self) -> str:
        names = {name: cuts for name, cuts in self._names.items() if all(CUT in self._trouble.get(cut, ()) for cut in cuts)}
        parts = [*names, *self._of_servers.values(), *self._link_parts(frozenset[Direction]().union(*names.values()))]
        more = len(parts) - LABEL_PARTS
        return " · ".join(parts[:LABEL_PARTS]) + (f" · {more} more" if more > 0 else "")

    def _link_parts(self, named: frozenset[Direction]) -> Iterator[str]:
        """One phrase a link, without the cuts that have a name; a link that is the same in both directions is told once."""
        unnamed = {
            direction: ", ".join(fault for fault in trouble if not (fault == CUT and direction in named))
            for direction, trouble in self._trouble.items()
        }
        for (source, target), trouble in unnamed.items():
            mirrored = unnamed.get((target, source)) == trouble
            if trouble and not (mirrored and source > target):
                yield f"{source} {'↔' if mirrored else '→'} {target} {trouble}"

    def _turn(self, at_ms: float, label: str) -> None:
        if self.open and self.open.label == label:
            return
        if self.open and at_ms > self.open.begin_ms:
            self.ended.append(replace(self.open, end_ms=at_ms))
        self.open = Fault(at_ms, inf, label) if label else None
        forget_before(at_ms - self._reach.window_ms, self.ended)


class TimelineSeries:
    """All that the timeline shows of a run with these servers, from time 0 on. Feed it every event, in order."""

    def __init__(self, servers: Iterable[ServerId], healthy_delay_ms: tuple[float, float], reach: Reach = LIVE) -> None:
        self.reach = reach
        self.servers = {server: ServerSeries(reach=reach) for server in servers}
        self.faults = Faults(tuple(self.servers), healthy_delay_ms, reach)
        self.completed: deque[Operation] = deque()
        self.pending: dict[tuple[ClientId, int], Operation] = {}
        self.memberships = Memberships()
        self.marks: deque[Mark] = deque(maxlen=KEPT)
        self.latest_ms = 0.0
        self._fold: dict[type[Event], Callable[[Any], None]] = {
            RoleChanged: self._role_changed,
            Committed: self._committed,
            Created: self._created,
            Crashed: self._crashed,
            Halted: self._crashed,
            ConfigurationChanged: self._configuration_changed,
            SnapshotTaken: self._mark,
            TransferStarted: self._mark,
            SnapshotInstalled: self._snapshot_installed,
            ClockRateChanged: self._clock_rate_changed,
            DiskChanged: self._disk_changed,
            Restarted: self._restarted,
            Paused: self._paused,
            Resumed: self._resumed,
            Acted: self._acted,
            LinkChanged: self._link_changed,
            Invoked: self._invoked,
            Completed: self._completed,
        }

    def absorb(self, event: Event) -> None:
        self.latest_ms = event.at_ms
        fold = self._fold.get(type(event))
        if fold is not None:  # messages and timers, most of the stream, have none
            fold(event)

    @property
    def since_ms(self) -> float:
        """From when on no band is forgotten, in simulated milliseconds. Of too many steps and operations, every other one goes."""
        lanes: list[deque[Any]] = [*(server.ended for server in self.servers.values()), self.faults.ended]
        full = [kept for kept in lanes if len(kept) == self.reach.bands]
        return max((kept[0].begin_ms for kept in full), default=max(0.0, self.latest_ms - self.reach.window_ms))

    def operations(self) -> Iterator[Operation]:
        yield from self.completed
        yield from self.pending.values()

    def _role_changed(self, event: RoleChanged) -> None:
        server = self.servers[event.server]
        server.become(event.at_ms, event.role, event.term, server.open.condition)
        if event.role is Role.LEADER:
            self.memberships.follow(event.server, event.at_ms)

    def _configuration_changed(self, event: ConfigurationChanged) -> None:
        self.memberships.absorb(event, leads=self.servers[event.server].open.role is Role.LEADER)

    def _mark(self, event: SnapshotTaken | SnapshotInstalled | TransferStarted) -> None:
        self.marks.append(mark_of(event))

    def _committed(self, event: Committed) -> None:
        self.servers[event.server].commit(event.at_ms, event.index)

    def _created(self, event: Created) -> None:
        self.servers[event.server] = ServerSeries(event.at_ms, self.reach)
        self.faults.create(event.server)

    def _snapshot_installed(self, event: SnapshotInstalled) -> None:
        self.servers[event.server].commit(event.at_ms, event.last_included_index)
        self._mark(event)

    def _clock_rate_changed(self, event: ClockRateChanged) -> None:
        self.faults.of_server(event.at_ms, event.server, "clock", "" if event.rate == 1 else f"clock {event.rate:g}×")

    def _disk_changed(self, event: DiskChanged) -> None:
        disk = event.disk
        full = disk.capacity_bytes is not None
        wrongs = (
            (disk.sync_fails, "sync fails"),
            (disk.loses_writes, "disk loses writes"),
            (disk.reads_fail, "can't read"),
            (full, "disk is small"),
        )
        said = [word for wrong, word in wrongs if wrong]
        self.faults.of_server(event.at_ms, event.server, "disk", ", ".join(said))

    def _crashed(self, event: Crashed | Halted) -> None:
        server = self.servers[event.server]
        server.become(event.at_ms, server.open.role, server.open.term, Condition.CRASHED)
        server.commit(event.at_ms, nan)

    def _restarted(self, event: Restarted) -> None:
        server = self.servers[event.server]
        server.become(event.at_ms, Role.FOLLOWER, event.current_term, Condition.RUNNING)
        server.commit(event.at_ms, event.snapshot_index)  # else the commit index is volatile (Figure 2)

    def _paused(self, event: Paused) -> None:
        server = self.servers[event.server]
        server.become(event.at_ms, server.open.role, server.open.term, Condition.PAUSED)

    def _resumed(self, event: Resumed) -> None:
        server = self.servers[event.server]
        server.become(event.at_ms, server.open.role, server.open.term, Condition.RUNNING)

    def _acted(self, event: Acted) -> None:
        self.faults.name(event.action)

    def _link_changed(self, event: LinkChanged) -> None:
        self.faults.change(event.at_ms, (event.source, event.target), event.link)

    def _invoked(self, event: Invoked) -> None:
        if len(self.pending) >= self.reach.bands:
            self.pending.pop(next(iter(self.pending)))
        self.pending[event.client, event.sequence_num] = Operation(
            event.at_ms, inf, event.client, f"{event.client} {asked(event.command)} → waiting"
        )

    def _completed(self, event: Completed) -> None:
        self.pending.pop((event.client, event.sequence_num), None)
        if len(self.completed) >= self.reach.bands:
            self.completed = deque(islice(self.completed, 0, None, 2))
        self.completed.append(Operation(event.at_ms - event.latency_ms, event.at_ms, event.client, outcome(event), event.ok))
        forget_before(event.at_ms - self.reach.window_ms, self.completed)


def series_of(run: Run) -> TimelineSeries:
    """All that a timeline shows of a whole run. Raises ConfigError where it is none."""
    require_run(run)
    series = TimelineSeries(run.trace.server_ids, run.config.delay_ms, WHOLE)
    for event in run.trace:
        series.absorb(event)
    return series


def forget_before(begin_ms: float, ended: deque[Any]) -> None:
    """Forget what ended before the window began; the oldest come first."""
    while ended and ended[0].end_ms < begin_ms:
        ended.popleft()
