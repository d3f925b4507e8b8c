"""Names the line of somebody's code that an error is about, as a reader would look it up: by file, or by notebook cell."""

import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, TracebackType
from typing import Any

HERE = str(sys.modules["raftcore"].__file__).removesuffix("__init__.py")
LIBRARIES = (sysconfig.get_paths()["stdlib"], "<frozen ")

CELLS: dict[str, str] = {}
"""The cells of the notebook that started this process, where it works for one: names of cells by the names of their files."""


def line_of(filename: str, line: int) -> str:
    """Where a line stands: "line 3 of cell In[5]", or "line 3 of mine.py" with the file's path."""
    return f"line {line} of {CELLS.get(filename) or cells().get(filename) or filename}"


def cells() -> dict[str, str]:
    """The cells that were executed in this process, by the names that Python knows their files by; none outside of IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    numbers = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return {filename: f"cell In[{number}]" for filename, number in numbers.items()}


def definition_of(function: Callable[..., Any]) -> str:
    """Where a function is defined; "" where it is not written in Python."""
    code = code_of(function)
    return line_of(code.co_filename, code.co_firstlineno) if code else ""


def code_of(function: object) -> CodeType | None:
    """What is executed when this is called: the code of a function, a method, a partial or an object with `__call__`."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(vars(type(function)).get("__call__"), "__code__", None)
    return code if isinstance(code, CodeType) else None


def frames_of(trace: TracebackType | None) -> Iterator[TracebackType]:
    """The frames of a traceback, outermost first."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def persons_frame(trace: TracebackType) -> TracebackType:
    """The innermost frame that is neither this project's nor a library's; the innermost of all where there is none."""
    frames = list(frames_of(trace))
    return next((frame for frame in reversed(frames) if _is_a_persons(frame.tb_frame.f_code.co_filename)), frames[-1])


def _is_a_persons(filename: str) -> bool:
    return not filename.startswith((HERE, *LIBRARIES)) and "site-packages" not in filename
