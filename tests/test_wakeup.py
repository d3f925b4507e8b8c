"""A request that a thread should see is never lost, whenever it comes."""

from concurrent.futures import ThreadPoolExecutor

from widgets.wakeup import Wakeup


def test_what_was_set_ends_the_next_wait_and_is_told_once():
    wakeup = Wakeup()
    wakeup.wait(0.001)
    assert not wakeup.clear()
    wakeup.set()
    wakeup.set()
    wakeup.wait(60)
    wakeup.wait(60)
    assert wakeup.clear()
    assert not wakeup.clear()


def test_no_request_of_another_thread_is_lost():
    wakeup, asked, seen = Wakeup(), [0], 0

    def ask() -> None:
        for _ in range(2_000):
            asked[0] += 1
            wakeup.set()

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        while seen < 2_000:
            wakeup.wait(20)
            assert wakeup.clear(), "it ended with no request"
            seen = asked[0]
        asking.result()
