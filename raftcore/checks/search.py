"""The search for a legal order of one key's operations.

Calls and answers stand in a line, in order of time; an operation that gets its place in the order leaves it. From the head of the line to
the first answer stand the calls of all that may come next. At that answer all of them have been tried, so the operation that came last
was wrong there, and goes back.
"""

from collections.abc import Sequence

from raftcore.checks.client_history import Operation
from raftcore.checks.models import Held, Impossible, Model
from raftcore.vocabulary.commands import Command, Get

HEAD = 0
OPEN, IS_ANSWER = 0, -1
NOWHERE = -1
"""In place of a state's number: the operation can't come here, or need not."""


class _Line:
    """Calls and answers as a list linked both ways. Entries are numbered in order of time, from 1; HEAD stands before the first.

    operation: by entry, whose it is. answer: by entry, where a call's answer stands, OPEN where there is none; IS_ANSWER of an answer.
    bit: by entry, the call's own bit in a set of operations. twin: the bit of the open operation before it with the same command, or 0.
    unanswered: answers that stand in the line.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        calls = [(it.began, False, number) for number, it in enumerate(operations)]
        answers = [(it.ended, True, number) for number, it in enumerate(operations) if it.ok is not None]
        moments = sorted(calls + answers)
        size = len(moments) + 1
        self.operation = [operations[number] for _, _, number in [(0, False, 0), *moments]] if moments else []
        self.after, self.before = [*range(1, size), HEAD], [size - 1, *range(size - 1)]
        self.answer, self.bit, self.twin = [OPEN] * size, [0] * size, [0] * size
        self.unanswered = len(answers)
        call_of: dict[int, int] = {}
        twins: dict[Command, int] = {}
        for entry, (_, is_answer, number) in enumerate(moments, 1):
            if is_answer:
                self.answer[call_of[number]], self.answer[entry] = entry, IS_ANSWER
                continue
            call_of[number], self.bit[entry] = entry, 1 << number
            if operations[number].ok is None:
                self.twin[entry] = twins.get(operations[number].command, 0)
                twins[operations[number].command] = self.bit[entry]

    def take_out(self, call: int) -> None:
        """Let an operation leave the line."""
        answer = self.answer[call]
        self._link(self.before[call], self.after[call])
        if answer != OPEN:
            self._link(self.before[answer], self.after[answer])
            self.unanswered -= 1

    def put_back(self, call: int) -> None:
        """Let the operation that left last come back."""
        answer = self.answer[call]
        if answer != OPEN:
            self._link(self.before[answer], answer)
            self._link(answer, self.after[answer])
            self.unanswered += 1
        self._link(self.before[call], call)
        self._link(call, self.after[call])

    def _link(self, left: int, right: int) -> None:
        self.after[left], self.before[right] = right, left


class Search:
    """The search over the operations of one key, where it stands. Operations that may have had no effect need no place in the order.

    found, refuted: whether there is a legal order, or none.
    """

    def __init__(self, operations: Sequence[Operation], model: Model) -> None:
        self._model = model
        self._line = _Line([it for it in operations if it.ok is not None or not isinstance(it.command, Get)])
        self._states: list[Held] = [None]
        self._number_of: dict[Held, int] = {None: 0}
        self._next_state: list[dict[int, int]] = [{} for _ in self._line.after]  # by entry: which state it makes of which
        self._order: list[tuple[int, int]] = []  # of each operation taken: its call, and the state before it
        self._taken, self._state = 0, 0
        self._seen: set[tuple[int, int]] = set()  # (taken, state) that was reached before: what follows it is known (Lowe)
        self._entry = self._line.after[HEAD]
        self._furthest = HEAD  # the answer that no order went past, and the order that came to it
        self._furthest_order: list[int] = []
        self.found, self.refuted = not self._line.unanswered, False

    def advance(self, limit: int) -> int:
        """Go on for at most `limit` steps, each of which tries one operation; how many were taken."""
        line, next_state, seen = self._line, self._next_state, self._seen
        after, answer, bit, twin = line.after, line.answer, line.bit, line.twin
        entry, taken, state, steps = self._entry, self._taken, self._state, 0
        while line.unanswered and steps < limit:
            if answer[entry] == IS_ANSWER:
                entry, taken, state = self._go_back(entry, taken, state)
                if self.refuted:
                    return steps
                continue
            steps += 1
            following = next_state[entry].get(state)
            if following is None:
                following = self._try(entry, state)
            reached = taken | bit[entry], following
            if following == NOWHERE or twin[entry] & ~taken or reached in seen:  # of twins the first one comes first
                entry = after[entry]
                continue
            seen.add(reached)
            self._order.append((entry, state))
            line.take_out(entry)
            taken, state = reached
            entry = after[HEAD]
        self._entry, self._taken, self._state = entry, taken, state
        self.found = not line.unanswered
        return steps

    def _try(self, call: int, state: int) -> int:
        """The number of the state after this operation, or NOWHERE: its answer does not fit, or it is open and would change nothing."""
        held, answer = self._states[state], self._line.answer[call]
        following = self._model.step(held, self._line.operation[call])
        if isinstance(following, Impossible) or (answer == OPEN and following == held):
            number = NOWHERE
        else:
            number = self._number_of.setdefault(following, len(self._states))
            if number == len(self._states):
                self._states.append(following)
        self._next_state[call][state] = number
        return number

    def _go_back(self, answer: int, taken: int, state: int) -> tuple[int, int, int]:
        """Leave an order that can't go past this answer: where to look for another, what is taken then, and the state."""
        line = self._line
        if answer > self._furthest:
            self._furthest, self._furthest_order = answer, [call for call, _ in self._order]
        while self._order:
            call, state = self._order.pop()
            taken ^= line.bit[call]
            line.put_back(call)
            if not _only_looks(line.operation[call]):
                return line.after[call], taken, state
        self.refuted = True
        return HEAD, taken, state

    @property
    def cannot_follow(self) -> Operation | None:
        """Whose answer no order went past; None where one was found, or none was left yet."""
        return self._line.operation[self._furthest] if self._furthest and not self.found else None

    def prefix(self) -> tuple[Operation, ...]:
        """The order that was found, or the first that went as far as any."""
        calls = [call for call, _ in self._order] if self.found else self._furthest_order
        return tuple(self._line.operation[call] for call in calls)


def _only_looks(operation: Operation) -> bool:
    """Whether it never changes anything. An order that has it later can have it here as well: to take it was no choice."""
    return operation.ok is False or isinstance(operation.command, Get)
