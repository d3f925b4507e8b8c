"""The names of files on the simulated disk: they come and go in order, and until a sync a power failure may undo the latest changes."""

from random import Random

import pytest
from simulated import Clock, disk_on, ignore

from raftcore.storage.disk import Disk
from raftcore.vocabulary.disks import DiskState


def test_a_file_is_there_from_its_first_append_until_it_is_removed() -> None:
    disk: Disk = disk_on(Clock())
    assert disk.names() == []
    disk.append("a", b"")
    assert disk.names() == []
    disk.append("b", b"1")
    disk.append("a", b"2")
    assert disk.names() == ["b", "a"]
    disk.remove("b")
    disk.remove("never there")
    assert (disk.names(), disk.read("b"), disk.read("a")) == (["a"], b"", b"2")


def test_a_file_may_be_kept_without_a_byte_of_it_or_not_at_all() -> None:
    left = set()
    for seed in range(100):
        disk = disk_on(Clock())
        disk.append("a", b"1")
        disk.crash(Random(seed))
        left.add((tuple(disk.names()), disk.read("a")))

    assert left == {((), b""), (("a",), b""), (("a",), b"\0"), (("a",), b"1")}


def test_files_come_and_go_in_order_and_a_removal_that_was_not_synced_may_be_undone() -> None:
    left = set()
    for seed in range(200):
        disk = disk_on(Clock(), sync_ms=0)
        disk.append("a", b"A")
        disk.append("b", b"B")
        disk.sync(ignore)
        disk.append("c", b"C")
        disk.remove("b")
        disk.remove("a")
        disk.crash(Random(seed))
        assert all(disk.read(name) == name.upper().encode() for name in disk.names() if name != "c")
        left.add("".join(sorted(disk.names())))

    assert left == {"ab", "abc", "ac", "c"}


def test_a_removal_that_was_synced_is_kept_and_a_sync_that_began_before_it_says_nothing_of_it() -> None:
    for removed_before, expected in ((True, {""}), (False, {"", "a"})):
        left = set()
        for seed in range(50):
            clock = Clock()
            disk = disk_on(clock)
            disk.append("a", b"old")
            disk.sync(ignore)
            clock.run_for(5)
            if removed_before:
                disk.remove("a")
            disk.sync(ignore)
            disk.remove("a")
            clock.run_for(5)
            disk.crash(Random(seed))
            left.add("".join(disk.names()))
        assert left == expected


@pytest.mark.parametrize("fault", [DiskState(sync_ms=0, sync_fails=True), DiskState(sync_ms=0, loses_writes=True)])
def test_what_a_fault_lost_of_a_removed_file_does_not_come_back_with_it(fault: DiskState) -> None:
    for seed in range(20):
        disk = disk_on(Clock(), sync_ms=0)
        disk.append("a", b"kept")
        disk.sync(ignore)
        disk.become(fault)
        disk.append("a", b"lost")
        disk.sync(ignore)
        disk.remove("a")
        disk.crash(Random(seed))
        assert disk.read("a") in (b"", b"kept")
