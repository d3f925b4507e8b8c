"""Which part of a run the timeline shows: its latest seconds, or those around a moment in the past. Both cost the same in a long run."""

from math import inf, nan

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.events import ClockRateChanged, ConfigurationChanged, DiskChanged
from widgets.timeline_series import WINDOW_MS, Band, Condition, Operation, ServerSeries, TimelineSeries
from widgets.words import asked


class Window:
    """The part of a run around `at_ms`, as a series. One that reaches the run's end follows it."""

    def __init__(self, run: Run, at_ms: float) -> None:
        latest_ms = max(0.0, run.now_ms - WINDOW_MS)
        follows = at_ms >= latest_ms
        self._run = run
        self._begin_ms = latest_ms if follows else max(0.0, at_ms - WINDOW_MS / 2)
        self._until_ms = inf if follows else self._begin_ms + WINDOW_MS
        self._position = run.trace.position_before(self._begin_ms)
        self.series = begun(run, self._begin_ms, self._position)

    def covers(self, run: Run, at_ms: float) -> bool:
        """Whether it shows this moment of this run."""
        begin_ms = max(self._begin_ms, run.now_ms - WINDOW_MS) if self._until_ms == inf else self._begin_ms
        return run is self._run and begin_ms <= at_ms <= self._until_ms

    def follow(self) -> None:
        """Take in what happened since, as far as it belongs here."""
        end = self._run.trace.position_at(min(self._until_ms, self._run.now_ms))
        for event in self._run.trace[self._position : end]:
            self.series.absorb(event)
        self._position = max(self._position, end)


def begun(run: Run, at_ms: float, position: int) -> TimelineSeries:
    """A series that begins at this moment, before which `position` events had happened."""
    if not position:
        return TimelineSeries(run.trace.server_ids, run.config.delay_ms)
    view = run.trace.view_after(position)
    series = TimelineSeries(view.servers, run.config.delay_ms)
    series.latest_ms = at_ms
    for server in view.servers.values():
        series.servers[server.id] = lane(server, at_ms)
        if server.clock_rate != 1:
            series.absorb(ClockRateChanged(at_ms, server.id, server.clock_rate))
        if server.disk is not None:
            series.absorb(DiskChanged(at_ms, server.id, server.disk))
    for action in run.scenario.until(at_ms).actions:
        series.faults.name(action)
    for direction, link in view.links.items():
        series.faults.change(at_ms, direction, link)
    for operation in view.pending.values():
        words = f"{operation.client} {asked(operation.command)} → waiting"
        waits = Operation(operation.invoked_at_ms, inf, operation.client, words)
        series.pending[operation.client, operation.sequence_num] = waits
    begin_memberships(series, view, at_ms)
    return series


def lane(server: ServerView, at_ms: float) -> ServerSeries:
    """One server, as it was then."""
    series = ServerSeries(at_ms)
    condition = Condition.CRASHED if not server.alive else Condition.PAUSED if server.paused else Condition.RUNNING
    series.open = Band(at_ms, inf, server.role, server.current_term, condition)
    series.commits[0] = (at_ms, server.commit_index if server.alive else nan)
    return series


def begin_memberships(series: TimelineSeries, view: ClusterView, at_ms: float) -> None:
    """By which configuration each server went; the cluster goes by that of its leader, which therefore speaks last."""
    leader = view.leader
    for server in sorted(view.servers.values(), key=lambda server: (server.id == leader, server.configuration_index)):
        event = ConfigurationChanged(at_ms, server.id, server.configuration_index, server.configuration)
        series.memberships.absorb(event, leads=server.id == leader)
