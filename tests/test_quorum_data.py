"""Our quorum arithmetic against the cases of another Raft, etcd's.

The cases are not ours to copy: they lie beside the project, and where they do not, these tests are skipped.
"""

import re
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from raftcore.consensus.quorum import agreed_index, has_majority, quorum_index
from raftcore.vocabulary.configuration import Configuration

FOLDER = Path(__file__).parents[1] / "../shared/data/quorum"
QUESTION = re.compile(r"(?P<verb>committed|vote)(?: cfg=\((?P<voters>[^)]*)\))?(?: (?:idx|votes)=\((?P<heard>[^)]*)\))?")
EMPTY = "<empty majority quorum>∞"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the cases do not lie beside the project")


def cases(verb: str) -> Iterator[tuple[tuple[str, ...], list[str], str]]:
    """(voters, what each of them said, answer) of every case that asks this."""
    for path in sorted(FOLDER.glob("*.txt")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        for case in "\n".join(lines).split("\n\n"):
            if "----" in case:
                question, _, drawing = case.strip().partition("\n----\n")
                asked = QUESTION.fullmatch(question.strip())
                assert asked, f"{path.name}: {question!r} is no question that this test knows"
                if asked["verb"] == verb:
                    yield words(asked["voters"]), list(words(asked["heard"])), drawing.splitlines()[-1].strip()


def words(listed: str | None) -> tuple[str, ...]:
    return tuple(re.split(r"\s*,\s*", listed.strip())) if listed else ()


def heard_by(voters: tuple[str, ...], heard: list[str]) -> dict[str, str]:
    """What each voter said; `_` means that nothing was heard of it."""
    return {voter: word for voter, word in zip(voters, heard, strict=True) if word != "_"}


def test_the_committed_index_is_what_etcd_says() -> None:
    count = 0
    for voters, heard, answer in cases("committed"):
        reached = {voter: int(word) for voter, word in heard_by(voters, heard).items()}
        expected = inf if answer == EMPTY else int(answer)

        assert agreed_index(voters, reached) == expected, (voters, heard)
        if voters:
            assert quorum_index(Configuration(voters), reached) == expected
            assert quorum_index(Configuration(voters, voters), reached) == expected
        count += 1
    assert count == 16


def test_the_outcome_of_a_vote_is_what_etcd_says() -> None:
    count = 0
    for voters, heard, answer in cases("vote"):
        said = heard_by(voters, heard)
        granted = {voter for voter in said if said[voter] == "y"}
        refused = {voter for voter in said if said[voter] != "y"}

        assert has_majority(voters, granted) == (answer == "VoteWon"), (voters, heard)
        assert has_majority(voters, set(voters) - refused) == (answer != "VoteLost"), (voters, heard)
        count += 1
    assert count == 22
