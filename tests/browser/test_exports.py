"""Notebooks that nbconvert executed and exported: each figure is drawn where there is no network, and labs show their last moment."""

import re
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, expect

LIMIT_MS = 60_000
CELLS = (
    "from raftcore import Cluster\nfrom widgets import Lab, figures\nc = Cluster(size=3, seed=7)\nlab = Lab(c); lab.pause(); lab",
    "c.run_for(2_000); c.client('C1').set('x', '</script><b>'); lab.close(); print(round(c.now_ms))",
    "figures.timeline(c)",
    "import plotly.express as px\npx.bar(c.recording.reigns, x='leader', y='term')",
    "figures.log_grid(c)",
)
STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def executed() -> NotebookNode:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = new_notebook(cells=[new_code_cell(cell) for cell in CELLS], metadata=kernel)
    ExecutePreprocessor(timeout=120).preprocess(book)
    return book


def exported(book: NotebookNode, path: Path) -> str:
    html, _ = HTMLExporter().from_notebook_node(book)
    path.write_text(html, encoding="utf-8")
    return html


def test_each_figure_is_drawn_without_a_network(executed: NotebookNode, browser: Browser, tmp_path: Path) -> None:
    html = exported(executed, tmp_path / "book.html")
    assert html.count("rl-plotly") - html.count('querySelector("script.rl-plotly")') == 1  # plotly is packed once
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto((tmp_path / "book.html").as_uri(), wait_until="commit")
        figures = page.locator(".js-plotly-plot")
        expect(figures).to_have_count(3, timeout=LIMIT_MS)
        for number, words in enumerate(("leader · term 1", "term", "session")):
            expect(figures.nth(number)).to_contain_text(words, timeout=LIMIT_MS)
        expect(page.locator(".jp-RenderedSVG svg, .jp-OutputArea-output svg").first).to_be_visible()


def test_the_kept_picture_of_a_closed_lab_is_of_its_last_moment(executed: NotebookNode) -> None:
    said = next(out["data"]["text/plain"] for out in executed.cells[0].outputs if "image/svg+xml" in out.get("data", {}))
    assert re.sub(r"\D", "", said) == executed.cells[1].outputs[0]["text"].strip()


def test_no_model_of_a_widget_that_is_shown_is_missing(executed: NotebookNode) -> None:
    state = executed.metadata["widgets"][STATE]["state"]
    shown = [out["data"][VIEW]["model_id"] for cell in executed.cells for out in cell.outputs if VIEW in out.get("data", {})]
    assert shown
    assert set(shown) <= set(state)
    assert set(re.findall(r"IPY_MODEL_([0-9a-f]+)", str(state))) <= set(state)


def test_a_notebook_that_was_saved_without_its_widgets_shows_the_picture_and_a_sentence(executed: NotebookNode, tmp_path: Path) -> None:
    book = executed.copy()
    book.metadata = {name: value for name, value in executed.metadata.items() if name != "widgets"}
    html = exported(NotebookNode(book), tmp_path / "book.html")
    assert "This part is alive where a kernel runs." in html
    assert "Lab(children=" not in html
