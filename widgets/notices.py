"""What the status line says when something went wrong."""

import logging
import traceback

from raftcore.checks.violation import Violation
from raftcore.vocabulary.errors import RaftLabError

LOG = logging.getLogger(__name__)


def report(error: Exception) -> None:
    """Log where an error was raised that is none of the sentences by which this project refuses something: a mistake in its own code, or

    in somebody's. The line in the lab does not say how it came there.
    """
    if not isinstance(error, RaftLabError):
        LOG.error("the lab goes on after %s", type(error).__name__, exc_info=error)


def of_error(error: Exception) -> str:
    """What went wrong in a line; where too, unless the lab itself says what would be right."""
    if isinstance(error, RaftLabError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {frames[-1].name}, line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
    return ", ".join([f"{type(error).__name__}: {error}{where}", *getattr(error, "__notes__", ())])


def of_violation(violation: Violation) -> str:
    """Which property does not hold, and what happened between whom."""
    return f"{violation.property} is broken: {violation.sentence}"
