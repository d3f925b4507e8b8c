"""One server: a Raft node, its write-ahead log and its key-value store. The same in simulated and in real worlds.

It does one thing at a time. What a step asks to save is synced before anything of that step is sent or applied; what
arrives meanwhile waits, and is then taken in together, so that one sync serves many messages.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from math import inf
from typing import Protocol, cast

from raftcore.consensus.door import DeadlineReached, ImageTaken, Ready, Requests, Saved, Stimulus
from raftcore.consensus.node import RaftNode
from raftcore.consensus.rules import Rules
from raftcore.statemachine.machine import StateMachine
from raftcore.storage.disk import Disk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Checkpoint, Snapshot
from raftcore.vocabulary.errors import DiskFullError
from raftcore.vocabulary.events import Applied, Event, ReadServed, SessionExpired, Synced, TimerSet
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Entry, Envelope
from raftcore.vocabulary.names import LEADER, Address, Index, ServerId


class Clock(Protocol):
    """What tells a server the time, in milliseconds, and wakes it."""

    now_ms: float

    def call_at(self, at_ms: float, act: Callable[[float], None], subject: float) -> None: ...


class Server:
    """A server started from what its disk holds.

    Raises CorruptLogError if that can't be trusted, DiskReadError if it can't be read, and DiskFullError if it can't be written anew.

    What it has read need not be kept: the process alone may have crashed, or a sync may have failed. So recovery writes it again, and
    nothing is answered before that is synced.

    `bootstrap` is the configuration until the disk says otherwise. `draw` gives numbers in [0, 1) for election timeouts, `send` carries
    messages from this server to their addresses, `say` hears what happens (None: nobody listens), `halted` hears why this server stopped by
    itself. `start` sets the server going; after `stop` it does nothing any more.

    A variant of it may name other parts: `wal_type` and `machine_type` make its log and its state machine.
    """

    wal_type = WriteAheadLog
    machine_type = StateMachine

    def __init__(
        self,
        server_id: ServerId,
        bootstrap: Configuration,
        config: Config,
        draw: Callable[[], float],
        rules: Rules,
        disk: Disk,
        clock: Clock,
        send: Callable[[Address, Iterable[Envelope]], None],
        say: Callable[[Event], None] | None,
        halted: Callable[[ServerId, str], None],
    ) -> None:
        self.id = server_id
        self._config = config
        self._clock = clock
        self._send = send
        self._say = say
        self._halted = halted
        self._wal = self.wal_type(disk)
        recovered = self._wal.recover()
        self.node = RaftNode(server_id, bootstrap, config, draw, rules, recovered.hard_state, recovered.snapshot, recovered.entries)
        self._machine = self.machine_type(config.session_timeout_ms)
        self.applied_index: Index = 0
        if recovered.snapshot:
            self._install(recovered.snapshot)
        self.alive = True
        self.paused = False

        self._inbox: deque[Stimulus] = deque()  # what arrived while the disk synced or the server was paused
        self._unsaved = bool(disk.names())  # something was written since the last sync; by recovery, unless the disk is new
        self._syncing = False
        self._held: list[Ready] = []  # what must not go out before the disk has synced
        self._just_saved = False  # the disk has synced, and what was held has not gone out yet
        self._snapshot_due = False
        self._deadline_ms = inf
        self._wake_ms = inf  # when the clock will wake this server next

    def start(self) -> None:
        """Begin to wait for a leader."""
        ready = self.node.start(self._clock.now_ms)
        if self._unsaved:
            self.node.state.saved_index = 0  # until the sync of what recovery has written
        self._obey(ready)
        self._schedule()

    def stop(self) -> None:
        """End, as in a crash of the process."""
        self.alive = False

    def pause(self) -> None:
        """Freeze; what arrives waits."""
        self.paused = True

    def resume(self) -> None:
        """Go on, beginning with what waited."""
        self.paused = False
        self._go_on()

    def is_full(self) -> bool:
        """Whether what comes now is lost, since it holds back all that it can."""
        return len(self._inbox) >= MOST_WAITING

    def hear(self, stimulus: Stimulus) -> None:
        """Let something happen to this server."""
        if self._syncing or self.paused:
            if not self.is_full():
                self._inbox.append(stimulus)
            return
        node = self.node
        ready = node.step(stimulus, self._clock.now_ms)
        if ready is node.idle and ready.deadline_ms == self._deadline_ms:  # nothing has come of it
            return
        self._obey(ready)
        if self._unsaved or self._deadline_ms < self._wake_ms or self._snapshot_due:
            self._schedule()

    def compact(self) -> None:
        """Put a snapshot in place of the log, as far as it has been applied, as soon as the disk is free (§7)."""
        self._snapshot_due = True
        self._schedule()

    def set_clock_rate(self, rate: float) -> None:
        """Count `rate` milliseconds in one of the clock's from now on; the deadline that is waited for moves, too."""
        state = self.node.state
        state.set_clock_rate(rate, self._clock.now_ms)
        events, state.events = state.events, []
        if self.alive and self._deadline_ms < inf:  # it has started
            self._obey(Ready((), (), None, (), 0, (), events, state.deadline_ms))
            self._schedule()

    # ---- obeying Ready: save, then send, then apply

    def _obey(self, ready: Ready) -> None:
        if ready.save:
            self._save(ready)
            if not self.alive:  # the disk has no room: nothing of this step has happened
                return
        if self._say:
            self._tell(ready)
        self._deadline_ms = ready.deadline_ms
        if self._unsaved:
            self.hold(ready)
        elif ready.apply or ready.reads:
            self._carry_out(ready)
        elif ready.send:
            self._send(self.id, ready.send)

    def hold(self, ready: Ready) -> None:
        """Keep back what must not be seen before the disk has synced (Figure 2: "before responding to RPCs")."""
        self._held.append(ready)

    def _save(self, ready: Ready) -> None:
        self._unsaved = True
        if ready.install:
            for earlier in self._held:  # the snapshot holds what it would come to, and a read may wait for just that (thesis 6.4)
                earlier.apply = ()
                ready.reads, earlier.reads = (*earlier.reads, *ready.reads), ()
        try:
            for record in ready.save:
                if isinstance(record, Checkpoint):
                    self._wal.compact(record)
                else:
                    self._wal.append(record)
        except DiskFullError as error:
            self._halt(str(error))

    def _halt(self, reason: str) -> None:
        """Stop rather than go on with a disk that can't be trusted: what it did not keep must not be acknowledged."""
        self.stop()
        self._halted(self.id, reason)

    def _carry_out(self, ready: Ready) -> None:
        self._send(self.id, ready.send)
        if ready.install:
            self._install(ready.install)
        if ready.apply:
            self._apply(ready.apply_from, ready.apply)
        if ready.reads:
            for ask in ready.reads:
                self._serve(ask)

    def _install(self, snapshot: Snapshot) -> None:
        self._machine.restore(snapshot.data)
        self.applied_index = snapshot.last_included_index

    def _serve(self, ask: ClientRequest) -> None:
        """Answer a read from the store (thesis 6.4)."""
        assert isinstance(ask.command, Get)
        mode = ask.command.mode or ReadMode.LOG
        if self._say:
            self._say(ReadServed(self._clock.now_ms, self.id, ask.client_id, ask.sequence_num, mode, self.applied_index))
        value = self._machine.read(ask.command.key)
        reply = ClientReply(ask.client_id, ask.sequence_num, self.id, True, value, self.applied_index)
        self._send(self.id, [(ask.client_id, reply)])

    def _tell(self, ready: Ready) -> None:
        assert self._say
        for event in ready.events:
            self._say(event)
        if ready.deadline_ms != self._deadline_ms:
            self._say(TimerSet(self._clock.now_ms, self.id, ready.deadline_ms))

    def _apply(self, first_index: Index, entries: tuple[Entry, ...]) -> None:
        """Apply committed entries, and answer those whose requests this server took in during its reign."""
        results = self._machine.apply_all(first_index, entries)
        self.applied_index += len(entries)
        if self._say:
            for index, result in enumerate(results, first_index):
                self._say(Applied(self._clock.now_ms, self.id, index, result.changed_key, result.new_value, result.repeated))
                for client_id, session_id in result.expired:
                    self._say(SessionExpired(self._clock.now_ms, self.id, client_id, session_id))
        state = self.node.state
        every = self._config.snapshot_every
        if every and self.applied_index - state.snapshot_index >= every:
            self._snapshot_due = True
        if state.role is not LEADER:
            return
        for index, (entry, result) in enumerate(zip(entries, results, strict=True), first_index):
            if entry.term == state.current_term and entry.client_id:
                reply = ClientReply(entry.client_id, entry.sequence_num, self.id, result.ok, result.value, index, None, result.reason)
                self._send(self.id, [(entry.client_id, reply)])

    # ---- waiting: for the disk, for a pause to end, for a deadline

    def _schedule(self) -> None:
        """See to it that the disk syncs and the clock wakes this server.

        Deadlines mostly move away: then the wake that is under way serves, and looks again.
        """
        if self._snapshot_due and self.alive and not self._syncing and not self.paused:
            self._snapshot_due = False
            self._obey(self.node.step(ImageTaken(self.applied_index, self._machine.image()), self._clock.now_ms))
        if not self.alive:
            return
        if self._unsaved:
            self._unsaved, self._syncing = False, True
            self._wal.sync(self._disk_synced)
        left_over = self._inbox and not self._syncing  # by a rule that raised
        wake_ms = self._clock.now_ms if left_over else self._deadline_ms
        if wake_ms < self._wake_ms:
            self._wake_at(wake_ms)

    def _wake_at(self, at_ms: float) -> None:
        self._wake_ms = at_ms
        self._clock.call_at(at_ms, self._wake, at_ms)

    def _disk_synced(self, kept: bool) -> None:
        if not self.alive:
            return
        if not kept:
            self._halt(
                "its disk failed to keep what was written (fsync reported an error), so nothing of that may be answered, nor synced again: "
                "a later sync would report success and keep none of it. Mend the disk and restart the server: it writes all anew"
            )
            return
        self._syncing, self._just_saved = False, True
        if self._say:
            state = self.node.state
            self._say(Synced(self._clock.now_ms, self.id, state.current_term, state.voted_for, state.log.last_index))
        self._go_on()

    def _wake(self, at_ms: float) -> None:
        if at_ms != self._wake_ms:  # an earlier wake took the place of this one
            return
        if at_ms < self._deadline_ms and not self._inbox:  # it has moved away
            self._wake_at(self._deadline_ms)
        else:
            self._wake_ms = inf
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
        while self._inbox and self.alive:
            self._obey(self.node.step(self._inbox.popleft(), now_ms))
        if self._deadline_ms <= now_ms and self.alive:
            self._obey(self.node.step(DeadlineReached(), now_ms))


MOST_WAITING = 10_000
"""What a server holds back while it is paused; what comes then is lost, as where a socket's buffer is full."""


def together(stimuli: Iterable[Stimulus]) -> Iterator[Stimulus]:
    """The same stimuli in the same order, with client requests that stand in a row made one."""
    for are_requests, run in groupby(stimuli, lambda stimulus: isinstance(stimulus, ClientRequest)):
        if are_requests:
            yield Requests(cast("tuple[ClientRequest, ...]", tuple(run)))
        else:
            yield from run
