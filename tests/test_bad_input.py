"""Bad input gets an error of the right class, with a sentence that names what was wrong and what would be right.

Nothing is lost by it: the view and the scenario stay as they were, and the cluster goes on.
"""

from collections.abc import Callable
from math import inf, nan

import numpy as np
import pandas as pd
import pytest

from raftcore import Cluster, Config, Rules, Scenario
from raftcore.checks.linearizability import KEY_VALUE, check
from raftcore.hunting.hunt import hunt
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.recording import Recording
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Append, Set
from raftcore.vocabulary.errors import (
    ClientNotFound,
    CommandError,
    ConditionNotReached,
    ConfigError,
    ControlError,
    RaftLabError,
    ServerNotFound,
)

TEN_MB = "v" * 10_000_000

REFUSED: dict[str, tuple[Callable[[Cluster], object], type[RaftLabError], str]] = {
    # servers and clients; S1 is crashed, and S2 is paused
    "unknown server": (lambda c: c.crash("S9"), ServerNotFound, "no server 'S9'; this cluster has S1 … S5"),
    "server in lower case": (lambda c: c.pause("s3"), ServerNotFound, "no server 's3'; this cluster has S1 … S5"),
    "server by number": (lambda c: c.restart(1), ServerNotFound, "no server 1; this cluster has S1 … S5"),
    "server as a list": (lambda c: c.resume(["S1"]), ServerNotFound, r"no server \['S1'\]; this cluster has S1 … S5"),
    "no leader to crash": (lambda c: c.crash(None), ServerNotFound, r"no server None; .* may be no leader just now; run on"),
    "unknown client": (lambda c: c.client("Bob"), ClientNotFound, "no client 'Bob'; clients are named C1, C2 …"),
    "client zero": (lambda c: c.submit("C0", Set("x", "1")), ClientNotFound, "no client 'C0'; clients are named C1, C2 …"),
    "client as a list": (lambda c: c.client(["C1"]), ClientNotFound, r"no client \['C1'\]"),
    "server as a client": (lambda c: c.client("S3"), ClientNotFound, "no client 'S3'"),
    "through nowhere": (lambda c: c.submit("C1", Set("x", "1"), "S9"), ServerNotFound, "no server 'S9'"),
    "crash a crashed one": (lambda c: c.crash("S1"), ControlError, "S1 is crashed; restart it first"),
    "pause a crashed one": (lambda c: c.pause("S1"), ControlError, "S1 is crashed; restart it first"),
    "time out a crashed one": (lambda c: c.time_out("S1"), ControlError, "S1 is crashed; restart it first"),
    "restart a running one": (lambda c: c.restart("S3"), ControlError, "S3 is running; only a crashed server can be restarted"),
    "pause a paused one": (lambda c: c.pause("S2"), ControlError, "S2 is paused already; resume it"),
    "resume a running one": (lambda c: c.resume("S3"), ControlError, "S3 is not paused"),
    "time out a paused one": (lambda c: c.time_out("S2"), ControlError, "S2 is paused, and its timer with it; resume it first"),
    "time out the leader": (lambda c: c.time_out(c.leader), ControlError, "leads, and a leader has no election timer; choose a follower"),
    # links
    "link from nowhere": (lambda c: c.link("S9", "S1", loss=0.1), ServerNotFound, "no server 'S9'"),
    "link to nowhere": (lambda c: c.cut("S1", "S9"), ServerNotFound, "no server 'S9'"),
    "link to itself": (lambda c: c.link("S1", "S1", loss=0.1), ConfigError, "no link from S1 to itself; name two different ends"),
    "link between clients": (lambda c: c.link("C1", "C2", up=False), ConfigError, "no link between the clients C1 and C2; name a server"),
    "delay upside down": (lambda c: c.link("S1", "S2", delay_ms=(40, 5)), ConfigError, r"upside down; .*\(5, 40\)"),
    "delay is nan": (lambda c: c.link("S1", "S2", delay_ms=(nan, nan)), ConfigError, "must be finite and at least 0 ms"),
    "delay without end": (lambda c: c.link("S1", "S2", delay_ms=(1, inf)), ConfigError, "must be finite"),
    "delay below zero": (lambda c: c.link("S1", "S2", delay_ms=(-1, 5)), ConfigError, "at least 0 ms"),
    "delay is one number": (lambda c: c.link("S1", "S2", delay_ms=5), ConfigError, r"delay_ms=5 must be a pair of numbers: \(shortest"),
    "delay is text": (lambda c: c.link("S1", "S2", delay_ms="12"), ConfigError, "delay_ms='12' must be a pair of numbers"),
    "delay of texts": (lambda c: c.link("S1", "S2", delay_ms=("1", "2")), ConfigError, "must be a pair of numbers"),
    "delay of truths": (lambda c: c.link("S1", "S2", delay_ms=(False, True)), ConfigError, "must be a pair of numbers"),
    "delay of three": (lambda c: c.link("S1", "S2", delay_ms=(1, 2, 3)), ConfigError, "must be a pair of numbers"),
    "loss in percent": (lambda c: c.link("S1", "S2", loss=30), ConfigError, "loss=30 is no probability; .* between 0 and 1"),
    "loss below zero": (lambda c: c.link("S1", "S2", loss=-0.1), ConfigError, r"loss=-0\.1 is no probability"),
    "loss is nan": (lambda c: c.link("S1", "S2", loss=nan), ConfigError, "loss=nan is no probability"),
    "loss is text": (lambda c: c.link("S1", "S2", loss="high"), ConfigError, "loss='high' is no probability; it must be a number"),
    "duplication is None": (lambda c: c.link("S1", "S2", duplication=None), ConfigError, "duplication=None is no probability"),
    "reordering is true": (lambda c: c.link("S1", "S2", reordering=True), ConfigError, "reordering=True is no probability"),
    "up is text": (lambda c: c.link("S1", "S2", up="yes"), ConfigError, "up='yes' must be True, .* or False"),
    # partitions
    "named twice": (lambda c: c.partition({"S1", "S2"}, {"S2"}), ConfigError, "S2 stands in two groups of the partition; name it once"),
    "nobody named": (lambda c: c.partition(), ConfigError, "a partition needs a group that has members"),
    "an empty group": (lambda c: c.partition(set()), ConfigError, "a partition needs a group that has members"),
    "a name for a group": (lambda c: c.partition("S1", "S2"), ConfigError, "'S1' is no group of servers; write their names in braces"),
    "a number for a group": (lambda c: c.partition(3), ConfigError, "3 is no group of servers; write their names in braces"),
    "a stranger in a group": (lambda c: c.partition({"S1", "S7"}), ServerNotFound, "no server 'S7'; this cluster has S1 … S5"),
    "a number in a group": (lambda c: c.partition({"S1", 2}), ServerNotFound, "no server 2"),
    "isolate nobody": (lambda c: c.isolate("S6"), ServerNotFound, "no server 'S6'"),
    "a name for all voters": (lambda c: c.change_membership("S1"), ConfigError, "'S1' is no group of servers; write their names in braces"),
    # commands
    "no such command": (lambda c: c.client("C1").run("PUT x 1"), CommandError, "no command 'PUT'; there are SET x 1, GET x"),
    "a word too few": (lambda c: c.client("C1").run("SET x"), CommandError, "SET needs a key and a value: SET x 1"),
    "nothing typed": (lambda c: c.client("C1").run("  "), CommandError, "type a command: SET x 1"),
    "no text at all": (lambda c: c.client("C1").run(5), CommandError, "5 is no command; give one such as Set"),
    "text to submit": (lambda c: c.submit("C1", 5), CommandError, "5 is no command"),
    "a value of 10 MB": (lambda c: c.client("C1").set("x", TEN_MB), CommandError, "is 10,000,000 bytes long; it may have 1,048,576"),
    "10 MB to append": (lambda c: c.submit("C1", Append("x", TEN_MB)), CommandError, "is 10,000,000 bytes long; it may have"),
    "a number for a value": (lambda c: c.client("C1").set("x", 1), CommandError, "the value 1 is no text; write '1'"),
    "an empty key": (lambda c: c.client("C1").get(""), CommandError, "the key is empty"),
    # time
    "back in time": (lambda c: c.run_for(-1), ConfigError, "can't run for -1 ms; give a finite number that is not negative"),
    "for no time at all": (lambda c: c.run_for(nan), ConfigError, "can't run for nan ms"),
    "for ever": (lambda c: c.run_for(inf), ConfigError, "can't run for inf ms"),
    "for a text": (lambda c: c.run_for("5"), ConfigError, "can't run for '5' ms"),
    "until nan": (lambda c: c.run_until(lambda _view: False, limit_ms=nan), ConfigError, "can't wait for nan ms"),
    "until a word": (lambda c: c.run_until("leader"), ConfigError, "'leader' is no condition; give a function of a view"),
    "longer than a clock can count": (lambda c: c.run_for(1e308), ConfigError, r"can't run for 1e\+308 ms; .* at most 1e\+12"),
    "longer than a float": (lambda c: c.run_for(10**400), ConfigError, "can't run for 1000"),
    "beyond the end": (lambda c: c.run_for(1e12), ConfigError, r"a run ends at 1e\+12 ms"),
    "to beyond the end": (lambda c: c.run_to(1e17), ConfigError, r"can't run to 1e\+17 ms"),
    "a wait beyond the end": (lambda c: c.run_until(lambda _view: False, limit_ms=1e17), ConfigError, r"can't wait for 1e\+17 ms"),
    "a fork beyond the end": (lambda c: c.fork(1e17), ConfigError, r"can't fork at 1e\+17 ms"),
    "an action beyond the end": (lambda c: c.act(act.Heal(1e17)), ConfigError, r"can't act at 1e\+17 ms"),
    "a link for ever": (lambda c: c.link("S1", "S2", delay_ms=(0, 1e13)), ConfigError, r"at most 1e\+12 ms"),
    "a link longer than a float": (lambda c: c.link("S1", "S2", delay_ms=(0, 10**400)), ConfigError, r"at most 1e\+12 ms"),
    "a sync for ever": (lambda c: c.disk("S3", sync_ms=1e13), ConfigError, r"at most 1e\+12"),
    "a sync of no time": (lambda c: c.disk("S3", sync_ms=nan), ConfigError, "must be a finite number"),
    "a clock without end": (lambda c: c.set_clock_rate("S3", inf), ConfigError, "rate=inf must be a number from 0.01 to 100"),
    "a clock that stands": (lambda c: c.set_clock_rate("S3", 1e-300), ConfigError, "rate=1e-300 must be a number from 0.01 to 100"),
    "a clock of no rate": (lambda c: c.set_clock_rate("S3", nan), ConfigError, "rate=nan must be"),
    # actions as values
    "no action": (lambda c: c.act("crash S1"), ConfigError, "'crash S1' is no action; give one of raftcore.vocabulary.actions"),
    "an action at nan": (lambda c: c.act(act.Heal(nan)), ConfigError, "can't act at nan ms"),
    "an action at a word": (lambda c: c.act(act.Heal("now")), ConfigError, "can't act at 'now' ms"),
    "an action in the past": (lambda c: c.act(act.Heal(5)), ControlError, "nothing can be done at 5 ms any more"),
}


def a_cluster_in_trouble() -> Cluster:
    """A leader among S3 to S5; S1 is crashed, S2 paused, and a link is bad."""
    cluster = Cluster(5, seed=2)
    cluster.crash("S1")
    cluster.pause("S2")
    cluster.link("S3", "S4", loss=0.1)
    cluster.client("C1").set("x", "1")
    return cluster


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_what_would_be_right_and_changes_nothing(case: str) -> None:
    do, error, sentence = REFUSED[case]
    cluster, untouched = a_cluster_in_trouble(), a_cluster_in_trouble()
    view, scenario, bytes_before = cluster.view, cluster.scenario, cluster.trace.to_bytes()
    cluster.run_for(0)  # what is left of this instant happens before an action does
    untouched.run_for(0)

    with pytest.raises(error, match=sentence) as caught:
        do(cluster)

    assert type(caught.value) is error
    assert len(str(caught.value)) < 1_000
    assert cluster.scenario == scenario
    assert cluster.trace.to_bytes()[: len(bytes_before)] == bytes_before
    assert cluster.view == untouched.view
    assert cluster.view.at_ms == view.at_ms
    for it in (cluster, untouched):
        it.run_for(500)
    assert cluster.trace.to_bytes() == untouched.trace.to_bytes()
    assert cluster.client("C2").get("x").value == "1"


UNMADE: dict[str, tuple[Callable[[], object], type[RaftLabError], str]] = {
    "no servers": (lambda: Cluster(0), ConfigError, "a cluster of 0 servers can't be; choose 1 to 9"),
    "1,000 servers": (lambda: Cluster(1_000), ConfigError, "a cluster of 1000 servers can't be; choose 1 to 9"),
    "less than none": (lambda: Cluster(-3), ConfigError, "a cluster of -3 servers can't be"),
    "a true cluster": (lambda: Cluster(True), ConfigError, "a cluster of True servers can't be"),
    "size as text": (lambda: Cluster("5"), ConfigError, "a cluster of '5' servers can't be"),
    "two and a half": (lambda: Cluster(2.5), ConfigError, r"a cluster of 2\.5 servers can't be"),
    "seed as text": (lambda: Cluster(3, seed="7"), ConfigError, "seed='7' must be a whole number"),
    "seed of truth": (lambda: Cluster(3, seed=True), ConfigError, "seed=True must be a whole number"),
    "no config": (lambda: Cluster(3, config={"heartbeat_ms": 5}), ConfigError, r"must be a Config, for example Config\("),
    "rules for a stranger": (lambda: Cluster(3, rules={"S4": Rules()}), ServerNotFound, "no server 'S4'; this cluster has S1 … S3"),
    "rules that are none": (lambda: Cluster(3, rules=len), ConfigError, r"must be one table, Rules\(…\), or tables by server"),
    "no rules by name": (lambda: Cluster(3, rules={"S1": len}), ConfigError, r"must be one table, Rules\(…\), or tables by server"),
    "timeouts upside down": (lambda: Config(election_timeout_ms=(300, 150)), ConfigError, r"upside down; .*\(150, 300\)"),
    "timeouts of nothing": (lambda: Config(election_timeout_ms=(0, 0)), ConfigError, "must be finite and at least 1 ms"),
    "timeouts without end": (lambda: Config(election_timeout_ms=(1e308, 1e308)), ConfigError, r"at most 1e\+12 ms"),
    "timeouts longer than a float": (lambda: Config(election_timeout_ms=(150, 10**400)), ConfigError, r"at most 1e\+12 ms"),
    "delay without end": (lambda: Config(delay_ms=(0, 1e13)), ConfigError, r"at most 1e\+12 ms"),
    "sync without end": (lambda: Config(sync_ms=1e13), ConfigError, r"sync_ms=.* at most 1e\+12"),
    "sessions without end": (lambda: Config(session_timeout_ms=inf), ConfigError, r"session_timeout_ms=inf .* at most 1e\+12"),
    "retries without end": (lambda: Config(client_retry_ms=1e308), ConfigError, r"client_retry_ms=.* at most 1e\+12"),
    "limits without end": (lambda: Config(client_limit_ms=10**400), ConfigError, r"client_limit_ms=.* at most 1e\+12"),
    "heartbeats without end": (lambda: Config(heartbeat_ms=1e300), ConfigError, r"heartbeat_ms=.* at most 1e\+12"),
    "drift of no size": (lambda: Config(max_clock_drift=nan), ConfigError, "max_clock_drift=nan must be"),
    "timeouts as text": (lambda: Config(election_timeout_ms=("150", "300")), ConfigError, "must be a pair of numbers"),
    "delay is nan": (lambda: Config(delay_ms=(0, nan)), ConfigError, "must be finite"),
    "heartbeat of truth": (lambda: Config(heartbeat_ms=True), ConfigError, "heartbeat_ms=True must be a finite number of milliseconds"),
    "heartbeat is nan": (lambda: Config(heartbeat_ms=nan), ConfigError, "heartbeat_ms=nan must be a finite number"),
    "slow heartbeat": (lambda: Config(heartbeat_ms=200), ConfigError, "must be shorter than the shortest election timeout"),
    "sync below zero": (lambda: Config(sync_ms=-1), ConfigError, "sync_ms=-1 must be a finite number of milliseconds, at least 0"),
    "empty messages": (lambda: Config(max_entries_per_message=0), ConfigError, "must be a whole number, at least 1"),
    "half a message": (lambda: Config(max_messages_in_flight=1.5), ConfigError, "must be a whole number, at least 1"),
    "a bad scenario": (
        lambda: Cluster.from_scenario(Scenario(size=3, seed=1, actions=(act.Crash(0.0, "S7"),))), ServerNotFound, "no server 'S7'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNMADE)
def test_what_cannot_be_is_not_made(case: str) -> None:
    make, error, sentence = UNMADE[case]
    with pytest.raises(error, match=sentence):
        make()


def test_the_longest_times_of_all_come_to_an_end() -> None:
    """Where now + duration is now, an instant would never end."""
    longest = Config(election_timeout_ms=(1e12, 1e12), heartbeat_ms=9e11, client_retry_ms=1e12, client_limit_ms=1e12)
    cluster = Cluster(3, config=longest, checks=False)
    while cluster.step():
        pass
    assert cluster.now_ms <= 1e12
    with pytest.raises(ControlError, match=r"the run is at its end, 1e\+12 ms, and .* has no answer yet"):
        cluster.client("C1").set("x", "1")
    with pytest.raises(ConfigError, match="a run ends at"):
        cluster.run_for(1e12)


def test_a_condition_that_never_comes_true_says_so_and_the_run_goes_on() -> None:
    cluster = a_cluster_in_trouble()
    with pytest.raises(ConditionNotReached, match=r"did not come true within 1,000 ms; .* Heal links, restart servers"):
        cluster.run_until(lambda view: not view.servers, limit_ms=1_000)
    assert cluster.client("C2").get("x").value == "1"


def test_a_planned_action_that_does_not_fit_when_its_time_comes_is_refused_then_and_the_run_goes_on() -> None:
    cluster = Cluster(3)
    cluster.act(act.Crash(100.0, "S1"))
    cluster.act(act.Crash(200.0, "S1"))
    with pytest.raises(ControlError, match="S1 is crashed; restart it first"):
        cluster.run_for(1_000)
    assert cluster.now_ms == 200
    cluster.run_for(2_000)
    assert cluster.leader in ("S2", "S3")
    assert cluster.scenario.actions == (act.Crash(100.0, "S1"),)


def test_an_error_of_a_condition_comes_through_and_the_run_goes_on() -> None:
    cluster = Cluster(3)
    with pytest.raises(ZeroDivisionError):
        cluster.run_until(lambda view: 1 / view.servers["S1"].current_term and 0)
    cluster.run_for(2_000)
    assert cluster.leader


@pytest.mark.parametrize("text", ["<b>x</b>", "<script>alert(1)</script>", '"&quot;', "\0\n\t", "\u202e ünïcödé 🚀"])
def test_keys_and_values_are_text_whatever_is_in_them(text: str) -> None:
    client = Cluster(3).client("C1")
    assert client.set(text, text).ok
    assert client.get(text).value == text


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError("no text")


def walk_of(path: object) -> Walk:
    return Walk(World(), path)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda c: c.crash(Unspeakable()), "no server a Unspeakable that can't be shown"),
        (lambda c: c.add_server(pd.Series(["S1"])), "can't be a server's name"),
        (lambda c: c.add_server(pd.NA), "can't be a server's name"),
        (lambda c: c.create_server(""), "'' can't be a server's name"),
        (lambda c: c.create_server(np.array([1, 2])), "can't be a server's name"),
        (lambda c: c.partition(np.array(3)), "is no group of servers"),
        (lambda c: c.partition(range(10**12)), "range.* is no group of servers"),
        (lambda c: c.act(act.Partition(0.0, np.array(3))), "must be some groups of servers"),
        (lambda c: c.run_until(Unspeakable()), "that can't be shown is no condition"),
        (lambda c: c.trace.view_at(Unspeakable()), "is no moment of a run"),
        (lambda c: c.recording.to_shiviz("x", from_ms=10**400), "there is no while from"),
        (lambda _: Scenario(size=3, seed=1, actions=(act.Crash("soon", "S1"),)).to_json(), r"action 1 \(Crash at 'soon' ms\)"),
        (lambda _: Scenario.load("\ud800"), "is no path"),
        (lambda _: Recording.load(Unspeakable()), "is no path"),
        (lambda _: Walk("world"), "'world' is no world"),
        (lambda _: walk_of(len), "is no path; give the choices by their places"),
        (lambda _: World(config="fast"), "config='fast' must be a Config"),
        (lambda _: hunt(faults=True, seeds=1), "faults=True are no kinds of trouble"),
        (lambda _: hunt(wanted=np.array([1, 2]), seeds=1), "there is no property"),
        (lambda _: check(np.array(3), KEY_VALUE), "is no history"),
    ],
)
def test_what_has_no_truth_no_order_and_no_text_gets_a_sentence_too(call: Callable[[Cluster], object], said: str) -> None:
    cluster = Cluster(size=3, seed=1, checks=False)
    cluster.run_for(500)
    with pytest.raises(RaftLabError, match=said):
        call(cluster)
    assert (cluster.now_ms, cluster.scenario.actions) == (500, ())


def test_a_moment_that_is_too_large_for_a_float_is_the_end() -> None:
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(500)
    assert cluster.trace.view_at(10**400).servers == cluster.trace.view().servers


def test_the_texts_and_numbers_of_numpy_leave_the_same_scenario() -> None:
    theirs = Scenario(size=3, seed=1, actions=(act.Crash(np.float32(5), np.str_("S1")),))
    assert theirs.to_json() == Scenario(size=3, seed=1, actions=(act.Crash(5.0, "S1"),)).to_json()
