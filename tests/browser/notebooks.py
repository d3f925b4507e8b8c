"""What a person does with a notebook in JupyterLab, as functions of Playwright's page."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page

LIMIT_MS = 120_000

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
