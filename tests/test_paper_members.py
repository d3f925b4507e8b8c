"""Learners, newcomers and those who leave, in the sentences of §6 and of the thesis's chapter 4."""

from plays import reign_of_s1
from test_paper_membership import NO_GUARD, objection, outcomes, three_of

from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.membership import MAX_ROUNDS, PATIENCE
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import FOLLOWER, Reason
from raftcore.vocabulary.scenario import Config

# ---- learners


def test_a_learner_counts_neither_for_commitment_nor_for_elections() -> None:
    """Thesis 4.2.1."""
    play = reign_of_s1(5, NO_GUARD, Configuration(("S1", "S2", "S3"), learners=("S4", "S5")))
    play.propose("S1", "new", heard_by="S4 S5")
    assert play.state("S4").log.last_index == play.state("S5").log.last_index == 2
    assert play.commit("S1") == 1
    play.restart("S1")
    play.stand("S1", heard_by="S4 S5")

    assert not play.leads("S1")


def test_a_learner_never_stands() -> None:
    """Thesis 4.2.1."""
    play = reign_of_s1(4, NO_GUARD, Configuration(("S1", "S2", "S3"), learners=("S4",)))
    for _ in range(3):
        play.step("S4", DeadlineReached())

    assert (play.state("S4").role, play.state("S4").current_term, play.take_mail()) == (FOLLOWER, 1, [])
    assert play.state("S4").deadline_ms > play.now_ms


def test_a_learner_that_is_asked_for_its_vote_answers() -> None:
    """§6: the one who asks may know of a later configuration, in which it votes."""
    play = reign_of_s1(4, NO_GUARD, Configuration(("S1", "S2", "S3"), learners=("S4",)))

    assert play.tell("S4", RequestVote(2, "S2", 1, 1)) == RequestVoteReply(2, "S4", vote_granted=True)


def test_who_belongs_to_nothing_takes_entries_and_votes_all_the_same() -> None:
    """§6: servers accept RPCs from whoever is not in their configuration."""
    play = three_of(4)
    play.step("S4", AppendEntries(1, "S1", 0, 0, (Entry(1),), 1))

    assert play.commit("S4") == 1
    assert play.state("S4").leader_id == "S1"


# ---- newcomers


def test_while_a_newcomer_learns_the_cluster_commits_without_it() -> None:
    """Thesis 4.2.1: to add a server must not cost availability."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")
    for number in range(5):
        play.propose("S1", str(number), heard_by="S2")

    assert play.commit("S1") == play.state("S1").log.last_index
    assert play.voters("S1") == "S1 S2 S3"


def test_a_round_must_be_learned_within_a_timeout_or_another_begins() -> None:
    """Thesis 4.2.1: else the newcomer is too slow, and the cluster would wait for it."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")
    for _ in range(4):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3 S4")
    assert play.state("S1").progress["S4"].match_index == play.state("S1").log.last_index
    assert play.voters("S1") == "S1 S2 S3", "S4 took more than 300 ms"
    play.heartbeat("S1", heard_by="S2 S3 S4")

    assert play.voters("S1") == "S1 S2 S3 S4", "there was nothing to learn in the second round, and so it was quick"


def test_a_newcomer_that_is_down_is_waited_for_only_so_long() -> None:
    """Thesis 4.2.1: then the leader gives up and says so, and all goes on as before."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")
    for _ in range(PATIENCE * 3 + 1):
        assert outcomes(play) == []
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S2 S3")

    assert "did not catch up" in outcomes(play)[0]
    assert play.voters("S1") == "S1 S2 S3"
    assert play.state("S1").configuration.learners == ("S4",)
    assert objection(play, "S1 S2 S3 S4") == ""


def test_a_newcomer_that_stays_too_slow_is_given_up_after_ten_rounds() -> None:
    """Thesis 4.2.1."""
    play = three_of(4)
    play.change("S1", "S1 S2 S3 S4", heard_by="S2 S3")
    for number in range(MAX_ROUNDS):
        assert outcomes(play) == []
        for _ in range(4):  # more than a timeout for each round
            play.pass_ms(100)
            play.heartbeat("S1", heard_by="S2 S3")
        learned = play.state("S1").log.last_index
        play.propose("S1", str(number), heard_by="S2 S3")  # so that there is more to learn in the next round
        play.step("S1", AppendEntriesReply(1, "S4", True, learned))

    assert "did not catch up" in outcomes(play)[0]
    assert play.voters("S1") == "S1 S2 S3"


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


def test_a_voter_that_becomes_a_learner_counts_no_more() -> None:
    """Thesis 4.2.1."""
    play = three_of(3)
    play.change("S1", "S1 S2", learners="S3", heard_by="S2 S3")
    at = play.commit("S1")
    play.propose("S1", "new", heard_by="S3")
    assert play.commit("S1") == at
    play.heartbeat("S1", heard_by="S2")

    assert play.commit("S1") == at + 1


def test_learners_answers_do_not_keep_a_leader_in_office() -> None:
    """Thesis 6.2 with 4.2.1."""
    play = reign_of_s1(5, configuration=Configuration(("S1", "S2", "S3"), learners=("S4", "S5")))
    for _ in range(3):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S4 S5")

    assert play.state("S1").role is FOLLOWER
