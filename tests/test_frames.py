"""The tables of a run say what its events say: each is compared with a plain walk over the trace."""

from collections import defaultdict
from math import isnan
from pathlib import Path

import pandas as pd
import pytest
from test_random_runs import RandomRun

from raftcore import Cluster, Role
from raftcore.recording import Recording, Told
from raftcore.recording.frames import FRAMES
from raftcore.recording.logs import show_configuration
from raftcore.statemachine.language import show_command
from raftcore.trace.fold import absorb, empty_view
from raftcore.trace.stream import Trace
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Get
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry

SEEDS = range(16)
RUNS: dict[int, Cluster] = {}
SORTED_BY = {
    "messages": "sent_at_ms", "log": "appended_at_ms", "operations": "called_at_ms", "elections": "started_at_ms", "outages": "from_ms",
    "pre_votes": "started_at_ms", "reigns": "from_ms",
}  # fmt: skip


def run_of(seed: int) -> Cluster:
    if seed not in RUNS:
        run = RandomRun(seed)
        run.trouble(rounds=80)
        RUNS[seed] = run.cluster
    return RUNS[seed]


def plain(table: pd.DataFrame) -> list[tuple]:
    """The rows, with None for what is absent."""
    return [tuple(None if pd.isna(value) else value for value in row) for row in table.itertuples(index=False, name=None)]


every_run = pytest.mark.parametrize("seed", SEEDS)


# ---- shapes


@pytest.mark.parametrize("name", FRAMES)
def test_an_empty_run_gives_an_empty_table_with_the_same_columns_and_dtypes(name: str) -> None:
    empty, full = getattr(Cluster(size=3, trace=True).fork(0).recording, name), getattr(run_of(3).recording, name)
    nothing = getattr(nothing_happened(), name)
    assert nothing.empty
    for table in (nothing, empty, full):
        assert {column: str(dtype) for column, dtype in table.dtypes.items()} == {
            column: description.dtype for column, description in FRAMES[name].items()
        }


def nothing_happened() -> Recording:
    cluster = Cluster(size=3)
    cluster.trace._events.clear()
    return Recording(cluster)


@every_run
def test_tables_are_sorted_by_time(seed: int) -> None:
    recording = run_of(seed).recording
    for name in FRAMES:
        assert getattr(recording, name)[SORTED_BY.get(name, "at_ms")].is_monotonic_increasing, name


def test_whoever_adds_a_column_adds_it_to_their_own_table() -> None:
    recording = run_of(3).recording
    mine = recording.events
    mine["mine"] = 1
    assert "mine" not in recording.events


def test_tables_grow_while_the_run_goes_on() -> None:
    cluster = Cluster(size=3, seed=7)
    recording = cluster.recording
    lengths = []
    for _ in range(3):
        cluster.run_for(400)
        lengths.append(len(recording.events))
        assert lengths[-1] == len(cluster.trace)
        assert recording.events.equals(Recording(cluster).events)
    assert lengths == sorted(set(lengths))


def test_the_help_of_a_table_says_what_stands_in_each_column() -> None:
    for name, columns in FRAMES.items():
        said = getattr(Recording, name).__doc__
        assert all(f"{column} ({description.dtype}): {description.meaning}" in said for column, description in columns.items())


# ---- events and messages


@every_run
def test_events_are_the_trace(seed: int) -> None:
    table, trace = run_of(seed).recording.events, run_of(seed).trace
    assert table["at_ms"].tolist() == [event.at_ms for event in trace]
    assert table["kind"].tolist() == [type(event).__name__ for event in trace]
    for row, event in zip(table.astype(object).itertuples(), trace, strict=True):
        for name in ("server", "source", "target", "client", "id", "sequence_num", "term"):
            if hasattr(event, name):
                assert getattr(row, name) == getattr(event, name)
        if isinstance(event, ev.MessageSent):
            assert row.what == type(event.message).__name__
        elif isinstance(event, ev.RoleChanged):
            assert row.what == event.role.value
        elif isinstance(event, ev.MessageDropped):
            assert row.what == event.reason.value


@every_run
def test_each_message_has_its_end(seed: int) -> None:
    trace = run_of(seed).trace
    ends = {event.id: event for event in trace if isinstance(event, ev.MessageDelivered | ev.MessageDropped)}
    expected = []
    for sent in trace:
        if isinstance(sent, ev.MessageSent):
            end = ends.get(sent.id)
            dropped = isinstance(end, ev.MessageDropped)
            entries = getattr(sent.message, "entries", None)
            expected.append((
                sent.id, sent.at_ms, sent.source, sent.target, type(sent.message).__name__,
                getattr(sent.message, "next_term", getattr(sent.message, "term", None)), None if entries is None else len(entries),
                "dropped" if dropped else "delivered" if end else "in flight", end.at_ms if end else None,
                end.at_ms - sent.at_ms if end else None, end.reason.value if dropped else None, sent.copy_of or None,
            ))  # fmt: skip
    assert plain(run_of(seed).recording.messages.drop(columns="size_bytes")) == expected


# ---- servers and logs


@every_run
def test_the_servers_state_is_that_of_the_views(seed: int) -> None:
    cluster = run_of(seed)
    expected: list[tuple] = []
    last: dict[str, tuple] = {}
    view = empty_view(cluster.trace.server_ids)
    for event in cluster.trace:
        view = absorb(view, event)
        server = view.servers.get(getattr(event, "server", ""))
        if server is None:
            continue
        state = (
            server.alive, server.paused, server.role.value, server.current_term, server.commit_index, server.last_applied,
            server.log.last_index,
        )  # fmt: skip
        if last.get(server.id) != state:
            last[server.id] = state
            expected.append((event.at_ms, server.id, *state))
    assert plain(cluster.recording.servers) == expected


@every_run
def test_the_entries_that_stand_are_those_of_the_logs(seed: int) -> None:
    """At the end, and after each of some moments: what was appended and not removed, above the snapshot, is the log."""
    cluster = run_of(seed)
    table = cluster.recording.log
    for share in (0.3, 0.7, 1.0):
        at_ms = cluster.now_ms * share
        view = cluster.trace.view_at(at_ms)
        standing = table[(table["appended_at_ms"] <= at_ms) & ~(table["removed_at_ms"] <= at_ms)]
        for server in view.servers.values():
            rows = standing[(standing["server"] == server.id) & (standing["index"] > server.log.base_index)]
            by_index = rows.drop_duplicates("index", keep="last").sort_values("index")
            assert by_index["index"].tolist() == list(range(server.log.base_index + 1, server.log.last_index + 1))
            assert by_index["term"].tolist() == [entry.term for entry in server.log]
            assert by_index["proposed_at_ms"].tolist() == [entry.at_ms for entry in server.log]
            told = [told_of(entry.command) for entry in server.log]
            assert plain(by_index[["command", "configuration"]]) == told


def told_of(command: object) -> tuple[str | None, str | None]:
    if isinstance(command, Configuration):
        return None, show_configuration(command)
    return (None if command is None else show_command(command)), None


@every_run
def test_an_entry_is_committed_and_applied_when_its_server_says_so(seed: int) -> None:
    cluster = run_of(seed)
    committed, applied = defaultdict(list), defaultdict(list)
    for event in cluster.trace:
        if isinstance(event, ev.Committed):
            committed[event.server].append((event.at_ms, event.index))
        elif isinstance(event, ev.Applied):
            applied[event.server, event.index].append(event.at_ms)
    for row in cluster.recording.log.itertuples():
        over_ms = row.removed_at_ms if not isnan(row.removed_at_ms) else cluster.now_ms
        first = next((at for at, index in committed[row.server] if row.appended_at_ms <= at <= over_ms and index >= row.index), None)
        if isnan(row.committed_at_ms):
            assert first is None or first == over_ms
        else:
            assert row.committed_at_ms == first
        if not isnan(row.applied_at_ms):
            assert row.applied_at_ms in applied[row.server, row.index]
            assert row.applied_at_ms >= row.committed_at_ms


def test_a_snapshot_removes_what_was_not_committed_and_nothing_that_was() -> None:
    entries = (Entry(1), Entry(1), Entry(1))
    events = [
        ev.EntriesAppended(1.0, "S1", 1, entries),
        ev.Committed(2.0, "S1", 2),
        ev.SnapshotInstalled(3.0, "S1", last_included_index=3, last_included_term=2, kept=False, data=b""),
    ]
    log = Recording(Told(Trace(("S1",), events), Cluster(size=1).scenario)).log
    assert log["committed_at_ms"].notna().tolist() == [True, True, False]
    assert log["removed_at_ms"].notna().tolist() == [False, False, True]


# ---- stories


@every_run
def test_operations_are_what_clients_asked_for(seed: int) -> None:
    trace = run_of(seed).trace
    ends = {(event.client, event.sequence_num): event for event in trace if isinstance(event, ev.Completed)}
    words = {True: "ok", False: "failed", None: "unknown"}
    expected = []
    for call in trace:
        if isinstance(call, ev.Invoked):
            end = ends.get((call.client, call.sequence_num))
            expected.append((
                call.client, call.sequence_num, type(call.command).__name__.lower(), call.command.key, show_command(call.command),
                call.at_ms, *((end.at_ms, words[end.ok], end.value, end.index or None, end.attempts, end.latency_ms) if end
                              else (None, "pending", None, None, None, None)),
            ))  # fmt: skip
    assert plain(run_of(seed).recording.operations) == expected


@every_run
def test_elections_are_the_terms_in_which_somebody_stood(seed: int) -> None:
    trace = run_of(seed).trace
    for row in run_of(seed).recording.elections.itertuples():
        roles = [event for event in trace if isinstance(event, ev.RoleChanged) and event.term == row.term]
        stood = [event for event in roles if event.role is Role.CANDIDATE]
        votes = []
        for candidate in row.candidates.split():  # one who crashes and stands again in the same term counts anew
            since = max(at for at, event in enumerate(trace) if event in stood and event.server == candidate)
            counted = [event for event in trace[since:] if isinstance(event, ev.VoteCounted) and not event.pre_vote]
            votes.append(sum(event.server == candidate and event.term == row.term for event in counted))
        won = [event for event in roles if event.role is Role.LEADER]
        assert row.candidates.split() == list(dict.fromkeys(event.server for event in stood))
        assert row.started_at_ms == stood[0].at_ms
        assert row.votes == " ".join(map(str, votes))
        assert row.split == (len(votes) > 1 and not won)
        if won:
            assert (row.winner, row.won_at_ms) == (won[0].server, won[0].at_ms)
            assert row.duration_ms == won[0].at_ms - stood[0].at_ms
        else:
            assert isnan(row.won_at_ms)


def test_nobody_stands_for_election_unseen() -> None:
    for seed in SEEDS:
        terms = {event.term for event in run_of(seed).trace if isinstance(event, ev.RoleChanged) and event.role is Role.CANDIDATE}
        assert set(run_of(seed).recording.elections["term"]) == terms


# ---- joins


def test_names_join() -> None:
    """Which messages carried what, who led when a command was answered: by columns of the same name."""
    cluster = Cluster(size=5, seed=3)
    cluster.client("C1").set("x", "1")
    recording = cluster.recording
    answered = recording.operations.merge(recording.log, on=["index", "client", "sequence_num"])
    assert len(answered) >= 3
    assert set(answered["command_x"]) == set(answered["command_y"]) == {"SET x 1"}
    led = answered.merge(recording.elections, on="term")
    assert set(led["winner"]) == {cluster.leader}
    delivered = recording.events[recording.events["kind"] == "MessageDelivered"].merge(recording.messages, on="id")
    assert (delivered["at_ms"] == delivered["ended_at_ms"]).all()


def test_a_read_has_an_index_but_no_entry() -> None:
    cluster = Cluster(size=3, seed=3)
    cluster.client("C1").set("x", "1")
    answer = cluster.client("C1").get("x")
    read = cluster.recording.operations.iloc[-1]
    assert (read["operation"], read["value"], read["index"]) == ("get", "1", answer.index)
    assert show_command(Get("x")) not in set(cluster.recording.log["command"].dropna())


# ---- the page


def section(name: str) -> str:
    """What docs/data.md says of a table."""
    head = (getattr(Recording, name).__doc__ or "").splitlines()[0]
    rows = [f"| `{column}` | {it.dtype} | {it.meaning} |" for column, it in FRAMES[name].items()]
    return "\n".join([f"## run.{name}", "", head, "", "| column | dtype | meaning |", "| --- | --- | --- |", *rows, ""])


@pytest.mark.parametrize("name", FRAMES)
def test_the_page_about_data_says_what_the_tables_are(name: str) -> None:
    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    assert section(name) in page, f"docs/data.md should say:\n{section(name)}"
