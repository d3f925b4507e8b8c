"""A real JupyterLab and a real browser. Tests take `page`, and find in it what a person would find.

`page` fails its test at the end if the browser's console said an error. Every kernel that a test started ends with the test.
"""

import os
from collections.abc import Iterator

import pytest
from browser.jupyter_server import FLAGS, WINDOW, Jupyter, find_browser, run_jupyter
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="session")
def browser_path() -> str:
    found = find_browser()
    if found:
        return found
    advice = "no browser found: install Chromium (Debian, Ubuntu: apt install chromium) or Google Chrome"
    if os.environ.get("CI"):
        pytest.fail(advice)
    pytest.skip(advice)


@pytest.fixture(scope="session")
def jupyter(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    assert browser_path, "without a browser nothing needs to start"
    with run_jupyter(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


# Not for the whole session: while Playwright is in use, no other test of this process could run an event loop.
@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=FLAGS, headless=True)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_errors() -> list[str]:
    """What the console has said so far. A test that provokes an error clears the list."""
    return []


@pytest.fixture
def page(jupyter: Jupyter, browser: Browser, browser_errors: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=jupyter.url, viewport=WINDOW)
    page = context.new_page()
    page.on("console", lambda said: browser_errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: browser_errors.append(f"exception: {error}"))
    yield page
    context.close()
    jupyter.end_kernels()
    assert browser_errors == [], "the browser's console said this"
