"""The colours of terms. Their one home is kit.css; what is drawn from Python reads them there.

Terms take them in turn, and neighbours in the turn differ clearly. Since they repeat, the term's number always stands beside its colour.
"""

import re
from pathlib import Path

from raftcore.vocabulary.names import Term

STYLE = Path(__file__).with_name("kit.css").read_text(encoding="utf-8")

NO_TERM, *TERMS = re.findall(r"\.rl-t\d \{\s*--term: (#\w{6});\s*--term-ink: (#\w{6});\s*\}", STYLE)


def term_colours(term: Term) -> tuple[str, str]:
    """Fill and ink of a term; 0 is that of a server which has seen none.

    >>> term_colours(1) == term_colours(1 + len(TERMS)), term_colours(0) == NO_TERM
    (True, True)
    """
    fill, ink = TERMS[(term - 1) % len(TERMS)] if term else NO_TERM
    return fill, ink


def term_class(term: Term) -> str:
    """The class of kit.css that gives a term its colours, as `termClass` in kit.js.

    >>> term_class(0), term_class(1), term_class(8)
    ('rl-t0', 'rl-t1', 'rl-t1')
    """
    return f"rl-t{(term - 1) % len(TERMS) + 1 if term else 0}"
