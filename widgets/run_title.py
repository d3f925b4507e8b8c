"""What stands above a run where two are shown side by side: its name, and its moment."""

from raftcore.trace.view import ClusterView
from widgets.frame import Frame
from widgets.part import Part, Picture, together


class RunTitle(Part):
    """Sends {"do": "choose", "run"}."""

    _esm = together("kit.js", "run_title.js")
    _css = together("kit.css", "run_title.css")

    def draw(self, frame: Frame) -> Picture:
        if frame.beside is None:
            return {"shown": False}
        name = next((one.name for one in frame.lines if one.number == frame.run), "")
        at = f"{frame.view.at_ms:,.0f} ms" + ("" if frame.past else ", its end so far" if frame.lives else ", the recording's end")
        chosen = frame.run == frame.chosen
        return {"shown": True, "run": frame.run, "name": name, "at": at, "chosen": chosen}

    def still(self, view: ClusterView) -> str:
        return ""  # A view knows of one run.
