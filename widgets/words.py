"""Things of the field in words: commands, messages and events, one short line each.

What a student typed is shortened here and stays plain text; nothing in this file is markup.
"""

from collections.abc import Callable
from typing import Any, assert_never

from raftcore.vocabulary import actions, events
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, Set
from raftcore.vocabulary.events import AnyEvent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import (
    AppendEntries,
    AppendEntriesReply,
    ClientReply,
    ClientRequest,
    Entry,
    Message,
    RequestVote,
    RequestVoteReply,
)
from raftcore.vocabulary.names import Role

LONGEST = 200
CUT = "cut"


def clip(text: str, limit: int = LONGEST) -> str:
    """The text, or its beginning and an ellipsis: `limit` characters at most.

    >>> clip("consensus", 5)
    'cons…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def short(command: Command | None, limit: int = 12) -> str:
    """A command as it stands in a log entry's box.

    >>> short(Set("x", "1")), short(Append("x", "a")), short(Cas("x", "1", "2")), short(None)
    ('x=1', 'x+=a', 'x:1→2', 'no-op')
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
        case _:
            assert_never(command)
    return clip(text, limit)


def asked(command: Command) -> str:
    """A command as a client asks for it: "set y=2", "get x"."""
    verb = "" if isinstance(command, Get | Delete) else f"{type(command).__name__.lower()} "
    return verb + short(command, 40)


def full_entry(entry: Entry) -> str:
    """A log entry with all that it holds, for a tooltip."""
    whose = f", asked by {entry.client_id} (its {entry.sequence_num}.)" if entry.client_id else ""
    return f"{short(entry.command, LONGEST)} — term {entry.term}{whose}"


def sign(good: bool) -> str:
    """How a reply's mark says yes or no."""
    return "+" if good else "−"


def describe(message: Message) -> str:
    """A message and its fields, without who sent it."""
    match message:
        case RequestVote():
            return f"RequestVote, term {message.term}, last entry {message.last_log_index} of term {message.last_log_term}"
        case RequestVoteReply():
            why = f", {message.reason.value}" if message.reason else ""
            return f"RequestVote reply {sign(message.vote_granted)}, term {message.term}{why}"
        case AppendEntries():
            what = carried(message.entries)
            return f"{what}, term {message.term}, prev {message.prev_log_index}/{message.prev_log_term}, commit {message.leader_commit}"
        case AppendEntriesReply(success=True):
            return f"AppendEntries reply + match {message.match_index}"
        case AppendEntriesReply():
            why = message.reason.value if message.reason else "refused"
            return f"AppendEntries reply − {why} at {message.prev_log_index}"
        case ClientRequest():
            return f"asks {asked(message.command)}"
        case ClientReply():
            return client_reply(message)
        case _:
            assert_never(message)


def carried(entries: tuple[Entry, ...]) -> str:
    """What an AppendEntries carries: the first few commands by name."""
    if not entries:
        return "heartbeat"
    named = " ".join(short(entry.command) for entry in entries[:3])
    rest = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return f"AppendEntries {named}{rest}"


def client_reply(reply: ClientReply) -> str:
    """A server's answer to a client."""
    if reply.reason is not None:
        hint = f"ask {reply.leader_id}" if reply.leader_id else "knows no leader"
        return f"{reply.reason.value}: {hint}"
    value = f", value {clip(reply.value, 40)}" if reply.value is not None else ""
    return f"answers {'ok' if reply.ok else 'refused'}{value}, index {reply.index}"


def outcome(done: events.Completed) -> str:
    """A client's command and how it ended: "C1 set x=1 → ok, index 5, 31 ms"."""
    what = f"{done.client} {asked(done.command)} →"
    if done.ok is None:
        return f"{what} unknown: gave up after {done.latency_ms:,.0f} ms"
    value = f" {clip(done.value, 40)}" if done.value is not None else ""
    return f"{what} {'ok' if done.ok else 'refused'}{value}, index {done.index}, {done.latency_ms:,.0f} ms"


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


def message_dropped(event: events.MessageDropped) -> str:
    return f"{event.source} → {event.target} dropped ({event.reason.value}): {describe(event.message)}"


def link_changed(event: events.LinkChanged) -> str:
    link = event.link
    said = faults(link, link.delay_ms) or ["up"]
    return f"link {event.source} → {event.target}: {', '.join(said)}, {span(link.delay_ms)}"


def acted(event: events.Acted) -> str:
    action = event.action
    match action:
        case actions.Partition():
            return f"you: partition {' | '.join(' '.join(group) for group in action.groups)}"
        case actions.Submit():
            return f"you: {action.client} {asked(action.command)}"
        case actions.SetLink():
            return f"you: change link {action.source} → {action.target}"
        case actions.Heal():
            return "you: heal every link"
        case _:
            verb = "time out" if isinstance(action, actions.TimeOut) else type(action).__name__.lower()
            return f"you: {verb} {action.server}"


Line = Callable[[Any], str]

LINES: dict[type, tuple[str, Line]] = {
    events.RoleChanged: ("elections", role_changed),
    events.LeaderRecognized: ("elections", lambda e: f"{e.server} recognizes {e.leader} as leader of term {e.term}"),
    events.VoteGranted: ("elections", lambda e: f"{e.server} votes for {e.candidate} in term {e.term}"),
    events.VoteDenied: ("elections", lambda e: f"{e.server} refuses its vote to {e.candidate}: {e.reason.value}"),
    events.VoteCounted: ("elections", lambda e: f"{e.server} holds the vote of {e.voter} in term {e.term}"),
    events.EntriesAppended: ("log", entries_appended),
    events.LogTruncated: ("log", lambda e: f"{e.server} removed what followed {e.last_index}: it conflicts with the leader's log"),
    events.AppendRefused: ("log", lambda e: f"{e.server} refuses entries of {e.leader} after {e.prev_log_index}: {e.reason.value}"),
    events.ProgressChanged: ("log", lambda e: f"{e.server} knows of {e.follower}: match {e.match_index}, next {e.next_index}"),
    events.Committed: ("log", lambda e: f"{e.server} committed {e.index}"),
    events.TimerSet: ("elections", lambda e: f"{e.server} set its timer to {e.deadline_ms:,.0f} ms"),
    events.Synced: ("log", lambda e: f"{e.server} synced its disk up to {e.last_index}"),
    events.Applied: ("log", applied),
    events.Crashed: ("faults", lambda e: f"{e.server} crashed"),
    events.Restarted: ("faults", lambda e: f"{e.server} restarted from its disk with {e.kept_index + len(e.entries)} entries"),
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
    """The kind by which a person filters: messages, elections, log, clients or faults."""
    return LINES[type(event)][0]


def concerns(event: AnyEvent) -> list[str]:
    """The servers and clients that the event is about, for the filter."""
    names = (getattr(event, field, None) for field in ("server", "source", "target", "client", "candidate", "leader", "follower"))
    return list(dict.fromkeys(name for name in names if name))
