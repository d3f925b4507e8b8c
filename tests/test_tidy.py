"""The size and state of every file: small functions, small files, no notes to self, no notebook with outputs."""

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FUNCTION_LINES = 40
FILE_LINES = 400
NOTES_TO_SELF = re.compile("|".join([r"\bTO" + "DO", r"\bFIX" + "ME", r"\bX" + r"XX\b"]))
NOT_OURS = {"build", "node_modules", "__pycache__"}

# A function of JavaScript opens with a brace after `)` or `=>`; after these words the brace is only a block.
BLOCKS = {"if", "for", "while", "switch", "catch", "with"}
OPENS_FUNCTION = re.compile(r"=>\s*$|(?P<word>[\w$]+)?\s*(?P<parens>\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\))\s*$")
JS_NOISE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:\[!&|?{};\n])\s*/(?![/*])(?:\\.|\[[^\]\n]*\]|[^/\\\n])+/[a-z]*""",
    re.DOTALL,
)


def files(*endings: str) -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            name for name in folders if name not in NOT_OURS and not name.startswith(".") and not name.endswith(".egg-info")
        )
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(endings))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def listed(lines: list[str]) -> str:
    return "\n".join(["", *lines])


def python_functions(source: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, number of lines) of each function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def blanked(source: str) -> str:
    """The JavaScript without comments, strings and regular expressions; every line break stays."""
    return JS_NOISE.sub(lambda noise: re.sub(r"[^\n]", " ", noise[0]), source)


def javascript_functions(source: str) -> Iterator[tuple[str, int, int]]:
    """As for Python. A template that holds a backtick within a backtick is beyond this reader."""
    code = blanked(source)
    open_braces: list[tuple[str | None, int]] = []
    for brace in re.finditer(r"[{}]", code):
        line = code.count("\n", 0, brace.start()) + 1
        if brace[0] == "{":
            before = OPENS_FUNCTION.search(code, max(0, brace.start() - 300), brace.start())
            word = before and (before["word"] or "=>")
            open_braces.append((None if word in BLOCKS else word, line))
        elif open_braces:
            name, first = open_braces.pop()
            if name:
                yield name, first, line - first + 1


def test_no_function_needs_scrolling():
    readers = {".py": python_functions, ".js": javascript_functions}
    long = [
        f"{short(path)}:{line}: {name} has {count} lines"
        for path in files(*readers)
        for name, line, count in readers[path.suffix](path.read_text(encoding="utf-8"))
        if count > FUNCTION_LINES
    ]
    assert not long, listed(long)


def test_no_file_is_a_labyrinth():
    counts = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files(".py", ".js", ".css")}
    long = [f"{name} has {count} lines" for name, count in counts.items() if count > FILE_LINES]
    assert not long, listed(long)


def test_nothing_is_left_as_a_note_to_self():
    texts = files(".py", ".js", ".css", ".md", ".toml", ".yml", ".ipynb", "Makefile")
    notes = [
        f"{short(path)}: {line.strip()}"
        for path in texts
        for line in path.read_text(encoding="utf-8").splitlines()
        if NOTES_TO_SELF.search(line)
    ]
    assert not notes, listed(notes)


def test_notebooks_are_kept_without_their_outputs():
    used = [
        short(path)
        for path in files(".ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell.get("outputs") or cell.get("execution_count")
    ]
    assert not used, listed(["make tidy clears the outputs of", *used])


def test_long_functions_of_javascript_are_seen():
    body = "  run('}');\n" * FUNCTION_LINES
    shapes = {"draw": "function draw(a, b) {", "=>": "const draw = (a) => {", "resize": "class Ring { resize(f = g(1)) {"}
    for name, head in shapes.items():
        found = list(javascript_functions(f"// {{\nif (a) {{ b(/[{{/]/) }}\n{head}\n{body}}}"))
        assert (name, 3, FUNCTION_LINES + 2) in found
