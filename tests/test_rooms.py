"""What the import contracts in pyproject.toml cannot say: what consensus may use, and what a bare import loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONSENSUS = sorted((ROOT / "raftcore" / "consensus").glob("*.py"))


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: name the room in full"
            yield node.module or ""


@pytest.mark.parametrize("path", CONSENSUS, ids=lambda path: path.name)
def test_consensus_uses_only_the_vocabulary_the_standard_library_and_msgspec(path):
    allowed = ("raftcore.consensus", "raftcore.vocabulary", "msgspec")
    strangers = [
        name
        for name in imported_by(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not any(name == room or name.startswith(f"{room}.") for room in allowed)
    ]
    assert strangers == []


def test_the_core_alone_loads_no_tables_and_no_plots():
    heavy = {"pandas", "pyarrow", "plotly", "numpy", "ipywidgets", "anywidget", "IPython"}
    program = f"import sys, raftcore; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
