"""How a mutant takes the place of the function it was made of.

mutmut sends each call through a function that looks up the mutant, which makes tests of a simulation five times slower. Each mutant has a
process to itself here, so the function gets the mutant's code once, when that process begins.
"""

import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any

from mutmut.mutation import trampoline
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from mutmut.workers import isolation

_MUTANTS: dict[str, tuple[FunctionType, dict[str, Any]]] = {}
"""The function of a name as mutmut writes it (raftcore.consensus.log.xǁLogǁhas), and its mutants."""
_NAMES: dict[CodeType, str] = {}


def prepare() -> None:
    """Let functions and their mutants be kept as they are imported, and a mutant be put in its place where mutmut chooses it."""
    trampoline.wrap_in_trampoline = _keep
    isolation.set_mutant_under_test = _put_in_place


def seen(run: Callable[[], int]) -> int:
    """Note for mutmut, while it runs tests, which functions are called."""
    calls = state()._stats

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (name := _NAMES.get(frame.f_code)):
            calls.add(name)

    sys.setprofile(note)
    try:
        return run()
    finally:
        sys.setprofile(None)


def _keep(mutants: dict[str, Any], is_classmethod: bool = False) -> Callable[[FunctionType], FunctionType]:
    def keep(function: FunctionType) -> FunctionType:
        mangled, owner = function.__name__, function.__qualname__.rpartition(".")[0]
        name = f"{function.__module__}.{f'xǁ{owner}ǁ{mangled}' if owner else f'x_{mangled}'}"
        _MUTANTS[name] = function, mutants
        _NAMES[function.__code__] = name
        return function

    return keep


def _put_in_place(name: str) -> None:
    for module in [module for path, module in sys.modules.items() if path.startswith("raftcore.")]:
        for cached in [thing for thing in vars(module).values() if hasattr(thing, "cache_clear")]:
            cached.cache_clear()  # what was kept is what the function itself has made
    trampoline.set_mutant_under_test(name)
    function, mutants = _MUTANTS[mangled_name_from_mutant_name(name)]
    mutant = mutants[name.rpartition(".")[2]]
    mutant = getattr(mutant, "__func__", mutant)
    function.__code__, function.__defaults__, function.__kwdefaults__ = mutant.__code__, mutant.__defaults__, mutant.__kwdefaults__
