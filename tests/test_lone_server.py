"""One real server with nothing around it, and its disk, which syncs when it is told to."""

import pytest

from raftcore import Rules
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.door import DeadlineReached, Stimulus
from raftcore.consensus.state import NodeState
from raftcore.hunting.lone_server import LoneServer, SmallDisk
from raftcore.hunting.mutants.storage import VotesUnsaved
from raftcore.hunting.shapes import shape_of
from raftcore.hunting.small_world import SYNC, Packet, World
from raftcore.storage.disk import Disk
from raftcore.storage.wal import WriteAheadLog
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.events import RoleChanged, Synced, TimerSet
from raftcore.vocabulary.messages import RequestVote
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
def test_a_removal_is_kept_at_once(is_slow: bool) -> None:
    disk: Disk = SmallDisk({"a": b"123", "b": b"4"}, is_slow)
    disk.remove("b")
    disk.remove("never there")
    assert disk.names() == ["a"]
    assert disk.read("a") == b"123"
    assert disk.read("b") == b""
    assert isinstance(disk, SmallDisk)
    assert disk.kept == {"a": b"123"}


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


def test_what_reaches_a_server_while_its_disk_syncs_is_as_good_as_late() -> None:
    """So a small world need not let it arrive before."""
    ask = RequestVote(term=2, candidate_id="S2", last_log_index=0, last_log_term=0)
    orders: tuple[tuple[str | Stimulus, ...], ...] = ((DeadlineReached(), ask, SYNC), (DeadlineReached(), SYNC, ask))
    early, late = (LoneServer(World(slow_disks=True), "S1", {}) for _ in orders)
    for lone, order in zip((early, late), orders, strict=True):
        lone.server.start()
        for stimulus in order:
            lone.let(stimulus)
    assert early.told == late.told
    assert shape_of(early.server) == shape_of(late.server)
    assert early.server.node.state.voted_for == "S2"


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


# ---- what tells two of them apart


def test_who_is_sent_to_first_does_not_tell_two_servers_apart_neither_before_nor_after() -> None:
    def call_backwards(me: NodeState) -> None:
        election.start_election(me)
        me.outbox.reverse()

    forth, back = (LoneServer(World(slow_disks=True, rules=rules), "S2", {}) for rules in (Rules(), Rules(start_election=call_backwards)))
    for lone in (forth, back):
        lone.server.start()
        lone.let(DeadlineReached())
    assert shape_of(forth.server) == shape_of(back.server)
    for lone in (forth, back):
        lone.let(SYNC)
    assert forth.told == back.told
    assert [told.target for told in back.told if isinstance(told, Packet)] == ["S1", "S3"]


def test_what_a_server_holds_back_tells_it_from_one_that_has_sent_it() -> None:
    honest, hasty = (LoneServer(World(slow_disks=True, rules=rules), "S3", {}) for rules in (Rules(), Rulebook(server=VotesUnsaved)))
    ask = RequestVote(term=1, candidate_id="S1", last_log_index=0, last_log_term=0)
    for lone in (honest, hasty):
        lone.server.start()
    assert shape_of(honest.server) == shape_of(hasty.server)
    for lone in (honest, hasty):
        lone.let(ask)
    assert shape_of(honest.server) != shape_of(hasty.server)
    for lone in (honest, hasty):
        lone.let(SYNC)
    assert shape_of(honest.server) == shape_of(hasty.server)


def test_what_a_disk_keeps_and_will_have_kept_tells_it_from_one_that_reads_the_same() -> None:
    disks = [SmallDisk(kept, is_slow=True) for kept in ({"a": b""}, {"a": b""}, {"a": b"1"}, {"a": b"12"})]
    early, late, begun, whole = disks
    early.append("a", b"1")
    early.sync(bool)
    early.append("a", b"2")
    late.append("a", b"12")
    late.sync(bool)
    begun.append("a", b"2")
    assert [disk.read("a") for disk in disks] == [b"12"] * 4
    assert len({shape_of(disk) for disk in disks}) == 4
    whole.append("a", b"3")
    assert shape_of(whole) != shape_of(SmallDisk(whole.kept, is_slow=True))


def test_of_a_log_only_what_its_records_add_up_to_is_looked_at() -> None:
    """One server came to its term in one step, and the other in two."""
    logs = []
    for terms in ([2], [1, 2]):
        disk = SmallDisk({}, is_slow=False)
        log = WriteAheadLog(disk)
        for term in terms:
            log.append(HardState(term))
        log.sync(bool)
        logs.append(log)
    one, other = logs
    assert one.disk.read("wal.1") != other.disk.read("wal.1")
    assert shape_of(one) == shape_of(other)
