"""Keeps what Figure 2's box "State" says of an index, "increases monotonically", where a step copied from the figure would lower it.

The steps assume what the box says, and leave it out. Messages may be late, repeated and reordered, so their words alone lower an index:
step 5 of AppendEntries, where an earlier prefix arrives late, and "update nextIndex and matchIndex", where an earlier answer does. Only
a value that is exactly what the words come to is raised again. Whatever else lowers an index stays, and is judged.
"""

from typing import Any

from raftcore.consensus.state import NodeState
from raftcore.consensus.told import Facts
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply
from raftcore.vocabulary.names import Index


def keep_monotonic(me: NodeState, name: str, about: tuple[Any, ...], committed: Index, before: Facts) -> None:
    """Let the indexes rise only, after this rule has followed the words of its step. committed: the commit index before."""
    if name == "answer_append_entries":
        _keep_commit(me, about[0], committed)
    elif name == "absorb_append_entries_reply":
        _keep_match(me, about[0], before)


def _keep_commit(me: NodeState, ask: AppendEntries, committed: Index) -> None:
    """Step 5: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)"."""
    last_new_index = ask.prev_log_index + len(ask.entries)
    if me.commit_index < committed < ask.leader_commit and me.commit_index == min(ask.leader_commit, last_new_index):
        me.commit_index = committed


def _keep_match(me: NodeState, reply: AppendEntriesReply, before: Facts) -> None:
    """Leaders: "If successful: update nextIndex and matchIndex for follower"."""
    progress = me.progress.get(reply.follower_id)
    matched = next((match_index for follower, _, match_index, _ in before.progress if follower == reply.follower_id), 0)
    if progress and reply.success and progress.match_index == reply.match_index < matched:
        progress.match_index = matched
        if progress.next_index == reply.match_index + 1:
            progress.next_index = matched + 1
