"""Invariants of how a leader commits, and of what only grows: what breaks each, and what looks like it and does not."""

import pytest
from stories import Story, no_op

from raftcore.checks.commitment import lacking
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntriesReply, Entry, InstallSnapshotReply
from raftcore.vocabulary.names import FOLLOWER, REPLICATE

# ---- Commit Only Own Term


def test_an_entry_of_an_old_term_that_is_committed_by_counting_is_found() -> None:
    """Figure 8 (c): a majority has it, and it may be overwritten all the same."""
    story = Story(5)
    story.elect("S1", 2, by="S2 S3")
    story.keep("S1 S2", no_op(2))
    story.elect("S1", 4, by="S2 S3")
    story.keep("S3", no_op(2))
    story.commit("S1", 1)
    assert story.broken == ["Commit Only Own Term"]
    assert story.violations[0].sentence == "S1 leads in term 4, and committed index 1 by counting, where an entry of term 2 stands"


def test_old_entries_may_be_committed_with_one_of_the_leaders_own_term() -> None:
    story = Story(5)
    story.elect("S1", 2, by="S2 S3")
    story.keep("S1 S2", no_op(2))
    story.elect("S1", 4, by="S2 S3")
    story.keep("S3", no_op(2))
    story.keep("S1 S2 S3", no_op(4))
    story.commit("S1 S2 S3", 2)
    assert story.broken == []


def test_a_follower_that_commits_ahead_of_its_leader_is_found() -> None:
    story = Story()
    story.reign()
    story.keep("S2", no_op(1))
    story.commit("S2", 2)
    (violation,) = story.violations
    assert violation.property == "Commit Only Own Term"
    assert violation.sentence == "S2 does not lead, and committed index 2, which no leader has committed"


# ---- Committed Is Durable


@pytest.mark.parametrize(
    "keep, who",
    [
        ([], "nobody has on disk"),
        (["S1"], "only S1 has on its disk"),
        (["S1", "S2"], "only S1, S2 have on their disks"),
    ],
)
def test_what_only_a_minority_has_on_its_disks_is_not_committed(keep: list[str], who: str) -> None:
    story = Story(5)
    story.elect("S1", 1, by="S2 S3")
    for name in ("S1", "S2", "S3"):
        (story.keep if name in keep else story.append)(name, no_op(1))
    story.tell(ev.Committed, "S1", 1)
    (violation,) = story.violations
    assert violation.property == "Committed Is Durable"
    assert violation.sentence == f"S1 committed index 1, which of S1, S2, S3, S4, S5 {who}"


def test_a_disk_counts_also_while_its_server_is_down_and_a_leader_need_not_be_among_them() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.append("S1", no_op(1))
    story.keep("S2", no_op(1))
    story.follow(1, "S3")
    story.keep("S3", no_op(1))
    story.tell(ev.Crashed, "S3")
    story.tell(ev.Committed, "S1", 1)
    assert story.broken == []


@pytest.mark.parametrize(
    "reply, what",
    [
        (AppendEntriesReply(1, "S2", True, 1), "its log up to index 1"),
        (InstallSnapshotReply(1, "S2", 1, 0, True), "a snapshot up to index 1"),
    ],
)
def test_nothing_is_acknowledged_before_it_is_on_the_disk(reply, what: str) -> None:
    story = Story()
    story.follow(1, "S2")
    story.append("S2", no_op(1))
    story.send("S2", "S1", reply)
    (violation,) = story.violations
    assert violation.property == "Committed Is Durable"
    assert violation.sentence == f"S2 acknowledged {what}, and has on its disk no more than 0"
    story.save("S2")
    story.send("S2", "S1", reply)
    assert len(story.violations) == 1


def test_a_late_acknowledgement_may_speak_of_what_was_truncated_since() -> None:
    story = Story()
    story.follow(1, "S2")
    story.keep("S2", no_op(1))
    story.follow(2, "S2")
    story.tell(ev.LogTruncated, "S2", 0)
    story.send("S2", "S1", AppendEntriesReply(1, "S2", True, 1))
    assert story.broken == []


def test_nothing_is_applied_before_it_is_on_the_servers_own_disk() -> None:
    story = Story()
    story.reign()
    story.follow(1, "S3")
    story.append("S3", no_op(1))
    story.commit("S3", 1)
    (violation,) = story.violations
    assert violation.sentence == "S3 applied the entry at index 1, and has on its disk no more than 0"


def test_what_was_on_the_disk_survives_a_crash_and_the_rest_need_not() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.keep("S1", no_op(1), no_op(1))
    story.append("S1", no_op(1))
    story.crash("S1", kept_index=2)
    assert story.broken == []
    story.crash("S1", kept_index=1)
    (violation,) = story.violations
    assert violation.sentence == "S1 had its log up to index 2 on its disk, and came back from a crash without some of that"


def test_a_crash_that_brings_other_entries_back_is_found() -> None:
    story = Story()
    story.follow(1, "S1")
    story.keep("S1", no_op(1), no_op(1))
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 1, None, 1, (Entry(1, at_ms=9.0),), 0)
    assert "Committed Is Durable" in story.broken


def test_a_crash_may_bring_back_the_snapshot_before_with_the_log_that_follows_it() -> None:
    story = Story()
    story.reign()
    story.keep("S1 S2", no_op(1), no_op(1))
    story.commit("S1 S2", 3)
    story.tell(ev.SnapshotTaken, "S1", 1, 1, 10)
    story.save("S1", "S1")
    story.tell(ev.SnapshotTaken, "S1", 3, 1, 10)
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 1, "S1", 1, (no_op(1), no_op(1)), 1)
    story.commit("S1", 3)
    assert story.broken == []


def test_a_disk_that_says_that_it_keeps_more_than_there_is_is_found() -> None:
    story = Story()
    story.tell(ev.Synced, "S1", 0, None, 4)
    assert story.violations[0].sentence == "S1 says that its disk keeps its log up to index 4, and its log ends at 0"


# ---- Monotonic Commit


def test_neither_commit_nor_applied_index_falls_or_runs_ahead() -> None:
    story = Story()
    story.reign()
    story.keep("S1 S2", no_op(1), no_op(1))
    story.commit("S1 S2", 2)
    story.tell(ev.Committed, "S2", 1)
    story.tell(ev.Applied, "S1", 1, None, None)
    story.tell(ev.Applied, "S1", 3, None, None)
    story.tell(ev.Committed, "S2", 9)
    assert [violation.sentence for violation in story.found("Monotonic Commit")] == [
        "S2 committed index 1 after 2",
        "S1 applied index 1 after 2",
        "S1 applied index 3 and has committed 2",
        "S2 committed index 9 with a log that ends at 3",
    ]


def test_nothing_committed_is_taken_back() -> None:
    story = Story()
    story.reign()
    story.tell(ev.RoleChanged, "S1", FOLLOWER, 1)
    story.tell(ev.LogTruncated, "S1", 0)
    story.append("S1", no_op(1))
    (violation,) = story.violations
    assert (violation.property, violation.sentence) == ("Monotonic Commit", "S1 had committed index 1, and took its log back to 0")


def test_an_old_snapshot_takes_nothing_back() -> None:
    story = Story()
    story.reign()
    story.keep("S1 S2", no_op(1))
    story.commit("S1 S2", 2)
    story.tell(ev.SnapshotInstalled, "S2", 1, 1, False, b"\x82\xa8kv_store\x80\xa8sessions\x80")
    assert story.broken == ["Monotonic Commit"]


def test_after_a_crash_a_server_learns_anew_what_is_committed() -> None:
    story = Story()
    story.reign()
    story.crash("S2")
    story.commit("S2", 1)
    assert story.broken == []


# ---- Monotonic Match


def progress(story: Story, match_index: int, next_index: int, leader: str = "S1") -> int:
    return story.tell(ev.ProgressChanged, leader, "S2", next_index, match_index, REPLICATE)


def test_what_is_known_to_match_is_neither_forgotten_nor_sent_again() -> None:
    story = Story()
    first, second = progress(story, 4, 5), progress(story, 3, 5)
    progress(story, 4, 4)
    assert [violation.sentence for violation in story.violations] == [
        "S1 knew that the log of S2 matches its own up to index 4, and now it says 3",
        "S1 knew that the log of S2 matches its own up to index 3, and now sends index 4 again",
    ]
    assert story.violations[0].evidence == (first, second)


def test_each_reign_begins_to_know_anew_and_so_does_a_leader_of_one_who_left_and_came_back() -> None:
    story = Story()
    progress(story, 4, 5)
    story.follow(1, "S1")
    progress(story, 0, 5)
    progress(story, 2, 5)
    progress(story, 2, 3)
    story.tell(ev.ConfigurationChanged, "S1", 9, Configuration(("S1", "S3")))
    progress(story, 3, 5)  # a leader speaks to those who leave for the last time
    story.tell(ev.ConfigurationChanged, "S1", 10, Configuration(("S1", "S2", "S3")))
    progress(story, 0, 5)
    assert story.broken == []


def test_what_a_follower_has_lost_is_known_no_more_but_only_once() -> None:
    """Its disk lied: the leader must not count on what is gone."""
    story = Story()
    progress(story, 4, 5)
    story.crash("S2", kept_index=1)
    progress(story, 0, 2)
    assert story.broken == []
    progress(story, 4, 5)
    progress(story, 0, 2)
    assert story.broken == ["Monotonic Match"]


def test_a_follower_that_restarts_with_all_that_it_had_excuses_nothing() -> None:
    story = Story()
    progress(story, 4, 5)
    story.crash("S2", kept_index=4)
    progress(story, 0, 2)
    assert story.broken == ["Monotonic Match"]


# ---- Joint Quorum

OLD_AND_NEW = Configuration(("S1", "S2", "S3"), ("S3", "S4", "S5"))


def test_a_leader_without_a_majority_is_found() -> None:
    story = Story(5)
    story.elect("S1", 1, by="S2")
    (violation,) = story.violations
    assert violation.sentence == "S1 became leader of term 1 with the votes of S1, S2: of S1, S2, S3, S4, S5 that is no majority"


def joint(story: Story, *names: str) -> Entry:
    """Let servers go by a joint configuration."""
    entry = Entry(1, OLD_AND_NEW)
    for name in names:
        story.append(name, entry)
        story.tell(ev.ConfigurationChanged, name, 2, OLD_AND_NEW)
        story.save(name, story.memory(name).saved_vote)
    return entry


def test_while_it_is_joint_both_majorities_elect() -> None:
    story = Story(5)
    story.reign("S2 S3")
    joint(story, "S1", "S2", "S3")
    story.tell(ev.RoleChanged, "S1", FOLLOWER, 1)
    story.elect("S1", 2, by="S2 S3")
    (violation,) = story.violations
    assert violation.property == "Joint Quorum"
    assert violation.sentence.endswith("of S3, S4, S5 that is no majority")
    story.elect("S1", 3, by="S2 S3 S4")
    assert len(story.violations) == 1


def test_while_it_is_joint_both_majorities_commit() -> None:
    story = Story(5)
    story.reign("S2 S3")
    joint(story, "S1", "S2", "S3")
    story.commit("S1", 2)
    assert story.broken == ["Committed Is Durable", "Joint Quorum"]
    assert story.found("Joint Quorum")[0].sentence == ("S1 committed index 2, held by S1, S2, S3: of S3, S4, S5 that is no majority")


def test_a_majority_of_both_may_overlap() -> None:
    story = Story(5)
    story.reign("S2 S3")
    story.follow(1, "S4")
    story.keep("S4", no_op(1))
    joint(story, "S1", "S2", "S3", "S4")
    story.commit("S1 S4", 2)
    assert story.broken == []


def test_where_nobody_votes_nobody_is_elected_and_nothing_is_committed() -> None:
    story = Story(3)
    story.tell(ev.ConfigurationChanged, "S1", 0, Configuration())
    story.elect("S1", 1, by="S2 S3")
    sentence = "S1 became leader of term 1 with the votes of S1, S2, S3: its configuration has no voter"
    assert sentence in [violation.sentence for violation in story.violations]


def test_who_does_not_vote_does_not_count() -> None:
    assert lacking(Configuration(("S1", "S2")), ("S1",)) == "of S1, S2 that is no majority"
    assert lacking(Configuration(("S1", "S2"), learners=("S3",)), ("S1", "S3")) == "of S1, S2 that is no majority"
