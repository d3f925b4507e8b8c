"""The paper and the thesis on changes of the cluster's membership (§6, thesis ch. 4), as tests: a sentence each."""

import pytest
from plays import CAREFUL, FOUNDERS, NO_GUARD, THE_RULES, Play, objection, outcomes, reign_of_s1, three_of

from raftcore.consensus.door import ChangeWanted, DeadlineReached
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntriesReply, Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import FOLLOWER, Reason

JOINT = Configuration(("S1", "S2", "S3"), ("S3", "S4", "S5"))


def configurations(play: Play, name: str = "S1") -> list[Configuration]:
    """The configurations in a server's log, in order."""
    return [entry.command for entry in play.state(name).log.entries if isinstance(entry.command, Configuration)]


def win(play: Play, name: str, heard_by: str) -> bool:
    """Whether a server wins, in as many tries as it takes to bring a term that is new to all."""
    for _ in range(5):
        if not play.leads(name):
            play.stand(name, heard_by)
    return play.leads(name)


# ---- a configuration holds from the moment it stands in the log


def test_a_server_goes_by_the_latest_configuration_in_its_log_committed_or_not() -> None:
    """§6, thesis 4.1."""
    play = three_of(3)
    play.change("S1", "S1 S2", heard_by="")
    assert (play.voters("S1"), play.voters("S2"), play.commit("S1")) == ("S1 S2", "S1 S2 S3", 1)
    play.heartbeat("S1", heard_by="S3")
    play.heartbeat("S1", heard_by="S3")

    assert play.voters("S3") == "S1 S2"
    assert play.commit("S1") == 1, "S3 votes no more"


def test_a_configuration_goes_with_the_entry_that_a_new_leader_removes() -> None:
    """§6, thesis 4.1: and the one before holds again."""
    play = three_of(3, NO_GUARD)
    play.change("S1", "S1 S2", heard_by="S3")
    assert play.voters("S3") == "S1 S2"
    assert win(play, "S2", "S3") is False, "S3 knows a later entry"
    play.restart("S1")
    play.disks["S3"] = play.disks["S3"][0], play.disks["S3"][1][:1]  # as if S3 had not heard of it
    play.restart("S3")
    assert win(play, "S2", "S3")
    play.heartbeat("S2", heard_by="S1 S3")

    assert play.voters("S1") == play.voters("S3") == "S1 S2 S3"
    play.restart("S1")
    assert play.voters("S1") == "S1 S2 S3"


def test_a_configuration_survives_a_crash() -> None:
    """§6: it is an entry as any other."""
    play = three_of(3)
    play.change("S1", "S1 S2", heard_by="S2")
    for name in ("S1", "S2"):
        play.restart(name)
        assert play.voters(name) == "S1 S2"


# ---- one voter at a time


@pytest.mark.parametrize("wanted", ["S1 S2", "S1 S3", "S2 S3"])
def test_one_voter_goes_in_one_step(wanted: str) -> None:
    """Thesis 4.1: any majority of the old overlaps any of the new."""
    play = three_of(3)
    play.change("S1", wanted, heard_by="S2 S3")

    assert configurations(play) == [Configuration(tuple(wanted.split()))]
    assert outcomes(play) == [""]


def test_one_voter_comes_in_one_step_once_it_has_learned_the_log() -> None:
    """Thesis 4.1 and 4.2.1."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")
    assert configurations(play) == [Configuration(FOUNDERS.voters, learners=("S4",))]
    play.heartbeat("S1", heard_by="S2 S3 S4")

    assert configurations(play)[1:] == [Configuration(("S1", "S2", "S3", "S4"))]
    assert play.applied["S4"][0] == play.applied["S1"][0]
    play.heartbeat("S1", heard_by=play.all)
    assert {play.voters(name) for name in play.members} == {"S1 S2 S3 S4"}
    assert outcomes(play) == [""]


@pytest.mark.parametrize("wanted", ["S1 S4 S5", "S1", "S3 S4", "S2 S3 S4", "S1 S2 S3 S4 S5"])
def test_any_other_change_goes_through_a_joint_configuration(wanted: str) -> None:
    """§6, thesis 4.3."""
    play = three_of(5)
    play.change("S1", wanted, heard_by=play.all)
    play.heartbeat("S1", heard_by=play.all)
    play.heartbeat("S1", heard_by=play.all)

    new = tuple(wanted.split())
    joint, last = configurations(play)[-2:]
    assert joint == Configuration(FOUNDERS.voters, new)
    assert last == Configuration(new)
    assert play.commit("S1") == play.state("S1").log.last_index
    assert outcomes(play) == [""]


@pytest.mark.parametrize(
    "heard_by, commits",
    [("S2 S3", False), ("S4 S5", False), ("S2 S4", False), ("S3", False), ("S2 S3 S4", True), ("S2 S4 S5", True), ("S3 S4", True)],
)
def test_what_is_joint_needs_a_majority_of_both(heard_by: str, commits: bool) -> None:
    """§6: for commitment (S1 has its own copy)."""
    play = Play(5, THE_RULES, configuration=JOINT)
    play.stand("S1")
    for voter in ("S2", "S3", "S4", "S5"):
        play.step("S1", RequestVoteReply(1, voter, vote_granted=True))
    play.heartbeat("S1", heard_by="")
    assert play.commit("S1") == 0
    play.heartbeat("S1", heard_by=heard_by)

    assert (play.commit("S1") > 0) is commits


@pytest.mark.parametrize("granting, wins", [("S2 S3", False), ("S4 S5", False), ("S2 S4", False), ("S2 S4 S5", True), ("S3 S4", True)])
def test_a_candidate_needs_both_majorities_while_it_is_joint(granting: str, wins: bool) -> None:
    """§6: for elections (S1 votes for itself)."""
    play = Play(5, THE_RULES, configuration=JOINT)
    play.stand("S1")
    for voter in granting.split():
        play.step("S1", RequestVoteReply(1, voter, vote_granted=True))

    assert play.leads("S1") is wins


def to_the_joint(config: Config = CAREFUL) -> Play:
    """S1 changes S1 S2 S3 to S3 S4 S5; the joint configuration stands at S1, S4 and S5: a majority of the new alone."""
    play = three_of(5, config)
    play.change("S1", "S3 S4 S5", heard_by="S2")
    play.heartbeat("S1", heard_by="S4 S5")
    assert [play.voters(name) for name in ("S1", "S4", "S2")] == ["S1 S2 S3 | S3 S4 S5", "S1 S2 S3 | S3 S4 S5", "S1 S2 S3"]
    return play


def test_the_new_majority_alone_decides_nothing_before_the_joint_configuration_is_committed() -> None:
    """§6: C_new is not created until C_old,new is committed."""
    play = to_the_joint()
    play.heartbeat("S1", heard_by="S4 S5")
    assert play.commit("S1") < play.state("S1").log.configuration_index
    assert configurations(play)[-1] == JOINT
    play.heartbeat("S1", heard_by="S2")

    assert configurations(play)[-1] == Configuration(JOINT.next_voters)


def test_a_new_leader_brings_a_joint_configuration_to_its_end() -> None:
    """§6: if the leader crashes, whoever follows it knows of the joint one, or it was not committed."""
    play = to_the_joint(NO_GUARD)
    play.restart("S1")
    assert win(play, "S4", "S2 S3 S5")
    for _ in range(3):
        play.heartbeat("S4", heard_by="S2 S3 S5")

    assert {play.voters(name) for name in ("S3", "S4", "S5")} == {"S3 S4 S5"}
    assert play.commit("S4") == play.state("S4").log.last_index


def test_a_voter_that_is_to_learn_only_votes_until_the_joint_phase_ends() -> None:
    """§6, thesis 4.3: etcd's raft keeps such voters apart from the learners, too."""
    play = three_of(4)
    play.change("S1", "S1 S3 S4", learners="S2", heard_by="S4")  # S4 learns first
    play.heartbeat("S1", heard_by="S2 S4")
    phase = Configuration(("S1", "S2", "S3"), ("S1", "S3", "S4"), learners_next=("S2",))

    assert phase in configurations(play)
    assert "S2" not in phase.learners
    for _ in range(3):
        play.heartbeat("S1", heard_by=play.all)
    assert play.state("S1").configuration == Configuration(("S1", "S3", "S4"), learners=("S2",))
    assert outcomes(play) == [""]


def test_a_new_leader_that_ends_the_joint_phase_makes_learners_of_those_who_are_to_be() -> None:
    """§6."""
    phase = Configuration(("S1", "S2", "S3"), ("S1", "S3"), learners=("S4",), learners_next=("S2",))
    play = Play(4, THE_RULES, config=CAREFUL, configuration=phase)
    play.pass_ms(300)
    play.elect("S1", heard_by=play.all)
    for _ in range(3):
        play.heartbeat("S1", heard_by=play.all)

    assert play.state("S1").configuration == Configuration(("S1", "S3"), learners=("S2", "S4"))


def test_where_the_joint_configuration_is_lost_the_old_one_goes_on() -> None:
    """§6: C_old alone could elect without it, so it was not committed; who has it goes back with its log."""
    play = to_the_joint(NO_GUARD)
    assert win(play, "S2", "S3")
    play.propose("S2", "new", heard_by="S1 S3")
    play.heartbeat("S2", heard_by="S1 S3 S4 S5")

    assert [play.voters(name) for name in ("S1", "S2", "S3")] == ["S1 S2 S3"] * 3
    assert JOINT not in [*configurations(play, "S4"), *configurations(play, "S1")]


# ---- when a change may begin


def test_no_second_change_begins_while_one_is_pending() -> None:
    """Thesis 4.1."""
    play = three_of(4)
    play.change("S1", "S1 S2")
    assert "another change" in objection(play, "S1 S3")
    play.step("S1", ChangeWanted(Configuration(("S1", "S3"))))
    assert play.voters("S1") == "S1 S2"
    play.heartbeat("S1", heard_by="S2")
    play.heartbeat("S1", heard_by="S2")

    assert objection(play, "S1 S2 S4") == ""


def test_a_new_leader_that_ends_what_was_joint_begins_nothing_else_meanwhile() -> None:
    """§6: it was not asked for the change, and yet one is pending."""
    play = Play(5, THE_RULES, configuration=JOINT)
    play.stand("S1")
    for voter in ("S3", "S4"):
        play.step("S1", RequestVoteReply(1, voter, vote_granted=True))
    for name in ("S3", "S4"):
        play.step("S1", AppendEntriesReply(1, name, True, 1))
    assert (play.commit("S1"), play.voters("S1")) == (1, "S3 S4 S5")

    assert "another change" in objection(play, "S3 S4")


def test_no_second_change_begins_while_newcomers_learn() -> None:
    """Thesis 4.2.1."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")

    assert play.state("S1").log.configuration_index == play.commit("S1")
    assert "another change" in objection(play, "S1 S2")


def test_no_change_begins_before_an_entry_of_the_leaders_own_term_is_committed() -> None:
    """The correction of 2015 to thesis 4.1: or two leaders' changes could each have a majority of their own."""
    play = Play(4, THE_RULES, logs=dict.fromkeys(("S1", "S2", "S3", "S4"), "1"), term=1)
    play.stand("S1", heard_by="")
    for voter in ("S2", "S3"):
        play.step("S1", RequestVoteReply(2, voter, vote_granted=True))
    assert play.leads("S1")
    assert "its own term" in objection(play, "S1 S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")

    assert objection(play, "S1 S2 S3") == ""


def test_two_leaders_never_change_the_membership_side_by_side() -> None:
    """The play of raft-dev, 2015: S1 adds S5 unseen, S2 removes S1 in the next term, S1 returns with S5's help."""
    play = reign_of_s1(5, NO_GUARD, Configuration(("S1", "S2", "S3", "S4")))
    play.disks["S1"] = play.disks["S1"][0], [*play.disks["S1"][1], Entry(1, Configuration(("S1", "S2", "S3", "S4", "S5")))]
    play.restart("S1")
    assert win(play, "S2", "S3 S4")
    play.change("S2", "S2 S3 S4", heard_by="S3")
    assert play.commit("S2") == 3, "of the three that stay, two have it"
    assert not win(play, "S1", "S4 S5"), "S4 knows S2's no-op, and so S1's log is behind"


@pytest.mark.parametrize(
    "voters, learners, why",
    [("", "", "without voters"), ("S1 S2", "S2", "at once"), ("S1 S2 S3", "", "already")],
)
def test_a_change_that_makes_no_sense_is_refused_with_a_sentence(voters: str, learners: str, why: str) -> None:
    """§6."""
    assert why in objection(three_of(3), voters, learners)


def test_only_a_leader_can_change_the_membership() -> None:
    """§6."""
    play = three_of(3)
    play.step("S2", ChangeWanted(Configuration(("S1", "S2"))))

    assert play.voters("S2") == "S1 S2 S3"
    assert play.state("S2").log.last_index == 1


# ---- to leave


def test_a_leader_that_is_removed_leads_until_that_is_committed_and_does_not_count_itself() -> None:
    """§6, thesis 4.2.2."""
    play = three_of(3)
    play.change("S1", "S2 S3", heard_by="S2")
    assert play.leads("S1")
    assert play.commit("S1") == 1, "S2 is one of two; S1's own copy is none"
    play.heartbeat("S1", heard_by="S2 S3")

    assert play.commit("S1") == 2
    play.heartbeat("S1", heard_by="S2 S3")
    assert play.state("S1").role is FOLLOWER
    assert play.state("S1").current_term == 1
    assert play.commit("S2") == play.commit("S3") == 2, "the others heard of it before it went"


def test_a_leader_that_was_removed_never_stands_again() -> None:
    """§6."""
    play = three_of(3)
    play.change("S1", "S2 S3", heard_by="S2 S3")
    play.pass_ms(300)
    play.stand("S1", heard_by="S2 S3")
    assert play.state("S1").role is FOLLOWER
    play.elect("S2", heard_by="S3")
    play.heartbeat("S2", heard_by="S3")

    assert play.commit("S2") == 3


def test_who_was_removed_learns_it_with_a_last_heartbeat_and_is_left_alone() -> None:
    """§6, thesis 4.2.3: so it need not campaign."""
    play = three_of(3)
    play.change("S1", "S1 S2", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")
    assert (play.voters("S3"), play.commit("S3")) == ("S1 S2", 2)
    play.step("S1", DeadlineReached())

    assert play.take_mail("S3") == []
    assert "S3" not in play.state("S1").progress


def test_who_was_removed_and_does_not_know_disturbs_nobody() -> None:
    """§6's third issue, thesis 4.2.3: servers that hear a leader disregard its RequestVote, though its term is later."""
    play = three_of(3, Config(snapshot_every=0, pre_vote=False))
    play.change("S1", "S1 S2", heard_by="S2")
    for _ in range(5):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2")
        play.stand("S3", heard_by="S1 S2")

    assert play.leads("S1")
    assert play.state("S1").current_term == play.state("S2").current_term == 1
    assert play.state("S3").current_term == 6
    answer = play.tell("S2", RequestVote(7, "S3", 9, 9))
    assert answer == RequestVoteReply(1, "S2", vote_granted=False, reason=Reason.LEADER_HEARD)


def test_who_left_can_come_back() -> None:
    """§6."""
    play = three_of(3)
    play.change("S1", "S1 S2", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")
    play.propose("S1", "while S3 was away", heard_by="S2")
    play.change("S1", "S1 S2 S3", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")

    assert play.voters("S3") == "S1 S2 S3"
    assert play.commit("S3") == play.commit("S1") == play.state("S1").log.last_index
