"""The tests' own browser: does it see what a notebook shows, and does it notice when something is wrong?"""

import pytest
from browser.notebooks import open_notebook, run_all, write_notebook
from playwright.sync_api import Page, expect

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


def test_a_widget_answers_a_click(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "counter.ipynb", COUNTER, "", "40 + 2"))
    run_all(page)

    expect(page.get_by_text("42", exact=True)).to_be_visible()
    page.get_by_role("button", name="count 0").click()
    expect(page.get_by_role("button", name="count 1")).to_be_visible()


def test_a_cell_that_raises_is_noticed(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "broken.ipynb", "raise ValueError('no such server')", "1"))

    with pytest.raises(AssertionError, match="no such server"):
        run_all(page)


def test_an_error_in_the_console_is_noticed(page: Page, browser_errors: list[str]):
    page.goto("/api/status")
    page.evaluate("() => console.error('a broken widget')")

    assert browser_errors == ["a broken widget"]
    browser_errors.clear()
