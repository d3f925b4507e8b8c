"""Beliefs: each is broken by a state that is wrong, and by none that is right; planted bugs break them, and Raft does not."""

from collections.abc import Callable
from math import inf

import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config
from raftcore.checks.beliefs import BELIEFS
from raftcore.checks.beliefs.alone import ALONE, DeadlinesInBounds, flaws_alone
from raftcore.checks.beliefs.belief import Belief
from raftcore.checks.beliefs.changes import Match, Notes, OneLeaderATerm, RoundsGoForward, flaws_of_change, notes_of
from raftcore.checks.beliefs.others import LeaseExcludes, MatchIsTrue, RoundIsHeard, SavedIsSaved, TermAndVoteAreSaved
from raftcore.consensus.log import Log
from raftcore.consensus.progress import Change, PendingRead, Progress, Reign, Transfer
from raftcore.consensus.state import NodeState
from raftcore.hunting.mutants import MUTANTS, Mutant
from raftcore.hunting.random_run import RandomRun
from raftcore.vocabulary.commands import Get, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState, Snapshot
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.messages import ClientRequest, Entry, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, LEADER, REPLICATE, SNAPSHOT

THREE = Configuration(("S1", "S2", "S3"))
NAMES = {belief.name for belief in BELIEFS}
NOW_MS = 1_000.0


def follower() -> NodeState:
    """S1 in term 2, which has a log of three entries, of which it has committed two, and waits for its leader."""
    log = [Entry(term, Set("x", str(index)), "C1", index) for index, term in enumerate((1, 1, 2), 1)]
    me = NodeState("S1", THREE, Config(), lambda: 0.5, HardState(2, None), None, log)
    me.commit_index = me.last_applied = 2
    me.now_ms, me.leader_heard_ms, me.deadline_ms = NOW_MS, NOW_MS - 10, NOW_MS + 200
    return me


def leader() -> NodeState:
    """S1, which leads in term 2: S2 holds all its entries and has answered round 2 of 3; of S3 it knows nothing."""
    me = follower()
    me.role, me.voted_for, me.leader_id, me.deadline_ms = LEADER, "S1", "S1", NOW_MS + 50
    me.progress = {"S2": Progress(4, 3, state=REPLICATE), "S3": Progress(4)}
    me.reign = Reign(NOW_MS - 20, round=3, answered={"S1": 3, "S2": 2}, lease_until_ms=NOW_MS + 100)
    me.reign.sent.append((3, NOW_MS - 5))
    return me


def candidate() -> NodeState:
    """S1, which stands in term 2 and has its own vote."""
    me = follower()
    me.role, me.voted_for, me.votes = CANDIDATE, "S1", {"S1"}
    return me


def reign(me: NodeState) -> Reign:
    assert me.reign
    return me.reign


def read(round_: int) -> PendingRead:
    return PendingRead(ClientRequest("C1", 1, Get("x")), round_)


def snapshot(index: int, term: int, configuration: Configuration = THREE) -> Snapshot:
    return Snapshot(index, term, configuration, b"data")


def compacted(configuration: Configuration) -> NodeState:
    """A follower whose log begins behind a snapshot that ends at 2."""
    me = follower()
    me.log = Log(me.log.entries[2:], 2, 1, THREE)
    me.snapshot = snapshot(2, 1, configuration)
    return me


# ---- what one server's state tells

State = Callable[[], NodeState]
Spoil = Callable[[NodeState], object]


def put(**values: object) -> Spoil:
    """What sets these fields of a server's state."""
    return lambda me: [setattr(me, name, value) for name, value in values.items()]


def put_reign(**values: object) -> Spoil:
    """What sets these fields of a leader's reign."""
    return lambda me: [setattr(me.reign, name, value) for name, value in values.items()]


def put_progress(**values: object) -> Spoil:
    """What sets these fields of what a leader knows of S2."""
    return lambda me: [setattr(me.progress["S2"], name, value) for name, value in values.items()]


BROKEN: list[tuple[str, State, Spoil, str]] = [
    ("Indexes In Order", follower, put(last_applied=3), "has applied up to 3, and committed up to 2"),
    ("Indexes In Order", follower, put(commit_index=4), "committed up to 4"),
    ("Indexes In Order", follower, put(snapshot=snapshot(3, 2)), "a snapshot up to 3, has applied up to 2"),
    ("Indexes In Order", follower, put(saved_index=4), "counts its log as saved up to 4, and it ends at 3"),
    ("Indexes In Order", follower, put(current_term=1), "is in term 1, and its log ends in term 2"),
    ("Indexes In Order", follower, lambda me: setattr(me.log, "last_index", 4), "ends at 4, and has 3 entries behind 0"),
    ("Indexes In Order", follower, lambda me: setattr(me.log, "last_term", 1), "ends in term 1, and the last entry is of term 2"),
    ("Snapshot Matches Log", follower, put(snapshot=snapshot(2, 2)), "a snapshot up to 2 of term 2, and a log with term 1 there"),
    ("Snapshot Matches Log", lambda: compacted(THREE), put(snapshot=snapshot(2, 1, Configuration(("S1",)))), "another configuration"),
    ("Configuration In Force", follower, put(configuration=Configuration(("S1",))), "does not go by the configuration at 0"),
    ("Configuration In Force", follower, lambda me: me.log.configurations.append((9, THREE)), "by a configuration at 9"),
    ("Configuration In Force", follower, lambda me: me.log.configurations.append((2, THREE)), "at 2, where another entry stands"),
    ("Votes Follow Role", candidate, put(voted_for="S2"), "is candidate in term 2, and has voted for S2"),
    ("Votes Follow Role", leader, put(voted_for=None), "is leader in term 2, and has voted for nobody"),
    ("Votes Follow Role", candidate, put(votes={"S2"}), "does not count its own vote"),
    ("Votes Follow Role", leader, put(pre_votes={"S1"}), "is leader, and counts pre-votes of S1"),
    ("Votes Follow Role", follower, put(pre_votes={"S2"}), "is follower, and counts pre-votes of S2"),
    ("Leader State Is The Leader's", leader, put(reign=None), "leads, and keeps no leader's state"),
    ("Leader State Is The Leader's", follower, put(reign=Reign(0.0)), "is follower, and keeps a leader's state"),
    ("Leader State Is The Leader's", follower, put(progress={"S2": Progress(1)}), "is follower, and keeps the progress of S2"),
    ("Leader State Is The Leader's", leader, lambda me: me.progress.pop("S3"), "should know the progress of S2, S3, and keeps that of S2"),
    ("Leader State Is The Leader's", leader, put(leader_id="S2"), "is leader, and takes S2 for the leader"),
    ("Leader State Is The Leader's", follower, put(leader_id="S1"), "is follower, and takes S1 for the leader"),
    ("Leader State Is The Leader's", candidate, put(leader_id="S2"), "stands for election, and follows S2"),
    ("Progress In Order", leader, put_progress(next_index=3), "matchIndex 3, nextIndex 3"),
    ("Progress In Order", leader, put_progress(next_index=5), "its own log ends at 3"),
    ("Progress In Order", leader, put_progress(match_index=-1), "matchIndex -1"),
    ("Progress In Order", leader, put_progress(state=SNAPSHOT), "it sends a snapshot and has none to send"),
    ("Progress In Order", leader, put_progress(snapshot=snapshot(2, 1)), "it keeps a snapshot that it does not send"),
    (
        "Progress In Order",
        leader,
        put_progress(state=SNAPSHOT, snapshot=snapshot(2, 1), offset=5),
        "of 4 bytes of the snapshot 5 have arrived",
    ),
    ("Progress In Order", leader, lambda me: me.progress["S2"].in_flight.append(3), "in flight are entries from 3 to 3"),
    ("Progress In Order", leader, lambda me: me.progress["S3"].in_flight.extend([2, 3]), "2 messages are in flight, and 1 may be"),
    ("Rounds In Order", leader, lambda me: reign(me).answered.update(S2=4), "counts round 4 as answered by S2, and its latest round is 3"),
    ("Rounds In Order", leader, lambda me: reign(me).answered.update(S1=2), "is in round 3, and has itself answered round 2"),
    ("Rounds In Order", leader, lambda me: reign(me).sent.append((4, NOW_MS)), "remembers 2 rounds from 3 to 4, and its latest is 3"),
    ("Rounds In Order", leader, lambda me: reign(me).sent.appendleft((3, NOW_MS - 5)), "remembers 2 rounds from 3 to 3"),
    ("Reads In Order", leader, lambda me: reign(me).reads.append(read(4)), "wait for rounds 4 to 4, and its latest is 3"),
    ("Reads In Order", leader, lambda me: reign(me).reads.extend([read(3), read(2)]), "wait for rounds 3 to 2"),
    ("Deadlines In Bounds", follower, put(deadline_ms=NOW_MS + 301), "waits until 1301.000 ms"),
    ("Deadlines In Bounds", follower, put(deadline_ms=inf), "waits until inf ms"),
    ("Deadlines In Bounds", follower, put(deadline_ms=NOW_MS + 100), "waits only until 1100.000 ms"),
    ("Deadlines In Bounds", follower, put(leader_heard_ms=NOW_MS + 1, deadline_ms=NOW_MS + 200), "has heard a leader at 1001.000 ms"),
    ("Deadlines In Bounds", leader, put_reign(quorum_heard_ms=NOW_MS + 1), "has heard a quorum at 1001.000 ms"),
    ("Deadlines In Bounds", leader, put_reign(lease_until_ms=NOW_MS + 200), "has a lease until 1200.000 ms"),
    ("Deadlines In Bounds", leader, put_reign(transfer=Transfer("S2", NOW_MS + 301)), "hands over until 1301.000 ms"),
    ("Deadlines In Bounds", leader, put_reign(change=Change(THREE, 3, NOW_MS + 1)), "began to change the membership at 1001.000 ms"),
    ("Deadlines In Bounds", leader, lambda me: reign(me).sent.append((4, NOW_MS + 1)), "remembers rounds that it sent from 995.000 ms"),
]


def flaws(me: NodeState) -> dict[str, str]:
    return {flaw.belief.name: flaw.sentence for flaw in flaws_alone(me, NOW_MS)}


@pytest.mark.parametrize("name, state, spoil, says", BROKEN)
def test_a_wrong_state_breaks_the_belief_that_is_about_it(name: str, state: State, spoil: Spoil, says: str) -> None:
    me = state()
    assert not flaws(me)
    spoil(me)
    assert says in flaws(me)[name]


def test_nobody_votes_in_term_0() -> None:
    me = NodeState("S1", THREE, Config(), lambda: 0.5, HardState(0, "S2"))
    assert flaws(me)["Votes Follow Role"] == "S1 has voted or stands in term 0"


def test_no_read_waits_for_a_first_commit_that_has_been() -> None:
    me = leader()
    reign(me).early_reads.append(ClientRequest("C1", 1, Get("x")))
    assert not flaws(me)
    me.commit_index = 3
    assert "1 reads still wait for that" in flaws(me)["Reads In Order"]


def test_each_belief_about_one_server_is_broken_here() -> None:
    assert {name for name, *_ in BROKEN} == {belief.name for belief in (*ALONE, DeadlinesInBounds)}


# ---- what one server changes


def noted(**changes: object) -> Notes:
    return notes_of(leader())._replace(**changes)


def test_a_server_votes_for_one_candidate_and_follows_one_leader_in_a_term() -> None:
    before = notes_of(follower())._replace(voted_for="S2", leader="S2")
    assert not OneLeaderATerm.flaw(before, before._replace(leader=None))
    assert not OneLeaderATerm.flaw(before, before._replace(term=3, voted_for="S3", leader="S3"))
    assert "has now voted for S3" in OneLeaderATerm.flaw(before, before._replace(voted_for="S3"))
    assert "has now voted for nobody" in OneLeaderATerm.flaw(before, before._replace(voted_for=None))
    assert "now follows S3" in OneLeaderATerm.flaw(before, before._replace(leader="S3"))


def test_rounds_go_forward_and_none_is_forgotten_before_a_quorum_has_answered_it() -> None:
    before = noted()
    assert not RoundsGoForward.flaw(before, noted(round=4, answered={"S1": 4, "S2": 3}, settled=3, unanswered=4))
    assert not RoundsGoForward.flaw(before, noted(term=3, round=1, answered={"S1": 1}, settled=0, unanswered=1))
    assert "is in round 2 now" in RoundsGoForward.flaw(before, noted(round=2))
    assert "believes 1 now" in RoundsGoForward.flaw(before, noted(answered={"S1": 3, "S2": 1}))
    assert "has forgotten when it sent round 3" in RoundsGoForward.flaw(before, noted(round=4, unanswered=4))
    assert "has forgotten when it sent round 3" in RoundsGoForward.flaw(before, noted(unanswered=0))
    assert not RoundsGoForward.flaw(before, noted(unanswered=0, configuration_index=2))


def test_what_is_noted_of_a_leader_is_what_it_believes() -> None:
    notes = notes_of(leader())
    assert (notes.leads, notes.round, notes.settled, notes.unanswered) == (True, 3, 2, 3)
    assert notes.matches == {"S2": Match("S2", 3, 2)}
    assert [flaw.belief for flaw in flaws_of_change(notes, notes._replace(round=2, voted_for="S3"))] == [OneLeaderATerm, RoundsGoForward]


# ---- what a server believes of others and of its disk


def test_what_a_leader_holds_as_matched_is_in_the_followers_log_and_on_its_disk() -> None:
    notes, match, log = notes_of(leader()), Match("S2", 3, 2), follower().log
    assert not MatchIsTrue.flaw(notes, match, log, kept_index=3)
    assert "and its disk keeps that only up to 2" in MatchIsTrue.flaw(notes, match, log, kept_index=2)
    assert "it has term 2 there" in MatchIsTrue.flaw(notes, match._replace(term=1), log, kept_index=3)
    assert "and it ends at 3" in MatchIsTrue.flaw(notes, match._replace(match_index=4), log, kept_index=3)
    assert not MatchIsTrue.flaw(notes, match._replace(match_index=2), compacted(THREE).log, kept_index=0)
    assert not MatchIsTrue.flaw(notes, match._replace(term=None), log, kept_index=3)


def test_a_round_that_counts_as_answered_was_delivered_in_the_leaders_present_term() -> None:
    notes = notes_of(leader())
    assert not RoundIsHeard.flaw(notes, {("S2", "S1"): (2, 2)})
    assert not RoundIsHeard.flaw(notes, {("S2", "S1"): (2, 9)})
    assert "its latest of that term is 1" in RoundIsHeard.flaw(notes, {("S2", "S1"): (2, 1)})
    assert "nothing of that term has reached it" in RoundIsHeard.flaw(notes, {("S2", "S1"): (1, 7)})
    assert "nothing of that term has reached it" in RoundIsHeard.flaw(notes, {})


def test_while_a_lease_is_held_nobody_else_is_elected() -> None:
    me = leader()
    assert not LeaseExcludes.flaw(me, NOW_MS, (2, "S1"))
    assert not LeaseExcludes.flaw(me, NOW_MS, (1, "S3"))
    assert not LeaseExcludes.flaw(me, NOW_MS + 200, (3, "S3"))
    assert "S3 has been elected in term 3" in LeaseExcludes.flaw(me, NOW_MS, (3, "S3"))
    reign(me).lease_until_ms = -inf
    assert not LeaseExcludes.flaw(me, NOW_MS, (3, "S3"))
    reign(me).answered["S2"] = 3  # it would hold one as soon as it looks
    assert "with a lease until" in LeaseExcludes.flaw(me, NOW_MS, (3, "S3"))
    reign(me).transferred = True
    assert not LeaseExcludes.flaw(me, NOW_MS, (3, "S3"))


def test_what_a_server_counts_of_its_log_is_on_its_disk() -> None:
    notes = notes_of(follower())
    assert not SavedIsSaved.flaw(notes, kept_index=3)
    assert "counts its log as saved up to 3, and its disk keeps that up to 2" in SavedIsSaved.flaw(notes, kept_index=2)


def test_a_server_speaks_in_a_term_and_gives_a_vote_that_is_on_its_disk() -> None:
    vote = RequestVoteReply(3, "S1", vote_granted=True)
    assert not TermAndVoteAreSaved.flaw("S1", "S2", vote, 3, "S2")
    assert not TermAndVoteAreSaved.flaw("S1", "S2", replace(vote, vote_granted=False), 3, None)
    assert "its disk keeps a vote for nobody" in TermAndVoteAreSaved.flaw("S1", "S2", vote, 3, None)
    assert "its disk keeps a vote for S3" in TermAndVoteAreSaved.flaw("S1", "S2", vote, 3, "S3")
    assert "in term 3, and its disk keeps term 2" in TermAndVoteAreSaved.flaw("S1", "S2", RequestVote(3, "S1", 1, 1), 2, "S1")


# ---- in a cluster


TOLD_BY: dict[str, str] = {
    "2": "Term And Vote Are Saved",
    "3": "One Leader A Term",
    "4": "Term And Vote Are Saved",
    "5": "Match Is True",
    "8": "Match Is True",
    "12": "Progress In Order",
    "13": "Match Is True",
    "16": "Match Is True",
    "19": "Configuration In Force",
    "31": "Round Is Heard",
}


def believed(cluster: Cluster, mutant: Mutant) -> set[str]:
    """The beliefs that break when what was done to this cluster is done again."""
    again = Cluster.from_scenario(cluster.scenario, mutant.rules, checks="full")
    again.run_to(cluster.now_ms)
    return {violation.property for violation in again.violations} & NAMES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.number)
def test_planted_bugs_break_beliefs_in_their_plays_and_raft_breaks_none(mutant: Mutant) -> None:
    wanted = TOLD_BY.get(mutant.number)
    found = believed(mutant.play(), mutant)
    assert wanted is None or wanted in found
    mended = mutant.mended()
    assert not believed(mended.play(), mended)


def spoilt(spoil: Callable[[NodeState], object]) -> Cluster:
    """A cluster whose leader's state was spoilt between two steps, a little later."""
    cluster = Cluster(3, checks="full")
    cluster.run_until(lambda view: view.leader and view.servers[view.leader].commit_index)
    assert not cluster.violations
    assert cluster.leader
    spoil(cluster._world.servers[cluster.leader].node.state)
    cluster.run_for(cluster.config.heartbeat_ms)
    return cluster


def test_a_cluster_says_what_a_server_believes_wrongly_and_once() -> None:
    cluster = spoilt(lambda me: setattr(me, "voted_for", None))
    (first,) = [violation for violation in cluster.violations if violation.property == "Votes Follow Role"]
    assert first.servers == (cluster.leader,)
    assert f"{cluster.leader} is leader in term 1, and has voted for nobody" == first.sentence
    assert first.evidence[0] < len(cluster.trace)


def test_what_a_server_counts_and_its_disk_does_not_is_seen_in_a_cluster() -> None:
    def cut(me: NodeState) -> None:
        me.saved_index -= 1

    found = [violation for violation in spoilt(cut).violations if violation.property == "Saved Is Saved"]
    assert "and no sync is under way" in found[0].sentence


def test_a_run_is_the_same_whether_beliefs_are_judged_or_not_and_so_are_its_forks_and_its_code() -> None:
    run = RandomRun(7)
    run.trouble(rounds=20)
    cluster = run.cluster
    plain = Cluster.from_scenario(cluster.scenario)
    plain.run_to(cluster.now_ms)
    assert plain.trace.to_bytes() == cluster.trace.to_bytes()
    assert cluster.fork(cluster.now_ms / 2).checks == "full"
    names: dict[str, Cluster] = {}
    exec(cluster.as_code(), names)
    assert names["cluster"].checks == "full"
    assert names["cluster"].trace.to_bytes() == cluster.trace.to_bytes()


def test_checks_are_all_or_none_or_full() -> None:
    with pytest.raises(ConfigError, match='"full"'):
        Cluster(3, checks="all")  # type: ignore[arg-type]


def test_each_belief_has_a_name_a_section_and_a_sentence() -> None:
    assert len(NAMES) == len(BELIEFS)
    for belief in BELIEFS:
        assert issubclass(belief, Belief)
        assert belief.section
        assert belief.__doc__
