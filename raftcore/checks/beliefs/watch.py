"""Evaluates all beliefs in a simulated cluster: of each server that has just done something, alone and in its pairs with the others.

What no state tells any more is remembered on the way: which rounds were delivered to whom in which term, what each disk has kept, who was
elected. What a step costs depends on the number of servers, not on the log or the run.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

from raftcore.checks.beliefs.alone import flaws_alone
from raftcore.checks.beliefs.belief import Flaw
from raftcore.checks.beliefs.changes import Match, Notes, flaws_of_change, keep_leader, notes_of
from raftcore.checks.beliefs.others import LeaseExcludes, MatchIsTrue, RoundIsHeard, SavedIsSaved, TermAndVoteAreSaved
from raftcore.checks.leases import Leases
from raftcore.checks.violation import Violation
from raftcore.consensus.state import NodeState
from raftcore.trace.stream import Trace
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.actions import FlipBit, SetDisk
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import AppendEntries, InstallSnapshot
from raftcore.vocabulary.names import LEADER, Index, ServerId, Term
from raftcore.vocabulary.spelling import brief

Checks: TypeAlias = bool | Literal["full"]
"""Whether a run is judged: "full" is with beliefs."""


class Node(Protocol):
    """The part of a server that has the state."""

    state: NodeState


class Disk(Protocol):
    """What is asked of a server's disk."""

    @property
    def keeps_all(self) -> bool: ...


class Server(Protocol):
    """What is looked at of a server."""

    alive: bool
    paused: bool
    node: Any  # a Node


class Kept:
    """What a server's disk keeps: its log up to `index`, a term and a vote. trusted: whether it keeps what it says that it does."""

    def __init__(self) -> None:
        self.index: Index = 0
        self.term: Term = 0
        self.vote: ServerId | None = None
        self.trusted = True

    def all_of(self, me: NodeState) -> None:
        """The disk keeps all that this server has."""
        self.index, self.term, self.vote = me.log.last_index, me.current_term, me.voted_for


class BeliefWatch:
    """Hears every event of a run through `say`, which passes it on to the trace, and judges states when it is asked.

    server_ids: those of the beginning. `attend` must be called before the first `judge`.
    """

    def __init__(self, server_ids: tuple[ServerId, ...], config: Config, trace: Trace) -> None:
        self._trace = trace
        self._tell = trace.say
        self._servers: Mapping[ServerId, Server] = {}
        self._disks: Mapping[ServerId, Disk] = {}
        self._stepped: dict[ServerId, None] = dict.fromkeys(server_ids)  # in order
        self._notes: dict[ServerId, Notes] = {}
        self._leaders: dict[ServerId, None] = {}
        self._kept: dict[ServerId, Kept] = {}
        self._heard: dict[tuple[ServerId, ServerId], tuple[Term, int]] = {}
        self._elected: tuple[Term, ServerId] = (0, "")
        self._leases = Leases(server_ids, config)
        self._found: list[Flaw] = []
        self._told: set[tuple[str, tuple[ServerId, ...]]] = set()
        self._look: dict[type, Callable[[Any], None]] = dict.fromkeys(ev.ServerEvent.__subclasses__(), self._step_of) | {
            ev.MessageSent: self._sent,
            ev.MessageDelivered: self._delivered,
            ev.Synced: self._synced,
            ev.LogTruncated: self._truncated,
            ev.RoleChanged: self._role_changed,
            ev.Restarted: self._restarted,
            ev.Created: self._lease_event,
            ev.ClockRateChanged: self._lease_event,
            ev.TimerSet: self._lease_event,
            ev.Acted: self._acted,
        }

    def attend(self, servers: Mapping[ServerId, Server], disks: Mapping[ServerId, Disk]) -> None:
        """Look at these servers and disks from now on; both tables may grow."""
        self._servers, self._disks = servers, disks

    # ---- what is heard

    def say(self, event: Event) -> None:
        """Take in an event. Whenever one is told, every server stands between two steps."""
        self._tell(event)
        look = self._look.get(type(event))
        if look:
            look(event)

    def _step_of(self, event: ev.ServerEvent) -> None:
        self._stepped[event.server] = None

    def _sent(self, event: ev.MessageSent) -> None:
        server, message = self._servers.get(event.source), event.message
        if server is None:  # a client
            return
        self._stepped[event.source] = None
        kept = self._kept_by(event.source)
        wrong = TermAndVoteAreSaved.flaw(event.source, event.target, message, kept.term, kept.vote) if kept.trusted else ""
        if wrong:
            self._found.append(Flaw(TermAndVoteAreSaved, wrong, (event.source,)))

    def _delivered(self, event: ev.MessageDelivered) -> None:
        target, message = event.target, event.message
        server = self._servers.get(target)
        if server is None:
            return
        self._stepped[target] = None
        if not isinstance(message, AppendEntries | InstallSnapshot) or server.node.state.current_term > message.term:
            return
        pair, now = (target, message.leader_id), (message.term, message.round)
        self._heard[pair] = max(now, self._heard.get(pair, now))

    def _synced(self, event: ev.Synced) -> None:
        self._stepped[event.server] = None
        if self._disks[event.server].keeps_all:  # before what comes next is written
            self._kept_by(event.server).all_of(self._servers[event.server].node.state)

    def _truncated(self, event: ev.LogTruncated) -> None:
        self._stepped[event.server] = None
        kept = self._kept_by(event.server)
        kept.index = min(kept.index, event.last_index)

    def _role_changed(self, event: ev.RoleChanged) -> None:
        self._stepped[event.server] = None
        if event.role is LEADER:
            self._elected = max(self._elected, (event.term, event.server))

    def _restarted(self, event: ev.Restarted) -> None:
        self._stepped[event.server] = None
        self._notes.pop(event.server, None)

    def _lease_event(self, event: ev.ClockRateChanged | ev.Created | ev.TimerSet) -> None:
        self._stepped[event.server] = None
        self._leases.absorb(event)

    def _acted(self, event: ev.Acted) -> None:
        self._leases.absorb(event)
        action = event.action
        if isinstance(action, FlipBit) or (isinstance(action, SetDisk) and action.loses_writes is True):
            self._kept_by(action.server).trusted = False

    def _kept_by(self, name: ServerId) -> Kept:
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = Kept()
        return kept

    # ---- what is judged

    def judge(self, now_ms: float) -> list[Violation]:
        """What has come to be wrong since the last time, each once for the same servers."""
        if not self._stepped and not self._found:
            return []
        stepped, self._stepped = list(self._stepped), {}
        for name in stepped:
            self._judge_server(name, now_ms)
        found, self._found = self._found, []
        at = len(self._trace) - 1
        return [Violation(it.belief.name, now_ms, it.sentence, it.servers, (at,)) for it in found if self._is_new(it)]

    def _is_new(self, flaw: Flaw) -> bool:
        mark = flaw.belief.name, flaw.servers
        is_new = mark not in self._told
        self._told.add(mark)
        return is_new

    def _judge_server(self, name: ServerId, now_ms: float) -> None:
        server = self._servers[name]
        if not server.alive:
            self._notes.pop(name, None)
            self._leaders.pop(name, None)
            return
        me: NodeState = server.node.state
        self._found += flaws_alone(me, now_ms)
        before, after = self._notes.get(name), notes_of(me)
        if before:
            self._found += flaws_of_change(before, after)
            after = keep_leader(before, after)
        self._notes[name] = after
        self._judge_saved(after, server, me)
        self._judge_pairs(after, me)
        self._judge_leases(name, now_ms)

    def _judge_saved(self, mine: Notes, server: Server, me: NodeState) -> None:
        kept, keeps_all = self._kept_by(mine.server), self._disks[mine.server].keeps_all
        if keeps_all:
            kept.all_of(me)
        kept.index = min(kept.index, me.log.last_index)
        if not kept.trusted:
            return
        wrong = SavedIsSaved.flaw(mine, max(kept.index, me.snapshot_index))
        if keeps_all and not server.paused and me.saved_index < me.log.last_index:
            wrong = f"{me.id} counts its log as saved up to {me.saved_index} of {me.log.last_index}, and no sync is under way"
        if wrong:
            self._found.append(Flaw(SavedIsSaved, wrong, (me.id,)))

    def _judge_pairs(self, mine: Notes, me: NodeState) -> None:
        if mine.leads:
            self._leaders[mine.server] = None
            wrong = RoundIsHeard.flaw(mine, self._heard)
            if wrong:
                self._found.append(Flaw(RoundIsHeard, wrong, (mine.server,)))
            for name, match in mine.matches.items():
                follower = self._servers.get(name)
                if follower and follower.alive:
                    self._judge_match(mine, match, follower.node.state)
        else:
            self._leaders.pop(mine.server, None)
        for leader in self._leaders:
            believed = self._notes[leader].matches.get(mine.server)
            if believed:
                self._judge_match(self._notes[leader], believed, me)

    def _judge_match(self, leader: Notes, match: Match, it: NodeState) -> None:
        kept = self._kept_by(match.follower)
        if it.current_term <= leader.term and kept.trusted:
            wrong = MatchIsTrue.flaw(leader, match, it.log, kept.index)
            if wrong:
                self._found.append(Flaw(MatchIsTrue, wrong, (leader.server, match.follower)))

    def _judge_leases(self, name: ServerId, now_ms: float) -> None:
        """Look at every leader where somebody has been elected, else at this one."""
        if not self._leases.hold(now_ms):
            return
        others = self._leaders if self._elected[1] == name else [name] if name in self._leaders else []
        for holder in others:
            wrong = LeaseExcludes.flaw(self._servers[holder].node.state, now_ms, self._elected)
            if wrong:
                self._found.append(Flaw(LeaseExcludes, wrong, (holder, self._elected[1])))


def watch_beliefs(checks: Checks, config: Config, trace: Trace | None) -> BeliefWatch | None:
    """What judges beliefs, where that is wanted and there is a trace. Raises ConfigError."""
    if checks not in (True, False, "full"):
        raise ConfigError(f'checks={brief(checks)} must be True, False or "full", which judges also what servers believe')
    return BeliefWatch(trace.server_ids, config, trace) if trace is not None and checks == "full" else None
