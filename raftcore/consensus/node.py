"""One Raft server's mind: "Rules for Servers" of Figure 2. The only door is `step`: a stimulus in, a Ready out.

What holds for every message is written once, before the match. What changed is found by looking at the state afterwards, so a rule
can't forget to save it.
"""

from collections.abc import Callable, Sequence
from typing import assert_never

from raftcore.consensus.door import DeadlineReached, Ready, Requests, Saved, Stimulus
from raftcore.consensus.quorum import has_majority
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState, Timing
from raftcore.vocabulary.durable import HardState, LogSuffix, Record
from raftcore.vocabulary.events import AppendRefused, Committed, EntriesAppended, Event, LogTruncated, VoteDenied
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    Envelope,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import CANDIDATE, LEADER, ServerId


class RaftNode:
    """A Raft server without clock, network and disk.

    It starts as a follower from what its disk held: `saved` and `entries`, index 1 on. `draw` gives numbers in [0, 1) for its
    election timeouts. `start` must be called once before the first step.
    """

    def __init__(
        self,
        server_id: ServerId,
        members: tuple[ServerId, ...],
        timing: Timing,
        draw: Callable[[], float],
        rules: Rules,
        saved: HardState,
        entries: list[Entry],
    ) -> None:
        self.rules = rules
        self.state = NodeState(server_id, members, timing, draw, saved.current_term, saved.voted_for, entries)
        self._saved_term = saved.current_term
        self._saved_vote = saved.voted_for

    def start(self, now_ms: float) -> Ready:
        """Begin to wait for a leader."""
        self.state.now_ms = now_ms
        self.state.reset_election_timer()
        return self._ready()

    def step(self, stimulus: Stimulus, now_ms: float) -> Ready:
        """Let one thing happen to this server at `now_ms`, and say what must be done about it."""
        me, rules = self.state, self.rules
        me.now_ms = now_ms
        term = getattr(stimulus, "term", 0)  # what is no RPC carries none
        if term > me.current_term:  # all servers, §5.1
            me.become_follower(term)
        match stimulus:
            case AppendEntries():
                append_reply = rules.answer_append_entries(me, stimulus)
                me.outbox.append((stimulus.leader_id, append_reply))
                if append_reply.reason:
                    me.say(AppendRefused(now_ms, me.id, stimulus.leader_id, stimulus.term, stimulus.prev_log_index, append_reply.reason))
            case AppendEntriesReply():
                rules.absorb_append_entries_reply(me, stimulus)
                if me.role is LEADER:
                    if me.log.last_index > me.commit_index:
                        rules.advance_commit_index(me)
                    if me.log.last_index >= me.progress[stimulus.follower_id].next_index:
                        rules.start_append_entries(me, stimulus.follower_id)
            case ClientRequest():
                self._answer_client_requests((stimulus,))
            case Requests():
                self._answer_client_requests(stimulus.requests)
            case DeadlineReached():
                self._reach_deadline()
            case Saved():
                self._absorb_saved()
            case RequestVote():
                self._answer_request_vote(stimulus)
            case RequestVoteReply():
                rules.absorb_request_vote_reply(me, stimulus)
                self._count_votes()
            case ClientReply():
                pass  # meant for a client; a server has no use for one
            case _:
                assert_never(stimulus)
        return self._ready()

    def _answer_request_vote(self, ask: RequestVote) -> None:
        me = self.state
        reply = self.rules.answer_request_vote(me, ask)
        me.send(ask.candidate_id, reply)
        if reply.reason:
            me.say(VoteDenied(me.now_ms, me.id, ask.candidate_id, ask.term, reply.reason))

    def _answer_client_requests(self, requests: tuple[ClientRequest, ...]) -> None:
        me = self.state
        for ask in requests:
            reply = self.rules.answer_client_request(me, ask)
            if reply:
                me.send(ask.client_id, reply)
        if me.role is LEADER:
            self._replicate()

    def _reach_deadline(self) -> None:
        me = self.state
        if me.role is LEADER:
            for peer in me.peers:
                self.rules.start_heartbeat(me, peer)
            self._next_heartbeat()
        else:
            self.rules.start_election(me)
            self._count_votes()

    def _count_votes(self) -> None:
        me = self.state
        if me.role is CANDIDATE and has_majority(me.members, me.votes):  # candidates, §5.2
            self.rules.start_reign(me)
            self._replicate()
            self._next_heartbeat()

    def _absorb_saved(self) -> None:
        me = self.state
        me.saved_index = me.log.last_index
        if me.role is LEADER:
            self.rules.advance_commit_index(me)

    def _replicate(self) -> None:
        for peer in self.state.peers:
            self.rules.start_append_entries(self.state, peer)

    def _next_heartbeat(self) -> None:
        self.state.deadline_ms = self.state.now_ms + self.state.timing.heartbeat_ms

    # ---- what comes of a step

    def _ready(self) -> Ready:
        me = self.state
        save: Sequence[Record] = ()
        if me.log.changed_from or me.current_term != self._saved_term or me.voted_for != self._saved_vote:
            save = self._changes()
        apply_after = me.last_applied
        apply: tuple[Entry, ...] = ()
        if me.commit_index > apply_after:  # all servers, §5.3
            apply = me.log.after(apply_after, me.commit_index - apply_after)
            me.last_applied = me.commit_index
            me.say(Committed(me.now_ms, me.id, me.commit_index))
        send: Sequence[Envelope] = ()
        if me.outbox:
            send, me.outbox = me.outbox, []
        events: Sequence[Event] = ()
        if me.events:
            events, me.events = me.events, []
        return Ready(save, send, apply, apply_after + 1, events, me.deadline_ms)

    def _changes(self) -> list[Record]:
        me = self.state
        records: list[Record] = []
        if me.current_term != self._saved_term or me.voted_for != self._saved_vote:
            self._saved_term, self._saved_vote = me.current_term, me.voted_for
            records.append(HardState(me.current_term, me.voted_for))
        if me.log.changed_from:
            records.append(self._log_change())
        return records

    def _log_change(self) -> LogSuffix:
        me, log = self.state, self.state.log
        first_index = log.changed_from
        entries = log.after(first_index - 1, log.last_index)
        if log.truncated:
            me.saved_index = min(me.saved_index, first_index - 1)
            me.say(LogTruncated(me.now_ms, me.id, first_index - 1))
        me.say(EntriesAppended(me.now_ms, me.id, first_index, entries))
        log.forget_changes()
        return LogSuffix(first_index, entries)
