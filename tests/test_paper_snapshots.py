"""The paper on log compaction (§7, Figure 13), as tests: a sentence each.

S1 leads, S2 has everything, S3 has missed what S1 then compacted away.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plays import CAREFUL, THE_RULES, Play, log_of, reign_of_s1

from raftcore.consensus.door import DeadlineReached, ImageTaken
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Checkpoint, HardState, Snapshot
from raftcore.vocabulary.events import SnapshotInstalled, SnapshotTaken
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    Entry,
    InstallSnapshot,
    InstallSnapshotReply,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import PROBE, REPLICATE, SNAPSHOT

IMAGE = b"0123456789"
IN_PIECES = Config(snapshot_every=0, snapshot_chunk_bytes=4)
VOTERS = Configuration(("S1", "S2", "S3"))


def s3_lags(config: Config = IN_PIECES, compacted: int = 5) -> Play:
    """S1 has compacted its log, by default up to index 5, into a snapshot that ends at 10; S3's log ends at 1."""
    play = reign_of_s1(config=config)
    for number in range(9):
        play.propose("S1", str(number), heard_by="S2")
    play.heartbeat("S1", heard_by="S2")
    play.compact("S1", IMAGE)
    assert (play.state("S1").log.base_index, play.snapshots["S1"]) == (compacted, Snapshot(10, 1, VOTERS, IMAGE))
    return play


def piece(offset: int, data: bytes, last: tuple[int, int] = (10, 1), term: int = 1, done: bool = False) -> InstallSnapshot:
    return InstallSnapshot(term, "S1", *last, VOTERS, offset, data, done)


def whole(index: int, term: int, configuration: Configuration = VOTERS) -> InstallSnapshot:
    return InstallSnapshot(5, "S2", index, term, configuration, 0, IMAGE, done=True)


def has_caught_up(play: Play, name: str = "S3", leader: str = "S1") -> bool:
    return play.snapshots[name] == play.snapshots[leader] and play.state(name).log.last_index == play.state(leader).log.last_index


# ---- to take a snapshot


def test_a_snapshot_stands_for_what_is_applied_and_names_its_last_entry_and_configuration() -> None:
    """§7, Figure 12."""
    play = Play(1, THE_RULES, {"S1": "1 2"}, term=2, config=CAREFUL)
    play.stand("S1")
    play.propose("S1", "new")
    play.compact("S1", IMAGE)

    assert play.snapshots["S1"] == Snapshot(4, 3, Configuration(("S1",)), IMAGE)
    assert play.disks["S1"] == (HardState(3, "S1"), [])
    assert [(event.last_included_index, event.last_included_term) for event in play.told(SnapshotTaken)] == [(4, 3)]


def test_a_snapshot_leaves_what_follows_it_in_the_log() -> None:
    """§7."""
    play = reign_of_s1()
    play.propose("S1", "kept")
    play.compact("S1")

    assert play.commit("S1") == 1
    assert play.disks["S1"][1] == play.state("S1").log.entries[-1:] == [play.state("S1").log.entries[-1]]
    assert play.state("S1").log.last_index == 2


def test_a_snapshot_never_holds_a_configuration_that_came_after_it() -> None:
    """§7 with §6: it may not be committed, and would come back when its entry is gone."""
    play = reign_of_s1()
    play.change("S1", "S1 S2")
    play.compact("S1")

    assert play.voters("S1") == "S1 S2"
    assert play.snapshots["S1"] == Snapshot(1, 1, VOTERS, b"image")
    play.restart("S1")
    assert play.voters("S1") == "S1 S2", "the entry is in the log, and holds from there"


def test_an_image_of_what_a_snapshot_covers_already_changes_nothing() -> None:
    """§7."""
    play = s3_lags()
    play.step("S1", ImageTaken(9, b"older"))

    assert play.snapshots["S1"] == Snapshot(10, 1, VOTERS, IMAGE)


def test_a_server_starts_from_its_snapshot_and_applies_nothing_twice() -> None:
    """§7."""
    play = s3_lags()
    play.restart("S1")

    state = play.state("S1")
    assert (state.commit_index, state.last_applied, state.log.base_index, state.log.last_term) == (10, 10, 10, 1)
    play.pass_ms(300)
    play.elect("S1", heard_by="S2")
    assert [entry.term for entry in play.applied["S1"]] == [2]


def test_logs_are_compared_as_before_though_they_are_compacted_away() -> None:
    """§5.4.1 with §7: the last entry's term is the snapshot's."""
    play = s3_lags()
    play.restart("S1")
    play.pass_ms(300)
    shorter, older, same = (play.tell("S1", RequestVote(term, "S3", *end)) for term, end in ((2, (9, 1)), (3, (12, 0)), (4, (10, 1))))

    assert [reply.vote_granted for reply in (shorter, older, same) if isinstance(reply, RequestVoteReply)] == [False, False, True]


def test_an_append_that_begins_in_what_is_compacted_away_is_no_conflict() -> None:
    """§5.3 with §7: what is compacted was committed, so the leader's log is the same there."""
    play = s3_lags()
    entries = tuple(play.state("S2").log.entries[2:])
    play.restart("S1")
    answer = play.tell("S1", AppendEntries(2, "S2", 2, 1, (*entries, Entry(2)), 11))

    assert isinstance(answer, AppendEntriesReply)
    assert (answer.success, answer.match_index) == (True, 11)
    assert play.commit("S1") == 11
    assert play.state("S1").log.entries == [Entry(2)]


# ---- to send one


def test_a_follower_gets_the_snapshot_where_the_next_entry_is_compacted_away() -> None:
    """§7."""
    play = s3_lags()
    play.heartbeat("S1", heard_by="S3")

    assert has_caught_up(play)
    assert play.state("S1").progress["S3"].state is REPLICATE
    assert play.state("S1").progress["S3"].match_index == 10
    (event,) = play.told(SnapshotInstalled)
    assert (event.server, event.last_included_index, event.kept, event.data) == ("S3", 10, False, IMAGE)


def test_a_follower_that_is_a_little_behind_needs_no_snapshot() -> None:
    """§7: the leader keeps some entries before it."""
    play = reign_of_s1()
    for number in range(9):
        play.propose("S1", str(number), heard_by="S2 S3" if number < 6 else "S2")
    play.compact("S1")
    play.heartbeat("S1", heard_by="S3")

    assert play.state("S3").log.last_index == 10
    assert play.told(SnapshotInstalled) == []


def test_after_the_snapshot_come_the_entries_that_follow_it() -> None:
    """§7."""
    play = s3_lags()
    for value in "ab":
        play.propose("S1", value, heard_by="S2")
    play.heartbeat("S1", heard_by="S3")
    play.heartbeat("S1", heard_by="S3")

    assert has_caught_up(play)
    assert play.applied["S3"] == play.applied["S1"][-2:]
    assert play.commit("S3") == 12


def test_an_installed_snapshot_counts_for_the_majority() -> None:
    """§7 with §5.3: its receiver holds all that it covers."""
    play = reign_of_s1(5, IN_PIECES)
    for number in range(9):
        play.propose("S1", str(number), heard_by="S2 S3")
    play.compact("S1", IMAGE)
    play.propose("S1", "new", heard_by="S2")
    assert play.commit("S1") == 10
    play.heartbeat("S1", heard_by="S4")

    assert play.commit("S1") == 11


def test_pieces_go_one_at_a_time_and_the_rest_waits_for_a_heartbeat_when_one_is_lost() -> None:
    """§7: each piece is an RPC of its own, and lets the leader be heard."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    assert pieces(play) == [(0, b"0123", False)]
    play.propose("S1", "new", heard_by="S2")
    assert pieces(play) == []
    play.step("S1", DeadlineReached())
    assert pieces(play) == [(0, b"0123", False)]
    play.step("S1", InstallSnapshotReply(1, "S3", 10, 8, installed=False))
    assert pieces(play) == [(8, b"89", True)]


def pieces(play: Play) -> list[tuple[int, bytes, bool]]:
    """The pieces that wait for S3, taken out of the mail."""
    return [(message.offset, message.data, message.done) for message in play.take_mail("S3") if isinstance(message, InstallSnapshot)]


def test_a_newer_snapshot_does_not_break_off_the_sending_of_an_older() -> None:
    """§7: or a busy leader would never finish."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    (first,) = play.take_mail("S3")
    play.step("S1", play.tell("S3", first))
    play.propose("S1", "new", heard_by="S2")
    play.compact("S1", b"a newer image")
    play.heartbeat("S1", heard_by="S3")
    play.heartbeat("S1", heard_by="S3")

    assert [event.last_included_index for event in play.told(SnapshotInstalled)] == [10]
    assert play.state("S3").log.last_index == 11


def test_an_answer_that_comes_twice_does_not_send_a_piece_twice() -> None:
    """§7: or one repeated answer would double all that follow."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    play.take_mail()
    for _ in range(3):
        play.step("S1", InstallSnapshotReply(1, "S3", 10, 4, installed=False))

    assert pieces(play) == [(4, b"4567", False)]


def test_an_answer_about_an_older_snapshot_does_not_end_a_newer_one() -> None:
    """§7: a reply is understood alone."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    play.step("S1", InstallSnapshotReply(1, "S3", 10, 4, installed=False))
    play.step("S1", InstallSnapshotReply(1, "S3", 4, 0, installed=True))
    play.step("S1", InstallSnapshotReply(1, "S3", 9, 8, installed=False))

    progress = play.state("S1").progress["S3"]
    assert (progress.state, progress.match_index, progress.offset) == (SNAPSHOT, 4, 4)


# ---- to install one

LOGS = [
    # the log, the snapshot's end, what is left of the log, and whether it was kept
    ("", (3, 2), "", False),
    ("1 1", (3, 2), "", False),
    ("1 1 2", (3, 2), "", True),
    ("1 1 2 2 3", (3, 2), "2 3", True),
    ("1 1 1 1 1", (3, 2), "", False),  # a conflict: nothing that follows can be trusted
    ("1 1 3 3", (3, 2), "", False),
]


@pytest.mark.parametrize("log, last, left, kept", LOGS)
def test_what_follows_the_snapshots_last_entry_stays_and_else_the_whole_log_goes(
    log: str, last: tuple[int, int], left: str, kept: bool
) -> None:
    """Figure 13, steps 6 and 7."""
    play = Play(3, logs={"S1": log}, term=4)
    answer = play.tell("S1", whole(*last))

    assert answer == InstallSnapshotReply(5, "S1", 3, 0, installed=True)
    assert play.terms("S1") == left
    assert play.disks["S1"] == (HardState(5), play.state("S1").log.entries)
    assert play.snapshots["S1"] == Snapshot(*last, VOTERS, IMAGE)
    assert (play.commit("S1"), play.state("S1").last_applied) == (3, 3)
    assert [event.kept for event in play.told(SnapshotInstalled)] == [kept]
    follow_on = play.tell("S1", AppendEntries(5, "S2", 3, 2, (Entry(5),), 4))
    assert isinstance(follow_on, AppendEntriesReply)
    assert follow_on.success
    assert play.commit("S1") == 4


@pytest.mark.parametrize("index", [1, 2, 3])
def test_an_old_snapshot_never_shortens_a_log_nor_moves_the_state_back(index: int) -> None:
    """§7: the receiver retains the entries that follow."""
    play = Play(3, logs={"S1": "1 1 1 1 1"}, term=1)
    play.tell("S1", AppendEntries(1, "S2", 3, 1, (), 3))
    answer = play.tell("S1", whole(index, 1))

    assert answer == InstallSnapshotReply(5, "S1", index, 0, installed=True)
    assert play.terms("S1") == "1 1 1 1 1"
    assert (play.commit("S1"), len(play.applied["S1"]), play.snapshots["S1"]) == (3, 3, None)


def test_a_snapshot_is_saved_whole_before_it_is_answered_for() -> None:
    """Figure 13 with Figure 2: with the term, the vote and what follows it, in one record."""
    play = Play(3, logs={"S1": "1 1 2 2"}, term=4)
    ready = play.nodes["S1"].step(whole(3, 2), 0.0)

    assert list(ready.save) == [Checkpoint(HardState(5), Snapshot(3, 2, VOTERS, IMAGE), tuple(log_of("1 1 2 2")[3:]))]
    assert ready.install == Snapshot(3, 2, VOTERS, IMAGE)
    assert ready.apply == ()


def test_a_snapshot_brings_the_configuration_and_it_survives_a_crash() -> None:
    """§7: the latest configuration in the log as of its last entry."""
    play = Play(3, term=4)
    play.tell("S1", whole(3, 2, Configuration(("S1", "S9"), learners=("S3",))))
    assert play.voters("S1") == "S1 S9"
    play.restart("S1")

    assert play.voters("S1") == "S1 S9"
    assert play.state("S1").configuration.learners == ("S3",)


def test_every_piece_lets_the_leader_be_heard() -> None:
    """§7, §5.2: else a long snapshot would bring an election."""
    play = Play(3, term=1)
    play.pass_ms(200)
    play.tell("S3", piece(0, b"0123"))

    assert play.state("S3").deadline_ms == 425
    assert play.state("S3").leader_id == "S1"


def test_pieces_are_taken_in_order_and_each_once() -> None:
    """Figure 13, steps 2 to 4: each answer says what is held."""
    play = Play(3, term=1)
    answers = [
        play.tell("S3", one)
        for one in (piece(4, b"4567"), piece(0, b"0123"), piece(0, b"0123"), piece(8, b"89", done=True), piece(4, b"4567"))
    ]

    assert [(one.offset, one.installed) for one in answers if isinstance(one, InstallSnapshotReply)] == [
        (0, False), (4, False), (4, False), (4, False), (8, False),
    ]  # fmt: skip
    assert play.told(SnapshotInstalled) == []
    play.tell("S3", piece(8, b"89", done=True))
    assert play.snapshots["S3"] == Snapshot(10, 1, VOTERS, IMAGE)


def test_a_piece_of_another_snapshot_takes_the_place_of_a_partial_one() -> None:
    """Figure 13, step 5: discard any existing or partial snapshot with a smaller index."""
    play = Play(3, term=1)
    play.tell("S3", piece(0, b"0123"))
    play.tell("S3", piece(4, b"4567", last=(12, 1)))
    play.tell("S3", piece(0, b"abcd", last=(12, 1)))
    play.tell("S3", piece(4, b"efgh", last=(12, 1), done=True))

    assert play.snapshots["S3"] == Snapshot(12, 1, VOTERS, b"abcdefgh")


# ---- trouble under way


def test_a_follower_that_crashes_half_way_begins_anew() -> None:
    """§7: a partial snapshot is not on the disk."""
    play = s3_lags()
    play.step("S1", AppendEntriesReply(1, "S3", False, prev_log_index=10, conflict_index=2))
    play.tell("S3", piece(0, b"0123"))
    play.step("S1", InstallSnapshotReply(1, "S3", 10, 4, installed=False))
    play.restart("S3")
    play.heartbeat("S1", heard_by="S3")

    assert has_caught_up(play)


def test_a_leader_that_crashes_half_way_leaves_it_to_the_next() -> None:
    """§7: the same snapshot has the same bytes everywhere, so it may even go on where the other stopped."""
    play = s3_lags()
    play.compact("S2", IMAGE)
    play.step("S3", piece(0, b"0123"))
    play.restart("S1")
    play.pass_ms(300)
    play.elect("S2", heard_by="S1")
    play.heartbeat("S2", heard_by="S3 S1")
    play.heartbeat("S2", heard_by="S3 S1")

    assert has_caught_up(play, leader="S2")
    assert play.commit("S3") == 11


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["deliver", "again", "lose", "beat", "crash S3"])), max_size=60))
def test_whatever_happens_to_the_pieces_the_follower_gets_the_whole(trouble: list[tuple[int, str]]) -> None:
    """§7, §5.5: lost, repeated and reordered pieces, and crashes, do no harm."""
    play = s3_lags()
    play.step("S1", DeadlineReached())
    for choice, what in trouble:
        play.mail = [letter for letter in play.mail if "S2" not in letter[:2]]
        if what == "beat":
            play.step("S1", DeadlineReached())
        elif what == "crash S3":
            play.restart("S3")
        elif play.mail:
            source, target, message = play.mail[choice % len(play.mail)]
            if what != "again":
                play.mail.remove((source, target, message))
            if what != "lose":
                play.step(target, message)
    play.heartbeat("S1", heard_by="S3 S2")
    play.heartbeat("S1", heard_by="S3 S2")
    play.heartbeat("S1", heard_by="S3 S2")

    assert has_caught_up(play)
    assert play.state("S1").progress["S3"].state is not PROBE
