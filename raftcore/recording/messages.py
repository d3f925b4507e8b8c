"""The tables that stand close to the trace: one row an event, one row a message."""

from typing import Any

import numpy as np
import pandas as pd

from raftcore.recording.columns import WORDS
from raftcore.recording.frames import EVENTS, MESSAGE_ENDS, MESSAGES, TIME, Numbers, Words, frame
from raftcore.recording.rows import Array, Rows
from raftcore.vocabulary import events as ev


def events_frame(rows: Rows) -> pd.DataFrame:
    """One row an event."""
    data: dict[str, Any] = {}
    for name, column in EVENTS.items():
        if name in WORDS:
            data[name] = Words(rows.codes(name), rows.words(name))
        elif column.dtype == TIME:
            data[name] = rows.table.column(name).to_numpy()  # NaN where there is none
        else:
            data[name] = Numbers(rows.numbers(name), rows.present(name))
    return frame(EVENTS, data)


def messages_frame(rows: Rows) -> pd.DataFrame:
    """One row a message, in the order in which they were sent."""
    sent = rows.where(ev.MessageSent)
    ended = ends_of(rows, sent)
    ends = np.maximum(ended, 0)
    happened = ended >= 0
    at_ms, what = rows.numbers("at_ms"), rows.codes("what")
    dropped = happened & (what[ends] >= 0) if len(sent) else happened  # only a drop has a reason
    copy_of = rows.numbers("copy_of")[sent]
    data: dict[str, Any] = {name: Words(rows.codes(name)[sent], rows.words(name)) for name in ("source", "target")}
    data["kind"] = Words(what[sent], rows.words("what"))
    data["reason"] = Words(np.where(dropped, what[ends], -1), rows.words("what"))
    data["outcome"] = Words(np.where(dropped, 1, np.where(happened, 0, 2)), MESSAGE_ENDS)
    data |= {name: Numbers(rows.numbers(name)[sent], rows.present(name)[sent]) for name in ("id", "term", "entries", "size_bytes")}
    data["copy_of"] = Numbers(copy_of, copy_of > 0)
    data["sent_at_ms"] = at_ms[sent]
    data["ended_at_ms"] = np.where(happened, at_ms[ends], np.nan)
    data["flight_ms"] = data["ended_at_ms"] - data["sent_at_ms"]
    return frame(MESSAGES, data)


def ends_of(rows: Rows, sent: Array) -> Array:
    """For each message that was sent at these positions, the position of its delivery or drop; -1: it has not ended."""
    ended = rows.where(ev.MessageDelivered, ev.MessageDropped)
    ids = rows.numbers("id")
    found = np.full(len(sent), -1, dtype=np.int64)
    if len(sent) and len(ended):
        by_id = ended[np.argsort(ids[ended], kind="stable")]
        places = np.minimum(np.searchsorted(ids[by_id], ids[sent]), len(by_id) - 1)
        same = ids[by_id[places]] == ids[sent]
        found[same] = by_id[places[same]]
    return found
