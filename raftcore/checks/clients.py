"""The invariant of what clients asked for, and were told, in answer to writes and to reads."""

from raftcore.checks.completeness import effect
from raftcore.checks.invariant import Invariant
from raftcore.checks.leases import LEASE_EVENTS, LeaseEvent, Leases, is_read
from raftcore.checks.memory import Memory, Request
from raftcore.checks.seeing import sees
from raftcore.checks.situations.clients import client_command_applied
from raftcore.checks.violation import Violation
from raftcore.checks.words import clip, told
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Get, OpenSession, ReadMode
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry


class NoInvention(Invariant):
    """A log holds only what clients asked for, each command does its work once, an answer is what the log says, and no read is stale.

    A command does its work once however often it was sent: with `Config.client_sessions` off, a retry may well be applied twice, and breaks
    it. A read is stale if it misses what was answered before it was asked; it may be so by wish, or under a lease of which Raft promises
    nothing (`Leases`).
    """

    name = "No Invention"
    section = "§8"
    premise = client_command_applied

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.leases = Leases(self.servers, memory.config)
        self.has_sessions = memory.config.client_sessions

    @sees(ev.EntriesAppended, ev.Restarted)
    def appended(self, at: int, event: ev.EntriesAppended | ev.Restarted) -> Violation | None:
        for written in self.memory.fresh:
            if not is_wanted(self.memory, written.entry):
                how = "wrote" if isinstance(event, ev.EntriesAppended) else "came back with"
                sentence = f"{event.server} {how} {told(written.entry)} at index {written.index}, and no client has asked for that"
                return self.broken(at, event, sentence, (event.server,))
        return None

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        memory, index = self.memory, event.index
        if event.changed_key is None:
            return None
        if index in memory.repeats:
            first, entry = memory.repeats[index], memory.committed[index].entry
            sentence = f"{event.server} carried out {told(entry)} of {entry.client_id} at index {index}, as at index {first} before"
            return self.broken(at, event, sentence, (event.server,), memory.commitments[first].at, memory.commitments[index].at)
        written, outcomes = self.servers[event.server].at(index), memory.outcomes
        if written is None or index != len(outcomes.first) or outcomes.explains(written.entry.command, event):
            return None
        what = f"{told(written.entry)} at index {index} so that {effect(event)}"
        return self.broken(at, event, f"{event.server} carried out {what}, and it does something else", (event.server,), written.at)

    # ---- answers

    @sees(*LEASE_EVENTS)
    def clock_changed(self, at: int, event: LeaseEvent) -> None:
        self.leases.absorb(event)

    @sees(ev.Completed)
    def completed(self, at: int, event: ev.Completed) -> Violation | None:
        memory, index = self.memory, event.index
        if event.ok is None:
            return None
        request = memory.request(event.client, event.sequence_num)
        if request is None:
            return self._answer(at, event, -1, ", which it never began")
        if index > memory.committed_index:
            return self._answer(at, event, request.at, f" at index {index}, which nobody has committed")
        if isinstance(event.command, Get):
            return self._judge_read(at, event, event.command, request)
        entry = memory.committed[index].entry
        if entry.sequence_num == event.sequence_num and entry.client_id == event.client:
            return self._judge_answer(at, event, request)
        return self._answer(at, event, request.at, f" at index {index}, where {told(entry)} is committed")

    def _judge_answer(self, at: int, event: ev.Completed, request: Request) -> Violation | None:
        outcomes, index = self.memory.outcomes, event.index
        if request.index and self.has_sessions:  # a command that was repeated has its first answer
            index = request.index
        if index >= len(outcomes.first):
            return None
        came_to = outcomes.answer(request.command, index)
        if (event.ok, event.value) == came_to:
            return None
        what = f": {_said(event.ok, event.value)}, and at index {index} it came to: {_said(*came_to)}"
        return self._answer(at, event, request.at, what, outcomes.first_at[index])

    def _judge_read(self, at: int, event: ev.Completed, read: Get, request: Request) -> Violation | None:
        memory, index = self.memory, event.index
        if request.index and self.has_sessions:  # so has a read that is an entry
            index = request.index
        held = memory.outcomes.value(read.key, index)
        if event.value != held:
            found = f": {clip(event.value)}, as of index {index}, where {clip(read.key)} held {clip(held)}"
            return self._answer(at, event, request.at, found)
        may_be_old = is_read(read, ReadMode.STALE, memory.config.reads) or self.leases.excuse(read, request.at_ms)
        if may_be_old or index >= request.heard:
            return None
        missed = f" as of index {index}, though index {request.heard} had been answered before it was asked"
        return self._answer(at, event, request.at, missed, request.heard_at)

    def _answer(self, at: int, event: ev.Completed, asked_at: int, what: str, *earlier: int) -> Violation:
        return self.broken(at, event, f"{event.client} got an answer to its command {event.sequence_num}{what}", (), asked_at, *earlier)


def _said(ok: bool | None, value: str | None) -> str:
    return ("done" if ok else "failed") + ("" if value is None else f" with {clip(value)}")


def is_wanted(memory: Memory, entry: Entry) -> bool:
    """Whether a client has asked for what stands in an entry, or it is none of theirs."""
    if not entry.client_id:
        return entry.command is None or isinstance(entry.command, Configuration)
    if isinstance(entry.command, OpenSession):
        return True
    request = memory.request(entry.client_id, entry.sequence_num)
    if request is None:
        return False
    if isinstance(request.command, Get) and isinstance(entry.command, Get):
        return request.command.key == entry.command.key
    return entry.command == request.command
