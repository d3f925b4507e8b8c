"""The thesis on servers that learn before they vote (4.2.1), as tests: a sentence each."""

from plays import NO_GUARD, objection, outcomes, reign_of_s1, three_of

from raftcore import Cluster
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.membership import MAX_ROUNDS, PATIENCE
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import FOLLOWER

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


def test_a_newcomers_snapshot_from_before_its_first_configuration_says_who_votes() -> None:
    """§7: a snapshot includes the latest configuration up to its last entry, also where that is the one the cluster began with."""
    play = reign_of_s1(4, configuration=Configuration(("S1", "S2", "S3")))
    play.step("S4", AppendEntries(1, "S1", 0, 0, tuple(play.state("S1").log.entries), 1))
    play.take_mail()
    play.compact("S4")
    snapshot = play.snapshots["S4"]
    assert snapshot
    assert snapshot.configuration == Configuration(("S1", "S2", "S3"))
    play.restart("S4")

    assert play.voters("S4") == "S1 S2 S3"
    assert not play.state("S4").may_stand


def test_a_created_server_that_restarts_from_its_own_snapshot_knows_who_votes() -> None:
    """§7, in a cluster: the configuration it began with stands in no log, and a server that is created later must know it, too."""
    cluster = Cluster(3, 1, Config(snapshot_every=0, max_entries_per_message=4, max_messages_in_flight=1))
    cluster.run_until(lambda view: view.leader)
    for number in range(40):
        cluster.submit("C1", f"SET x {number}")
        cluster.run_for(50)
    cluster.create_server("S4")
    cluster.change_membership(("S1", "S2", "S3"), learners=("S4",))
    cluster.run_until(lambda view: view.servers["S4"].last_applied >= 20)
    assert cluster.view.servers["S4"].configuration_index == 0
    cluster.take_snapshot("S4")
    cluster.run_for(5)
    cluster.crash("S4")
    cluster.isolate("S4")
    cluster.restart("S4")
    view = cluster.view.servers["S4"]
    assert view.log.base_index > 0
    assert view.configuration.voters == ("S1", "S2", "S3")
    assert not cluster.violations
