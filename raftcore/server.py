"""One server: a Raft node, its write-ahead log and its key-value store. The same in simulated and in real worlds.

It does one thing at a time. What a step asks to save is synced before anything of that step is sent or applied; what
arrives meanwhile waits, and is then taken in together, so that one sync serves many messages.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from math import inf
from typing import Protocol, cast

from raftcore.consensus.door import DeadlineReached, Ready, Requests, Saved, Stimulus
from raftcore.consensus.node import RaftNode
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import Timing
from raftcore.statemachine.kv import KeyValueStore
from raftcore.storage.disk import Disk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.events import Applied, Event, Synced, TimerSet
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Entry, Message
from raftcore.vocabulary.names import LEADER, Address, Index, ServerId


class Clock(Protocol):
    """What tells a server the time, in milliseconds, and wakes it."""

    now_ms: float

    def call_at(self, at_ms: float, act: Callable[[float], None], subject: float) -> None: ...


class Server:
    """A server started from what its disk holds; raises CorruptLogError if that can't be trusted.

    `draw` gives numbers in [0, 1) for election timeouts, `send` carries a message from this server to an address, `say` hears what
    happens (None: nobody listens). `start` sets the server going; after `stop` it does nothing any more.
    """

    def __init__(
        self,
        server_id: ServerId,
        members: tuple[ServerId, ...],
        timing: Timing,
        draw: Callable[[], float],
        rules: Rules,
        disk: Disk,
        clock: Clock,
        send: Callable[[Address, Address, Message], None],
        say: Callable[[Event], None] | None,
    ) -> None:
        self.id = server_id
        self._clock = clock
        self._send = send
        self._say = say
        self._wal = WriteAheadLog(disk)
        recovered = self._wal.recover()
        self.node = RaftNode(server_id, members, timing, draw, rules, recovered.hard_state, recovered.entries)
        self._store = KeyValueStore()
        self.alive = True
        self.paused = False

        self._inbox: deque[Stimulus] = deque()  # what arrived while the disk synced or the server was paused
        self._unsaved = False  # something was written since the last sync
        self._syncing = False
        self._held: list[Ready] = []  # what must not go out before the disk has synced
        self._just_saved = False  # the disk has synced, and what was held has not gone out yet
        self._deadline_ms = inf
        self._wake_ms = inf  # when the clock will wake this server next

    def start(self) -> None:
        """Begin to wait for a leader."""
        self._obey(self.node.start(self._clock.now_ms))
        self._schedule()

    def stop(self) -> None:
        """End, as in a crash: what was not synced is forgotten."""
        self.alive = False

    def pause(self) -> None:
        """Freeze; what arrives waits."""
        self.paused = True

    def resume(self) -> None:
        """Go on, beginning with what waited."""
        self.paused = False
        self._go_on()

    def hear(self, stimulus: Stimulus) -> None:
        """Let something happen to this server."""
        if self._syncing or self.paused:
            self._inbox.append(stimulus)
            return
        self._obey(self.node.step(stimulus, self._clock.now_ms))
        if self._unsaved or self._deadline_ms < self._wake_ms:
            self._schedule()

    # ---- obeying Ready: save, then send, then apply

    def _obey(self, ready: Ready) -> None:
        if ready.save:
            self._unsaved = True
            for record in ready.save:
                self._wal.append(record)
        if self._say:
            self._tell(ready)
        self._deadline_ms = ready.deadline_ms
        if self._unsaved:
            self._held.append(ready)
        elif ready.send or ready.apply:
            self._carry_out(ready)

    def _carry_out(self, ready: Ready) -> None:
        send = self._send
        for target, message in ready.send:
            send(self.id, target, message)
        if ready.apply:
            self._apply(ready.apply_from, ready.apply)

    def _tell(self, ready: Ready) -> None:
        assert self._say
        for event in ready.events:
            self._say(event)
        if ready.deadline_ms != self._deadline_ms:
            self._say(TimerSet(self._clock.now_ms, self.id, ready.deadline_ms))

    def _apply(self, first_index: Index, entries: tuple[Entry, ...]) -> None:
        """Apply committed entries, and answer those whose requests this server took in during its reign."""
        results = self._store.apply_all(entries)
        if self._say:
            for index, result in enumerate(results, first_index):
                self._say(Applied(self._clock.now_ms, self.id, index, result.changed_key, result.new_value))
        state = self.node.state
        if state.role is not LEADER:
            return
        for index, (entry, result) in enumerate(zip(entries, results, strict=True), first_index):
            if entry.term == state.current_term and entry.command is not None:
                reply = ClientReply(entry.client_id, entry.sequence_num, self.id, result.ok, result.value, index)
                self._send(self.id, entry.client_id, reply)

    # ---- waiting: for the disk, for a pause to end, for a deadline

    def _schedule(self) -> None:
        """See to it that the disk syncs and the clock wakes this server.

        Deadlines mostly move away: then the wake that is under way serves, and looks again.
        """
        if self._unsaved:
            self._unsaved, self._syncing = False, True
            self._wal.sync(self._disk_synced)
        left_over = self._inbox and not self._syncing  # by a rule that raised
        wake_ms = self._clock.now_ms if left_over else self._deadline_ms
        if wake_ms < self._wake_ms:
            self._wake_ms = wake_ms
            self._clock.call_at(wake_ms, self._wake, wake_ms)

    def _disk_synced(self) -> None:
        self._syncing, self._just_saved = False, True
        if self._say:
            state = self.node.state
            self._say(Synced(self._clock.now_ms, self.id, state.current_term, state.voted_for, state.log.last_index))
        self._go_on()

    def _wake(self, at_ms: float) -> None:
        if at_ms != self._wake_ms:  # an earlier wake took the place of this one
            return
        self._wake_ms = inf
        if at_ms < self._deadline_ms and not self._inbox:  # it has moved away
            self._schedule()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Do what can be done now, and see to it that this server wakes again, also when a rule raised."""
        if self._syncing or self.paused or not self.alive:
            return
        try:
            self._catch_up(self._clock.now_ms)
        finally:
            self._schedule()

    def _catch_up(self, now_ms: float) -> None:
        """Let out what the disk held back, take in all that arrived, and only then look at the deadline."""
        if self._just_saved:
            self._just_saved = False
            held, self._held = self._held, []
            for ready in held:
                self._carry_out(ready)
            self._obey(self.node.step(Saved(), now_ms))
        if self._inbox:
            self._inbox = deque(together(self._inbox))
        while self._inbox:
            self._obey(self.node.step(self._inbox.popleft(), now_ms))
        if self._deadline_ms <= now_ms:
            self._obey(self.node.step(DeadlineReached(), now_ms))


def together(stimuli: Iterable[Stimulus]) -> Iterator[Stimulus]:
    """The same stimuli in the same order, with client requests that stand in a row made one."""
    for are_requests, run in groupby(stimuli, lambda stimulus: isinstance(stimulus, ClientRequest)):
        if are_requests:
            yield Requests(cast("tuple[ClientRequest, ...]", tuple(run)))
        else:
            yield from run
