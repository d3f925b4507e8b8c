"""What others read of a run: the history as EDN, the ShiViz log and the CSV files are read back, by rules that are not ours."""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from msgspec.structs import replace
from strategies import values
from test_random_runs import RandomRun

from raftcore import Cluster
from raftcore.checks.edn import show
from raftcore.checks.history_files import read_edn
from raftcore.checks.linearizability import KEY_VALUE, Operation, Verdict, check, history
from raftcore.recording.exports import SHIVIZ_PARSER
from raftcore.recording.frames import FRAMES
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Append, Cas, Get, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.events import Completed, Invoked


def run_of(seed: int) -> Cluster:
    run = RandomRun(seed)
    run.trouble(rounds=80)
    return run.cluster


every_run = pytest.mark.parametrize("seed", range(8))


# ---- Jepsen's EDN

TOKEN = re.compile(r'\s*(?:([{}\[\]])|("(?:[^"\\]|\\.)*")|([^\s,{}\[\]"]+)),?')


def parsed(text: str):
    """One EDN value: maps, vectors, strings, keywords, whole numbers and nil."""
    tokens = iter(TOKEN.findall(text))

    def value(token):
        bracket, string, atom = token
        if string:
            return json.loads(string)
        if atom:
            return None if atom == "nil" else atom if atom.startswith(":") else int(atom)
        inner = []
        for following in tokens:
            if following[0] in ("}", "]"):
                break
            inner.append(value(following))
        return dict(zip(inner[::2], inner[1::2], strict=True)) if bracket == "{" else inner

    return value(next(tokens))


def edn_of(cluster: Cluster, folder) -> list[dict]:
    cluster.recording.to_edn(folder / "history.edn")
    return [parsed(line) for line in (folder / "history.edn").read_text(encoding="utf-8").splitlines()]


@every_run
def test_the_history_has_each_call_and_each_outcome(seed, tmp_path):
    cluster = run_of(seed)
    stale = [cluster.trace[int(it.began)] for it in history(cluster) if it.stale]
    left_out = {(event.client, event.sequence_num) for event in stale}
    told = [it for it in cluster.trace if isinstance(it, Invoked | Completed) and (it.client, it.sequence_num) not in left_out]
    kinds = {True: ":ok", False: ":fail", None: ":info"}
    verbs = {Set: ":put", Append: ":append", Get: ":get", Cas: ":cas"}
    lines = edn_of(cluster, tmp_path)
    for line, event in zip(lines, told, strict=True):
        command = event.command
        assert line[":type"] == (kinds[event.ok] if isinstance(event, Completed) else ":invoke")
        assert line[":f"] == verbs.get(type(command), ":delete")
        assert line[":key"] == command.key
        assert line[":time"] == round(event.at_ms * 1e6)
        if isinstance(command, Cas):
            assert line[":value"] == [command.expected, command.value]
        elif isinstance(command, Get):
            assert line[":value"] == (event.value if line[":type"] == ":ok" else None)
        else:
            assert line[":value"] == getattr(command, "value", None)


@every_run
def test_a_process_asks_one_thing_at_a_time_and_no_more_once_an_outcome_is_unknown(seed, tmp_path):
    state = defaultdict(lambda: "idle")
    for line in edn_of(run_of(seed), tmp_path):
        process = line[":process"]
        assert state[process] == ("idle" if line[":type"] == ":invoke" else "asking")
        state[process] = {":invoke": "asking", ":info": "gone"}.get(line[":type"], "idle")


def test_an_unknown_outcome_makes_a_client_a_new_process(tmp_path):
    cluster = Cluster(size=3, seed=7)
    cluster.client("C1").set("x", "1")
    cluster.client("C2").set("x", "2")
    for server in cluster.server_ids:
        cluster.crash(server)
    assert cluster.client("C2").set("x", "3").ok is None
    cluster.submit("C2", "GET x")
    lines = edn_of(cluster, tmp_path)
    assert [(line[":process"], line[":type"]) for line in lines] == [
        (0, ":invoke"), (0, ":ok"), (1, ":invoke"), (1, ":ok"), (1, ":invoke"), (1, ":info"), (3, ":invoke"),
    ]  # fmt: skip


def evidence(operations: tuple[Operation, ...], client: Callable[[str], object]) -> list[tuple]:
    """What a history and its file have in common: clients are named anew there, and positions are numbered anew."""
    kept = [it for it in operations if not it.stale]
    moments = sorted({moment for it in kept for moment in (it.began, it.ended)})
    asked = [replace(it.command, mode=None) if isinstance(it.command, Get) else it.command for it in kept]
    return [
        (client(it.client), command, moments.index(it.began), moments.index(it.ended), it.ok, it.value)
        for it, command in zip(kept, asked, strict=True)
    ]


@every_run
def test_the_lab_reads_its_own_history_back(seed, tmp_path):
    cluster = run_of(seed)
    cluster.recording.to_edn(tmp_path / "history.edn")
    clients = sorted({it.client for it in history(cluster) if not it.stale}, key=lambda name: int(name[1:]))
    read = read_edn(tmp_path / "history.edn")
    assert evidence(read, lambda process: int(process) % len(clients)) == evidence(history(cluster), clients.index)
    assert check(read, KEY_VALUE).verdict is check(history(cluster), KEY_VALUE).verdict is Verdict.LINEARIZABLE


def test_evidence_of_appends_and_of_failed_comparisons_is_in_the_file(tmp_path):
    cluster = Cluster(size=3, seed=7)
    client = cluster.client("C1")
    client.append("x", "a")
    client.append("x", "b")
    assert client.cas("x", "z", "y").ok is False
    assert client.cas("absent", "z", "y").ok is False
    lines = edn_of(cluster, tmp_path)
    assert [line[":result"] for line in lines if ":result" in line] == ["a", "ab", "ab", None]
    assert [(it.ok, it.value) for it in read_edn(tmp_path / "history.edn")] == [(True, "a"), (True, "ab"), (False, "ab"), (False, None)]


@pytest.mark.parametrize("reads, command", [(ReadMode.READ_INDEX, "GET x STALE"), (ReadMode.STALE, "GET x")])
def test_stale_reads_are_left_out_since_a_checker_would_take_them_for_evidence(reads, command, tmp_path):
    cluster = Cluster(size=3, seed=7, config=Config(reads=reads))
    cluster.client("C1").set("x", "1")
    far = next(name for name in cluster.server_ids if name != cluster.leader)
    cluster.run_for(200)
    cluster.isolate(far)
    cluster.client("C1").set("x", "2")
    cluster.submit("C2", command, through=far)
    cluster.run_for(500)
    assert (history(cluster)[-1].value, history(cluster)[-1].stale) == ("1", True)
    assert [line[":f"] for line in edn_of(cluster, tmp_path)] == [":put"] * 4


@given(values)
def test_any_text_comes_back_from_edn(text):
    assert parsed(show(text)) == text


# ---- ShiViz


def shiviz_of(cluster: Cluster, folder, **window) -> list[tuple[str, dict[str, int], str]]:
    """What ShiViz would read: the hosts, their clocks, and the events."""
    cluster.recording.to_shiviz(folder / "shiviz.log", **window)
    parser = re.compile(SHIVIZ_PARSER.replace("(?<", "(?P<"))
    text = (folder / "shiviz.log").read_text(encoding="utf-8")
    found = list(parser.finditer(text))
    assert len(found) == text.count("\n") / 2
    return [(match["host"], json.loads(match["clock"]), match["event"]) for match in found]


@every_run
@pytest.mark.parametrize("window", [{}, {"from_ms": 500, "to_ms": 900}])
def test_each_host_counts_its_events_one_by_one(seed, window, tmp_path):
    counted = defaultdict(int)
    for host, clock, _ in shiviz_of(run_of(seed), tmp_path, **window):
        counted[host] += 1
        assert clock[host] == counted[host]
        assert all(count <= counted[other] for other, count in clock.items())  # nobody knows of what has not happened


@every_run
def test_who_receives_a_message_knows_all_that_its_sender_knew(seed, tmp_path):
    sent, arrived = {}, 0
    cluster = run_of(seed)
    for host, clock, event in shiviz_of(cluster, tmp_path):
        number = re.search(r"#(\d+)", event)
        if event.startswith("MessageSent"):
            sent[number[1]] = (host, clock)
        elif event.startswith("MessageDelivered"):
            source, before = sent[number[1]]
            arrived += 1
            assert f"from {source}" in event
            assert all(clock[other] >= count for other, count in before.items())
    assert arrived == sum(isinstance(event, ev.MessageDelivered) for event in cluster.trace)


def test_the_log_has_all_events_of_its_while(tmp_path):
    cluster = run_of(1)
    untold = (ev.TimerSet, ev.LinkChanged, ev.Acted, ev.MessageDropped)
    told = [event for event in cluster.trace if 500 <= event.at_ms <= 900 and not isinstance(event, untold)]
    lines = [event for _, _, event in shiviz_of(cluster, tmp_path, from_ms=500, to_ms=900)]
    assert [line.split()[0] for line in lines] == [type(event).__name__ for event in told]


# ---- CSV


def test_each_table_becomes_a_file(tmp_path):
    cluster = run_of(3)
    cluster.recording.to_csv(tmp_path / "new" / "folder")
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {f"{name}.csv" for name in FRAMES}
    for name in FRAMES:
        with (tmp_path / "new" / "folder" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            head, *lines = csv.reader(file)
        table = getattr(cluster.recording, name)
        assert head == list(table.columns)
        ours = [["" if pd.isna(value) else str(value) for value in row] for row in table.itertuples(index=False)]
        assert lines == ours, name


@pytest.mark.parametrize("from_ms, to_ms", [(500, 100), (100, 100), ("0", 100), (0, None), (0, float("nan"))])
def test_a_while_that_is_none_gives_no_log(tmp_path, from_ms, to_ms):
    with pytest.raises(ConfigError, match=r"there is no while from .* ms; give two moments, the later one last"):
        Cluster().recording.to_shiviz(tmp_path / "run.log", from_ms, to_ms)
    assert list(tmp_path.iterdir()) == []


# ---- Parquet


@pytest.mark.parametrize("made", [lambda: run_of(3), lambda: Cluster(size=3)], ids=["full", "empty"])
def test_each_table_becomes_a_plain_parquet_file(made, tmp_path):
    run = made().recording
    run.save_tables(tmp_path / "new" / "folder")
    run.save_tables(tmp_path / "new" / "folder")  # over the old ones
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {f"{name}.parquet" for name in FRAMES}
    for name in FRAMES:
        path, table = tmp_path / "new" / "folder" / f"{name}.parquet", getattr(run, name)
        pd.testing.assert_frame_equal(pd.read_parquet(path), table, check_categorical=len(table) > 0)
        file = pq.ParquetFile(path)
        columns = [file.metadata.row_group(0).column(number) for number in range(file.metadata.num_columns)] if len(table) else []
        assert {encoding for column in columns for encoding in column.encodings} <= {"PLAIN", "RLE", "RLE_DICTIONARY"}
        assert {column.compression for column in columns} <= {"SNAPPY"}
        nulls = {field: file.read().column(field).null_count for field in table}
        assert nulls == table.isna().sum().to_dict()  # a time that is absent is null, not NaN


def test_polars_reads_the_tables(tmp_path):
    polars = pytest.importorskip("polars")
    run = run_of(3).recording
    run.save_tables(tmp_path)
    for name in FRAMES:
        theirs, ours = polars.read_parquet(tmp_path / f"{name}.parquet"), getattr(run, name)
        assert theirs.rows() == [tuple(None if pd.isna(value) else value for value in row) for row in ours.itertuples(index=False)]


def test_duckdb_reads_the_tables(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    run = run_of(3).recording
    run.save_tables(tmp_path)
    for name in FRAMES:
        theirs, ours = duckdb.sql(f"SELECT * FROM '{tmp_path}/{name}.parquet'").fetchall(), getattr(run, name)
        assert theirs == [tuple(None if pd.isna(value) else value for value in row) for row in ours.itertuples(index=False)]
