"""The tables of leadership: elections, the pre-vote rounds before them, and who led when."""

from bisect import bisect_left
from typing import Any

import pandas as pd
from msgspec import Struct

from raftcore.recording.frames import ELECTIONS, PRE_VOTES, REIGNS, frame_of
from raftcore.recording.rows import Rows
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import CANDIDATE, LEADER, Index, ServerId, Term

# ---- elections


class _Election(Struct):
    started_at_ms: float
    votes: dict[ServerId, int]  # by candidate, in the order in which they stood
    winner: ServerId | None = None
    won_at_ms: float | None = None


def elections_frame(rows: Rows) -> pd.DataFrame:
    """One row for each term in which somebody stood for election, in order of time."""
    elections: dict[Term, _Election] = {}
    for _, event in rows.events(ev.RoleChanged, ev.VoteCounted):
        if type(event) is ev.VoteCounted:
            if not event.pre_vote and event.term in elections:
                elections[event.term].votes[event.server] += 1
        elif event.role is CANDIDATE:
            elections.setdefault(event.term, _Election(event.at_ms, {})).votes[event.server] = 0
        elif event.role is LEADER and event.term in elections and elections[event.term].winner is None:
            elections[event.term].winner, elections[event.term].won_at_ms = event.server, event.at_ms
    return frame_of(ELECTIONS, [_election(term, it) for term, it in elections.items()])


def _election(term: Term, it: _Election) -> dict[str, Any]:
    return {
        "term": term,
        "started_at_ms": it.started_at_ms,
        "candidates": " ".join(it.votes),
        "votes": " ".join(map(str, it.votes.values())),
        "winner": it.winner,
        "won_at_ms": it.won_at_ms,
        "duration_ms": it.won_at_ms - it.started_at_ms if it.won_at_ms is not None else None,
        "split": len(it.votes) > 1 and it.winner is None,
    }


# ---- pre-vote


def pre_votes_frame(rows: Rows) -> pd.DataFrame:
    """One row for each time that a server asked for pre-votes, in order of time (thesis 9.6)."""
    rounds: list[dict[str, Any]] = []
    running: dict[ServerId, dict[str, Any]] = {}
    kinds = (ev.PreVoteStarted, ev.VoteCounted, ev.VoteDenied, ev.RoleChanged, ev.LeaderRecognized, ev.Crashed, ev.Halted)
    for _, event in rows.events(*kinds):
        if type(event) is ev.VoteCounted or type(event) is ev.VoteDenied:
            _count(running.get(event.candidate if type(event) is ev.VoteDenied else event.server), event)
            continue
        if (ended := running.pop(event.server, None)) is not None:
            ended |= {
                "outcome": _outcome(event),
                "ended_at_ms": event.at_ms,
                "duration_ms": event.at_ms - ended["started_at_ms"],
            }
        if type(event) is ev.PreVoteStarted:
            running[event.server] = {
                "server": event.server, "term": event.term, "started_at_ms": event.at_ms, "granted": 0, "denied": 0, "outcome": "running",
            }  # fmt: skip
            rounds.append(running[event.server])
    return frame_of(PRE_VOTES, rounds)


def _count(asked: dict[str, Any] | None, event: ev.VoteCounted | ev.VoteDenied) -> None:
    """Count a pre-vote that was granted or denied in this round."""
    if asked is not None and event.pre_vote and event.term == asked["term"]:
        asked["granted" if type(event) is ev.VoteCounted else "denied"] += 1


def _outcome(event: Any) -> str:
    """How a round ended: by what its server did next."""
    match event:
        case ev.PreVoteStarted():
            return "asked again"
        case ev.RoleChanged():
            return "stood for election" if event.role is CANDIDATE else "later term"
        case ev.LeaderRecognized():
            return "heard a leader"
    return _down(event)


def _down(event: Any) -> str:
    return "crashed" if type(event) is ev.Crashed else "halted"


# ---- reigns


def reigns_frame(rows: Rows) -> pd.DataFrame:
    """One row for each leader of a term, in order of time."""
    reigns: list[dict[str, Any]] = []
    running: dict[ServerId, dict[str, Any]] = {}
    commits = _Commits(rows)
    for position, event in rows.events(ev.RoleChanged, ev.Crashed, ev.Halted):
        if (reign := running.pop(event.server, None)) is not None:
            reign |= {"to_ms": event.at_ms, "duration_ms": event.at_ms - reign["from_ms"], "ended_by": _end(event, reign["term"])}
            reign["commit_index"] = commits.between(event.server, reign["position"], position)
        if type(event) is ev.RoleChanged and event.role is LEADER:
            reign = {"leader": event.server, "term": event.term, "from_ms": event.at_ms, "ended_by": "leads", "position": position}
            running[event.server] = reign
            reigns.append(reign)
    for reign in running.values():
        reign["commit_index"] = commits.between(reign["leader"], reign["position"], len(rows))
    return frame_of(REIGNS, reigns)


class _Commits:
    """Up to where each server committed. Without their events, of which there are many."""

    def __init__(self, rows: Rows) -> None:
        self._index = rows.numbers("index")
        at = rows.where(ev.Committed)
        codes = rows.codes("server")[at]
        self._at = {server: at[codes == code] for code, server in enumerate(rows.words("server"))}

    def between(self, server: ServerId, begin: int, end: int) -> Index | None:
        """The last index that this server committed between two positions; None where it committed nothing."""
        at = self._at[server]
        last = bisect_left(at, end) - 1
        return int(self._index[at[last]]) if last >= 0 and at[last] > begin else None


def _end(event: Any, term: Term) -> str:
    """What ended a reign."""
    if type(event) is ev.RoleChanged:
        return "stepped down" if event.term == term else "later term"
    return _down(event)
