"""A real JupyterLab and a real browser. Tests take `notebook` or `page`, and find in it what a person would find.

`notebook` is open already, with a kernel: a test puts its cells into it. To open one takes seconds, so all tests share it, one after the
other, and nothing of a test is left for the next one. `page` is empty, and for those that open a notebook themselves, or end its kernel.
Both fail their test at the end if the browser's console said an error. Every kernel that a test started ends with the test.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser.jupyter_server import FLAGS, WINDOW, Jupyter, find_browser, run_jupyter
from browser.notebooks import SHARED, clear, open_notebook, write_notebook


@pytest.fixture(scope="session")
def browser_path() -> str:
    found = find_browser()
    if found:
        return found
    advice = "no browser found: install Chromium (Debian, Ubuntu: apt install chromium) or Google Chrome"
    if os.environ.get("CI"):
        pytest.fail(advice)
    pytest.skip(advice)


@pytest.fixture(scope="package")
def jupyter(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    assert browser_path, "without a browser nothing needs to start"
    with run_jupyter(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


# Not for the whole session: while Playwright is in use, no other test of this process could run an event loop.
@pytest.fixture(scope="package")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=FLAGS, headless=True)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def console() -> list[str]:
    """The errors that all consoles have said."""
    return []


@pytest.fixture
def browser_errors(console: list[str]) -> list[str]:
    """What the browser's console has said in this test. A test that provokes an error clears the list."""
    console.clear()
    return console


@pytest.fixture
def page(jupyter: Jupyter, browser: Browser, browser_errors: list[str]) -> Iterator[Page]:
    page = new_page(jupyter, browser, browser_errors)
    yield page
    page.context.close()
    jupyter.end_kernels(but=SHARED)
    assert browser_errors == [], "the browser's console said this"


@pytest.fixture(scope="package")
def shared_notebook(jupyter: Jupyter, browser: Browser, console: list[str]) -> Page:
    page = new_page(jupyter, browser, console)
    open_notebook(page, write_notebook(jupyter.folder, SHARED, ""))
    return page


@pytest.fixture
def notebook(shared_notebook: Page, browser_errors: list[str]) -> Iterator[Page]:
    yield shared_notebook
    clear(shared_notebook)
    shared_notebook.set_viewport_size(WINDOW)
    assert browser_errors == [], "the browser's console said this"


def new_page(jupyter: Jupyter, browser: Browser, errors: list[str]) -> Page:
    """A page that knows nothing of others, and keeps what its console says of errors."""
    page = browser.new_context(base_url=jupyter.url, viewport=WINDOW).new_page()
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(f"exception: {error}"))
    return page
