"""Things of the field in words: commands, messages and events, one short line each.

What a student typed is shortened here and stays plain text; nothing in this file is markup.
"""

from collections.abc import Callable
from typing import Any, assert_never

from raftcore.statemachine.kv import FAILURES
from raftcore.vocabulary import actions, events
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, OpenSession, Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.events import AnyEvent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftcore.vocabulary.names import Reason, Role, ServerId

LONGEST = 200
CUT = "cut"


def clip(text: str, limit: int = LONGEST) -> str:
    """The text, or its beginning and an ellipsis: `limit` characters at most.

    >>> clip("consensus", 5)
    'cons…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def short(command: Command | Configuration | None, limit: int = 12) -> str:
    """What stands in a log entry's box.

    >>> short(Set("x", "1")), short(Append("x", "a")), short(Cas("x", "1", "2")), short(None)
    ('x=1', 'x+=a', 'x:1→2', 'no-op')
    >>> short(Configuration(("S1", "S2"), ("S1", "S2", "S4"))), short(Configuration(("S1", "S2"), learners=("S3",)))
    ('C 12→124', 'C 12+3')
    """
    match command:
        case None:
            return "no-op"
        case Set(key, value):
            text = f"{key}={value}"
        case Get(key):
            text = f"get {key}"
        case Delete(key):
            text = f"del {key}"
        case Append(key, value):
            text = f"{key}+={value}"
        case Cas(key, expected, value):
            text = f"{key}:{expected}→{value}"
        case OpenSession():
            text = "session"
        case Configuration():
            text = numbers(command)
        case _:
            assert_never(command)
    return clip(text, limit)


def numbers(configuration: Configuration) -> str:
    """A configuration in little room, by the numbers of its servers: voters, → the next ones, + learners, > learners to be."""

    def group(mark: str, servers: tuple[ServerId, ...]) -> str:
        return mark + "".join(server.removeprefix("S") for server in servers) if servers else ""

    return (
        group("C ", configuration.voters)
        + group("→", configuration.next_voters)
        + group("+", configuration.learners)
        + group(">", configuration.learners_next)
    )


def members(configuration: Configuration) -> str:
    """A configuration in full: who votes, in one group or in two, who learns, and which voters will only learn after the joint phase.

    >>> members(Configuration(("S1", "S2"), ("S2", "S3"), ("S4",), ("S1",)))
    'voters S1 S2 and next S2 S3; learners S4; learners next S1'
    """
    groups = (
        ("voters ", configuration.voters),
        (" and next ", configuration.next_voters),
        ("; learners ", configuration.learners),
        ("; learners next ", configuration.learners_next),
    )
    return "".join(name + " ".join(servers) for name, servers in groups if servers)


def asked(command: Command) -> str:
    """A command as a client asks for it: "set y=2", "get x", "get x (lease)"."""
    if isinstance(command, OpenSession):
        return "open a session"
    if isinstance(command, Get) and command.mode is not None:
        return f"{short(command, 40)} ({command.mode.value})"
    verb = "" if isinstance(command, Get | Delete) else f"{type(command).__name__.lower()} "
    return verb + short(command, 40)


def full_entry(entry: Entry) -> str:
    """A log entry with all that it holds, for a tooltip."""
    whose = f", asked by {entry.client_id} (its {entry.sequence_num}.)" if entry.client_id else ""
    what = f"configuration: {members(entry.command)}" if isinstance(entry.command, Configuration) else short(entry.command, LONGEST)
    return f"{what} — term {entry.term}{whose}"


def sign(good: bool) -> str:
    """How a reply's mark says yes or no."""
    return "+" if good else "−"


def describe(message: Message) -> str:
    """A message and its fields, without who sent it."""
    match message:
        case RequestVote():
            return f"RequestVote, term {message.term}, last entry {message.last_log_index} of term {message.last_log_term}"
        case RequestVoteReply():
            return f"RequestVote reply {sign(message.vote_granted)}, term {message.term}{because(message.reason)}"
        case PreVote():
            where = f"last entry {message.last_log_index} of term {message.last_log_term}"
            return f"PreVote: would I win term {message.next_term}? {where}"
        case PreVoteReply():
            return f"PreVote reply {sign(message.vote_granted)} for term {message.next_term}{because(message.reason)}"
        case AppendEntries():
            what = carried(message.entries)
            return f"{what}, term {message.term}, prev {message.prev_log_index}/{message.prev_log_term}, commit {message.leader_commit}"
        case AppendEntriesReply(success=True):
            return f"AppendEntries reply + match {message.match_index}"
        case AppendEntriesReply():
            why = message.reason.value if message.reason else "refused"
            return f"AppendEntries reply − {why} at {message.prev_log_index}"
        case InstallSnapshot():
            end = message.offset + len(message.data)
            last = ", the last piece" if message.done else ""
            return f"InstallSnapshot up to {message.last_included_index}: bytes {message.offset:,}–{end:,}{last}, term {message.term}"
        case InstallSnapshotReply():
            got = "installed" if message.installed else f"{message.offset:,} bytes held"
            return f"InstallSnapshot reply: up to {message.last_included_index}, {got}"
        case TimeoutNow():
            return f"TimeoutNow: stand for election at once, term {message.term}"
        case ClientRequest():
            return f"asks {asked(message.command)}"
        case ClientReply():
            return client_reply(message)
        case _:
            assert_never(message)


def because(reason: Reason | None) -> str:
    return f", {reason.value}" if reason else ""


def carried(entries: tuple[Entry, ...]) -> str:
    """What an AppendEntries carries: the first few commands by name."""
    if not entries:
        return "heartbeat"
    named = " ".join(short(entry.command) for entry in entries[:3])
    rest = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return f"AppendEntries {named}{rest}"


def client_reply(reply: ClientReply) -> str:
    """A server's answer to a client."""
    if reply.reason is None or reply.is_answer:
        value = f", value {clip(reply.value, 40)}" if reply.value is not None else ""
        return f"answers {'ok' if reply.ok else 'failed'}{because(reply.reason)}{value}, index {reply.index}"
    hint = "the outcome is unknown" if reply.is_unknown else f"ask {reply.leader_id}" if reply.leader_id else "ask later"
    return f"{reply.reason.value}: {hint}"


def outcome(done: events.Completed) -> str:
    """A client's command and how it ended: "C1 set x=1 → ok, index 5, 31 ms"."""
    what = f"{done.client} {asked(done.command)} →"
    if done.ok is None:
        return f"{what} unknown: gave up after {done.latency_ms:,.0f} ms"
    verdict = "ok" if done.ok else f"failed{because(FAILURES.get(type(done.command)))}"
    value = f"{'' if done.ok else ':'} {clip(done.value, 40)}" if done.value is not None else ""
    return f"{what} {verdict}{value}, index {done.index}, {done.latency_ms:,.0f} ms"


def span(bounds: tuple[float, float]) -> str:
    """A range of milliseconds: "10–20 ms", or "40 ms" when both ends are one."""
    low, high = bounds
    return f"{low:g} ms" if low == high else f"{low:g}–{high:g} ms"


def faults(link: Link, healthy_delay_ms: tuple[float, float]) -> list[str]:
    """What is wrong with one direction of a link, in few words; nothing for a healthy one."""
    said = [] if link.up else [CUT]
    for share, word in ((link.loss, "lost"), (link.duplication, "doubled"), (link.reordering, "reordered")):
        if share:
            said.append(f"{share * 100:g} % {word}")
    if tuple(link.delay_ms) != tuple(healthy_delay_ms):
        said.append(span(link.delay_ms))
    return said


def disk_faults(disk: DiskState | None, healthy_sync_ms: float) -> list[str]:
    """What is wrong with a disk, in few words; nothing for a healthy one.

    >>> disk_faults(DiskState(sync_ms=80.0, capacity_bytes=0), 1.0)
    ['80 ms a sync', 'full']
    """
    if disk is None:
        return []
    said = [f"{disk.sync_ms:g} ms a sync"] if disk.sync_ms != healthy_sync_ms else []
    if disk.sync_fails:
        said.append("fails to sync")
    if disk.capacity_bytes is not None:
        said.append(f"holds {disk.capacity_bytes:,} bytes" if disk.capacity_bytes else "full")
    return said + ["loses writes"] * disk.loses_writes + ["can't be read"] * disk.reads_fail


# ---- events, by kind


def role_changed(event: events.RoleChanged) -> str:
    if event.role is Role.LEADER:
        return f"{event.server} is leader of term {event.term}"
    if event.role is Role.CANDIDATE:
        return f"{event.server} stands for election in term {event.term}"
    return f"{event.server} is a follower in term {event.term}"


def entries_appended(event: events.EntriesAppended) -> str:
    last = event.first_index + len(event.entries) - 1
    where = f"{event.first_index}" if last == event.first_index else f"{event.first_index}–{last}"
    return f"{event.server} appended {where}: {' '.join(short(entry.command) for entry in event.entries[:4])}"


def applied(event: events.Applied) -> str:
    if event.changed_key is None:
        return f"{event.server} applied {event.index}"
    value = "is gone" if event.new_value is None else f"= {clip(event.new_value, 40)}"
    return f"{event.server} applied {event.index}: {clip(event.changed_key, 40)} {value}"


def synced(event: events.Synced) -> str:
    vote = f", with its vote of term {event.current_term} for {event.voted_for}" if event.voted_for else ""
    return f"{event.server} synced its disk up to {event.last_index}{vote}"


def message_dropped(event: events.MessageDropped) -> str:
    return f"{event.source} → {event.target} dropped ({event.reason.value}): {describe(event.message)}"


def link_changed(event: events.LinkChanged) -> str:
    link = event.link
    said = faults(link, link.delay_ms) or ["up"]
    return f"link {event.source} → {event.target}: {', '.join(said)}, {span(link.delay_ms)}"


def role_in_cluster(event: events.ConfigurationChanged) -> str:
    if not event.configuration.members:
        return f"{event.server} belongs to no cluster yet"
    return f"{event.server} goes by the configuration at {event.index}: {members(event.configuration)}"


def vote_denied(event: events.VoteDenied) -> str:
    what = f"would not vote for {event.candidate} in term {event.term}" if event.pre_vote else f"refuses its vote to {event.candidate}"
    return f"{event.server} {what}: {event.reason.value}"


def vote_counted(event: events.VoteCounted) -> str:
    what = "promise of a vote" if event.pre_vote else "vote"
    return f"{event.server} holds the {what} of {event.voter} in term {event.term}"


def disk_changed(event: events.DiskChanged) -> str:
    said = disk_faults(event.disk, event.disk.sync_ms) or ["keeps what it is told"]
    return f"{event.server}'s disk: {', '.join(said)}, {event.disk.sync_ms:g} ms a sync"


def restarted(event: events.Restarted) -> str:
    after = f"a snapshot up to {event.snapshot_index} and " if event.snapshot_index else ""
    entries = event.kept_index + len(event.entries) - event.snapshot_index
    return f"{event.server} restarted from its disk with {after}{entries} entries"


def transfer_ended(event: events.TransferEnded) -> str:
    how = "is done" if event.done else "was given up"
    return f"{event.server}'s transfer of leadership to {event.target} {how}"


def acted(event: events.Acted) -> str:
    action = event.action
    match action:
        case actions.Partition():
            what = f"partition {' | '.join(' '.join(group) for group in action.groups)}"
        case actions.Submit():
            what = f"{action.client} {asked(action.command)}"
        case actions.SetLink():
            what = f"change link {action.source} → {action.target}"
        case actions.Heal():
            what = "heal every link"
        case actions.ChangeMembership():
            what = f"change the membership: {members(Configuration(action.voters, learners=action.learners))}"
        case actions.TransferLeadership():
            what = f"transfer leadership to {action.target}"
        case actions.Crash(power_loss=False):
            what = f"kill the process of {action.server}"
        case actions.SetClockRate():
            what = f"let {action.server}'s clock run {action.rate:g}×"
        case _:
            what = f"{DEEDS.get(type(action), type(action).__name__.lower())} {action.server}"
    return f"you: {what}"


DEEDS: dict[type, str] = {
    actions.TimeOut: "time out",
    actions.CreateServer: "create",
    actions.TakeSnapshot: "take a snapshot of",
    actions.SetDisk: "change the disk of",
    actions.FlipBit: "flip a bit on the disk of",
}
"""What is done to one server, where the action's name is not the word for it."""

Line = Callable[[Any], str]

LINES: dict[type, tuple[str, Line]] = {
    events.RoleChanged: ("elections", role_changed),
    events.LeaderRecognized: ("elections", lambda e: f"{e.server} recognizes {e.leader} as leader of term {e.term}"),
    events.VoteGranted: ("elections", lambda e: f"{e.server} votes for {e.candidate} in term {e.term}"),
    events.VoteDenied: ("elections", vote_denied),
    events.VoteCounted: ("elections", vote_counted),
    events.PreVoteStarted: ("elections", lambda e: f"{e.server} asks whether it would win term {e.term}"),
    events.EntriesAppended: ("log", entries_appended),
    events.LogTruncated: ("log", lambda e: f"{e.server} removed what followed {e.last_index}: it conflicts with the leader's log"),
    events.AppendRefused: ("log", lambda e: f"{e.server} refuses entries of {e.leader} after {e.prev_log_index}: {e.reason.value}"),
    events.ProgressChanged: (
        "log",
        lambda e: f"{e.server} knows of {e.follower}: match {e.match_index}, next {e.next_index}, {e.state.value}",
    ),
    events.Committed: ("log", lambda e: f"{e.server} committed {e.index}"),
    events.TimerSet: ("elections", lambda e: f"{e.server} set its timer to {e.deadline_ms:,.0f} ms"),
    events.QuorumHeard: ("elections", lambda e: f"{e.server} heard from a majority; its lease lasts until {e.lease_until_ms:,.0f} ms"),
    events.ConfigurationChanged: ("membership", role_in_cluster),
    events.MembershipChangeEnded: (
        "membership",
        lambda e: f"{e.server} {'gave up the change of membership: ' + e.why if e.why else 'ended the change of membership'}",
    ),
    events.TransferStarted: ("elections", lambda e: f"{e.server} hands its leadership to {e.target}, until {e.deadline_ms:,.0f} ms"),
    events.TransferEnded: ("elections", transfer_ended),
    events.ReadStarted: ("clients", lambda e: f"{e.server} took in {e.client}'s read: it asks a majority, and waits for {e.read_index}"),
    events.ReadServed: ("clients", lambda e: f"{e.server} answered {e.client}'s read ({e.mode.value}) as of {e.index}"),
    events.SnapshotTaken: ("log", lambda e: f"{e.server} took a snapshot up to {e.last_included_index}, {e.size_bytes:,} bytes"),
    events.SnapshotInstalled: ("log", lambda e: f"{e.server} installed the leader's snapshot up to {e.last_included_index}"),
    events.SessionExpired: ("clients", lambda e: f"{e.server} forgot the session {e.session_id} of {e.client}"),
    events.Synced: ("log", synced),
    events.Applied: ("log", applied),
    events.Created: ("membership", lambda e: f"{e.server} was created, with an empty disk"),
    events.Crashed: ("faults", lambda e: f"{e.server} crashed: {'its machine lost power' if e.power_loss else 'its process alone'}"),
    events.Halted: ("faults", lambda e: f"{e.server} halted: {e.reason}"),
    events.Restarted: ("faults", restarted),
    events.ClockRateChanged: ("faults", lambda e: f"{e.server}'s clock runs {e.rate:g}×"),
    events.DiskChanged: ("faults", disk_changed),
    events.DiskDamaged: ("faults", lambda e: f"{e.server}'s disk is damaged: {e.what}"),
    events.Paused: ("faults", lambda e: f"{e.server} is paused"),
    events.Resumed: ("faults", lambda e: f"{e.server} goes on"),
    events.MessageSent: ("messages", lambda e: f"{e.source} → {e.target} {describe(e.message)}"),
    events.MessageDelivered: ("messages", lambda e: f"{e.target} received from {e.source}: {describe(e.message)}"),
    events.MessageDropped: ("messages", message_dropped),
    events.LinkChanged: ("faults", link_changed),
    events.Acted: ("faults", acted),
    events.Invoked: ("clients", lambda e: f"{e.client} asks {asked(e.command)}"),
    events.Completed: ("clients", outcome),
}
"""For each type of event: the kind that a person filters by, and the line."""


def line(event: AnyEvent) -> str:
    """An event as one line."""
    return LINES[type(event)][1](event)


def kind(event: AnyEvent) -> str:
    """The kind by which a person filters: messages, elections, log, membership, clients or faults."""
    return LINES[type(event)][0]


def concerns(event: AnyEvent) -> list[str]:
    """The servers and clients that the event is about, for the filter."""
    names = (getattr(event, field, None) for field in ("server", "source", "target", "client", "candidate", "leader", "follower"))
    return list(dict.fromkeys(name for name in names if name))
