"""Custom rules that fail: each mistake is one sentence with the rule's line, in a cluster, a lab, a hunt and an exploration."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from itertools import count, permutations
from pathlib import Path

import pytest

from raftcore import Cluster, Reason, Rules
from raftcore.cluster.rulebook import RAFT, Rulebook
from raftcore.consensus.election import answer_request_vote, refuse
from raftcore.consensus.replication import absorb_append_entries_reply
from raftcore.consensus.state import NodeState
from raftcore.hunting.explore import explore
from raftcore.hunting.hunt import hunt, ignore
from raftcore.hunting.small_world import World
from raftcore.vocabulary.errors import IncompleteStepError, RuleError
from raftcore.vocabulary.messages import Entry
from widgets import Lab


def wait_until(holds) -> None:
    """Let the lab's thread go on until this holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def forever(_me, _ask):
    while True:
        pass


def stubborn(_me, _ask):
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001  as students write it
            pass


def asleep(_me, _ask):
    time.sleep(60)


def recursive(me, ask):
    return recursive(me, ask)


def leave(_me, _ask):
    sys.exit(1)


def interrupt(_me, _ask):
    raise KeyboardInterrupt


def swallow(_me, _ask):
    raise MemoryError


def divide(_me, _ask):
    return 1 / 0


RAISED = {
    recursive: "raised RecursionError: ",
    leave: "raised SystemExit: 1",
    interrupt: "raised KeyboardInterrupt",
    swallow: "raised MemoryError",
    divide: "raised ZeroDivisionError: division by zero",
}


def elections(rule, budget_s: float = 0.2) -> Rulebook:
    return Rulebook(everywhere=Rules(answer_request_vote=rule), budget_s=budget_s)


def frames_below(error: BaseException) -> int:
    """The frames of a traceback that lie below this file's own call."""
    return len(traceback.extract_tb(error.__traceback__)) - 1


# ---- rules that do not return


@pytest.mark.parametrize("rule", [forever, stubborn, asleep], ids=lambda rule: rule.__name__)
def test_a_rule_that_does_not_return_ends_the_run_which_can_be_looked_at_and_forked_before_that(rule) -> None:
    cluster = Cluster(size=3, seed=1, rules=elections(rule))
    with pytest.raises(RuleError, match=rf"^the rule answer_request_vote \({rule.__name__}\) has not returned for \S+ s \(line \d+ of "):
        cluster.run_for(1_000)
    assert cluster.view.at_ms == cluster.now_ms > 0
    with pytest.raises(IncompleteStepError, match="has not returned"):
        cluster.run_for(1)
    fork = cluster.fork(at_ms=int(cluster.now_ms) - 1)
    assert fork.now_ms < cluster.now_ms


def test_a_rule_that_does_not_return_leaves_no_tracer_and_no_exception_behind() -> None:
    tracer = sys.gettrace()
    with pytest.raises(RuleError, match="has not returned"):
        Cluster(size=3, seed=1, rules=elections(stubborn)).run_for(1_000)
    assert sys.gettrace() is tracer
    for _ in range(1_000):
        Cluster(size=1)


def test_a_rule_that_does_not_return_is_ended_in_any_thread() -> None:
    said: list[str] = []

    def run() -> None:
        try:
            Cluster(size=3, seed=1, rules=elections(stubborn)).run_for(1_000)
        except RuleError as error:
            said.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert "the rule answer_request_vote (stubborn) has not returned" in said[0]


def test_a_lab_names_a_rule_that_does_not_return_and_its_thread_ends() -> None:
    cluster = Cluster(size=3, seed=1, rules=elections(forever, 0.5))
    with Lab(cluster) as lab:
        lab.speed = 10
        lab.play()
        wait_until(lambda: bool(lab.notice))
        assert "the rule answer_request_vote (forever) has not returned for" in lab.notice
        assert not lab.playing
        assert cluster.leader is None
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "raft-lab"])


@pytest.mark.parametrize("cores", [1, 2])
def test_a_hunt_tells_the_seed_of_a_rule_that_does_not_return(cores: int) -> None:
    found = hunt(Rules(answer_request_vote=forever), seeds=3, cores=cores, on_progress=ignore)
    assert found is not None
    assert str(found).startswith("seed 0: the rule answer_request_vote (forever) has not returned for ")


def test_raft_itself_has_no_budget() -> None:
    assert Rulebook().of_server("S1") is RAFT


def test_a_rule_that_stops_simulated_time_is_told() -> None:
    def again(me: NodeState) -> None:
        me.deadline_ms = me.now_ms

    with pytest.raises(RuleError, match=r"start_election.* made too much happen: 100,000 things have happened in one instant"):
        Cluster(size=3, seed=1, rules=Rules(start_pre_vote=again, start_election=again), trace=False).run_for(1_000)


# ---- rules that raise


@pytest.mark.parametrize("rule", RAISED, ids=lambda rule: rule.__name__)
def test_whatever_a_rule_raises_is_one_sentence_with_its_line_and_few_frames(rule) -> None:
    with pytest.raises(
        RuleError, match=rf"^the rule answer_request_vote \({rule.__name__}\) {RAISED[rule]}.*\(line \d+ of .*\)$"
    ) as caught:
        Cluster(size=3, seed=1, rules=elections(rule, 5.0)).run_for(1_000)
    assert frames_below(caught.value) <= 7
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("rule", RAISED, ids=lambda rule: rule.__name__)
def test_a_hunt_finds_what_a_rule_raises_with_its_seed(rule) -> None:
    found = hunt(Rules(answer_request_vote=rule), seeds=1, cores=1, on_progress=ignore)
    assert found is not None
    assert str(found).startswith(f"seed 0: the rule answer_request_vote ({rule.__name__}) {RAISED[rule]}")


def test_an_exploration_says_what_a_rule_raises_in_few_frames() -> None:
    with pytest.raises(RuleError, match=r"the rule answer_request_vote \(divide\) raised ZeroDivisionError") as caught:
        explore(World(terms=1, commands=0, rules=Rules(answer_request_vote=divide)))
    assert frames_below(caught.value) <= 5


@pytest.mark.parametrize("cores", [1, 2])
def test_a_hunt_tells_the_seed_and_the_line_of_a_mistake_in_few_frames(cores: int) -> None:
    def forget(_me, _ask):
        pass

    sentence = rf"^seed 0: the rule answer_request_vote \(forget\) returned None; .* \(defined in line \d+ of {re.escape(__file__)}\)$"
    with pytest.raises(RuleError, match=sentence) as caught:
        hunt(Rules(answer_request_vote=forget), seeds=3, cores=cores, on_progress=ignore)
    assert frames_below(caught.value) <= 7


# ---- what rules write


@pytest.mark.parametrize(
    "place, value, told",
    [
        ("commit_index", None, "wrote me.commit_index = None; it must be an int"),
        ("commit_index", 1.0, "wrote me.commit_index = 1.0; it must be an int"),
        ("commit_index", True, "wrote me.commit_index = True; it must be an int"),
        ("commit_index", -1, "wrote me.commit_index = -1; it must not be negative"),
        ("current_term", "2", "wrote me.current_term = '2'; it must be an int"),
        ("voted_for", 1, "wrote me.voted_for = 1; it must be a str or None"),
        ("votes", ["S1"], r"wrote me.votes = \['S1'\]; it must be a set of str"),
        ("deadline_ms", "soon", "wrote me.deadline_ms = 'soon'; it must be a number"),
        ("id", "S9", "wrote me.id = 'S9'; it is not for rules to write"),
        ("now_ms", 0.0, "wrote me.now_ms = 0.0; it is not for rules to write"),
    ],
)
def test_a_wrong_kind_in_the_state_is_named(place: str, value: object, told: str) -> None:
    def mine(me: NodeState) -> None:
        setattr(me, place, value)

    with pytest.raises(RuleError, match=rf"^the rule advance_commit_index \(.*mine\) {told} \(defined in line \d+ of "):
        Cluster(size=3, seed=1, rules=Rules(advance_commit_index=mine)).run_for(1_000)


def test_a_wrong_kind_in_the_log_is_named() -> None:
    def mine(me: NodeState) -> None:
        me.log.append(Entry(term=True))

    with pytest.raises(RuleError, match="its term is True, and must be an int"):
        Cluster(size=3, seed=1, rules=Rules(advance_commit_index=mine)).run_for(1_000)


def matching(index_of):
    """A rule that takes what this makes of a successful reply for what the follower's log matches, and how often that was less."""
    lowered = []

    def mine(me, reply):
        progress = me.progress.get(reply.follower_id)
        before = progress.match_index if progress else 0
        absorb_append_entries_reply(me, reply)
        if progress and me.reign and reply.term == me.current_term and reply.success:
            progress.match_index = index_of(reply)
            lowered.extend([before] * (progress.match_index < before))

    cluster = Cluster(size=3, seed=1, rules=Rules(absorb_append_entries_reply=mine))
    for source, target in permutations(cluster.server_ids, 2):
        cluster.link(source, target, duplication=0.5, reordering=0.5)
    for number in range(1, 30):
        cluster.submit(f"C{number}", "SET x 1")
        cluster.run_for(100)
    return cluster, lowered


def test_a_late_reply_lowers_no_match_index_though_the_rule_takes_the_words_of_figure_2_literally() -> None:
    cluster, lowered = matching(lambda reply: reply.match_index)
    assert lowered
    assert cluster.violations == ()


def test_a_rule_that_lowers_match_index_in_any_other_way_is_told() -> None:
    cluster, lowered = matching(lambda reply: max(0, reply.match_index - 1))
    assert lowered
    assert cluster.violations[0].property == "Monotonic Match"


# ---- rules that do not answer the same twice


def moody():
    turn = count()

    def moody(me, ask):
        return refuse(me, Reason.LOG_BEHIND) if next(turn) % 5 == 0 else answer_request_vote(me, ask)

    return moody


def test_an_exploration_says_that_a_rule_does_not_answer_the_same_twice() -> None:
    told = str(explore(World(size=3, terms=1, commands=0, rules=Rules(answer_request_vote=moody()))))
    assert told.startswith("Nothing can be said of this: the rule answer_request_vote (moody) does not answer the same twice")


def test_a_hunt_says_that_a_rule_does_not_answer_the_same_twice() -> None:
    turn = count()

    def fickle(me, ask):
        if next(turn) % 97 == 96:
            raise ValueError("one of many")
        return answer_request_vote(me, ask)

    found = hunt(Rules(answer_request_vote=fickle), seeds=100, cores=1, on_progress=ignore)
    assert found is not None
    assert "the rule answer_request_vote (fickle) does not answer the same twice" in str(found)
    assert len(found.scenario.actions) <= found.actions, "more actions are left than there were"


# ---- processes


DEBUGGED = """
import sys
from raftcore import Cluster, Rules
def forever(me, ask):
    while True:
        pass
try:
    Cluster(size=3, seed=1, rules=Rules(answer_request_vote=forever)).run_for(1_000)
except Exception as error:
    print(error)
sys.settrace(lambda frame, event, about: None)
Cluster(size=1)
"""


def test_a_debugger_can_be_used_after_a_rule_that_does_not_return() -> None:
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", DEBUGGED], env=where, timeout=60, check=True, capture_output=True, text=True)
    assert "the rule answer_request_vote (forever) has not returned" in done.stdout


HUNT = """
from raftcore import Rules
from raftcore.hunting.hunt import hunt, ignore
def forever(me, ask):
    while True:
        pass
if __name__ == "__main__":
    print("begun", flush=True)
    hunt(Rules(answer_request_vote=forever), cores=2, on_progress=ignore)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by way of /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(HUNT)
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, env=where) as parent:
        children: list[int] = []
        while len(children) < 2:
            children = [int(it) for it in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
            time.sleep(0.1)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "workers were left"
        time.sleep(0.1)
