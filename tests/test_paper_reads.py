"""The thesis on reads that are no entries of the log (ch. 6, §8 of the paper), as tests: a sentence each."""

import pytest
from plays import CAREFUL, THE_RULES, Play, reign_of_s1

from raftcore.consensus.door import DeadlineReached, Requests, Saved
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    PreVote,
    PreVoteReply,
    RequestVoteReply,
)
from raftcore.vocabulary.names import Reason

READ_INDEX, LEASE, STALE = ReadMode.READ_INDEX, ReadMode.LEASE, ReadMode.STALE


def answers(play: Play) -> list[ClientReply]:
    """What waits for the client, taken out of the mail."""
    return [message for message in play.take_mail("C1") if isinstance(message, ClientReply)]


def ack(play: Play, name: str, round_number: int, success: bool = True) -> None:
    """A server answers a message of that round."""
    match_index = play.state("S1").progress[name].match_index
    play.step("S1", AppendEntriesReply(1, name, success, match_index, round=round_number))


def round_of(play: Play) -> int:
    reign = play.state("S1").reign
    assert reign
    return reign.round


# ---- asking a majority


def test_a_read_waits_for_a_majority_to_answer_a_round_that_began_after_it() -> None:
    """Thesis 6.4, step 3."""
    play = reign_of_s1(5)
    play.pass_ms(10)
    before = round_of(play)
    read = play.read("S1")
    heartbeats = [message for message in play.take_mail() if isinstance(message, AppendEntries)]
    assert [message.round for message in heartbeats] == [before + 1] * 4
    ack(play, "S2", before + 1)
    assert play.served == []
    ack(play, "S3", before + 1)

    assert play.served == [("S1", read, 1)]


def test_answers_to_earlier_rounds_let_no_read_out() -> None:
    """Thesis 6.4: they may have been under way while another was elected."""
    play = reign_of_s1(5)
    play.pass_ms(10)
    before = round_of(play)
    play.read("S1")
    for name in ("S2", "S3", "S4", "S5"):
        ack(play, name, before)

    assert play.served == []


def test_a_server_that_answers_a_round_twice_counts_once() -> None:
    """Thesis 6.4 with §5.2."""
    play = reign_of_s1(5)
    play.read("S1")
    for _ in range(4):
        ack(play, "S2", round_of(play))

    assert play.served == []


def test_a_refusal_in_the_leaders_term_is_an_answer_too() -> None:
    """Thesis 6.4: it knows of no later leader, whatever its log."""
    play = reign_of_s1()
    read = play.read("S1")
    ack(play, "S2", round_of(play), success=False)

    assert play.served == [("S1", read, 1)]


def test_a_read_joins_no_round_that_was_answered_before_it_came() -> None:
    """Thesis 6.4: not even one of the same instant. S2's answer is older than the read, and by now S2 follows another."""
    play = reign_of_s1(5, Config(snapshot_every=0, pre_vote=False, leader_guard=False))
    play.pass_ms(10)
    play.read("S1")
    asked = round_of(play)
    ack(play, "S2", asked)
    play.elect("S3", heard_by="S2 S5")
    play.propose("S3", "new", heard_by="S2 S5")
    assert play.commit("S3") == 3
    late = play.read("S1")
    ack(play, "S4", asked)

    assert late not in [number for _, number, _ in play.served]


def test_a_new_leader_answers_no_read_before_it_has_committed_in_its_term() -> None:
    """Thesis 6.4, step 1: it has all that is committed, and does not know which that is."""
    play = reign_of_s1(3)
    play.propose("S1", "committed", heard_by="S2")
    play.pass_ms(300)
    play.stand("S2")
    play.step("S2", PreVoteReply(1, 2, "S3", vote_granted=True))
    play.step("S2", RequestVoteReply(2, "S3", vote_granted=True))
    assert play.leads("S2")
    assert play.commit("S2") == 1, "S1 has told the client, and not yet S2"
    read = play.read("S2")
    play.heartbeat("S2", heard_by="")
    reign = play.state("S2").reign
    assert reign
    for name in ("S1", "S3"):
        play.step("S2", AppendEntriesReply(2, name, False, prev_log_index=2, conflict_index=2, round=reign.round))
    assert play.served == []
    play.heartbeat("S2", heard_by="S3")

    assert play.served == [("S2", read, 3)]


def test_a_read_sees_all_that_was_committed_when_it_came() -> None:
    """Thesis 6.4, steps 2 and 4."""
    play = reign_of_s1()
    play.propose("S1", "a", heard_by="S2")
    read = play.read("S1")
    play.talk("S1", "S3")

    assert play.served == [("S1", read, 2)]


def test_reads_cost_no_entry_and_those_that_came_together_one_round() -> None:
    """Thesis 6.4: reads may be batched."""
    play = reign_of_s1()
    play.pass_ms(10)
    before, entries = round_of(play), play.state("S1").log.last_index
    play.step("S1", Requests(tuple(ClientRequest("C1", number, Get("x", READ_INDEX)) for number in (1, 2, 3))))
    assert round_of(play) == before + 1
    play.talk("S1", "S2")

    assert [number for _, number, _ in play.served] == [1, 2, 3]
    assert play.state("S1").log.last_index == entries


def test_a_leader_that_is_deposed_sends_its_waiting_reads_elsewhere() -> None:
    """Thesis 6.4: a read changes nothing, so it may be asked again at once."""
    play = reign_of_s1()
    read = play.read("S1")
    play.take_mail()
    play.step("S1", AppendEntriesReply(9, "S2", False))

    assert answers(play) == [ClientReply("C1", read, "S1", ok=False, reason=Reason.NOT_LEADER)]
    assert play.served == []


def test_a_leader_without_a_majority_answers_no_read_however_long_it_waits() -> None:
    """Thesis 6.4, 6.2: it steps down instead."""
    play = reign_of_s1(5)
    read = play.read("S1")
    for _ in range(4):
        play.pass_ms(100)
        play.mail = [letter for letter in play.mail if letter[1] in ("S2", "C1")]
        play.step("S1", DeadlineReached())
        play.mail = [letter for letter in play.mail if letter[1] in ("S2", "C1")]

    assert play.served == []
    assert [answer.sequence_num for answer in answers(play)] == [read]


def test_a_learners_answer_does_not_let_a_read_out() -> None:
    """Thesis 6.4 with 4.2.1."""
    play = reign_of_s1(5, configuration=Configuration(("S1", "S2", "S3"), learners=("S4", "S5")))
    read = play.read("S1")
    for name in ("S4", "S5"):
        ack(play, name, round_of(play))
    assert play.served == []
    ack(play, "S2", round_of(play))

    assert play.served == [("S1", read, 1)]


def test_a_single_server_is_its_own_majority() -> None:
    """Thesis 6.4."""
    play = reign_of_s1(1)
    read = play.read("S1")

    assert play.served == [("S1", read, 1)]


# ---- by a lease


@pytest.mark.parametrize("waited_ms, at_once", [(0, True), (136, True), (137, False)])
def test_a_lease_lasts_for_the_shortest_timeout_less_what_clocks_may_drift(waited_ms: float, at_once: bool) -> None:
    """Thesis 6.4.1: from when the round was sent that a majority answered; 150 / 1.1 is 136.4."""
    play = reign_of_s1()
    play.pass_ms(waited_ms)
    read = play.read("S1", LEASE)

    assert (play.served == [("S1", read, 1)]) is at_once


def test_a_lease_is_counted_from_the_sending_not_from_the_answer() -> None:
    """Thesis 6.4.1: the followers' timers began somewhere between."""
    play = reign_of_s1()
    play.pass_ms(100)
    play.step("S1", DeadlineReached())
    play.pass_ms(100)
    ack(play, "S2", round_of(play))
    play.pass_ms(40)
    play.read("S1", LEASE)

    assert play.served == []


def test_who_holds_no_lease_asks_a_majority() -> None:
    """Thesis 6.4.1: so the read is slower, and right."""
    play = reign_of_s1()
    play.pass_ms(200)
    read = play.read("S1", LEASE)
    play.talk("S1", "S2")

    assert play.served == [("S1", read, 1)]


def test_a_lease_needs_the_guard_of_those_who_gave_it() -> None:
    """Thesis 6.4.1 with 4.2.3: without it a disruptive server could win at once."""
    play = reign_of_s1(config=Config(snapshot_every=0, leader_guard=False))
    play.read("S1", LEASE)

    assert play.served == []


def test_a_lease_ends_when_somebody_is_told_to_stand() -> None:
    """Thesis 6.4.1, 3.10: that election waits for no timeout; and the transfer's end brings no new lease."""
    play = reign_of_s1()
    play.transfer("S1", "S2")
    play.mail.clear()
    play.read("S1", LEASE)
    for _ in range(4):
        play.pass_ms(100)
        play.heartbeat("S1", heard_by="S3")
    assert play.leads("S1")
    reign = play.state("S1").reign
    assert reign
    assert reign.transfer is None
    play.served.clear()
    play.read("S1", LEASE)

    assert play.served == []


def test_a_new_leader_has_no_lease_and_a_deposed_one_has_lost_it() -> None:
    """Thesis 6.4.1."""
    play = Play(3, THE_RULES, config=CAREFUL)
    play.pass_ms(300)
    play.stand("S1")
    play.step("S1", PreVoteReply(0, 1, "S2", vote_granted=True))
    play.step("S1", RequestVoteReply(1, "S2", vote_granted=True))
    assert play.leads("S1")
    play.step("S1", AppendEntriesReply(1, "S2", True, 1, round=0))
    assert play.commit("S1") == 1
    play.mail.clear()
    play.read("S1", LEASE)
    assert play.served == []
    play.talk("S1", "S2")
    play.step("S1", AppendEntriesReply(2, "S2", False))
    play.mail.clear()
    play.read("S1", LEASE)

    assert [answer.reason for answer in answers(play)] == [Reason.NOT_LEADER]


@pytest.mark.parametrize("rate, lasts_ms", [(2, 68), (0.5, 272)])
def test_a_lease_is_counted_by_the_leaders_own_clock(rate: float, lasts_ms: float) -> None:
    """Thesis 6.4.1: so a clock that is slower than is allowed for breaks it."""
    play = reign_of_s1()
    play.state("S1").set_clock_rate(rate, play.now_ms)
    play.heartbeat("S1", heard_by="S2")
    play.pass_ms(lasts_ms)
    play.read("S1", LEASE)
    assert len(play.served) == 1
    play.pass_ms(1)
    play.read("S1", LEASE)

    assert len(play.served) == 1


AT_THE_EDGE = [(0.9091, 1.0, False), (0.9090, 1.0, True), (1.0, 1.1, False), (1.0, 1.101, True)]


@pytest.mark.parametrize("leaders_rate, voters_rate, old_value", AT_THE_EDGE)
def test_a_lease_holds_as_far_as_clocks_are_trusted_and_no_further(leaders_rate: float, voters_rate: float, old_value: bool) -> None:
    """Thesis 6.4.1: clocks are trusted to differ by a tenth, so at 1/1.1 and at 1.1 a lease is safe, and just beyond it is not."""
    play = reign_of_s1()
    for name, rate in (("S1", leaders_rate), ("S2", voters_rate), ("S3", voters_rate)):
        play.state(name).set_clock_rate(rate, play.now_ms)
    play.heartbeat("S1", heard_by="S2 S3")
    play.pass_ms(150 / voters_rate + 0.001)  # their guard has just ended
    play.elect("S2", heard_by="S3")
    play.propose("S2", "new", heard_by="S3")
    assert play.commit("S2") == 3
    play.read("S1", LEASE)

    assert bool(play.served) is old_value


def test_a_late_answer_of_a_later_term_breaks_no_lease() -> None:
    """Thesis 6.4.1 with 4.2.3: S2 hears its leader again after S3 began a term, and then learns of that term before it is asked to vote."""
    play = reign_of_s1()
    play.pass_ms(150)
    play.stand("S3")
    play.step("S3", play.tell("S2", PreVote(2, "S3", 1, 1)))
    [late_request] = play.take_mail("S2")
    play.heartbeat("S1", heard_by="S2")
    play.step("S2", PreVoteReply(2, 2, "S3", vote_granted=False, reason=Reason.ALREADY_VOTED))
    assert play.state("S2").current_term == 2
    play.step("S3", play.tell("S2", late_request))
    play.read("S1", LEASE)

    assert len(play.served) == 1
    assert not play.leads("S3")


# ---- stale, and everywhere


def test_any_server_answers_a_stale_read_from_what_it_has_applied() -> None:
    """Thesis 6.4 offers it by name only: it may miss what was answered before."""
    play = reign_of_s1()
    play.propose("S1", "new", heard_by="S2")
    reads = {name: play.read(name, STALE) for name in play.members}

    assert play.served == [("S1", reads["S1"], 2), ("S2", reads["S2"], 1), ("S3", reads["S3"], 1)]


@pytest.mark.parametrize("mode", [READ_INDEX, LEASE, ReadMode.LOG])
def test_a_follower_answers_no_other_read_and_names_the_leader(mode: ReadMode) -> None:
    """§8."""
    play = reign_of_s1()
    read = play.read("S2", mode)

    assert answers(play) == [ClientReply("C1", read, "S2", ok=False, leader_id="S1", reason=Reason.NOT_LEADER)]
    assert play.served == []


def test_a_read_through_the_log_is_an_entry_and_needs_nothing_else() -> None:
    """§8, thesis 6.4: slower, and always right."""
    play = reign_of_s1()
    play.step("S1", ClientRequest("C1", 1, Get("x", ReadMode.LOG)))
    play.talk("S1", "S2")

    assert play.applied["S1"][-1].command == Get("x", ReadMode.LOG)
    assert play.served == []


def test_a_read_of_a_disk_that_is_still_busy_waits_for_nothing() -> None:
    """Thesis 6.4: a read index is known to be committed, whatever the leader's own disk does."""
    play = reign_of_s1()
    play.nodes["S1"].step(ClientRequest("C1", 7, Set("x", "1")), play.now_ms)
    read = play.read("S1")
    ack(play, "S2", round_of(play))
    assert play.served == [("S1", read, 1)]
    play.step("S1", Saved())

    assert play.commit("S1") == 1
