"""The hunter finds what is wrong with a rule, and shrinks it to a story that can be repeated, opened, and kept as a test."""

import multiprocessing
from collections.abc import Callable
from itertools import chain, count
from threading import Lock

import pytest
from msgspec.structs import replace

from raftcore import Rules, Scenario
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting import story
from raftcore.hunting.faults import Faults
from raftcore.hunting.hunt import Found, found_in, hunt, ignore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.mutants.grounds import GROUNDS
from raftcore.hunting.story import tell
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.errors import ConfigError, RuleError
from raftcore.vocabulary.messages import ClientReply, ClientRequest, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import Reason

MUTANT = {mutant.number: mutant for mutant in MUTANTS}


def vote_for_nobody(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return election.refuse(me, Reason.ALREADY_VOTED)


def yes(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return True  # type: ignore[return-value]


def divide(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return RequestVoteReply(ask.term // 0, me.id, vote_granted=True)


def wait_at_first(me: NodeState) -> None:
    if me.now_ms < 1:
        raise ValueError("nobody stands at once")
    election.start_pre_vote(me)


def read_at_once(me: NodeState, ask: ClientRequest) -> ClientReply | None:
    """Whether it leads or not, and whatever it has committed."""
    me.reads.append(ask)
    return None


@pytest.fixture(scope="module")
def found() -> Found:
    """A vote that is counted in a term for which it was not given."""
    result = hunt(MUTANT["10"].rules, seeds=200, wanted="Vote Once", cores=1)
    assert result
    return result


def test_a_story_is_shrunk_until_no_action_can_be_left_out(found: Found) -> None:
    actions = found.scenario.actions
    assert 1 <= len(actions) <= 6
    assert len(actions) < found.actions
    until_ms = found.violation.at_ms + 1_000
    told = tell(found.scenario, found.rules, "Vote Once", until_ms)
    assert told
    assert told.violation == found.violation
    for place in range(len(actions)):
        shorter = replace(found.scenario, actions=actions[:place] + actions[place + 1 :])
        again = tell(shorter, found.rules, "Vote Once", until_ms)
        assert again is None or again.mark != told.mark


def test_figure_8_becomes_a_story_of_at_most_twelve_actions() -> None:
    figure_8 = hunt(MUTANT["1"].rules, seeds=100, wanted="Commit Only Own Term", cores=1)
    assert figure_8
    assert len(figure_8.scenario.actions) <= 12
    run_the_test(figure_8, fails=True)


def test_figure_8_is_followed_to_the_leader_that_lacks_what_was_committed() -> None:
    grounds = GROUNDS["1"]
    figure_8 = hunt(
        MUTANT["1"].rules, grounds.faults, grounds.seeds, "Leader Completeness", cores=1, size=grounds.size, config=grounds.config
    )
    assert figure_8
    assert len(figure_8.scenario.actions) <= 12
    run_the_test(figure_8, fails=True)


def test_what_was_found_opens_as_a_cluster_that_shows_it(found: Found) -> None:
    cluster = found.cluster()
    assert cluster.now_ms == found.violation.at_ms
    assert found.violation in cluster.violations
    assert cluster.scenario.actions == found.scenario.actions
    assert f"seed {found.seed}: Vote Once" in str(found)


def test_what_was_found_is_python_that_does_it_again(found: Found) -> None:
    names: dict[str, object] = {}
    exec(found.as_code(), names)
    assert names["cluster"].trace.to_bytes() == found.cluster().trace.to_bytes()  # type: ignore[attr-defined]


def test_what_was_found_is_a_test_that_fails_until_it_is_mended(found: Found) -> None:
    run_the_test(found, fails=True)
    run_the_test(found, fails=False, mend=lambda text: text.replace("Rules(absorb_request_vote_reply=count_any_vote)", "None"))


def run_the_test(found: Found, fails: bool, mend: Callable[[str], str] = str) -> None:
    names: dict[str, Callable[[], None]] = {}
    exec(mend(found.as_test()), names)
    test = names[f"test_the_run_with_seed_{found.seed}"]
    if fails:
        with pytest.raises(AssertionError):
            test()
    else:
        test()


def test_many_cores_find_what_one_finds_and_leave_no_process_behind(found: Found) -> None:
    assert hunt(MUTANT["10"].rules, seeds=200, wanted="Vote Once", cores=2) == found
    assert multiprocessing.active_children() == []


def test_a_hunt_that_is_interrupted_leaves_no_process_behind() -> None:
    def interrupt(word: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hunt(seeds=1_000, cores=2, on_progress=interrupt)
    assert multiprocessing.active_children() == []


def test_rules_that_keep_only_one_core_busy_are_told_of() -> None:
    one_at_a_time = Lock()

    def answer(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        with one_at_a_time:
            return election.answer_request_vote(me, ask)

    words: list[str] = []
    mine = Rules(answer_request_vote=answer)
    assert hunt(mine, seeds=[7], cores=2, on_progress=words.append) is None
    assert hunt(mine, seeds=[7], cores=1, on_progress=words.append) is None
    why = ", on one core: its rules need what only this process has"
    assert words[0::2] == [f"seed 7: all is well{why}", "seed 7: all is well"]
    assert words[1] == f"{words[3]}{why}"


@pytest.mark.parametrize("cores", [1, 2])
def test_seeds_may_have_no_end(cores: int, found: Found) -> None:
    assert hunt(MUTANT["10"].rules, seeds=count(), wanted="Vote Once", cores=cores, on_progress=ignore) == found


def test_a_seed_that_is_none_is_refused_when_its_turn_comes() -> None:
    with pytest.raises(ConfigError, match="or some whole numbers"):
        hunt(seeds=chain([7], ["many"]), cores=1)  # type: ignore[list-item]


def test_a_run_whose_clients_nobody_could_judge_is_not_called_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "BUDGET", 1)
    words: list[str] = []
    assert hunt(faults="commands", seeds=[7], cores=1, on_progress=words.append) is None
    assert hunt(faults="commands", seeds=[7], wanted="Vote Once", cores=1, on_progress=words.append) is None
    assert [words[0], words[2]] == ["seed 7: undecided", "seed 7: all is well"]
    said, _, idle = words[1].partition("; not exercised: ")
    assert said == "1 run, 1 undecided: no violation"
    assert "Linearizability" in idle.split(", ")


def test_where_all_is_well_nothing_is_found() -> None:
    words: list[str] = []
    assert hunt(seeds=[7, 11], cores=1, on_progress=words.append) is None
    assert words[:2] == ["seed 7: all is well", "seed 11: all is well"]
    assert words[2].startswith("2 runs: no violation")


def test_a_cluster_that_never_agrees_is_found_and_nothing_need_be_done_to_it() -> None:
    never = hunt(Rules(answer_request_vote=vote_for_nobody), seeds=10, cores=1)
    assert never
    assert never.violation.property == "Convergence"
    assert "no server leads" in never.violation.sentence
    assert never.scenario.actions == ()
    assert never.cluster().now_ms == never.violation.at_ms
    run_the_test(never, fails=True)


def test_answers_that_no_order_explains_are_found() -> None:
    stale = hunt(Rules(answer_read=read_at_once), seeds=100, wanted="Linearizability", cores=1)
    assert stale
    assert len(stale.scenario.actions) <= 8
    run_the_test(stale, fails=True)


def test_what_a_rule_raises_is_found_too() -> None:
    broken = hunt(Rules(answer_request_vote=divide), seeds=10, cores=1)
    assert broken
    assert broken.violation.property == "ZeroDivisionError in divide"
    assert "test_hunt.py" in broken.violation.sentence
    assert broken.scenario.actions == ()


def test_what_a_rule_raises_in_the_first_instant_opens_as_a_cluster_too() -> None:
    rules = Rulebook(everywhere=Rules(start_pre_vote=wait_at_first))
    told = tell(Scenario(size=3, seed=1, actions=(TimeOut(0.0, "S1"),)), rules, "ValueError in wait_at_first", 0)
    assert told
    broken = found_in(1, told, rules)
    assert broken.cluster().scenario.actions == broken.scenario.actions == (TimeOut(0.0, "S1"),)


def test_rules_that_no_other_process_can_import_are_tried_there_all_the_same() -> None:
    broken = hunt(
        Rules(answer_request_vote=lambda me, ask: RequestVoteReply(divide(me, ask).term, me.id, vote_granted=True)), seeds=10, cores=2
    )
    assert broken
    assert broken.violation.property == "ZeroDivisionError in divide"


def test_a_rule_that_returns_the_wrong_thing_is_named() -> None:
    with pytest.raises(RuleError, match=r"the rule answer_request_vote \(yes\) returned True; it must return a RequestVoteReply"):
        hunt(Rules(answer_request_vote=yes), seeds=10, cores=1)


def test_only_the_trouble_that_is_wanted_comes() -> None:
    stale = hunt(Rules(answer_request_vote=vote_for_nobody), faults="crashes", seeds=1, cores=1)
    assert stale
    assert Faults.only(["crashes"]) == Faults(
        links=0,
        pauses=0,
        timeouts=0,
        partitions=0,
        membership=0,
        transfers=0,
        snapshots=0,
        clocks=0,
        disks=0,
        rot=0,
        leaders=0,
        reads=0,
        rivals=0,
        quorums=0,
    )


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"faults": "lightning"}, "no kind of trouble 'lightning'; there are commands, links, crashes"),
        ({"faults": ["crashes", "floods"]}, "no kind of trouble 'floods'"),
        ({"seeds": 0}, "seeds=0 must be how many to try, 1 or more"),
        ({"seeds": []}, "must be how many to try"),
        ({"seeds": "many"}, "must be how many to try"),
        ({"seeds": 1.5}, "must be how many to try"),
        ({"cores": 0}, "cores=0 must be a whole number"),
        ({"wanted": "Peace"}, "no property 'Peace'; there are Election Safety"),
        ({"rules": "none"}, "must be one table"),
    ],
)
def test_what_no_hunt_can_do_is_refused_with_a_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        hunt(**given)  # type: ignore[arg-type]


def test_a_mix_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="crashes=-1 must be a whole number"):
        Faults(crashes=-1)
    with pytest.raises(ConfigError, match="nothing would ever happen"):
        Faults(**dict.fromkeys(Faults.__struct_fields__, 0))
