"""Two threads on one cluster: a lab plays it while a notebook's cell acts on it. Nothing is lost, and the trace keeps its order."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from raftcore import Cluster
from raftcore.vocabulary.actions import Crash, SetLink, Submit
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.events import Acted, Completed


@pytest.fixture(autouse=True)
def threads_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_a_cluster_that_is_played_and_acted_upon_at_once_loses_nothing() -> None:
    cluster, all_is_done = Cluster(5, 6), Event()

    def play() -> None:
        while not all_is_done.is_set():
            cluster.run_for(20)

    def ask(client: str) -> list[object]:
        return [cluster.client(client).set("x", str(number)).ok for number in range(25)]

    def disturb() -> None:
        for _ in range(10):
            for act in (lambda: cluster.crash("S1"), lambda: cluster.cut("S2", "S3"), cluster.heal, lambda: cluster.restart("S1")):
                act()
                cluster.run_for(1)
                assert cluster.view.servers["S2"].alive

    with ThreadPoolExecutor(5) as pool:
        playing, disturbing = pool.submit(play), pool.submit(disturb)
        answers = [future.result() for future in [pool.submit(ask, f"C{number}") for number in (1, 2, 3)]]
        disturbing.result()
        all_is_done.set()
        playing.result()

    times = [event.at_ms for event in cluster.trace]
    assert times == sorted(times)
    assert [len(answer) for answer in answers] == [25, 25, 25]
    assert len([event for event in cluster.trace if isinstance(event, Completed)]) == 75
    actions = cluster.scenario.actions
    assert [event.action for event in cluster.trace if isinstance(event, Acted)] == list(actions)
    assert [len([action for action in actions if isinstance(action, kind)]) for kind in (Crash, SetLink, Submit)] == [10, 20, 75]


def test_what_threads_did_is_repeated_by_the_scenario() -> None:
    cluster = Cluster(3, 8)

    def submit(client: str) -> None:
        for number in range(100):
            cluster.submit(client, Set(client, str(number)))
            cluster.run_for(3)

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(submit, f"C{number}") for number in (1, 2, 3)]:
            future.result()
    cluster.run_for(1_000)
    again = Cluster.from_scenario(cluster.scenario)
    again.run_for(cluster.now_ms)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()
    assert len(cluster.scenario.actions) == 300


def test_a_subscriber_in_another_thread_takes_every_event_once_and_in_order() -> None:
    cluster = Cluster(3, 9)
    reader = cluster.trace.subscribe()

    def read() -> list[object]:
        taken: list[object] = []
        while cluster.now_ms < 3_000:
            taken += reader.take()
        return taken

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        while cluster.now_ms < 3_000:
            cluster.run_for(10)
        taken = reading.result()
    taken += reader.take()
    assert taken == list(cluster.trace)
