"""Invariants of logs."""

from raftcore.checks.invariant import Invariant
from raftcore.checks.seeing import sees
from raftcore.checks.violation import Violation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import LEADER, Index


class LeaderAppendOnly(Invariant):
    """While a server leads, its log only grows: it neither removes nor overwrites anything."""

    name = "Leader Append-Only"
    section = "Figure 3"

    @sees(ev.LogTruncated)
    def truncated(self, at: int, event: ev.LogTruncated) -> Violation | None:
        return self._cut(at, event, event.last_index)

    @sees(ev.EntriesAppended)
    def appended(self, at: int, event: ev.EntriesAppended) -> Violation | None:
        return self._cut(at, event, event.first_index - 1)

    @sees(ev.SnapshotInstalled)
    def installed(self, at: int, event: ev.SnapshotInstalled) -> Violation | None:
        return None if event.kept else self._cut(at, event, event.last_included_index)

    def _cut(self, at: int, event: ev.ServerEvent, kept_index: Index) -> Violation | None:
        server = self.memory.servers[event.server]
        if server.role is not LEADER or kept_index >= server.last_index:
            return None
        sentence = (
            f"{event.server} led in term {server.term}, and removed the entries {kept_index + 1} … {server.last_index} of its own log"
        )
        return self.broken(at, event, sentence, (event.server,), server.role_at)
