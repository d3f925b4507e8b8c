"""Where a file can't be written, the error names the place that a person gave, and what stood there stays."""

from pathlib import Path

import pytest

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
