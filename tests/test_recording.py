"""A run as a file: what comes back is the same, byte for byte; and what is no recording is refused, with a word about why."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from zlib import crc32

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_random_runs import RandomRun

from raftcore import Cluster, diff, recording
from raftcore.hunting.mutants import MUTANTS
from raftcore.recording import Recording, Told
from raftcore.recording.file import from_parquet
from raftcore.recording.frames import FRAMES
from raftcore.vocabulary.errors import FileError


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
        name: column.dtype for name, column in FRAMES["events"].items()
    }


def test_a_file_says_what_made_it(tmp_path):
    run_of(5).recording.save(tmp_path / "run.parquet")
    said = json.loads(pq.read_metadata(tmp_path / "run.parquet").metadata[b"raftlab"])
    assert (said["format"], said["version"]) == ("raftlab recording", 1)
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


def refused(path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        Recording.load(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def test_a_file_that_was_cut_off_is_refused_wherever_it_breaks_off(good, tmp_path):
    for length in (4, 5, 11, 12, 100, len(good) // 2, len(good) - 4, len(good) - 1):
        assert "is cut off: a Parquet file ends with PAR1" in refused(tmp_path / "run.parquet", good[:length])


def test_no_flipped_bit_changes_what_is_loaded(good, tmp_path):
    random, path, found = Random(1), tmp_path / "run.parquet", Counter()
    path.write_bytes(good)
    trace, scenario = Recording.load(path).trace.to_bytes(), Recording.load(path).scenario
    for _ in range(400):
        damaged = bytearray(good)
        damaged[random.randrange(4, len(good) - 4)] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        try:
            loaded = Recording.load(path)
        except FileError as error:
            found[" is damaged" in str(error)] += 1
            continue
        assert loaded.trace.to_bytes() == trace  # it hit what nobody reads
        assert loaded.scenario == scenario
    assert found[True] > 280


@pytest.mark.parametrize("data", [b"", b"P", b"at_ms,kind\n0.0,Crashed\n", b"\x80\x04\x95pickle"])
def test_what_is_no_parquet_is_refused(data, tmp_path):
    assert refused(tmp_path / "run.parquet", data).endswith("is no recording of this lab, which are Parquet files")


def test_the_parquet_file_of_others_is_refused(tmp_path):
    pd.DataFrame({"at_ms": [1.0]}).to_parquet(tmp_path / "other.parquet")
    said = refused(tmp_path / "run.parquet", (tmp_path / "other.parquet").read_bytes())
    assert "is a Parquet file, but no recording of this lab" in said


def with_header(data: bytes, **changes) -> bytes:
    """The same file with another header, sealed as if the lab had written it so."""
    table, header = from_parquet(data, "good")
    said = json.dumps(json.loads(msgspec.json.encode(header)) | changes).encode()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"raftlab": said, b"raftlab_crc32": str(crc32(said))})
    return sink.getvalue().to_pybytes()


def test_a_file_that_is_newer_than_the_lab_is_refused(good, tmp_path):
    said = refused(tmp_path / "run.parquet", with_header(good, version=2, new_field="?"))
    assert "is a recording of version 2, and this lab reads up to 1; a newer lab can load it" in said


def test_a_file_of_another_format_is_refused(good, tmp_path):
    assert "holds 'raft movie', and a recording says 'raftlab recording'" in refused(
        tmp_path / "run.parquet", with_header(good, format="raft movie")
    )


def test_a_header_that_can_not_be_is_refused(good, tmp_path):
    said = refused(tmp_path / "run.parquet", with_header(good, scenario={"size": 10, "seed": 1}))
    assert "is a damaged recording: a cluster of 10 servers can't be" in said
    assert "its columns are not those that it says it has" in refused(tmp_path / "run.parquet", with_header(good, events=1))


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
