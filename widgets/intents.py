"""What a person did in the browser becomes what is done to the cluster. Data from a browser is checked like any other.

Each function takes the cluster and an intent; what does not fit is refused with a sentence, by the cluster or here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from raftcore import Cluster
from raftcore.statemachine.language import parse_command
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, Set
from raftcore.vocabulary.errors import CommandError

Intent = Mapping[str, Any]

LINK_CHANGES = ("up", "delay_ms", "loss", "duplication", "reordering")


def _text(intent: Intent, name: str) -> str:
    return str(intent.get(name) or "")


def _link(cluster: Cluster, intent: Intent) -> None:
    changes = {name: intent[name] for name in LINK_CHANGES if name in intent}
    if "delay_ms" in changes:
        changes["delay_ms"] = tuple(changes["delay_ms"])
    cluster.link(_text(intent, "source"), _text(intent, "target"), **changes)


def command(intent: Intent) -> Command:
    """The command that the command bar's fields, or its line of text, ask for; CommandError when they ask for none."""
    if "text" in intent:
        return parse_command(_text(intent, "text"))
    key, value = _text(intent, "key"), _text(intent, "value")
    match intent.get("op"):
        case "set":
            return Set(key, value)
        case "get":
            return Get(key)
        case "delete":
            return Delete(key)
        case "append":
            return Append(key, value)
        case "cas":
            return Cas(key, _text(intent, "expected"), value)
        case other:
            raise CommandError(f"no operation {other!r}; choose set, get, delete, append or cas")


def _submit(cluster: Cluster, intent: Intent) -> None:
    cluster.submit(_text(intent, "client"), command(intent), through=intent.get("through") or None)


CONTROLS: Mapping[str, Callable[[Cluster, Intent], None]] = {
    "crash": lambda cluster, intent: cluster.crash(_text(intent, "server")),
    "restart": lambda cluster, intent: cluster.restart(_text(intent, "server")),
    "pause_server": lambda cluster, intent: cluster.pause(_text(intent, "server")),
    "resume_server": lambda cluster, intent: cluster.resume(_text(intent, "server")),
    "time_out": lambda cluster, intent: cluster.time_out(_text(intent, "server")),
    "isolate": lambda cluster, intent: cluster.isolate(_text(intent, "server")),
    "partition": lambda cluster, intent: cluster.partition(*intent.get("groups", ())),
    "heal": lambda cluster, _intent: cluster.heal(),
    "link": _link,
    "submit": _submit,
}
"""What a part may ask to be done to the cluster, by the name in the intent's "do"."""
