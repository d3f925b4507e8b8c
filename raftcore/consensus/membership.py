"""Changes of the configuration (§6, thesis ch. 4).

Newcomers learn the log first (4.2.1). Then a change of one voter takes one step, since any two majorities overlap (4.1); any other goes
through a joint configuration (4.3). A leader takes the next step only when the step before is committed.
"""

from raftcore.consensus.progress import Change
from raftcore.consensus.reads import has_committed_in_its_term
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import MembershipChangeEnded
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ServerId

MAX_ROUNDS = 10
"""Rounds in which newcomers may catch up (thesis 4.2.1)."""

PATIENCE = 10
"""Election timeouts that one round may take; then a newcomer is down, or too slow."""


def why_no_change(me: NodeState, wanted: Configuration) -> str:
    """Why this server can't begin to change to the wanted configuration, as a sentence; "" if it can."""
    if me.reign is None:
        return f"{me.id} does not lead"
    if not wanted.voters:
        return "a cluster without voters can decide nothing; keep at least one"
    both = [name for name in wanted.learners if name in wanted.voters]
    if both:
        return f"{both[0]} can't be a voter and a learner at once; name it once"
    if me.reign.change or me.configuration.is_joint or me.log.configuration_index > me.commit_index:
        return "another change of the membership is under way; wait until it is done"
    if not has_committed_in_its_term(me):  # or two leaders could change it at once: raft-dev, 2015
        return f"{me.id} has not committed an entry of its own term yet; wait until it has"
    if wanted == me.configuration:
        return "these are the voters and learners already"
    return ""


def start_change(me: NodeState, wanted: Configuration) -> None:
    """Begin to change to the wanted configuration."""
    assert me.reign
    me.reign.change = Change(wanted, me.log.last_index, me.now_ms)
    advance_change(me)


def advance_change(me: NodeState) -> None:
    """Take the next step of a change, if the one before is committed. A new leader ends what was joint when it was elected."""
    reign, now = me.reign, me.configuration
    if reign is None or me.log.configuration_index > me.commit_index:
        return
    if now.is_joint:
        if has_committed_in_its_term(me):
            append_configuration(me, Configuration(now.next_voters, learners=in_order(now.learners + now.learners_next)))
    elif reign.change is None or now == reign.change.wanted:
        end_change(me)
    else:
        step = next_step(me, now, reign.change)
        if step:
            append_configuration(me, step)


def next_step(me: NodeState, now: Configuration, change: Change) -> Configuration | None:
    """The configuration that comes next on the way to the wanted one; None while newcomers still learn the log."""
    wanted = change.wanted
    newcomers = without(wanted.voters, now.voters)
    strangers = without(newcomers, now.learners)
    if strangers:
        return Configuration(now.voters, learners=in_order(now.learners + strangers))
    if not have_caught_up(me, change, newcomers):
        return None
    if len(newcomers) + len(without(now.voters, wanted.voters)) <= 1:
        return wanted
    return joint(now, wanted)


def joint(now: Configuration, wanted: Configuration) -> Configuration:
    """The configuration in which the voters of both decide (§6). A voter who is to learn only remains a voter for so long.

    >>> joint(Configuration(("S1", "S2", "S3")), Configuration(("S1", "S4"), learners=("S3", "S5")))
    Configuration(voters=('S1', 'S2', 'S3'), next_voters=('S1', 'S4'), learners=('S5',), learners_next=('S3',))
    """
    learners = without(wanted.learners, now.voters)
    return Configuration(now.voters, wanted.voters, learners, without(wanted.learners, learners))


def have_caught_up(me: NodeState, change: Change, newcomers: tuple[ServerId, ...]) -> bool:
    """Whether the newcomers got all entries of a round within an election timeout: then the cluster need not wait for them."""
    took_ms = me.now_ms - change.began_ms
    if all(name in me.progress and me.progress[name].match_index >= change.target_index for name in newcomers):
        if took_ms <= me.longest_ms:
            return True
        change.target_index, change.began_ms, change.rounds = me.log.last_index, me.now_ms, change.rounds + 1
    if change.rounds > MAX_ROUNDS or took_ms > PATIENCE * me.longest_ms:
        end_change(me, f"{', '.join(newcomers)} did not catch up in time, and stays a learner")
    return False


def append_configuration(me: NodeState, configuration: Configuration) -> None:
    """Put a configuration into the log; it holds at once."""
    me.log.append(Entry(me.current_term, configuration, at_ms=me.now_ms))
    me.adopt_configuration()


def end_change(me: NodeState, why: str = "") -> None:
    """Nothing of a change is left to be done: its configuration is committed, or it is given up, and `why` says why."""
    assert me.reign
    if me.reign.change:
        me.reign.change = None
        me.say(MembershipChangeEnded(me.now_ms, me.id, why))


def is_dismissed(me: NodeState) -> bool:
    """Whether a configuration without this server's vote is committed, so that a leader's work is done (4.2.2)."""
    return not me.is_voter and me.log.configuration_index <= me.commit_index


def without(names: tuple[ServerId, ...], others: tuple[ServerId, ...]) -> tuple[ServerId, ...]:
    """These names but for the others."""
    return tuple(name for name in names if name not in others)


def in_order(names: tuple[ServerId, ...]) -> tuple[ServerId, ...]:
    """These names in order, each once."""
    return tuple(sorted(set(names)))
