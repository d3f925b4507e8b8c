"""Small worlds, explored: Raft holds in every interleaving, and of a wrong rule the shortest story is found."""

from random import Random

import pytest
from msgspec.structs import replace

from raftcore import Config, Rules
from raftcore.checks import beliefs as checks_beliefs
from raftcore.checks.watch import check_trace
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting import beliefs
from raftcore.hunting import explore as module
from raftcore.hunting.explore import explore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.shapes import shape_of
from raftcore.hunting.small_world import TIMELESS, World
from raftcore.hunting.walk import Walk
from raftcore.server import Server
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.events import Synced
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply

ALL_KINDS = World(terms=4, commands=3, heartbeats=4, crashes=3, losses=3, duplications=3)


def rules_of(number: str) -> Rules | Rulebook:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.number == number)
    return mutant.rules


# ---- what is found


SMALL = {
    "one term": World(terms=1, commands=1),
    "crashes": World(terms=1, commands=2, crashes=1),
    "duplications": World(terms=1, commands=0, duplications=2),
    "losses and heartbeats": World(terms=1, commands=0, losses=1, heartbeats=1),
    "two servers": World(size=2, terms=3, commands=1),
    "one server": World(size=1, terms=2, commands=2, crashes=2),
    "slow disks": World(terms=1, commands=0, crashes=1, slow_disks=True),
    "two servers with slow disks": World(size=2, terms=2, commands=1, crashes=1, slow_disks=True),
    "one server with a slow disk": World(size=1, terms=2, commands=2, crashes=2, slow_disks=True),
}


@pytest.mark.parametrize("world", SMALL.values(), ids=SMALL)
def test_raft_holds_in_every_interleaving_of_a_small_world(world: World) -> None:
    explored = explore(world)
    assert explored.passed, explored
    assert explored.reached == ("a leader is elected", "an entry commits")


ANY_TERM = World(rules=rules_of("10"), commands=0)
SLOW = World(terms=1, commands=0, crashes=1, slow_disks=True)
HASTY = {
    "a vote is given unsaved": (replace(SLOW, rules=rules_of("2")), "Term And Vote Are Saved", 3),
    "acknowledged unsaved": (replace(SLOW, rules=rules_of("13"), crashes=0), "Term And Vote Are Saved", 7),
}
TWO_WRITES = replace(SLOW, rules=rules_of("4"))

BELIEFS = {belief.name for belief in checks_beliefs.BELIEFS}

WRONG = {
    "votes of any term count": (ANY_TERM, "Election Safety", 7),
    "old terms are counted": (World(rules=rules_of("1"), commands=0, heartbeats=1), "Commit Only Own Term", 10),
    "stepping down frees the vote": (World(rules=rules_of("3"), commands=0), "One Leader A Term", 5),
    "every append truncates": (World(rules=rules_of("5"), terms=1, commands=0, heartbeats=1), "Match Is True", 7),
    "the stale tail stays": (World(rules=rules_of("6")), "Terms Ordered", 8),
    "own end committed": (World(rules=rules_of("7"), terms=2, commands=0, heartbeats=1), "State Machine Safety", 10),
    **HASTY,
    "term and vote in two writes": (replace(TWO_WRITES, slow_disks=False), "Term And Vote Are Saved", 2),
    "term and vote in two slow writes": (TWO_WRITES, "Term And Vote Are Saved", 4),
}


@pytest.mark.parametrize("world, property_, length", WRONG.values(), ids=WRONG)
def test_of_a_wrong_rule_the_shortest_story_is_found(world: World, property_: str, length: int) -> None:
    explored = explore(world)
    assert explored.violation
    assert explored.violation.property == property_
    assert len(explored.path) == length
    seen = {found.property for found in check_trace(explored.walk().trace, world.config)}
    assert property_ in seen or property_ in BELIEFS
    assert not explored.passed
    assert not explored.complete


@pytest.mark.parametrize("world", [world for world, _, _ in HASTY.values()], ids=HASTY)
def test_where_disks_sync_at_once_nobody_can_be_too_early(world: World) -> None:
    assert explore(replace(world, slow_disks=False)).passed


def test_from_a_walk_the_search_goes_on_and_finds_what_is_far_from_the_start() -> None:
    walk = Walk(World(terms=3, rules=rules_of("11")))
    for choice in ("S1 times out", "deliver RequestVote(", "deliver RequestVoteReply(", "C1 asks S1", "S2 times out"):
        choose(walk, choice)
    choose(walk, "deliver RequestVote(term 2, last entry 0 of term 0) S2 → S3")
    explored = explore(walk)
    assert explored.violation
    assert explored.violation.property == "Leader Completeness"
    assert explored.path[:6] == explored.start == walk.path
    assert len(explored.path) == 13
    assert explored.walk().violation == explored.violation


def test_a_search_from_a_walk_sees_only_what_may_still_happen() -> None:
    walk = Walk(World(terms=1))
    whole = explore(walk)
    assert replace(whole, seconds=1.0) == replace(explore(walk.world), seconds=1.0)
    walk.choose(0)
    rest = explore(walk)
    assert rest.passed
    assert rest.unique < whole.unique
    assert rest.depth == whole.depth - 1
    assert str(rest).startswith("All laws hold in every state that can be reached from there.")
    assert rest.walk().path == walk.path


def test_where_a_walk_has_broken_a_law_already_there_is_nothing_to_search() -> None:
    explored = explore(ANY_TERM)
    again = explore(explored.walk())
    assert again.violation == explored.violation
    assert again.path == again.start == explored.path
    assert not again.complete


def test_a_path_repeats_the_violation_and_the_checks_of_every_run_see_it_too() -> None:
    explored = explore(ANY_TERM)
    walk = Walk(ANY_TERM, explored.path)
    assert walk.violation == explored.violation
    assert explored.violation
    assert explored.violation.property in {found.property for found in check_trace(walk.trace, walk.config)}
    assert explored.violation.at_ms == walk.now_ms
    assert explored.violation.servers == ("S1", "S2")
    assert explored.walk().trace.to_bytes() == walk.trace.to_bytes()

    walk.back()
    assert walk.violation is None
    assert explored.violation.property not in {found.property for found in check_trace(walk.trace, walk.config)}


def test_names_do_not_matter_and_so_a_world_has_fewer_states(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(terms=1, commands=1)
    fewer, soon = explore(world), explore(ANY_TERM)
    monkeypatch.setattr(module.Symmetry, "least", lambda _, minds, mail, history: (*minds, history, *sorted(mail)))
    all_of_them, also_soon = explore(world), explore(ANY_TERM)
    assert 5 * fewer.unique < all_of_them.unique < 6 * fewer.unique
    assert fewer.depth == all_of_them.depth
    assert len(soon.path) == len(also_soon.path)


def test_what_history_remembers_tells_states_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that forgets its vote comes back to a state that it was in, but for the vote that was given.

    Beliefs are left out, since they break at the first vote.
    """
    monkeypatch.setattr(beliefs, "judge_own", lambda _: None)

    def forget_the_vote(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        reply = election.answer_request_vote(me, ask)
        me.voted_for = None
        return reply

    explored = explore(World(terms=1, commands=0, rules=Rules(answer_request_vote=forget_the_vote)))
    assert explored.violation
    assert explored.violation.property == "Vote Once"


def test_a_world_in_which_nothing_happens_proves_nothing() -> None:
    explored = explore(World(terms=0))
    assert explored.complete
    assert explored.violation is None
    assert not explored.passed
    assert explored.missed == ("a leader is elected", "an entry commits")
    assert "says little" in str(explored)


def test_a_rule_that_is_never_asked_is_not_tried() -> None:
    def nonsense(*_: object) -> None:
        raise AssertionError

    explored = explore(World(terms=1, rules=Rules(answer_pre_vote=nonsense, answer_request_vote=obedient, answer_read=nonsense)))
    assert explored.complete
    assert explored.violation is None
    assert not explored.passed
    assert explored.reached == ("a leader is elected", "an entry commits", "answer_request_vote is asked")
    assert explored.missed == ("answer_pre_vote is asked", "answer_read is asked")
    assert "never does it happen that answer_pre_vote is asked or that answer_read is asked." in str(explored)


def obedient(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return election.answer_request_vote(me, ask)


def test_a_search_ends_at_its_limit_and_says_that_this_is_not_all() -> None:
    explored = explore(World(), limit=500)
    assert not explored.complete
    assert not explored.passed
    assert 500 <= explored.unique < 600
    assert "not all" in str(explored)


def test_a_search_tells_how_far_it_is_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PORTION", 10)
    heard: list[int] = []

    def listen(so_far: module.Explored) -> None:
        heard.append(so_far.unique)
        if so_far.unique > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explore(World(), on_progress=listen)
    assert len(heard) >= 9
    assert heard == sorted(heard)


def test_the_same_world_is_explored_in_the_same_way() -> None:
    one, other = explore(World(terms=1)), explore(World(terms=1))
    assert replace(one, seconds=1.0) == replace(other, seconds=1.0)


# ---- by hand


def test_a_walk_is_gone_by_hand_and_back() -> None:
    walk = Walk(World(losses=1, duplications=1, crashes=1))
    assert walk.choices == ("S1 times out", "S1 crashes", "S2 times out", "S2 crashes", "S3 times out", "S3 crashes")
    walk.choose(0)
    ask = "RequestVote(term 1, last entry 0 of term 0) S1 → S2"
    assert [f"{kind} {ask}" in walk.choices for kind in ("deliver", "lose", "duplicate")] == [True] * 3
    walk.choose(walk.choices.index(f"deliver {ask}"))
    walk.choose(walk.choices.index("deliver RequestVoteReply(term 1, granted) S2 → S1"))
    assert walk.view.leaders[0].id == "S1"
    assert "C1 asks S1 for SET x 1" in walk.choices

    walk.back()
    assert walk.view.leaders == ()
    assert len(walk.path) == 2
    again = Walk(walk.world, walk.path)
    assert again.choices == walk.choices
    assert again.trace.to_bytes() == walk.trace.to_bytes()


def test_a_clients_command_is_told_from_asking_to_the_answer() -> None:
    walk = Walk(World(terms=1, commands=1))
    for choice in ("S1 times out", "deliver RequestVote(", "deliver RequestVoteReply(", "C1 asks S1"):
        choose(walk, choice)
    assert walk.view.pending["C1"].command == walk.view.servers["S1"].log[2].command
    while not walk.view.completed:
        choose(walk, "deliver AppendEntries")
    assert walk.view.completed[0].ok
    assert walk.view.servers["S1"].kv_store["x"] == "1"


def choose(walk: Walk, beginning: str) -> None:
    walk.choose(next(index for index, words in enumerate(walk.choices) if words.startswith(beginning)))


def test_what_a_slow_disk_has_not_synced_is_not_sent_and_a_crash_loses_it() -> None:
    walk = Walk(SLOW)
    walk.choose(0)
    assert walk.choices[:2] == ("S1's disk syncs", "S1 crashes")
    assert walk.view.servers["S1"].current_term == 1
    assert not walk.view.messages
    choose(walk, "S1 crashes")
    choose(walk, "S1 restarts")
    assert walk.view.servers["S1"].current_term == 0

    for _ in range(2):
        walk.back()
    choose(walk, "S1's disk syncs")
    assert Synced(walk.now_ms, "S1", 1, "S1", 0) in walk.trace
    assert len(walk.view.messages) == 2
    choose(walk, "S1 crashes")
    choose(walk, "S1 restarts")
    assert walk.view.servers["S1"].current_term == 1


def test_who_waits_for_its_disk_does_nothing_else() -> None:
    walk = Walk(SLOW)
    choose(walk, "S1 times out")
    choose(walk, "S1's disk syncs")
    choose(walk, "S2 times out")
    about_s2 = [words for words in walk.choices if words.startswith("S2") or words.endswith("→ S2")]
    assert about_s2 == ["S2's disk syncs", "S2 crashes"]
    choose(walk, "S2's disk syncs")
    assert "deliver RequestVote(term 1, last entry 0 of term 0) S1 → S2" in walk.choices


def test_what_a_crash_brings_back_is_told() -> None:
    """S1 takes in a command that it does not save, and one that it saves and overwrites, but does not save that."""
    walk = Walk(World(terms=2, commands=1, crashes=2, slow_disks=True))
    elect = ("{0} times out", "{0}'s disk", "deliver RequestVote(term {1}", "{2}'s disk", "deliver RequestVoteReply(term {1}", "{0}'s disk")
    for words in elect:
        choose(walk, words.format("S1", 1, "S2"))
    choose(walk, "C1 asks S1")
    assert walk.view.servers["S1"].log.last_index == 2
    choose(walk, "S1 crashes")
    choose(walk, "S1 restarts")
    assert walk.view.servers["S1"].log.last_index == 1
    choose(walk, "S1's disk")

    for words in ("S2 times out", "S2's disk", "deliver RequestVote(term 2, last entry 0 of term 0) S2 → S3", "S3's disk"):
        choose(walk, words)
    for words in ("deliver RequestVoteReply(term 2", "S2's disk", "deliver AppendEntries(term 2, entries up to 1 after 0) S2 → S1"):
        choose(walk, words)
    assert walk.view.servers["S1"].log[1].term == 2
    choose(walk, "S1 crashes")
    choose(walk, "S1 restarts")
    assert walk.view.servers["S1"].log[1].term == 1
    assert not check_trace(walk.trace, walk.config)


def test_a_server_that_does_not_start_from_its_disk_stays_down() -> None:
    walk = Walk(World(terms=1, crashes=1, slow_disks=True, rules=rules_of("15")), [0, 0, 5, 1, 5, 0, 0, 0, 5, 1, 5, 2, 4, 5, 1, 5, 4, 4, 3])
    choose(walk, "S3 restarts")
    assert "should hold all 2 entries that are committed" in str(walk.view.servers["S3"].halted)
    assert "S3 restarts" in walk.choices


@pytest.mark.parametrize("slow_disks", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_chosen_a_walk_is_a_run_in_which_all_checks_hold(seed: int, slow_disks: bool) -> None:
    random, walk = Random(seed), Walk(replace(ALL_KINDS, slow_disks=slow_disks))
    while len(walk.path) < 150 and walk.choices:
        walk.choose(random.randrange(len(walk.choices)))
    assert not check_trace(walk.trace, walk.config)
    assert walk.view.at_ms == walk.now_ms == 10.0 * len(walk.path)
    assert [event.at_ms for event in walk.trace] == sorted(event.at_ms for event in walk.trace)


# ---- what can't be


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: World(size=0), "choose 1 to 9"),
        (lambda: World(terms=-1), "terms=-1 must be a whole number, 0 or more"),
        (lambda: World(crashes=True), "crashes=True must be a whole number"),
        (lambda: World(rules=None), "must be one table for all servers"),
        (lambda: World(rules={"S1": Rules()}), "one table for all servers, .*, and this is a dict$"),
        (lambda: World(rules=Rulebook({"S2": Rules()})), "all servers have the same rules: none of its own for S2"),
        (lambda: World(slow_disks=1), "slow_disks=1 must be True or False"),
        (lambda: World(config=Config()), "pre_vote must be off: a small world has no clock"),
        (lambda: World(config=replace(TIMELESS, snapshot_every=5)), "nobody compacts"),
        (lambda: explore("a world"), "is no world"),
        (lambda: explore(World(), limit=0), "limit=0 must be a whole number of states, 1 or more"),
        (lambda: Walk(World(), [99]), r"no choice 99 after \[\]; there are 3"),
        (lambda: Walk(World(), ["x"]), "no choice 'x'"),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_a_sentence(make, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make()


def test_nothing_is_taken_back_before_anything_is_chosen() -> None:
    with pytest.raises(ControlError, match="nothing was chosen yet"):
        Walk(World()).back()


def test_a_state_of_a_kind_that_nobody_knows_is_not_taken_for_another() -> None:
    with pytest.raises(TypeError, match="can't be told apart"):
        shape_of(object())


class Absent(Server):
    """A server that keeps what nobody can compare."""

    def start(self) -> None:
        self.mind = object()
        super().start()


def test_what_a_variant_of_the_server_keeps_is_part_of_its_state() -> None:
    with pytest.raises(TypeError, match="can't be told apart"):
        explore(World(rules=Rulebook(server=Absent)))
