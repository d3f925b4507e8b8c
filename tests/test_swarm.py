"""The swarm: some hundred random runs, and what its command line says. Thousands more are for `python -m raftcore swarm`."""

import multiprocessing
import subprocess
import sys
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from raftcore import Config, Rules
from raftcore.__main__ import main
from raftcore.checks.convergence import why_not_converged
from raftcore.checks.situations import SITUATIONS
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.hunting import story
from raftcore.hunting.faults import Faults
from raftcore.hunting.healing import why_not_healed
from raftcore.hunting.random_run import RandomRun
from raftcore.hunting.story import Story, live
from raftcore.hunting.swarm import swarm
from raftcore.vocabulary.actions import FlipBit, Submit
from raftcore.vocabulary.events import Acted, Committed, Crashed, LogTruncated, MessageDropped, SnapshotInstalled
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply
from raftcore.vocabulary.names import Reason

BLOCKS, SEEDS_PER_BLOCK = 20, 25


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_happens_all_laws_hold_and_after_a_heal_all_agree(block: int) -> None:
    result = swarm(range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK))
    assert not [f"seed {seed}: {story.violation}" for seed, story in result.failed]
    assert not result.undecided


def test_a_run_is_a_function_of_its_seed_and_heals_in_the_end() -> None:
    one, other = RandomRun(5), RandomRun(5)
    for run in (one, other):
        run.trouble()
        assert why_not_healed(run.cluster) is None
    assert one.cluster.trace.to_bytes() == other.cluster.trace.to_bytes()
    assert why_not_converged(one.cluster.view) == ""
    assert all(earlier.at_ms <= later.at_ms for earlier, later in pairwise(one.cluster.trace))
    assert all(isinstance(event.reason, Reason) for event in one.cluster.trace if isinstance(event, MessageDropped))


def test_raft_is_not_accused_of_what_servers_do_that_were_removed_where_nothing_guards_a_leader() -> None:
    """Thesis 4.2.3."""
    alone = Config(pre_vote=False, check_quorum=False, leader_guard=False)
    assert {live(seed, config=alone).verdict for seed in range(30)} == {"all is well"}


def test_runs_are_full_of_trouble() -> None:
    """A swarm in which nothing happens would find nothing either."""
    seen: dict[type, int] = {}
    situations: set[str] = set()
    for seed in range(150):
        run = RandomRun(seed)
        run.trouble()
        situations.update(run.cluster.situations)
        for event in run.cluster.trace:
            kind = type(event.action) if isinstance(event, Acted) else type(event)
            seen[kind] = seen.get(kind, 0) + 1
    assert seen[Committed] > 1_000
    assert seen[Submit] > 500
    assert seen[Crashed] > 100
    assert seen[LogTruncated] > 1
    assert seen[SnapshotInstalled] > 10
    assert seen[FlipBit] > 30
    assert {it.name for it in SITUATIONS} - situations <= {"Figure 8, overwritten", "disk full"}  # seldom; test_situations.py has plays


def test_a_mix_decides_what_may_happen() -> None:
    run = RandomRun(1, faults=Faults.only(["crashes"]))
    run.trouble()
    kinds = {type(action).__name__ for action in run.cluster.scenario.actions}
    assert kinds == {"Submit", "Crash", "Restart"}


# ---- the swarm itself


def vote_for_nobody(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return election.refuse(me, Reason.ALREADY_VOTED)


BROKEN = partial(live, rules=Rules(answer_request_vote=vote_for_nobody))


def test_each_failure_is_told_at_once_and_counted() -> None:
    told: list[tuple[int, Story]] = []
    counts: list[int] = []
    result = swarm(range(5), work=BROKEN, on_failure=lambda *failure: told.append(failure), on_progress=lambda _: counts.append(len(told)))
    assert result.failed == tuple(told)
    assert told
    assert {story.violation.property for _, story in told} == {"Answered", "Convergence"}
    assert counts == [sum(seed <= last for seed, _ in told) for last in range(5)]
    assert str(result).endswith(f": {len(told)} failed")


def test_a_swarm_tells_how_far_it_is_and_ends_in_time() -> None:
    words: list[str] = []
    result = swarm(range(1_000), limit_s=0.0, on_progress=words.append)
    assert result.runs == 1
    assert words[0].startswith("1 of 1,000 runs, 0 failed")


def test_a_swarm_counts_what_nobody_could_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "BUDGET", 1)
    words: list[str] = []
    result = swarm([7, 11], work=partial(live, faults=Faults.only(["commands"])), on_progress=words.append)
    assert (result.undecided, result.failed) == (2, ())
    assert words[1].startswith("2 of 2 runs, 0 failed, 2 undecided, ")
    assert str(result).endswith(" s: 2 undecided")


def test_many_cores_do_what_one_does() -> None:
    one, two = swarm(range(24)), swarm(range(24), cores=2)
    assert (one.runs, one.failed) == (two.runs, two.failed) == (24, ())
    assert (one.properties, one.situations) == (two.properties, two.situations)
    assert one.properties["Election Safety"] == one.situations["leader elected"] == 24
    assert 0 < one.properties["Joint Quorum"] < 24
    assert multiprocessing.active_children() == []


# ---- its command line


def test_the_command_line_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "--seeds", "3", "--first", "40", "--cores", "1"]) == 0
    *table, _, verdict = capsys.readouterr().out.splitlines()
    assert verdict.startswith("3 runs in ")
    assert verdict.endswith(" s: all is well")
    assert table[0].split(maxsplit=1) == ["property", "of 3 runs"]
    assert f"{'Election Safety':40}{'3  100.0%':>18}" in table
    assert f"{'Joint Quorum':40}{'not exercised':>18}" in table
    assert f"{'truncation':40}{'2   66.7%':>18}" in table
    assert f"{'disk full':40}{'never':>18}" in table


def test_the_command_line_says_what_one_run_has_exercised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "--seed", "4711"]) == 0
    verdict, idle, situations = capsys.readouterr().out.splitlines()
    assert verdict == "seed 4711: all is well"
    assert idle.startswith("not exercised: ")
    assert "Joint Quorum" in idle.removeprefix("not exercised: ").split(", ")
    assert "truncation" in situations.removeprefix("situations: ").split(", ")


def test_the_command_line_repeats_a_failure_and_tells_its_shortest_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("raftcore.__main__", "raftcore.cluster.rulebook"):
        monkeypatch.setattr(f"{name}.CORRECT", Rulebook(everywhere=Rules(answer_request_vote=vote_for_nobody)))
    assert main(["swarm", "--seeds", "2", "--cores", "1"]) == 1
    out = capsys.readouterr().out
    seed = out.split()[2].rstrip(":")
    line = out.splitlines()[0]
    assert line.startswith(f"FAILED seed {seed}: Convergence")
    assert line.endswith(f"repeat: python -m raftcore swarm --seed {seed}")
    assert main(["swarm", "--seed", seed]) == 1
    out = capsys.readouterr().out
    assert "cluster = Cluster(" in out
    assert "0 actions" in out


def test_the_command_line_says_how_far_it_was_when_it_was_interrupted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_at_42(seed: int, *given: Any) -> RandomRun:
        if seed == 42:
            raise KeyboardInterrupt
        return RandomRun(seed, *given)

    monkeypatch.setattr(story, "RandomRun", interrupted_at_42)
    assert main(["swarm", "--seeds", "1000", "--first", "40", "--cores", "1"]) == 130
    assert capsys.readouterr().out.startswith("interrupted: 2 of 1,000 runs, 0 failed, ")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["swarm", "--seeds", "0"], "'0' must be a whole number, 1 or more"),
        (["swarm", "--seeds", "many"], "'many' must be a whole number"),
        (["swarm", "--seed", "x"], "invalid int value: 'x'"),
        (["swarm", "--cores", "-1"], "'-1' must be a whole number"),
        (["sworm"], "choose from 'swarm'"),
        ([], "required: swarm"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert sentence in capsys.readouterr().err


def test_it_runs_as_a_program() -> None:
    line = [sys.executable, "-m", "raftcore", "swarm", "--seeds", "8", "--cores", "2"]
    done = subprocess.run(line, capture_output=True, check=True, text=True)
    assert all(" of 8 runs, " in line for line in done.stderr.splitlines())
    assert "8 runs in" in done.stdout
