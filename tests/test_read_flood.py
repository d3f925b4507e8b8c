"""More reads than a leader can remember: it goes on leading, its lease is never too long, and every read gets an answer."""

from math import log

import pytest
from plays import Play, reign_of_s1

from raftcore import Cluster
from raftcore.consensus import reads
from raftcore.consensus.door import DeadlineReached, Requests
from raftcore.consensus.progress import EXACT_ROUNDS, Reign
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import QuorumHeard
from raftcore.vocabulary.messages import AppendEntriesReply, ClientReply, ClientRequest, PreVoteReply, RequestVoteReply
from raftcore.vocabulary.names import Reason


def reign(play: Play, name: str = "S1") -> Reign:
    found = play.state(name).reign
    assert found
    return found


def replies(play: Play) -> list[tuple[int, Reason | None]]:
    return [(message.sequence_num, message.reason) for message in play.take_mail("C1") if isinstance(message, ClientReply)]


def flooded(rounds: int) -> tuple[Play, dict[int, float]]:
    """S1 takes in a read each millisecond, and hears from nobody; when each round was sent."""
    play = reign_of_s1()
    sent_ms = {}
    for _ in range(rounds):
        play.pass_ms(1)
        play.read("S1")
        sent_ms[reign(play).round] = play.now_ms
        play.mail.clear()
    return play, sent_ms


# ---- rounds


def most_remembered(rounds: int) -> float:
    """How many of so many unanswered rounds a leader remembers at most."""
    return min(rounds, EXACT_ROUNDS * (1 + log(max(rounds / EXACT_ROUNDS, 1))) + 2)


@pytest.mark.parametrize("rounds", [1, 99, 100, 101, 250, 1_000, 5_000])
def test_a_leader_remembers_some_of_many_rounds_the_oldest_among_them(rounds: int) -> None:
    play, sent_ms = flooded(rounds)
    kept = list(reign(play).sent)

    assert len(kept) <= most_remembered(rounds)
    assert kept == [(number, sent_ms[number]) for number, _ in kept]
    assert kept[0][0] == min(sent_ms)
    assert max(sent_ms) - kept[-1][0] <= rounds / EXACT_ROUNDS


@pytest.mark.parametrize("rounds", [150, 1_000, 5_000])
def test_any_answer_tells_a_leader_when_it_still_led_nearly_to_the_round(rounds: int) -> None:
    """Thesis 6.4.1, 6.2: never later than when that round was sent, and by a hundredth of the unanswered ones earlier at most."""
    play, sent_ms = flooded(rounds)
    first = min(sent_ms)
    for answered in range(first, max(sent_ms), rounds // 30):
        play.step("S1", AppendEntriesReply(1, "S2", True, 1, round=answered))
        reads.settle_rounds(play.state("S1"), reign(play))
        assert 0 <= sent_ms[answered] - reign(play).quorum_heard_ms <= rounds / EXACT_ROUNDS


def test_a_leader_without_check_quorum_remembers_few_rounds_however_long_it_hears_nothing() -> None:
    play = reign_of_s1(config=Config(snapshot_every=0, check_quorum=False))
    for _ in range(10_000):
        play.pass_ms(50)
        play.step("S1", DeadlineReached())
        play.mail.clear()
    assert len(reign(play).sent) <= most_remembered(10_000)
    play.step("S1", AppendEntriesReply(1, "S2", True, 1, round=reign(play).round))
    play.heartbeat("S1", heard_by="")
    play.heartbeat("S1", heard_by="S2")
    play.heartbeat("S1", heard_by="")

    assert reign(play).quorum_heard_ms == play.now_ms


@pytest.mark.parametrize("heartbeat_ms", [1.0, 50.0])
def test_a_leader_goes_on_leading_through_as_many_rounds_as_fit_into_a_round_trip(heartbeat_ms: float) -> None:
    """Thesis 6.2: answers keep coming, each after about 100 ms."""
    config = Config(heartbeat_ms=heartbeat_ms, delay_ms=(45.0, 50.0), election_timeout_ms=(300.0, 400.0))
    cluster = Cluster(3, seed=1, config=config)
    cluster.run_until(lambda view: view.leader)
    leader = cluster.leader
    assert leader
    term = cluster.view.servers[leader].current_term
    for _ in range(8):
        for number in range(1, 61):
            cluster.submit(f"C{number}", Get("x", ReadMode.READ_INDEX), through=leader)
            cluster.run_for(0.5)
    cluster.run_for(2_000)

    assert (cluster.leader, cluster.view.servers[leader].current_term) == (leader, term)
    heard = [event for event in cluster.trace if type(event) is QuorumHeard]
    assert max(event.at_ms - event.sent_ms for event in heard) < 250
    assert not cluster.violations
    assert not cluster.view.pending


# ---- reads


@pytest.fixture
def three_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three reads are as many as a leader holds."""
    monkeypatch.setattr(reads, "MOST_READS", 3)


@pytest.mark.usefixtures("three_reads")
def test_a_read_that_comes_while_too_many_wait_is_refused_and_none_of_those_is_lost() -> None:
    """Thesis 6.4: it changes nothing, so its client may ask again."""
    play = reign_of_s1()
    numbers = [play.read("S1") for _ in range(5)]
    assert replies(play) == [(number, Reason.TOO_MANY_REQUESTS) for number in numbers[3:]]
    play.talk("S1", "S2")
    assert [number for _, number, _ in play.served] == numbers[:3]

    later = play.read("S1")
    play.talk("S1", "S2")
    assert play.served[-1] == ("S1", later, 1)


def elected_and_not_heard() -> Play:
    """S2 leads, and has committed nothing in its term."""
    play = reign_of_s1()
    play.pass_ms(300)
    play.stand("S2")
    play.step("S2", PreVoteReply(1, 2, "S3", vote_granted=True))
    play.step("S2", RequestVoteReply(2, "S3", vote_granted=True))
    play.take_mail()
    assert play.leads("S2")
    return play


@pytest.mark.usefixtures("three_reads")
def test_the_same_holds_for_reads_that_wait_for_the_first_commit() -> None:
    """Thesis 6.4, step 1."""
    play = elected_and_not_heard()
    numbers = [play.read("S2") for _ in range(5)]
    assert replies(play) == [(number, Reason.TOO_MANY_REQUESTS) for number in numbers[3:]]
    play.heartbeat("S2", heard_by="S3")
    play.heartbeat("S2", heard_by="S3")

    assert [number for _, number, _ in play.served] == numbers[:3]


@pytest.mark.usefixtures("three_reads")
def test_a_read_by_a_lease_waits_for_nobody_and_so_is_not_refused() -> None:
    """Thesis 6.4.1."""
    play = reign_of_s1()
    for _ in range(4):
        play.read("S1")
    play.read("S1", ReadMode.LEASE)

    assert len(play.served) == 1


@pytest.mark.usefixtures("three_reads")
def test_of_reads_that_come_together_those_are_refused_that_are_too_many() -> None:
    play = reign_of_s1()
    play.step("S1", Requests(tuple(ClientRequest("C1", number, Get("x", ReadMode.READ_INDEX)) for number in range(1, 6))))

    assert replies(play) == [(4, Reason.TOO_MANY_REQUESTS), (5, Reason.TOO_MANY_REQUESTS)]


def test_a_leader_that_is_deposed_before_its_first_commit_sends_its_reads_elsewhere() -> None:
    """Thesis 6.4: a read changes nothing, so it may be asked again at once."""
    play = elected_and_not_heard()
    numbers = [play.read("S2"), play.read("S2")]
    assert replies(play) == []
    play.step("S2", AppendEntriesReply(9, "S3", False, reason=Reason.STALE_TERM))

    assert replies(play) == [(number, Reason.NOT_LEADER) for number in numbers]


@pytest.mark.usefixtures("three_reads")
def test_clients_whose_reads_were_refused_ask_again_until_they_are_answered() -> None:
    cluster = Cluster(3, seed=1)
    cluster.run_until(lambda view: view.leader)
    reading = [cluster.submit(f"C{number}", Get("x", ReadMode.READ_INDEX)) for number in range(1, 30)]
    cluster.run_for(5_000)

    assert all(read.answer and read.answer.ok for read in reading)
    assert any(getattr(getattr(event, "message", None), "reason", None) is Reason.TOO_MANY_REQUESTS for event in cluster.trace)
