"""Where a file can't be written, the error names the place that a person gave, and what stood there stays."""

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from breaking_off import at_line, interrupt, lines_of

from raftcore.files import save_atomically


def save(path: Path, text: str = "new") -> None:
    save_atomically(path, lambda file: file.write_text(text))


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path):
    path = tmp_path / "run.json"
    for text in ("old", "new"):
        save(path, text)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "place, error", [("none/run.json", FileNotFoundError), ("file/run.json", NotADirectoryError), ("folder", IsADirectoryError)]
)
def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path, place: str, error: type[OSError]):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    with pytest.raises(error) as said:
        save(tmp_path / place)
    assert said.value.filename == str(tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "precious"


def test_the_new_name_is_on_the_disk_too(tmp_path: Path, monkeypatch):
    """After a power loss the folder still says that the file is the new one, and not before the file is whole."""
    synced, real = [], os.fsync

    def fsync(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists() and path.read_text()))
        real(handle)

    path = tmp_path / "run.json"
    monkeypatch.setattr(os, "fsync", fsync)
    save(path)
    assert synced == [(False, False), (True, "new")]


def test_what_killed_saves_left_is_removed(tmp_path: Path):
    path = tmp_path / "run[1].json"
    left, fresh = tmp_path / f".{path.name}.a1b2c3d4.saving", tmp_path / f".{path.name}.fresh.saving"
    other, users = tmp_path / ".run1.json.x.saving", tmp_path / f".{path.name}.old"
    for file in (left, fresh, other, users):
        file.write_text("half")
    for file in (left, other, users):
        os.utime(file, (0, 0))
    save(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, fresh, other, users])
    assert path.read_text() == "new"


def test_a_save_that_is_killed_leaves_a_file_of_that_kind(tmp_path: Path):
    program = "import os, sys; from raftcore.files import save_atomically; save_atomically(sys.argv[1], lambda file: os._exit(9))"
    subprocess.run([sys.executable, "-c", program, tmp_path / "run.json"], check=False)
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    save(tmp_path / "run.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "run.json"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a file that was opened for a `with` that never began
def test_a_save_that_is_interrupted_leaves_no_file_of_that_kind(tmp_path: Path):
    path = tmp_path / "run.json"
    for line in range(1, lines_of(lambda: save(path)) + 1):
        with suppress(KeyboardInterrupt), at_line(line, interrupt):
            save(path)
        assert list(tmp_path.iterdir()) in ([], [path]), f"interrupted at line {line}"
        path.unlink(missing_ok=True)


def test_a_file_has_the_rights_that_new_files_have(tmp_path: Path):
    save(tmp_path / "run.json")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "run.json").stat().st_mode == (tmp_path / "other").stat().st_mode
