"""The tables of pre-vote rounds, reigns and removals, each compared with a plain walk over the trace; and tables of several runs in one."""

import itertools
from collections import defaultdict
from math import isnan

import pandas as pd
import pytest
from test_frames import every_run, plain, run_of

from raftcore import Cluster, Config, Role
from raftcore.recording.frames import FRAMES
from raftcore.trace.fold import absorb, empty_view
from raftcore.vocabulary import events as ev

# ---- pre-votes


@every_run
def test_a_pre_vote_round_lasts_as_long_as_its_server_asks(seed: int) -> None:
    """Its server holds pre-votes in the views from its beginning to its end, but where it gave way to another."""
    cluster = run_of(seed)
    table = cluster.recording.pre_votes
    started = [(event.server, event.term, event.at_ms) for event in cluster.trace if isinstance(event, ev.PreVoteStarted)]
    assert plain(table[["server", "term", "started_at_ms"]]) == started
    granted, denied = defaultdict(int), defaultdict(int)
    latest: dict[str, int] = {}
    numbers = itertools.count()  # a server that restarts at once may ask twice in one instant
    for event in cluster.trace:
        if isinstance(event, ev.PreVoteStarted):
            latest[event.server] = next(numbers)
        elif isinstance(event, ev.VoteCounted) and event.pre_vote:
            granted[latest[event.server]] += 1
        elif isinstance(event, ev.VoteDenied) and event.pre_vote and event.candidate in latest:
            row = latest[event.candidate]
            ended_ms = table["ended_at_ms"][row]
            denied[row] += event.term == started[row][1] and not event.at_ms > ended_ms
    assert table["granted"].tolist() == [granted[row] for row in range(len(table))]
    assert table["denied"].tolist() == [denied[row] for row in range(len(table))]


@every_run
def test_who_stood_for_election_had_asked_or_was_told_to(seed: int) -> None:
    cluster = run_of(seed)
    table = cluster.recording.pre_votes
    stood = {(e.server, e.term, e.at_ms) for e in cluster.trace if isinstance(e, ev.RoleChanged) and e.role is Role.CANDIDATE}
    for row in table[table["outcome"] == "stood for election"].itertuples():
        assert (row.server, row.term, row.ended_at_ms) in stood
        assert row.granted >= 1
    running = table[table["outcome"] == "running"]
    assert running["ended_at_ms"].isna().all()
    assert not running["server"].duplicated().any()


def test_each_end_of_a_pre_vote_round_occurs() -> None:
    outcomes = pd.concat([run_of(seed).recording.pre_votes for seed in range(16)])["outcome"]
    assert {"stood for election", "asked again", "heard a leader", "later term", "crashed"} <= set(outcomes)


# ---- reigns


@every_run
def test_a_reign_lasts_as_long_as_its_leader_believes_it_leads(seed: int) -> None:
    cluster = run_of(seed)
    expected: list[list] = []
    leads: dict[str, int] = {}
    view = empty_view(cluster.trace.server_ids)
    for event in cluster.trace:
        view = absorb(view, event)
        for server in [view.servers[event.server]] if hasattr(event, "server") and event.server in view.servers else []:
            if server.role is Role.LEADER and server.id not in leads:
                leads[server.id] = len(expected)
                expected.append([server.id, server.current_term, event.at_ms, None, None])
            elif server.role is not Role.LEADER and server.id in leads:
                expected[leads.pop(server.id)][3] = event.at_ms
            if server.id in leads and isinstance(event, ev.Committed):
                expected[leads[server.id]][4] = event.index
    table = cluster.recording.reigns
    assert plain(table[["leader", "term", "from_ms", "to_ms", "commit_index"]]) == list(map(tuple, expected))
    assert table["to_ms"].isna().tolist() == (table["ended_by"] == "leads").tolist()
    assert set(table["term"]) <= set(cluster.recording.elections["term"])


def test_a_reign_says_what_ended_it() -> None:
    cluster = Cluster(size=3, seed=7)
    cluster.run_until(lambda view: view.leader)
    cluster.isolate(cluster.leader)
    cluster.run_for(1_000)  # check-quorum
    cluster.heal()
    cluster.run_for(500)
    cluster.transfer_leadership(next(server for server in cluster.server_ids if server != cluster.leader))
    cluster.run_for(500)
    cluster.crash(cluster.leader)
    cluster.run_until(lambda view: view.leader)
    cluster.run_for(500)
    cluster.disk(cluster.leader, sync_fails=True)
    cluster.submit("C1", "SET x 1", through=cluster.leader)
    cluster.run_for(1_000)
    assert cluster.recording.reigns["ended_by"].tolist() == ["stepped down", "later term", "crashed", "halted"]
    cluster = Cluster(size=3, seed=7)
    cluster.run_until(lambda view: view.leader)
    assert cluster.recording.reigns["ended_by"].tolist() == ["leads"]


# ---- removals


@every_run
def test_what_was_removed_is_what_left_the_views_logs(seed: int) -> None:
    """Each removal and each append, in order, gives the length and the beginning of each log of the views."""
    cluster = run_of(seed)
    table, trace = cluster.recording.removals, cluster.trace
    told = cluster.recording.log.dropna(subset="removed_at_ms")
    left = table[table["removed_by"] != "compaction"]
    assert sorted(zip(told["removed_at_ms"], told["server"], told["removed_by"], told["index"], strict=True)) == sorted(
        (row.at_ms, row.server, row.removed_by, index) for row in left.itertuples() for index in range(row.first_index, row.last_index + 1)
    )
    assert (table["entries"] == table["last_index"] - table["first_index"] + 1).all()
    truncated = [(event.at_ms, event.server, event.last_index + 1) for event in trace if isinstance(event, ev.LogTruncated)]
    conflicts = table[table["removed_by"] == "conflict"]
    assert plain(conflicts[["at_ms", "server", "first_index"]]) == truncated
    taken = [(event.at_ms, event.server, event.last_included_index) for event in trace if isinstance(event, ev.SnapshotTaken)]
    compacted = table[table["removed_by"] == "compaction"]
    assert set(taken) <= set(plain(compacted[["at_ms", "server", "last_index"]]))
    for row in table.itertuples():
        server = trace.view_at(row.at_ms).servers[row.server]
        assert row.term <= server.current_term
        if row.removed_by == "compaction":
            assert server.snapshots[-1].last_included_index >= row.last_index


def test_entries_leave_a_log_for_each_of_these_reasons() -> None:
    found = pd.concat([run_of(seed).recording.removals for seed in range(16)])["removed_by"]
    assert set(found) == {"conflict", "crash", "snapshot", "compaction"}


def test_an_overwritten_entry_names_the_leader_whose_log_has_another_there() -> None:
    cluster = Cluster(size=5, seed=7, config=Config(check_quorum=False))
    cluster.run_until(lambda view: view.leader)
    old = cluster.leader
    cluster.run_for(200)
    cluster.isolate(old)
    cluster.submit("C1", "SET x 1", through=old)
    cluster.run_until(lambda view: view.leader not in (None, old))
    cluster.heal()
    cluster.run_for(1_000)
    (removal,) = cluster.recording.removals.itertuples()
    assert (removal.server, removal.removed_by, removal.leader) == (old, "conflict", cluster.leader)
    gone = cluster.recording.log.query("removed_by == 'conflict'")
    assert gone["server"].tolist() == [old] * removal.entries
    assert not isnan(gone["removed_at_ms"].iloc[0])


# ---- tables of several runs


@pytest.mark.parametrize("name", FRAMES)
def test_the_tables_of_runs_of_any_size_become_one_with_the_same_dtypes(name: str) -> None:
    clusters = [Cluster(size=size, seed=size) for size in (1, 3, 5)]
    for cluster in clusters:
        cluster.client(f"C{len(cluster.server_ids)}").set("x", "1")
    tables = [getattr(run.recording, name) for run in (*clusters, run_of(3))]
    both = pd.concat(tables, ignore_index=True)
    assert both.dtypes.equals(tables[0].dtypes)
    assert len(both) == sum(map(len, tables))


@pytest.mark.parametrize("name", FRAMES)
def test_seed_and_configuration_become_columns(name: str) -> None:
    runs = [Cluster(size=3, seed=seed, config=Config(heartbeat_ms=beat)).recording for seed, beat in ((1, 50), (2, 20))]
    both = pd.concat([getattr(run, name).assign(**run.parameters) for run in runs])
    assert both.columns.is_unique  # no knob is called as a column
    assert list(both.columns) == [*FRAMES[name], *runs[0].parameters]
    assert str(both["seed"].dtype) == "int64"


def test_the_parameters_are_all_that_two_runs_of_one_program_can_differ_in() -> None:
    said = Cluster(size=5, seed=1 << 200, config=Config(delay_ms=(1, 2), pre_vote=False)).recording.parameters
    assert (said["size"], said["seed"], said["pre_vote"], said["reads"]) == (5, 1 << 200, False, "read index")
    assert (said["delay_ms_min"], said["delay_ms_max"]) == (1.0, 2.0)
    assert {name.removesuffix("_min").removesuffix("_max") for name in said} == {"size", "seed", *Config.__struct_fields__}
