"""A walk through a small world, told as the events of a run: so the same screens, views and checks serve for both."""

from collections.abc import Callable, Mapping
from itertools import takewhile

from msgspec.structs import replace

from raftcore.hunting.minds import Mind, Outcome
from raftcore.hunting.small_world import CRASH, DELIVER, DROP, DUPLICATE, RESTART, TIME_OUT, Choice, Packet, World
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary import actions as act
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import ClientRequest, Entry
from raftcore.vocabulary.names import ClientId, Index, Reason, ServerId

STEP_MS = 10.0
"""Between two choices. There is no clock in a small world; but what shows runs wants to show something move."""

UNDECIDED_MS = 5 * STEP_MS
"""How long a packet seems to fly of which nobody knows yet when it will arrive."""

_ACTIONS: Mapping[str, Callable[[float, ServerId], act.Action]] = {TIME_OUT: act.TimeOut, CRASH: act.Crash, RESTART: act.Restart}


class Teller:
    """Tells what happens, choice by choice. events: what it has told so far."""

    def __init__(self, world: World) -> None:
        self.events: list[Event] = []
        self.now_ms = 0.0
        self._names = world.server_ids
        self._patience_ms = world.config.session_timeout_ms
        self._sent: list[int] = []  # where in the events each packet under way was sent, in the order of the state's mail
        self._asked: dict[ClientId, ev.Invoked] = {}
        self._new_machine = world.rulebook.server.machine_type
        self._machines: dict[ServerId, StateMachine] = {}
        self._logs: dict[ServerId, tuple[Entry, ...]] = {}  # as they were when servers stopped
        for name in self._names:
            self._start_machine(name)

    def choice(self, choice: Choice, asks: ClientRequest | None) -> None:
        """Tell what was chosen, STEP_MS after the choice before. `asks`: what the client asks for, where one does."""
        kind, place = choice
        self.now_ms += STEP_MS
        if kind in (DELIVER, DROP, DUPLICATE):
            self._tell_of_packet(kind, place)
        elif asks:
            self._say(ev.Acted(self.now_ms, act.Submit(self.now_ms, asks.client_id, asks.command, self._names[place])))
            self._asked[asks.client_id] = invoked = ev.Invoked(self.now_ms, asks.client_id, asks.sequence_num, asks.command)
            self._say(invoked)
        elif kind in _ACTIONS:
            self._say(ev.Acted(self.now_ms, _ACTIONS[kind](self.now_ms, self._names[place])))

    def outcome(self, outcome: Outcome) -> None:
        """Tell what a server did about it."""
        for told in outcome.told:
            if isinstance(told, ev.Applied):
                self._apply(outcome.after, told.index)
            elif isinstance(told, Packet):
                self._send(told)
            elif isinstance(told, ev.Restarted):
                self._restart(told)
            else:
                self._say(replace(told, at_ms=self.now_ms))
        if outcome.before.life and not outcome.after.life:
            self._logs[outcome.before.server] = outcome.before.entries

    def _say(self, event: Event) -> None:
        self.events.append(event)

    def _start_machine(self, name: ServerId) -> None:
        self._machines[name] = self._new_machine(self._patience_ms)

    def _restart(self, event: ev.Restarted) -> None:
        """Tell what a server has recovered: what it still had, and what a crash has brought back instead of the rest."""
        self._start_machine(event.server)
        pairs = zip(self._logs[event.server], event.entries, strict=False)
        kept_index = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._say(replace(event, at_ms=self.now_ms, kept_index=kept_index, entries=event.entries[kept_index:]))

    # ---- packets

    def _tell_of_packet(self, kind: str, place: int) -> None:
        position = self._sent[place]
        sent = self.events[position]
        assert isinstance(sent, ev.MessageSent)
        if kind == DUPLICATE:
            self._send(Packet(sent.source, sent.target, sent.message), copy_of=sent.id)
            return
        del self._sent[place]
        self.events[position] = replace(sent, deliver_at_ms=self.now_ms)  # only now is it known
        if kind == DELIVER:
            self._say(ev.MessageDelivered(self.now_ms, sent.id, sent.source, sent.target, sent.message))
        else:
            self._say(ev.MessageDropped(self.now_ms, sent.id, sent.source, sent.target, sent.message, Reason.LOST))

    def _send(self, packet: Packet, copy_of: int = 0) -> None:
        self._sent.append(len(self.events))
        number = len(self.events) + 1
        self._say(ev.MessageSent(self.now_ms, number, *packet, self.now_ms + UNDECIDED_MS, copy_of))

    # ---- the state machine

    def _apply(self, me: Mind, index: Index) -> None:
        """Apply an entry, and tell the client of one that this leader took in itself."""
        entry = me.entries[index - 1]
        (result,) = self._machines[me.server].apply_all(index, (entry,))
        self._say(ev.Applied(self.now_ms, me.server, index, result.changed_key, result.new_value, result.repeated))
        if me.leads and entry.client_id and entry.term == me.term:
            asked = self._asked[entry.client_id]
            took_ms = self.now_ms - asked.at_ms
            answer = asked.client, asked.sequence_num, asked.command, result.ok, result.value, index, 1, took_ms
            self._say(ev.Completed(self.now_ms, *answer))
