"""The screen of the lab: `Lab(cluster)`, and its parts, each of which also works alone in a cell.

Widgets read views and trace events, and send actions; none ever touches a server's state.
"""

from widgets.command_bar import CommandBar
from widgets.event_feed import EventFeed
from widgets.kv_table import KvTable
from widgets.lab import Lab
from widgets.log_grid import LogGrid
from widgets.player_bar import PlayerBar
from widgets.replay import Replay
from widgets.ring import Ring
from widgets.status_line import StatusLine
from widgets.timeline import Timeline
from widgets.walking import Walking

__all__ = ["CommandBar", "EventFeed", "KvTable", "Lab", "LogGrid", "PlayerBar", "Replay", "Ring", "StatusLine", "Timeline", "Walking"]
