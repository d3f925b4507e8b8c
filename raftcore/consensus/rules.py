"""The table of rules that a server obeys. A student's function, or a planted bug, takes one place in it:

Rules(answer_request_vote=mine)
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache
from inspect import signature
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from raftcore.consensus import election, membership, quorum, reads, replication, snapshotting, transfer
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import Index, ServerId
from raftcore.vocabulary.spelling import Spelled, brief


class Rules(Struct, metaclass=Spelled, frozen=True, kw_only=True):
    """The rules of Figure 2, and those that the thesis adds, each a function of the server's state and what it is about.

    The defaults are correct. One of yours may write the state as Figure 2 says it (`me.voted_for = …`, `me.commit_index = …`), or use the
    state's moves (`me.vote_for(…)`): both are seen. Only a reign is begun by `me.become_leader()`, and ended by `me.step_down()` or
    `me.become_follower(term)`.

    Raises ConfigError for what is no function, or one that can't take what its place is given; what one returns, sends and writes is looked
    at when it does (checked.py).
    """

    start_election: Callable[[NodeState], None] = election.start_election
    answer_request_vote: Callable[[NodeState, RequestVote], RequestVoteReply] = election.answer_request_vote
    absorb_request_vote_reply: Callable[[NodeState, RequestVoteReply], None] = election.absorb_request_vote_reply
    is_quorum: Callable[[Configuration, AbstractSet[ServerId]], bool] = quorum.is_quorum
    start_reign: Callable[[NodeState], None] = election.start_reign
    guards_leader: Callable[[NodeState, RequestVote | PreVote], bool] = election.guards_leader

    start_pre_vote: Callable[[NodeState], None] = election.start_pre_vote
    answer_pre_vote: Callable[[NodeState, PreVote], PreVoteReply | None] = election.answer_pre_vote
    absorb_pre_vote_reply: Callable[[NodeState, PreVoteReply], None] = election.absorb_pre_vote_reply
    answer_timeout_now: Callable[[NodeState, TimeoutNow], None] = election.answer_timeout_now
    advance_transfer: Callable[[NodeState], None] = transfer.advance_transfer

    answer_client_request: Callable[[NodeState, ClientRequest], ClientReply | None] = replication.answer_client_request
    start_append_entries: Callable[[NodeState, ServerId], None] = replication.start_append_entries
    start_heartbeat: Callable[[NodeState, ServerId], None] = replication.start_heartbeat
    answer_append_entries: Callable[[NodeState, AppendEntries], AppendEntriesReply] = replication.answer_append_entries
    absorb_append_entries_reply: Callable[[NodeState, AppendEntriesReply], None] = replication.absorb_append_entries_reply
    advance_commit_index: Callable[[NodeState], None] = replication.advance_commit_index

    take_snapshot: Callable[[NodeState, Index, bytes], None] = snapshotting.take_snapshot
    answer_install_snapshot: Callable[[NodeState, InstallSnapshot], InstallSnapshotReply] = snapshotting.answer_install_snapshot
    absorb_install_snapshot_reply: Callable[[NodeState, InstallSnapshotReply], None] = snapshotting.absorb_install_snapshot_reply

    why_no_change: Callable[[NodeState, Configuration], str] = membership.why_no_change
    advance_change: Callable[[NodeState], None] = membership.advance_change
    is_dismissed: Callable[[NodeState], bool] = membership.is_dismissed

    answer_read: Callable[[NodeState, ClientRequest], ClientReply | None] = reads.answer_read
    has_lost_majority: Callable[[NodeState], bool] = reads.has_lost_majority

    def __post_init__(self) -> None:
        for name in self.swapped:
            _check(name, getattr(self, name))

    @property
    def swapped(self) -> list[str]:
        """The places in which not Raft's own rule stands."""
        places = zip(self.__struct_fields__, self.__struct_defaults__, strict=True)
        return [name for name, correct in places if getattr(self, name) is not correct]


@cache
def kinds_of(name: str) -> tuple[list[Any], Any]:
    """What a rule is given, and what it must return, as the table's annotations say it."""
    given, returned = get_args(get_type_hints(Rules)[name])
    return given, returned


def _check(name: str, rule: object) -> None:
    if not callable(rule):
        raise ConfigError(f"{name}={brief(rule)} is no rule; give a function: Rules({name}=mine)")
    given, _ = kinds_of(name)
    try:
        parameters = signature(rule)
    except ValueError:  # some that are not written in Python don't say what they take
        return
    try:
        parameters.bind(*given)
    except TypeError:
        called = getattr(rule, "__qualname__", brief(rule))
        kinds = ", ".join(kind.__name__ if isinstance(kind, type) else "a message" for kind in given)
        raise ConfigError(f"the rule {name} is given ({kinds}), and {called}{parameters} can't take that") from None
