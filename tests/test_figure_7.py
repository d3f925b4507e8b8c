"""Figure 7: a leader of term 8 meets each kind of follower that can be, and repairs its log (§5.3).

One step back for each refused AppendEntries would do; skipping a whole term at a time takes far fewer messages.
"""

import pytest
from plays import FIGURE_2, Play

from raftcore.consensus.replication import backtrack
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientRequest

LEADER_LOG = "1 1 1 4 4 5 5 6 6 6"

# What follows is read off the figure: the log, AppendEntries to repair it, and how many it would take one step at a time.
FOLLOWERS = {
    "a": ("1 1 1 4 4 5 5 6 6", 2, 2),
    "b": ("1 1 1 4", 2, 7),
    "c": ("1 1 1 4 4 5 5 6 6 6 6", 1, 1),
    "d": ("1 1 1 4 4 5 5 6 6 6 7 7", 1, 1),
    "e": ("1 1 1 4 4 4 4", 3, 6),
    "f": ("1 1 1 2 2 2 3 3 3 3 3", 3, 8),
}


class CountingPlay(Play):
    """S1 is the leader of the figure, S2 the follower; S3, with an old log, helps to elect the leader."""

    def __init__(self, follower_log: str) -> None:
        super().__init__(3, FIGURE_2, {"S1": LEADER_LOG, "S2": follower_log}, term=7)
        self.elect("S1", heard_by="S3")
        assert self.state("S1").current_term == 8
        assert self.state("S1").progress["S2"].next_index == 11

    def count(self) -> tuple[int, int]:
        """Propose an eleventh entry; how many AppendEntries the follower got, and how many it refused, until it had it."""
        asked = refused = 0
        self.mail.clear()
        self.step("S1", ClientRequest("C1", 1, Set("x", "new")))
        while self.mail:
            source, target, message = self.mail.pop(0)
            if {source, target} != {"S1", "S2"}:
                continue
            asked += isinstance(message, AppendEntries)
            refused += isinstance(message, AppendEntriesReply) and not message.success
            self.step(target, message)
        return asked, refused


@pytest.mark.parametrize("letter", FOLLOWERS)
def test_the_leader_makes_each_follower_of_figure_7_like_itself(letter: str) -> None:
    log, messages, _ = FOLLOWERS[letter]
    play = CountingPlay(log)

    assert play.count() == (messages, messages - 1)
    assert play.terms("S2") == LEADER_LOG + " 8"
    assert play.state("S2").log.entries == play.state("S1").log.entries
    assert play.disks["S2"][1] == play.state("S1").log.entries
    assert play.commit("S1") == 11


@pytest.mark.parametrize("letter", FOLLOWERS)
def test_one_step_at_a_time_needs_as_many_as_the_figure_says(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same repair without the hint: nextIndex falls by one, as in the body of §5.3."""
    log, _, messages = FOLLOWERS[letter]
    monkeypatch.setattr("raftcore.consensus.replication.backtrack", lambda _log, reply: reply.prev_log_index)
    play = CountingPlay(log)

    assert play.count() == (messages, messages - 1)
    assert play.terms("S2") == LEADER_LOG + " 8"


def test_a_term_that_the_leader_lacks_is_skipped_whole() -> None:
    play = CountingPlay(FOLLOWERS["f"][0])
    refusal = AppendEntriesReply(8, "S2", False, prev_log_index=10, conflict_term=3, conflict_index=7)

    assert backtrack(play.state("S1").log, refusal) == 7


def test_in_a_term_that_the_leader_has_it_goes_to_the_end_of_its_own() -> None:
    play = CountingPlay(FOLLOWERS["e"][0])
    refusal = AppendEntriesReply(8, "S2", False, prev_log_index=7, conflict_term=4, conflict_index=4)

    assert backtrack(play.state("S1").log, refusal) == 6
