"""A follower is brought up to date by a snapshot (§7) while its leader goes on committing and compacting, and answers come late."""

import pytest
from msgspec.structs import replace
from plays import Play
from test_paper_snapshots import IMAGE, IN_PIECES, pieces, s3_lags

from raftcore.consensus.door import DeadlineReached
from raftcore.vocabulary.events import SnapshotInstalled
from raftcore.vocabulary.messages import AppendEntriesReply, InstallSnapshot, InstallSnapshotReply


def test_a_snapshot_of_which_the_follower_has_nothing_gives_way_to_a_newer_one() -> None:
    """§7: nothing binds a follower that may have been away for long to what is out of date."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    play.propose("S1", "new", heard_by="S2")
    play.heartbeat("S1", heard_by="S2")
    play.compact("S1", b"a newer image")
    play.step("S1", DeadlineReached())
    (sent,) = (message for message in play.take_mail("S3") if isinstance(message, InstallSnapshot))

    assert (sent.last_included_index, sent.data) == (11, b"a ne")


def test_a_late_answer_sends_no_piece_again_but_one_to_a_later_round_does_since_a_crash_has_lost_the_others() -> None:
    """§7: or late answers would send the same pieces many times over."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    play.take_mail()
    reign = play.state("S1").reign
    assert reign
    known = reign.round
    for offset in (4, 8, 4, 0):
        play.step("S1", InstallSnapshotReply(1, "S3", 10, offset, installed=False, round=known))
    assert pieces(play) == [(4, b"4567", False), (8, b"89", True)]

    play.step("S1", DeadlineReached())
    assert pieces(play) == [(8, b"89", True)]
    play.step("S1", InstallSnapshotReply(1, "S3", 10, 0, installed=False, round=reign.round))
    assert pieces(play) == [(0, b"0123", False)]


def lagging_under_load(entries: int) -> Play:
    """The first of three pieces of a snapshot that ends at 10 is with S3, and S1 has committed more entries since, in windows of two."""
    play = s3_lags(replace(IN_PIECES, max_entries_per_message=2, max_messages_in_flight=1), compacted=8)
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    (first,) = play.take_mail("S3")
    play.step("S1", play.tell("S3", first))
    more(play, entries)
    return play


def more(play: Play, entries: int) -> None:
    """Let S1 commit more entries with S2, and compact its log."""
    for number in range(entries):
        play.propose("S1", f"more {number}", heard_by="S2")
    play.heartbeat("S1", heard_by="S2")
    play.compact("S1", IMAGE)


def test_what_follows_a_snapshot_in_flight_is_kept_for_the_follower() -> None:
    """§7: or the snapshot would be out of date when it is there, and so would the next one (openraft#1706)."""
    play = lagging_under_load(6)
    assert play.state("S1").log.base_index == 10
    play.heartbeat("S1", heard_by="S3")

    assert [event.last_included_index for event in play.told(SnapshotInstalled)] == [10]
    assert play.state("S3").log.last_index == 16


def test_what_a_follower_still_needs_after_its_snapshot_is_kept_until_it_has_caught_up() -> None:
    """§7: to catch up takes time too, in which the leader compacts its log again."""
    play = lagging_under_load(5)
    play.step("S1", InstallSnapshotReply(1, "S3", 10, 0, installed=True))
    more(play, 1)
    assert play.state("S1").log.base_index == 10
    play.step("S1", AppendEntriesReply(1, "S3", True, 14))
    more(play, 1)
    assert play.state("S1").log.base_index == 14
    play.step("S1", AppendEntriesReply(1, "S3", True, 17))
    more(play, 1)
    more(play, 3)

    assert play.state("S1").log.base_index == 19, "the follower had caught up: it is one of many that may be down"


@pytest.mark.parametrize("entries, kept_from", [(6, 10), (7, 15)])
def test_no_more_is_kept_than_could_have_been_sent_while_the_snapshot_was(entries: int, kept_from: int) -> None:
    """§7: a snapshot in three pieces takes three round trips, in each of which two entries could have been sent."""
    assert lagging_under_load(entries).state("S1").log.base_index == kept_from
