"""What a leader knows of one follower, step by step (Figure 2, nextIndex and matchIndex)."""

from collections import deque

from raftcore.consensus.progress import Progress
from raftcore.consensus.snapshotting import needed
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import HardState, Snapshot
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import PROBE, REPLICATE, SNAPSHOT

SNAPSHOT_OF_5 = Snapshot(5, 1, Configuration(("S1", "S2")), b"image")


def test_a_follower_that_has_lost_its_log_is_not_fed_from_where_a_snapshot_had_left_it() -> None:
    progress = Progress(next_index=9, match_index=8, catching_up=True)
    assert progress.fed_from == 8

    progress.forget_match()
    assert (progress.match_index, progress.fed_from) == (0, None)


def test_a_snapshot_is_sent_from_its_beginning_and_what_was_in_flight_is_forgotten() -> None:
    progress = Progress(next_index=9, state=REPLICATE, in_flight=deque([8]), offset=3)
    progress.send_snapshot(SNAPSHOT_OF_5)

    assert (progress.state, progress.snapshot, progress.offset, list(progress.in_flight)) == (SNAPSHOT, SNAPSHOT_OF_5, 0, [])
    assert progress.fed_from == 5


def test_an_answer_from_before_the_snapshot_does_not_end_it() -> None:
    progress = Progress(next_index=9)
    progress.send_snapshot(SNAPSHOT_OF_5)

    assert progress.absorb_match(4, known_round=2)
    assert (progress.state, progress.match_index) == (SNAPSHOT, 4)
    assert progress.absorb_match(5, known_round=3)
    assert (progress.state, progress.snapshot, progress.catching_up) == (REPLICATE, None, True)


def test_a_follower_that_needed_no_snapshot_is_not_catching_up() -> None:
    progress = Progress(next_index=9)
    assert progress.absorb_match(8, known_round=1)
    assert (progress.state, progress.catching_up, progress.fed_from) == (REPLICATE, False, None)


def test_an_answer_that_says_nothing_new_changes_nothing() -> None:
    progress = Progress(next_index=9, match_index=8, match_round=3, state=REPLICATE, in_flight=deque([9]))
    assert not progress.absorb_match(8, known_round=7)
    assert (progress.match_index, progress.match_round, progress.next_index, list(progress.in_flight)) == (8, 3, 9, [9])


def test_an_answer_covers_all_that_was_in_flight_up_to_it_and_the_round_in_which_it_is_known() -> None:
    progress = Progress(next_index=12, match_index=8, state=REPLICATE, in_flight=deque([9, 10, 11]))
    assert progress.absorb_match(10, known_round=7)
    assert (progress.match_index, progress.match_round, progress.next_index, list(progress.in_flight)) == (10, 7, 12, [11])


def test_to_probe_forgets_the_snapshot_and_what_was_in_flight() -> None:
    progress = Progress(next_index=9, state=SNAPSHOT, snapshot=SNAPSHOT_OF_5, in_flight=deque([9]))
    progress.probe_from(3)
    assert (progress.state, progress.next_index, progress.snapshot, list(progress.in_flight)) == (PROBE, 3, None, [])


def test_every_follower_that_a_snapshot_brings_up_to_date_keeps_the_entries_that_follow_it_from_being_compacted() -> None:
    me = NodeState("S1", Configuration(("S1", "S2", "S3", "S4")), Config(), lambda: 0.5, HardState(1), SNAPSHOT_OF_5, [Entry(1)] * 4)
    me.progress = {
        "S2": Progress(10, match_index=9),
        "S3": Progress(8, match_index=5, catching_up=True),
        "S4": Progress(8, match_index=7, catching_up=True),
    }
    assert needed(me, 9) == [5, 7]
