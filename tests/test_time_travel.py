"""Any moment of a run can be seen again, forked from, and compared: the past is the same, byte for byte."""

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_random_runs import RandomRun
from test_trace import folded, written_out

from raftcore import Cluster, diff
from raftcore.trace import stream
from raftcore.trace.stream import KEYFRAME_EVERY, Trace
from raftcore.vocabulary.actions import Isolate
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.events import Acted

BAD_TIMES = [-1, float("nan"), "now", None, True]


def run_of(seed: int, rounds: int = 40) -> RandomRun:
    run = RandomRun(seed)
    run.trouble(rounds=rounds)
    return run


# ---- view_at


RUNS = [run_of(seed) for seed in range(6)]


@settings(max_examples=60)
@given(number=st.integers(0, len(RUNS) - 1), share=st.floats(0, 1.1))
def test_a_view_of_any_moment_is_the_fold_from_the_start(number: int, share: float) -> None:
    run = RUNS[number]
    trace = run.cluster.trace
    at_ms = trace.end_ms * share
    count = sum(event.at_ms <= at_ms for event in trace)
    view = trace.view_at(at_ms)
    assert view.at_ms == at_ms
    assert trace.position_at(at_ms) == count
    assert written_out(trace.view_after(count)) == written_out(folded(trace, count, run.cluster.trace.server_ids))
    assert view.servers == trace.view_after(count).servers


def test_looking_at_the_past_folds_no_more_than_from_one_keyframe_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it costs the same in a long run as in a short one."""
    cluster = Cluster(size=5, seed=3)
    cluster.run_for(20_000)
    assert len(cluster.trace) > 20 * KEYFRAME_EVERY
    cluster.trace.view()
    folds = 0
    real = stream.absorb

    def counted(view, event):
        nonlocal folds
        folds += 1
        return real(view, event)

    monkeypatch.setattr(stream, "absorb", counted)
    for number in range(100):
        folds = 0
        cluster.trace.view_at(cluster.now_ms * number / 100)
        assert folds < KEYFRAME_EVERY


def test_a_view_is_the_same_whether_the_past_was_seen_before_or_not() -> None:
    cluster = run_of(3).cluster
    fresh = Trace(cluster.trace.server_ids, cluster.trace)
    for at_ms in (cluster.now_ms, cluster.now_ms / 3, 0, cluster.now_ms / 2):
        assert written_out(fresh.view_at(at_ms)) == written_out(cluster.trace.view_at(at_ms))


@pytest.mark.parametrize("at_ms", BAD_TIMES)
def test_what_is_no_moment_is_refused(at_ms: object) -> None:
    with pytest.raises(ConfigError, match="is no moment of a run"):
        Cluster().trace.view_at(at_ms)  # type: ignore[arg-type]  # that is the point


# ---- forks


@pytest.mark.parametrize("seed", range(12))
def test_a_fork_has_the_same_past_to_the_byte(seed: int) -> None:
    cluster = run_of(seed, rounds=60).cluster
    for share in (0.0, 0.3, 0.71, 1.0):
        at_ms = cluster.now_ms * share
        fork = cluster.fork(at_ms)
        assert fork.now_ms == at_ms
        past = cluster.trace[: cluster.trace.position_at(at_ms)]
        assert fork.trace[: len(past)] == past
        assert all(event.at_ms == at_ms for event in fork.trace[len(past) :])  # what the original left undone of its instant
        assert written_out(fork.trace.view_after(len(past))) == written_out(cluster.trace.view_after(len(past)))


def test_a_fork_lives_on_by_itself() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    before = cluster.trace.to_bytes()
    fork = cluster.fork(at_ms=600)
    fork.isolate("S1")
    fork.run_for(1_000)
    assert cluster.trace.to_bytes() == before
    assert fork.origin == (cluster, 600)
    assert cluster.forks == (fork,)
    assert fork.fork().origin.cluster is fork


def test_forks_stand_in_order_of_their_moments_and_those_of_one_moment_as_they_were_made() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(100)
    forks = [cluster.fork(at_ms=at_ms) for at_ms in [50, *[20] * 12]]
    assert cluster.forks == (*forks[1:], forks[0])


def test_a_fork_that_nobody_holds_is_forgotten() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.fork()
    gc.collect()
    assert cluster.forks == ()


@pytest.mark.parametrize("at_ms", [-1, float("nan"), "now", 1_000.5])
def test_only_the_past_can_be_forked(at_ms: object) -> None:
    cluster = Cluster()
    cluster.run_for(1_000)
    with pytest.raises(ConfigError, match="can't fork at"):
        cluster.fork(at_ms)  # type: ignore[arg-type]  # that is the point


def test_time_does_not_run_back() -> None:
    cluster = Cluster()
    cluster.run_to(1_000)
    assert cluster.now_ms == 1_000
    with pytest.raises(ControlError, match=r"it is 1,000 ms already; fork\(at_ms=500\)"):
        cluster.run_to(500)


# ---- diff


def test_the_first_difference_of_two_runs_is_found() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(30_000)  # more events than are compared at once
    fork = cluster.fork()
    assert diff(cluster, fork) is None
    fork.isolate("S1")
    cluster.run_for(100)
    parted = diff(cluster, fork)
    assert parted
    assert (parted.at_ms, parted.event_b) == (30_000, Acted(30_000, Isolate(30_000, "S1")))
    assert cluster.trace[: parted.position] == fork.trace[: parted.position]
    assert cluster.trace[parted.position] == parted.event_a


def test_a_run_that_goes_on_longer_differs_where_the_other_ends() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    fork = cluster.fork()
    fork.run_for(500)
    parted = diff(cluster, fork)
    assert parted
    assert (parted.position, parted.event_a, parted.event_b) == (len(cluster.trace), None, fork.trace[len(cluster.trace)])


@pytest.mark.parametrize("other", [None, 7, "run.parquet"])
def test_what_is_no_run_is_not_compared(other: object) -> None:
    with pytest.raises(ConfigError, match=r"is no run; give a cluster, or a recording of one"):
        diff(Cluster(), other)  # type: ignore[arg-type]  # that is the point
