"""Which situations a run came to, such as a split vote, a truncation or Figure 8: what was not exercised has not been tested.

Each situation is one function with a name and a docstring, its definition; coverage.py asks them as the events of a run pass by. Each
property names the situation that is its premise: as long as that has not come about, the property neither holds nor is broken.
"""

from raftcore.checks.situations.clients import CLIENTS
from raftcore.checks.situations.elections import ELECTIONS
from raftcore.checks.situations.faults import FAULTS
from raftcore.checks.situations.logs import LOGS
from raftcore.checks.situations.membership import MEMBERSHIP
from raftcore.checks.situations.situation import Situation

SITUATIONS: tuple[Situation, ...] = (*ELECTIONS, *LOGS, *MEMBERSHIP, *CLIENTS, *FAULTS)
"""In the order in which they are shown."""

__all__ = ["SITUATIONS", "Situation"]
