"""Figures in notebooks that leave Jupyter, as by nbconvert: beside its data, each brings a piece of HTML that draws it on any page.

JupyterLab draws a figure from its data (application/vnd.plotly.v1+json) and never looks at the HTML. An exported page has no plotly, and
need not have a network: so the first figure of a kernel brings plotly along, packed.
"""

import gzip
from base64 import b64encode
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import plotly.io as pio
from plotly.io.base_renderers import MimetypeRenderer
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from widgets.cells import this_execution

NAME = "raft_lab"
IN_JUPYTER = "plotly_mimetype"
"""What plotly chooses by itself where a notebook's front end draws its figures. Any other choice is left as it is."""

SCRIPT = Path(__file__).with_name("exported.js").read_text(encoding="utf-8")
HTML = """<div id="{id}" data-plotly="{address}" style="min-height: {height}px">This figure is drawn by a script.</div>
<script type="application/json" id="{id}-data">{figure}</script>
{packed}<script>{script}</script>
"""


_carrier: list[tuple[str | None, str | None]] = []
"""The cell whose output has plotly, and the execution of it that put it there; empty as long as no figure was shown."""


class ExportedRenderer(MimetypeRenderer):  # type: ignore[misc]  # plotly has no types
    """A plotly renderer that gives the HTML of a figure. plotly copies it for each figure, so it holds nothing."""

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, str]:
        """The HTML under its MIME type."""
        return {"text/html": html_of(fig_dict, with_plotly=_must_carry())}


def _must_carry() -> bool:
    """Whether plotly goes along: with the first figure, and again when its cell runs again, since its output is gone then."""
    cell, execution = this_execution()
    again = bool(_carrier) and cell is not None and _carrier[0][0] == cell and _carrier[0][1] != execution
    if _carrier and not again:
        return False
    _carrier[:] = [(cell, execution)]
    return True


def install() -> None:
    """Let figures bring their HTML, unless somebody has chosen another renderer."""
    if pio.renderers.default == IN_JUPYTER:
        pio.renderers[NAME] = ExportedRenderer()
        pio.renderers.default = f"{IN_JUPYTER}+{NAME}"


def html_of(figure: dict[str, Any], with_plotly: bool) -> str:
    """A piece of HTML that draws this figure."""
    number = f"rl-figure-{uuid4().hex}"
    return HTML.format(
        id=number,
        address=escape(address()),
        height=figure.get("layout", {}).get("height") or 450,
        figure=in_script(pio.to_json(figure, validate=False)),
        packed=f'<script class="rl-plotly" type="application/gzip">{packed_plotly()}</script>\n' if with_plotly else "",
        script=SCRIPT.replace("ID", f'"{number}"'),
    )


def in_script(json: str) -> str:
    """JSON that can't end the script tag in which it stands."""
    return json.replace("<", "\\u003c")


@cache
def packed_plotly() -> str:
    """plotly.js, compressed, in base64: 2 MB."""
    return b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def address() -> str:
    """Where the same plotly.js lies in the network."""
    return f"https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"
