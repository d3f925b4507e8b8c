"""Whether custom rules give the same answer when the same happens again. Only then can what was found be shown again.

Two repetitions of one run part at the call of a rule that does not: all before it was the same.
"""

from collections.abc import Callable
from functools import wraps
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.rule_errors import called
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.consensus.told import facts_of

INCONSISTENT = "Another answer"
"""What a hunt and an exploration call it."""

REPETITIONS = 10
"""A rule that seldom answers in another way may do the same twice."""

Answer = tuple[str, int]
"""Which rule was asked, and a digest of what it came to."""


def inconsistent_rule(rules: Rulebook, repeat: Callable[[Rulebook], object]) -> str:
    """The rule that answers in another way when the same run is repeated, as "the rule start_election (mine)"; "" where none is seen to."""
    first = _answers(rules, repeat)
    for _ in range(REPETITIONS):
        for one, other in zip_longest(first, _answers(rules, repeat)):
            if one != other:
                return str((one or other)[0])
    return ""


def one_of(rules: Rulebook) -> str:
    """All custom rules, where nobody can say which of them it is."""
    tables = (rules.everywhere, *rules.by_server.values())
    names = dict.fromkeys(called(name, getattr(table, name)) for table in tables for name in table.swapped)
    return " or ".join(names)


def sentence(rule: str) -> str:
    """What to say of it."""
    return f"{rule} does not answer the same twice: what was seen once can't be shown again; a rule may go by its arguments alone"


def _answers(rules: Rulebook, repeat: Callable[[Rulebook], object]) -> list[Answer]:
    answers: list[Answer] = []
    by_server = {server: _noted(table, answers) for server, table in rules.by_server.items()}
    repeat(replace(rules, by_server=by_server, everywhere=_noted(rules.everywhere, answers)))
    return answers


def _noted(rules: Rules, answers: list[Answer]) -> Rules:
    return replace(rules, **{name: _noting(name, getattr(rules, name), answers) for name in rules.swapped})


def _noting(name: str, rule: Callable[..., Any], answers: list[Answer]) -> Callable[..., Any]:
    title = called(name, rule)

    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        answer = rule(*arguments)
        me = arguments[0]
        state = (facts_of(me), me.commit_index, me.log.last_index, me.log.last_term, me.outbox) if isinstance(me, NodeState) else ()
        answers.append((title, hash(repr((answer, state)))))
        return answer

    return obey
