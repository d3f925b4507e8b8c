"""The bar above: play and pause, event by event, the speed, and the moment that is shown, on a scrubber from the beginning to now."""

from raftcore.trace.view import ClusterView
from widgets.frame import Frame
from widgets.part import Part, Picture, together


class PlayerBar(Part):
    """Sends {"do": "play"}, "pause", "back", "step", "now", "fork", "save"; "go" with "at_ms", "speed" with "value", "copy" with "what"."""

    _esm = together("kit.js", "scrubber.js", "share.js", "player_bar.js")
    _css = together("kit.css", "player_bar.css", "scrubber.css")

    def draw(self, frame: Frame) -> Picture:
        return {
            "now_ms": frame.view.at_ms,
            "end_ms": frame.end_ms,
            "past": frame.past,
            "lives": frame.lives,
            "playing": frame.playing,
            "marks": [[mark.at_ms, mark.kind, mark.words] for mark in frame.marks],
            "speed": frame.speed,
            "paper": {"text": frame.paper, "number": frame.papers},
        }

    def still(self, view: ClusterView) -> str:
        return ""  # A clock that stands still says nothing that the other pictures do not.
