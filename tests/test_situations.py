"""Situations: for each, a run in which it comes about, and one, often nearly the same, in which it does not."""

from collections.abc import Callable
from itertools import chain

import pytest
from stories import Story, no_op, put

from raftcore import Cluster
from raftcore.checks.situations import SITUATIONS
from raftcore.checks.watch import Watch
from raftcore.hunting.mutants import MUTANTS
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.actions import TimeOut
from raftcore.vocabulary.commands import Cas, Get, ReadMode, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import AppendEntries, Entry, InstallSnapshot
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, REPLICATE, Reason

Play = Callable[[Story], object]

JOINT = Configuration(("S1", "S2"), ("S1", "S2", "S3"))
WITHOUT_S1 = Configuration(("S2", "S3"))
CUT, WHOLE = Link((1.0, 2.0), up=False), Link((1.0, 2.0))
LOSSY = Link((1.0, 2.0), loss=0.5)
HEARTBEAT = AppendEntries(1, "S1", 0, 0, (), 0)
X = Set("x", "1")


def nothing(story: Story) -> None:
    story.follow(1, "S1", "S2", "S3")


def nothing_more(story: Story) -> None:
    pass


def tells(*events: tuple[object, ...], first: Play = nothing) -> Play:
    """What is told after this beginning, each a kind of event and its fields."""

    def play(story: Story) -> None:
        first(story)
        for kind, *details in events:
            story.tell(kind, *details)  # type: ignore[arg-type]

    return play


def elected(story: Story) -> None:
    story.elect("S1", 1, by="S2")


def reign(story: Story) -> None:
    story.reign()


def reign_alone(story: Story) -> None:
    """S1 leads, and its no-op is in its own log alone."""
    story.elect("S1", 1, by="S2")
    story.keep("S1", no_op(1))


def followed_by_a_split(last: Play) -> Play:
    def play(story: Story) -> None:
        story.stand("S1", 1)
        story.stand("S2", 1)
        last(story)

    return play


def old_entry(*holders: str, own: bool = False) -> Play:
    """S1 leads again in term 3, with an entry of term 1 that these servers hold; `own`: with one of term 3, too."""

    def play(story: Story) -> None:
        reign_alone(story)
        story.follow(2, "S1")
        story.elect("S1", 3, by="S2")
        for name in holders:
            story.keep(name, no_op(1))
        if own:
            story.keep(" ".join(("S1", *holders)), no_op(3))
        story.tell(ev.ProgressChanged, "S1", "S2", 3 if own else 2, 2 if own else 1, REPLICATE)

    return play


def overwritten(*holders: str) -> Play:
    def play(story: Story) -> None:
        old_entry(*holders)(story)
        story.follow(4, "S2")
        story.tell(ev.LogTruncated, "S2", 0)

    return play


def commit_of_both(term_of_the_first: int) -> Play:
    """S1 leads in term 3, and commits two entries at once, of this term the first."""

    def play(story: Story) -> None:
        reign_alone(story) if term_of_the_first == 1 else elected(story)
        story.follow(2, "S1")
        story.elect("S1", 3, by="S2")
        story.keep("S2", *([no_op(1)] if term_of_the_first == 1 else []))
        story.keep("S1 S2", no_op(3))
        story.tell(ev.Committed, "S1", story.memory("S1").last.index)

    return play


def chunks(*grows: bool) -> Play:
    """S1 sends a snapshot in pieces, and before each but the first it may take in a command."""

    def play(story: Story) -> None:
        reign(story)
        for number, grown in enumerate((False, *grows)):
            if grown:
                story.keep("S1", put(1, number))
            story.send("S1", "S3", InstallSnapshot(1, "S1", 1, 1, Configuration(), number, b"x", number == len(grows)))

    return play


def configured(configuration: Configuration, last: Play = nothing_more) -> Play:
    def play(story: Story) -> None:
        reign(story)
        story.tell(ev.ConfigurationChanged, "S1", 2, configuration)
        story.keep("S1 S2 S3", Entry(1, configuration))
        last(story)

    return play


def truncated(last_index: int) -> Play:
    return configured(JOINT, lambda story: (story.follow(2, "S2"), story.tell(ev.LogTruncated, "S2", last_index)))


def two_writers(second: str, number: int) -> Play:
    """S1 writes the first command of C1; later a leader of term 2 writes that of this number."""

    def play(story: Story) -> None:
        reign(story)
        story.append("S1", put(1, 1))
        story.elect(second, 2, by="S3")
        story.append(second, put(2, number))

    return play


def read(mode: ReadMode, awaits: bool = False, served: ReadMode | None = None) -> Play:
    """C1 reads in this mode; the read may wait for a majority, and then it is served."""

    def play(story: Story) -> None:
        reign(story)
        story.ask(1, Get("x", mode))
        if awaits:
            story.tell(ev.ReadStarted, "S1", "C1", 1, 1, 1)
        story.tell(ev.ReadServed, "S1", "C1", 1, served or mode, 1)

    return play


def answered(command: Get | Cas | Set, ok: bool | None = True) -> Play:
    def play(story: Story) -> None:
        reign(story)
        story.ask(1, command)
        story.tell(ev.Completed, "C1", 1, command, ok, None, 1, 1, 1.0)

    return play


def applied(entry: Entry, *servers: str, repeated: bool = False) -> Play:
    def play(story: Story) -> None:
        story.elect("S1", 1, by="S2")
        story.keep("S1 S2", entry)
        for server in servers:
            story.tell(ev.Committed, server, 1)
            story.tell(ev.Applied, server, 1, None, None, repeated)

    return play


def restarted(term: int, kept_index: int, saved: bool = True) -> Play:
    """S2 has an entry, which its disk has kept or not, and comes back like this."""

    def play(story: Story) -> None:
        story.follow(1, "S2")
        story.save("S2")
        story.append("S2", no_op(1))
        if saved:
            story.save("S2")
        story.tell(ev.Crashed, "S2")
        story.tell(ev.Restarted, "S2", term, None, kept_index, (), 0)

    return play


def on_a_lossy_link(*events: tuple[object, ...]) -> Play:
    return tells((ev.LinkChanged, "S1", "S2", LOSSY), *events)


def arrives(number: int) -> tuple[object, ...]:
    return ev.MessageDelivered, number, "S1", "S2", HEARTBEAT


def denied(reason: Reason, pre_vote: bool = False) -> Play:
    return tells((ev.VoteDenied, "S2", "S1", 2, reason, pre_vote))


def role(*changes: tuple[str, object, int], first: Play = nothing) -> Play:
    return tells(*((ev.RoleChanged, *change) for change in changes), first=first)


def halted(**fault: object) -> Play:
    return tells((ev.DiskChanged, "S1", DiskState(**fault)), (ev.Halted, "S1", "its disk"))  # type: ignore[arg-type]


QUORUM = (ev.QuorumHeard, "S1", 1.0, 10_000.0)

PLAYS: dict[str, tuple[Play, Play]] = {
    # elections
    "timer set": (tells((ev.TimerSet, "S1", 9.0)), nothing),
    "election started": (role(("S1", CANDIDATE, 2)), role(("S1", FOLLOWER, 2))),
    "vote granted": (tells((ev.VoteGranted, "S2", "S1", 2)), tells((ev.VoteGranted, "S1", "S1", 2))),
    "leader elected": (elected, role(("S1", CANDIDATE, 2))),
    "leader elected after a commit": (lambda story: (reign(story), story.elect("S2", 2, by="S3")), reign),
    "leader with uncommitted entries": (old_entry(), lambda story: (reign(story), story.elect("S2", 2, by="S3"))),
    "contested election": (
        role(("S1", CANDIDATE, 2), ("S2", CANDIDATE, 2)),
        role(("S1", CANDIDATE, 2), ("S2", CANDIDATE, 3)),
    ),
    "split vote": (
        followed_by_a_split(lambda story: story.tell(ev.PreVoteStarted, "S1", 2)),
        followed_by_a_split(lambda story: story.follow(1, "S1")),
    ),
    "second vote refused": (denied(Reason.ALREADY_VOTED), denied(Reason.ALREADY_VOTED, pre_vote=True)),
    "vote refused for a log behind": (denied(Reason.LOG_BEHIND), denied(Reason.STALE_TERM)),
    "pre-vote refused": (denied(Reason.LOG_BEHIND, pre_vote=True), denied(Reason.LOG_BEHIND)),
    "leader stickiness": (denied(Reason.LEADER_HEARD), denied(Reason.STALE_TERM)),
    "two leaders at once": (
        lambda story: (elected(story), story.elect("S2", 2, by="S3")),
        lambda story: (elected(story), story.follow(2, "S1"), story.elect("S2", 2, by="S3")),
    ),
    "step-down by check-quorum": (role(("S1", FOLLOWER, 1), first=elected), role(("S1", FOLLOWER, 2), first=elected)),
    "leader crashed": (tells((ev.Crashed, "S1"), first=elected), tells((ev.Crashed, "S2"), first=elected)),
    "leadership transfer done": (tells((ev.TransferEnded, "S1", "S2", True)), tells((ev.TransferEnded, "S1", "S2", False))),
    "leadership transfer aborted": (tells((ev.TransferEnded, "S1", "S2", False)), tells((ev.TransferEnded, "S1", "S2", True))),
    # logs
    "entry appended by a leader": (reign_alone, lambda story: story.keep("S2", no_op(1))),
    "entry replicated": (reign, reign_alone),
    "log synced": (reign_alone, lambda story: story.save("S1")),
    "follower matched": (
        tells((ev.ProgressChanged, "S1", "S2", 2, 1, REPLICATE), first=reign),
        tells((ev.ProgressChanged, "S1", "S2", 2, 0, REPLICATE), first=reign),
    ),
    "entry committed": (reign, reign_alone),
    "entry of an earlier term committed": (commit_of_both(1), commit_of_both(3)),
    "entry applied again": (applied(no_op(1), "S1", "S2"), applied(no_op(1), "S1")),
    "log mismatch": (
        tells((ev.AppendRefused, "S2", "S1", 1, 4, Reason.LOG_GAP)),
        tells((ev.AppendRefused, "S2", "S1", 1, 4, Reason.STALE_TERM)),
    ),
    "truncation": (truncated(1), configured(JOINT)),
    "Figure 8": (old_entry("S2"), old_entry("S2", own=True)),
    "Figure 8, overwritten": (overwritten("S2"), old_entry("S2")),
    "log compacted": (tells((ev.SnapshotTaken, "S1", 1, 1, 9), first=reign), reign),
    "snapshot sent": (chunks(False), reign),
    "snapshot sent in chunks": (chunks(False), chunks()),
    "snapshot during appends": (chunks(False, True), chunks(False, False)),
    "snapshot installed": (tells((ev.SnapshotInstalled, "S3", 1, 1, False, b""), first=reign), chunks(False)),
    # membership
    "membership change": (configured(WITHOUT_S1), tells((ev.ConfigurationChanged, "S1", 0, WITHOUT_S1))),
    "joint configuration": (configured(JOINT), configured(WITHOUT_S1)),
    "joint decision": (configured(JOINT, lambda story: story.tell(ev.Committed, "S1", 2)), configured(JOINT)),
    "crash in a joint configuration": (
        configured(JOINT, lambda story: story.tell(ev.Crashed, "S3")),
        configured(JOINT, lambda story: (story.tell(ev.Created, "S5"), story.tell(ev.Crashed, "S5"))),
    ),
    "membership change truncated": (truncated(1), truncated(2)),
    "membership change given up": (tells((ev.MembershipChangeEnded, "S1", "too slow")), tells((ev.MembershipChangeEnded, "S1", ""))),
    "leader removed": (configured(WITHOUT_S1), configured(JOINT)),
    # clients
    "client command applied": (applied(put(1, 1), "S1"), applied(no_op(1), "S1")),
    "read completed": (answered(Cas("x", "1", "2"), ok=False), answered(X)),
    "outcome unknown": (answered(X, ok=None), answered(X)),
    "read awaits a majority": (read(ReadMode.READ_INDEX, awaits=True), read(ReadMode.LEASE)),
    "read by ReadIndex": (read(ReadMode.READ_INDEX, awaits=True), read(ReadMode.LEASE)),
    "read by lease": (read(ReadMode.LEASE), read(ReadMode.LEASE, awaits=True)),
    "read by log": (answered(Get("x", ReadMode.LOG)), answered(Get("x", ReadMode.READ_INDEX))),
    "stale read": (read(ReadMode.STALE), read(ReadMode.LEASE)),
    "quorum heard": (tells(QUORUM), nothing),
    "lease held": (tells(QUORUM), tells((ev.Acted, TimeOut(1.0, "S2")), QUORUM)),
    "lease refused": (read(ReadMode.LEASE, awaits=True), read(ReadMode.READ_INDEX, awaits=True)),
    "retry across leaders": (two_writers("S2", 1), two_writers("S2", 2)),
    "duplicate suppressed": (applied(put(1, 1), "S1", repeated=True), applied(put(1, 1), "S1")),
    "session expired": (tells((ev.SessionExpired, "S1", "C1", 1)), nothing),
    # faults
    "power loss": (tells((ev.Crashed, "S1")), tells((ev.Crashed, "S1", False))),
    "process crash": (tells((ev.Crashed, "S1", False)), tells((ev.Crashed, "S1"))),
    "unsynced data lost": (restarted(1, 0, saved=False), restarted(1, 1, saved=False)),
    "unsynced data survived": (restarted(1, 1, saved=False), restarted(1, 1)),
    "server paused": (tells((ev.Paused, "S1")), nothing),
    "partition healed": (
        tells((ev.LinkChanged, "S1", "S2", CUT), (ev.LinkChanged, "S1", "S2", WHOLE)),
        tells((ev.LinkChanged, "S1", "S2", CUT), (ev.LinkChanged, "S2", "S1", WHOLE)),
    ),
    "unreliable link": (on_a_lossy_link(), tells((ev.LinkChanged, "S1", "S2", CUT))),
    "message lost": (
        on_a_lossy_link((ev.MessageDropped, 1, "S1", "S2", HEARTBEAT, Reason.LOST)),
        on_a_lossy_link((ev.MessageDropped, 1, "S1", "S2", HEARTBEAT, Reason.LINK_CUT)),
    ),
    "message duplicated": (
        on_a_lossy_link((ev.MessageSent, 2, "S1", "S2", HEARTBEAT, 9.0, 1)),
        on_a_lossy_link((ev.MessageSent, 2, "S1", "S2", HEARTBEAT, 9.0, 0)),
    ),
    "message reordered": (on_a_lossy_link(arrives(2), arrives(1)), on_a_lossy_link(arrives(1), arrives(2))),
    "clock rate changed": (tells((ev.ClockRateChanged, "S1", 1.1)), nothing),
    "sync failed": (halted(sync_fails=True), halted(capacity_bytes=9)),
    "disk full": (halted(capacity_bytes=9), halted(sync_ms=40.0)),
    "disk damaged": (tells((ev.DiskDamaged, "S1", "a bit")), nothing),
}


def came_to(play: Play) -> dict[str, int]:
    story = Story()
    play(story)
    return story.watch.coverage.first


@pytest.mark.parametrize("name", [it.name for it in SITUATIONS])
def test_a_situation_is_seen_where_it_comes_about_and_nowhere_else(name: str) -> None:
    occurs, does_not = PLAYS[name]
    assert name in came_to(occurs)
    assert name not in came_to(does_not)


def test_each_situation_has_a_name_of_its_own_and_a_definition() -> None:
    assert list(dict.fromkeys(it.name for it in SITUATIONS)) == [it.name for it in SITUATIONS]
    assert all(it.about.endswith((".", ")")) for it in SITUATIONS)


def test_a_situation_is_kept_with_where_it_first_came_about() -> None:
    story = Story()
    first = story.elect("S1", 1, by="S2")
    story.elect("S2", 2, by="S1")
    assert story.watch.coverage.first["leader elected"] == first


def test_what_is_seen_does_not_depend_on_portions_or_shortcuts() -> None:
    cluster = Cluster(5, seed=3)
    cluster.run_for(1_000)
    cluster.crash(cluster.leader)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(2_000)
    whole = Watch(cluster.trace.server_ids, cluster.config, shortcuts=False)
    whole.absorb(cluster.trace)
    single = Watch(cluster.trace.server_ids, cluster.config)
    for event in cluster.trace:
        single.absorb([event])
    assert cluster.situations == whole.coverage.first == single.coverage.first
    assert cluster.situations["leader crashed"] < cluster.situations["leader elected after a commit"]


def test_what_has_come_about_is_no_longer_looked_for() -> None:
    story = Story()
    story.reign()
    coverage = story.watch.coverage
    awaited = {it.name for it in chain.from_iterable(coverage.awaited.values())}
    assert not awaited & coverage.first.keys()
    assert ev.Synced not in coverage.awaited


def test_figure_8_of_the_paper_is_recognised_in_a_real_cluster() -> None:
    (bug,) = (mutant for mutant in MUTANTS if mutant.number == "1")
    cluster = Cluster(bug.size, config=bug.config)
    bug.story(cluster)
    assert {"Figure 8", "Figure 8, overwritten", "truncation"} <= cluster.situations.keys()
    assert cluster.violations == ()
