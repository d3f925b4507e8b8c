"""How sentences name things."""

from collections.abc import Iterable

from raftcore.statemachine.language import show_command
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ServerId

LONGEST = 40


def told(entry: Entry) -> str:
    """An entry, in a few words."""
    command = entry.command
    if command is None:
        return f"the no-op of term {entry.term}"
    if isinstance(command, Configuration):
        return f"the configuration {members(command)}"
    return clip(show_command(command))


def clip(text: str | None) -> str:
    """The beginning of a text; of None, that there is nothing."""
    if text is None:
        return "nothing"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def members(configuration: Configuration) -> str:
    """Who belongs to a configuration.

    >>> members(Configuration(("S1", "S2"), ("S2", "S3"), ("S4",), ("S1",)))
    '(S1, S2 and S2, S3 together, learning S4, learning S1 when the change is done)'
    """
    joint = f" and {listed(configuration.next_voters)} together" if configuration.is_joint else ""
    learners = f", learning {listed(configuration.learners)}" if configuration.learners else ""
    later = f", learning {listed(configuration.learners_next)} when the change is done" if configuration.learners_next else ""
    return f"({listed(configuration.voters)}{joint}{learners}{later})"


def listed(names: Iterable[ServerId]) -> str:
    """Names in a row."""
    return ", ".join(names) or "nobody"
