"""The search for a legal order of one key's operations.

Calls and answers stand in a line, in order of time; an operation that gets its place in the order leaves it. From the head of the line to
the first answer stand the calls of all answered operations that may come next. Operations without an answer stand in a line of their own.
They are tried after the answered ones, as far as they were called before that answer: most histories need few of them. When all have been
tried, the operation that came last was wrong there, and goes back.
"""

import sys
from collections.abc import Sequence

from raftcore.checks.client_history import Operation
from raftcore.checks.models import Held, Impossible, Model
from raftcore.vocabulary.commands import Command, Get

HEAD = 0
OPEN, IS_ANSWER = 0, -1
NOWHERE = -1
"""In place of a state's number: the operation can't come here, or need not."""

BYTES_PER_STEP = 400
"""About what a place that was reached takes in memory, beside one bit an operation."""


class _Line:
    """Two lists, linked both ways: calls with their answers, and calls that have none. Entries are numbered in order of time, from 1.

    HEAD stands before the first call that has an answer; `open_head`, higher than every entry, before and behind the calls that have none.
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
        self.open_head = size
        self.after, self.before = [HEAD] * (size + 1), [HEAD] * (size + 1)
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
        is_open = [operations[number].ok is None for _, _, number in moments]
        self._join(HEAD, [entry for entry, alone in enumerate(is_open, 1) if not alone])
        self._join(size, [entry for entry, alone in enumerate(is_open, 1) if alone])

    def _join(self, head: int, entries: list[int]) -> None:
        for left, right in zip([head, *entries], [*entries, head], strict=True):
            self._link(left, right)

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

    found, refuted: whether there is a legal order, or none. held_bytes: about how much memory it uses.
    """

    def __init__(self, operations: Sequence[Operation], model: Model, initial: Held = None) -> None:
        self._model = model
        self._line = _Line([it for it in operations if it.ok is not None or not isinstance(it.command, Get)])
        self._states: list[Held] = [initial]
        self._number_of: dict[Held, int] = {initial: 0}
        self._next_state: list[dict[int, int]] = [{} for _ in self._line.after]  # by entry: which state it makes of which
        # Of each operation taken: its call, the state before it, and the first answer then (`open_head` if that was not reached yet).
        self._order: list[tuple[int, int, int]] = []
        self._taken, self._state = 0, 0
        self._seen: set[tuple[int, int]] = set()  # (taken, state) that was reached before: what follows it is known (Lowe)
        self._entry, self._barrier = self._line.after[HEAD], self._line.open_head
        self._states_bytes = 0
        self._bytes_per_step = BYTES_PER_STEP + len(operations) // 8
        self._furthest = HEAD  # the answer that no order went past, and the order that came to it
        self._furthest_order: list[int] = []
        self.found, self.refuted = not self._line.unanswered, False

    @property
    def held_bytes(self) -> int:
        return self._states_bytes + len(self._seen) * self._bytes_per_step

    def advance(self, limit: int, room_bytes: int) -> int:
        """Go on for at most `limit` steps, each of which tries one operation; how many were taken.

        Stops as soon as the states found in these steps take more than `room_bytes`.
        """
        line, next_state, seen = self._line, self._next_state, self._seen
        after, answer, bit, twin, open_head = line.after, line.answer, line.bit, line.twin, line.open_head
        entry, barrier, taken, state, steps = self._entry, self._barrier, self._taken, self._state, 0
        most_bytes = self._states_bytes + room_bytes
        while line.unanswered and steps < limit and self._states_bytes <= most_bytes:
            if entry > barrier:
                entry, barrier, taken, state = self._go_back(barrier, taken, state)
                if self.refuted:
                    return steps
                continue
            if answer[entry] == IS_ANSWER:
                entry, barrier = after[open_head], entry
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
            self._order.append((entry, state, barrier))
            line.take_out(entry)
            taken, state = reached
            entry, barrier = after[HEAD], open_head
        self._entry, self._barrier, self._taken, self._state = entry, barrier, taken, state
        self.found = not line.unanswered
        return steps

    def release(self) -> None:
        """Free the memory. The search can't go on any more; its prefix can still be read."""
        self._states, self._number_of, self._next_state, self._seen, self._states_bytes = [], {}, [], set(), 0

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
                self._states_bytes += sys.getsizeof(following)
        self._next_state[call][state] = number
        return number

    def _go_back(self, answer: int, taken: int, state: int) -> tuple[int, int, int, int]:
        """Leave an order that can't go past this answer: where to look for another, up to which answer, what is taken then, the state."""
        line = self._line
        if answer > self._furthest:
            self._furthest, self._furthest_order = answer, [call for call, _, _ in self._order]
        while self._order:
            call, state, barrier = self._order.pop()
            taken ^= line.bit[call]
            line.put_back(call)
            if not _only_looks(line.operation[call]):
                return line.after[call], barrier, taken, state
        self.refuted = True
        return HEAD, HEAD, taken, state

    @property
    def cannot_follow(self) -> Operation | None:
        """Whose answer no order went past; None where one was found, or none was left yet."""
        return self._line.operation[self._furthest] if self._furthest and not self.found else None

    def prefix(self) -> tuple[Operation, ...]:
        """The order that was found, or the first that went as far as any."""
        calls = [call for call, _, _ in self._order] if self.found else self._furthest_order
        return tuple(self._line.operation[call] for call in calls)


def _only_looks(operation: Operation) -> bool:
    """Whether it never changes anything. An order that has it later can have it here as well: to take it was no choice."""
    return operation.ok is False or isinstance(operation.command, Get)
