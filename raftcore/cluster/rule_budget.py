"""Ends custom rules that do not return.

A watchdog, a thread that lives while custom rules are asked, looks from time to time how long each call has taken. When its budget is
spent, it raises RuleExpired in the thread that waits for the rule (PyThreadState_SetAsyncExc). A rule that catches that is traced, and
raises it again with each line. What runs in C, such as time.sleep, can only be interrupted by a signal, and that only in the main thread;
elsewhere the rule ends when that returns.

Only a run that can't go on is ended by this, so no trace depends on how fast the machine is.
"""

import ctypes
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import unwrap
from opcode import opmap
from threading import Lock, Thread, current_thread, get_ident, main_thread
from types import CodeType, FrameType
from typing import Any, NoReturn

from msgspec.structs import replace

from raftcore.consensus.rule_errors import GUARDS, called, guards, raised
from raftcore.consensus.rules import Rules
from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.source_lines import code_of, frames_of, line_of

BUDGET_S = 2.0
"""Of the processor's time, for one call of one custom rule."""

NEVER_RETURNS = "does not return"
"""What a hunt calls it, after the rule's name."""

WAITING = 2.0
"""So many times its budget a call may last where the processor does something else: it sleeps, or others work."""

TICK_S = 0.05
STUCK_S = 1.0
"""So long a rule is told again and again to end before the main thread is interrupted."""

IDLE_TICKS = 20
"""Looks at nothing, after which the watchdog ends."""

DEBUGGERS = ("bdb", "pydevd", "_pydevd_bundle.pydevd_frame")
"""Modules that hold a rule while a person looks at it. Then time does not count."""


class RuleExpired(BaseException):
    """Raised within a rule whose budget is spent. It is no Exception, so that few rules catch it."""

    def __init__(self) -> None:
        """Python calls this in the rule's own thread when the rule is about to catch it: from then on each of its lines raises."""
        super().__init__("this rule has not returned")
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  documented, if not for every Python
        while frame is not None and frame.f_code not in GUARDS:
            if frame.f_globals is not globals():
                frame.f_trace = _expire_again
            frame = frame.f_back
        _tracers.setdefault(get_ident(), sys.gettrace())
        sys.settrace(_trace_nothing)


class Settled(BaseException):
    """Raised in a thread in place of RuleExpired after the rule has returned."""


_tracers: dict[int, Any] = {}
"""What traced a thread before its rule was traced."""


def _trace_nothing(_frame: FrameType, _what: str, _about: object) -> None:
    """Of functions that are called from now on."""


def _expire_again(_frame: FrameType, _what: str, _about: object) -> NoReturn:
    raise RuleExpired


class Call:
    """One call of a custom rule. code: the rule's, to find its frame. sentence: that its budget is spent, once it is."""

    __slots__ = ("began_s", "budget_s", "code", "done", "name", "outer", "sentence", "used_s", "waited_s")

    def __init__(self, name: str, code: CodeType | None, budget_s: float, outer: "Call | None") -> None:
        self.name = name
        self.code = code
        self.budget_s = budget_s
        self.outer = outer
        self.sentence = ""
        self.done = False
        self.waited_s = 0.0
        self.began_s = -1.0
        self.used_s = 0.0


class Watchdog:
    """Looks at all calls of custom rules that are under way, by thread."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._lock = Lock()
        self._awake = False

    def begin(self, name: str, code: CodeType | None, budget_s: float) -> Call:
        """A rule is asked in this thread."""
        thread = get_ident()
        call = self._calls[thread] = Call(name, code, budget_s, self._calls.get(thread))
        if not self._awake:
            self._wake()
        return call

    def end(self, call: Call) -> None:
        """It has returned, or raised. After this nothing is raised in this thread any more."""
        while True:
            try:
                with self._lock:
                    call.done = True
                    thread = get_ident()
                    if call.outer is None:
                        self._calls.pop(thread, None)
                    else:
                        self._calls[thread] = call.outer
                    if call.sentence:
                        _settle(thread)
                        if thread in _tracers:
                            sys.settrace(_tracers.pop(thread))
            except RuleExpired:  # it came just now
                continue
            else:
                return

    def interrupt(self) -> None:
        """Raise RuleExpired if the rule that this thread waits for has spent its budget; for a handler of signals."""
        call = self._calls.get(get_ident())
        if call and call.sentence:
            raise RuleExpired

    # ---- the thread

    def _wake(self) -> None:
        with self._lock:
            if not self._awake:
                self._awake = True
                Thread(target=self._watch, name="raft-rule-watchdog", daemon=True).start()

    def _watch(self) -> None:
        idle, last_s = 0, time.monotonic()
        while idle < IDLE_TICKS or not self._fall_asleep():
            time.sleep(TICK_S)
            now_s = time.monotonic()
            passed_s, last_s = min(now_s - last_s, 2 * TICK_S), now_s  # more, where this process was stopped
            idle = 0 if self._calls else idle + 1
            for thread, call in list(self._calls.items()):
                self._look(thread, call, passed_s)

    def _fall_asleep(self) -> bool:
        with self._lock:
            self._awake = bool(self._calls)
            return not self._awake

    def _look(self, thread: int, call: Call, passed_s: float) -> None:
        if call.began_s < 0:
            call.began_s = time.process_time()
            return
        call.waited_s += passed_s
        used_s = time.process_time() - call.began_s
        spent = call.waited_s >= call.budget_s and (used_s >= call.budget_s or call.waited_s >= WAITING * call.budget_s)
        if call.sentence:
            self._insist(thread, call)
        elif spent:
            self._expire(thread, call)

    def _expire(self, thread: int, call: Call) -> None:
        frames = list(_frames_of(thread))
        if any(frame.f_globals.get("__name__") in DEBUGGERS for frame in frames):
            call.waited_s, call.began_s = 0.0, -1.0
            return
        rule = next((frame for frame in frames if frame.f_code is call.code), None)
        where = f" ({line_of(rule.f_code.co_filename, rule.f_lineno)})" if rule else ""
        with self._lock:
            if not call.done:
                call.sentence = f"{call.name} has not returned for {round(call.waited_s):g} s{where}"
                call.waited_s = 0.0
                _raise_in(thread, RuleExpired)

    def _insist(self, thread: int, call: Call) -> None:
        with self._lock:
            if call.done:
                return
            _raise_in(thread, RuleExpired)
        if call.waited_s < STUCK_S:
            return
        if thread == main_thread().ident and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(thread, signal.SIGINT)
            call.waited_s = 0.0


WATCHDOG = Watchdog()
"""One for all threads."""


def budgeted(rules: Rules, budget_s: float) -> Rules:
    """The same table, in which a custom rule that does not return within its budget raises RuleError. Raft's own rules are as they were."""
    swapped = rules.swapped
    return replace(rules, **{name: _budgeted(name, getattr(rules, name), budget_s) for name in swapped}) if swapped else rules


def _budgeted(name: str, rule: Callable[..., Any], budget_s: float) -> Callable[..., Any]:
    code, title = code_of(unwrap(rule)), called(name, rule)

    @guards
    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        failure: RuleError | None = None
        answer = None
        call = WATCHDOG.begin(title, code, budget_s)
        try:
            try:
                answer = rule(*arguments)
            except RuleError as error:
                failure = error
            except KeyboardInterrupt as error:
                if not call.sentence and is_interrupt(error):
                    raise
                failure = raised(title, error)
            finally:
                WATCHDOG.end(call)
        except RuleExpired:  # wherever that found it
            pass
        if call.sentence:
            failure = RuleError(call.sentence)
            failure.finding = f"{code.co_name if code else name} {NEVER_RETURNS}"
        if failure:
            raise failure
        return answer

    return obey


def is_interrupt(error: KeyboardInterrupt) -> bool:
    """Whether somebody has interrupted the main thread, and not the code itself has raised this."""
    if current_thread() is not main_thread():
        return False
    *_, innermost = frames_of(error.__traceback__)
    return innermost.tb_frame.f_code.co_code[innermost.tb_lasti] != opmap["RAISE_VARARGS"]


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    """Let a thread raise this as soon as it executes Python, in place of what it was to raise before."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


def _settle(thread: int) -> None:
    """Let nothing be raised in this thread any more.

    Python can take an exception back, too, but then goes on looking for it: in 3.11 every function that a debugger traces never begins.
    """
    try:
        _raise_in(thread, Settled)
        while True:
            pass
    except Settled:
        return


def _frames_of(thread: int) -> Iterator[FrameType]:
    """What a thread executes, innermost first."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  documented, if not for every Python
    while frame is not None:
        yield frame
        frame = frame.f_back
