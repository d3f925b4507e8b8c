"""Names of the field, as the paper uses them. Indexes and terms start at 1; 0 means none."""

import re
from enum import Enum
from typing import TypeAlias

ServerId: TypeAlias = str
"""A server of the cluster: S1, S2 …"""

ClientId: TypeAlias = str
"""A client of the cluster: C1, C2 …"""


def is_server_name(name: object) -> bool:
    """Whether a server can have this name."""
    return isinstance(name, str) and _SERVER.fullmatch(name) is not None


def is_client_name(name: object) -> bool:
    """Whether a client can have this name."""
    return isinstance(name, str) and _CLIENT.fullmatch(name) is not None


_SERVER = re.compile(r"S[1-9][0-9]{0,3}")
_CLIENT = re.compile(r"C[1-9][0-9]{0,3}")

Address: TypeAlias = str
"""Where a message goes to or comes from: a server or a client."""

Term: TypeAlias = int
Index: TypeAlias = int


class Role(Enum):
    """What a server is in its term (Figure 4)."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


FOLLOWER, CANDIDATE, LEADER = Role
"""The same, to be read as words; naming them through the Enum costs more than many a rule."""


class FollowerState(Enum):
    """How a leader sends to one follower: one message at a time until it knows where their logs agree, then as many as may fly, or

    pieces of its snapshot where the follower lacks what is compacted away.
    """

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


PROBE, REPLICATE, SNAPSHOT = FollowerState


class Reason(Enum):
    """Why a server refused, why a command failed, or why the network dropped. Each of these carries one, so that a person can ask why."""

    STALE_TERM = "stale term"
    ALREADY_VOTED = "already voted"
    LOG_BEHIND = "log behind"
    LOG_GAP = "log gap"
    LOG_CONFLICT = "log conflict"
    LEADER_HEARD = "leader heard"
    NOT_LEADER = "not the leader"
    TRANSFERRING = "leadership is being transferred"
    TOO_MANY_REQUESTS = "too many requests"
    SESSION_EXPIRED = "session expired"
    OVERTAKEN = "overtaken by a later command"

    MISMATCH = "the key holds something else"
    TOO_LARGE = "the value would be too large"

    LOST = "lost"
    LINK_CUT = "link cut"
    SERVER_DOWN = "server down"
    SERVER_FULL = "server holds no more back"


STALE_TERM = Reason.STALE_TERM
