"""Work on its way to another process of the same Python.

What stands in a module goes by its name, and is imported there. A function that was written in a cell has no name that could be
imported; it goes as what it is: its code, and what it needs to run.
"""

import builtins
import marshal
import pickle
import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from operator import attrgetter
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

MAIN = "__main__"
"""The module of what is written in a cell, or in the script that runs. Another process has another one of this name."""


def pack(work: object) -> bytes | None:
    """What `pickle.loads` makes the same of in another process.

    None where that can't be: a class that was written in a cell stays here, and so does what is written in a script, since another process
    would have to run the whole script.
    """
    parcel = BytesIO()
    try:
        _Packer(parcel).dump(work)
        _Elsewhere(BytesIO(parcel.getvalue())).load()
    except (pickle.PickleError, AttributeError, TypeError, ValueError):  # each is what pickle raises of some kind of thing
        return None
    return parcel.getvalue()


class _Packer(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """How to make this thing again; as pickle does it, where nothing else is said."""
        if isinstance(thing, ModuleType):
            return import_module, (thing.__name__,)
        if isinstance(thing, FunctionType) and not _goes_by_name(thing):
            enclosed = thing.__closure__ or ()
            return _empty, (marshal.dumps(thing.__code__), len(enclosed)), _needs(thing, enclosed), None, None, _fill
        return NotImplemented


class _Elsewhere(pickle.Unpickler):
    """It unpacks as another process would, which does not find what was written in this one."""

    def find_class(self, module: str, name: str) -> Any:
        """What has this name there."""
        if module == MAIN:
            raise pickle.UnpicklingError(f"{name} is not there")
        return super().find_class(module, name)


def _goes_by_name(function: FunctionType) -> bool:
    if function.__module__ == MAIN:
        return hasattr(sys.modules[MAIN], "__file__")
    try:
        return attrgetter(function.__qualname__)(import_module(function.__module__)) is function
    except (AttributeError, ImportError):
        return False


def _needs(function: FunctionType, enclosed: tuple[CellType, ...]) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    known = vars(builtins) | function.__globals__  # a notebook has more built in than other processes
    names = {"__name__", *_names_in(function.__code__)}
    attributes = ("__name__", "__qualname__", "__module__", "__defaults__", "__kwdefaults__", "__dict__")
    return (
        {name: known[name] for name in names if name in known},
        [cell.cell_contents for cell in enclosed],
        {name: getattr(function, name) for name in attributes},
    )


def _names_in(code: CodeType) -> Iterator[str]:
    """The globals that this code may look for, and the functions in it; attributes that are called like one are among them."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)


def _empty(code: bytes, enclosed: int) -> FunctionType:
    """A function without what it needs: that may be a function that needs this one."""
    return FunctionType(marshal.loads(code), {}, closure=tuple(CellType() for _ in range(enclosed)))  # noqa: S302  we packed it


def _fill(function: FunctionType, needs: tuple[dict[str, Any], list[Any], dict[str, Any]]) -> None:
    known, contents, attributes = needs
    function.__globals__.update(known)
    for cell, content in zip(function.__closure__ or (), contents, strict=True):
        cell.cell_contents = content
    for name, value in attributes.items():
        setattr(function, name, value)
