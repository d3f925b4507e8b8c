"""What an action can never mean is refused before anything of it is done, and numbers are numbers, whoever made them."""

from collections.abc import Iterator
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config, ReadMode, Scenario
from raftcore.checks.client_history import history
from raftcore.checks.linearizability import KEY_VALUE, check
from raftcore.hunting.cores import count_cores
from raftcore.hunting.explore import explore
from raftcore.hunting.faults import Faults
from raftcore.hunting.hunt import check_seeds
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.statemachine.language import parse_command
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Get, OpenSession, Set
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import CommandError, ConfigError, RaftLabError, ServerNotFound
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.numbers import number, truth, whole
from raftcore.vocabulary.validation import KINDS

SOUND: tuple[act.Action, ...] = (
    act.Crash(0.0, "S1"),
    act.Restart(0.0, "S3"),
    act.Pause(0.0, "S1"),
    act.Resume(0.0, "S1"),
    act.TimeOut(0.0, "S1"),
    act.SetLink(0.0, "S1", "S2", up=True, delay_ms=(1.0, 2.0), loss=0.5, duplication=0.5, reordering=0.5),
    act.Partition(0.0, (("S1",), ("S2", "C1"))),
    act.Isolate(0.0, "S1"),
    act.Heal(0.0),
    act.Submit(0.0, "C1", Set("x", "1"), "S2"),
    act.CreateServer(0.0, "S4"),
    act.ChangeMembership(0.0, ("S1",), ("S2",)),
    act.TransferLeadership(0.0, "S1"),
    act.TakeSnapshot(0.0, "S1"),
    act.SetClockRate(0.0, "S1", 2.0),
    act.SetDisk(0.0, "S1", sync_ms=1.0, sync_fails=True, capacity_bytes=9, loses_writes=True, reads_fail=True),
    act.FlipBit(0.0, "S1"),
)
"""One of each, with every field given."""

MEMBERS: tuple[Any, ...] = ([], {}, {"S1": 1})
ALMOST: tuple[Any, ...] = (
    "", "s1", "S0", "S1\n", "S99999", b"S1", ["S1", 5], (("S1",), 5), (("S1",), ("S1",)), [[]],
    OpenSession(), Get("", None), Set("x", 5), Set("k" * 999, "1"),
)  # fmt: skip
STRANGE: tuple[Any, ...] = (-1, 2**70, nan, inf, object(), lambda: 0, np.array([1, 2]), pd.NA)
RIGHT: dict[str, tuple[Any, ...]] = {
    "at_ms": (5, 1.5),
    "rate": (5, 1.5),
    "sync_ms": (5, 1.5),
    "capacity_bytes": (5, None),
    "through": (None,),
    "voters": MEMBERS,  # refused when its time comes
    "learners": MEMBERS,
    **dict.fromkeys(("up", "sync_fails", "loses_writes", "reads_fail", "power_loss"), (True,)),
}
"""What of these can stand in a field."""


def wrong_ones() -> Iterator[tuple[act.Action, str]]:
    """Every kind of action with each of its fields wrong, in each way that is wrong there."""
    for sound in SOUND:
        for field in sound.__struct_fields__:
            for value in (None, 5, 1.5, True, *MEMBERS, *ALMOST, *STRANGE):
                if not any(value is right for right in RIGHT.get(field, ())):
                    yield replace(sound, **{field: value}), field


def test_there_is_one_of_each() -> None:
    assert set(map(type, SOUND)) == KINDS


@pytest.mark.parametrize("later_ms", [0.0, 100.0])
def test_a_refused_action_changes_nothing(later_ms: float) -> None:
    """Also one that is planned for later: it must not come to light only then."""
    cluster, untouched = Cluster(3, seed=1), Cluster(3, seed=1)
    for it in (cluster, untouched):
        it.crash("S3")
        it.run_for(0)
    for action, field in wrong_ones():
        with pytest.raises(RaftLabError):
            cluster.act(replace(action, at_ms=later_ms) if field != "at_ms" else action)
    assert cluster.scenario == untouched.scenario
    assert Scenario.from_json(cluster.scenario.to_json()) == untouched.scenario
    assert not cluster._world.clients
    for it in (cluster, untouched):
        it.run_for(1_000)
    assert cluster.trace.to_bytes() == untouched.trace.to_bytes()
    cluster.fork()


def test_what_a_sound_action_lacks_is_a_plain_sentence() -> None:
    cluster = Cluster(3)
    for action, said in (
        (act.Partition(0.0, 5), "groups=5 must be some groups of servers"),
        (act.Partition(0.0, "S1"), "groups='S1' must be some groups of servers"),
        (act.ChangeMembership(0.0, "S1"), "'S1' is no group of servers"),
        (act.SetClockRate(50.0, "S1", "fast"), "rate='fast' must be a number"),
        (act.SetDisk(50.0, "S1", sync_ms=-1), "sync_ms=-1 must be a finite number"),
        (act.SetLink(50.0, "S1", "S2", loss=2), "loss=2 is no probability"),
        (act.CreateServer(50.0, "Bob"), "'Bob' can't be a server's name"),
    ):
        with pytest.raises(ConfigError, match=said):
            cluster.act(action)
    with pytest.raises(ServerNotFound, match="no server 5; this cluster has S1 … S3"):
        cluster.act(act.Crash(50.0, 5))


def test_who_is_refused_together_with_another_is_not_made() -> None:
    cluster = Cluster(3)
    for refused in (
        lambda: cluster.link("C1", "S9", up=False),
        lambda: cluster.partition({"C1", "S9"}),
        lambda: cluster.submit("C1", Set("x", "1"), "S9"),
        lambda: cluster.submit("C1", "SET x"),
        lambda: cluster.link("C1", "C2", up=False),
    ):
        with pytest.raises(RaftLabError):
            refused()
    assert not cluster._world.clients


# ---- files


@pytest.mark.parametrize(
    "actions, said",
    [
        ((act.Crash(1.0, "S9"),), r"action 1 \(Crash at 1 ms\) names 'S9'; servers are then S1, S2, S3"),
        ((act.Heal(5.0), act.Heal(4.0)), r"action 2 \(Heal at 4 ms\) comes after one at 5 ms; actions must be in order of time"),
        ((act.Heal(-5.0),), "can't act at -5"),
        ((act.Heal(1e13),), "can't act at 1"),
        ((act.Submit(0.0, "C1", Set("x", "v" * 2_000_000)),), "the value is 2,000,000 bytes long"),
        ((act.Submit(0.0, "Bob", Set("x", "1")),), "names 'Bob'"),
        ((act.CreateServer(0.0, "S2"),), "can't create S2: it exists already"),
        (tuple(act.CreateServer(0.0, f"S{n}") for n in range(4, 11)), "can't create S10: a cluster has at most 9 servers"),
        ((act.Crash(0.0, "S4"), act.CreateServer(0.0, "S4")), "names 'S4'"),
        ((act.SetClockRate(0.0, "S1", 1e6),), "rate=1000000.0 must be"),
        ((act.SetDisk(0.0, "S1", capacity_bytes=-1),), "capacity_bytes=-1 must be"),
    ],
)
def test_impossible_actions_are_neither_saved_nor_loaded(
    actions: tuple[act.Action, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = Scenario(size=3, seed=1, actions=actions)
    with pytest.raises((ConfigError, CommandError), match=said):
        scenario.to_json()
    monkeypatch.setattr("raftcore.vocabulary.scenario.check_run", lambda scenario: scenario.actions)
    text = scenario.to_json()
    monkeypatch.undo()
    with pytest.raises(RaftLabError, match=f"run.json is a damaged scenario: .*{said}"):
        Scenario.from_json(text, "run.json")


def test_what_was_created_can_be_named_from_then_on() -> None:
    scenario = Scenario(size=3, seed=1, actions=(act.CreateServer(5.0, "S4"), act.Crash(5.0, "S4")))
    assert Scenario.from_json(scenario.to_json()) == scenario


# ---- numbers

ONE = [1, np.int64(1), np.uint8(1), np.int32(1), np.array(1), pd.Series([1], dtype="Int64")[0], pd.Series([1])[0]]
HALF = [0.5, np.float64(0.5), np.float32(0.5), np.float16(0.5), pd.Series([0.5], dtype="Float64")[0], np.longdouble(0.5)]


@pytest.mark.parametrize("one", ONE, ids=lambda one: type(one).__name__)
def test_whole_numbers_of_numpy_and_pandas_are_whole_numbers(one: Any) -> None:
    assert type(whole(one)) is int
    for made, usual in (
        (Cluster(size=one, seed=one).scenario, Cluster(size=1, seed=1).scenario),
        (Config(snapshot_every=one, snapshot_chunk_bytes=one), Config(snapshot_every=1, snapshot_chunk_bytes=1)),
        (DiskState(capacity_bytes=one), DiskState(capacity_bytes=1)),
        (World(size=one, terms=one, commands=one), World(size=1, terms=1, commands=1)),
        (Faults(crashes=one), Faults(crashes=1)),
    ):
        assert made == usual
        assert repr(made) == repr(usual)
    assert count_cores(one) == 1
    assert list(check_seeds(one)) == [0]
    assert type(next(check_seeds([one]))) is int
    assert explore(World(size=1, terms=1), limit=one).states >= 1
    Walk(World(size=3)).choose(one)
    cluster = Cluster(size=3)
    cluster.client("C1").set("x", "1")
    check(history(cluster), KEY_VALUE, budget=one)
    cluster.disk("S1", capacity_bytes=one)
    assert Scenario.from_json(cluster.scenario.to_json()) == cluster.scenario


@pytest.mark.parametrize("half", HALF, ids=lambda half: type(half).__name__)
def test_numbers_of_numpy_and_pandas_are_numbers(half: Any) -> None:
    assert type(number(half)) is float
    assert repr(Link((half, half), loss=half)) == repr(Link((0.5, 0.5), loss=0.5))
    assert repr(Config(sync_ms=half, delay_ms=(half, half), max_clock_drift=half)) == repr(
        Config(sync_ms=0.5, delay_ms=(0.5, 0.5), max_clock_drift=0.5)
    )
    runs = []
    for value in (half, 0.5):
        cluster = Cluster(3)
        cluster.run_for(value)
        cluster.link("S1", "S2", loss=value, delay_ms=(value, value))
        cluster.set_clock_rate("S1", value)
        cluster.disk("S1", sync_ms=value)
        cluster.act(act.Heal(cluster.now_ms + value))
        cluster.run_to(100 + value)
        cluster.trace.position_at(value)
        cluster.fork(value)
        runs.append((cluster.scenario.to_json(), cluster.trace.to_bytes()))
    assert runs[0] == runs[1]


def test_truth_values_of_numpy_are_truth_values_and_no_numbers() -> None:
    assert truth(np.True_) is True
    assert repr(Link((1.0, 2.0), up=np.False_)) == repr(Link((1.0, 2.0), up=False))
    assert repr(Config(pre_vote=np.False_)) == repr(Config(pre_vote=False))
    assert repr(DiskState(sync_fails=np.True_)) == repr(DiskState(sync_fails=True))
    assert repr(World(slow_disks=np.True_)) == repr(World(slow_disks=True))
    for wrong in (np.True_, np.float64(1.0), "1", None):
        with pytest.raises(ConfigError):
            Cluster(seed=wrong)
        assert whole(wrong) is None


def test_texts_of_numpy_leave_the_same_bytes() -> None:
    runs = []
    for text in (np.str_, str):
        cluster = Cluster(3, seed=2)
        cluster.client(text("C1")).set(text("x"), text("1"))
        cluster.isolate(text("S1"))
        cluster.partition(np.array([text("S1"), text("S2")]))
        cluster.submit(text("C2"), text("GET x STALE"), through=text("S2"))
        runs.append((cluster.scenario.to_json(), cluster.trace.to_bytes(), cluster.as_code()))
    assert runs[0] == runs[1]


def test_a_seed_may_have_256_bits_and_comes_back() -> None:
    for seed in (2**256 - 1, -(2**200), 0):
        assert Scenario.from_json(Cluster(3, seed=seed).scenario.to_json()).seed == seed
    with pytest.raises(ConfigError, match="seed=a number of 33,220 bits must be a whole number of at most 256 bits"):
        Cluster(3, seed=10**10_000)


@pytest.mark.parametrize("words", ["'a ", "' ", '"a\\" ', "'", "''' ", "'a'b "])
def test_text_that_is_long_and_wrong_is_refused(words: str) -> None:
    """In time that is linear in its length: otherwise this takes longer than anybody waits."""
    with pytest.raises(CommandError) as caught:
        parse_command("SET " + words * 200_000)
    assert len(str(caught.value)) < 500


def test_quotes_that_close_are_still_found_behind_words_that_open_none() -> None:
    assert parse_command("SET 'a 'b c' 'd") == Set("a 'b c", "'d")
    assert parse_command("SET 'a b' c'd") == Set("a b", "c'd")
    assert parse_command("CAS ' ' 'x y' '").value == "'"
    assert parse_command("GET x stale").mode is ReadMode.STALE
