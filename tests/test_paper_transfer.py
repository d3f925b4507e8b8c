"""The thesis on handing leadership over (3.10), as tests: a sentence each."""

import pytest
from plays import Play, reign_of_s1

from raftcore.consensus.door import DeadlineReached, TransferWanted
from raftcore.consensus.progress import Transfer
from raftcore.consensus.transfer import why_no_transfer
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import TransferEnded, TransferStarted
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, RequestVote, TimeoutNow
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, Reason


def ends(play: Play) -> list[bool]:
    """How each transfer ended."""
    return [event.done for event in play.told(TransferEnded)]


def let_time_out(play: Play, heard_by: str) -> None:
    """Let the longest election timeout pass, with heartbeats that these servers hear."""
    for _ in range(3):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by)


def test_a_target_that_is_up_to_date_is_told_at_once_and_wins_without_waiting() -> None:
    """3.10, and 4.2.3: the guard of the leader lets an election through that the leader asked for."""
    play = reign_of_s1(5)
    play.transfer("S1", "S3")
    assert play.mail == [("S1", "S3", TimeoutNow(1, "S1", round=2))]
    play.talk(*play.members)

    assert play.leads("S3")
    assert play.state("S3").current_term == 2
    assert play.state("S1").leader_id == "S3"
    assert ends(play) == [True]


def test_a_target_that_lags_gets_what_it_lacks_first() -> None:
    """3.10, step 2."""
    play = reign_of_s1()
    for value in "abc":
        play.propose("S1", value, heard_by="S2")
    play.transfer("S1", "S3")
    assert TimeoutNow not in [type(message) for message in play.take_mail("S3")]
    play.heartbeat("S1", heard_by="S2 S3")

    assert play.leads("S3")
    assert [entry.command for entry in play.state("S3").log.entries[1:4]] == [Set("x", value) for value in "abc"]


def test_commands_are_refused_meanwhile() -> None:
    """3.10, step 1: else the target would never have all."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    answer = play.tell("S1", ClientRequest("C1", 1, Set("x", "1")))

    assert answer == ClientReply("C1", 1, "S1", ok=False, reason=Reason.TRANSFERRING)
    assert play.state("S1").log.last_index == 1


def test_after_an_election_timeout_the_leader_gives_up_and_serves_clients_again() -> None:
    """3.10: the target may be down or cut off."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    play.pass_ms(100)
    play.heartbeat("S1", heard_by="S2")
    play.pass_ms(199)
    play.heartbeat("S1", heard_by="S2")
    assert ends(play) == []
    play.pass_ms(1)
    play.heartbeat("S1", heard_by="S2")

    assert ends(play) == [False]
    assert play.leads("S1")
    play.propose("S1", "new", heard_by="S2")
    assert play.commit("S1") == 2


def test_a_transfer_can_be_asked_for_again_after_it_was_given_up() -> None:
    """3.10."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    assert "already" in why_no_transfer(play.state("S1"), "S3")
    let_time_out(play, heard_by="S2")
    play.transfer("S1", "S2")
    play.talk("S1", "S2", "S3")

    assert play.leads("S2")
    assert ends(play) == [False, True]


def test_a_transfer_to_another_target_takes_the_place_of_the_one_under_way() -> None:
    """3.10; etcd's raft does the same."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    play.take_mail()
    play.pass_ms(290)
    play.transfer("S1", "S2")

    assert play.mail == [("S1", "S2", TimeoutNow(1, "S1", round=2))]
    assert [(event.target, event.done) for event in play.told(TransferEnded)] == [("S3", False)]
    assert play.state("S1").reign.transfer == Transfer("S2", play.now_ms + 300), "it has a whole election timeout again"
    play.talk(*play.members)
    assert play.leads("S2")
    assert ends(play) == [False, True]


def test_a_transfer_to_the_leader_itself_cancels_the_one_under_way_and_it_serves_clients_again() -> None:
    """3.10; etcd's raft does the same."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    (call,) = play.take_mail("S3")
    play.transfer("S1", "S1")
    play.propose("S1", "new", heard_by="S2 S3")

    assert ends(play) == [False]
    assert play.leads("S1")
    assert play.commit("S1") == 2
    play.heartbeat("S1", heard_by="S2 S3")
    play.step("S3", call)
    assert play.state("S3").role is FOLLOWER, "the call was taken back"


def test_the_same_target_again_changes_nothing_and_what_waited_too_long_ends_no_other_transfer() -> None:
    """A wish may wait for the disk while another one is granted."""
    play = reign_of_s1(4, configuration=Configuration(("S1", "S2", "S3"), learners=("S4",)))
    play.transfer("S1", "S3")
    under_way = play.state("S1").reign.transfer
    play.transfer("S1", "S3")
    play.transfer("S1", "S4")

    assert play.state("S1").reign.transfer is under_way
    assert [(event.target, event.done) for event in play.told(TransferEnded)] == [("S4", False)]
    play.transfer("S1", "S1")
    play.transfer("S1", "S1")
    assert [event.target for event in play.told(TransferEnded)] == ["S4", "S3"]


def test_a_later_reign_of_a_server_whose_transfer_was_given_up_takes_in_commands() -> None:
    """3.10: what was begun in a reign ends with it (hashicorp/raft#696)."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    play.take_mail()
    play.pass_ms(300)
    play.elect("S2", heard_by="S1 S3")
    play.pass_ms(300)
    play.elect("S1", heard_by="S2 S3")
    at = play.commit("S1")
    play.propose("S1", "new", heard_by="S2 S3")

    assert play.commit("S1") == at + 1


def test_a_call_to_stand_of_an_earlier_term_is_void() -> None:
    """3.10: it was under way when the leader was deposed."""
    play = reign_of_s1()
    play.tell("S2", AppendEntries(5, "S3", 1, 1, (), 1))
    play.step("S2", TimeoutNow(1, "S1"))

    assert play.state("S2").role is FOLLOWER
    assert play.state("S2").current_term == 5
    assert play.take_mail() == []


def test_a_call_to_stand_is_obeyed_once() -> None:
    """3.10: the leader repeats it, and the network may."""
    play = reign_of_s1()
    play.transfer("S1", "S2")
    (call,) = play.take_mail("S2")
    for _ in range(3):
        play.step("S2", call)

    assert play.state("S2").role is CANDIDATE
    assert play.state("S2").current_term == 2
    asks = [message for message in play.take_mail() if isinstance(message, RequestVote)]
    assert [ask.transferred for ask in asks] == [True, True]


def test_a_call_that_comes_after_the_leader_gave_up_can_take_nothing_back() -> None:
    """3.10 with §5.4.1: a target that heard nothing since stands, and wins only with a log that holds what was committed."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    (call,) = play.take_mail("S3")
    let_time_out(play, heard_by="S2")
    play.propose("S1", "since then", heard_by="S2")
    assert play.commit("S1") == 2
    play.step("S3", call)
    play.talk("S1", "S2", "S3")

    assert not play.leads("S3")
    play.pass_ms(300)
    play.elect("S2", heard_by="S1 S3")
    assert play.terms("S2").startswith("1 1")


def test_a_call_that_comes_after_the_leader_was_heard_again_is_void() -> None:
    """3.10: the leader repeats it in each round for as long as it wants it; this one it may have taken back (openraft#2088)."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    (call,) = play.take_mail("S3")
    let_time_out(play, heard_by="S2")
    assert ends(play) == [False]
    play.heartbeat("S1", heard_by="S2 S3")
    play.step("S3", call)

    assert play.state("S3").role is FOLLOWER
    assert play.state("S3").current_term == 1
    assert play.leads("S1")
    play.propose("S1", "new", heard_by="S2 S3")
    assert play.commit("S1") == 2


def test_a_call_that_was_lost_is_repeated_with_the_next_heartbeat() -> None:
    """3.10: what was heard meanwhile does not make the new one void, whichever of the two comes first."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    play.take_mail()
    play.step("S1", DeadlineReached())
    for message in reversed(play.take_mail("S3")):
        play.step("S3", message)

    assert play.state("S3").role is CANDIDATE


def test_who_follows_a_leader_of_a_later_term_counts_its_rounds_from_the_start() -> None:
    """3.10: a round is one reign's number."""
    play = reign_of_s1()
    for _ in range(5):
        play.heartbeat("S1", heard_by="S2 S3")
    play.pass_ms(300)
    play.elect("S2", heard_by="S1 S3")
    play.transfer("S2", "S3")
    play.talk("S2", "S1", "S3")

    assert play.leads("S3")


@pytest.mark.parametrize("learners", ["S3", ""])
def test_a_target_that_is_demoted_or_removed_meanwhile_is_given_up_at_once(learners: str) -> None:
    """3.10 with 4.2.1 and 4.2.2: it would win only to go again."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    (call,) = play.take_mail("S3")
    play.change("S1", "S1 S2", learners, heard_by="S2 S3")
    assert ends(play) == [False]
    play.heartbeat("S1", heard_by="S2 S3")
    play.step("S3", call)

    assert play.state("S3").role is FOLLOWER
    assert play.state("S3").current_term == 1
    assert play.leads("S1")


def test_a_leader_that_no_majority_hears_hands_over_to_nobody() -> None:
    """3.10 with 6.2: it steps down, and must not say that the transfer was done."""
    play = reign_of_s1()
    play.propose("S1", "new")
    play.pass_ms(100)
    play.transfer("S1", "S3")
    play.pass_ms(200)
    play.heartbeat("S1", heard_by="")

    assert play.state("S1").role is FOLLOWER
    assert ends(play) == [False]


def test_the_new_leader_hears_of_all_that_the_old_one_took_in() -> None:
    """3.10: no entry is lost by a transfer."""
    play = reign_of_s1(5)
    entry = play.propose("S1", "uncommitted", heard_by="S3")
    play.transfer("S1", "S3")
    play.talk(*play.members)

    assert play.leads("S3")
    assert play.state("S3").log.entries[1] == entry
    assert play.commit("S3") == 3


def test_the_target_may_lose_and_then_somebody_leads_in_the_end() -> None:
    """3.10: a transfer is an election like any other."""
    play = reign_of_s1(5)
    play.transfer("S1", "S3")
    play.talk("S1", "S3")
    assert not any(play.leads(name) for name in play.members)
    play.pass_ms(300)
    play.elect("S2", heard_by=play.all)

    assert play.state("S3").leader_id == "S2"


@pytest.mark.parametrize(
    "asked, target, why",
    [("S2", "S3", "does not lead"), ("S1", "S1", "leads already"), ("S1", "S4", "learner"), ("S1", "S9", "no voter")],
)
def test_a_transfer_that_can_not_be_is_refused_with_a_sentence(asked: str, target: str, why: str) -> None:
    """3.10."""
    play = reign_of_s1(4, configuration=Configuration(("S1", "S2", "S3"), learners=("S4",)))
    assert why in why_no_transfer(play.state(asked), target)
    play.step(asked, TransferWanted(target))

    assert play.told(TransferStarted) == []


def test_who_is_no_voter_is_not_moved_by_a_call_to_stand() -> None:
    """3.10 with 4.2.1."""
    play = reign_of_s1(4, configuration=Configuration(("S1", "S2", "S3"), learners=("S4",)))
    play.step("S4", TimeoutNow(1, "S1"))

    assert play.state("S4").role is FOLLOWER
    assert play.state("S4").current_term == 1


def test_a_late_answer_of_the_target_ends_nothing_twice() -> None:
    """3.10."""
    play = reign_of_s1()
    play.transfer("S1", "S3")
    play.talk("S1", "S2", "S3")
    play.step("S1", AppendEntriesReply(1, "S3", True, 1))

    assert ends(play) == [True]
    assert play.state("S1").role is FOLLOWER
