"""The HTML that a figure brings for exported notebooks."""

import json
import re

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from widgets.figures import exported
from widgets.figures.exported import IN_JUPYTER, NAME, ExportedRenderer, html_of, install, packed_plotly

FIGURE = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], text=["</script><b>", "&"])).to_dict()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "_carrier", [])


def carries(monkeypatch: pytest.MonkeyPatch, cell: str | None, execution: str) -> bool:
    monkeypatch.setattr(exported, "this_execution", lambda: (cell, execution))
    return "application/gzip" in ExportedRenderer().to_mimebundle(FIGURE)["text/html"]


def test_the_first_figure_of_a_kernel_brings_plotly_and_so_does_its_cell_when_it_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert carries(monkeypatch, "a", "1")
    assert not carries(monkeypatch, "a", "1")  # a second one of the same cell
    assert not carries(monkeypatch, "b", "2")
    assert carries(monkeypatch, "a", "3")
    assert not carries(monkeypatch, "b", "4")


def test_where_the_front_end_names_no_cells_only_the_first_brings_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [carries(monkeypatch, None, execution) for execution in "123"] == [True, False, False]


def test_a_figure_without_plotly_is_as_small_as_its_data() -> None:
    html = html_of(FIGURE, with_plotly=False)
    assert len(html) < len(pio.to_json(FIGURE, validate=False)) + 3_000
    assert "Plotly.newPlot" in html
    assert len(packed_plotly()) < 2_500_000


def test_no_text_of_a_figure_ends_its_script() -> None:
    html = html_of(FIGURE, with_plotly=False)
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html)
    assert data is not None
    assert json.loads(data[1])["data"][0]["text"] == ["</script><b>", "&"]


def test_another_renderer_that_somebody_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pio.renderers.default
    try:
        pio.renderers.default = "svg"
        install()
        assert pio.renderers.default == "svg"
        pio.renderers.default = IN_JUPYTER
        install()
        assert pio.renderers.default == f"{IN_JUPYTER}+{NAME}"
        assert set(go.Figure(FIGURE)._repr_mimebundle_()) == {"application/vnd.plotly.v1+json", "text/html"}
    finally:
        pio.renderers.default = before
