"""One policy of leases: invariants, `history`, the lab, hunts and the export as EDN judge the same lease reads of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from raftcore import Cluster, Config
from raftcore.checks.history_files import read_edn
from raftcore.checks.leases import Leases
from raftcore.checks.linearizability import KEY_VALUE, Verdict, check, history
from raftcore.checks.violation import Violation
from raftcore.cluster.cluster import AnyRules
from raftcore.cluster.rulebook import CORRECT
from raftcore.hunting.hunt import Found
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.story import tell
from raftcore.recording import Recording
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Get, ReadMode
from raftcore.vocabulary.events import Acted, ClockRateChanged, Completed, Created, TimerSet
from widgets.checking import LINEARIZABLE, Checking
from widgets.checks_strip import ChecksStrip
from widgets.frame import Frame

BY_NUMBER = {mutant.number: mutant for mutant in MUTANTS}

LEASES = Config(
    election_timeout_ms=(300.0, 315.0),
    heartbeat_ms=20.0,
    delay_ms=(0.1, 0.1),
    sync_ms=0.0,
    reads=ReadMode.LEASE,
    pre_vote=False,
    client_sessions=False,
    client_retry_ms=60.0,
    max_clock_drift=0.1,
)


def old_value_by_lease(slow: float, fast: float) -> Cluster:
    """A leader with a slow clock is cut off, and still answers a read after another was elected and has taken in a write."""
    cluster = Cluster(3, 8, LEASES)
    cluster.run_for(3_000)
    old = cluster.leader
    others = [name for name in cluster.server_ids if name != old]
    cluster.set_clock_rate(old, slow)
    for name in others:
        cluster.set_clock_rate(name, fast)
    cluster.run_for(1_000)
    cluster.isolate(old)
    cluster.run_until(lambda view: any(leader.id != old for leader in view.leaders), limit_ms=400)
    new = next(leader.id for leader in cluster.view.leaders if leader.id != old)
    cluster.submit("C1", "SET x 2", through=new)
    cluster.run_for(1.5)
    cluster.submit("C2", Get("x"), through=old)
    cluster.run_for(2)
    return cluster


def verdicts(cluster: Cluster, folder: Path, rules: AnyRules = None) -> dict[str, bool]:
    """Whether the run is right, according to each part of the lab that says so."""
    cluster.recording.to_edn(folder / "run.edn")
    cluster.recording.save(folder / "run.parquet")
    loaded = Recording.load(folder / "run.parquet")
    return {
        "violations": not cluster.violations,
        "recorded violations": not len(loaded.violations),
        "history": check(history(cluster), KEY_VALUE).verdict is Verdict.LINEARIZABLE,
        "recorded history": check(history(loaded), KEY_VALUE).verdict is Verdict.LINEARIZABLE,
        "EDN": check(read_edn(folder / "run.edn"), KEY_VALUE).verdict is Verdict.LINEARIZABLE,
        "lab": not Checking(cluster).at(len(cluster.trace), still=True).broken,
        "lab of the recording": not Checking(loaded).at(len(cluster.trace), still=True).broken,
        "hunt": tell(cluster.scenario, rules, "Linearizability", cluster.now_ms) is None,
    }


@pytest.mark.parametrize("slow, fast", [(0.7736, 1.0), (1 / 1.1, 1.1)])
def test_no_part_judges_a_lease_read_by_clocks_that_are_further_apart_than_trusted(slow: float, fast: float, tmp_path: Path) -> None:
    cluster = old_value_by_lease(slow, fast)
    read = history(cluster)[-1]
    assert (read.command, read.value, read.stale) == (Get("x"), None, True), "x has been 2 before it was asked"
    said = verdicts(cluster, tmp_path)
    assert said == dict.fromkeys(said, True)


@pytest.mark.parametrize("number", ["27a", "27b", "27c", "27d", "28", "38"])
def test_every_part_finds_a_wrong_lease_where_clocks_are_as_trusted(number: str, tmp_path: Path) -> None:
    mutant = BY_NUMBER[number]
    cluster = mutant.play()
    said = verdicts(cluster, tmp_path, mutant.rules)
    assert said == dict.fromkeys(said, False)


def test_what_was_answered_before_a_clock_was_set_far_off_stays_judged(tmp_path: Path) -> None:
    mutant = BY_NUMBER["27a"]
    cluster = mutant.play()
    cluster.set_clock_rate("S1", 0.1)
    cluster.run_for(500)
    said = verdicts(cluster, tmp_path, mutant.rules)
    assert said == dict.fromkeys(said, False)


# ---- when the promise is broken


class Clocks:
    """What is done to the clocks and timers of three servers; `hold` says whether a lease read of the last so many ms is judged."""

    def __init__(self, config: Config = LEASES) -> None:
        self.leases = Leases(("S1", "S2", "S3"), config)
        self.now_ms = 0.0

    def rate(self, server: str, rate: float) -> None:
        self.leases.absorb(ClockRateChanged(self.now_ms, server, rate))

    def create(self, server: str) -> None:
        self.leases.absorb(Created(self.now_ms, server))

    def set_timer(self, server: str) -> None:
        self.leases.absorb(TimerSet(self.now_ms, server, self.now_ms + 1_000))

    def time_out(self, server: str) -> None:
        self.leases.absorb(Acted(self.now_ms, TimeOut(self.now_ms, server)))

    def hold(self, for_ms: float = 0.0) -> bool:
        return self.leases.hold(self.now_ms - for_ms)


LEASE_MS = 300 / 1.1


@pytest.mark.parametrize(
    "happens, holds",
    [
        (lambda it: it.rate("S1", 1), True),
        (lambda it: it.rate("S1", 1.1), True),
        (lambda it: it.rate("S1", 1 / 1.1), True),
        (lambda it: it.rate("S1", 1.2), False),
        (lambda it: (it.rate("S1", 1.06), it.rate("S2", 1 / 1.06)), False),
        (lambda it: (it.rate("S1", 1.06), it.rate("S1", 1), it.rate("S2", 0.95)), True),
        (lambda it: (it.rate("S1", 1.2), it.rate("S1", 1)), False),
        (lambda it: (*(it.rate(name, 1.1) for name in ("S1", "S2", "S3")), it.create("S4")), True),
        (lambda it: (*(it.rate(name, rate) for rate in (1.1, 1.2) for name in ("S1", "S2", "S3")), it.create("S4")), False),
        (lambda it: it.time_out("S1"), False),
    ],
    ids=["true", "faster", "slower", "too fast", "two apart", "one after the other", "for a while", "new", "new and too slow", "jump"],
)
def test_leases_hold_while_no_clock_is_faster_than_another_by_more_than_trusted(happens: Callable[[Clocks], object], holds: bool) -> None:
    clocks = Clocks()
    happens(clocks)
    assert clocks.hold() is holds


@pytest.mark.parametrize("waited_ms, rate, holds", [(299, 1.0, False), (300, 1.0, True), (299, 1.1, True), (300, 0.95, False)])
def test_who_has_waited_for_the_shortest_timeout_by_its_clock_may_stand(waited_ms: float, rate: float, holds: bool) -> None:
    clocks = Clocks()
    clocks.rate("S1", rate)
    clocks.set_timer("S1")
    clocks.now_ms += waited_ms
    clocks.set_timer("S2")
    clocks.time_out("S1")
    assert clocks.hold() is holds


@pytest.mark.parametrize("trouble", [lambda it: it.time_out("S1"), lambda it: (it.rate("S1", 2), it.rate("S1", 1))], ids=["jump", "rate"])
@pytest.mark.parametrize("rate", [1.0, 1 / 1.1])
def test_leases_hold_again_when_all_have_ended_that_were_granted_until_then(trouble: Callable[[Clocks], object], rate: float) -> None:
    clocks = Clocks()
    clocks.rate("S2", rate)
    trouble(clocks)
    clocks.now_ms += LEASE_MS / rate - 1
    assert not clocks.hold()
    clocks.now_ms += 2
    assert clocks.hold()
    assert not clocks.hold(for_ms=2), "a read that was asked before may have been answered before"


def test_a_clock_that_becomes_slower_makes_it_longer_until_leases_hold_again() -> None:
    clocks = Clocks()
    clocks.time_out("S1")
    clocks.now_ms += LEASE_MS - 100
    clocks.rate("S3", 1 / 1.1)
    clocks.now_ms += 109
    assert not clocks.hold()
    clocks.now_ms += 2
    assert clocks.hold()


# ---- what is said


def pause_at(cluster: Cluster, position: int) -> dict:
    checked = Checking(cluster).at(position, still=True)
    return ChecksStrip().draw(Frame(view=cluster.trace.view_after(position), checked=checked))


def test_the_lab_says_which_lease_reads_are_not_judged_and_what_they_would_contradict() -> None:
    cluster = old_value_by_lease(0.5, 1.0)
    old = next(event.server for event in cluster.trace if isinstance(event, ClockRateChanged))
    other = next(name for name in cluster.server_ids if name != old)
    picture = pause_at(cluster, len(cluster.trace))
    assert (picture["history"]["state"], picture["broken"]) == ("holds", [])
    said = picture["unjudged"]
    assert said["title"] == "1 lease read is not judged"
    assert said["sentence"] == (
        f"the clock of {old} ran at 0.5 and that of {other} at 1, further apart than max_clock_drift=0.1 allows (thesis 6.4.1). "
        f"It would break {LINEARIZABLE}: C2 GET x → absent contradicts the answers before it: no order of what was done to x, each at a "
        "moment between its call and its answer, gives them all."
    )
    answer = said["events"][-1]
    assert isinstance(cluster.trace[answer["position"]], Completed)
    assert pause_at(cluster, answer["position"])["unjudged"] is None, "before the answer there is nothing to be said"


def test_a_lab_that_plays_says_why_lease_reads_are_not_judged() -> None:
    cluster = old_value_by_lease(0.5, 1.0)
    said = Checking(cluster).at(len(cluster.trace), still=False).unjudged
    assert said
    assert (said.reads, said.contradiction) == (1, None)


def test_nothing_is_said_of_reads_that_are_judged_and_of_stale_ones() -> None:
    cluster = old_value_by_lease(1.0, 1.0)
    cluster.submit("C3", Get("x", ReadMode.STALE))
    cluster.run_for(50)
    assert pause_at(cluster, len(cluster.trace))["unjudged"] is None


def test_a_server_that_was_made_to_stand_too_soon_is_named() -> None:
    clocks = Clocks()
    clocks.set_timer("S2")
    clocks.now_ms += 120
    clocks.time_out("S2")
    assert clocks.leases.why == "S2 was made to stand for election 120 ms after its timer was set, and by itself waits for 300 ms at least"


# ---- hunts


def test_the_test_of_what_was_found_judges_what_the_hunt_judged() -> None:
    cluster = old_value_by_lease(0.7736, 1.0)
    broken = Violation("Linearizability", cluster.now_ms, "", (), ())
    names: dict[str, Callable[[], None]] = {}
    exec(Found(8, cluster.scenario, broken, len(cluster.scenario.actions), CORRECT).as_test(), names)
    names["test_the_run_with_seed_8"]()
