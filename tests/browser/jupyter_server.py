"""A real JupyterLab for tests and benches: on 127.0.0.1 only, in a folder of its own, ended by its own handle."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import ViewportSize

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page, not only those in sight
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WINDOW: ViewportSize = {"width": 1440, "height": 1000}
START_MS = 60_000
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Jupyter(NamedTuple):
    """A running JupyterLab, and the folder that it shows: a copy, so that nothing in the project changes."""

    url: str
    folder: Path

    def ask(self, path: str, method: str = "GET") -> Any:
        with DIRECTLY.open(urllib.request.Request(f"{self.url}/{path}", method=method), timeout=20) as answer:
            return json.loads(answer.read() or "null")

    def end_kernels(self, but: str = "") -> None:
        """End all kernels, but for that of the notebook of this name."""
        for session in self.ask("api/sessions"):
            if session["path"] != but:
                self.ask(f"api/sessions/{session['id']}", "DELETE")


def find_browser() -> str | None:
    """The system's browser, or None where there is none."""
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


@contextlib.contextmanager
def run_jupyter(home: Path) -> Iterator[Jupyter]:
    """A JupyterLab on a copy of the labs; its kernels end with it."""
    folder = home / "project"
    folder.mkdir()
    if (ROOT / "labs").is_dir():
        shutil.copytree(ROOT / "labs", folder / "labs", ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    for name, value in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")
    server = Jupyter(f"http://127.0.0.1:{free_port()}", folder)
    with (home / "log").open("w") as log, start(server, home, log) as process:
        try:
            wait_until_it_answers(server, process, home / "log")
            yield server
            server.end_kernels()
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def start(server: Jupyter, home: Path, log: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={server.url.split(':')[-1]}"]
    command += [
        "--ServerApp.port_retries=0",
        "--ServerApp.disable_check_xsrf=True",
        "--expose-app-in-browser",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
    ]
    places = {
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    own = os.environ | {name: str(home / folder) for name, folder in places.items()}
    return subprocess.Popen(command, cwd=server.folder, env=own, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def wait_until_it_answers(server: Jupyter, process: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + START_MS / 1000
    while time.monotonic() < patience and process.poll() is None:
        with contextlib.suppress(OSError):
            server.ask("api/status")
            return
        time.sleep(0.2)
    raise TimeoutError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
