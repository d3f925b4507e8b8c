"""What a person did in the browser becomes what is done to the cluster. Data from a browser is checked like any other.

Each function takes the cluster and an intent; what does not fit is refused with a sentence, by the cluster or here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from raftcore import Cluster
from raftcore.statemachine.language import parse_command
from raftcore.vocabulary.commands import Append, Cas, Command, Delete, Get, ReadMode, Set
from raftcore.vocabulary.errors import CommandError, ControlError
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import items

Intent = Mapping[str, Any]

DISK_CHANGES = ("sync_ms", "sync_fails", "capacity_bytes", "loses_writes", "reads_fail")
LINK_CHANGES = ("up", "delay_ms", "loss", "duplication", "reordering")


def _text(intent: Intent, name: str) -> str:
    return str(intent.get(name) or "")


def said(intent: Intent, name: str) -> Any:
    """What the intent says of this, None where it says nothing; whoever takes it refuses what can't be."""
    return intent.get(name)


def _items(intent: Intent, name: str) -> list[Any]:
    found = items(said(intent, name))
    if found is None:
        raise ControlError(f"{name} must be a list, and is {brief(said(intent, name))}")
    return found


def _link(cluster: Cluster, intent: Intent) -> None:
    changes = {name: intent[name] for name in LINK_CHANGES if name in intent}
    if "delay_ms" in changes:
        changes["delay_ms"] = tuple(_items(changes, "delay_ms"))
    cluster.link(_text(intent, "source"), _text(intent, "target"), **changes)


def _create_server(cluster: Cluster, _intent: Intent) -> None:
    cluster.create_server()


def _add_server(cluster: Cluster, _intent: Intent) -> None:
    cluster.add_server()


def _membership(cluster: Cluster, intent: Intent) -> None:
    """Make the chosen servers voters or learners, or let them belong to the cluster no more: one change, however many they are."""
    chosen = {str(name) for name in _items(intent, "servers")}
    now = cluster.view.configuration
    voters, learners = set(now.voters) - chosen, set(now.learners) - chosen
    match intent.get("become"):
        case "voter":
            voters |= chosen
        case "learner":
            learners |= chosen
        case "outsider":
            pass
        case other:
            raise ControlError(f"no place {brief(other)} in a cluster; choose voter, learner or outsider")
    cluster.change_membership(voters, learners)


def _disk(cluster: Cluster, intent: Intent) -> None:
    cluster.disk(_text(intent, "server"), **{name: intent[name] for name in DISK_CHANGES if name in intent})


def command(intent: Intent) -> Command:
    """The command that the command bar's fields, or its line of text, ask for; CommandError when they ask for none."""
    if "text" in intent:
        return parse_command(_text(intent, "text"))
    key, value = _text(intent, "key"), _text(intent, "value")
    match intent.get("op"):
        case "set":
            return Set(key, value)
        case "get":
            return Get(key, read_mode(_text(intent, "mode")))
        case "delete":
            return Delete(key)
        case "append":
            return Append(key, value)
        case "cas":
            return Cas(key, _text(intent, "expected"), value)
        case other:
            raise CommandError(f"no operation {brief(other)}; choose set, get, delete, append or cas")


def read_mode(name: str) -> ReadMode | None:
    """How a read is to find its answer; "" leaves it to the cluster's configuration."""
    try:
        return ReadMode(name) if name else None
    except ValueError:
        raise CommandError(f"no way to read {brief(name)}; choose {', '.join(mode.value for mode in ReadMode)}") from None


def _submit(cluster: Cluster, intent: Intent) -> None:
    cluster.submit(_text(intent, "client"), command(intent), through=intent.get("through") or None)


CONTROLS: Mapping[str, Callable[[Cluster, Intent], None]] = {
    "crash": lambda cluster, intent: cluster.crash(_text(intent, "server")),
    "kill": lambda cluster, intent: cluster.crash(_text(intent, "server"), power_loss=False),
    "restart": lambda cluster, intent: cluster.restart(_text(intent, "server")),
    "pause_server": lambda cluster, intent: cluster.pause(_text(intent, "server")),
    "resume_server": lambda cluster, intent: cluster.resume(_text(intent, "server")),
    "time_out": lambda cluster, intent: cluster.time_out(_text(intent, "server")),
    "isolate": lambda cluster, intent: cluster.isolate(_text(intent, "server")),
    "partition": lambda cluster, intent: cluster.partition(*_items(intent, "groups")),
    "heal": lambda cluster, _intent: cluster.heal(),
    "link": _link,
    "create_server": _create_server,
    "add_server": _add_server,
    "membership": _membership,
    "transfer": lambda cluster, intent: cluster.transfer_leadership(_text(intent, "server")),
    "take_snapshot": lambda cluster, intent: cluster.take_snapshot(_text(intent, "server")),
    "clock_rate": lambda cluster, intent: cluster.set_clock_rate(_text(intent, "server"), said(intent, "rate")),
    "disk": _disk,
    "flip_bit": lambda cluster, intent: cluster.flip_bit(_text(intent, "server")),
    "submit": _submit,
}
"""What a part may ask to be done to the cluster, by the name in the intent's "do"."""
