"""What a custom rule has written into the state, held to what may stand there."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from raftcore.consensus.kinds import problem
from raftcore.consensus.progress import Progress, Reign
from raftcore.consensus.rule_errors import shown
from raftcore.consensus.state import Incoming, NodeState
from raftcore.vocabulary.durable import Snapshot
from raftcore.vocabulary.messages import ClientRequest, Entry
from raftcore.vocabulary.names import Index, ServerId

GIVEN = ("clock_rate", "config", "draw", "heartbeat_ms", "id", "lease_ms", "longest_ms", "now_ms", "shortest_ms", "spread_ms")
"""What a rule reads and never writes: who this server is, its configuration and its clock."""

KINDS: Mapping[str, Any] = {
    "voted_for": ServerId | None,
    "leader_id": ServerId | None,
    "snapshot": Snapshot | None,
    "installed": Snapshot | None,
    "incoming": Incoming | None,
    "reign": Reign | None,
    "votes": set[ServerId],
    "pre_votes": set[ServerId],
    "progress": dict[ServerId, Progress],
    "leaving": tuple[ServerId, ...],
    "reads": list[ClientRequest],
}
"""What a place of the state may hold; where it is not said here, a value of the kind that is there already."""

_PLACES = tuple(slot for slot in NodeState.__slots__ if slot not in GIVEN)
_CHANGES_WITHIN = {"votes", "pre_votes", "progress", "reign", "reads"}
_given, _places = attrgetter(*GIVEN), attrgetter(*_PLACES)


class Held:
    """What a state held before a rule was asked; where its log is written from is noted anew until `release`."""

    def __init__(self, me: NodeState) -> None:
        self._given, self._places = _given(me), _places(me)
        self._deadline_ms = me.deadline_ms
        self._log, self._entries, self._changed_from = me.log, me.log.entries, me.log.changed_from
        self._written_from: Index = 0
        me.log.changed_from = 0

    def release(self) -> None:
        """Let the log know again from where it has changed in this step; to be called also where the rule raised."""
        log = self._log
        self._written_from = log.changed_from
        if self._changed_from and log.entries is self._entries:  # else it was reset
            log.changed_from = min(self._written_from or self._changed_from, self._changed_from)

    def flaw(self, me: NodeState, known: tuple[Entry, ...]) -> str:
        """What was written and can't be, as "wrote me.commit_index = None; it must be an int"; "" where all can.

        known: entries that another server sent, which need no second look.
        """
        for name, was, now in zip(GIVEN, self._given, _given(me), strict=True):
            if was is not now:
                return f"wrote me.{name} = {shown(now)}; it is not for rules to write"
        for name, was, now in zip(_PLACES, self._places, _places(me), strict=True):
            if (was is not now or name in _CHANGES_WITHIN) and (flaw := _flaw_of_place(name, was, now)):
                return flaw
        if me.deadline_ms != self._deadline_ms and me.deadline_ms < me.now_ms:
            return f"wrote me.deadline_ms = {me.deadline_ms:,g}; it must not lie before now, {me.now_ms:,g} ms"
        return _flaw_of_log(me, self._written_from, known)


def _flaw_of_place(name: str, was: Any, now: Any) -> str:
    kind = KINDS.get(name) or (float if name.endswith("_ms") else Any if was is None else type(was))
    if isinstance(now, Reign):  # a variant of Raft may have one of its own kind
        kind = type(now)
    flaw = problem(kind)(now) or ("it must not be negative" if type(now) is int and now < 0 else "")
    if name == "progress" and type(now) is dict:
        return next((f"wrote into me.progress[{shown(key)}]: {it}" for key, value in now.items() if (it := _flaw_of_follower(value))), flaw)
    if not flaw:
        return ""
    return f"wrote into me.{name}: {flaw}" if flaw.startswith("its ") else f"wrote me.{name} = {shown(now)}; {flaw}"


def _flaw_of_follower(progress: Any) -> str:
    flaw = _PROGRESS(progress)
    if flaw or (progress.next_index >= 1 and progress.match_index >= 0):
        return flaw
    return f"its next_index is {progress.next_index} and its match_index {progress.match_index}; the first index of a log is 1"


_PROGRESS = problem(Progress)


def _flaw_of_log(me: NodeState, written_from: Index, known: tuple[Entry, ...]) -> str:
    """What is wrong with the entries that were written, and whether the log's own count of them is still true."""
    log = me.log
    if type(log.entries) is not list or log.base_index + len(log.entries) != log.last_index:
        return "wrote into me.log.entries; entries are written by me.log.append, me.log.merge and me.log.replace_from"
    written = log.after(written_from - 1, log.last_index) if written_from else ()
    if written and written == known[-len(written) :]:
        return ""
    find = problem(Entry)
    return next((f"wrote {shown(entry)} into me.log; {flaw}" for entry in written if (flaw := find(entry))), "")
