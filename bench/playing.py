"""A lab that plays in a real JupyterLab: processor time of its kernel, and how long a click takes to be seen.

A five-server lab at its default speed, under 5 commands a second, in the tests' own browser.
"""

import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from bench.figure import Figure

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from browser.jupyter_server import FLAGS, WINDOW, find_browser, run_jupyter
from browser.notebooks import open_notebook, run_all, write_notebook
from playwright.sync_api import Page, sync_playwright

SETTLE_S, SPAN_S = 12.0, 15.0
CLICKS = 40

LAB = "from raftcore import Cluster\nfrom widgets import Lab\ncluster = Cluster(size=5, seed=7)\nlab = Lab(cluster)\nlab"
LOAD = """
import threading, time

def load():
    number = 0
    while True:
        number += 1
        cluster.submit(f"C{number % 3 + 1}", f"SET k{number % 20} {number}")
        time.sleep(0.2)

threading.Thread(target=load, daemon=True).start()
"""
USED = "time.process_time()"

SEEN = """async ([server, control, word]) => {
    const node = document.querySelector(`.rl-ring [data-server=${server}]`);
    const button = document.querySelector(`.rl-ring [data-do=${control}]`);
    const start = performance.now();
    const seen = new Promise((resolve) => {
        const look = () => (node.getAttribute("aria-label").includes(word) ? resolve() : requestAnimationFrame(look));
        requestAnimationFrame(look);
    });
    button.click();
    await seen;
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


@contextmanager
def playing_lab():
    """A page with a lab under load, once everything in it is there."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        jupyter = stack.enter_context(run_jupyter(home))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS, headless=True)
        stack.callback(browser.close)
        page = browser.new_context(base_url=jupyter.url, viewport=WINDOW).new_page()
        open_notebook(page, write_notebook(jupyter.folder, "bench.ipynb", LAB, LOAD))
        run_all(page)
        page.locator(".js-plotly-plot").wait_for(timeout=60_000)
        time.sleep(SETTLE_S)
        yield page


def asked(page: Page, expression: str) -> float:
    """What the kernel says, asked past the notebook, so that nothing is drawn for it."""
    return float(page.evaluate(ASK, expression))


ASK = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({ code: "", user_expressions: { said: code }, store_history: false });
    const reply = await future.done;
    return reply.content.user_expressions.said.data["text/plain"];
}"""


def kernel_share(page: Page) -> float:
    before, start = asked(page, USED), time.monotonic()
    time.sleep(SPAN_S)
    return (asked(page, USED) - before) / (time.monotonic() - start)


def clicks_ms(page: Page) -> list[float]:
    """Crash and restart of one server, in turns: from the click to the frame that shows it."""
    page.locator(".rl-ring [data-server=S3]").click()
    taken = []
    for number in range(CLICKS):
        control, word = ("crash", "crashed") if number % 2 == 0 else ("restart", "follower")
        taken.append(float(page.evaluate(SEEN, ["S3", control, word])))
        time.sleep(0.3)
    return taken


def figures() -> list[Figure]:
    with playing_lab() as page:
        share = kernel_share(page)
        slow = quantiles(clicks_ms(page), n=20)[-1]
    return [
        Figure("a playing lab's kernel", f"{share:.1%} of a core", "", None, "< 25 %", share < 0.25),
        Figure("click to paint, 95 % within", f"{slow:.0f} ms", "", None, "< 150 ms", slow < 150),
    ]
