"""Validates custom rules: what they return, send and write. Raft's own rules are not looked at, and cost nothing.

Whatever a custom rule does wrong becomes a RuleError that names the rule and the line (rule_errors.py). What it writes into the state
straight is told for it (told.py).
"""

from collections.abc import Callable, Iterator
from functools import wraps
from types import NoneType
from typing import Any

from msgspec.structs import replace

from raftcore.consensus.held import Held
from raftcore.consensus.kinds import problem
from raftcore.consensus.monotonic import keep_monotonic
from raftcore.consensus.rule_errors import called, guards, mistake, raised, shown
from raftcore.consensus.rules import Rules, kinds_of
from raftcore.consensus.state import NodeState
from raftcore.consensus.told import facts_of, tell_the_rest
from raftcore.vocabulary.errors import RuleError
from raftcore.vocabulary.events import AnyEvent
from raftcore.vocabulary.messages import AppendEntries, Message
from raftcore.vocabulary.names import LEADER, Address, Index

CHECKED = "is_checked_rule"
"""The mark of a rule that is checked already."""


def checked(rules: Rules) -> Rules:
    """The same table, in which a custom rule that does what its place does not allow raises RuleError."""
    swapped = rules.swapped
    return replace(rules, **{name: _checked(name, getattr(rules, name)) for name in swapped}) if swapped else rules


def _checked(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(rule, CHECKED, False):
        return rule
    given, _ = kinds_of(name)
    obey = _watched(name, rule) if given[0] is NodeState else _answering(name, rule)
    setattr(obey, CHECKED, True)
    return obey


def _answering(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, whose answer is looked at. It may keep or change what it is given: that is a copy."""
    judge = _judge_of_answers(name, rule)

    @guards
    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        failure, answer = None, None
        try:
            answer = rule(*[frozenset(it) if isinstance(it, set) else it for it in arguments])
        except (KeyboardInterrupt, RuleError):
            raise
        except BaseException as error:  # noqa: BLE001  sys.exit is no way to decide something
            failure = raised(called(name, rule), error)
        if failure:
            raise failure
        judge(answer)
        return answer

    return obey


def _watched(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, of which is looked at what it answers, what it wrote into the state, and what it sent."""
    judge = _judge_of_answers(name, rule)

    @guards
    @wraps(rule)
    def obey(me: NodeState, *about: Any) -> Any:
        failure, answer = None, None
        before, applied, said, sent, outbox = facts_of(me), me.last_applied, len(me.events), len(me.outbox), me.outbox
        held, committed = Held(me), me.commit_index
        try:
            answer = rule(me, *about)
        except (KeyboardInterrupt, RuleError):
            raise
        except BaseException as error:  # noqa: BLE001  sys.exit is no way to decide something
            failure = raised(called(name, rule), error)
        finally:
            held.release()
        if failure:
            raise failure
        judge(answer)
        known = about[0].entries if name == "answer_append_entries" else ()
        flaw = held.flaw(me, known) or _flaw_of_moves(me, applied)
        if flaw:
            raise mistake(f"{called(name, rule)} {flaw}", rule)
        keep_monotonic(me, name, about, committed, before)
        tell_the_rest(me, before, said)
        for flaw in _flaws_told(me, said, sent if me.outbox is outbox else 0):
            raise mistake(f"{called(name, rule)} {flaw}", rule)
        return answer

    return obey


def _judge_of_answers(name: str, rule: Callable[..., Any]) -> Callable[[Any], None]:
    kind = kinds_of(name)[1] or NoneType
    find = problem(kind)

    def judge(answer: Any) -> None:
        flaw = find(answer)
        if flaw:
            wanted = "it must return nothing: what it decides belongs into the state" if kind is NoneType else flaw
            sentence = f"{called(name, rule)} returned {shown(answer)}; {wanted.replace('it must be', 'it must return', 1)}"
            raise mistake(sentence, rule)

    return judge


def _flaw_of_moves(me: NodeState, applied: Index) -> str:
    """What must not be written, but is done by the state's moves, or by the server."""
    if (me.role is LEADER) is (me.reign is None):  # a reign is more than a role
        moves = "a reign begins with me.become_leader(), and ends with me.step_down() or me.become_follower(term)"
        return f"wrote me.role = {me.role}; {moves}"
    if me.last_applied != applied and me.installed is None:
        return "wrote me.last_applied; what is committed is applied without it: write me.commit_index"
    return ""


def _flaws_told(me: NodeState, said: int, sent: int) -> Iterator[str]:
    """What can't be among what a rule has told, and sent."""
    if type(me.events) is not list or type(me.outbox) is not list:
        yield "wrote me.outbox or me.events; messages are sent by me.send(target, message), and events told by me.say(event)"
        return
    for event in me.events[said:]:
        if flaw := _EVENT(event):
            yield f"has led to {shown(event)}; {flaw}"
    for envelope in me.outbox[sent:]:
        if type(envelope) is not tuple or len(envelope) != 2:
            yield f"put {shown(envelope)} into me.outbox; messages are sent by me.send(target, message)"
            return
        target, message = envelope
        if flaw := _ADDRESS(target) or _flaw_of_message(me, message):
            yield f"has led to {shown(message)} to {shown(target)}; {flaw}"


def _flaw_of_message(me: NodeState, message: Any) -> str:
    if type(message) is AppendEntries and message.entries:
        own = me.log.after(message.prev_log_index, len(message.entries)) if type(message.prev_log_index) is int else ()
        if own == message.entries:  # they were looked at when they were written
            message = replace(message, entries=())
    return _MESSAGE(message)


_EVENT, _ADDRESS, _MESSAGE = problem(AnyEvent), problem(Address), problem(Message)
