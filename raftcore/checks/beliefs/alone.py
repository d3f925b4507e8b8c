"""Beliefs about one server's state at one moment. Each looks at a bounded part of it, and never through the log.

The sentences name what is compared; a server is named once, by whoever asks (`flaws_alone`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import isfinite

from raftcore.checks.beliefs.belief import ROUNDING_MS, Belief, Flaw
from raftcore.checks.situations.clients import quorum_heard, read_awaits_a_majority
from raftcore.checks.situations.elections import election_started, leader_elected, timer_set
from raftcore.checks.situations.logs import entry_committed, follower_matched, log_compacted
from raftcore.checks.situations.membership import membership_change
from raftcore.consensus.progress import Progress, Reign
from raftcore.consensus.reads import has_committed_in_its_term
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER, PROBE, SNAPSHOT, ServerId


class AloneBelief(Belief, ABC):
    """A belief that one server's state is enough for."""

    @staticmethod
    @abstractmethod
    def flaw(me: NodeState) -> str:
        """What is wrong, as the end of a sentence that begins with the server's name; "" where nothing is."""


class IndexesInOrder(AloneBelief):
    """The log begins where or before its snapshot ends, a server applies what is committed, and commits and saves what is in its log."""

    name = "Indexes In Order"
    section = "Figure 2, §7"
    premise = entry_committed

    @staticmethod
    def flaw(me: NodeState) -> str:
        log = me.log
        if not log.base_index <= me.snapshot_index <= me.last_applied <= me.commit_index <= log.last_index:
            return (
                f"has a log from {log.base_index} to {log.last_index}, a snapshot up to {me.snapshot_index}, has applied up to "
                f"{me.last_applied}, and committed up to {me.commit_index}"
            )
        if me.saved_index > log.last_index:
            return f"counts its log as saved up to {me.saved_index}, and it ends at {log.last_index}"
        if log.last_index != log.base_index + len(log.entries):
            return f"says that its log ends at {log.last_index}, and has {len(log.entries)} entries behind {log.base_index}"
        last_term = log.term_at(log.last_index)
        if log.last_term != last_term:
            return f"says that its log ends in term {log.last_term}, and the last entry is of term {last_term}"
        return f"is in term {me.current_term}, and its log ends in term {last_term}" if last_term > me.current_term else ""


class SnapshotMatchesLog(AloneBelief):
    """Where a log reaches back to its snapshot's last entry, both have the same term there; where it begins there, the same

    configuration.
    """

    name = "Snapshot Matches Log"
    section = "§7, Figure 13"
    premise = log_compacted

    @staticmethod
    def flaw(me: NodeState) -> str:
        snapshot, log = me.snapshot, me.log
        if snapshot is None or not log.base_index <= snapshot.last_included_index <= log.last_index:
            return ""  # Indexes In Order
        index = snapshot.last_included_index
        if log.term_at(index) != snapshot.last_included_term:
            return f"has a snapshot up to {index} of term {snapshot.last_included_term}, and a log with term {log.term_at(index)} there"
        if index == log.base_index and log.configurations[0] != (index, snapshot.configuration):
            return f"has a snapshot up to {index} with another configuration than its log has there"
        return ""


class ConfigurationInForce(AloneBelief):
    """A server goes by the latest configuration of its log, and that stands in the log where the server says."""

    name = "Configuration In Force"
    section = "§6"
    premise = membership_change

    @staticmethod
    def flaw(me: NodeState) -> str:
        log = me.log
        index, latest = log.configurations[-1]
        if me.configuration != latest or log.configuration != latest:
            return f"does not go by the configuration at {index}, which is the latest in its log"
        if not log.base_index <= index <= log.last_index:
            return f"goes by a configuration at {index}, and its log goes from {log.base_index} to {log.last_index}"
        if index > log.base_index and log.entries[index - log.base_index - 1].command != latest:
            return f"goes by a configuration at {index}, where another entry stands"
        return ""


class VotesFollowRole(AloneBelief):
    """A candidate and a leader have voted for themselves, and a candidate counts its own vote; nobody leads or stands in term 0."""

    name = "Votes Follow Role"
    section = "§5.2"
    premise = election_started

    @staticmethod
    def flaw(me: NodeState) -> str:
        if me.role is not FOLLOWER and me.voted_for != me.id:
            return f"is {me.role.value} in term {me.current_term}, and has voted for {me.voted_for or 'nobody'}"
        if me.role is CANDIDATE and me.id not in me.votes:
            return f"stands in term {me.current_term}, and does not count its own vote"
        if me.pre_votes and (me.role is LEADER or me.id not in me.pre_votes):
            return f"is {me.role.value}, and counts pre-votes of {', '.join(sorted(me.pre_votes))}"
        return "has voted or stands in term 0" if me.current_term == 0 and (me.voted_for or me.role is not FOLLOWER) else ""


class LeaderStateIsTheLeaders(AloneBelief):
    """Only a leader keeps what leaders keep, for each other member of its configuration; only a leader takes itself for the leader."""

    name = "Leader State Is The Leader's"
    section = "Figure 2, §5.2"
    premise = leader_elected

    @staticmethod
    def flaw(me: NodeState) -> str:
        leads = me.role is LEADER
        if leads is (me.reign is None):
            return "leads, and keeps no leader's state" if leads else f"is {me.role.value}, and keeps a leader's state"
        if leads is not (me.leader_id == me.id):
            return f"is {me.role.value}, and takes {me.leader_id or 'nobody'} for the leader"
        if me.role is CANDIDATE and me.leader_id:
            return f"stands for election, and follows {me.leader_id}"
        if not leads:
            return f"is {me.role.value}, and keeps the progress of {_listed(me.progress)}" if me.progress else ""
        spoken_to = {*me.peers, *me.leaving}
        if me.progress.keys() != spoken_to:
            return f"is {me.role.value}, should know the progress of {_listed(spoken_to)}, and keeps that of {_listed(me.progress)}"
        return ""


class ProgressInOrder(AloneBelief):
    """What a leader knows of a follower fits its own log: matchIndex < nextIndex, both within it, and no more in flight than may be."""

    name = "Progress In Order"
    section = "Figure 2, §5.3"
    premise = follower_matched

    @staticmethod
    def flaw(me: NodeState) -> str:
        for follower, progress in me.progress.items():
            wrong = _progress_flaw(me, progress)
            if wrong:
                return f"believes of {follower}: matchIndex {progress.match_index}, nextIndex {progress.next_index}; {wrong}"
        return ""


def _progress_flaw(me: NodeState, it: Progress) -> str:
    last_index, flying = me.log.last_index, it.in_flight
    if not 0 <= it.match_index < it.next_index <= last_index + 1:
        return f"its own log ends at {last_index}"
    if (it.state is SNAPSHOT) is (it.snapshot is None):
        return "it sends a snapshot and has none to send" if it.state is SNAPSHOT else "it keeps a snapshot that it does not send"
    if it.snapshot and not 0 <= it.offset <= len(it.snapshot.data):
        return f"of {len(it.snapshot.data)} bytes of the snapshot {it.offset} have arrived"
    may_fly = me.config.max_messages_in_flight if it.state not in (PROBE, SNAPSHOT) else int(it.state is PROBE)
    if len(flying) > may_fly:
        return f"{len(flying)} messages are in flight, and {may_fly} may be"
    if flying and not it.match_index < flying[0] <= flying[-1] <= last_index:
        return f"in flight are entries from {flying[0]} to {flying[-1]}"
    return ""


class RoundsInOrder(AloneBelief):
    """A leader has sent the rounds that it remembers, in their order, and nobody has answered a round that is yet to come."""

    name = "Rounds In Order"
    section = "thesis 6.4"
    premise = quorum_heard

    @staticmethod
    def flaw(me: NodeState) -> str:
        reign = me.reign
        if reign is None:
            return ""
        ahead = next((name for name, number in reign.answered.items() if number > reign.round), "")
        if ahead:
            return f"counts round {reign.answered[ahead]} as answered by {ahead}, and its latest round is {reign.round}"
        if reign.round and reign.answered.get(me.id) != reign.round:
            return f"is in round {reign.round}, and has itself answered round {reign.answered.get(me.id, 0)}"
        sent = reign.sent
        if sent and not (0 < sent[0][0] <= sent[-1][0] <= reign.round and len(sent) <= sent[-1][0] - sent[0][0] + 1):
            return f"remembers {len(sent)} rounds from {sent[0][0]} to {sent[-1][0]}, and its latest is {reign.round}"
        return ""


class ReadsInOrder(AloneBelief):
    """Reads wait in the order of their rounds, none for a round that has not begun; and for the leader's first commit only before it."""

    name = "Reads In Order"
    section = "thesis 6.4"
    premise = read_awaits_a_majority

    @staticmethod
    def flaw(me: NodeState) -> str:
        reign = me.reign
        if reign is None:
            return ""
        reads = reign.reads
        if reads and not reads[0].round <= reads[-1].round <= reign.round:
            return f"lets reads wait for rounds {reads[0].round} to {reads[-1].round}, and its latest is {reign.round}"
        if reign.early_reads and has_committed_in_its_term(me):
            return f"has committed an entry of its term {me.current_term}, and {len(reign.early_reads)} reads still wait for that"
        return ""


class DeadlinesInBounds(Belief):
    """A timer ends, within the longest time that it may take by the server's clock; a follower's not before the shortest election timeout

    since the leader was heard, for that is what a lease counts on. Nothing has been heard in the future.
    """

    name = "Deadlines In Bounds"
    section = "§5.2, thesis 6.4.1"
    premise = timer_set

    @staticmethod
    def flaw(me: NodeState, now_ms: float) -> str:
        """As above; now_ms: by the caller's clock, like all times in a server's state."""
        soon_ms = now_ms + ROUNDING_MS
        longest_ms = max(me.longest_ms, me.heartbeat_ms)
        if not isfinite(me.deadline_ms) or me.deadline_ms > soon_ms + longest_ms:
            return f"waits until {me.deadline_ms:.3f} ms; it is {now_ms:.3f} ms, and no timer of it takes more than {longest_ms:.3f} ms"
        if me.leader_heard_ms > soon_ms:
            return f"has heard a leader at {me.leader_heard_ms:.3f} ms, and it is {now_ms:.3f} ms"
        return _leader_flaw(me, me.reign, soon_ms) if me.reign else _timer_flaw(me, now_ms)


def _timer_flaw(me: NodeState, now_ms: float) -> str:
    earliest_ms = me.leader_heard_ms + me.shortest_ms - ROUNDING_MS
    if not now_ms < me.deadline_ms < earliest_ms:
        return ""
    heard = f"heard its leader at {me.leader_heard_ms:.3f} ms and waits only until {me.deadline_ms:.3f} ms"
    return f"{heard}; the shortest election timeout takes {me.shortest_ms:.3f} ms by its clock"


def _leader_flaw(me: NodeState, reign: Reign, soon_ms: float) -> str:
    now = f"and it is {soon_ms:.3f} ms"
    if reign.quorum_heard_ms > soon_ms:
        return f"has heard a quorum at {reign.quorum_heard_ms:.3f} ms, {now}"
    if reign.lease_until_ms > reign.quorum_heard_ms + me.lease_ms + ROUNDING_MS:
        return f"has a lease until {reign.lease_until_ms:.3f} ms, and has heard a quorum at {reign.quorum_heard_ms:.3f} ms"
    if reign.transfer and reign.transfer.deadline_ms > soon_ms + me.longest_ms:
        return f"hands over until {reign.transfer.deadline_ms:.3f} ms, {now}"
    if reign.change and reign.change.began_ms > soon_ms:
        return f"began to change the membership at {reign.change.began_ms:.3f} ms, {now}"
    if reign.sent and not reign.sent[0][1] <= reign.sent[-1][1] <= soon_ms:
        return f"remembers rounds that it sent from {reign.sent[0][1]:.3f} ms to {reign.sent[-1][1]:.3f} ms, {now}"
    return ""


OF_ANY: tuple[type[AloneBelief], ...] = (
    IndexesInOrder,
    SnapshotMatchesLog,
    ConfigurationInForce,
    VotesFollowRole,
    LeaderStateIsTheLeaders,
)

OF_LEADERS: tuple[type[AloneBelief], ...] = (ProgressInOrder, RoundsInOrder, ReadsInOrder)
"""What they look at, nobody else has (Leader State Is The Leader's)."""

ALONE = (*OF_ANY, *OF_LEADERS)


def flaws_alone(me: NodeState, now_ms: float) -> list[Flaw]:
    """What does not hold of this server."""
    found: list[Flaw] = []
    for belief in ALONE if me.reign or me.progress else OF_ANY:
        wrong = belief.flaw(me)
        if wrong:
            found.append(Flaw(belief, f"{me.id} {wrong}", (me.id,)))
    wrong = DeadlinesInBounds.flaw(me, now_ms)
    if wrong:
        found.append(Flaw(DeadlinesInBounds, f"{me.id} {wrong}", (me.id,)))
    return found


def _listed(names: Iterable[ServerId]) -> str:
    return ", ".join(sorted(names)) or "nobody"
