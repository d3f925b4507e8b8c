"""Which mutants the type checker refuses.

mutmut parses all mutated files to find out, which takes minutes. It also keeps on which lines each mutant stands, and that is enough.
"""

from functools import cache
from pathlib import Path

from mutmut.configuration import config
from mutmut.mutation.data import LineSpan, MutantLineSpans
from mutmut.mutation.file_mutation import FailedTypeCheckMutant, MutatedMethodLocation
from mutmut.type_checking import TypeCheckingError, run_type_checker
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import get_mutant_name


def by_type_checker() -> dict[str, FailedTypeCheckMutant]:
    """The mutants in which the type checker finds an error, by their names. Errors elsewhere come of how mutants are generated."""
    with change_cwd("mutants"):
        errors = run_type_checker(config().type_check_command)
    return {found.name: found for found in map(_mutant_of, errors) if found}


def _mutant_of(error: TypeCheckingError) -> FailedTypeCheckMutant | None:
    path = error.file_path.relative_to(Path("mutants").absolute())
    for function, span in _spans(path).items():
        if span.start <= error.line_number <= span.end and not function.endswith("_orig"):
            place = MutatedMethodLocation(error.file_path, function, span.start, span.end)
            return FailedTypeCheckMutant(place, get_mutant_name(path, function), error)
    return None


@cache
def _spans(path: Path) -> dict[str, LineSpan]:
    spans = MutantLineSpans.load(path)
    return dict(spans.span_by_function_name) if spans else {}
