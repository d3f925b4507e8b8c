"""The ring's servers as data: role, timer and votes, their place in the configuration, and what is wrong with disk and clock."""

from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import PreVoteReply, RequestVoteReply
from raftcore.vocabulary.names import Role, ServerId
from widgets.part import Picture
from widgets.quorums import Quorum, standing_now
from widgets.words import disk_faults


def server_picture(view: ClusterView, server: ServerView, configuration: Configuration, healthy_sync_ms: float, syncs: bool) -> Picture:
    """One server. A leader's timer is its heartbeat, which the ring does not show; there stands its lease."""
    leads = server.alive and server.role is Role.LEADER
    timed = server.alive and server.timer_ms is not None and not leads
    return {
        "id": server.id,
        "alive": server.alive,
        "paused": server.paused,
        "halted": server.halted,
        "role": server.role.value,
        "term": server.current_term,
        "leader": server.leader,
        "voted_for": server.voted_for,
        "place": place(server.id, configuration),
        "groups": groups_of(server.id, configuration),
        "timer": list(server.timer_ms) if timed and server.timer_ms else None,
        "asking": is_asking(server),
        "votes": votes(view, server) if server.alive and (server.role is Role.CANDIDATE or is_asking(server)) else [],
        "lease": lease(server),
        "transfer": server.transfer.target if server.transfer else None,
        "followers": followers(server) if leads else [],
        "followed": followed(view, server),
        "clock_rate": server.clock_rate,
        "disk": disk_picture(server, healthy_sync_ms, syncs),
        "uncompacted": server.last_applied > server.log.base_index,
    }


def is_asking(server: ServerView) -> bool:
    """Whether it asks for promises of votes (thesis 9.6), and so stands between a follower and a candidate."""
    return server.alive and bool(server.pre_votes) and server.role is not Role.LEADER


def votes(view: ClusterView, candidate: ServerView) -> list[Picture]:
    """For each voter but the candidate: is its vote, or its promise of one, held, granted and still flying, or neither."""
    held = candidate.pre_votes if is_asking(candidate) else candidate.votes
    flying = {sent.source for sent in view.messages.values() if sent.target == candidate.id and is_granted(sent.message, candidate)}

    def state(peer: ServerId) -> str:
        if peer in held:
            return "held"
        return "flying" if peer in flying else "none"

    peers = candidate.configuration.all_voters or tuple(view.servers)
    return [{"peer": peer, "state": state(peer)} for peer in peers if peer != candidate.id and peer in view.servers]


def is_granted(message: object, candidate: ServerView) -> bool:
    """Whether this message brings the candidate what it asks for now."""
    if is_asking(candidate):
        return isinstance(message, PreVoteReply) and message.vote_granted and message.next_term == candidate.current_term + 1
    return isinstance(message, RequestVoteReply) and message.vote_granted and message.term == candidate.current_term


def lease(server: ServerView) -> list[float] | None:
    """Since when a majority is known to follow this leader, and until when its lease on reads lasts (thesis 6.4.1)."""
    if not server.alive or server.role is not Role.LEADER or server.quorum_heard_ms is None or server.lease_until_ms is None:
        return None
    return [server.quorum_heard_ms, server.lease_until_ms]


def followers(leader: ServerView) -> list[Picture]:
    """How a leader sends to each follower, and how far it knows its log."""
    return [{"id": name, **progress(leader, name)} for name in sorted(leader.progress) if name != leader.id]


def followed(view: ClusterView, server: ServerView) -> Picture | None:
    """How the highest leader sends to this server; None where it does not."""
    leader = view.latest_leader
    if leader is None or leader.id == server.id or server.id not in leader.progress:
        return None
    return progress(leader, server.id)


def progress(leader: ServerView, name: ServerId) -> Picture:
    known = leader.progress[name]
    return {"state": known.state.value, "match": known.match_index, "next": known.next_index}


def disk_picture(server: ServerView, healthy_sync_ms: float, syncs: bool) -> Picture:
    """What a server's disk has not done yet, and what is wrong with it, in words and one by one."""
    disk = server.disk
    said = [*(["has not synced"] if syncs else []), *disk_faults(disk, healthy_sync_ms)]
    return {
        "said": [*said, *(["has a flipped bit"] if server.damage else [])],
        "slow": disk is not None and disk.sync_ms > healthy_sync_ms,
        "sync_fails": disk is not None and disk.sync_fails,
        "full": disk is not None and disk.capacity_bytes is not None,
        "loses_writes": disk is not None and disk.loses_writes,
        "reads_fail": disk is not None and disk.reads_fail,
    }


# ---- who belongs to the cluster


def place(name: ServerId, configuration: Configuration) -> str:
    """What a server is to the cluster. An outsider was created and not yet added, or removed."""
    if name in configuration.learners:
        return "learner"
    return "outsider" if configuration.members and name not in configuration.members else "voter"


def groups_of(name: ServerId, configuration: Configuration) -> list[str]:
    """While a configuration is joint: in which of its two groups the server votes."""
    groups = (("old", configuration.voters), ("new", configuration.next_voters))
    return [group for group, voters in groups if configuration.is_joint and name in voters]


def membership_picture(view: ClusterView) -> Picture:
    """Both configurations of a joint change, or the one, and who of each counts now."""
    configuration, counting, groups = standing_now(view)
    names = ("old", "new") if configuration.is_joint else ("voters",)
    leader = view.latest_leader
    return {
        "joint": configuration.is_joint,
        "counting": counting,
        "groups": [group_picture(name, group) for name, group in zip(names, groups, strict=False)],
        "changing": configuration.is_joint or (leader is not None and leader.configuration_index > leader.commit_index),
    }


def group_picture(name: str, group: Quorum) -> Picture:
    servers = [{"id": voter, "counts": voter in group.counted} for voter in group.voters]
    return {"name": name, "servers": servers, "need": group.need, "have": len(group.counted), "enough": group.enough}
