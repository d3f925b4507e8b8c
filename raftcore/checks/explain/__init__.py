"""Why? In a sentence that names the rule, the condition that is missing, and where the paper says so.

Pure functions of views and events.
"""

from raftcore.checks.explain.commit import why_not_committed
from raftcore.checks.explain.election import why_no_leader
from raftcore.checks.explain.pending import why_pending
from raftcore.checks.explain.refusal import why_refused

__all__ = ["why_no_leader", "why_not_committed", "why_pending", "why_refused"]
