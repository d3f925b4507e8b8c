"""The laws in the lab: which are shown, what stops time, what leads to the evidence, and what a person may ask."""

import time

import pytest
from test_player import wait_until

from raftcore import Cluster, Config, Rules
from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.linearizability import Verdict
from raftcore.checks.watch import INVARIANTS
from raftcore.vocabulary.messages import RequestVoteReply
from widgets import Lab
from widgets import checking as checking_module
from widgets.checking import BUDGET, Checked, Checking
from widgets.checks_strip import ChecksStrip, named
from widgets.event_feed import EventFeed
from widgets.frame import Frame
from widgets.log_grid import LogGrid
from widgets.player import Player
from widgets.ring import Ring
from widgets.status_line import StatusLine


def grant_always(me, ask) -> RequestVoteReply:
    """A planted bug: a server votes for everybody who asks."""
    me.voted_for = None
    me.vote_for(ask.candidate_id)
    return RequestVoteReply(me.current_term, me.id, vote_granted=True)


def about_to_vote_twice() -> Cluster:
    """S1 and S2 have just asked all others for their vote of one term, in a cluster with the planted bug."""
    cluster = Cluster(size=3, seed=3, config=Config(pre_vote=False, leader_guard=False), rules=Rules(answer_request_vote=grant_always))
    cluster.run_for(140)
    for server in ("S1", "S2"):
        cluster.time_out(server)
    assert cluster.violations == ()
    return cluster


def two_votes() -> Cluster:
    cluster = about_to_vote_twice()
    cluster.run_for(40)
    assert cluster.violations
    return cluster


def frame_of(cluster: Cluster) -> Frame:
    checked = Checking(cluster).at(len(cluster.trace), still=True)
    return Frame(view=cluster.view, events=tuple(cluster.trace), position=len(cluster.trace), checked=checked)


def drawn(cluster: Cluster) -> dict:
    return ChecksStrip().draw(frame_of(cluster))


# ---- what is known


def test_beliefs_stand_behind_the_invariants_where_they_are_judged():
    cluster = Cluster(3, checks="full")
    cluster.run_for(500)
    laws = drawn(cluster)["laws"]
    assert [law["name"] for law in laws] == [one.name for one in (*INVARIANTS, *BELIEFS)]
    assert {law["state"] for law in laws} == {"holds", "idle"}
    assert len(drawn(Cluster(3))["laws"]) == len(INVARIANTS)


def test_every_law_has_its_name_its_sentence_and_its_state():
    laws = drawn(Cluster(size=3))["laws"]
    assert [law["name"] for law in laws] == [invariant.name for invariant in INVARIANTS]
    assert all(f". {one.section} Not exercised so far: that takes “" in law["about"] for law, one in zip(laws, INVARIANTS, strict=True))
    assert {law["state"] for law in laws} == {"idle"}, "nothing has happened yet"


def test_a_law_holds_once_its_premise_has_come_about_and_is_not_exercised_at_a_moment_before():
    cluster = Cluster(size=3, seed=1)
    cluster.run_until(lambda view: view.leader is not None)
    cluster.run_for(200)
    elected = cluster.situations["leader elected"]

    def standing(run: Cluster, position: int) -> dict[str, str]:
        checked = Checking(run).at(position, still=False)
        laws = ChecksStrip().draw(Frame(view=run.trace.view_after(position), checked=checked))["laws"]
        return {law["name"]: law["state"] for law in laws}

    now = len(cluster.trace)
    assert standing(cluster, elected)["Election Safety"] == "idle"
    assert standing(cluster, elected + 1)["Election Safety"] == "holds"
    assert standing(cluster, now)["Log Matching"] == "holds"
    idle = {"Leader Completeness", "Joint Quorum", "No Invention", "Configuration Follows Log"}
    assert {name for name, state in standing(cluster, now).items() if state == "idle"} >= idle
    assert standing(cluster.recording, now) == standing(cluster, now)
    joint = next(law for law in drawn(cluster)["laws"] if law["name"] == "Joint Quorum")
    assert joint["about"].endswith(
        "§6 Not exercised so far: that takes “joint decision”. A leader is elected or commits an entry while its configuration is joint, "
        "so that two majorities decide (§6)."
    )


def test_a_history_in_which_no_client_has_read_says_nothing_of_linearizability():
    cluster = Cluster(size=3, seed=2)
    assert drawn(cluster)["history"]["state"] == "idle"
    cluster.client("C1").set("x", "1")
    assert (drawn(cluster)["history"]["name"], drawn(cluster)["history"]["state"]) == ("Linearizable (1 operation)", "idle")
    cluster.client("C1").get("x")
    assert (drawn(cluster)["history"]["name"], drawn(cluster)["history"]["state"]) == ("Linearizable (2 operations)", "holds")


def test_a_broken_law_is_shown_with_its_evidence():
    cluster = two_votes()
    picture = drawn(cluster)
    first = cluster.violations[0]
    assert {law["name"] for law in picture["laws"] if law["state"] == "broken"} == {one.property for one in cluster.violations}
    shown = picture["broken"][0]
    assert (shown["property"], shown["sentence"]) == (first.property, first.sentence)
    assert [it["position"] for it in shown["events"]] == list(first.evidence)
    assert all(it["at_ms"] == cluster.trace[it["position"]].at_ms and it["text"] for it in shown["events"])


def test_the_servers_of_a_violation_are_marked_in_ring_and_logs():
    cluster = two_votes()
    frame = frame_of(cluster)
    assert set(cluster.violations[0].servers) <= set(Ring().draw(frame)["violated"])
    assert Ring().draw(frame)["violated"] == LogGrid().draw(frame)["violated"]


def test_before_it_happened_nothing_was_broken():
    cluster = two_votes()
    checking, seen = Checking(cluster), cluster.violations[0].evidence[-1]
    assert checking.at(seen, still=False).broken == ()
    assert len(checking.at(seen + 1, still=False).broken) == 1


def picture_after(cluster: Cluster, position: int, still: bool = True) -> dict:
    checked = Checking(cluster).at(position, still)
    return ChecksStrip().draw(Frame(view=cluster.trace.view_after(position), checked=checked))


def test_who_looks_at_the_first_event_of_a_violation_still_sees_the_others():
    cluster = two_votes()
    first = cluster.violations[0]
    begins = first.evidence[0]
    assert begins < first.evidence[-1]
    looking_back = picture_after(cluster, begins + 1)
    shown = looking_back["broken"][0]
    assert (shown["sentence"], [it["position"] for it in shown["events"]]) == (first.sentence, list(first.evidence))
    assert set(first.servers) <= Checking(cluster).at(begins + 1, still=True).servers
    before = Checking(cluster).at(begins, still=True)
    assert first not in [it.violation for it in before.shown]


def test_a_law_that_is_broken_later_says_when_and_neither_that_it_holds_nor_that_it_is_broken():
    cluster = two_votes()
    first = cluster.violations[0]

    def standing(position: int) -> tuple[str, float | None]:
        law = next(it for it in picture_after(cluster, position)["laws"] if it["name"] == first.property)
        return law["state"], law.get("at_ms")

    assert standing(0) == standing(first.evidence[-1]) == ("ahead", first.at_ms)
    assert standing(first.evidence[-1] + 1) == ("broken", None)
    idle = [law["name"] for law in picture_after(cluster, 0)["laws"] if law["state"] == "idle"]
    assert set(idle) == {one.name for one in INVARIANTS} - {one.property for one in cluster.violations}


def test_a_recording_is_judged_too():
    cluster = two_votes()
    judged = Checking(cluster.recording).at(len(cluster.trace), still=False)
    assert tuple(it.violation for it in judged.broken) == cluster.violations


def test_a_cluster_that_is_not_judged_shows_no_laws():
    cluster = Cluster(size=3, checks=False)
    cluster.run_for(500)
    assert drawn(cluster)["laws"] == []


# ---- what clients saw


def asked_by_clients() -> Cluster:
    cluster = Cluster(size=3, seed=2)
    cluster.client("C1").set("x", "1")
    cluster.client("C2").get("x")
    cluster.submit("C1", "SET x 2")
    cluster.run_for(5)
    return cluster


def test_a_history_is_judged_when_time_stands_still_and_as_it_was_then():
    cluster = asked_by_clients()
    checking, end = Checking(cluster), len(cluster.trace)
    assert checking.at(end, still=False).result is None
    assert (checking.at(end, still=True).operations, checking.at(end, still=True).result.verdict) == (3, Verdict.LINEARIZABLE)
    read = int(checking.at(end, still=True).result.longest_prefix[1].ended)
    earlier = checking.at(read, still=True)
    assert earlier.operations == 2
    assert len(earlier.result.longest_prefix) == 1, "the read had no answer yet"


def test_the_same_history_is_judged_once():
    cluster = asked_by_clients()
    checking = Checking(cluster)
    first = checking.at(len(cluster.trace), still=True).result
    cluster.run_for(1)
    assert checking.at(len(cluster.trace), still=True).result is first


def applied_twice() -> Cluster:
    cluster = Cluster(size=3, seed=5, config=Config(client_sessions=False, client_retry_ms=100))
    cluster.run_until(lambda view: view.leader is not None)
    cluster.link(cluster.leader, "C1", up=False)
    cluster.submit("C1", "APPEND x a")
    cluster.run_for(250)
    cluster.client("C2").get("x")
    return cluster


def test_a_history_that_is_not_linearizable_is_broken_like_a_law():
    cluster = applied_twice()
    picture = drawn(cluster)
    assert picture["history"]["state"] == "broken"
    shown = next(it for it in picture["broken"] if it["property"] == "Linearizable")
    assert "contradicts the answers before it" in shown["sentence"]
    assert shown["events"][-1]["text"].startswith("C2 get x → ok aaa")


def test_who_looks_at_the_call_of_an_answer_that_contradicts_the_others_still_sees_why():
    cluster = applied_twice()
    checking = Checking(cluster)
    [contradiction] = [it for it in checking.at(len(cluster.trace), still=True).broken if it.violation.property == "Linearizable"]
    called = contradiction.violation.evidence[0] + 1
    checked = checking.at(called, still=True)
    assert contradiction in checked.shown
    history = ChecksStrip().draw(Frame(view=cluster.view, checked=checked))["history"]
    assert (history["state"], history["at_ms"]) == ("ahead", contradiction.violation.at_ms)
    assert contradiction not in checking.at(called, still=False).firsts, "time that passes knows of invariants only"


def test_what_the_budget_does_not_decide_says_so():
    cluster = asked_by_clients()
    result = Checking(cluster).at(len(cluster.trace), still=True).result
    unknown = type(result)(Verdict.UNKNOWN, (), None, BUDGET)
    assert named(3, unknown) == "Linearizable: unknown within 100,000 steps"
    assert named(1, result) == "Linearizable (1 operation)"
    assert ChecksStrip().draw(Frame(view=cluster.view, checked=Checked()))["history"]["state"] == "waits"


def test_very_many_operations_are_not_judged_at_a_pause(monkeypatch):
    monkeypatch.setattr(checking_module, "MOST_OPERATIONS", 2)
    picture = drawn(asked_by_clients())
    assert (picture["history"]["state"], picture["history"]["name"]) == (
        "unknown",
        "Linearizable: 3 operations are too many for a pause",
    )


# ---- time stands still


def test_a_violation_stops_time_once_and_the_status_line_says_the_sentence():
    cluster = about_to_vote_twice()
    with Lab(cluster) as lab:
        lab.speed = 2
        wait_until(lambda: not lab.playing)
        assert lab.notice == f"{cluster.violations[0].property} is broken: {cluster.violations[0].sentence}"
        stopped_ms = cluster.now_ms
        assert stopped_ms < cluster.violations[0].at_ms + 25
        time.sleep(0.1)
        assert cluster.now_ms == stopped_ms

        player = Player.of(cluster)
        player.take({"do": "go", "position": cluster.violations[0].evidence[-1]})
        assert player.head.shown_ms == cluster.violations[0].at_ms
        player.take({"do": "now"})
        lab.play()
        wait_until(lambda: cluster.now_ms > stopped_ms)


def test_a_lab_on_a_run_that_was_violated_before_plays_on_when_it_is_told_to():
    cluster = two_votes()
    known = len(cluster.violations)
    before_ms = cluster.now_ms
    with Lab(cluster) as lab:
        assert not lab.playing
        lab.speed = 1
        lab.play()
        wait_until(lambda: cluster.now_ms > before_ms or len(cluster.violations) > known)


def test_a_long_history_is_judged_where_time_has_stopped_and_not_at_every_moment_of_the_past(monkeypatch):
    monkeypatch.setattr(checking_module, "MOST_IN_THE_PAST", 1)
    cluster = Cluster(size=3, seed=1)
    for number in range(2):
        cluster.client("C1").set("x", str(number))
    now, judge = len(cluster.trace), Checking(cluster).at
    assert judge(now, still=True).result
    past = judge(now - 1, still=True)
    assert (past.operations, past.result) == (2, None)


# ---- why?


@pytest.fixture
def split() -> Cluster:
    """A leader cut off with one other server, with a command that it can't commit."""
    cluster = Cluster(size=5, seed=1)
    cluster.run_until(lambda view: view.leader is not None)
    leader = cluster.leader
    cluster.client("C1").set("x", "1")
    cluster.partition([leader, next(name for name in cluster.server_ids if name != leader)])
    cluster.submit("C1", "SET y 7", through=leader)
    cluster.run_for(60)
    return cluster


def test_an_entry_that_is_asked_about_is_explained_until_the_answer_is_put_away(split: Cluster):
    leader = split.leader or split.view.leaders[0].id
    index = split.view.servers[leader].log.last_index
    with Lab(split) as lab:
        lab.pause()
        player = Player.of(split)
        player.take({"do": "why", "what": "entry", "server": leader, "index": index})
        assert player.why.question == f"Why is entry {index} of {leader} not committed?"
        assert "a commit needs 3 of 5" in player.why.answer
        split.heal()
        split.run_for(500)
        assert player.why.answer == f"Entry {index} is committed, and {leader} knows it. §5.3", "the answer follows the moment"
        player.take({"do": "why", "what": None})
        assert player.why is None


def test_leaders_operations_and_refusals_can_be_asked_about(split: Cluster):
    denied = next((at for at, event in enumerate(split.trace) if type(event).__name__ == "MessageDropped"), None)
    with Lab(split) as lab:
        lab.pause()
        player = Player.of(split)
        for intent, words in (
            ({"what": "leader"}, "leader"),
            ({"what": "operation", "client": "C1"}, "has it in its log"),
            ({"what": "event", "position": denied}, "is cut"),
        ):
            player.take({"do": "why", **intent})
            assert (lab.notice, words in player.why.answer) == ("", True), player.why


@pytest.mark.parametrize(
    "intent, notice",
    [
        ({"what": "entry", "server": "S1", "index": 99}, "no entry 99 to ask about"),
        ({"what": "entry", "server": "S9", "index": 1}, "no server 'S9'"),
        ({"what": "operation", "client": "C7"}, "C7 waits for nothing"),
        ({"what": "event", "position": -1}, "no event -1 in this run"),
        ({"what": "event", "position": 0}, "refuses nothing"),
        ({"what": "weather"}, "no question about 'weather'"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_no_answer_is_shown(split: Cluster, intent: dict, notice: str):
    with Lab(split) as lab:
        lab.pause()
        player = Player.of(split)
        player.take({"do": "why", **intent})
        assert notice in lab.notice
        assert player.why is None


def test_what_may_be_asked_is_marked(split: Cluster):
    split.crash(split.view.leaders[0].id)
    frame = frame_of(split)
    assert StatusLine().draw(frame)["leaderless"] is True
    feed = EventFeed()
    feed.show(frame)
    refused = {line["text"].split()[3] for line in feed.state["lines"] if line["refused"]}
    assert "dropped" in refused
    assert LogGrid().draw(frame)["asks"] is True


def test_a_question_that_fits_no_more_says_so(split: Cluster):
    with Lab(split) as lab:
        lab.pause()
        player = Player.of(split)
        player.take({"do": "why", "what": "operation", "client": "C1"})
        split.heal()
        split.run_for(1_000)
        assert split.view.pending == {}
        assert "C1 does not wait for this operation" in player.why.answer
