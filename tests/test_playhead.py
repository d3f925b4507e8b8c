"""The moment that is shown: looking changes no run, and only at the end does one live on."""

import pytest
from msgspec import Struct

from raftcore import Cluster
from raftcore.vocabulary.errors import ConfigError, ControlError
from widgets.branch import Branch, moment_after, moment_before
from widgets.forking import Forking
from widgets.frame import Frame
from widgets.pane import MOST_EVENTS, Pane
from widgets.playhead import CATCH_UP_MS, Playhead


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.run_for(2_000)
    return cluster


class Recorded(Struct, frozen=True, eq=False):
    """A run that does not go on."""

    trace: object
    scenario: object
    config: object
    server_ids: tuple[str, ...]
    now_ms: float


def recorded(cluster: Cluster) -> Recorded:
    return Recorded(cluster.trace, cluster.scenario, cluster.config, cluster.server_ids, cluster.now_ms)


def forked(head: Playhead) -> Cluster:
    """A fork of the chosen run at the moment that is shown."""
    fork = Forking(head.main.branch, head.shown_ms)
    assert fork.go_on()
    head.adopt(fork)
    return fork.cluster


# ---- moments


def test_a_moment_is_now_until_somebody_looks_elsewhere_and_again_when_nothing_lies_after_it(cluster: Cluster):
    head = Playhead(cluster)
    cluster.run_for(10)
    assert head.shown_ms == 2_010
    head.go_to(500)
    cluster.run_for(10)
    assert head.shown_ms == 500
    head.go_to(5_000)
    cluster.run_for(10)
    assert head.shown_ms == cluster.now_ms == 2_030


@pytest.mark.parametrize("at_ms", [-1, float("nan"), "now", None])
def test_what_is_no_moment_is_refused_and_the_moment_stays(cluster: Cluster, at_ms: object):
    head = Playhead(cluster)
    head.go_to(500)
    with pytest.raises(ConfigError, match="no moment"):
        head.go_to(at_ms)  # type: ignore[arg-type]  # that is the point
    assert head.shown_ms == 500


@pytest.mark.parametrize("position", [-1, 10**9, "3", None, True])
def test_what_is_no_event_is_refused(cluster: Cluster, position: object):
    with pytest.raises(ConfigError, match="no event"):
        Playhead(cluster).go({"do": "go", "position": position})


def test_a_jump_to_an_event_shows_all_that_happened_in_its_instant(cluster: Cluster):
    head = Playhead(cluster)
    for position in (0, 17, len(cluster.trace) // 2):
        head.go({"do": "go", "position": position})
        at_ms = cluster.trace[position].at_ms
        assert head.shown_ms == at_ms
        assert cluster.trace.position_at(head.shown_ms) > position


def test_back_and_forward_visit_every_instant_of_the_run_and_nothing_changes(cluster: Cluster):
    before, now_ms = cluster.trace.to_bytes(), cluster.now_ms
    instants = sorted({event.at_ms for event in cluster.trace})
    head = Playhead(cluster)
    there = []
    while head.shown_ms > 0:
        head.back()
        there.append(head.shown_ms)
    assert there == [*reversed(instants[:-1])]

    again = []
    while head.shown_ms < instants[-1]:
        head.forward()
        again.append(head.shown_ms)
    assert again == instants[1:]
    assert (cluster.trace.to_bytes(), cluster.now_ms) == (before, now_ms)


def test_before_the_beginning_there_is_the_beginning(cluster: Cluster):
    assert (moment_before(cluster, 0), moment_before(Cluster(), 0)) == (0, 0)
    assert moment_after(cluster, cluster.now_ms) == cluster.now_ms


def test_time_that_passes_in_the_past_goes_through_the_recording_and_at_now_the_run_lives_on(cluster: Cluster):
    head, before = Playhead(cluster), len(cluster.trace)
    head.go_to(1_990)
    assert head.pass_time(5)
    assert (head.shown_ms, cluster.now_ms, len(cluster.trace)) == (1_995, 2_000, before)
    assert head.pass_time(5)
    assert (head.shown_ms, cluster.now_ms, len(cluster.trace)) == (2_000, 2_000, before)
    assert head.pass_time(100)
    assert head.shown_ms == cluster.now_ms == 2_100


def test_at_now_a_step_lets_the_next_thing_happen(cluster: Cluster):
    head, before = Playhead(cluster), len(cluster.trace)
    head.forward()
    assert len(cluster.trace) > before
    assert head.shown_ms == cluster.now_ms


def test_at_the_end_of_a_recording_time_stands_still(cluster: Cluster):
    run = recorded(cluster)
    head = Playhead(run)  # type: ignore[arg-type]  # typed loosely above
    assert head.shown_ms == 0
    head.go_to_end()
    cluster.run_for(500)  # the same trace grows, and the recording has its end where it was
    assert not head.pass_time(10)
    with pytest.raises(ControlError, match="the recording ends here"):
        head.forward()
    assert head.shown_ms == 2_000
    assert head.view == cluster.trace.view_at(2_000)
    head.back()
    head.forward()
    assert head.shown_ms <= 2_000


# ---- forks


def test_a_fork_goes_on_from_the_moment_that_is_shown_and_the_other_run_stays_as_it_is(cluster: Cluster):
    before = cluster.trace.to_bytes()
    head = Playhead(cluster)
    head.go_to(700)
    fork = forked(head)
    assert (fork.now_ms, head.shown_ms, head.two) == (700, 700, True)
    assert (head.main.run, head.beside.run) == (fork, cluster)
    head.pass_time(100)
    assert (fork.now_ms, head.sights[1].at_ms) == (800, 800)
    assert cluster.trace.to_bytes() == before


def test_a_recording_can_be_forked_and_the_fork_is_a_cluster_with_its_past(cluster: Cluster):
    head = Playhead(recorded(cluster))  # type: ignore[arg-type]  # typed loosely above
    head.go_to(700)
    fork = forked(head)
    past = cluster.trace[: cluster.trace.position_at(700)]
    assert fork.trace[: len(past)] == past
    assert head.living(head.main)
    assert not head.living(head.beside)


def test_a_run_that_has_come_less_far_is_shown_at_its_end_and_catches_up_when_time_passes(cluster: Cluster):
    head = Playhead(cluster)
    head.go_to(700)
    fork = forked(head)
    head.choose(1)
    head.go_to_end()
    assert (head.shown_ms, head.sights[1].at_ms) == (2_000, 700)
    head.pass_time(20)
    assert fork.now_ms == 700 + CATCH_UP_MS  # no more than this at once: who waits for it comes first
    for _ in range(10):
        head.pass_time(20)
    assert fork.now_ms == cluster.now_ms == 2_220


def test_whoever_chooses_a_run_keeps_the_moment_and_has_the_other_run_beside_it(cluster: Cluster):
    head = Playhead(cluster)
    head.go_to(900)
    first = forked(head)
    head.go_to(400)
    second = forked(head)
    assert [(one.number, one.parent and one.parent.number, one.at_ms) for one in head.branches] == [(1, None, 0), (2, 1, 900), (3, 2, 400)]
    head.choose(1)
    assert (head.main.run, head.beside.run, head.shown_ms) == (cluster, second, 400)
    head.choose(2)
    assert (head.main.run, head.beside.run) == (first, cluster)
    head.alone()
    assert [sight.branch for sight in head.sights] == [head.main.branch]
    with pytest.raises(ConfigError, match="no run 9"):
        head.choose(9)


# ---- what frames tell


def frames_of(pane: Pane) -> list[Frame]:
    class Kept(list[Frame]):
        watched = True
        show = list.append

    pane.screens.append(Kept())  # type: ignore[arg-type]  # that is all a screen is
    return pane.screens[-1]  # type: ignore[return-value]


def test_a_frame_tells_what_is_new_or_after_a_leap_what_came_before(cluster: Cluster):
    pane = Pane(Branch(1, cluster))
    frames = frames_of(pane)
    trace = cluster.trace
    for at_ms in (1_000, 1_020, 400, 500):
        pane.paint(pane.sight(at_ms), {"playing": False}, lambda act: act())
    positions = [trace.position_at(at_ms) for at_ms in (1_000, 1_020, 400, 500)]
    assert [frame.position for frame in frames] == positions
    assert [frame.jump for frame in frames] == [1, 1, 2, 2]
    assert [frame.changed_keys is None for frame in frames] == [True, False, True, False]
    begins = [0, positions[0], 0, positions[2]]
    assert [frame.events for frame in frames] == [tuple(trace[begin:end]) for begin, end in zip(begins, positions, strict=True)]
    assert all(frame.past for frame in frames)


def test_what_a_frame_costs_does_not_depend_on_how_far_the_leap_goes():
    cluster = Cluster(size=5, seed=2)
    while len(cluster.trace) <= 2 * MOST_EVENTS:
        cluster.run_for(1_000)
    pane = Pane(Branch(1, cluster))
    frames = frames_of(pane)
    for at_ms in (0, cluster.now_ms):
        pane.paint(pane.sight(at_ms), {"playing": False}, lambda act: act())
    assert frames[1].events == tuple(cluster.trace[-MOST_EVENTS:])
    assert (frames[1].jump, frames[1].changed_keys, frames[1].past) == (2, None, False)
