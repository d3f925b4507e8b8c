"""Interrupts while work is done that must not be broken off: they wait until its end, and nobody's handler is lost."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from breaking_off import at_line, handler, interrupt, lines_of

from raftcore import interrupts
from raftcore.interrupts import Uninterrupted

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="Windows has no SIGALRM")


def boom(number: int, _frame: object) -> None:
    raise TimeoutError(number)


def test_an_interrupt_is_obeyed_when_the_block_has_ended():
    done = []

    def block() -> None:
        with Uninterrupted(lambda: done.append("hurried")):
            interrupt()
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["hurried", "all of it"]


def test_other_handlers_wait_too_and_each_is_called():
    calls = []

    def block() -> None:
        with Uninterrupted():
            for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
                signal.raise_signal(number)
                calls.append(number)

    with handler(signal.SIGALRM, boom), handler(signal.SIGTERM, lambda *_: calls.append("term")):
        with pytest.raises((TimeoutError, KeyboardInterrupt)):
            block()
        assert signal.getsignal(signal.SIGALRM) is boom
    assert calls == [signal.SIGALRM, signal.SIGTERM, signal.SIGINT, "term"]


def test_a_block_within_a_block_holds_nothing_by_itself():
    done = []

    def block() -> None:
        with Uninterrupted():
            with Uninterrupted():
                interrupt()
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["outer"]


def test_an_interrupt_that_is_repeated_after_a_while_is_obeyed_at_once(monkeypatch: pytest.MonkeyPatch):
    now_s, done = [10.0], []
    monkeypatch.setattr(interrupts, "monotonic", lambda: now_s[0])

    def block() -> None:
        with Uninterrupted():
            for pause_s in (interrupts.PATIENCE_S / 2, interrupts.PATIENCE_S / 2, 0):
                interrupt()
                done.append(now_s[0])
                now_s[0] += pause_s

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [10.0, 10.0 + interrupts.PATIENCE_S / 2]


def test_what_the_block_raises_is_not_lost_behind_an_interrupt():
    def block() -> None:
        with Uninterrupted():
            interrupt()
            raise ValueError("of the block")

    with pytest.raises(KeyboardInterrupt) as caught:
        block()
    assert isinstance(caught.value.__context__, ValueError)


def test_in_another_thread_nothing_is_held_or_changed():
    def block() -> object:
        with Uninterrupted():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(block).result() is signal.getsignal(signal.SIGINT)


def test_every_handler_is_in_its_place_again_wherever_the_interrupt_came():
    def block() -> None:
        with Uninterrupted():
            done.append("begun")
            done.append("ended")

    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []
    with handler(signal.SIGALRM, boom):
        for number in (signal.SIGINT, signal.SIGALRM):
            for line in range(1, lines_of(block) + 1):
                done.clear()
                with pytest.raises((KeyboardInterrupt, TimeoutError)), at_line(line, lambda number=number: signal.raise_signal(number)):
                    block()
                assert done in ([], ["begun", "ended"]), line
                assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == (before, boom), line
                with Uninterrupted():
                    assert signal.getsignal(signal.SIGINT) is not before, f"nothing is held after an interrupt at line {line}"
    assert sys.gettrace() is None
