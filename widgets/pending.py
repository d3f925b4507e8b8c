"""An action that a person wants where none is possible, and what the lab asks before it takes it in a fork."""

import math

from msgspec import Struct

from raftcore import Cluster
from widgets.intents import Intent
from widgets.pane import Sight


class PendingAction(Struct, frozen=True):
    """sight: what the person saw, and so where the fork is to begin. intent: what is to be done there."""

    sight: Sight
    intent: Intent

    @property
    def question(self) -> str:
        """What the person is asked."""
        at = f"{math.floor(self.sight.at_ms):,} ms"  # as the bar's clock says it
        if not isinstance(self.sight.branch.run, Cluster):
            return f"This is a recording, which does not change. Fork it here, at {at}, and do it in the fork?"
        return f"You look at {at}, and what was does not change. Fork here, and do it in the fork?"
