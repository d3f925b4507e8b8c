"""A clock that changes its rate: what a server has counted stays as it is, and so does what it still has to count.

The lease of a leader is safe only if every moment that any server keeps moves alike (thesis 6.4.1).
"""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct
from plays import CAREFUL, Play, reign_of_s1

from raftcore import Cluster
from raftcore.consensus import progress as leaders_state
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.events import ClockRateChanged, QuorumHeard, RoleChanged, TimerSet, TransferEnded
from raftcore.vocabulary.messages import AppendEntriesReply, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import LEADER, Reason

DURATIONS = {"shortest_ms", "spread_ms", "heartbeat_ms", "longest_ms", "lease_ms"}
STRUCTS = [it for it in vars(leaders_state).values() if isinstance(it, type) and issubclass(it, Struct) and it is not Struct]


def times_of(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every time in a server's state, with the name of the field that holds it. A float is a time."""
    if isinstance(value, float) and name != "clock_rate":
        yield name, value
    elif isinstance(value, NodeState):
        for slot in value.__slots__:
            if slot != "config":
                yield from times_of(getattr(value, slot), slot)
    elif type(value) in STRUCTS:
        for field in value.__struct_fields__:
            yield from times_of(getattr(value, field), field)
    elif isinstance(value, dict):
        for it in value.values():
            yield from times_of(it, name)
    elif not isinstance(value, str | bytes) and hasattr(value, "__iter__") and not isinstance(value, Struct):
        for it in value:
            yield from times_of(it, name)


def busy_leader() -> Play:
    """S1 leads, waits for answers, hands over, and changes the membership."""
    play = reign_of_s1(4)
    play.change("S1", "S1 S2 S3 S4", learners="S5")
    play.transfer("S1", "S2")
    for _ in range(3):
        play.pass_ms(20)
        play.step("S1", DeadlineReached())
        play.read("S1")
    play.take_mail()
    play.pass_ms(7)
    return play


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_every_moment_that_a_server_keeps_moves_when_its_clock_changes(rate: float) -> None:
    play = busy_leader()
    me, now_ms = play.state("S1"), play.now_ms
    assert me.reign
    me.leader_heard_ms = now_ms - 40
    me.now_ms = now_ms
    before = list(times_of(me))
    me.set_clock_rate(rate, now_ms)
    after = list(times_of(me))

    moments = [it for it in zip(before, after, strict=True) if it[0][0] not in DURATIONS | {"now_ms"}]
    assert [new for _, new in moments] == [(name, pytest.approx(now_ms + (old - now_ms) / rate)) for (name, old), _ in moments]
    durations = [it for it in zip(before, after, strict=True) if it[0][0] in DURATIONS]
    assert [new for _, new in durations] == [(name, pytest.approx(old / rate)) for (name, old), _ in durations]

    fields = [name for kind in STRUCTS for name in kind.__struct_fields__] + [*NodeState.__slots__]
    assert {name for name in fields if name.endswith("_ms")} | {"sent"} == {name for name, _ in before}, "a field of time that nobody tests"


def ask_for_a_vote(play: Play, voter: str) -> RequestVoteReply:
    reply = play.tell(voter, RequestVote(2, "S3", 1, 1))
    assert isinstance(reply, RequestVoteReply)
    return reply


@pytest.mark.parametrize("waited_ms, guarded", [(24, True), (26, False)])
def test_who_has_heard_a_leader_guards_it_for_as_long_by_a_clock_that_changes(waited_ms: float, guarded: bool) -> None:
    """Thesis 4.2.3: of 150 ms, 100 are over when the clock begins to run twice as fast."""
    play = reign_of_s1()
    play.pass_ms(100)
    play.state("S2").set_clock_rate(2, play.now_ms)
    play.pass_ms(waited_ms)

    assert (ask_for_a_vote(play, "S2").reason is Reason.LEADER_HEARD) is guarded


@pytest.mark.parametrize("waited_ms, guarded", [(24, True), (26, False)])
def test_a_leader_guards_itself_for_as_long_by_a_clock_that_changes(waited_ms: float, guarded: bool) -> None:
    """Thesis 4.2.3, 6.2."""
    play = reign_of_s1()
    play.pass_ms(100)
    play.state("S1").set_clock_rate(2, play.now_ms)
    play.pass_ms(waited_ms)

    assert (ask_for_a_vote(play, "S1").reason is Reason.LEADER_HEARD) is guarded


@pytest.mark.parametrize("rate", [0.5, 2])
def test_a_round_that_is_under_way_when_the_clock_changes_gives_a_lease_from_when_it_was_sent(rate: float) -> None:
    """Thesis 6.4.1: 150 / 1.1 ms are 136.4, of which 100 are over."""
    left_ms = (150 / 1.1 - 100) / rate
    for waited_ms, leased in ((left_ms - 0.1, True), (left_ms + 0.1, False)):
        play = lease_by_a_late_answer(rate)
        play.pass_ms(waited_ms)
        play.read("S1", ReadMode.LEASE)
        assert (len(play.served) == 1) is leased


def lease_by_a_late_answer(rate: float) -> Play:
    """S1 sends a round; after 100 ms its clock changes, and then the round is answered."""
    play = reign_of_s1()
    play.pass_ms(150)
    play.step("S1", DeadlineReached())
    play.take_mail()
    play.pass_ms(100)
    me = play.state("S1")
    me.set_clock_rate(rate, play.now_ms)
    assert me.reign
    play.step("S1", AppendEntriesReply(1, "S2", True, 1, round=me.reign.round))
    return play


@pytest.mark.parametrize("waited_ms, leads", [(49, True), (51, False)])
def test_a_leader_that_hears_from_nobody_leads_for_as_long_by_a_clock_that_changes(waited_ms: float, leads: bool) -> None:
    """Thesis 6.2: of 300 ms, 200 are over."""
    play = reign_of_s1(config=CAREFUL)
    play.pass_ms(200)
    play.state("S1").set_clock_rate(2, play.now_ms)
    play.pass_ms(waited_ms)
    play.step("S1", DeadlineReached())

    assert play.leads("S1") is leads


# ---- in a cluster

TIMED = Config(election_timeout_ms=(1_000.0, 1_010.0))


def led_by_s1() -> Cluster:
    cluster = Cluster(3, seed=1, config=TIMED)
    cluster.time_out("S1")
    cluster.run_for(1_200)
    if cluster.leader != "S1":
        cluster.transfer_leadership("S1")
    cluster.run_for(1_000)
    assert cluster.leader == "S1"
    return cluster


def deadline_of(cluster: Cluster, name: str) -> float:
    timer_ms = cluster.view.servers[name].timer_ms
    assert timer_ms
    return timer_ms[1]


@pytest.mark.parametrize("rate", [0.5, 4])
def test_a_timer_that_runs_rings_when_the_clock_that_changed_has_counted_to_its_end(rate: float) -> None:
    cluster = led_by_s1()
    cluster.isolate("S2")
    cluster.run_for(200)
    now_ms, due_ms = cluster.now_ms, deadline_of(cluster, "S2")
    cluster.set_clock_rate("S2", rate)
    changed_ms = now_ms + (due_ms - now_ms) / rate
    assert deadline_of(cluster, "S2") == pytest.approx(changed_ms)
    said = [event for event in cluster.trace if getattr(event, "server", "") == "S2"][-2:]
    assert [type(event) for event in said] == [ClockRateChanged, TimerSet]

    cluster.run_for(changed_ms - now_ms - 0.1)
    assert deadline_of(cluster, "S2") == pytest.approx(changed_ms)
    cluster.run_for(0.2)
    assert deadline_of(cluster, "S2") > changed_ms + 100


@pytest.mark.parametrize("rates", [(0.5,), (3.0,), (0.5, 2.0)])
def test_a_view_says_until_when_a_transfer_lasts_by_a_clock_that_changed(rates: tuple[float, ...]) -> None:
    cluster = Cluster(3, 7, Config(check_quorum=False))
    cluster.run_until(lambda view: view.leader)
    leader = cluster.leader or ""
    target = next(name for name in cluster.server_ids if name != leader)
    cluster.isolate(target)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(30)  # what the target lacks
    cluster.transfer_leadership(target)
    for rate in rates:
        cluster.run_for(20)
        cluster.set_clock_rate(leader, rate)
        cluster.run_for(1)
    transfer = cluster.view.servers[leader].transfer
    assert transfer
    events = cluster.trace.subscribe()
    cluster.run_for(1_000)
    (ended,) = [event for event in events.take() if isinstance(event, TransferEnded)]
    assert not ended.done
    assert transfer.deadline_ms <= ended.at_ms < transfer.deadline_ms + 50 / min(rates), "a leader looks at it with each heartbeat"


def test_a_leader_says_until_when_its_lease_lasts_by_a_clock_that_changed() -> None:
    cluster = led_by_s1()
    lease_ms = cluster.view.servers["S1"].lease_until_ms
    cluster.set_clock_rate("S1", 2)
    heard = cluster.trace[-2]

    assert isinstance(heard, QuorumHeard)
    assert cluster.view.servers["S1"].lease_until_ms == pytest.approx(cluster.now_ms + (lease_ms - cluster.now_ms) / 2)


@pytest.mark.parametrize("stop, go_on", [(Cluster.crash, Cluster.restart), (Cluster.pause, Cluster.resume)])
def test_the_clock_of_a_server_that_stands_still_may_change(stop: Any, go_on: Any) -> None:
    cluster = led_by_s1()
    stop(cluster, "S2")
    cluster.set_clock_rate("S2", 2)
    cluster.run_for(10)
    go_on(cluster, "S2")
    cluster.isolate("S2")
    cluster.run_for(50)

    assert cluster.view.servers["S2"].clock_rate == 2
    assert 400 < deadline_of(cluster, "S2") - cluster.now_ms < 505
    cluster.heal()
    cluster.run_for(2_000)
    assert not cluster.violations


RATES = [("S2", 1.1, 1.0, 0.91), ("S2", 1.0, 1.1, 1.0), ("S2", 1.1, 1.05, 0.96), ("S2", 0.91, 1.0, 0.91)]


@pytest.mark.parametrize("voter, first, then, leaders", RATES)
@pytest.mark.parametrize("after_ms", [0, 200, 500, 800])
def test_a_lease_holds_while_clocks_change_within_what_they_may_drift(
    voter: str, first: float, then: float, leaders: float, after_ms: float
) -> None:
    """Thesis 6.4.1: no two clocks are ever more than a tenth apart."""
    cluster = led_by_s1()
    assert cluster.client("C1").run("SET x old").ok
    cluster.set_clock_rate(voter, first)
    cluster.cut("S1", "S3")
    cluster.run_for(1_500)
    cluster.partition({"S1", "C1"}, {"S2", "S3", "C2"})
    cluster.run_for(after_ms)
    cluster.set_clock_rate(voter, then)
    cluster.set_clock_rate("S1", leaders)
    seen = len(cluster.trace)

    def another_leads(_: object) -> bool:
        return any(type(event) is RoleChanged and event.role is LEADER for event in cluster.trace[seen:])

    cluster.run_until(another_leads)
    written = cluster.submit("C2", "SET x new", "S2")
    cluster.run_until(lambda _: written.answer is not None)
    state = cluster.view.servers["S1"]

    assert state.role is not LEADER or cluster.now_ms > state.lease_until_ms
    assert not cluster.violations


def test_a_leader_that_holds_no_lease_tells_of_none_when_its_clock_changes() -> None:
    me = NodeState("S1", Configuration(("S1", "S2", "S3")), Config(), lambda: 0.5, HardState(1, "S1"))
    me.become_candidate()
    me.become_leader()
    told = len(me.events)
    me.set_clock_rate(1.1, now_ms=20.0)
    assert me.events[told:] == []
