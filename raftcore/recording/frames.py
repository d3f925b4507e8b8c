"""The tables of a run: which columns each of them has, in every run, and how such a table is made.

All times are simulated milliseconds since the start of the run. What has the same name in two tables means the same, so they join by it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from raftcore.recording.columns import KINDS, shape_of
from raftcore.recording.rows import Array
from raftcore.vocabulary.messages import Message
from raftcore.vocabulary.names import Reason, Role

WORD, TEXT, COUNT, TIME, TRUTH = "category", "string", "Int64", "float64", "bool"


class Column(NamedTuple):
    """A column of a table: its pandas dtype, what it says, and the categories that it has in every run, if it has such."""

    dtype: str
    meaning: str
    words: tuple[str, ...] = ()


def word(meaning: str, words: Iterable[str]) -> Column:
    """A column of categories. They are the same in every run, so that pandas.concat keeps them."""
    return Column(WORD, meaning, tuple(sorted(words)))


def _values(kinds: Iterable[type[Enum]]) -> set[str]:
    return {value.value for kind in kinds for value in kind}


MESSAGE_ENDS = ("delivered", "dropped", "in flight")
MESSAGE_KINDS = tuple(kind.__name__ for kind in get_args(Message))
_SAID = _values(enum for kind in KINDS.values() for enum in shape_of(kind).enums.values())

Columns: TypeAlias = Mapping[str, Column]

EVENTS: Columns = {
    "at_ms": Column(TIME, "when it happened"),
    "kind": word("its class in raftcore.vocabulary.events", KINDS),
    "server": Column(TEXT, "the server at which it happened"),
    "peer": Column(TEXT, "the other server that it is about: leader, candidate, voter, follower, or who got the vote"),
    "source": Column(TEXT, "where the message or the link comes from"),
    "target": Column(TEXT, "where it goes to; to whom leadership is handed over"),
    "client": Column(TEXT, "the client that asks"),
    "what": word("the role, the reason, the mode of a read, the state of a follower, or the message's class", _SAID.union(MESSAGE_KINDS)),
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
    "source": Column(TEXT, "who sent it: a server or a client"),
    "target": Column(TEXT, "to whom"),
    "kind": word("its class in raftcore.vocabulary.messages", MESSAGE_KINDS),
    "term": Column(COUNT, "the sender's term, or that of the election it asks for; none for a client's message"),
    "entries": Column(COUNT, "how many log entries it carries; none unless it is an AppendEntries"),
    "size_bytes": Column(COUNT, "its size, as MessagePack"),
    "outcome": word("delivered, dropped, or in flight: the recording ends before it does", MESSAGE_ENDS),
    "ended_at_ms": Column(TIME, "when it was delivered or dropped"),
    "flight_ms": Column(TIME, "how long it flew until then"),
    "reason": word("why it was dropped", _values([Reason])),
    "copy_of": Column(COUNT, "the message of which the network made this copy"),
}

SERVERS: Columns = {
    "at_ms": Column(TIME, "from when on the server was like this; the next row of the same server says until when"),
    "server": Column(TEXT, "the server"),
    "alive": Column(TRUTH, "whether it ran: False from a crash or halt to the restart"),
    "paused": Column(TRUTH, "whether it was frozen"),
    "role": word("follower, candidate or leader", _values([Role])),
    "term": Column(COUNT, "its term"),
    "commit_index": Column(COUNT, "up to where it knew the log to be committed; 0 while it is down"),
    "last_applied": Column(COUNT, "up to where its state machine had applied the log; 0 while it is down"),
    "last_index": Column(COUNT, "the length of its log, with what stands in its snapshot"),
}

LOG: Columns = {
    "server": Column(TEXT, "in whose log the entry stood"),
    "index": Column(COUNT, "where"),
    "term": Column(COUNT, "the term in which a leader took it in"),
    "command": Column(TEXT, "the command as one types it; none for a leader's first entry and for a configuration"),
    "configuration": Column(
        TEXT, "the voters; behind | the voters to be while it is joint, behind + the learners, behind > the voters who will be learners"
    ),
    "client": Column(TEXT, "whose command it is"),
    "sequence_num": Column(COUNT, "its number; below 0: the client asked for a session"),
    "proposed_at_ms": Column(TIME, "when the leader took it in, by the time that stands in the entry"),
    "appended_at_ms": Column(TIME, "when this server appended it"),
    "committed_at_ms": Column(TIME, "when this server first knew it committed"),
    "applied_at_ms": Column(TIME, "when this server's state machine first applied it"),
    "removed_at_ms": Column(TIME, "when it left this log again; compaction does not count, since the server's own snapshot still has it"),
    "removed_by": word("why: conflict, crash or snapshot, as in run.removals", ("conflict", "crash", "snapshot")),
}

OPERATIONS: Columns = {
    "client": Column(TEXT, "who asked"),
    "sequence_num": Column(COUNT, "the number of the client's command"),
    "operation": word("set, get, delete, append or cas", ("set", "get", "delete", "append", "cas")),
    "key": Column(TEXT, "the key"),
    "command": Column(TEXT, "the whole command, as one types it"),
    "called_at_ms": Column(TIME, "when the client began to ask"),
    "returned_at_ms": Column(TIME, "when it knew the outcome, or gave up"),
    "outcome": word(
        "ok, failed: the state machine said no, unknown: the client gave up or cannot know, or pending when the recording ends",
        ("ok", "failed", "unknown", "pending"),
    ),
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
    "winner": Column(TEXT, "who won"),
    "won_at_ms": Column(TIME, "when"),
    "duration_ms": Column(TIME, "from the first candidate to the victory"),
    "split": Column(TRUTH, "whether several stood and nobody won"),
}

CAUSES = (
    "start", "leader crashed", "leader halted", "leader paused", "leader stepped down", "leader's disk stuck", "membership changed",
    "majority down", "majority in a later term", "majority's disks stuck", "links cut", "links too slow",
)  # fmt: skip

PRE_VOTES: Columns = {
    "server": Column(TEXT, "who asked whether it would win an election"),
    "term": Column(COUNT, "the term of the election that it asked about"),
    "started_at_ms": Column(TIME, "when it asked"),
    "granted": Column(COUNT, "how many pre-votes it counted, its own among them"),
    "denied": Column(COUNT, "how many servers refused theirs"),
    "outcome": word(
        "stood for election, asked again, heard a leader, later term: it was told of one, crashed, halted, or running: the recording ends",
        ("stood for election", "asked again", "heard a leader", "later term", "crashed", "halted", "running"),
    ),
    "ended_at_ms": Column(TIME, "when that was"),
    "duration_ms": Column(TIME, "how long the round lasted"),
}

REIGNS: Columns = {
    "leader": Column(TEXT, "who led"),
    "term": Column(COUNT, "the term in which it led"),
    "from_ms": Column(TIME, "when it became the leader"),
    "to_ms": Column(TIME, "until when it took itself for the leader; none: it leads when the recording ends"),
    "duration_ms": Column(TIME, "how long that was"),
    "ended_by": word(
        "later term: it was told of one, stepped down: in its own term, as by check-quorum, crashed, halted, or leads: the recording ends",
        ("later term", "stepped down", "crashed", "halted", "leads"),
    ),
    "commit_index": Column(COUNT, "up to where it committed the log; none: it committed nothing"),
}

REMOVALS: Columns = {
    "at_ms": Column(TIME, "when the entries left the log, or of a crash, when the restart found them gone"),
    "server": Column(TEXT, "whose log they left"),
    "first_index": Column(COUNT, "the first of them"),
    "last_index": Column(COUNT, "the last of them"),
    "entries": Column(COUNT, "how many they are"),
    "removed_by": word(
        "conflict: the leader's log has others there (§5.3), crash: they were not synced, snapshot: a leader's snapshot replaced the log, "
        "compaction: the server's own snapshot has them (§7)",
        ("conflict", "crash", "snapshot", "compaction"),
    ),
    "term": Column(COUNT, "the server's term then"),
    "leader": Column(TEXT, "whom it followed then"),
}

OUTAGES: Columns = {
    "from_ms": Column(TIME, "since when no leader could have committed an entry: none reached a majority that keeps and answers in time"),
    "to_ms": Column(TIME, "until when; none: the recording ends before the outage does"),
    "duration_ms": Column(TIME, "how long that was"),
    "leader": Column(TEXT, "who led before"),
    "next_leader": Column(TEXT, "who led then"),
    "cause": word("what began it: the start of the run, the leader, a majority that was down or in a later term, disks, or links", CAUSES),
}

VIOLATIONS: Columns = {
    "property": Column(TEXT, "what does not hold"),
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
    "pre_votes": PRE_VOTES,
    "elections": ELECTIONS,
    "reigns": REIGNS,
    "outages": OUTAGES,
    "removals": REMOVALS,
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
    return pd.DataFrame({name: _series(data[name], column) for name, column in columns.items()}, copy=False)


def frame_of(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of these rows; what a row does not name is absent."""
    return frame(columns, {name: [row.get(name) for row in rows] for name in columns})


def _series(values: Any, column: Column) -> Any:
    dtype = column.dtype
    if dtype == WORD:
        return _category(values if isinstance(values, Words) else numbered(values), column.words)
    if isinstance(values, Words):
        return _text(values)
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


def _category(column: Words, words: Sequence[str]) -> pd.Categorical:
    """Its categories are these words in every run; a word that is not among them, as of an older version, is one more."""
    used = np.flatnonzero(np.bincount(column.codes[column.codes >= 0], minlength=len(column.words))).tolist()
    categories = list(dict.fromkeys([*words, *(column.words[number] for number in used)]))
    number_of = {category: number for number, category in enumerate(categories)}
    places = np.array([*(number_of.get(name, -1) for name in column.words), -1], dtype=np.int32)  # -1 is the last, and stays
    return pd.Categorical.from_codes(places[column.codes], categories=pd.Index(categories, dtype="str"))


def _text(column: Words) -> Any:
    names = pa.DictionaryArray.from_arrays(pa.array(column.codes, mask=column.codes < 0), pa.array(column.words, pa.string()))
    return pd.array(names.cast(pa.string()), dtype=TEXT)


def natural(word: str) -> tuple[str, int, str]:
    """A key that sorts S2 before S10."""
    number = re.fullmatch(r"(\D*)(\d{1,9})", word)
    return (number[1], int(number[2]), word) if number else (word, 0, word)
