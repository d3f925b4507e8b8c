"""No Invention: what clients did not ask for, what is done twice, and answers that are not so; and what looks like it and is right."""

import pytest
from stories import Story, no_op, put

from raftcore import Cluster
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.mutants.mutant import elect, settle
from raftcore.statemachine.language import show_command
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, OpenSession, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.messages import Entry

DEFAULTS = Config()
NO_SESSIONS = Config(client_sessions=False)


def found(story: Story) -> list[str]:
    return [violation.sentence for violation in story.violations if violation.property == "No Invention"]


@pytest.mark.parametrize("entry", [put(1, 1, "2"), put(1, 2), Entry(1, Set("x", "1"))])
def test_an_entry_for_which_nobody_has_asked_is_found(entry: Entry) -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.elect("S1", 1, by="S2")
    story.append("S1", entry)
    assert found(story) == [f"S1 wrote SET x {entry.command.value} at index 1, and no client has asked for that"]


def test_an_entry_that_comes_from_a_disk_was_asked_for_too_or_it_is_found() -> None:
    story = Story()
    story.reign("S2 S3")
    story.tell(ev.Crashed, "S2")
    story.tell(ev.Restarted, "S2", 1, "S1", 1, (Entry(1, Set("x", "evil"), "C9", 1, 1),), 0)
    assert found(story) == ["S2 came back with SET x evil at index 2, and no client has asked for that"]


def test_servers_write_no_ops_clients_open_sessions_and_a_read_says_how_it_is_done() -> None:
    story = Story()
    story.ask(1, Get("x"))
    story.elect("S1", 1, by="S2")
    story.append("S1", no_op(1), Entry(1, OpenSession(), "C1", -1), Entry(1, Get("x", ReadMode.LOG), "C1", 1, 2))
    assert story.broken == []


# ---- exactly once


def twice(config: Config, effect: tuple[str | None, str | None]) -> Story:
    """C1's first command stands in the log twice, and the second copy has this effect."""
    story = Story(3, config)
    story.ask(1, Append("x", "a"))
    story.reign()
    entry = Entry(1, Append("x", "a"), "C1", 1, 1)
    story.keep("S1 S2", entry, entry)
    for server in ("S1", "S2"):
        story.tell(ev.Committed, server, 3)
        story.tell(ev.Applied, server, 2, "x", "a")
        story.tell(ev.Applied, server, 3, *effect, effect[0] is None)
    return story


@pytest.mark.parametrize("config", [DEFAULTS, NO_SESSIONS])
def test_a_command_that_is_carried_out_twice_is_found(config: Config) -> None:
    story = twice(config, ("x", "aa"))
    assert found(story) == [f"{name} carried out APPEND x a of C1 at index 3, as at index 2 before" for name in ("S1", "S2")]


def test_a_retry_that_is_remembered_and_changes_nothing_is_right() -> None:
    assert twice(DEFAULTS, (None, None)).broken == []


def where_x_is_a(command: Command) -> Story:
    """x was set to a, and the command is to be carried out next."""
    story = Story()
    story.ask(1, Set("x", "a"))
    story.ask(2, command)
    story.reign()
    story.keep("S1 S2", Entry(1, Set("x", "a"), "C1", 1, 1), Entry(1, command, "C1", 2, 1))
    story.commit("S1 S2", 2)
    return story


@pytest.mark.parametrize(
    "command, effect, words",
    [
        (Set("x", "1"), ("x", "999"), "x held 999"),
        (Set("x", "1"), ("y", "1"), "y held 1"),
        (Delete("x"), ("x", "1"), "x held 1"),
        (Append("x", "b"), ("x", "b"), "x held b"),
        (Cas("x", "b", "c"), ("x", "c"), "x held c"),
        (Get("x", ReadMode.LOG), ("x", "b"), "x held b"),
    ],
)
def test_what_a_command_does_not_do_is_found_though_all_do_it(command: Command, effect: tuple[str, str | None], words: str) -> None:
    story = where_x_is_a(command)
    for server in ("S1", "S2"):
        story.tell(ev.Committed, server, 3)
        story.tell(ev.Applied, server, 3, *effect)
    assert found(story) == [f"S1 carried out {show_command(command)} at index 3 so that {words}, and it does something else"]


@pytest.mark.parametrize("command, value", [(Set("x", "b"), "b"), (Delete("x"), None), (Append("x", "b"), "ab"), (Cas("x", "a", "b"), "b")])
def test_what_a_command_does_is_right(command: Command, value: str | None) -> None:
    story = where_x_is_a(command)
    story.tell(ev.Committed, "S1", 3)
    story.tell(ev.Applied, "S1", 3, "x", value)
    assert story.broken == []


# ---- answers


def written(config: Config = DEFAULTS) -> Story:
    """x is 1 since index 2, and 2 since index 3; C1 has heard of the first."""
    story = Story(3, config)
    story.ask(1, Set("x", "1"))
    story.reign()
    story.keep("S1 S2", put(1, 1))
    story.commit("S1 S2", 2)
    story.answer(1, Set("x", "1"), 2)
    story.ask(2, Set("x", "2"))
    story.keep("S1 S2", put(1, 2, "2"))
    story.commit("S1 S2", 3)
    return story


def test_an_answer_that_is_not_committed_is_found() -> None:
    story = written()
    story.answer(2, Set("x", "2"), 9)
    story.answer(2, Set("x", "2"), 2)
    story.answer(7, Set("x", "2"), 3)
    assert found(story) == [
        "C1 got an answer to its command 2 at index 9, which nobody has committed",
        "C1 got an answer to its command 2 at index 2, where SET x 1 is committed",
        "C1 got an answer to its command 7, which it never began",
    ]


ALREADY = Cas("x", "2", "3")


def compared(number_of_copies: int, *effects: tuple[str | None, str | None]) -> Story:
    """x is 2, and C1 asked for it to be 3 where it is 2; the copies of that have these effects."""
    story = written()
    story.ask(3, ALREADY)
    story.keep("S1 S2", *(Entry(1, ALREADY, "C1", 3, 1) for _ in range(number_of_copies)))
    for index, effect in enumerate(effects, 4):
        story.tell(ev.Committed, "S1", index)
        story.tell(ev.Applied, "S1", index, *effect)
    return story


def test_a_retry_that_was_carried_out_again_is_found_by_its_answer_though_it_changed_nothing() -> None:
    story = compared(2, ("x", "3"), (None, None))
    story.tell(ev.Completed, "C1", 3, ALREADY, False, "3", 5, 2, 1.0)
    assert found(story) == ["C1 got an answer to its command 3: failed with 3, and at index 4 it came to: done with 3"]


def test_an_answer_that_says_done_where_nothing_was_is_found() -> None:
    story = compared(1, (None, None))
    story.tell(ev.Completed, "C1", 3, ALREADY, True, "3", 4, 1, 1.0)
    assert found(story) == ["C1 got an answer to its command 3: done with 3, and at index 4 it came to: failed with 2"]


@pytest.mark.parametrize("effect, ok", [(("x", "3"), True), ((None, None), False)])
def test_an_answer_that_is_what_the_command_came_to_is_right(effect: tuple[str | None, str | None], ok: bool) -> None:
    story = compared(2, effect, (None, None))
    story.tell(ev.Completed, "C1", 3, ALREADY, ok, "3" if ok else "2", 5, 2, 1.0)
    assert story.broken == []


def test_a_compare_and_set_that_a_machine_carries_out_again_is_found_in_a_cluster() -> None:
    (eager,) = (mutant for mutant in MUTANTS if mutant.number == "30")
    cluster = eager.cluster()
    elect(cluster, "S1")
    cluster.submit("C1", "SET x 1")
    settle(cluster)
    cluster.link("S1", "C1", up=False)
    cluster.submit("C1", "CAS x 1 2", through="S1")
    settle(cluster)
    cluster.link("S1", "C1", up=True)
    cluster.run_for(2_000)
    assert [it.sentence for it in cluster.violations] == [
        "C1 got an answer to its command 2: failed with 2, and at index 4 it came to: done with 2"
    ]


def test_an_answer_that_never_came_says_nothing() -> None:
    story = written()
    story.tell(ev.Completed, "C1", 2, Set("x", "2"), None, None, 0, 4, 1.0)
    assert story.broken == []


@pytest.mark.parametrize("mode", list(ReadMode))
def test_a_read_that_finds_what_was_not_there_is_found(mode: ReadMode) -> None:
    story = written()
    story.ask(3, Get("x", mode))
    story.answer(3, Get("x", mode), 3, "1")
    assert found(story) == ["C1 got an answer to its command 3: 1, as of index 3, where x held 2"]


@pytest.mark.parametrize("mode", [ReadMode.READ_INDEX, ReadMode.LEASE])
def test_a_read_that_misses_what_was_answered_before_it_was_asked_is_found(mode: ReadMode) -> None:
    story = written()
    heard = story.answer(2, Set("x", "2"), 3)
    story.ask(1, Get("x", mode), client="C2")
    story.answer(1, Get("x", mode), 2, "1", client="C2")
    (violation,) = story.violations
    assert violation.sentence == "C2 got an answer to its command 1 as of index 2, though index 3 had been answered before it was asked"
    assert heard in violation.evidence


def test_a_read_that_was_asked_before_the_answer_may_miss_it() -> None:
    story = written()
    story.ask(1, Get("x"), client="C2")
    story.answer(2, Set("x", "2"), 3)
    story.answer(1, Get("x"), 2, "1", client="C2")
    assert story.broken == []


def test_a_read_that_is_stale_by_wish_may_miss_what_it_likes() -> None:
    story = written()
    story.answer(2, Set("x", "2"), 3)
    story.ask(1, Get("x", ReadMode.STALE), client="C2")
    story.answer(1, Get("x", ReadMode.STALE), 0, None, client="C2")
    assert story.broken == []


@pytest.mark.parametrize(
    "tampering, is_judged",
    [
        (lambda story: story.tell(ev.Acted, TimeOut(1.0, "S2")), False),
        (lambda story: story.tell(ev.ClockRateChanged, "S2", 0.5), False),
        (lambda story: story.tell(ev.ClockRateChanged, "S2", 1.05), True),
        (lambda story: [story.tell(ev.ClockRateChanged, name, rate) for name, rate in (("S1", 1 / 1.1), ("S2", 1.1))], False),
        (lambda story: [story.tell(ev.ClockRateChanged, name, rate) for name, rate in (("S1", 1.05), ("S1", 1.0), ("S2", 1 / 1.05))], True),
        (lambda story: [story.tell(ev.ClockRateChanged, name, rate) for rate in (1.1, 1.2) for name in story.names], True),
        (
            lambda story: [
                *(story.tell(ev.ClockRateChanged, name, rate) for rate in (1.1, 1.2) for name in story.names),
                story.tell(ev.Created, "S4"),
            ],
            False,
        ),
    ],
)
def test_a_lease_holds_as_long_as_clocks_are_no_worse_than_they_may_be(tampering, is_judged: bool) -> None:
    story = written(Config(reads=ReadMode.LEASE))
    story.answer(2, Set("x", "2"), 3)
    tampering(story)
    story.ask(1, Get("x"), client="C2")
    story.answer(1, Get("x"), 2, "1", client="C2")
    assert bool(story.broken) is is_judged


def test_a_read_in_the_log_that_was_repeated_has_its_first_answer() -> None:
    story = written()
    read = Entry(1, Get("x", ReadMode.LOG), "C1", 3, 1)
    story.ask(3, Get("x", ReadMode.LOG))
    story.ask(1, Set("x", "3"), client="C2")
    story.keep("S1 S2", read, Entry(1, Set("x", "3"), "C2", 1, 1), read)
    story.commit("S1 S2", 6)
    story.answer(3, Get("x", ReadMode.LOG), 6, "2")
    assert story.broken == []


def test_clocks_that_are_further_apart_than_leases_allow_break_no_law() -> None:
    """Each is within a tenth of the right time, and two of them are not within a tenth of each other (thesis 6.4.1)."""
    config = Config(
        election_timeout_ms=(300.0, 315.0), heartbeat_ms=20.0, delay_ms=(0.1, 0.1), sync_ms=0.0, reads=ReadMode.LEASE, pre_vote=False,
        client_sessions=False, client_retry_ms=60.0,
    )  # fmt: skip
    cluster = Cluster(3, seed=0, config=config)
    cluster.run_for(3_000)
    old = cluster.leader
    others = [name for name in cluster.server_ids if name != old]
    cluster.set_clock_rate(old, 1 / 1.1)
    for name in others:
        cluster.set_clock_rate(name, 1.1)
    cluster.run_for(1_000)
    cluster.isolate(old)
    cluster.run_until(lambda view: any(it.id in others for it in view.leaders), limit_ms=400)
    new = next(it.id for it in cluster.view.leaders if it.id in others)
    cluster.submit("C1", Set("x", "2"), through=new)
    cluster.run_for(1.5)
    cluster.submit("C2", Get("x"), through=old)
    cluster.run_for(2)
    assert [(it.client, it.value) for it in cluster.view.completed] == [("C1", None), ("C2", None)]
    assert cluster.violations == ()
