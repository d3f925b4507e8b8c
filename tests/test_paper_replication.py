"""The paper on logs and commitment, as tests: a sentence each, with its section. test_replication.py looks at the single rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plays import THE_RULES, Play, log_of, reign_of_s1

from raftcore.consensus.door import DeadlineReached, Requests, Saved
from raftcore.consensus.log import Log
from raftcore.consensus.replication import backtrack
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, Entry, RequestVoteReply
from raftcore.vocabulary.names import Reason

# ---- a leader and its followers


def test_a_leader_never_overwrites_its_own_log() -> None:
    """§5.3, Leader Append-Only: not even where a follower's log is longer, or of a later term."""
    play = Play(3, THE_RULES, logs={"S1": "1 2", "S2": "1 1 1 1"}, term=2)
    play.elect("S1", heard_by="S2 S3")
    before = play.state("S1").log.entries[:3]
    play.propose("S1", "new", heard_by="S2 S3")

    assert play.state("S1").log.entries[:3] == before
    assert play.terms("S2") == play.terms("S1") == "1 2 3 3"


terms = st.lists(st.integers(1, 4), max_size=8).map(sorted)


@given(terms, terms, st.integers(0, 8), st.integers(1, 9))
def test_where_two_logs_hold_the_same_term_they_agree_up_to_there(mine: list[int], leaders: list[int], prev: int, count: int) -> None:
    """§5.3, Log Matching: an AppendEntries that is accepted leaves the leader's own prefix and its entries, and nothing against them."""
    prev = min(prev, len(leaders))
    play = Play(3, logs={"S1": " ".join(map(str, mine))}, term=4)
    entries = tuple(log_of(" ".join(map(str, leaders)))[prev : prev + count])
    # One term's entries come from one leader, so logs of the same terms up to a place are the same up to there.
    agrees = mine[:prev] == leaders[:prev]
    holds_prev = prev == 0 or (prev <= len(mine) and mine[prev - 1] == leaders[prev - 1])
    if holds_prev and not agrees:
        return
    answer = play.tell("S1", AppendEntries(4, "S2", prev, leaders[prev - 1] if prev else 0, entries, 0))

    assert isinstance(answer, AppendEntriesReply)
    assert answer.success is holds_prev
    now = [entry.term for entry in play.state("S1").log.entries]
    if not answer.success:
        assert now == mine
        return
    end = prev + len(entries)
    assert answer.match_index == end
    assert now[:end] == leaders[:end]
    assert now == mine or (now[:end] == leaders[:end] and now[end:] in ([], mine[end:]))


def test_entries_are_answered_for_only_once_they_are_saved() -> None:
    """Figure 2: updated on stable storage before responding to RPCs."""
    play = Play(3)
    ready = play.nodes["S1"].step(AppendEntries(1, "S2", 0, 0, (Entry(1, Set("x", "1")),), 0), 0.0)

    assert ready.save
    assert ready.send, "the same Ready holds both, and its order is the order of obedience"
    assert ready.apply == ()


def test_a_leader_sends_again_until_a_follower_has_it() -> None:
    """§5.3: indefinitely, even after it has answered the client."""
    play = reign_of_s1()
    play.propose("S1", "kept", heard_by="S2")
    play.heartbeat("S1", heard_by="S2")
    assert play.commit("S1") == play.commit("S2") == 2
    for _ in range(5):
        play.heartbeat("S1", heard_by="S2")
    play.heartbeat("S1", heard_by="S3")
    play.heartbeat("S1", heard_by="S3")

    assert play.disks["S3"][1] == play.disks["S1"][1]
    assert play.commit("S3") == 2


def test_a_crashed_follower_is_brought_up_to_date_when_it_returns() -> None:
    """§5.3 and §5.5: the same AppendEntries twice does no harm."""
    play = reign_of_s1()
    for value in "abc":
        play.propose("S1", value, heard_by="S2")
    play.restart("S3")
    play.heartbeat("S1", heard_by="S3")
    play.heartbeat("S1", heard_by="S3")

    assert play.applied["S3"] == play.applied["S1"]


# ---- the hint of a refusal, as a table: the follower's log, what it refused, what it says, and where the leader tries next

LEADER = "1 1 1 4 4 5 5 6 6 6"
HINTS = [
    ("1 1 1 4", (10, 6), (0, 5), 5),  # too short: the first that is absent
    ("", (10, 6), (0, 1), 1),
    ("1 1 1 4 4 4 4", (7, 5), (4, 4), 6),  # a term that the leader has: behind its own last entry of it
    ("1 1 1 2 2 2 3 3 3 3 3", (10, 6), (3, 7), 7),  # a term that it lacks: the whole term goes
    ("1 1 1 2 2 2 3 3 3 3 3", (6, 5), (2, 4), 4),
    ("1 1 1 1 1 1", (5, 4), (1, 1), 4),
]


@pytest.mark.parametrize("follower, asked, hint, next_index", HINTS)
def test_a_refusal_names_the_conflicting_term_and_its_first_index(
    follower: str, asked: tuple[int, int], hint: tuple[int, int], next_index: int
) -> None:
    """§5.3, end: one refusal for each term, not for each entry."""
    play = Play(3, logs={"S1": follower}, term=7)
    answer = play.tell("S1", AppendEntries(8, "S2", *asked, (), 0))

    assert isinstance(answer, AppendEntriesReply)
    assert (answer.success, answer.prev_log_index) == (False, asked[0])
    assert (answer.conflict_term, answer.conflict_index) == hint
    assert answer.reason is (Reason.LOG_GAP if asked[0] > len(follower.split()) else Reason.LOG_CONFLICT)
    assert backtrack(Log(log_of(LEADER)), answer) == next_index


# ---- commitment


@pytest.mark.parametrize("leader_commit, entries, commit", [(5, "", 1), (5, "2", 2), (1, "2 2", 1), (3, "2 2", 3)])
def test_a_follower_commits_no_further_than_what_this_message_vouches_for(leader_commit: int, entries: str, commit: int) -> None:
    """§5.3, Figure 2 step 5: min(leaderCommit, index of last new entry); the rest of its log may be another leader's."""
    play = Play(3, logs={"S1": "1 1 1 1"}, term=1)
    new = tuple(Entry(int(term), Set("x", "new")) for term in entries.split())
    play.tell("S1", AppendEntries(2, "S2", 1, 1, new, leader_commit))

    assert play.commit("S1") == len(play.applied["S1"]) == commit


def test_a_new_leader_commits_what_earlier_terms_left_only_with_an_entry_of_its_own() -> None:
    """§5.4.2 and §8: the no-op, which brings all before it along."""
    play = Play(3, THE_RULES, logs=dict.fromkeys(("S1", "S2", "S3"), "1 1"), term=1)
    play.step("S1", DeadlineReached())
    play.talk("S1", "S2")

    assert play.terms("S1") == "1 1 2"
    assert play.state("S1").log.entries[2].command is None
    assert play.commit("S1") == 3


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """§5.4.2, Figure 8: a majority has it, and a later leader may still remove it."""
    play = Play(5, THE_RULES, logs=dict.fromkeys(("S1", "S2", "S3"), "1 1"), term=1)
    play.stand("S1")
    for voter in ("S2", "S3"):
        play.step("S1", RequestVoteReply(2, voter, vote_granted=True))
    for name in ("S2", "S3"):
        play.step("S1", AppendEntriesReply(2, name, True, 2))
    assert play.commit("S1") == 0
    for name in ("S2", "S3"):
        play.step("S1", AppendEntriesReply(2, name, True, 3))

    assert play.commit("S1") == 3


def test_the_leader_may_be_slower_than_its_followers_disks() -> None:
    """Thesis 10.2.1: a majority without the leader can commit; its own copy counts once it is saved."""
    play = reign_of_s1(5)
    play.nodes["S1"].step(ClientRequest("C1", 1, Set("x", "1")), play.now_ms)  # its disk is still busy
    for name, commit in (("S2", 1), ("S3", 1), ("S4", 2)):
        play.step("S1", AppendEntriesReply(1, name, True, 2))
        assert play.commit("S1") == commit
    play.step("S1", Saved())

    assert play.commit("S1") == 2


def test_requests_that_came_together_are_saved_and_sent_together() -> None:
    """Thesis 10.2.2."""
    play = reign_of_s1()
    play.take_mail()
    asks = tuple(ClientRequest("C1", number, Set("x", str(number))) for number in (1, 2, 3))
    ready = play.step("S1", Requests(asks))

    assert len(ready.save) == 1
    assert [len(message.entries) for _, message in ready.send if isinstance(message, AppendEntries)] == [3, 3]


# ---- clients


@pytest.mark.parametrize("leader", ["S1", None])
def test_who_does_not_lead_names_the_leader_if_it_knows_one(leader: str | None) -> None:
    """§8."""
    play = reign_of_s1() if leader else Play(3)
    answer = play.tell("S2", ClientRequest("C1", 1, Set("x", "1")))

    assert answer == ClientReply("C1", 1, "S2", ok=False, leader_id=leader, reason=Reason.NOT_LEADER)
    assert play.commit("S2") == len(play.state("S2").log.entries)


def test_a_deposed_leaders_entry_may_be_overwritten_before_it_is_committed() -> None:
    """§5.3: so a client that got no answer must ask again."""
    play = reign_of_s1(config=Config(snapshot_every=0, leader_guard=False))
    play.propose("S1", "lost")
    play.pass_ms(300)
    play.elect("S2", heard_by="S3")
    play.heartbeat("S2", heard_by="S1 S3")
    play.heartbeat("S2", heard_by="S1 S3")

    assert play.terms("S1") == play.terms("S2") == "1 2"
    assert [entry.command for entry in play.applied["S1"]] == [None, None]
