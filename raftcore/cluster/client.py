"""A client: asks for one command at a time, follows redirects to the leader, and tries again where no answer comes.

A command whose answer was lost may be applied twice: without sessions a server can't tell a retry from a new wish (§8).
"""

from collections import deque
from collections.abc import Callable
from math import inf

from raftcore.cluster.clock import VirtualClock
from raftcore.vocabulary.commands import Command
from raftcore.vocabulary.events import Completed, Event, Invoked
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Message
from raftcore.vocabulary.names import Address, ClientId, ServerId
from raftcore.vocabulary.scenario import Config

Send = Callable[[Address, Address, Message], None]


class Operation:
    """A command that a client was asked for, from the wish to its outcome."""

    __slots__ = ("answer", "command", "sequence_num", "through")

    def __init__(self, sequence_num: int, command: Command, through: ServerId | None) -> None:
        self.sequence_num = sequence_num
        self.command = command
        self.through = through
        self.answer: Completed | None = None


class SimClient:
    """A client in simulated time. Commands wait in a queue; each has its turn when the one before it is answered or given up."""

    def __init__(
        self,
        client_id: ClientId,
        servers: tuple[ServerId, ...],
        config: Config,
        clock: VirtualClock,
        send: Send,
        say: Callable[[Event], None] | None,
    ) -> None:
        self.id = client_id
        self._servers = servers
        self._config = config
        self._clock = clock
        self._send = send
        self._say = say
        self._submitted = 0
        self._waiting: deque[Operation] = deque()
        self._current: Operation | None = None
        self._asked = servers[0]  # whom it asked last, and will ask first
        # Whose turn it is when no answer comes. Redirects don't move it: they may lead back to a deposed leader for ever.
        self._turn = 0
        self._invoked_at_ms = 0.0
        self._attempts = 0
        self._redirects = 0  # since the last wait: two servers that name each other must not keep a client busy
        # When it will have waited long enough, and when the clock wakes it next: answers come first mostly, so a wake looks again.
        self._deadline_ms = inf
        self._wake_ms = inf

    def submit(self, command: Command, through: ServerId | None) -> Operation:
        """Ask for a command, first at `through`, or at the leader that this client knows."""
        self._submitted += 1
        operation = Operation(self._submitted, command, through)
        self._waiting.append(operation)
        if self._current is None:
            self._begin()
        return operation

    def hear(self, message: Message) -> None:
        """Take an answer. One to an earlier command is too late and means nothing."""
        operation = self._current
        if not isinstance(message, ClientReply) or operation is None or message.sequence_num != operation.sequence_num:
            return
        if message.reason is None:
            self._finish(operation, message)
        elif message.server_id == self._asked:
            self._follow_redirect(operation, message.leader_id)

    def _begin(self) -> None:
        operation = self._current = self._waiting.popleft()
        self._invoked_at_ms = self._clock.now_ms
        self._attempts = 0
        if self._say:
            self._say(Invoked(self._clock.now_ms, self.id, operation.sequence_num, operation.command))
        self._redirects = 0
        self._ask(operation, operation.through or self._asked)

    def _ask(self, operation: Operation, server: ServerId) -> None:
        self._asked = server
        self._attempts += 1
        self._send(self.id, server, ClientRequest(self.id, operation.sequence_num, operation.command))
        self._wait(self._config.client_retry_ms)

    def _follow_redirect(self, operation: Operation, leader: ServerId | None) -> None:
        self._redirects += 1
        if leader is not None and self._redirects <= len(self._servers):
            self._ask(operation, leader)
        else:  # there is no leader yet: give an election some time
            self._wait(self._config.heartbeat_ms)

    def _wait(self, patience_ms: float) -> None:
        self._deadline_ms = self._clock.now_ms + patience_ms
        self._plan_wake()

    def _plan_wake(self) -> None:
        if self._deadline_ms < self._wake_ms:
            self._wake_ms = self._deadline_ms
            self._clock.call_at(self._deadline_ms, self._wake, self._deadline_ms)

    def _wake(self, at_ms: float) -> None:
        if at_ms != self._wake_ms:  # an earlier wake took the place of this one
            return
        self._wake_ms = inf
        operation = self._current
        if operation is None:
            return
        if at_ms < self._deadline_ms:  # it has moved away
            self._plan_wake()
        else:
            self._ask_next(operation)

    def _ask_next(self, operation: Operation) -> None:
        """Ask the next server in turn, unless all the time is over."""
        if self._clock.now_ms - self._invoked_at_ms >= self._config.client_limit_ms:
            self._finish(operation, None)
            return
        self._redirects = 0
        self._turn = (self._turn + 1) % len(self._servers)
        self._ask(operation, self._servers[self._turn])

    def _finish(self, operation: Operation, reply: ClientReply | None) -> None:
        """The outcome is known, or, without a reply, never will be: the command may or may not have been applied."""
        ok, value, index = (reply.ok, reply.value, reply.index) if reply else (None, None, 0)
        latency_ms = self._clock.now_ms - self._invoked_at_ms
        operation.answer = Completed(
            self._clock.now_ms, self.id, operation.sequence_num, operation.command, ok, value, index, self._attempts, latency_ms
        )
        if self._say:
            self._say(operation.answer)
        self._current = None
        if self._waiting:
            self._begin()
