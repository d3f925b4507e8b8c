"""The picture that a notebook keeps of a lab, and what a closed lab says."""

from typing import Any

import pytest
from msgspec.structs import replace

from raftcore import Cluster
from widgets import Lab, Ring
from widgets.frame import Frame
from widgets.kept import ANEW_BEATS, LIVE_ONLY, KeptStill
from widgets.lab import ENDED


class Shown:
    """Stands for a notebook's output: which pictures it was given."""

    def __init__(self) -> None:
        self.pictures: list[str] = []

    def display(self, data: dict[str, Any], **_: object) -> "Shown":
        self.pictures.append(data["text/plain"])
        return self

    def update(self, data: dict[str, Any], **_: object) -> None:
        self.pictures.append(data["text/plain"])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    output = Shown()
    monkeypatch.setattr("widgets.kept.display", output.display)
    return output


def frame_at(at_ms: float, **details: Any) -> Frame:
    view = replace(Cluster(size=3).view, at_ms=at_ms)
    return Frame(view=view, position=int(at_ms), **details)


def kept() -> KeptStill:
    return KeptStill(lambda view: f"<svg>{view.at_ms}</svg>", "The lab", frame_at(0).view)


def test_while_a_lab_plays_its_kept_picture_is_painted_every_few_seconds(shown: Shown) -> None:
    still = kept()
    for tenth in range(100):
        still.show(frame_at(tenth * 10, playing=True, beat=tenth // 10))
    assert len(shown.pictures) == 1 + 9 // ANEW_BEATS
    assert shown.pictures[-1] == "The lab at 800 ms"


def test_where_time_stands_still_the_kept_picture_is_of_that_moment(shown: Shown) -> None:
    still = kept()
    still.show(frame_at(700, playing=True, beat=1))
    for beat in range(2, 6):
        still.show(frame_at(700, beat=beat))
    assert shown.pictures == ["The lab at 0 ms", "The lab at 700 ms"]


def test_another_run_at_the_same_moment_is_another_picture(shown: Shown) -> None:
    still = kept()
    still.show(frame_at(700, beat=1))
    still.show(frame_at(700, beat=2, run=2))
    assert len(shown.pictures) == 3


def test_the_last_picture_is_of_the_end_however_soon_it_comes(shown: Shown) -> None:
    still = kept()
    still.show(frame_at(700, playing=True, beat=0))
    still.show(frame_at(710, beat=0, ended="closed"))
    assert shown.pictures == ["The lab at 0 ms", "The lab at 710 ms"]


def test_a_closed_lab_keeps_the_picture_of_the_moment_and_says_that_it_is_closed(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.lab.display", lambda *_, **__: None)
    cluster = Cluster(size=3, seed=7)
    lab, ring = Lab(cluster), Ring(cluster)
    lab.pause()
    lab._ipython_display_()
    cluster.run_for(2_000)
    assert ring.ended == ""
    lab.close()
    assert shown.pictures[-1] == f"The lab at {cluster.now_ms:,.0f} ms"
    assert ring.ended == ENDED
    assert ring.state["now_ms"] == cluster.now_ms


def test_a_lab_that_a_newer_one_replaces_says_so_and_the_newer_one_does_not() -> None:
    cluster = Cluster(size=3, seed=7)
    old = Ring(cluster)
    first = Lab(cluster)
    with Lab(cluster):
        assert old.ended == ENDED
        new = Ring(cluster)
        assert new.ended == ""
        first.close()  # once more
        assert new.ended == ""
    assert new.ended == ENDED


def test_what_stands_for_a_widget_without_its_kernel_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[dict[str, Any]] = []
    for module in ("widgets.kept", "widgets.part", "widgets.lab"):
        monkeypatch.setattr(f"{module}.display", lambda data, **_: laid.append(data))
    ring = Ring()
    ring.show(Frame(view=Cluster(size=3).view))
    ring._ipython_display_()
    with Lab(Cluster(size=3)) as lab:
        lab._ipython_display_()
    live = [data for data in laid if "application/vnd.jupyter.widget-view+json" in data]
    assert [data["text/plain"] for data in live] == [LIVE_ONLY] * 2
