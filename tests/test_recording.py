"""A run as a file: what comes back is the same, byte for byte; and what is no recording is refused, with a word about why."""

import json
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_random_runs import RandomRun

from raftcore import Cluster, diff, recording
from raftcore.hunting.mutants import MUTANTS
from raftcore.recording import Recording, Told, file
from raftcore.recording.columns import SCHEMA
from raftcore.recording.file import from_parquet, sealed
from raftcore.recording.frames import FRAMES
from raftcore.trace.stream import Trace
from raftcore.vocabulary.errors import FileError
from raftcore.vocabulary.events import SnapshotInstalled


def run_of(seed: int, rounds: int = 60) -> Cluster:
    run = RandomRun(seed)
    run.trouble(rounds=rounds)
    return run.cluster


@pytest.mark.parametrize("seed", range(12))
def test_a_recording_comes_back_from_its_file_to_the_byte(seed, tmp_path):
    cluster = run_of(seed)
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    assert loaded.trace.to_bytes() == cluster.trace.to_bytes()
    assert loaded.scenario == cluster.scenario
    assert loaded.config == cluster.config
    assert loaded.server_ids == cluster.server_ids
    assert loaded.now_ms == cluster.now_ms
    assert loaded.view == cluster.view


def test_a_loaded_scenario_repeats_the_run(tmp_path):
    cluster = run_of(3)
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    again = Cluster.from_scenario(loaded.scenario)
    again.run_to(loaded.now_ms)
    assert diff(again, loaded) is None


def test_a_recording_grows_while_the_run_goes_on(tmp_path):
    cluster = Cluster(size=3, seed=7)
    recording = cluster.recording
    for number in range(3):
        cluster.run_for(500)
        recording.save(tmp_path / "run.parquet")
        loaded = Recording.load(tmp_path / "run.parquet")
        assert loaded.trace.to_bytes() == cluster.trace.to_bytes(), number
    assert cluster.recording is recording


def test_plain_pandas_opens_the_file(tmp_path):
    cluster = run_of(5)
    cluster.recording.save(tmp_path / "run.parquet")
    table = pd.read_parquet(tmp_path / "run.parquet")
    assert table["at_ms"].tolist() == [event.at_ms for event in cluster.trace]
    assert table["kind"].tolist() == [type(event).__name__ for event in cluster.trace]


def test_plain_pandas_sees_types_also_where_something_is_absent(tmp_path):
    Cluster(size=3, seed=7).recording.save(tmp_path / "run.parquet")
    table = pd.read_parquet(tmp_path / "run.parquet")
    assert {name: str(dtype) for name, dtype in table.dtypes.items() if name != "rest"} == {
        name: column.dtype.replace("string", "category") for name, column in FRAMES["events"].items()
    }


def test_a_file_says_what_made_it(tmp_path):
    run_of(5).recording.save(tmp_path / "run.parquet")
    said = json.loads(pq.read_metadata(tmp_path / "run.parquet").metadata[b"raftlab"])
    assert (said["format"], said["version"]) == ("raftlab recording", 2)
    assert set(said["made_with"]) == {"raft-lab", "python", "pyarrow"}


def test_a_trace_that_is_there_already_makes_a_recording():
    cluster = run_of(8)
    told = Recording(Told(cluster.trace, cluster.scenario))
    assert told.server_ids == cluster.server_ids
    assert told.events.equals(cluster.recording.events)
    assert told.violations.equals(cluster.recording.violations)


def test_violations_come_along(tmp_path):
    cluster = next(mutant for mutant in MUTANTS if mutant.property == "Vote Once").play()
    assert cluster.violations
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet").violations
    assert loaded["sentence"].tolist() == [violation.sentence for violation in cluster.violations]
    assert Recording(Told(cluster.trace, cluster.scenario)).violations.equals(loaded)


def test_an_unjudged_run_is_judged_when_its_violations_are_asked_for():
    cluster = Cluster(size=3, seed=7, checks=False)
    cluster.run_for(1_000)
    assert cluster.recording.violations.empty


# ---- what is no recording


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "run.parquet"
    run_of(2).recording.save(path)
    return path.read_bytes()


REFUSED = r"is damaged|is a damaged|is cut off|is no recording|but no recording"


def refused(path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        Recording.load(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def test_a_file_that_was_cut_off_is_refused_wherever_it_breaks_off(good, tmp_path):
    for length in (4, 5, 11, 12, 100, len(good) // 2, len(good) - 4, len(good) - 1):
        assert "is cut off: a Parquet file ends with PAR1" in refused(tmp_path / "run.parquet", good[:length])


def test_no_flipped_bit_is_loaded(good, tmp_path):
    random = Random(1)
    for place in random.sample(range(4, len(good) - 4), 1_500):
        damaged = bytearray(good)
        damaged[place] ^= 1 << random.randrange(8)
        with pytest.raises(FileError, match=REFUSED):
            from_parquet(bytes(damaged), "run.parquet")


def test_the_bits_of_page_headers_and_of_the_checksum_are_covered(good):
    checksum = good.rfind(b"raftlab_checksum")
    for place in (*range(4, 60), *range(checksum, checksum + 26)):
        for bit in range(8):
            damaged = bytearray(good)
            damaged[place] ^= 1 << bit
            with pytest.raises(FileError, match=REFUSED):
                from_parquet(bytes(damaged), "run.parquet")


@pytest.mark.parametrize("data", [b"", b"P", b"at_ms,kind\n0.0,Crashed\n", b"\x80\x04\x95pickle"])
def test_what_is_no_parquet_is_refused(data, tmp_path):
    assert refused(tmp_path / "run.parquet", data).endswith("is no recording of this lab, which are Parquet files")


def test_the_parquet_file_of_others_is_refused(tmp_path):
    pd.DataFrame({"at_ms": [1.0]}).to_parquet(tmp_path / "other.parquet")
    said = refused(tmp_path / "run.parquet", (tmp_path / "other.parquet").read_bytes())
    assert "is a Parquet file, but no recording of this lab" in said


def forged(data: bytes, change: Callable[[pa.Table], pa.Table] = lambda table: table, **changes) -> bytes:
    """The same file with other columns and another header, sealed as if the lab had written it so."""
    table, header = from_parquet(data, "good")
    said = json.dumps(json.loads(msgspec.json.encode(header)) | changes).encode()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", write_statistics=False) as writer:
        writer.write_table(change(table))
        writer.add_key_value_metadata({b"raftlab": said, b"raftlab_checksum": b"0" * 8})
    return sealed(sink.getvalue().to_pybytes())


def test_a_file_that_is_newer_than_the_lab_is_refused(good, tmp_path):
    said = refused(tmp_path / "run.parquet", forged(good, version=3, new_field="?"))
    assert "is a recording of version 3, and this lab reads version 2; a newer lab can load it" in said


def test_a_file_of_the_first_version_is_refused_with_what_to_do(good, tmp_path):
    said = refused(tmp_path / "run.parquet", forged(good, version=1))
    assert "is a recording of version 1, of an earlier lab" in said
    assert "Repeat the run: its scenario stands as JSON in the metadata" in said


def test_a_file_of_another_format_is_refused(good, tmp_path):
    assert "holds 'raft movie', and a recording says 'raftlab recording'" in refused(
        tmp_path / "run.parquet", forged(good, format="raft movie")
    )


def test_a_header_that_can_not_be_is_refused(good, tmp_path):
    said = refused(tmp_path / "run.parquet", forged(good, scenario={"size": 10, "seed": 1}))
    assert "is a damaged recording: a cluster of 10 servers can't be" in said
    assert "events, and says that it has 1" in refused(tmp_path / "run.parquet", forged(good, events=1))
    assert "can't have run for -1.0 ms" in refused(tmp_path / "run.parquet", forged(good, now_ms=-1.0))
    violation = {"property": "Vote Once", "at_ms": 0.0, "sentence": "", "servers": [], "evidence": [10**9]}
    assert "the evidence of 'Vote Once'" in refused(tmp_path / "run.parquet", forged(good, violations=[violation]))
    impossible = {"size": 3, "seed": 1, "actions": [{"type": "Crash", "at_ms": 1.0, "server": "S9"}]}
    assert "action 1 (Crash at 1 ms) names 'S9'" in refused(tmp_path / "run.parquet", forged(good, scenario=impossible))


@pytest.mark.parametrize("said", [b"", b"[" * 100_000, b"\xff\xfe", b"[]", b'{"format": 1, "version": 2}'])
def test_a_header_that_is_no_header_is_refused(said, good, tmp_path):
    sink = pa.BufferOutputStream()
    table, _ = from_parquet(good, "good")
    with pq.ParquetWriter(sink, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"raftlab": said, b"raftlab_checksum": b"0" * 8})
    assert "is a damaged recording: " in refused(tmp_path / "run.parquet", sealed(sink.getvalue().to_pybytes()))


# ---- what would take too much memory, and junk in columns


def with_column(name: str, *values: object) -> Callable[[pa.Table], pa.Table]:
    """Another value in the first rows of a column."""

    def change(table: pa.Table) -> pa.Table:
        field = table.schema.field(name)
        column = pa.array([*values, *table.column(name).to_pylist()[len(values) :]][: len(table)], field.type)
        return table.set_column(table.schema.get_field_index(name), field, column)

    return change


def test_a_small_file_of_millions_of_events_is_refused_before_it_is_unpacked(good, tmp_path):
    count = 3_000_000
    codes = pa.array(np.zeros(count, np.int32))
    made = {name: pa.DictionaryArray.from_arrays(codes, pa.array([word])) for name, word in (("kind", "Crashed"), ("server", "S1"))}
    made["at_ms"] = pa.array(np.zeros(count))
    table = pa.table([made.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA], schema=SCHEMA)
    data = forged(good, lambda _: table, events=count)
    assert len(data) < 200_000
    before = pa.total_allocated_bytes()
    assert "3,000,000 events" in refused(tmp_path / "run.parquet", data)
    assert pa.total_allocated_bytes() - before < 10_000_000


def test_a_small_file_of_very_long_texts_is_refused_before_it_is_unpacked(good, tmp_path):
    table, _ = from_parquet(good, "good")
    texts = pa.chunked_array([pa.array([b"x" * 10_000_000], pa.binary())] * 40)
    many = pa.concat_tables([table.slice(0, 1)] * 40).set_column(len(SCHEMA) - 1, SCHEMA.field("rest"), texts)
    data = forged(good, lambda _: many, events=40)
    assert len(data) < 1_000_000
    assert "are more than a file of" in refused(tmp_path / "run.parquet", data)


def test_what_can_be_packed_very_small_is_saved_so_that_it_can_be_loaded(monkeypatch, tmp_path):
    monkeypatch.setattr(file, "UNPACKED_ALWAYS", 0)
    cluster = Cluster(size=3, seed=7)
    for number in range(3):
        cluster.client("C1").set(f"k{number}", "x" * 300_000)
    cluster.recording.save(tmp_path / "run.parquet")
    assert Recording.load(tmp_path / "run.parquet").trace.to_bytes() == cluster.trace.to_bytes()


@pytest.mark.parametrize(
    "name, values, why",
    [
        ("kind", ["Exploded"], "the column kind holds 'Exploded'"),
        ("server", ["../../etc"], "the column server holds '../../etc'"),
        ("client", ["S1"], "the column client holds 'S1'"),
        ("source", ["x" * 1_000], "the column source holds 'xxx"),
        ("at_ms", [nan], "an event is not between 0 and"),
        ("at_ms", [-1.0], "an event is not between 0 and"),
        ("at_ms", [5.0, 1.0], "its events are not in order of time"),
        ("term", [-1], "the column term holds numbers from -1"),
        ("index", [1 << 39], "the column index holds numbers from"),
        ("size_bytes", [1 << 62], "the column size_bytes holds numbers from"),
        ("until_ms", [nan], "the column until_ms holds what is no number"),
        ("what", ["king"] * 3_000, "has 'king' in the column what"),
        ("server", [None] * 3_000, "has nothing in the column server"),
        ("rest", [None] * 3_000, "has nothing in the column rest"),
    ],
)
def test_junk_in_a_column_is_named(name, values, why, good, tmp_path):
    assert why in refused(tmp_path / "run.parquet", forged(good, with_column(name, *values)))


def test_junk_in_what_is_read_later_is_named_too(good, tmp_path):
    def junk(table):
        rest = [None if it is None else b"\xc1junk" for it in table.column("rest").to_pylist()]
        return with_column("rest", *rest)(table)

    (tmp_path / "run.parquet").write_bytes(forged(good, junk, violations=None))
    loaded = Recording.load(tmp_path / "run.parquet")
    for look in (lambda: loaded.trace, lambda: loaded.log, lambda: loaded.operations, lambda: loaded.violations, lambda: loaded.view):
        with pytest.raises(FileError, match="is damaged: its columns tell no run"):
            look()


def test_a_page_of_junk_is_refused_and_names_the_file(good, tmp_path):
    """A message that never arrives has no place in a picture."""
    kinds, ends = (from_parquet(good, "good")[0].column(name).to_pylist() for name in ("kind", "until_ms"))
    arrivals = [inf if kind == "MessageSent" else end for kind, end in zip(kinds, ends, strict=True)]
    (tmp_path / "run.parquet").write_bytes(forged(good, with_column("until_ms", *arrivals)))
    with pytest.raises(FileError, match="is damaged: its columns tell no run"):
        Recording.load(tmp_path / "run.parquet").to_html(tmp_path / "run.html")
    assert not (tmp_path / "run.html").exists()


def test_a_log_that_nobody_appended_is_named(good, tmp_path):
    """Its length stands in a snapshot only, where it could be any number."""
    snapshot = SnapshotInstalled(1.0, "S1", last_included_index=10**12, last_included_term=1, kept=False, data=b"")
    run = Recording(Told(Trace(("S1",), [snapshot]), Cluster(size=1).scenario))
    with pytest.raises(ValueError, match="a log of 1,000,000,000,000 entries, and only 0 were appended"):
        _ = run.log


def test_only_encodings_that_every_reader_knows_are_used(good):
    group = pq.ParquetFile(pa.BufferReader(good)).metadata.row_group(0)
    used = {encoding for number in range(group.num_columns) for encoding in group.column(number).encodings}
    assert used <= {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.parquet"):
        Recording.load(tmp_path / "nowhere.parquet")


def test_saving_over_a_file_is_atomic(good, tmp_path, monkeypatch):
    def disk_full(self, data):
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError("no space left on device")

    path = tmp_path / "run.parquet"
    path.write_bytes(good)
    monkeypatch.setattr(type(path), "write_bytes", disk_full)
    with pytest.raises(OSError, match="no space left"):
        run_of(4).recording.save(path)
    assert path.read_bytes() == good
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_pickled():
    sources = [path.read_text(encoding="utf-8") for path in Path(recording.__file__).parent.glob("*.py")]
    assert len(sources) > 5
    assert not any("pickle" in source for source in sources)
