"""Simulated time: what is planned happens in order, and never twice."""

from math import inf

from raftcore.cluster.clock import VirtualClock


def test_things_happen_in_order_of_time_and_of_planning_where_times_are_equal() -> None:
    clock, seen = VirtualClock(), []
    for at_ms, name in ((5.0, "c"), (1.0, "a"), (5.0, "d"), (2.0, "b")):
        clock.call_at(at_ms, lambda name: seen.append((clock.now_ms, name)), name)
    assert clock.run(10.0, 100)
    assert seen == [(1.0, "a"), (2.0, "b"), (5.0, "c"), (5.0, "d")]


def test_it_runs_up_to_and_including_the_time_given_and_no_further() -> None:
    clock, seen = VirtualClock(), []
    for at_ms in (1.0, 2.0, 2.5):
        clock.call_at(at_ms, seen.append, at_ms)
    assert clock.run(2.0, 100)
    assert seen == [1.0, 2.0]
    assert clock.next_ms == 2.5


def test_it_stops_after_the_limit_and_says_that_there_is_more() -> None:
    clock, seen = VirtualClock(), []
    for at_ms in (1.0, 2.0, 3.0):
        clock.call_at(at_ms, seen.append, at_ms)
    assert not clock.run(10.0, 2)
    assert seen == [1.0, 2.0]
    assert clock.run(10.0, 2)
    assert clock.next_ms == inf


def test_what_happens_may_plan_more_even_for_the_same_instant() -> None:
    clock, seen = VirtualClock(), []

    def again(count: int) -> None:
        seen.append((clock.now_ms, count))
        if count:
            clock.call_after(0.0, again, count - 1)

    clock.call_after(3.0, again, 2)
    clock.run(3.0, 100)
    assert seen == [(3.0, 2), (3.0, 1), (3.0, 0)]
