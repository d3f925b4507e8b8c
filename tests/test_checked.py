"""A rule that returns the wrong kind of thing is named, wherever a student meets it first."""

import pytest

from raftcore import Cluster, Config, Rules
from raftcore.cluster.rulebook import RAFT
from raftcore.consensus.checked import checked
from raftcore.consensus.state import NodeState
from raftcore.hunting.explore import explore
from raftcore.hunting.small_world import World
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.errors import ConfigError, ControlError, RuleError
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply

MISTAKES = {
    "a reply is forgotten": (
        Rules(answer_request_vote=lambda _me, _ask: None),
        r"the rule answer_request_vote \(<lambda>\) returned None; it must return a RequestVoteReply",
    ),
    "an index instead of a deed": (
        Rules(advance_commit_index=lambda me: me.log.last_index),
        "the rule advance_commit_index .* returned 1; it must return nothing: what it decides belongs into the state",
    ),
    "the fields of a reply in the wrong order": (
        Rules(answer_request_vote=lambda me, _ask: RequestVoteReply(me.id, me.current_term, True)),  # type: ignore[arg-type]
        r"the rule answer_request_vote .* returned RequestVoteReply\(term='S.', .*; its term is 'S.', and must be an int",
    ),
    "a message with such fields": (
        Rules(start_election=lambda me: me.become_candidate() or me.send("S2", RequestVote(me.id, me.current_term, 0, 0))),
        r"the rule start_election .* has led to RequestVote\(term='S.', .*; its term is 'S.', and must be an int",
    ),
    "the request in place of the candidate": (
        Rules(answer_request_vote=lambda me, ask: setattr(me, "voted_for", ask) or RequestVoteReply(me.current_term, me.id, True)),
        r"the rule answer_request_vote .* wrote me.voted_for = RequestVote\(.*; it must be a str or None",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_cluster_names_the_rule_that_returned_the_wrong_thing(name: str) -> None:
    rules, sentence = MISTAKES[name]
    with pytest.raises(RuleError, match=sentence):
        Cluster(size=3, rules=rules).run_for(3_000)


@pytest.mark.parametrize("name", MISTAKES)
def test_an_exploration_names_it_too(name: str) -> None:
    rules, sentence = MISTAKES[name]
    with pytest.raises(RuleError, match=sentence):
        explore(World(rules=rules, terms=1))


def test_some_rules_may_answer_or_not() -> None:
    me = NodeState("S1", Configuration(("S1",)), Config(), lambda: 0.0, HardState())
    with pytest.raises(RuleError, match="must return a ClientReply or None"):
        checked(Rules(answer_client_request=lambda _me, _ask: "ok")).answer_client_request(me, None)  # type: ignore[arg-type]


def test_raft_itself_goes_unwatched() -> None:
    assert checked(RAFT) is RAFT
    half = checked(Rules(answer_read=lambda _me, _ask: None))
    assert half.answer_request_vote is RAFT.answer_request_vote
    assert half.answer_read is not RAFT.answer_read


def test_what_is_no_function_is_no_rule() -> None:
    with pytest.raises(ConfigError, match=r"answer_request_vote=42 is no rule; give a function: Rules\(answer_request_vote=mine\)"):
        Rules(answer_request_vote=42)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name, rule, sentence",
    [
        (
            "answer_request_vote",
            lambda me: me,
            r"answer_request_vote is given \(NodeState, RequestVote\), and <lambda>\(me\) can't take that",
        ),
        ("guards_leader", lambda me: me, r"the rule guards_leader is given \(NodeState, a message\), and <lambda>\(me\) can't take that"),
        ("start_election", lambda me, term: (me, term), r"is given \(NodeState\), and <lambda>\(me, term\) can't take that"),
    ],
)
def test_a_function_that_takes_something_else_is_no_rule(name: str, rule: object, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Rules(**{name: rule})  # type: ignore[arg-type]


def test_what_a_rule_raises_says_which_rule_it_was() -> None:
    def divide(_me: object, _ask: object) -> float:
        return 1 / 0

    with pytest.raises(RuleError) as caught:
        Cluster(size=3, rules=Rules(answer_request_vote=divide)).run_for(3_000)  # type: ignore[arg-type]
    assert str(caught.value).startswith("the rule answer_request_vote (divide) raised ZeroDivisionError: division by zero (line ")


def test_what_a_rule_leaves_in_the_state_that_cannot_be_told_says_which_rule_it_was() -> None:
    def count_grants(me: NodeState) -> None:
        me.become_candidate()
        me.votes = 1  # type: ignore[assignment]

    with pytest.raises(RuleError) as caught:
        Cluster(size=3, rules=Rules(start_election=count_grants)).run_for(3_000)
    assert "the rule start_election (count_grants) wrote me.votes = 1; it must be a set of str" in str(caught.value)


def test_a_rule_that_raises_what_refusals_raise_is_no_refusal() -> None:
    """Else what was done, and has changed a server, would be missing in what repeats the run."""

    def refuse(me: NodeState) -> None:
        me.become_candidate()
        raise ControlError("not today")

    cluster = Cluster(3, rules=Rules(start_election=refuse), config=Config(pre_vote=False))
    with pytest.raises(RuleError, match=r"the rule start_election \(.*refuse\) raised ControlError: not today"):
        cluster.time_out("S1")
    assert [type(action) for action in cluster.scenario.actions] == [TimeOut]
