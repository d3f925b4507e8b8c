"""Small worlds, explored: Raft holds in every interleaving, and of a wrong rule the shortest story is found."""

from random import Random

import pytest
from msgspec.structs import replace

from raftcore import Config, Rules
from raftcore.checks.watch import check_trace
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting import explore as module
from raftcore.hunting.explore import explore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.shapes import shape_of
from raftcore.hunting.small_world import TIMELESS, World
from raftcore.hunting.walk import Walk
from raftcore.vocabulary.errors import ConfigError, ControlError
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply

ALL_KINDS = World(terms=4, commands=3, heartbeats=4, crashes=3, losses=3, duplications=3)


def rules_of(number: str) -> Rules:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.number == number)
    assert isinstance(mutant.rules, Rules)
    return mutant.rules


# ---- what is found


SMALL = {
    "one term": World(terms=1, commands=1),
    "crashes": World(terms=1, commands=2, crashes=1),
    "duplications": World(terms=1, commands=0, duplications=2),
    "losses and heartbeats": World(terms=1, commands=0, losses=1, heartbeats=1),
    "two servers": World(size=2, terms=3, commands=1),
    "one server": World(size=1, terms=2, commands=2, crashes=2),
}


@pytest.mark.parametrize("world", SMALL.values(), ids=SMALL)
def test_raft_holds_in_every_interleaving_of_a_small_world(world: World) -> None:
    explored = explore(world)
    assert explored.passed, explored
    assert explored.reached == ("a leader is elected", "an entry commits")


ANY_TERM = World(rules=rules_of("10"), commands=0)


WRONG = {
    "votes of any term count": (ANY_TERM, "Election Safety", 7),
    "old terms are counted": (World(rules=rules_of("1"), commands=0, heartbeats=1), "Commit Only Own Term", 10),
    "stepping down frees the vote": (World(rules=rules_of("3"), commands=0), "Vote Once", 10),
    "every append truncates": (World(rules=rules_of("5"), terms=1, commands=0, heartbeats=1), "Committed Is Durable", 7),
    "the stale tail stays": (World(rules=rules_of("6")), "Terms Ordered", 8),
    "own end committed": (World(rules=rules_of("7"), terms=2, commands=0, heartbeats=1), "State Machine Safety", 10),
}


@pytest.mark.parametrize("world, property_, length", WRONG.values(), ids=WRONG)
def test_of_a_wrong_rule_the_shortest_story_is_found(world: World, property_: str, length: int) -> None:
    explored = explore(world)
    assert explored.violation
    assert explored.violation.property == property_
    assert len(explored.path) == length
    assert property_ in {found.property for found in check_trace(explored.walk().trace, world.config)}
    assert not explored.passed
    assert not explored.complete


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


def test_what_history_remembers_tells_states_apart() -> None:
    """A rule that forgets its vote comes back to a state that it was in, but for the vote that was given."""

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


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_chosen_a_walk_is_a_run_in_which_all_checks_hold(seed: int) -> None:
    random, walk = Random(seed), Walk(ALL_KINDS)
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
