"""What a person does with a notebook in JupyterLab, as functions of Playwright's page."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page

LIMIT_MS = 120_000

SHARED = "shared.ipynb"
"""The notebook that stays open from test to test, with its kernel."""

# JupyterLab's own model tells the truth earlier and more plainly than what it paints: on a busy machine the kernel is painted as idle
# before the notebook is connected to it.
CONNECTED = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""

RUN_ALL = """(limitMs) => {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`cells still run after ${limitMs} ms`)), limitMs));
    return Promise.race([window.jupyterapp.commands.execute("notebook:run-all-cells"), late]);
}"""

ERRORS = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells].filter(({ type }) => type === "code");
    const skipped = cells.filter((cell) => cell.sharedModel.source.trim() && !cell.executionCount);
    const errors = cells.flatMap((cell) => cell.outputs.toJSON()).filter(({ output_type }) => output_type === "error");
    const raised = errors.map(({ ename, evalue }) => `${ename}: ${evalue}`);
    return [...raised, ...skipped.map((cell) => `did not run: ${cell.sharedModel.source}`)];
}"""


PUT_CELLS = """(sources) => {
    const notebook = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    const before = notebook.cells.length;
    notebook.transact(() => {
        notebook.insertCells(0, sources.map((source) => ({ cell_type: "code", source, metadata: {} })));
        notebook.deleteCellRange(sources.length, sources.length + before);
    });
}"""

EXECUTE = """async ([code, limitMs]) => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`no answer after ${limitMs} ms`)), limitMs));
    const { content } = await Promise.race([kernel.requestExecute({ code, silent: true }).done, late]);
    return content.status;
}"""

OPEN_SIDE_BAR = """() => {
    const { shell } = window.jupyterapp;
    if (shell.leftCollapsed) shell.expandLeft();
}"""

FORGET = """
from widgets import cells
for thing in cells.all_shown():
    thing.close()
get_ipython().reset()
"""


def write_notebook(folder: Path, name: str, *cells: str) -> str:
    """Makes a notebook of these code cells; returns its name."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}), folder / name)
    return name


def open_notebook(page: Page, path: str, limit_ms: int = LIMIT_MS) -> None:
    """Opens a notebook of the project, "labs/00_tour.ipynb" say, and waits for its kernel."""
    page.goto(f"/lab/tree/{path}?reset", timeout=limit_ms)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=limit_ms)
    page.wait_for_function(CONNECTED, timeout=limit_ms)


def run_all(page: Page, limit_ms: int = LIMIT_MS) -> None:
    """Runs all cells; returns when each has run, and fails with the message of one that raised."""
    page.evaluate(RUN_ALL, limit_ms)
    errors = page.evaluate(ERRORS)
    assert errors == [], "\n".join(errors)


def put(page: Page, *cells: str) -> None:
    """Puts these code cells in place of all that the notebook has, and runs them."""
    page.evaluate(PUT_CELLS, cells)
    run_all(page)


def clear(page: Page) -> None:
    """Leaves one empty cell, and a kernel in which no lab is open, that has no names and counts from 1."""
    page.evaluate(PUT_CELLS, [""])
    page.evaluate(OPEN_SIDE_BAR)
    assert page.evaluate(EXECUTE, [FORGET, LIMIT_MS]) == "ok"
