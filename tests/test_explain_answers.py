"""Why?, asked of refusals and of operations under way; and that every question has an answer in any run."""

import re

import pytest
from test_explain import PLAIN, ask_s1, led_by_s1, time_out_s1

from raftcore import Cluster, Config, ReadMode, Reason, Rules
from raftcore.checks.explain import why_no_leader, why_not_committed, why_pending, why_refused
from raftcore.consensus.election import refuse
from raftcore.consensus.state import NodeState
from raftcore.hunting.random_run import RandomRun
from raftcore.trace.view import ClusterView, OperationView
from raftcore.vocabulary.errors import ClientNotFound, ConfigError
from raftcore.vocabulary.events import AppendRefused, Crashed, MessageDelivered, MessageDropped, MessageSent, VoteDenied
from raftcore.vocabulary.messages import AppendEntriesReply, ClientReply, PreVoteReply, RequestVote, RequestVoteReply

SECTION = re.compile(r"(§[\d.]+|[Tt]hesis [\d.]+\d|Figure 8)$")


def waiting(view: ClusterView) -> OperationView:
    return next(iter(view.pending.values()))


# ---- refusals


def two_histories() -> Cluster:
    """A run in which a leader finds another's entries in its followers' logs."""
    cluster = led_by_s1()
    cluster.partition(["S1", "S2"])
    for client in ("C1", "C2", "C3", "C4"):
        cluster.submit(client, "SET x 1", through="S1")
    cluster.run_until(lambda view: view.leader not in (None, "S1"))
    later = cluster.leader
    assert later
    for client in ("C5", "C6"):
        cluster.submit(client, "SET x 2", through=later)
    cluster.run_for(100)
    cluster.crash(later)
    cluster.heal()
    cluster.run_for(1_000)
    return cluster


def a_slow_client() -> Cluster:
    """A run in which a session expires before its client's next command arrives."""
    cluster = led_by_s1(3, Config(session_timeout_ms=400))
    cluster.client("C1").set("x", "1")
    for server in cluster.server_ids:
        cluster.link("C1", server, delay_ms=(900, 900))
    cluster.submit("C1", "SET x 2")
    for _ in range(4):
        cluster.run_for(300)
        cluster.client("C2").set("y", "1")
    return cluster


def random_run(seed: int) -> Cluster:
    run = RandomRun(seed)
    run.trouble()
    return run.cluster


def test_every_refusal_has_its_sentence() -> None:
    asked: dict[tuple[type, Reason], str] = {}
    for cluster in (two_histories(), a_slow_client(), *map(random_run, range(30))):
        for event in cluster.trace:
            said = event.message if isinstance(event, MessageSent) else event
            reason = getattr(said, "reason", None)
            if isinstance(reason, Reason):
                asked[type(said), reason] = why_refused(event)
    votes = {Reason.STALE_TERM: "§5.1", Reason.ALREADY_VOTED: "§5.2", Reason.LOG_BEHIND: "§5.4.1", Reason.LEADER_HEARD: "thesis 4.2.3"}
    appends = {Reason.STALE_TERM: "§5.1", Reason.LOG_GAP: "§5.3", Reason.LOG_CONFLICT: "§5.3"}
    clients = {Reason.NOT_LEADER: "§8", Reason.TRANSFERRING: "Thesis 3.10", Reason.SESSION_EXPIRED: "Thesis 6.3", Reason.MISMATCH: "§8"}
    drops = dict.fromkeys((Reason.LOST, Reason.LINK_CUT, Reason.SERVER_DOWN), "§5.5")
    for kind, sections in (
        (VoteDenied, votes), (RequestVoteReply, votes), (PreVoteReply, votes), (AppendRefused, appends), (AppendEntriesReply, appends),
        (ClientReply, clients), (MessageDropped, drops),
    ):  # fmt: skip
        seen = {reason: sentence for (of, reason), sentence in asked.items() if of is kind}
        assert seen, kind
        for reason, sentence in seen.items():
            assert sentence.endswith(sections[reason]), (kind, reason)
    assert {reason for _, reason in asked} == set(Reason) - SELDOM
    full = MessageDropped(9.0, 1, "S1", "S2", RequestVoteReply(1, "S1", vote_granted=True), Reason.SERVER_FULL)
    assert why_refused(full).startswith("S2 was held up for so long")


def test_a_refused_vote_names_the_rule() -> None:
    assert why_refused(VoteDenied(1.0, "S2", "S5", 4, Reason.LOG_BEHIND)) == (
        "S2's log is ahead of S5's: its last entry has a later term, or the same one and a higher index, so S5 may lack committed entries. "
        "§5.4.1"
    )
    assert why_refused(AppendRefused(1.0, "S2", "S1", 2, 7, Reason.LOG_GAP)).startswith("S2's log ends before entry 7, behind which")


def test_who_guards_a_leader_may_only_have_started() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.time_out("S1")
    cluster.run_for(40)
    denied = [event for event in cluster.trace if isinstance(event, VoteDenied)]
    assert [event.server for event in denied] == ["S3", "S2"]
    assert why_refused(denied[0]) == (
        "S3 takes part in no election while a leader may live: it led with a majority, heard from a leader, or started (and may have heard "
        "one before) within the shortest election timeout. §6, thesis 4.2.3"
    )


def test_a_rule_may_refuse_for_a_reason_that_raft_has_not() -> None:
    def never(me: NodeState, ask: RequestVote) -> RequestVoteReply:
        return refuse(me, Reason.LOG_GAP)

    cluster = Cluster(size=3, seed=1, config=Config(pre_vote=False), rules=Rules(answer_request_vote=never))
    time_out_s1(cluster)
    cluster.run_until(lambda view: len(view.servers["S1"].denied) == 2)
    denied = next(event for event in cluster.trace if isinstance(event, VoteDenied))
    assert why_refused(denied) == f"{denied.server} refused: log gap."
    assert why_no_leader(cluster.view) == "S1 with 1 vote stands for term 1 and needs 2 of 3; S2 and S3 refused: log gap. §5.2"


def test_what_refuses_nothing_has_no_why() -> None:
    with pytest.raises(ConfigError, match="Crashed refuses nothing; ask about a VoteDenied"):
        why_refused(Crashed(1.0, "S1"))
    granted = MessageSent(1.0, 1, "S2", "S1", RequestVoteReply(1, "S2", True), 2.0)
    with pytest.raises(ConfigError, match="RequestVoteReply from S2 refuses nothing"):
        why_refused(granted)


# ---- operations under way


def test_a_request_and_its_answer_travel() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S1")
    arrives = next(it for it in cluster.view.messages.values() if it.source == "C1").deliver_at_ms
    assert why_pending(cluster.view, waiting(cluster.view)) == f"The request is on its way to S1, and arrives at {arrives:,.0f} ms. §8"
    cluster.run_until(lambda view: any(it.target == "C1" for it in view.messages.values()))
    assert why_pending(cluster.view, waiting(cluster.view)).startswith("The answer of S1 is on its way to C1, and arrives at ")


def test_the_answer_to_the_request_for_a_session_travels_too() -> None:
    cluster = led_by_s1(3, Config())
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: any(it.target == "C1" for it in view.messages.values()))
    assert cluster.view.servers["S1"].sessions
    assert why_pending(cluster.view, waiting(cluster.view)).startswith("The answer of S1 is on its way to C1, and arrives at ")
    cluster.run_for(50)
    trace = cluster.trace
    heard = next(place for place, it in enumerate(trace) if isinstance(it, MessageDelivered) and isinstance(it.message, ClientReply))
    arrived, asked = trace.view_after(heard + 1), trace.view_after(heard + 2)
    assert why_pending(arrived, waiting(arrived)) == "The answer of S1 has just arrived. §8"
    assert why_pending(asked, waiting(asked)).startswith("The request is on its way to S1")


def test_a_request_to_a_crashed_server() -> None:
    cluster = led_by_s1(3)
    cluster.crash("S3")
    cluster.submit("C1", "SET x 1", through="S3")
    assert "but S3 is crashed, and C1 asks another server" in why_pending(cluster.view, waiting(cluster.view))
    cluster.run_for(100)
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        "What C1 asked S3 did not arrive (server down); C1 asks the next server when its patience ends, and S1 leads. §8"
    )


def test_a_redirect_travels() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S2")
    cluster.run_until(lambda view: any(it.target == "C1" for it in view.messages.values()))
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        "S2 refused (not the leader), and its advice to ask S1 is on its way to C1. §8"
    )


def test_a_command_waits_for_its_commit_and_its_session_first() -> None:
    for config, what in ((PLAIN, "it"), (Config(), "a session for it")):
        cluster = led_by_s1(config=config)
        cluster.partition(["S1", "S2"])
        ask_s1(cluster, wait_ms=100)
        sentence = why_pending(cluster.view, waiting(cluster.view))
        assert sentence.startswith(
            f"S1 has {what} in its log at 2, and answers when that is committed and applied: Entry 2 of S1 is on S1 and S2"
        )


def test_an_answer_that_was_lost() -> None:
    cluster = led_by_s1(3, Config())
    cluster.client("C1").set("x", "1")
    cluster.link("S1", "C1", up=False)
    ask_s1(cluster, wait_ms=120)
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        "S1 has applied it, and its answer was lost; when C1 asks again, its session knows it. Thesis 6.3"
    )


def test_a_read_waits_for_a_majority() -> None:
    cluster = led_by_s1()
    cluster.partition(["S1", "S2"])
    ask_s1(cluster, "GET x", wait_ms=40)
    cut_ms = cluster.now_ms - 40
    round_number = next(iter(cluster.view.servers["S1"].reads.values())).round
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        f"S1 may not answer the read before a majority has answered its round {round_number} of heartbeats, or another could lead already; "
        f"it needs 3 of 5, and S3, S4 and S5 have been cut off from S1 since {cut_ms:,.0f} ms. Thesis 6.4"
    )


def test_a_read_waits_for_an_entry_of_the_leaders_own_term() -> None:
    cluster = Cluster(size=3, seed=1, config=Config(delay_ms=(20, 20)))
    time_out_s1(cluster)
    cluster.run_until(lambda view: bool(view.leaders))
    cluster.link("C1", "S1", delay_ms=(0, 0))
    ask_s1(cluster, "GET x", wait_ms=5)
    assert why_pending(cluster.view, waiting(cluster.view)).startswith(
        "S1 answers no read before it has committed an entry of its own term 1: only then it knows what is committed (thesis 6.4, "
        "step 1): Entry 1"
    )


def test_nobody_leads() -> None:
    cluster = led_by_s1(3)
    for server in ("S1", "S2"):
        cluster.crash(server)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(500)
    sentence = why_pending(cluster.view, waiting(cluster.view))
    assert "S1 and S2 are crashed" in sentence


def test_a_refusal_that_the_client_has_heard_is_not_lost() -> None:
    cluster = led_by_s1(3)
    cluster.link("S1", "S2", up=False)
    cluster.transfer_leadership("S2")
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: any(isinstance(it.message, ClientReply) for it in view.messages.values()))
    cluster.run_until(lambda view: not any(isinstance(it.message, ClientReply) for it in view.messages.values()))
    cluster.run_for(10)
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        "C1 was refused, and is about to ask again: S1 hands its leadership over and takes in nothing new, or its successor would never "
        "catch up. Thesis 3.10"
    )
    cluster.run_for(50)
    assert "The request is on its way" in why_pending(cluster.view, waiting(cluster.view))


def test_a_paused_leader_holds_back_what_it_was_asked() -> None:
    cluster = led_by_s1(3)
    cluster.pause("S1")
    ask_s1(cluster)
    assert why_pending(cluster.view, waiting(cluster.view)) == (
        "S1 has heard what C1 asked, and is paused; C1 asks the next server when its patience ends, and S1 leads, but is paused. §8"
    )
    cluster.resume("S1")
    cluster.run_for(100)
    assert [it.attempts for it in cluster.view.completed] == [1]


def test_a_read_that_a_paused_leader_has_taken_in() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "GET x", through="S1")
    cluster.run_until(lambda view: bool(view.servers["S1"].reads))
    cluster.pause("S1")
    assert why_pending(cluster.view, waiting(cluster.view)).startswith(
        "S1 is paused, and does nothing meanwhile: S1 may not answer the read before a majority has answered its round "
    )


def test_a_server_takes_in_nothing_before_its_disk_has_synced() -> None:
    cluster = led_by_s1(3)
    cluster.disk("S1", sync_ms=200)
    cluster.submit("C1", "SET x 1", through="S1")
    cluster.run_until(lambda view: view.servers["S1"].log.last_index == 2)
    cluster.submit("C2", "SET x 2", through="S1")
    cluster.run_for(60)
    assert why_pending(cluster.view, cluster.view.pending["C2"]).startswith("S1 has heard what C2 asked, and waits for its disk; ")


def test_what_was_lost_and_where() -> None:
    cluster = led_by_s1(3)
    cluster.crash("S3")
    cluster.link("C1", "S1", up=False)
    cluster.link("S1", "C2", up=False)
    for client, text in (("C1", "SET x 1"), ("C2", "SET x 2")):
        cluster.submit(client, text, through="S1")
    cluster.run_for(100)
    view = cluster.view
    assert why_pending(view, view.pending["C1"]).startswith("What C1 asked S1 did not arrive (link cut); C1 asks the next server")
    assert why_pending(view, view.pending["C2"]).startswith("The answer of S1 did not arrive (link cut); C2 asks the next server")


def test_a_stale_read_needs_no_leader() -> None:
    cluster = led_by_s1(3, Config(client_sessions=False, reads=ReadMode.STALE, pre_vote=False, leader_guard=False))
    cluster.link("S3", "C1", up=False)
    cluster.submit("C1", "GET x", through="S3")
    cluster.run_for(50)
    lost = "The answer of S3 did not arrive (link cut); C1 asks the next server when its patience ends"
    cluster.crash("S1")
    assert why_pending(cluster.view, waiting(cluster.view)) == f"{lost}. §8"
    cluster.time_out("S2")
    cluster.run_until(lambda view: view.leader == "S2")
    assert cluster.view.servers["S2"].commit_index == 1, "it has committed nothing of its own term"
    assert why_pending(cluster.view, waiting(cluster.view)) == f"{lost}, and S2 leads. §8"


def test_an_operation_that_is_over_is_not_pending() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S1")
    operation = waiting(cluster.view)
    cluster.run_for(300)
    with pytest.raises(ClientNotFound, match="C1 does not wait for this operation"):
        why_pending(cluster.view, operation)


def test_an_operation_that_an_earlier_view_shows_is_the_same() -> None:
    cluster = led_by_s1(3)
    cluster.submit("C1", "SET x 1", through="S2")
    operation = waiting(cluster.view)
    cluster.run_for(30)
    assert waiting(cluster.view) != operation, "its request has arrived"
    assert why_pending(cluster.view, operation) == why_pending(cluster.view, waiting(cluster.view))


def test_what_is_no_view_or_no_operation_is_refused() -> None:
    cluster = led_by_s1(3)
    ask_s1(cluster, wait_ms=0)
    for question in (why_no_leader, lambda run: why_not_committed(run, 1), lambda run: why_pending(run, waiting(cluster.view))):
        with pytest.raises(ConfigError, match=r"is no view; give one of a run: cluster\.view, or cluster\.trace\.view_at\(at_ms\)"):
            question(cluster)
    with pytest.raises(ConfigError, match=r"'C1' is no operation under way; give one of view\.pending, by client: C1"):
        why_pending(cluster.view, "C1")  # type: ignore[arg-type]  # the mistake


# ---- all of them, anywhere


def test_at_any_moment_of_any_run_every_question_has_an_answer_with_a_section() -> None:
    for seed in range(30):
        trace = random_run(seed).trace
        for eighth in range(9):
            for sentence in sentences(trace.view_after(len(trace) * eighth // 8)):
                assert SECTION.search(sentence), sentence


def sentences(view: ClusterView) -> list[str]:
    said = [why_no_leader(view), *(why_pending(view, operation) for operation in view.pending.values())]
    for server in view.servers.values():
        last = server.log.last_index
        said += [why_not_committed(view, index, server.id) for index in range(max(1, last - 2), last + 1)]
        said += [why_not_committed(view, last)] if last else []
    return said


SELDOM = {Reason.SERVER_FULL, Reason.TOO_MANY_REQUESTS, Reason.OVERTAKEN, Reason.TOO_LARGE}
"""Those that take 10,000 messages, a client with two commands at once, or a long value."""


@pytest.mark.parametrize(
    "reason, words",
    [
        (Reason.TOO_MANY_REQUESTS, "wait for a majority"),
        (Reason.OVERTAKEN, "later command"),
        (Reason.MISMATCH, "does not hold what the comparison expects"),
        (Reason.TOO_LARGE, "longer than a value may be"),
    ],
)
def test_why_a_server_refuses_a_request_or_a_command_fails(reason: Reason, words: str) -> None:
    reply = ClientReply("C1", 1, "S1", ok=False, reason=reason)
    assert words in why_refused(MessageSent(0.0, 1, "S1", "C1", reply, 10.0))


def test_a_failed_comparison_is_an_answer_on_its_way_and_no_advice_to_ask_again() -> None:
    cluster = led_by_s1(3, PLAIN)
    cluster.submit("C1", "CAS x 1 2", through="S1")
    cluster.run_until(lambda view: any(it.target == "C1" for it in view.messages.values()))
    assert why_pending(cluster.view, waiting(cluster.view)).startswith("The answer of S1 is on its way to C1, and arrives at ")
