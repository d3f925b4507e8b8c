"""Figure 8: why a leader must not commit an entry of an earlier term by counting where it stands (§5.4.2)."""

from plays import FIGURE_2, Play, start_reign_as_in_figure_2

from raftcore.consensus.quorum import quorum_index
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState


def to_scene_c(rules: Rules = FIGURE_2) -> Play:
    """Steps (a) to (c): an entry of term 2 has reached S1, S2 and S3, a majority, while S1 leads in term 4."""
    play = Play(5, rules, dict.fromkeys(("S1", "S2", "S3", "S4", "S5"), "1"), term=1)
    play.elect("S1", heard_by="S2 S3")
    play.propose("S1", "old", heard_by="S2")  # (a)
    assert play.terms("S2") == "1 2"
    play.restart("S1")
    play.elect("S5", heard_by="S3 S4")
    play.propose("S5", "rival")  # (b)
    assert play.terms("S5") == "1 3"
    play.restart("S5")
    play.elect("S1", heard_by="S2 S3")
    play.heartbeat("S1", heard_by="S2 S3")  # (c)
    assert [play.terms(name) for name in play.members] == ["1 2", "1 2", "1 2", "1", "1 3"]
    assert play.state("S1").current_term == 4
    return play


def s5_returns(play: Play) -> None:
    """S5 stands until its term is new to all, and then tells the others of its log."""
    play.restart("S1")
    while play.state("S5").current_term <= play.state("S1").current_term:
        play.stand("S5", heard_by="S2 S3 S4")
    play.heartbeat("S5", heard_by="S1 S2 S3 S4")


def test_figure_8_an_old_entry_on_a_majority_is_not_committed_and_may_be_overwritten() -> None:
    play = to_scene_c()
    assert play.commit("S1") == 0  # S1 counts three logs, and yet must not commit
    s5_returns(play)  # (d)

    assert play.leads("S5")
    assert [play.terms(name) for name in play.members] == ["1 3"] * 5
    assert all(not applied for applied in play.applied.values())


def test_figure_8_once_an_entry_of_its_own_term_is_on_a_majority_nobody_can_take_it_back() -> None:
    play = to_scene_c()
    play.propose("S1", "new", heard_by="S2 S3")  # (e)
    assert play.commit("S1") == 3
    assert play.terms("S1") == "1 2 4"
    s5_returns(play)

    assert not play.leads("S5")
    assert [play.terms(name) for name in ("S1", "S2", "S3")] == ["1 2 4"] * 3


def test_figure_8_a_leader_that_counts_old_entries_loses_what_it_applied() -> None:
    def count_any_term(me: NodeState) -> None:
        reached = {peer: progress.match_index for peer, progress in me.progress.items()} | {me.id: me.saved_index}
        me.commit_to(quorum_index(me.configuration, reached))

    play = to_scene_c(Rules(start_reign=start_reign_as_in_figure_2, advance_commit_index=count_any_term))
    assert play.commit("S1") == 2
    applied = play.applied["S1"][1]
    s5_returns(play)

    assert play.leads("S5")
    assert all(play.state(name).log.entries[1] != applied for name in play.members)
