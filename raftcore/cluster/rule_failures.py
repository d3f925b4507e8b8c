"""What a run does about custom rules that fail: it says so in one sentence, with a traceback of a few frames."""

from types import TracebackType

from raftcore.cluster.clock import VirtualClock
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.rule_errors import called, few_frames, shorten, shown
from raftcore.consensus.rules import Rules
from raftcore.vocabulary.errors import RaftLabError, RuleError
from raftcore.vocabulary.source_lines import frames_of, line_of

MOST_AT_ONCE = 100_000
"""Things that may happen in one instant of simulated time, where there are custom rules."""

MOST_PLANNED = 200_000
"""Messages under way and timers, together, that a run with custom rules may come to."""


class RuleFailures:
    """`with failures:` encloses what asks rules, within a step (steps.py). Raises RuleError for what they do wrong."""

    def __init__(self, rules: Rulebook, clock: VirtualClock) -> None:
        self._custom = _custom_rules(rules)
        self._clock = clock
        self._instant_ms, self._happened = -1.0, 0

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        if isinstance(error, RuleError):
            shorten(error)
        elif self._custom and isinstance(error, Exception) and not isinstance(error, RaftLabError):
            raise self._left_behind(error) from None

    def _left_behind(self, error: Exception) -> RuleError:
        """What this project's own code fails at, where a rule has been: what that left in the state."""
        *_, last = frames_of(error.__traceback__)
        code = last.tb_frame.f_code
        kind, where = type(error).__name__, line_of(code.co_filename, last.tb_lineno)
        failure = RuleError(f"what {self._custom} left behind can't be worked with: {kind}: {shown(error, str)} ({where})")
        failure.finding = f"{kind} in {code.co_name}"
        return failure.with_traceback(few_frames(last))

    def look(self, limit: int) -> None:
        """At most `limit` things have just happened: see whether rules keep the run from going on. Raises RuleError."""
        if not self._custom:
            return
        if self._clock.now_ms != self._instant_ms:
            self._instant_ms, self._happened = self._clock.now_ms, 0
        self._happened += limit
        if self._happened > MOST_AT_ONCE:
            raise self._endless(f"{MOST_AT_ONCE:,} things have happened in one instant, and time does not pass any more")
        if len(self._clock.queue) > MOST_PLANNED:
            raise self._endless(f"{MOST_PLANNED:,} messages and timers are under way")

    def _endless(self, fact: str) -> RuleError:
        failure = RuleError(f"{self._custom} made too much happen: {fact}; send each message once, and set deadlines in the future")
        failure.finding = "Endless messages"
        return failure


def _custom_rules(book: Rulebook) -> str:
    """All of a run's custom rules by name; "" where there are none."""
    tables: list[Rules] = [book.everywhere, *book.by_server.values()]
    names = [called(name, getattr(table, name)) for table in tables for name in table.swapped]
    return " and ".join(dict.fromkeys(names))
