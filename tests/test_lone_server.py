"""One real server with nothing around it, and its disk, which syncs when it is told to."""

import pytest

from raftcore.consensus.door import DeadlineReached
from raftcore.hunting.lone_server import LoneServer, SmallDisk
from raftcore.hunting.small_world import SYNC, Packet, World
from raftcore.storage.disk import Disk
from raftcore.vocabulary.events import RoleChanged, Synced, TimerSet
from raftcore.vocabulary.names import CANDIDATE


def test_each_sync_keeps_what_was_written_when_it_began() -> None:
    disk, told = SmallDisk({}, is_slow=True), []
    disk.append("a", b"1")
    disk.sync(lambda kept: told.append(("first", kept)))
    disk.append("a", b"2")
    disk.append("b", b"3")
    disk.sync(lambda kept: told.append(("second", kept)))
    disk.append("a", b"4")
    assert disk.read("a") == b"124"
    assert disk.kept == {"a": b"", "b": b""}
    disk.finish_sync()
    assert disk.kept == {"a": b"1", "b": b""}
    disk.finish_sync()
    assert disk.kept == {"a": b"12", "b": b"3"}
    assert told == [("first", True), ("second", True)]
    assert disk.syncs == []


def test_a_fast_disk_keeps_at_once_what_it_is_asked_to_and_nothing_else() -> None:
    disk, told = SmallDisk({"a": b"1"}, is_slow=False), []
    disk.append("a", b"2")
    assert disk.kept == {"a": b"1"}
    disk.sync(told.append)
    assert told == [True]
    disk.append("a", b"3")
    assert disk.kept == {"a": b"12"}


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_cut_and_a_removal_are_kept_at_once(is_slow: bool) -> None:
    disk: Disk = SmallDisk({"a": b"123", "b": b"4"}, is_slow)
    disk.truncate("a", 1)
    disk.remove("b")
    disk.remove("never there")
    assert disk.names() == ["a"]
    assert disk.read("a") == b"1"
    assert disk.read("b") == b""
    assert isinstance(disk, SmallDisk)
    assert disk.kept == {"a": b"1"}


def test_a_server_says_nothing_to_others_before_its_disk_has_synced() -> None:
    lone = LoneServer(World(slow_disks=True), "S1", {})
    lone.server.start()
    lone.let(DeadlineReached())
    assert RoleChanged(0.0, "S1", CANDIDATE, 1) in lone.told
    assert not [told for told in lone.told if isinstance(told, Packet | Synced | TimerSet)]
    lone.told.clear()
    lone.let(SYNC)
    synced, *packets = lone.told
    assert synced == Synced(0.0, "S1", 1, "S1", 0)
    assert [(packet.source, packet.target) for packet in packets if isinstance(packet, Packet)] == [("S1", "S2"), ("S1", "S3")]


def test_a_server_is_made_from_what_an_earlier_one_left() -> None:
    first = LoneServer(World(slow_disks=True), "S1", {})
    first.server.start()
    for _ in range(2):
        first.let(DeadlineReached())
        left = dict(first.disk.kept)
        first.let(SYNC)
    before, after = (LoneServer(World(), "S1", kept).server.node.state for kept in (left, first.disk.kept))
    assert (before.current_term, before.voted_for) == (1, "S1")
    assert (after.current_term, after.voted_for) == (2, "S1")
