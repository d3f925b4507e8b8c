"""Invariants of logs: each with what breaks it, and with what looks like it and does not."""

import pytest
from stories import Story, no_op, put

from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import AppendEntries, Entry, PreVote

# ---- Leader Append-Only


def test_a_leader_that_removes_or_overwrites_its_own_entries_is_found() -> None:
    story = Story()
    elected = story.elect("S1", 1, by="S2")
    story.append("S1", no_op(1), no_op(1))
    removed = story.tell(ev.LogTruncated, "S1", 1)
    story.append("S1", no_op(1), behind=0)
    first, second = story.found("Leader Append-Only")
    assert first.sentence == "S1 led in term 1, and removed the entries 2 … 2 of its own log"
    assert first.evidence == (elected, removed)
    assert second.sentence == "S1 led in term 1, and removed the entries 1 … 1 of its own log"


def test_a_follower_may_remove_what_conflicts_and_a_leader_may_compact_its_log() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.append("S1", no_op(1), no_op(1))
    story.follow(2, "S1")
    story.tell(ev.LogTruncated, "S1", 0)
    story.elect("S2", 3, by="S3")
    story.keep("S2 S3", no_op(3))
    story.commit("S2", 1)
    story.tell(ev.SnapshotTaken, "S2", 1, 3, 10)
    assert story.broken == []


# ---- Log Matching


def test_two_entries_of_one_term_at_one_index_are_found_even_if_the_first_log_has_lost_its_own() -> None:
    story = Story()
    story.ask(1, Set("x", "1"))
    story.ask(2, Set("x", "2"))
    story.elect("S1", 1, by="S2")
    wrote = story.append("S1", put(1, 1, "1"))
    story.follow(1, "S2")
    story.save("S1", "S1")
    other = story.append("S2", put(1, 2, "2"))
    (violation,) = story.found("Log Matching")
    assert violation.sentence == "two entries stand at index 1 in term 1: SET x 1 at S1, and SET x 2 at S2"
    assert (violation.servers, violation.evidence) == (("S1", "S2"), (wrote, other))


def test_the_same_entry_behind_another_past_is_found() -> None:
    story = Story()
    story.follow(3, "S1", "S2")
    story.append("S1", no_op(1), no_op(3))
    story.append("S2", no_op(2), no_op(3))
    (violation,) = story.found("Log Matching")
    assert violation.sentence == "S1 and S2 hold the same entry at index 2 in term 3, and not the same before it"


def test_an_old_tail_behind_a_new_entry_is_found() -> None:
    """The conflict is overwritten, and what followed it stays: planted bug 6."""
    story = Story()
    story.follow(3, "S1")
    story.append("S1", no_op(1), no_op(2), no_op(2))
    story.append("S1", no_op(3), no_op(2), behind=1)
    assert story.broken == ["Log Matching", "Terms Ordered"]
    violation, _ = story.watch.violations
    assert violation.sentence == "S1 has held the same entry at index 3 in term 2 before, and not with the same in front of it"
    assert violation.servers == ("S1",)


def test_a_log_with_a_hole_is_found() -> None:
    story = Story()
    story.follow(1, "S1")
    story.append("S1", no_op(1))
    story.append("S1", no_op(1), behind=5)
    (violation,) = story.found("Log Matching")
    assert violation.sentence == "S1 appended entries from 6 on to a log that ends at 1"


def test_different_entries_of_different_terms_at_one_index_are_right() -> None:
    story = Story()
    story.follow(2, "S1", "S2")
    story.append("S1", no_op(1), no_op(1))
    story.append("S2", no_op(1), no_op(2))
    assert story.broken == []


def test_what_a_sole_voter_lost_unsaved_in_a_crash_was_never_written() -> None:
    story = Story(1)
    story.elect("S1", 1, by="")
    story.append("S1", Entry(1, at_ms=1.0))
    story.crash("S1", kept_index=0)
    story.append("S1", Entry(1, at_ms=2.0))
    assert story.broken == []


def test_what_another_server_holds_was_written_whatever_the_first_forgot() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    story.append("S1", Entry(1, at_ms=1.0))
    story.keep("S2", Entry(1, at_ms=1.0))
    story.crash("S1", kept_index=0)
    story.append("S1", Entry(1, at_ms=2.0))
    assert story.broken == ["Log Matching"]


def test_a_snapshot_ends_with_what_the_log_holds_there() -> None:
    story = Story()
    story.reign()
    story.tell(ev.SnapshotTaken, "S1", 1, 2, 10)
    (violation,) = story.found("Log Matching")
    assert violation.sentence == "S1 took a snapshot that ends with entry 1 of term 2; its log has one of term 1 there"


def test_what_a_server_keeps_behind_a_snapshot_that_it_installs_follows_that() -> None:
    story = Story()
    story.reign()
    story.follow(1, "S3")
    story.append("S3", Entry(0, at_ms=5.0), no_op(1))
    story.tell(ev.SnapshotInstalled, "S3", 1, 1, True, b"\x82\xa8kv_store\x80\xa8sessions\x80")
    (violation,) = story.found("Log Matching")
    assert violation.sentence == "S3 kept what follows entry 1 in its log, and that does not follow the snapshot that it installed"


def test_behind_a_snapshot_nothing_is_kept_where_nothing_stood() -> None:
    story = Story()
    story.reign()
    story.follow(1, "S3")
    held = story.memory("S1").at(1)
    assert held
    installed = story.tell(ev.SnapshotInstalled, "S3", 1, 1, True, b"\x82\xa8kv_store\x80\xa8sessions\x80")
    (violation,) = story.found("Log Matching")
    assert violation.evidence == (held.at, installed)


# ---- Terms Ordered


def test_terms_fall_neither_along_a_log_nor_below_its_server() -> None:
    story = Story()
    story.follow(2, "S1")
    story.append("S1", no_op(2), no_op(1))
    assert story.violations[0].sentence == "the log of S1 goes from term 2 back to term 1 at index 2"
    story.append("S2", no_op(1))
    assert story.violations[1].sentence == "S2 is in term 0, and wrote an entry of term 1 at index 1"
    assert story.broken == ["Terms Ordered"]


def test_that_a_log_is_ahead_of_its_server_is_shown_by_how_the_server_came_to_its_term() -> None:
    story = Story()
    story.follow(1, "S1")
    story.append("S1", no_op(2))
    (violation,) = story.found("Terms Ordered")
    assert violation.evidence == (0, 1)


def test_a_log_that_comes_from_a_disk_is_of_no_later_term_than_its_server() -> None:
    story = Story()
    story.follow(5, "S1", "S2")
    story.append("S1", no_op(5))
    story.keep("S2", no_op(5), no_op(4))
    story.tell(ev.Crashed, "S3")
    story.tell(ev.Restarted, "S3", 1, None, 0, (no_op(5),))
    story.tell(ev.Crashed, "S1")
    story.tell(ev.Restarted, "S1", 5, None, 0, (no_op(5), no_op(3)))
    assert [it.sentence for it in story.found("Terms Ordered")] == [
        "the log of S2 goes from term 5 back to term 4 at index 2",
        "S3 came back in term 1, with an entry of term 5 at index 1",
        "the log of S1 goes from term 5 back to term 3 at index 2",
    ]


@pytest.mark.parametrize("message", [AppendEntries(2, "S1", 0, 0, (), 0), PreVote(3, "S1", 0, 0)])
def test_no_message_is_ahead_of_its_sender(message) -> None:
    story = Story()
    story.follow(1, "S1")
    story.send("S1", "S2", message)
    (violation,) = story.violations
    assert violation.sentence == f"S1 is in term 1, and sent {type(message).__name__} of term 2"


def test_a_message_may_be_of_an_earlier_term_and_a_pre_vote_asks_for_the_next() -> None:
    story = Story()
    story.follow(2, "S1")
    story.send("S1", "S2", AppendEntries(1, "S1", 0, 0, (), 0))
    story.send("S1", "S2", PreVote(3, "S1", 0, 0))
    assert story.broken == []


# ---- Configuration Follows Log

JOINT = Entry(1, Configuration(("S1", "S2", "S3"), ("S1", "S2")))


def configured(story: Story, server: str, index: int, configuration: Configuration) -> int:
    return story.tell(ev.ConfigurationChanged, server, index, configuration)


def test_a_server_that_does_not_go_by_a_configuration_of_its_log_is_found() -> None:
    story = Story()
    story.follow(1, "S2")
    story.append("S2", JOINT)
    story.save("S2")
    (violation,) = story.violations
    assert violation.property == "Configuration Follows Log"
    assert violation.sentence == (
        "S2 goes by the configuration (S1, S2, S3), and not by what stands at index 1 of its log, (S1, S2, S3 and S1, S2 together)"
    )


def test_a_configuration_that_was_truncated_holds_no_more() -> None:
    story = Story()
    story.follow(2, "S2")
    story.append("S2", JOINT)
    at = configured(story, "S2", 1, JOINT.command)
    story.tell(ev.LogTruncated, "S2", 0)
    story.append("S2", no_op(2))
    saved = story.save("S2")
    (violation,) = story.violations
    assert violation.sentence.endswith("and not by that of the start")
    assert violation.evidence == (at, saved)


def test_a_leader_may_say_by_which_configuration_it_goes_before_it_tells_of_the_entry() -> None:
    story = Story()
    story.elect("S1", 1, by="S2")
    configured(story, "S1", 1, JOINT.command)
    story.append("S1", JOINT)
    story.save("S1", "S1")
    story.follow(2, "S1")
    story.tell(ev.LogTruncated, "S1", 0)
    configured(story, "S1", 0, Configuration(("S1", "S2", "S3")))
    story.save("S1")
    assert story.broken == []


def test_a_newcomer_goes_by_the_founders_until_its_log_or_a_snapshot_says_otherwise() -> None:
    story = Story()
    story.reign()
    story.tell(ev.Created, "S4")
    configured(story, "S4", 0, Configuration(("S1", "S2", "S3")))
    story.follow(1, "S4")
    story.save("S4")
    story.tell(ev.SnapshotInstalled, "S4", 1, 1, False, b"\x82\xa8kv_store\x80\xa8sessions\x80")
    configured(story, "S4", 1, Configuration(("S1", "S2", "S3")))
    story.save("S4")
    assert story.broken == []
    configured(story, "S4", 1, Configuration())
    assert story.broken == ["Configuration Follows Log"]
