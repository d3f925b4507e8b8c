"""The tables of a run: which columns each of them has, in every run, and how such a table is made.

All times are simulated milliseconds since the start of the run. What has the same name in two tables means the same, so they join by it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from raftcore.recording.rows import Array

WORD, TEXT, COUNT, TIME, TRUTH = "category", "string", "Int64", "float64", "bool"


class Column(NamedTuple):
    """A column of a table: its pandas dtype, and what it says."""

    dtype: str
    meaning: str


Columns: TypeAlias = Mapping[str, Column]

EVENTS: Columns = {
    "at_ms": Column(TIME, "when it happened"),
    "kind": Column(WORD, "its class in raftcore.vocabulary.events"),
    "server": Column(WORD, "the server at which it happened"),
    "peer": Column(WORD, "the other server that it is about: leader, candidate, voter, follower, or who got the vote"),
    "source": Column(WORD, "where the message or the link comes from"),
    "target": Column(WORD, "where it goes to; to whom leadership is handed over"),
    "client": Column(WORD, "the client that asks"),
    "what": Column(WORD, "the role, the reason, the mode of a read, the state of a follower, or the message's class"),
    "term": Column(COUNT, "the term of the server, the election or the sender"),
    "index": Column(COUNT, "the place in the log: of the entry, of the first of several, or of the last that counts"),
    "entries": Column(COUNT, "how many log entries were appended, or are in the message"),
    "id": Column(COUNT, "the message"),
    "copy_of": Column(COUNT, "the message of which the network made this copy; 0: it is none"),
    "sequence_num": Column(COUNT, "the number of the client's command"),
    "size_bytes": Column(COUNT, "the size of the message or the snapshot, as MessagePack"),
    "until_ms": Column(TIME, "when the message arrives if nothing happens to it; when the timer, the lease or the transfer ends"),
}

MESSAGES: Columns = {
    "id": Column(COUNT, "the message"),
    "sent_at_ms": Column(TIME, "when it was sent"),
    "source": Column(WORD, "who sent it: a server or a client"),
    "target": Column(WORD, "to whom"),
    "kind": Column(WORD, "its class in raftcore.vocabulary.messages"),
    "term": Column(COUNT, "the sender's term, or that of the election it asks for; none for a client's message"),
    "entries": Column(COUNT, "how many log entries it carries; none unless it is an AppendEntries"),
    "size_bytes": Column(COUNT, "its size, as MessagePack"),
    "outcome": Column(WORD, "delivered, dropped, or in flight: the recording ends before it does"),
    "ended_at_ms": Column(TIME, "when it was delivered or dropped"),
    "flight_ms": Column(TIME, "how long it flew until then"),
    "reason": Column(WORD, "why it was dropped"),
    "copy_of": Column(COUNT, "the message of which the network made this copy"),
}

SERVERS: Columns = {
    "at_ms": Column(TIME, "from when on the server was like this; the next row of the same server says until when"),
    "server": Column(WORD, "the server"),
    "alive": Column(TRUTH, "whether it ran: False from a crash or halt to the restart"),
    "paused": Column(TRUTH, "whether it was frozen"),
    "role": Column(WORD, "follower, candidate or leader"),
    "term": Column(COUNT, "its term"),
    "commit_index": Column(COUNT, "up to where it knew the log to be committed; 0 while it is down"),
    "last_applied": Column(COUNT, "up to where its state machine had applied the log; 0 while it is down"),
    "last_index": Column(COUNT, "the length of its log, with what stands in its snapshot"),
}

LOG: Columns = {
    "server": Column(WORD, "in whose log the entry stood"),
    "index": Column(COUNT, "where"),
    "term": Column(COUNT, "the term in which a leader took it in"),
    "command": Column(TEXT, "the command as one types it; none for a leader's first entry and for a configuration"),
    "configuration": Column(
        TEXT, "the voters; behind | the voters to be while it is joint, behind + the learners, behind > the voters who will be learners"
    ),
    "client": Column(WORD, "whose command it is"),
    "sequence_num": Column(COUNT, "its number; below 0: the client asked for a session"),
    "proposed_at_ms": Column(TIME, "when the leader took it in, by the time that stands in the entry"),
    "appended_at_ms": Column(TIME, "when this server appended it"),
    "committed_at_ms": Column(TIME, "when this server first knew it committed"),
    "applied_at_ms": Column(TIME, "when this server's state machine first applied it"),
    "removed_at_ms": Column(TIME, "when it left this log again: truncated, lost in a crash, or replaced by a leader's snapshot"),
}

OPERATIONS: Columns = {
    "client": Column(WORD, "who asked"),
    "sequence_num": Column(COUNT, "the number of the client's command"),
    "operation": Column(WORD, "set, get, delete, append or cas"),
    "key": Column(TEXT, "the key"),
    "command": Column(TEXT, "the whole command, as one types it"),
    "called_at_ms": Column(TIME, "when the client began to ask"),
    "returned_at_ms": Column(TIME, "when it knew the outcome, or gave up"),
    "outcome": Column(WORD, "ok, failed: the state machine said no, unknown: the client gave up, or pending when the recording ends"),
    "value": Column(TEXT, "what was answered"),
    "index": Column(COUNT, "where in the log it stands; of a read that is no entry, up to where the log had been applied"),
    "attempts": Column(COUNT, "how many servers were asked"),
    "latency_ms": Column(TIME, "from call to return"),
}

ELECTIONS: Columns = {
    "term": Column(COUNT, "the term that was voted on"),
    "started_at_ms": Column(TIME, "when the first candidate stood"),
    "candidates": Column(TEXT, "who stood, in order of time"),
    "votes": Column(TEXT, "how many votes each of them counted, in the same order; who crashes and stands again counts anew"),
    "winner": Column(WORD, "who won"),
    "won_at_ms": Column(TIME, "when"),
    "duration_ms": Column(TIME, "from the first candidate to the victory"),
    "split": Column(TRUTH, "whether several stood and nobody won"),
}

OUTAGES: Columns = {
    "from_ms": Column(TIME, "since when no leader could reach a majority of its configuration"),
    "to_ms": Column(TIME, "until when; none: the recording ends before the outage does"),
    "duration_ms": Column(TIME, "how long that was"),
    "leader": Column(WORD, "who led before"),
    "next_leader": Column(WORD, "who led then"),
    "cause": Column(WORD, "what began it: the start of the run, the leader, a majority that was down or in a later term, or cut links"),
}

VIOLATIONS: Columns = {
    "property": Column(WORD, "what does not hold"),
    "at_ms": Column(TIME, "when that was seen"),
    "sentence": Column(TEXT, "what happened between whom"),
    "servers": Column(TEXT, "the servers that it is about"),
    "evidence": Column(TEXT, "the rows of the table of events that show it; the last is where it was seen"),
}

FRAMES: Mapping[str, Columns] = {
    "events": EVENTS,
    "messages": MESSAGES,
    "servers": SERVERS,
    "log": LOG,
    "operations": OPERATIONS,
    "elections": ELECTIONS,
    "outages": OUTAGES,
    "violations": VIOLATIONS,
}


def described(columns: Columns) -> str:
    """What stands in the columns, one line each, for a docstring."""
    return "\n".join(f"{name} ({column.dtype}): {column.meaning}" for name, column in columns.items())


# ---- making one


class Words(NamedTuple):
    """A column of words: places in `words`, -1 for none."""

    codes: Array
    words: Sequence[str]

    @classmethod
    def of(cls, codes: Iterable[int], words: Sequence[str]) -> "Words":
        """The column of these places."""
        return cls(np.array(list(codes), dtype=np.int32), words)


class Numbers(NamedTuple):
    """A column of whole numbers of which only some are there."""

    values: Array
    present: Array


def frame(columns: Columns, data: Mapping[str, Any]) -> pd.DataFrame:
    """The table with these columns and dtypes, whatever is in it."""
    return pd.DataFrame({name: _series(data[name], column.dtype) for name, column in columns.items()}, copy=False)


def _series(values: Any, dtype: str) -> Any:
    if isinstance(values, Words):
        return _category(values)
    if dtype == WORD:
        return _category(numbered(values))
    if isinstance(values, Numbers):
        return pd.arrays.IntegerArray(values.values, ~values.present)
    if dtype == COUNT and isinstance(values, np.ndarray):
        return pd.arrays.IntegerArray(values, np.zeros(len(values), dtype=bool))
    if dtype == TIME:
        return np.asarray(values, dtype=np.float64)  # None is NaN
    return pd.array(values, dtype=dtype)


def numbered(values: Iterable[str | None]) -> Words:
    """A column of words, from the words themselves."""
    numbers: dict[str | None, int] = {None: -1}
    codes = [numbers.setdefault(value, len(numbers) - 1) for value in values]
    return Words(np.array(codes, dtype=np.int32), list(numbers)[1:])  # type: ignore[arg-type]  # the first is None


def _category(column: Words) -> pd.Categorical:
    """Its categories are the words that stand in it, in order of name: S2 before S10."""
    used = np.flatnonzero(np.bincount(column.codes[column.codes >= 0], minlength=len(column.words))).tolist()
    ordered = sorted(used, key=lambda number: natural(column.words[number]))
    places = np.full(len(column.words) + 1, -1, dtype=np.int32)  # -1 is the last, and stays
    places[ordered] = np.arange(len(ordered))
    categories = pd.Index([column.words[number] for number in ordered], dtype="str")
    return pd.Categorical.from_codes(places[column.codes], categories=categories)


def natural(word: str) -> tuple[str, int, str]:
    """A key that sorts S2 before S10."""
    number = re.fullmatch(r"(\D*)(\d{1,9})", word)
    return (number[1], int(number[2]), word) if number else (word, 0, word)
