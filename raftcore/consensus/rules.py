"""The table of rules that a server obeys. A student's function, or a planted bug, takes one place in it:

Rules(answer_request_vote=mine)
"""

from collections.abc import Callable

from msgspec import Struct

from raftcore.consensus import election, replication
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import ServerId


class Rules(Struct, frozen=True, kw_only=True):
    """The rules of Figure 2, each a function of the server's state and at most one message. The defaults are correct."""

    start_election: Callable[[NodeState], None] = election.start_election
    answer_request_vote: Callable[[NodeState, RequestVote], RequestVoteReply] = election.answer_request_vote
    absorb_request_vote_reply: Callable[[NodeState, RequestVoteReply], None] = election.absorb_request_vote_reply
    start_reign: Callable[[NodeState], None] = election.start_reign

    answer_client_request: Callable[[NodeState, ClientRequest], ClientReply | None] = replication.answer_client_request
    start_append_entries: Callable[[NodeState, ServerId], None] = replication.start_append_entries
    start_heartbeat: Callable[[NodeState, ServerId], None] = replication.start_heartbeat
    answer_append_entries: Callable[[NodeState, AppendEntries], AppendEntriesReply] = replication.answer_append_entries
    absorb_append_entries_reply: Callable[[NodeState, AppendEntriesReply], None] = replication.absorb_append_entries_reply
    advance_commit_index: Callable[[NodeState], None] = replication.advance_commit_index
