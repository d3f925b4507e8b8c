"""What the cells of a notebook show: what a cell made when it ran before makes room for what it makes now."""

from typing import Any, Protocol

from IPython.core.getipython import get_ipython


class Closable(Protocol):
    """What a cell can show."""

    def close(self) -> None: ...


_shown: dict[object, tuple[object, list[Closable]]] = {}
"""By place, such as a cell: its latest maker, such as an execution of the cell, and what that made."""


def make_room(thing: Closable, place: object, maker: object) -> None:
    """Close what another maker made at this place. One maker may make several things, side by side."""
    made_by, things = _shown.get(place, (maker, []))
    if made_by != maker:
        for old in tuple(things):
            old.close()
        things = []
    _shown[place] = (maker, [*things, thing])


def forget(thing: Closable) -> None:
    """It was closed, and needs no place any more."""
    for place, (maker, things) in list(_shown.items()):
        others = [other for other in things if other is not thing]
        if others:
            _shown[place] = (maker, others)
        else:
            del _shown[place]


def all_shown() -> list[Closable]:
    """Everything that has a place."""
    return [thing for _, things in list(_shown.values()) for thing in things]


def has_kernel() -> bool:
    """Whether this code runs in a notebook's kernel."""
    return _kernel() is not None


def this_execution() -> tuple[str | None, str | None]:
    """The cell that runs, and which run of it this is; None where the front end does not say."""
    kernel = _kernel()
    message = kernel.get_parent() if kernel is not None else {}
    return message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id")


def _kernel() -> Any:
    return getattr(get_ipython(), "kernel", None)
