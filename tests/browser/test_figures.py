"""The figures of a recorded run in a real JupyterLab: they need no widget, and the space-time diagram follows the pointer."""

from browser.notebooks import open_notebook, run_all, write_notebook
from playwright.sync_api import Page, expect

LIMIT_MS = 60_000
RUN = """from raftcore import Cluster
from widgets import figures
cluster = Cluster(size=3, seed=7)
cluster.run_for(2_000)
run = cluster.recording"""
PINK = "rgb(204, 121, 167)"
CHOSEN = """(pink) => [...document.querySelectorAll(".scatterlayer .js-line")]
    .some((line) => getComputedStyle(line).stroke === pink && line.getAttribute("d")?.length > 5)"""


def test_a_figure_is_shown_without_a_widget(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "figure.ipynb", RUN, "figures.timeline(run)"))
    run_all(page)
    expect(page.locator(".js-plotly-plot .bartext", has_text="leader · term 1")).to_be_visible(timeout=LIMIT_MS)
    assert page.locator(".jupyter-widgets").count() == 0


def test_pointing_at_a_message_lights_up_its_causal_past_and_future(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "hover.ipynb", RUN, "figures.hover_space_time(run, 1_000, 1_100)"))
    run_all(page)
    points = page.locator(".scatterlayer path.point")
    expect(points.first).to_be_attached(timeout=LIMIT_MS)
    room = page.locator(".jp-OutputArea-output").last.bounding_box()
    page.wait_for_function("(room) => document.querySelector('.main-svg').clientWidth > 0.9 * room", arg=room["width"], timeout=LIMIT_MS)
    assert not page.evaluate(CHOSEN, PINK)

    ring = points.nth(points.count() // 2).bounding_box()
    page.mouse.move(ring["x"] + ring["width"] / 2 - 5, ring["y"] + ring["height"] / 2 - 5)
    page.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    page.wait_for_function(CHOSEN, arg=PINK, timeout=LIMIT_MS)
    expect(page.locator(".hoverlayer")).to_contain_text("message")
