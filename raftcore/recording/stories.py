"""The tables of what a run tells: clients' operations, and what broke an invariant."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from raftcore.checks.violation import Violation
from raftcore.recording.frames import OPERATIONS, VIOLATIONS, frame_of
from raftcore.recording.rows import Rows
from raftcore.statemachine.language import show_command
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.names import ClientId

OUTCOMES = {True: "ok", False: "failed", None: "unknown"}


# ---- operations


def operations_frame(rows: Rows) -> pd.DataFrame:
    """One row a client's command, in the order in which they were called."""
    found: dict[tuple[ClientId, int], dict[str, Any]] = {}
    for _, event in rows.events(ev.Invoked, ev.Completed):
        row = found.setdefault((event.client, event.sequence_num), {})
        if type(event) is ev.Invoked:
            row |= _called(event)
        else:
            row |= _returned(event)
    return frame_of(OPERATIONS, list(found.values()))


def _called(event: ev.Invoked) -> dict[str, Any]:
    return {
        "client": event.client,
        "sequence_num": event.sequence_num,
        "operation": type(event.command).__name__.lower(),
        "key": getattr(event.command, "key", None),
        "command": show_command(event.command),
        "called_at_ms": event.at_ms,
        "outcome": "pending",
    }


def _returned(event: ev.Completed) -> dict[str, Any]:
    return {
        "returned_at_ms": event.at_ms,
        "outcome": OUTCOMES[event.ok],
        "value": event.value,
        "index": event.index or None,
        "attempts": event.attempts,
        "latency_ms": event.latency_ms,
    }


# ---- violations


def violations_frame(violations: Iterable[Violation]) -> pd.DataFrame:
    """One row for each, in the order in which they were seen."""
    return frame_of(VIOLATIONS, [_violation(it) for it in violations])


def _violation(it: Violation) -> dict[str, Any]:
    servers, evidence = " ".join(it.servers), " ".join(map(str, it.evidence))
    return {"property": it.property, "at_ms": it.at_ms, "sentence": it.sentence, "servers": servers, "evidence": evidence}
