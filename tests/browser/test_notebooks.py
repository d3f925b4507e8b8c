"""The tests' own browser: does it see what a notebook shows, and does it notice when something is wrong?"""

import pytest
from playwright.sync_api import Page, expect

from browser.notebooks import LIMIT_MS, clear, put

COUNTER = """
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
        const button = document.createElement("button");
        const draw = () => { button.textContent = `count ${model.get("count")}` };
        button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes() };
        model.on("change:count", draw); draw(); el.append(button);
    } }'''
    count = traitlets.Int(0).tag(sync=True)

Counter()
"""


def test_a_widget_answers_a_click(notebook: Page):
    put(notebook, COUNTER, "", "40 + 2")

    expect(notebook.get_by_text("42", exact=True)).to_be_visible()
    notebook.get_by_role("button", name="count 0").click()
    expect(notebook.get_by_role("button", name="count 1")).to_be_visible()


def test_a_cell_that_raises_is_noticed(notebook: Page):
    with pytest.raises(AssertionError, match="no such server"):
        put(notebook, "raise ValueError('no such server')", "1")


def test_nothing_of_a_test_is_left_for_the_next_one(notebook: Page):
    put(notebook, "from raftcore import Cluster\nfrom widgets import Lab\nCluster.kept = Lab(Cluster(3))\nCluster.kept")
    expect(notebook.locator(".rl-lab")).to_be_visible(timeout=LIMIT_MS)
    clear(notebook)
    expect(notebook.locator(".jp-Cell")).to_have_count(1)
    expect(notebook.locator(".rl-lab")).to_have_count(0)

    put(notebook, "'Cluster' in globals()", "from raftcore import Cluster\nCluster.kept.playing, Cluster.kept.notice")
    expect(notebook.locator(".jp-InputArea-prompt")).to_have_text(["[1]:", "[2]:"])
    expect(notebook.locator(".jp-OutputArea-output")).to_have_text(["False", "(False, '')"])


@pytest.mark.parametrize("place", ["page", "notebook"])
def test_an_error_in_the_console_is_noticed(place: str, request: pytest.FixtureRequest, browser_errors: list[str]):
    request.getfixturevalue(place).evaluate("() => console.error('a broken widget')")

    assert browser_errors == ["a broken widget"]
    browser_errors.clear()
