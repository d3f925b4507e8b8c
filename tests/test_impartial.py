"""Whether servers are alike is looked at: what reads a name is seen, and then no server is taken for another."""

import pytest
from msgspec.structs import replace

from raftcore import Rules
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election, replication
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.state import NodeState
from raftcore.hunting.explore import explore
from raftcore.hunting.impartial import ImpartialMinds, NamesMatter
from raftcore.hunting.shapes import Shapes
from raftcore.hunting.small_world import World
from raftcore.server import Server
from raftcore.vocabulary.events import Committed
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import Reason

SMALL = World(terms=1, commands=1)


@pytest.mark.parametrize("name", SMALL.server_ids)
def test_a_bug_of_one_server_is_found_whatever_its_name_is(name: str) -> None:
    def commit_alone(me: NodeState) -> None:
        if me.id == name:
            me.commit_to(me.saved_index)
        else:
            replication.advance_commit_index(me)

    explored = explore(replace(SMALL, rules=Rules(advance_commit_index=commit_alone)))
    assert explored.violation
    assert explored.violation.property == "Committed Is Durable"
    assert explored.violation.servers == (name,)
    assert len(explored.path) == 3
    assert explored.walk().violation == explored.violation
    assert "does not do about" in explored.names_matter
    assert f"Names matter: {explored.names_matter}." in str(explored)


def test_a_rule_that_prefers_a_name_may_be_right_and_then_all_states_are_seen() -> None:
    def prefer_later_names(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        return election.answer_request_vote(me, ask) if ask.candidate_id > me.id else election.refuse(me, Reason.LOG_BEHIND)

    explored = explore(replace(SMALL, commands=0, rules=Rules(answer_request_vote=prefer_later_names)))
    assert explored.passed
    assert explored.names_matter.startswith("S1 does not do about RequestVote(term 1, last entry 0 of term 0) from S2 what S2 does about")


@pytest.mark.parametrize("slow_disks", [False, True])
def test_servers_with_the_same_rules_are_alike(slow_disks: bool) -> None:
    explored = explore(replace(SMALL, commands=0, heartbeats=1, crashes=1, slow_disks=slow_disks), limit=5_000)
    assert explored.names_matter == ""
    assert "Names matter" not in str(explored)


class EarlyRiser(Server):
    """A server that begins in another term, where it is called so."""

    def start(self) -> None:
        self.node.state.current_term = 1 if self.id == "S3" else 0
        super().start()


def deny(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
    """In its state there is nothing to see of it."""
    reply = replication.answer_append_entries(me, ask)
    return replace(reply, success=reply.success and me.id != "S3")


def say_it_twice(me: NodeState) -> None:
    """What it commits is in its state, and one server says so once more than the others."""
    committed = me.commit_index
    replication.advance_commit_index(me)
    if me.id == "S3" and me.commit_index > committed:
        me.say(Committed(me.now_ms, me.id, me.commit_index))


@pytest.mark.parametrize(
    "rules, about",
    [
        (Rulebook(server=EarlyRiser), "its first start"),
        (Rules(answer_append_entries=deny), "AppendEntries("),
        (Rules(advance_commit_index=say_it_twice), "AppendEntriesReply("),
    ],
    ids=["in a mind", "in a packet", "in what is told"],
)
def test_it_is_seen_wherever_names_matter(rules: Rules | Rulebook, about: str) -> None:
    assert f"does about {about}" in explore(replace(SMALL, rules=rules)).names_matter


def test_what_several_swaps_lead_to_is_asked_too() -> None:
    """From S2, which hears of S1, to S1, which hears of S3, no single swap leads."""

    def refuse_one(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        if (me.id, ask.candidate_id) == ("S1", "S3"):
            return election.refuse(me, Reason.LOG_BEHIND)
        return election.answer_request_vote(me, ask)

    minds = ImpartialMinds(World(rules=Rules(answer_request_vote=refuse_one)), Shapes())
    ask = minds.outcome(minds.births[0].mind, DeadlineReached()).sends[0]
    with pytest.raises(NamesMatter, match=r"^S1 does not do about .* from S3 what S1 does about .* from S2 in its place$"):
        minds.hearing(minds.births[1].mind, ask)
