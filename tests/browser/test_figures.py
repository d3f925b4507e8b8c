"""The figures of a recorded run in a real JupyterLab: they need no widget, and the space-time diagram follows the pointer."""

from playwright.sync_api import Page, expect

from browser.notebooks import put

LIMIT_MS = 60_000
RUN = """from raftcore import Cluster
from widgets import figures
cluster = Cluster(size=3, seed=7)
cluster.run_for(2_000)
run = cluster.recording"""
PINK = "rgb(204, 121, 167)"
CHOSEN = """(pink) => [...document.querySelectorAll(".scatterlayer .js-line")]
    .some((line) => getComputedStyle(line).stroke === pink && line.getAttribute("d")?.length > 5)"""


def test_a_figure_is_shown_without_a_widget(notebook: Page):
    put(notebook, RUN, "figures.timeline(run)")
    expect(notebook.locator(".js-plotly-plot .bartext", has_text="leader · term 1")).to_be_visible(timeout=LIMIT_MS)
    assert notebook.locator(".jupyter-widgets").count() == 0


def test_pointing_at_a_message_lights_up_its_causal_past_and_future(notebook: Page):
    put(notebook, RUN, "figures.hover_space_time(run, 1_000, 1_100)")
    points = notebook.locator(".scatterlayer path.point")
    expect(points.first).to_be_attached(timeout=LIMIT_MS)
    room = notebook.locator(".jp-OutputArea-output").last.bounding_box()
    notebook.wait_for_function(
        "(room) => document.querySelector('.main-svg').clientWidth > 0.9 * room", arg=room["width"], timeout=LIMIT_MS
    )
    assert not notebook.evaluate(CHOSEN, PINK)

    ring = points.nth(points.count() // 2).bounding_box()
    notebook.mouse.move(ring["x"] + ring["width"] / 2 - 5, ring["y"] + ring["height"] / 2 - 5)
    notebook.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    notebook.wait_for_function(CHOSEN, arg=PINK, timeout=LIMIT_MS)
    expect(notebook.locator(".hoverlayer")).to_contain_text("message")
