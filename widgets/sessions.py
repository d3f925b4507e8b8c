"""What servers remember of clients, how reads that wait find their answer, and how long the leader's lease lasts.

Rows are capped, and the sessions that are shown are the latest of the leader, so a picture costs the same with many clients.
"""

from heapq import nlargest
from itertools import islice

from raftcore.trace.run import Run
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.events import ReadServed, ReadStarted
from raftcore.vocabulary.names import ServerId
from widgets.frame import Frame
from widgets.part import Part, Picture, together

MOST_ROWS = 6
SOUGHT = 200

SESSIONS = "A server keeps each client's latest number and answer, so that a command that is sent twice is applied once (thesis 6.3)."
LEASE = "Until its lease ends the leader may answer reads without asking, if clocks run almost alike (thesis 6.4.1)."
SERVED = {
    ReadMode.READ_INDEX: "a majority said that it still leads (thesis 6.4)",
    ReadMode.LEASE: "its lease said that it still leads (thesis 6.4.1)",
    ReadMode.STALE: "asked nobody: this may be old (thesis 6.4)",
}


class Sessions(Part):
    """Sessions, reads and the lease."""

    _esm = together("kit.js", "sessions.js")
    _css = together("kit.css", "sessions.css")

    def __init__(self, run: Run | None = None) -> None:
        self._served: list[ReadServed] = []
        self._jump = 0
        super().__init__(run)

    def draw(self, frame: Frame) -> Picture:
        view = frame.view
        leader = view.latest_leader
        known = self._served if frame.jump == self._jump else []
        self._served = [*known, *(event for event in frame.events if type(event) is ReadServed)][-MOST_ROWS:]
        self._jump = frame.jump
        waiting = [waits(leader, read) for read in islice(leader.reads.values(), MOST_ROWS)] if leader else []
        return {
            "servers": list(view.servers),
            "sessions": sessions(view, leader, frame.config.session_timeout_ms),
            "more": max(0, len(leader.sessions) - MOST_ROWS) if leader else 0,
            "reads": (waiting + [tells(event) for event in reversed(self._served)])[:MOST_ROWS],
            "lease": lease(view, leader),
            "said": {"sessions": SESSIONS, "lease": LEASE},
        }

    def still(self, view: ClusterView) -> str:
        return ""  # Reads and leases last for moments.


def sessions(view: ClusterView, leader: ServerView | None, timeout_ms: float) -> list[Picture]:
    """The sessions that were active last, as the leader remembers them, and who remembers something else."""
    if leader is None:
        return []
    some = islice(leader.sessions.items(), SOUGHT)
    rows = []
    for number, session in nlargest(MOST_ROWS, some, key=lambda item: (item[1].active_at_ms, item[0])):
        others = {server.id: server.sessions.get(number) for server in view.servers.values() if server.alive}
        rows.append(
            {
                "client": session.client,
                "number": number,
                "sequence_num": session.sequence_num,
                "active_ms": session.active_at_ms,
                "left_ms": max(0.0, session.active_at_ms + timeout_ms - view.at_ms),
                "unlike": [name for name, other in others.items() if other != session],
            }
        )
    return rows


def waits(leader: ServerView, read: ReadStarted) -> str:
    """What a read waits for, and how much of that there is (thesis 6.4, steps 2 to 4)."""
    groups = voter_groups(leader.configuration)
    heard = " and ".join(f"{sum(answered(leader, voter, read.round) for voter in voters)} of {len(voters)}" for voters in groups)
    return (
        f"{read.client}'s read {read.sequence_num} waits at {leader.id} for round {read.round}: {heard} answered, a majority must; then "
        f"for index {read.read_index} to be applied ({leader.last_applied} is). A leader must know that it still leads (thesis 6.4)."
    )


def answered(leader: ServerView, voter: ServerId, number: int) -> bool:
    """Whether this voter has told the leader that it follows it in this round of heartbeats; of itself the leader knows."""
    return voter == leader.id or leader.answered.get(voter, 0) >= number


def tells(read: ReadServed) -> str:
    why = SERVED.get(read.mode, "it went through the log, as a write does (thesis 6.4)")
    return f"{read.client}'s read {read.sequence_num} ({read.mode.value}) was answered by {read.server} as of index {read.index}: {why}."


def lease(view: ClusterView, leader: ServerView | None) -> Picture | None:
    """How much of the leader's lease is left, in milliseconds and as a share."""
    if leader is None or leader.quorum_heard_ms is None or leader.lease_until_ms is None:
        return None
    left_ms, whole_ms = max(0.0, leader.lease_until_ms - view.at_ms), leader.lease_until_ms - leader.quorum_heard_ms
    return {"leader": leader.id, "left_ms": left_ms, "share": min(1.0, left_ms / whole_ms) if whole_ms > 0 else 0.0}
