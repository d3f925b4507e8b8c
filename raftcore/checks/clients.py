"""The invariant of what clients asked for, and were told."""

from raftcore.checks.invariant import Invariant
from raftcore.checks.memory import Memory, Request
from raftcore.checks.seeing import sees
from raftcore.checks.violation import Violation
from raftcore.checks.words import clip, told
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Get, OpenSession, ReadMode
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry


class NoInvention(Invariant):
    """Every command in a log was asked for by a client, and does its work once, however often it was sent. An answer is what the log says,

    and a read misses nothing that was answered before it was asked: unless it is stale by wish, or by a lease whose clocks were tampered
    with. With `Config.client_sessions` off, a retry may well be applied twice: that breaks it.
    """

    name = "No Invention"
    section = "§8"

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.leases_hold = True

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> Violation | None:
        for written in self.memory.fresh:
            if not is_wanted(self.memory, written.entry):
                sentence = f"{event.server} wrote {told(written.entry)} at index {written.index}, and no client has asked for that"
                return self.broken(at, event, sentence, (event.server,))
        return None

    @sees(ev.Applied)
    def applied(self, at: int, event: ev.Applied) -> Violation | None:
        memory, index = self.memory, event.index
        if index not in memory.repeats or event.changed_key is None:
            return None
        first, entry = memory.repeats[index], memory.committed[index].entry
        sentence = f"{event.server} carried out {told(entry)} of {entry.client_id} at index {index}, as at index {first} before"
        return self.broken(at, event, sentence, (event.server,), memory.commitments[first].at, memory.commitments[index].at)

    # ---- answers

    @sees(ev.Acted)
    def acted(self, at: int, event: ev.Acted) -> None:
        if isinstance(event.action, TimeOut):  # a clock that jumps
            self.leases_hold = False

    @sees(ev.ClockRateChanged)
    def clock_rate_changed(self, at: int, event: ev.ClockRateChanged) -> None:
        drift = 1 + self.memory.config.max_clock_drift
        if not 1 / drift <= event.rate <= drift:
            self.leases_hold = False

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
            return None
        return self._answer(at, event, request.at, f" at index {index}, where {told(entry)} is committed")

    def _judge_read(self, at: int, event: ev.Completed, read: Get, request: Request) -> Violation | None:
        memory, index = self.memory, event.index
        if request.index and memory.config.client_sessions:  # a read that is an entry, and was repeated, has its first answer
            index = request.index
        held = memory.outcomes.value(read.key, index)
        if event.value != held:
            found = f": {clip(event.value)}, as of index {index}, where {clip(read.key)} held {clip(held)}"
            return self._answer(at, event, request.at, found)
        mode = read.mode or memory.config.reads
        may_be_old = mode is ReadMode.STALE or (mode is ReadMode.LEASE and not self.leases_hold)
        if may_be_old or index >= request.heard:
            return None
        missed = f" as of index {index}, though index {request.heard} had been answered before it was asked"
        return self._answer(at, event, request.at, missed, request.heard_at)

    def _answer(self, at: int, event: ev.Completed, asked_at: int, what: str, *earlier: int) -> Violation:
        return self.broken(at, event, f"{event.client} got an answer to its command {event.sequence_num}{what}", (), asked_at, *earlier)


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
