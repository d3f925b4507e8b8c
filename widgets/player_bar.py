"""The bar above: play and pause, one event, the speed, and the simulated clock."""

from raftcore.trace.view import ClusterView
from widgets.frame import Frame
from widgets.part import Part, Picture, together


class PlayerBar(Part):
    """Sends {"do": "play"}, "pause", "step", and {"do": "speed", "value": simulated ms per real ms}."""

    _esm = together("kit.js", "player_bar.js")
    _css = together("kit.css", "player_bar.css")

    def draw(self, frame: Frame) -> Picture:
        return {"now_ms": frame.view.at_ms, "playing": frame.playing, "speed": frame.speed}

    def still(self, view: ClusterView) -> str:
        return ""  # A clock that stands still says nothing that the other pictures do not.
