"""Log replication (§5.3) and commitment: what a follower does with an AppendEntries, and a leader with the answers."""

import pytest
from msgspec.structs import replace
from plays import AS_IN_THE_PAPER, FIGURE_2, Play, log_of, start_reign_as_in_figure_2

from raftcore import Cluster
from raftcore.checks.explain import why_refused
from raftcore.consensus import replication
from raftcore.consensus.door import DeadlineReached
from raftcore.consensus.progress import Progress
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.events import AppendRefused
from raftcore.vocabulary.messages import AppendEntries, AppendEntriesReply, ClientReply, ClientRequest, Entry
from raftcore.vocabulary.names import FOLLOWER, LEADER, PROBE, REPLICATE, Reason

ONE_AT_A_TIME = replace(AS_IN_THE_PAPER, max_entries_per_message=1, max_messages_in_flight=3)


def heartbeat(term: int, leader: str, prev: tuple[int, int] = (0, 0), commit: int = 0) -> AppendEntries:
    return AppendEntries(term, leader, *prev, (), commit)


def accepted(term: int, follower: str, match_index: int) -> AppendEntriesReply:
    return AppendEntriesReply(term, follower, True, match_index)


def leader_of(log: str = "1 1 1", config: Config = AS_IN_THE_PAPER, rules: Rules = FIGURE_2) -> Play:
    """S1 leads S2 and S3 in term 2; nobody has heard of it yet."""
    play = Play(3, rules, {"S1": log}, term=1, config=config)
    play.elect("S1", heard_by="S2")
    play.take_mail()
    return play


def progress_of(play: Play, follower: str = "S2") -> Progress:
    return play.state("S1").progress[follower]


def ask(play: Play, number: int) -> None:
    play.step("S1", ClientRequest("C1", number, Set("x", str(number))))


# ---- the follower (Figure 2, AppendEntries, receiver)


@pytest.mark.parametrize(
    "mine, prev, reason, conflict",
    [
        ("", (0, 0), None, (0, 0)),
        ("1 1", (2, 1), None, (0, 0)),
        ("1 1", (1, 1), None, (0, 0)),
        ("", (1, 1), Reason.LOG_GAP, (0, 1)),
        ("1 1", (5, 2), Reason.LOG_GAP, (0, 3)),
        ("1 2 2 2", (3, 1), Reason.LOG_CONFLICT, (2, 2)),
        ("1 2 2 2", (4, 3), Reason.LOG_CONFLICT, (2, 2)),
    ],
)
def test_an_append_is_accepted_only_where_the_logs_agree(
    mine: str, prev: tuple[int, int], reason: Reason | None, conflict: tuple[int, int]
) -> None:
    play = Play(3, logs={"S1": mine}, term=3)
    answer = play.tell("S1", heartbeat(4, "S2", prev))

    if reason is None:
        assert answer == accepted(4, "S1", prev[0])
    else:
        assert answer == AppendEntriesReply(4, "S1", False, 0, prev[0], *conflict, reason)
        assert [event.reason for event in play.told(AppendRefused)] == [reason]


def test_an_append_of_an_earlier_term_is_refused_and_resets_nothing() -> None:
    play = Play(3, logs={"S1": "1"}, term=4)
    deadline_ms, play.now_ms = play.state("S1").deadline_ms, 50.0
    answer = play.tell("S1", AppendEntries(3, "S2", 0, 0, tuple(log_of("3")), 1))

    assert (answer.term, answer.success, answer.reason) == (4, False, Reason.STALE_TERM)
    assert (play.terms("S1"), play.commit("S1"), play.state("S1").leader_id) == ("1", 0, None)
    assert play.state("S1").deadline_ms == deadline_ms


def test_a_refused_append_of_the_current_term_still_resets_the_election_timer() -> None:
    play = Play(3, term=4)
    play.now_ms = 50.0
    assert not play.tell("S1", heartbeat(4, "S2", (7, 3))).success
    assert play.state("S1").deadline_ms == 50 + 225
    assert play.state("S1").leader_id == "S2"


def test_commit_goes_no_further_than_the_last_new_entry() -> None:
    """An empty append matches at 1; behind it the follower holds entries of an old leader, which are not the committed ones."""
    play = Play(3, logs={"S1": "1 2 2"}, term=3)
    play.tell("S1", heartbeat(3, "S2", (1, 1), commit=3))

    assert play.commit("S1") == 1
    assert len(play.applied["S1"]) == 1


def test_a_rule_that_commits_to_the_end_of_its_own_log_applies_what_nobody_committed() -> None:
    def to_own_end(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
        reply = replication.answer_append_entries(me, ask)
        me.commit_to(min(ask.leader_commit, me.log.last_index))
        return reply

    play = Play(3, Rules(answer_append_entries=to_own_end), {"S1": "1 2 2"}, term=3)
    play.tell("S1", heartbeat(3, "S2", (1, 1), commit=3))
    assert [entry.term for entry in play.applied["S1"]] == [1, 2, 2]


def test_commit_never_falls() -> None:
    play = Play(3, logs={"S1": "1 1 1"}, term=1)
    play.tell("S1", heartbeat(1, "S2", (3, 1), commit=3))
    play.tell("S1", heartbeat(1, "S2", (2, 1), commit=1))
    assert play.commit("S1") == 3


def test_a_delayed_older_append_takes_nothing_back_that_was_acknowledged() -> None:
    play = Play(3, term=1)
    first, second = log_of("1 1")
    old = AppendEntries(1, "S2", 0, 0, (first,), 0)
    play.tell("S1", old)
    assert play.tell("S1", AppendEntries(1, "S2", 1, 1, (second,), 0)) == accepted(1, "S1", 2)

    assert play.tell("S1", old) == accepted(1, "S1", 1)
    assert play.tell("S1", heartbeat(1, "S2")) == accepted(1, "S1", 0)
    assert play.disks["S1"][1] == [first, second]


def test_a_rule_that_truncates_at_every_append_loses_what_it_acknowledged() -> None:
    def truncate_always(me: NodeState, ask: AppendEntries) -> AppendEntriesReply:
        me.log.replace_from(ask.prev_log_index + 1, ask.entries)
        return accepted(me.current_term, me.id, ask.prev_log_index + len(ask.entries))

    play = Play(3, Rules(answer_append_entries=truncate_always), term=1)
    first, second = log_of("1 1")
    play.tell("S1", AppendEntries(1, "S2", 0, 0, (first, second), 0))
    play.tell("S1", AppendEntries(1, "S2", 0, 0, (first,), 0))
    assert play.disks["S1"][1] == [first]


def test_an_overwritten_conflict_takes_the_stale_tail_with_it() -> None:
    play = Play(3, logs={"S1": "1 1 1 2 2"}, term=2)
    entry = Entry(3, Set("x", "new"))
    assert play.tell("S1", AppendEntries(3, "S2", 3, 1, (entry,), 4)) == accepted(3, "S1", 4)
    assert play.terms("S1") == "1 1 1 3"
    assert play.disks["S1"][1] == play.state("S1").log.entries


# ---- the leader learns from answers, whatever order they come in


def test_an_old_answer_never_moves_match_index_back() -> None:
    play = leader_of()
    for match_index in (2, 3, 1):
        play.step("S1", accepted(2, "S2", match_index))
    assert (progress_of(play).match_index, progress_of(play).next_index) == (3, 4)


def test_an_old_refusal_never_moves_next_index_to_what_is_known_to_match() -> None:
    play = leader_of("1 1 1 1 1")
    refusals = [AppendEntriesReply(2, "S2", False, 0, prev, 0, 1, Reason.LOG_GAP) for prev in (5, 3, 1)]
    play.step("S1", refusals[0])
    assert progress_of(play).next_index == 1
    play.step("S1", accepted(2, "S2", 4))
    for refusal in refusals:
        play.step("S1", refusal)

    assert (progress_of(play).match_index, progress_of(play).next_index) == (4, 5)


def refused(prev: int, heard_round: int, conflict_index: int = 1) -> AppendEntriesReply:
    return AppendEntriesReply(2, "S2", False, 0, prev, 0, conflict_index, Reason.LOG_GAP, heard_round)


def test_a_follower_that_has_lost_what_it_acknowledged_is_fed_again() -> None:
    """Figure 2: nextIndex is decremented and tried again. What was acknowledged counts no more (braft#292)."""
    play = leader_of("1 1 1 1 1")
    play.step("S1", accepted(2, "S2", 5))
    play.step("S1", DeadlineReached())
    play.take_mail()
    play.step("S1", refused(5, play.state("S1").reign.round, conflict_index=3))

    assert (progress_of(play).match_index, progress_of(play).next_index, progress_of(play).state) == (0, 3, PROBE)
    assert [(ask.prev_log_index, len(ask.entries)) for ask in play.take_mail("S2")] == [(2, 3)]
    play.step("S1", accepted(2, "S2", 5))
    assert (progress_of(play).match_index, progress_of(play).next_index) == (5, 6)


@pytest.mark.parametrize("prev", [1, 4, 5])
def test_a_refusal_of_what_was_sent_before_the_match_was_known_is_no_lost_log(prev: int) -> None:
    """It is late, repeated or overtaken: the follower took in the entries since, or the answer that they were taken in came first."""
    play = leader_of("1 1 1 1 1")
    play.step("S1", DeadlineReached())
    known_in = play.state("S1").reign.round
    play.step("S1", accepted(2, "S2", 5))
    for _ in range(3):
        play.step("S1", DeadlineReached())
        play.step("S1", refused(prev, known_in))

    assert (progress_of(play).match_index, progress_of(play).next_index) == (5, 6)


@pytest.mark.parametrize("compacts", [False, True])
def test_a_server_whose_disk_has_lied_catches_up_under_the_same_leader(compacts: bool) -> None:
    """Also where the leader has compacted away what is lost, and Why? tells the truth."""
    cluster = Cluster(3, seed=1, config=Config(snapshot_every=0))
    cluster.disk("S3", loses_writes=True)
    cluster.run_until(lambda view: view.leader is not None)
    leader, term = cluster.leader, cluster.view.servers["S1"].current_term
    for number in range(8):
        cluster.client("C1").set("x", str(number))
    cluster.crash("S3")
    if compacts:
        cluster.take_snapshot(leader)
    cluster.disk("S3", loses_writes=False)
    cluster.restart("S3")
    cluster.client("C1").set("x", "more")
    cluster.run_for(1_000)

    view = cluster.view
    assert (view.leader, view.servers["S3"].current_term) == (leader, term)
    assert view.servers["S3"].last_applied == view.servers[leader].last_applied
    refusals = [event for event in cluster.trace if isinstance(event, AppendRefused) and event.server == "S3"]
    assert refusals
    assert all(f"{leader} tries further back" in why_refused(refusal) for refusal in refusals)
    assert "Monotonic Match" not in {violation.property for violation in cluster.violations}


def test_a_refusal_of_an_earlier_term_is_no_lost_log() -> None:
    """It carries the follower's present term, and may carry a number of the earlier reign's."""
    play = leader_of("1 1 1 1 1")
    play.step("S1", accepted(2, "S2", 5))
    play.step("S1", AppendEntriesReply(2, "S2", False, 0, 5, 0, 6, Reason.STALE_TERM, 99))

    assert (progress_of(play).match_index, progress_of(play).next_index) == (5, 6)


def test_a_repeated_refusal_of_a_lost_log_is_late_once_the_follower_is_fed() -> None:
    play = leader_of("1 1 1 1 1")
    play.step("S1", accepted(2, "S2", 5))
    play.step("S1", DeadlineReached())
    lost = refused(5, play.state("S1").reign.round)
    play.step("S1", lost)
    play.step("S1", accepted(2, "S2", 5))
    play.step("S1", DeadlineReached())
    play.step("S1", lost)

    assert (progress_of(play).match_index, progress_of(play).next_index) == (5, 6)


def test_a_rule_that_believes_every_refusal_sends_again_what_is_known_to_match() -> None:
    def gullible(me: NodeState, reply: AppendEntriesReply) -> None:
        if reply.success:
            me.progress[reply.follower_id].absorb_match(reply.match_index, 0)
        else:
            me.progress[reply.follower_id].probe_from(reply.conflict_index)

    play = leader_of(rules=Rules(start_reign=start_reign_as_in_figure_2, absorb_append_entries_reply=gullible))
    play.step("S1", accepted(2, "S2", 3))
    play.step("S1", AppendEntriesReply(2, "S2", False, 0, 3, 0, 1, Reason.LOG_GAP))
    assert progress_of(play).next_index <= progress_of(play).match_index


def test_an_answer_to_an_earlier_reign_is_void() -> None:
    play = leader_of()
    play.step("S1", accepted(1, "S2", 3))
    play.step("S1", AppendEntriesReply(1, "S3", False, 0, 3, 0, 1, Reason.LOG_GAP))
    assert (progress_of(play).match_index, progress_of(play, "S3").next_index) == (0, 4)


def test_a_leader_that_hears_of_a_later_term_gives_up_and_waits_for_another() -> None:
    play = leader_of()
    play.now_ms = 40.0
    play.step("S1", AppendEntriesReply(9, "S2", False, reason=Reason.STALE_TERM))
    assert (play.state("S1").role, play.state("S1").current_term, play.state("S1").deadline_ms) == (FOLLOWER, 9, 265.0)
    assert play.state("S1").progress == {}


def test_a_probing_leader_has_one_message_under_way_and_a_heartbeat_finds_out_that_it_was_lost() -> None:
    play = leader_of("1")
    ask(play, 1)
    assert len(play.take_mail("S2")) == 1  # lost
    ask(play, 2)
    assert play.take_mail("S2") == []

    play.heartbeat("S1", heard_by="S2")
    assert play.terms("S2") == "1 2 2"
    assert progress_of(play).state is REPLICATE


def test_a_leader_that_knows_the_log_pipelines_as_far_as_it_may() -> None:
    play = leader_of("1", ONE_AT_A_TIME)
    play.heartbeat("S1", heard_by="S2")
    for number in range(1, 6):
        ask(play, number)
    sent = play.take_mail("S2")

    assert [(message.prev_log_index, len(message.entries)) for message in sent] == [(1, 1), (2, 1), (3, 1)]
    assert list(progress_of(play).in_flight) == [2, 3, 4]
    play.step("S1", accepted(2, "S2", 3))  # the answer to the first was lost: this one says both
    assert [message.prev_log_index for message in play.take_mail("S2")] == [4, 5]


@pytest.mark.parametrize("lost", ["first", "last", "all", "answers"])
def test_whatever_is_lost_from_the_pipeline_is_sent_again(lost: str) -> None:
    play = leader_of("1", ONE_AT_A_TIME)
    play.heartbeat("S1", heard_by="S2")
    for number in range(1, 4):
        ask(play, number)
    sent = play.take_mail("S2")
    heard = {"first": sent[1:], "last": sent[:-1], "all": [], "answers": sent}[lost]
    for message in heard:
        play.step("S2", message)
    if lost == "answers":
        play.take_mail("S1")
    play.heartbeat("S1", heard_by="S2")

    assert play.terms("S2") == "1 2 2 2"
    assert progress_of(play).match_index == play.commit("S1") == 4


def test_the_pipeline_arriving_backwards_is_put_in_order() -> None:
    play = leader_of("1", ONE_AT_A_TIME)
    play.heartbeat("S1", heard_by="S2")
    for number in range(1, 4):
        ask(play, number)
    for message in reversed(play.take_mail("S2")):
        play.step("S2", message)
    play.mail.reverse()
    play.talk("S1", "S2")
    assert play.terms("S2") == play.terms("S1")


def test_a_message_carries_no_more_entries_than_it_may() -> None:
    play = leader_of("1 " * 7, replace(AS_IN_THE_PAPER, max_entries_per_message=3))
    play.step("S1", DeadlineReached())
    play.step("S1", AppendEntriesReply(2, "S2", False, 0, 7, 0, 1, Reason.LOG_GAP))
    assert [len(message.entries) for message in play.take_mail("S2")] == [0, 3]
    play.step("S1", accepted(2, "S2", 3))
    assert [len(message.entries) for message in play.take_mail("S2")] == [3, 1]


@pytest.mark.parametrize("heard_before, may_fly", [(False, 1), (True, 3)])
def test_a_follower_that_does_not_answer_holds_up_nobody_and_little_flies_to_it(heard_before: bool, may_fly: int) -> None:
    play = leader_of("1", ONE_AT_A_TIME)
    play.heartbeat("S1", heard_by="S2 S3" if heard_before else "S2")
    to_s3 = 0
    for number in range(1, 51):
        ask(play, number)
        to_s3 += len(play.take_mail("S3"))
        play.talk("S1", "S2")
        assert play.commit("S1") == number + 1

    assert to_s3 == len(progress_of(play, "S3").in_flight) == may_fly


# ---- commitment (§5.3, §5.4.2)


def test_an_entry_is_committed_once_a_majority_has_it_and_applied_once() -> None:
    play = leader_of("")
    entry = play.propose("S1", "1", heard_by="S2")
    assert play.commit("S1") == 1
    assert play.applied["S1"] == [entry]
    play.heartbeat("S1", heard_by="S2 S3")
    assert play.applied == {"S1": [entry], "S2": [entry], "S3": [entry]}


def test_without_a_majority_nothing_is_committed() -> None:
    play = Play(5)
    play.elect("S1", heard_by="S2 S3")
    play.propose("S1", "1", heard_by="S2")
    assert play.commit("S1") == 0
    play.heartbeat("S1", heard_by="S3")
    assert play.commit("S1") == 1


def test_a_single_server_is_its_own_majority_once_its_disk_has_synced() -> None:
    play = Play(1, Rules())
    play.elect("S1", heard_by="")
    entry = play.propose("S1", "1")
    assert play.applied["S1"][1:] == [entry]


def test_a_client_is_sent_on_to_the_leader_that_is_known() -> None:
    play = leader_of("")
    request = ClientRequest("C1", 1, Set("x", "1"))
    assert play.tell("S3", request) == ClientReply("C1", 1, "S3", ok=False, leader_id=None, reason=Reason.NOT_LEADER)
    play.heartbeat("S1", heard_by="S3")
    assert play.tell("S3", request).leader_id == "S1"
    assert play.state("S1").role is LEADER
