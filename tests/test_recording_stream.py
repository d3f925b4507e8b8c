"""A recording that is written while the run goes on outlives the process that wrote it."""

import subprocess
import sys
import warnings
from pathlib import Path
from threading import Event, Semaphore, Thread

import pandas as pd
import pytest
from test_player import wait_until

from raftcore import Cluster
from raftcore.recording import Recording, recording, stream
from raftcore.vocabulary.errors import FileError

ROOT = Path(__file__).parents[1]

ENDLESS = """
import sys
from threading import Event
from raftcore import Cluster
from raftcore.recording import stream

class Told(stream.Stream):
    def flush(self):
        super().flush()
        print(self._position, flush=True)

cluster = Cluster(size=5, seed=7)
Told(cluster.recording, sys.argv[1])
while True:
    cluster.client("C1").set("x", str(cluster.now_ms))
    cluster.isolate("S1")
    cluster.run_for(20)
    cluster.heal()
    Event().wait(0.01)
"""


@pytest.fixture
def by_hand(monkeypatch):
    """Nothing is flushed but by the test."""
    monkeypatch.setattr(stream, "FLUSH_EVERY_S", 3_600)


def test_a_killed_process_leaves_all_that_was_flushed_by_the_clock(tmp_path):
    path = tmp_path / "run.parquet"
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    flushed = [process.stdout.readline() for _ in range(4)]
    process.kill()
    process.communicate()
    assert process.returncode == -9
    events = int(flushed[-1])
    assert events > 100
    with pytest.raises(FileNotFoundError, match=r"run\.parquet was never finished; Recording\.load\('.*run\.parquet\.part'\) has what was"):
        Recording.load(path)
    left = Recording.load(f"{path}.part")
    assert len(left.trace) >= events
    again = Cluster.from_scenario(left.scenario)
    again.run_to(left.now_ms)
    assert again.trace[: len(left.trace)] == left.trace[:]
    assert left.violations.empty
    left.save(path)
    assert Recording.load(path).trace.to_bytes() == left.trace.to_bytes()


def test_the_clock_flushes_by_itself(tmp_path, monkeypatch):
    flushed, real = Event(), stream.Stream.flush
    cluster = Cluster(size=3, seed=7)

    def told(self):
        real(self)
        if self._position == len(cluster.trace) > 100:
            flushed.set()

    monkeypatch.setattr(stream.Stream, "flush", told)
    monkeypatch.setattr(stream, "FLUSH_EVERY_S", 0.01)
    with cluster.recording.stream_to(tmp_path / "run.parquet"):
        cluster.run_for(1_000)
        assert flushed.wait(20)


def test_a_closed_stream_is_a_recording_like_any_other(tmp_path, by_hand):
    path = tmp_path / "run.parquet"
    cluster = Cluster(size=3, seed=7)
    with cluster.recording.stream_to(path) as writing:
        for _ in range(3):
            cluster.run_for(300)
            cluster.submit("C1", "SET x 1")
            writing.flush()
        cluster.run_for(300)
    assert list(tmp_path.iterdir()) == [path]
    assert len(pd.read_parquet(path)) == len(cluster.trace)
    loaded = Recording.load(path)
    assert loaded.trace.to_bytes() == cluster.trace.to_bytes()
    assert loaded.scenario == cluster.scenario
    writing.close()
    writing.flush()  # neither does anything once it is closed
    assert list(tmp_path.iterdir()) == [path]


def broken_off(folder: Path) -> tuple[bytes, list[int], Cluster]:
    """A file that was never closed, after how many bytes each of its frames ends, and its run."""
    cluster = Cluster(size=3, seed=7)
    writing = cluster.recording.stream_to(folder / "run.parquet")
    ends = [writing.part.stat().st_size]
    for _ in range(3):
        cluster.run_for(300)
        cluster.isolate("S1")
        writing.flush()
        ends.append(writing.part.stat().st_size)
    data = writing.part.read_bytes()
    writing.close()
    return data, ends, cluster


def test_what_is_left_loads_up_to_its_last_whole_frame(tmp_path, by_hand):
    data, ends, cluster = broken_off(tmp_path)
    path = tmp_path / "left.part"
    lengths = []
    for start, end in zip(ends, [*ends[1:], len(data) + 1], strict=True):
        for length in (start, start + 3, (start + end) // 2, end - 1):
            path.write_bytes(data[:length])
            left = Recording.load(path)
            lengths.append(len(left.trace))
            assert left.trace[:] == cluster.trace[: len(left.trace)]
            assert left.scenario.actions == cluster.scenario.actions[: len(left.scenario.actions)]
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(cluster.trace)
    assert len(set(lengths)) == 4


def test_damage_in_the_middle_is_named(tmp_path, by_hand):
    data, ends, _ = broken_off(tmp_path)
    path = tmp_path / "left.part"
    for place, said in ((ends[0] + 100, "is not what was written"), (ends[1] + 1, "no frame begins after")):
        damaged = bytearray(data)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FileError, match=f"left.part is damaged: .*{said}"):
            Recording.load(path)
    path.write_bytes(data[: ends[0] - 1])
    with pytest.raises(FileError, match=r"left\.part broke off before anything was written"):
        Recording.load(path)


def test_every_flipped_bit_in_the_head_of_a_frame_is_found(tmp_path, by_hand):
    data, ends, _ = broken_off(tmp_path)
    path = tmp_path / "left.part"
    for start in ends[:2]:
        for bit in range(8 * stream._HEAD.size):
            damaged = bytearray(data)
            damaged[start + bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(FileError, match=rf"left\.part is damaged: no frame begins after {start:,} bytes"):
                Recording.load(path)


@pytest.mark.parametrize("length", [0, 3, 8, 19, 23])
def test_what_broke_off_before_anything_was_written_is_named_and_can_be_removed(length, tmp_path, by_hand):
    part = Path(tmp_path, "run.parquet.part")
    writing = Cluster().recording.stream_to(tmp_path / "run.parquet")
    part.write_bytes(writing.part.read_bytes()[:length])
    with pytest.raises(FileError, match=r"run\.parquet\.part broke off before anything was written: it holds nothing and can be removed"):
        Recording.load(part)
    with pytest.raises(FileError, match=r"a recording that broke off before anything was written, or begins just now"):
        Cluster().recording.stream_to(tmp_path / "run.parquet")
    writing.close()
    part.write_bytes(b"")
    with pytest.raises(FileError, match="is no recording of this lab"):  # another file that is empty is none
        Recording.load(part.rename(tmp_path / "empty.parquet"))


def test_who_loads_an_earlier_run_is_warned_of_a_later_one_that_was_broken_off(tmp_path, by_hand, recwarn):
    path = tmp_path / "run.parquet"
    Cluster(size=3, seed=1).recording.save(path)
    assert Recording.load(path).scenario.seed == 1
    assert not recwarn.list
    later = Cluster(size=3, seed=2)
    with later.recording.stream_to(path):
        with pytest.warns(UserWarning, match=r"run\.parquet is an earlier run: .* Recording\.load\('.*run\.parquet\.part'\)"):
            assert Recording.load(path).scenario.seed == 1
        assert Recording.load(f"{path}.part").scenario.seed == 2
    recwarn.clear()
    assert Recording.load(path).scenario.seed == 2
    assert not recwarn.list


def test_the_run_waits_while_a_portion_is_made(tmp_path, by_hand, monkeypatch):
    """A run at full speed would otherwise be ever further ahead of its file: both want the same processor."""
    cluster = Cluster(size=3, seed=7)
    made, gone_on = Event(), Event()

    def to_parquet(table, header):
        thread = Thread(target=lambda: (cluster.run_for(100), gone_on.set()), daemon=True)
        thread.start()
        made.set()
        assert not gone_on.wait(0.3)
        return real(table, header)

    real = recording.to_parquet
    with cluster.recording.stream_to(tmp_path / "run.parquet") as writing:
        monkeypatch.setattr(recording, "to_parquet", to_parquet)
        writing.flush()
        assert made.is_set()
        assert gone_on.wait(20)
        monkeypatch.setattr(recording, "to_parquet", real)


@pytest.mark.parametrize("mode", ["default", "error"])
def test_a_writer_that_fails_at_anything_says_so_and_goes_on(mode, tmp_path, monkeypatch, caplog):
    failed, failing = Semaphore(0), [True]

    def portion(self, position):
        if failing[0] and position:
            failed.release()
            raise KeyError("our own mistake")
        return real(self, position)

    real = Recording.portion
    monkeypatch.setattr(Recording, "portion", portion)
    monkeypatch.setattr(stream, "FLUSH_EVERY_S", 0.01)
    cluster = Cluster(size=3, seed=7)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter(mode)
        writing = cluster.recording.stream_to(tmp_path / "run.parquet")
        for _ in range(3):
            assert failed.acquire(timeout=20)
        assert isinstance(writing.trouble, KeyError)
        failing[0] = False
        wait_until(lambda: writing.trouble is None)
    assert [it.category for it in told] == [RuntimeWarning] * (mode == "default")
    assert all(".part can't be written: KeyError('our own mistake')" in str(it.message) for it in told)
    assert [record.exc_info[0] for record in caplog.records] == [KeyError]
    cluster.run_for(500)
    writing.close()
    assert Recording.load(tmp_path / "run.parquet").trace.to_bytes() == cluster.trace.to_bytes()


def test_an_interrupt_in_a_flush_leaves_no_half_of_a_frame(tmp_path, by_hand):
    class Interrupted:
        """A file that somebody interrupts when half a frame is written."""

        def __init__(self, file):
            self.file, self.halves = file, 0

        def write(self, data):
            self.halves += 1
            if self.halves == 2:
                raise KeyboardInterrupt
            return self.file.write(data[: len(data) // 2])

        def __getattr__(self, name):
            return getattr(self.file, name)

    cluster = Cluster(size=3, seed=7)
    writing = cluster.recording.stream_to(tmp_path / "run.parquet")
    size, file = writing.part.stat().st_size, writing._file
    cluster.run_for(500)
    writing._file = Interrupted(file)
    with pytest.raises(KeyboardInterrupt):
        writing.flush()
    assert writing.part.stat().st_size == size
    writing._file = file
    writing.flush()
    assert Recording.load(writing.part).trace.to_bytes() == cluster.trace.to_bytes()
    writing.close()


def test_what_was_broken_off_is_not_written_over(tmp_path):
    path = tmp_path / "run.parquet"
    Path(f"{path}.part").write_bytes(b"precious")
    with pytest.raises(FileError, match=r"run\.parquet\.part is there already: a recording that was broken off, or still goes on"):
        Cluster().recording.stream_to(path)
    assert Path(f"{path}.part").read_bytes() == b"precious"


def test_a_disk_that_is_full_leaves_what_was_written(tmp_path, by_hand):
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    with cluster.recording.stream_to(tmp_path / "run.parquet") as writing:
        before, limits = len(cluster.trace), resource.getrlimit(resource.RLIMIT_FSIZE)
        cluster.run_for(1_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (writing.part.stat().st_size + 100, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                writing.flush()
            assert len(Recording.load(writing.part).trace) == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        writing.flush()  # there is room again
        assert Recording.load(writing.part).trace.to_bytes() == cluster.trace.to_bytes()


def test_who_streams_is_told_once_that_nothing_can_be_written_and_nothing_is_lost(tmp_path, monkeypatch, recwarn):
    refused, real = Semaphore(0), stream.Stream._append
    full = [True]

    def append(self, frame):
        if full[0] and self._position:
            refused.release()
            raise OSError(28, "No space left on device")
        real(self, frame)

    monkeypatch.setattr(stream.Stream, "_append", append)
    monkeypatch.setattr(stream, "FLUSH_EVERY_S", 0.01)
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(1_000)
    writing = cluster.recording.stream_to(tmp_path / "run.parquet")
    cluster.run_for(1_000)
    for _ in range(3):
        assert refused.acquire(timeout=20)
    assert writing.trouble is not None
    full[0] = False
    wait_until(lambda: writing.trouble is None)
    (told,) = recwarn
    assert told.category is RuntimeWarning
    assert "run.parquet.part can't be written: [Errno 28] No space left on device. The run goes on in memory only" in str(told.message)
    assert Recording.load(writing.part).trace.to_bytes() == cluster.trace.to_bytes()
    writing.close()


def test_a_stream_that_could_not_be_closed_can_be_closed_again(tmp_path, by_hand):
    path = tmp_path / "run.parquet"
    cluster = Cluster(size=3, seed=7)
    writing = cluster.recording.stream_to(path)
    cluster.run_for(500)
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        writing.close()
    writing.flush()
    assert Recording.load(writing.part).trace.to_bytes() == cluster.trace.to_bytes()
    path.rmdir()
    writing.close()
    assert list(tmp_path.iterdir()) == [path]
    assert Recording.load(path).trace.to_bytes() == cluster.trace.to_bytes()


def test_a_flush_writes_no_more_than_what_came_since(tmp_path, by_hand):
    cluster = Cluster(size=3, seed=7)
    cluster.run_for(30_000)
    with cluster.recording.stream_to(tmp_path / "run.parquet") as writing:
        whole = writing.part.stat().st_size
        for _ in range(3):
            before = writing.part.stat().st_size
            cluster.run_for(50)
            _ = cluster.recording.events  # tables in between take the portions together
            writing.flush()
            assert writing.part.stat().st_size - before < whole / 3


def test_a_stream_that_nobody_closes_is_closed_at_the_end_of_the_process(tmp_path):
    program = "import sys; from raftcore import Cluster; c = Cluster(3); c.recording.stream_to(sys.argv[1]); c.run_for(500)"
    subprocess.run([sys.executable, "-c", program, tmp_path / "run.parquet"], cwd=ROOT, check=True)
    cluster = Cluster(3)
    cluster.run_for(500)
    assert Recording.load(tmp_path / "run.parquet").trace.to_bytes() == cluster.trace.to_bytes()
