"""A story grows shorter only while it tells the same, and tells it against the rules that are hunted."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config, Rules, Scenario
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting.hunt import found_in, ignore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.mutants.grounds import GROUNDS
from raftcore.hunting.shrink import Shrinking, shrink
from raftcore.hunting.story import Story, live, tell
from raftcore.server import Server
from raftcore.storage.records import Recovered
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.actions import Crash, Submit, TakeSnapshot, TimeOut
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.messages import ClientReply, ClientRequest, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import Index, Reason


def vote_for_nobody(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return election.refuse(me, Reason.ALREADY_VOTED)


class ReadOnce(WriteAheadLog):
    """It trusts nothing that it wrote itself."""

    def recover(self) -> Recovered:
        recovered = super().recover()
        if recovered.hard_state.current_term:
            raise CorruptLogError("there is a term in it")
        return recovered


class StartsOnce(Server):
    wal_type = ReadOnce


NOBODY = Rules(answer_request_vote=vote_for_nobody)


def story_of(scenario: Scenario, rules: Rules | Rulebook) -> Story:
    """Why this never converges."""
    story = tell(scenario, rules, "Convergence", 2_000)
    assert story
    return story


def test_a_cluster_that_never_agrees_is_told_of_by_what_it_lacks() -> None:
    assert story_of(Scenario(size=3, seed=1), NOBODY).kinds == ("no leader",)
    crash = Scenario(size=3, seed=1, actions=(Crash(1_000, "S1"),))
    assert story_of(crash, Rulebook(server=StartsOnce)).kinds == ("down",)


def test_of_two_bugs_that_keep_a_cluster_from_agreeing_the_one_that_was_found_is_shown() -> None:
    """Nobody can win an election, and that would need no action at all; found was a server that does not start again."""
    book = Rulebook(everywhere=NOBODY, server=StartsOnce)
    actions = (Submit(100, "C1", Set("x", "1"), None), Crash(1_000, "S1"), Submit(1_100, "C1", Set("x", "2"), None))
    story = story_of(Scenario(size=3, seed=1, actions=actions), book)
    found = found_in(1, story, book)
    assert found.scenario.actions[0] == Crash(1_000, "S1")
    assert "S1 does not start: " in found.violation.sentence
    names: dict[str, Callable[[], None]] = {}
    exec(found.as_test(), names)
    with pytest.raises(AssertionError):
        names["test_the_run_with_seed_1"]()


def read_at_once(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    me.reads.append(ask)
    return None


def test_what_clients_saw_is_judged_also_where_the_servers_never_agree() -> None:
    """An old value is read from a leader that was cut off, and another server does not start again."""
    book = Rulebook(everywhere=Rules(answer_read=read_at_once), server=StartsOnce)
    cluster = Cluster(5, 1, Config(check_quorum=False), book)
    cluster.run_until(lambda view: view.leader)
    old = cluster.leader or ""
    cluster.client("C1").set("x", "1")
    cluster.isolate(old)
    cluster.run_until(lambda view: view.leader not in (None, old))
    cluster.submit("C2", "SET x 2", through=cluster.leader)
    cluster.run_until(lambda view: "C2" not in view.pending)
    cluster.submit("C3", "GET x", through=old)
    cluster.run_for(100)
    cluster.crash(next(name for name in cluster.server_ids if name not in (old, cluster.leader)))
    for wanted in ("Convergence", "Linearizability"):
        story = tell(cluster.scenario, book, wanted, cluster.now_ms)
        assert story
        assert story.violation.property == wanted


HASTY = Config(election_timeout_ms=(60, 70), delay_ms=(100, 100))
"""Followers wait less long than an election takes: Raft promises no leader (§5.6)."""


def test_no_story_shrinks_to_one_in_which_raft_itself_does_not_converge() -> None:
    scenario = Scenario(size=3, seed=1, config=replace(HASTY, election_timeout_ms=(1_000, 2_000)))
    shrinking = Shrinking(story_of(scenario, NOBODY), NOBODY, ignore)
    assert story_of(replace(scenario, config=HASTY), NOBODY).mark == shrinking.story.mark
    assert not shrinking.try_it(replace(scenario, config=HASTY))
    assert shrinking.try_it(replace(scenario, config=Config()))


def test_what_raft_itself_does_wrong_is_shrunk_too() -> None:
    story = story_of(Scenario(size=3, seed=1, config=HASTY, actions=(Crash(1_000, "S1"),)), Rules())
    assert found_in(1, story, Rulebook()).scenario.actions == ()
    story = story_of(story.scenario, NOBODY)
    assert found_in(1, story, Rulebook(everywhere=NOBODY)).scenario.actions == ()


def test_no_action_can_be_left_out_of_a_story_that_has_become_plainer() -> None:
    """What a plainer configuration does without is taken away too."""
    (cuts,) = (mutant for mutant in MUTANTS if mutant.number == "5")
    grounds = GROUNDS["5"]
    long = live(0, cuts.rules, grounds.faults, cuts.property, grounds.size, grounds.config).story
    assert long
    shrinking = Shrinking(shrink(long, cuts.rules, ignore), cuts.rules, ignore)
    actions = shrinking.story.scenario.actions
    assert actions
    for place in range(len(actions)):
        assert not shrinking.try_it(replace(shrinking.story.scenario, actions=actions[:place] + actions[place + 1 :]))


def test_where_a_rule_fails_as_it_did_not_in_the_story_the_story_is_not_told() -> None:
    def say_yes(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        return True  # type: ignore[return-value]

    assert tell(Scenario(size=3, seed=1), Rules(answer_request_vote=say_yes), "Vote Once", 1_000) is None


# ---- a calm world


def one_term_only(me: NodeState) -> None:
    if me.current_term > 1:
        raise ValueError("one term is enough")
    election.start_reign(me)


@pytest.mark.parametrize("pre_vote", [False, True])
def test_in_a_calm_world_timers_run_out_by_hand_that_ran_out_by_themselves(pre_vote: bool) -> None:
    rules = Rules(start_reign=one_term_only)
    cluster = Cluster(3, 1, Config(pre_vote=pre_vote))
    cluster.run_for(1_000)
    cluster.crash(cluster.leader or "S1")
    story = tell(cluster.scenario, rules, "ValueError in one_term_only", 5_000)
    assert story
    shrinking = Shrinking(story, rules, ignore)
    shrinking.calm_down()
    calm = shrinking.story
    assert calm.mark == story.mark
    assert calm.ran_out == ()
    assert [action for action in calm.scenario.actions if isinstance(action, TimeOut)] == [*story.ran_out]
    assert calm.violation.at_ms == story.violation.at_ms


def no_even_snapshot(me: NodeState, index: Index, data: bytes) -> None:
    if sum(isinstance(entry.command, Set) for entry in me.log.after(0, 100)) % 2 == 0:
        raise ValueError("that is even")


def test_two_actions_that_only_together_can_be_missed_are_taken_away() -> None:
    rules = Rules(take_snapshot=no_even_snapshot)
    commands = Submit(1_000, "C1", Set("x", "1"), None), Submit(1_200, "C2", Set("y", "2"), None)
    three = Scenario(size=1, seed=1, actions=(*commands, TakeSnapshot(2_000, "S1")))
    story = tell(three, rules, "ValueError in no_even_snapshot", 3_000)
    assert story
    assert [type(action) for action in shrink(story, rules, ignore).scenario.actions] == [TakeSnapshot]
