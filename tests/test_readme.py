"""What README.md shows is true: its Python runs, and the words after `make` are targets."""

import re
from pathlib import Path

from raftcore.recording.exports import SHIVIZ_PARSER

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_examples_without_a_screen_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start, first, again, second, data, why, broken, _hunting = EXAMPLES
    imports = "\n".join(line for line in start.splitlines() if line.startswith("from raftcore"))
    names: dict[str, object] = {}

    exec(f"{imports}\n{first}", names)

    assert names["reply"].ok
    assert names["cluster"].view.servers["S1"].kv_store["x"] == "1"
    assert "Crashed" in capsys.readouterr().out

    exec(again, names)

    fork = names["fork"]
    assert fork.now_ms == 1_500
    assert names["diff"](names["cluster"], fork).at_ms == 1_000

    exec(second, names)

    view = names["cluster"].view
    assert view.configuration.voters == ("S2", "S3", "S4")
    assert view.leader == "S4"
    assert view.servers["S4"].snapshot.kv_store["x"] == "1"

    exec(data, names)

    assert (tmp_path / "run.parquet").is_file()

    exec(why, names)

    sentence = names["why_not_committed"](names["cluster"].view, index=4, server=names["old"])
    assert "a commit needs 3 of 5" in sentence
    assert names["cluster"].violations == ()

    exec(broken, names)

    assert f"print(violation)  # {names['violation']}\n" in broken
    assert f"{names['violation']}\n" == capsys.readouterr().out


def test_the_example_of_a_hunt_finds_the_same_as_that_of_an_exploration():
    *_, rule, hunting = EXAMPLES
    names: dict[str, object] = {}
    exec(f"{rule.partition('cluster =')[0]}\n{hunting}", names)

    assert names["found"].violation.property == names["explored"].violation.property == "Votes Follow Role"
    assert len(names["found"].scenario.actions) <= 4
    assert len(names["explored"].path) == 3


def test_every_make_command_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = [README, *((ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "ARCHITECTURE.md"))]
    wanted = {target for text in documents for target in re.findall(r"(?:`|^    )make ([a-z]+)", text, re.MULTILINE)}

    assert wanted >= {"lab", "test"}
    assert wanted <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_the_page_about_data_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(example, names)
    assert names["run"].now_ms == 2_000
    assert SHIVIZ_PARSER in page
