"""Situations of membership changes."""

from raftcore.checks.situations.situation import Past, situation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import LEADER


@situation(ev.ConfigurationChanged)
def membership_change(run: Past, event: ev.ConfigurationChanged) -> bool:
    """A server goes by a configuration that stands in a log (§6)."""
    return event.index > 0


@situation(ev.ConfigurationChanged)
def joint_configuration(run: Past, event: ev.ConfigurationChanged) -> bool:
    """A server goes by a joint configuration (§6)."""
    return event.configuration.is_joint


@situation(ev.RoleChanged, ev.Committed, after=joint_configuration)
def joint_decision(run: Past, event: ev.RoleChanged | ev.Committed) -> bool:
    """A leader is elected or commits an entry while its configuration is joint, so that two majorities decide (§6)."""
    server = run.servers[event.server]
    leads = event.role is LEADER if isinstance(event, ev.RoleChanged) else server.role is LEADER
    return server.configuration.is_joint and leads


@situation(ev.Crashed, ev.Halted, after=joint_configuration)
def crash_in_a_joint_configuration(run: Past, event: ev.Crashed | ev.Halted) -> bool:
    """A server stops while it is a voter of a joint configuration by which some server goes (§6)."""
    joint = (it.configuration for it in run.servers.values() if it.configuration.is_joint)
    return any(event.server in configuration.all_voters for configuration in joint)


@situation(ev.LogTruncated)
def membership_change_truncated(run: Past, event: ev.LogTruncated) -> bool:
    """A server deletes a configuration from its log, and goes by the one before (§6)."""
    configured = run.servers[event.server].last.configured
    return configured is not None and configured[0] > event.last_index


@situation(ev.MembershipChangeEnded)
def membership_change_given_up(run: Past, event: ev.MembershipChangeEnded) -> bool:
    """A leader gives up a change that it was asked for (thesis 4.2.1)."""
    return event.why != ""


@situation(ev.ConfigurationChanged)
def leader_removed(run: Past, event: ev.ConfigurationChanged) -> bool:
    """A leader goes by a configuration in which it has no vote any more (thesis 4.2.2)."""
    server = run.servers[event.server]
    return server.role is LEADER and event.server not in event.configuration.all_voters


MEMBERSHIP = (
    membership_change,
    joint_configuration,
    joint_decision,
    crash_in_a_joint_configuration,
    membership_change_truncated,
    membership_change_given_up,
    leader_removed,
)
