"""What mutmut is told before it generates mutants.

It leaves decorated functions alone, because each copy of a function would be decorated too. Here only the function that stands for all
copies keeps its decorators, so that `@sees` and `@property` hide nothing. Cached functions stay out: a kept answer would hide the mutant.
Sentences are not mutated either: what a message says word for word is not what these tests are for.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst
from mutmut.mutation import file_mutation

CACHED = ("cache", "cached_property", "lru_cache", "overload")


def prepare() -> None:
    """Let mutmut mutate decorated functions, and leave sentences alone. To be called once, before mutants are generated."""
    file_mutation.MutationVisitor = _Visitor  # type: ignore[misc]
    file_mutation.function_trampoline_arrangement = _arrange


def _name_of(decorator: cst.Decorator) -> str:
    called = decorator.decorator
    while isinstance(called, cst.Call | cst.Attribute):
        called = called.func if isinstance(called, cst.Call) else called.attr
    return called.value if isinstance(called, cst.Name) else ""


def _is_sentence(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.SimpleString):
        return " " in node.value
    return isinstance(node, cst.FormattedString | cst.ConcatenatedString)


class _Visitor(file_mutation.MutationVisitor):
    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators and node.name.value not in file_mutation.NEVER_MUTATE_FUNCTION_NAMES:
            return any(_name_of(decorator) in CACHED for decorator in node.decorators)
        return _is_sentence(node) or super()._skip_node_and_children(node)

    def _create_mutations(self, node: cst.CSTNode) -> None:
        before = len(self.mutations)
        super()._create_mutations(node)
        self.mutations[before:] = [each for each in self.mutations[before:] if not _takes_a_sentence_away(node, each.mutated_node)]


def _takes_a_sentence_away(node: cst.CSTNode, mutated: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call) and isinstance(mutated, cst.Call):
        kept = {id(argument.value) for argument in mutated.args}
        return any(_is_sentence(argument.value) for argument in node.args if id(argument.value) not in kept)
    return isinstance(node, cst.Assign) and _is_sentence(node.value)


_arrange_plain = file_mutation.function_trampoline_arrangement


def _arrange(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> tuple[Sequence[Any], ...]:
    if all(_name_of(decorator) in ("staticmethod", "classmethod") for decorator in function.decorators):
        return _arrange_plain(function, mutants, class_name)
    declared, [switch, *copies], assigned, names = _arrange_plain(function.with_changes(decorators=[]), mutants, class_name)
    decorated = switch.with_changes(decorators=[*function.decorators, *switch.decorators], leading_lines=function.leading_lines)
    return declared, [decorated, *copies], assigned, names
