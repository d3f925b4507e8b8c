"""A client: asks for one command at a time, follows redirects to the leader, and tries again where no answer comes.

A server can tell a retry from a new wish by the client's session and the number of the command in it, and so applies it once (thesis
6.3). With `Config.client_sessions` off, a command whose answer was lost may be applied twice; and where a command that was asked for again
fails, its outcome is unknown, since the first try may have taken effect.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf

from raftcore.cluster.clock import VirtualClock
from raftcore.vocabulary.commands import Command, Get, OpenSession, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import Completed, Event, Invoked
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Envelope, Message
from raftcore.vocabulary.names import Address, ClientId, Index, Reason, ServerId

Send = Callable[[Address, Iterable[Envelope]], None]


class Operation:
    """A command that a client was asked for, from the wish to its outcome."""

    __slots__ = ("answer", "command", "sequence_num", "through")

    def __init__(self, sequence_num: int, command: Command, through: ServerId | None) -> None:
        self.sequence_num = sequence_num
        self.command = command
        self.through = through
        self.answer: Completed | None = None


class SimClient:
    """A client in simulated time. Commands wait in a queue; each has its turn when the one before it is answered or given up.

    servers: whom it may ask; the list may grow while it lives.
    """

    def __init__(
        self,
        client_id: ClientId,
        servers: Sequence[ServerId],
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
        self._invoked_at_ms = 0.0

        self._session_id: Index = 0
        self._sessions_asked_for = 0
        self._session_active_ms = 0.0  # at this time or later the servers last heard from it in its session

        # What it asks for now: the current operation's command, or before that a session.
        self._request = ClientRequest(client_id, 0, OpenSession())
        self._request_began_ms = 0.0
        self._attempts = 0
        self._is_out = False  # the latest try may have been taken in
        self._is_in_doubt = False  # and so may one before it
        self._asked = servers[0]  # whom it asked last, and will ask first
        # Whose turn it is when no answer comes. Redirects don't move it: they may lead back to a deposed leader for ever.
        self._turn = 0
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
        """Take an answer. One to an earlier request is too late and means nothing."""
        operation = self._current
        if not isinstance(message, ClientReply) or operation is None or message.sequence_num != self._request.sequence_num:
            return
        if message.is_answer:
            self._take_answer(operation, message)
        elif message.is_unknown:  # an earlier try may have been applied while the session lived, and has given another answer
            if message.reason is Reason.SESSION_EXPIRED:
                self._session_id = 0
            self._finish(operation, None)
        elif message.server_id == self._asked:
            self._follow_redirect(message.leader_id)

    def _take_answer(self, operation: Operation, reply: ClientReply) -> None:
        if isinstance(self._request.command, OpenSession):
            self._session_id = reply.index
            self._session_active_ms = self._request_began_ms
            self._ask_for_command(operation)
            return
        if self._request.session_id:
            self._session_active_ms = self._request_began_ms
        elif self._is_in_doubt and not reply.ok:  # it may fail because an earlier try, of which no session knows, was carried out
            self._finish(operation, None)
            return
        self._finish(operation, reply)

    def _begin(self) -> None:
        operation = self._current = self._waiting.popleft()
        self._invoked_at_ms = self._clock.now_ms
        self._attempts = 0
        if self._say:
            self._say(Invoked(self._clock.now_ms, self.id, operation.sequence_num, operation.command))
        if self._needs_session(operation.command) and self._session_may_be_over():
            self._ask_for_session()
        else:
            self._ask_for_command(operation)

    # ---- sessions

    def _needs_session(self, command: Command) -> bool:
        """Whether the command becomes an entry of the log: only there can it be applied twice."""
        return self._config.client_sessions and not (isinstance(command, Get) and self._mode(command) is not ReadMode.LOG)

    def _mode(self, read: Get) -> ReadMode:
        return read.mode or self._config.reads

    def _session_may_be_over(self) -> bool:
        """Whether there is no session, or so long a silence that it may expire before the next command arrives.

        A new one costs a round trip; to be refused within the old one would leave the command's outcome unknown.
        """
        silence_ms = self._clock.now_ms - self._session_active_ms
        return not self._session_id or silence_ms > self._config.session_timeout_ms / 2

    def _ask_for_session(self) -> None:
        """Ask for a new session. Its requests are numbered downwards from -1: no answer is taken for that to a command."""
        self._sessions_asked_for += 1
        self._start_asking(ClientRequest(self.id, -self._sessions_asked_for, OpenSession()), self._asked)

    # ---- asking

    def _ask_for_command(self, operation: Operation) -> None:
        command = operation.command
        session_id = self._session_id if self._needs_session(command) else 0
        if isinstance(command, Get):
            command = Get(command.key, self._mode(command))
        request = ClientRequest(self.id, operation.sequence_num, command, session_id)
        self._start_asking(request, operation.through or self._asked)

    def _start_asking(self, request: ClientRequest, server: ServerId) -> None:
        self._request = request
        self._request_began_ms = self._clock.now_ms
        self._redirects = 0
        self._is_out = self._is_in_doubt = False
        self._ask(server)

    def _ask(self, server: ServerId) -> None:
        self._asked = server
        self._is_in_doubt = self._is_in_doubt or self._is_out
        self._is_out = True
        if self._request.sequence_num > 0:  # to ask for a session is no attempt at the command
            self._attempts += 1
        self._send(self.id, [(server, self._request)])
        self._wait(self._config.client_retry_ms)

    def _follow_redirect(self, leader: ServerId | None) -> None:
        self._is_out = False
        self._redirects += 1
        if leader is not None and self._redirects <= len(self._servers):
            self._ask(leader)
        else:  # there is no leader yet: give an election some time
            self._wait(self._config.heartbeat_ms)

    # ---- waiting

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
        self._ask(self._servers[self._turn])

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
