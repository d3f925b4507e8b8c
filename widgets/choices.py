"""What can happen next in a small world, each as a button; and what was chosen so far."""

from raftcore.hunting.walk import Walk
from raftcore.trace.view import ClusterView
from raftcore.vocabulary.errors import RaftLabError
from widgets.frame import Frame
from widgets.part import Intent, Part, Picture, together

BY_NAME = {"time_out": "times out", "crash": "crashes", "restart": "restarts"}
"""What a person may ask of a server on the ring, and how the choice is called that does it."""


class Choices(Part):
    """Sends {"do": "choose", "index"} and {"do": "back"}. It holds the walk, and says in `notice` what can't be done."""

    _esm = together("kit.js", "choices.js")
    _css = together("kit.css", "choices.css")

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk
        self.notice = ""

    def take(self, intent: Intent) -> None:
        """Do what a person asked for, here or on the ring. What can't be done becomes the notice."""
        try:
            self.notice = ""
            self._obey(intent)
        except RaftLabError as error:
            self.notice = str(error)

    def _obey(self, intent: Intent) -> None:
        match intent:
            case {"do": "choose", "index": index}:
                self.walk.choose(index)
            case {"do": "back"}:
                self.walk.back()
            case {"do": kind, "server": server} if kind in BY_NAME:
                self._choose(f"{server} {BY_NAME[kind]}")
            case _:
                self.notice = "in a small world only what stands in the list can happen"

    def _choose(self, words: str) -> None:
        choices = self.walk.choices
        if words in choices:
            self.walk.choose(choices.index(words))
        else:
            self.notice = f"it can't be that {words} now; the list says what can happen"

    def draw(self, frame: Frame) -> Picture:
        broken = self.walk.violation
        return {
            "servers": list(frame.view.servers),
            "choices": list(self.walk.choices),
            "said": list(self.walk.said),
            "path": str(list(self.walk.path)),
            "violation": f"{broken.property} is broken: {broken.sentence}." if broken else "",
            "notice": self.notice,
        }

    def still(self, view: ClusterView) -> str:
        return ""  # Without a kernel nobody can choose anything.
