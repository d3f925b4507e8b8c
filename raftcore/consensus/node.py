"""One Raft server's mind: "Rules for Servers" of Figure 2. The only door is `step`: a stimulus in, a Ready out.

What holds for every message is written once, before the match. What changed is found by looking at the state afterwards, so a rule
can't forget to save it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from raftcore.consensus.checked import checked
from raftcore.consensus.door import (
    ChangeWanted,
    DeadlineReached,
    ImageTaken,
    Ready,
    Requests,
    Saved,
    Seldom,
    Stimulus,
    TransferWanted,
    idle,
)
from raftcore.consensus.election import refuse
from raftcore.consensus.membership import start_change
from raftcore.consensus.reads import settle_rounds, start_early_reads, start_round
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.consensus.transfer import start_transfer, why_no_transfer
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix, Record, Snapshot
from raftcore.vocabulary.events import (
    AppendRefused,
    Committed,
    EntriesAppended,
    Event,
    LogTruncated,
    MembershipChangeEnded,
    TransferEnded,
    VoteDenied,
)
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import CANDIDATE, LEADER, Reason, ServerId


class RaftNode:
    """A Raft server without clock, network and disk.

    It starts as a follower from what its disk held: `saved`, `snapshot`, and the entries that follow it. `bootstrap` holds until
    those say otherwise. `draw` gives numbers in [0, 1) for its election timeouts. `start` must be called once before the first step.
    """

    def __init__(
        self,
        server_id: ServerId,
        bootstrap: Configuration,
        config: Config,
        draw: Callable[[], float],
        rules: Rules,
        saved: HardState,
        snapshot: Snapshot | None = None,
        entries: Iterable[Entry] = (),
    ) -> None:
        self.rules = checked(rules)
        self.state = NodeState(server_id, bootstrap, config, draw, saved, snapshot, entries)
        self._saved_term = saved.current_term
        self._saved_vote = saved.voted_for
        self._saved_snapshot = snapshot
        self._saved_version = self.state.log.version
        self._told_commit = self.state.commit_index
        self.idle = idle(self.state.deadline_ms)

    def start(self, now_ms: float) -> Ready:
        """Begin to wait for a leader, as if one had just been heard: before a crash it may have been, and may hold a lease."""
        me = self.state
        me.now_ms = me.leader_heard_ms = now_ms
        me.reset_election_timer()
        me.tell_configuration()
        return self.step(Saved(), now_ms)  # all that it has comes from the disk

    def step(self, stimulus: Stimulus, now_ms: float) -> Ready:
        """Let one thing happen to this server at `now_ms`, and say what must be done about it. While that is nothing, it is `idle`."""
        me, rules = self.state, self.rules
        me.now_ms = now_ms
        if type(stimulus) is AppendEntries:
            if stimulus.term > me.current_term:  # all servers, §5.1; so below
                me.become_follower(stimulus.term)
            answer = rules.answer_append_entries
            reply = answer(me, stimulus)
            me.outbox.append((stimulus.leader_id, reply))
            if reply.reason:
                me.say(AppendRefused(now_ms, me.id, stimulus.leader_id, stimulus.term, stimulus.prev_log_index, reply.reason))
        elif type(stimulus) is AppendEntriesReply:
            if stimulus.term > me.current_term:
                me.become_follower(stimulus.term)
            absorb = rules.absorb_append_entries_reply
            absorb(me, stimulus)
            self._go_on_with(stimulus.follower_id)
        else:  # the two above come all the time: they don't wait for a `match`
            self._step_other(stimulus)

        save: Sequence[Record] = ()
        install: Snapshot | None = None
        if me.log.version != self._saved_version or me.current_term != self._saved_term or me.voted_for != self._saved_vote:
            save = self._changes()
            install, me.installed = me.installed, None
        apply_from = me.last_applied + 1
        apply = self._commits() if me.commit_index != me.last_applied else ()  # all servers, §5.3
        outbox = me.outbox
        reads: Sequence[ClientRequest] = ()
        events: Sequence[Event] = ()
        if me.reads or me.events:
            reads, events, me.reads, me.events = me.reads, me.events, [], []
        elif not (outbox or apply or save):
            if self.idle.deadline_ms != me.deadline_ms:
                self.idle = idle(me.deadline_ms)
            return self.idle
        me.outbox = []
        return Ready(save, outbox, install, apply, apply_from, reads, events, me.deadline_ms)

    def _step_other(self, stimulus: Seldom) -> None:
        me, rules = self.state, self.rules
        term = getattr(stimulus, "term", 0)  # what is no RPC carries none
        if isinstance(stimulus, RequestVote) and term >= me.current_term and rules.guards_leader(me, stimulus):
            self._answer_vote(stimulus, refuse(me, Reason.LEADER_HEARD))  # and the term is not entered
            return
        if term > me.current_term:
            me.become_follower(term)
        match stimulus:
            case DeadlineReached():
                self._reach_deadline()
            case ClientRequest():
                self._answer_client_requests((stimulus,))
            case Requests():
                self._answer_client_requests(stimulus.requests)
            case Saved():
                me.saved_index = me.log.last_index
                if me.role is LEADER:
                    self._advance()
            case RequestVote() | RequestVoteReply() | PreVote() | PreVoteReply() | TimeoutNow():
                self._step_election(stimulus)
            case InstallSnapshot() | InstallSnapshotReply() | ImageTaken():
                self._step_snapshot(stimulus)
            case ChangeWanted() | TransferWanted():
                self._begin(stimulus)
            case ClientReply():
                pass  # meant for a client; a server has no use for one
            case _:
                assert_never(stimulus)

    def _step_election(self, message: RequestVote | RequestVoteReply | PreVote | PreVoteReply | TimeoutNow) -> None:
        me, rules = self.state, self.rules
        match message:
            case RequestVote():
                self._answer_vote(message, rules.answer_request_vote(me, message))
            case RequestVoteReply():
                rules.absorb_request_vote_reply(me, message)
                self._count_votes()
            case PreVote():
                promise = rules.answer_pre_vote(me, message)
                if promise:
                    me.send(message.candidate_id, promise)
                if promise and promise.reason:
                    me.say(VoteDenied(me.now_ms, me.id, message.candidate_id, message.next_term, promise.reason, pre_vote=True))
            case PreVoteReply():
                rules.absorb_pre_vote_reply(me, message)
                self._count_pre_votes()
            case TimeoutNow():
                rules.answer_timeout_now(me, message)
                self._count_votes()

    def _answer_vote(self, ask: RequestVote, reply: RequestVoteReply) -> None:
        me = self.state
        me.send(ask.candidate_id, reply)
        if reply.reason:
            me.say(VoteDenied(me.now_ms, me.id, ask.candidate_id, ask.term, reply.reason))

    def _step_snapshot(self, stimulus: InstallSnapshot | InstallSnapshotReply | ImageTaken) -> None:
        me, rules = self.state, self.rules
        match stimulus:
            case InstallSnapshot():
                me.send(stimulus.leader_id, rules.answer_install_snapshot(me, stimulus))
            case InstallSnapshotReply():
                rules.absorb_install_snapshot_reply(me, stimulus)
                self._go_on_with(stimulus.follower_id)
            case ImageTaken():
                rules.take_snapshot(me, stimulus.index, stimulus.data)

    def _begin(self, wish: ChangeWanted | TransferWanted) -> None:
        """Begin what the leader is asked for, if it still can: the wish may have waited."""
        me = self.state
        if isinstance(wish, ChangeWanted):
            objection = self.rules.why_no_change(me, wish.configuration)
            if objection:
                me.say(MembershipChangeEnded(me.now_ms, me.id, objection))
            else:
                start_change(me, wish.configuration)
                self._go_by_new_configuration()
        elif why_no_transfer(me, wish.target):
            under_way = me.reign and me.reign.transfer
            if wish.target != me.id and not (under_way and under_way.target == wish.target):
                me.say(TransferEnded(me.now_ms, me.id, wish.target, done=False))
        else:
            start_transfer(me, wish.target)
        self._replicate()

    # ---- elections

    def _reach_deadline(self) -> None:
        me = self.state
        if me.role is LEADER:
            self._beat()
        elif not me.may_stand:
            me.reset_election_timer()
        elif me.config.pre_vote:
            self.rules.start_pre_vote(me)
            self._count_pre_votes()
        else:
            self.rules.start_election(me)
            self._count_votes()

    def _count_pre_votes(self) -> None:
        me = self.state
        if me.pre_votes and self.rules.is_quorum(me.configuration, me.pre_votes):
            self.rules.start_election(me)
            self._count_votes()

    def _count_votes(self) -> None:
        me = self.state
        if me.role is CANDIDATE and self.rules.is_quorum(me.configuration, me.votes):  # candidates, §5.2
            self.rules.start_reign(me)
            start_round(me)
            self._replicate()
            if me.reign:
                me.reign.round_is_out = True
            self._next_heartbeat()

    # ---- leading

    def _beat(self) -> None:
        """A leader's deadline: see whether it still leads, and let everybody hear from it."""
        me, rules, reign = self.state, self.rules, self.state.reign
        assert reign
        settle_rounds(me, reign)
        if rules.has_lost_majority(me):
            me.step_down()
            return
        start_round(me)
        if reign.transfer:
            rules.advance_transfer(me)
        if reign.change or me.configuration.next_voters:
            rules.advance_change(me)
            self._go_by_new_configuration()
        self._broadcast()
        if rules.is_dismissed(me):  # the others know it by this round
            me.step_down()
        else:
            self._next_heartbeat()

    def _broadcast(self) -> None:
        """Send the round of heartbeats that was just begun. Who has left hears from the leader for the last time."""
        me = self.state
        start_heartbeat = self.rules.start_heartbeat
        for peer in me.progress:
            start_heartbeat(me, peer)
        if me.reign:
            me.reign.round_is_out = True
            if me.reign.reads:  # a sole voter needs no answer
                settle_rounds(me, me.reign)
        if me.leaving and me.log.configuration_index <= me.commit_index:
            me.dismiss_leaving()

    def _answer_client_requests(self, requests: tuple[ClientRequest, ...]) -> None:
        me, rules = self.state, self.rules
        for ask in requests:
            is_read = type(ask.command) is Get and ask.command.mode is not ReadMode.LOG
            reply = rules.answer_read(me, ask) if is_read else rules.answer_client_request(me, ask)
            if reply:
                me.send(ask.client_id, reply)
        if me.reign:
            if not me.reign.round_is_out:  # a read has begun it
                self._broadcast()
            self._replicate()

    def _go_on_with(self, follower: ServerId) -> None:
        """A follower has answered: commit what can be, and send what it lacks."""
        me = self.state
        progress, reign = me.progress.get(follower), me.reign
        if progress is None or reign is None:
            return
        if reign.reads:
            settle_rounds(me, reign)
        if progress.match_index > me.commit_index:
            self._advance()
        if reign.transfer or reign.change:
            self.rules.advance_transfer(me)
            self.rules.advance_change(me)
            self._go_by_new_configuration()
            self._replicate()
        elif me.log.last_index >= progress.next_index:
            self.rules.start_append_entries(me, follower)

    def _advance(self) -> None:
        """Commit what a quorum has saved, and go on with what waited for that."""
        me, rules = self.state, self.rules
        before, log_end = me.commit_index, me.log.last_index
        rules.advance_commit_index(me)
        if me.commit_index == before or me.reign is None:
            return
        self._tell_commit()
        if me.reign.early_reads:
            start_early_reads(me)
            self._broadcast()
        if before < me.log.configuration_index or me.configuration.is_joint or me.reign.change:
            rules.advance_change(me)
            if me.log.last_index > log_end:
                self._go_by_new_configuration()
                self._replicate()

    def _go_by_new_configuration(self) -> None:
        """Commit, and let out the reads, that waited for more servers than a configuration asks for that was just appended (§6)."""
        me = self.state
        if me.reign and me.log.configuration_index > me.commit_index:
            if me.reign.reads:
                settle_rounds(me, me.reign)
            self._advance()

    def _replicate(self) -> None:
        for peer in self.state.progress:
            self.rules.start_append_entries(self.state, peer)

    def _next_heartbeat(self) -> None:
        me = self.state
        me.deadline_ms = me.now_ms + me.heartbeat_ms

    # ---- what comes of a step

    def _commits(self) -> tuple[Entry, ...]:
        me, applied = self.state, self.state.last_applied
        if me.commit_index != self._told_commit:  # a leader has told it, before what it went on with
            self._tell_commit()
        if me.commit_index < applied:  # some rule took it back, and nothing that was applied can be
            return ()
        me.last_applied = me.commit_index
        return me.log.after(applied, me.commit_index - applied)

    def _tell_commit(self) -> None:
        """Tell how far the log is committed, whoever wrote that into the state."""
        me = self.state
        self._told_commit = me.commit_index
        me.say(Committed(me.now_ms, me.id, me.commit_index))

    def _changes(self) -> list[Record]:
        me = self.state
        self._saved_version = me.log.version
        hard_state = HardState(me.current_term, me.voted_for)
        records: list[Record] = []
        if me.current_term != self._saved_term or me.voted_for != self._saved_vote:
            self._saved_term, self._saved_vote = me.current_term, me.voted_for
            records.append(hard_state)
        if me.log.changed_from:
            records.append(self._log_change())
        if me.snapshot is not self._saved_snapshot:
            self._saved_snapshot = me.snapshot
            records = [Checkpoint(hard_state, me.snapshot, self._after_snapshot())]
        if me.log.configuration is not me.configuration:
            me.adopt_configuration()
        return records

    def _after_snapshot(self) -> tuple[Entry, ...]:
        me = self.state
        assert me.snapshot
        return me.log.after(me.snapshot.last_included_index, me.log.last_index)

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
