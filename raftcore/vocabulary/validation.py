"""Looks at what people ask for before anything of it is done: actions, commands and paths.

What is given back holds Python's own values: a number of NumPy's or a text of pandas' leaves the same bytes as one that was typed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from os import fsencode
from pathlib import Path
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from raftcore.vocabulary import actions as act
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import (
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    Append,
    Cas,
    Command,
    Delete,
    Get,
    OpenSession,
    ReadMode,
    Set,
    size_bytes,
)
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import CommandError, ConfigError
from raftcore.vocabulary.links import LONGEST_MS, Link
from raftcore.vocabulary.names import Address, is_client_name, is_server_name
from raftcore.vocabulary.numbers import number, truth
from raftcore.vocabulary.spelling import brief

EXAMPLES: Mapping[type, str] = {Set: "SET x 1", Get: "GET x", Delete: "DELETE x", Append: "APPEND x abc", Cas: "CAS x 1 2"}

_LIMITS = {"key": ("key", MAX_KEY_BYTES), "value": ("value", MAX_VALUE_BYTES), "expected": ("expected value", MAX_VALUE_BYTES)}


# ---- commands


def check_command(command: Command) -> Command:
    """The command. Raises CommandError unless people may ask for it, and its keys and values are text that the store accepts."""
    if isinstance(command, OpenSession):
        raise CommandError("a client opens its sessions by itself when it needs one; give it the command that it is to carry out")
    if type(command) not in EXAMPLES:
        raise CommandError(
            f"{brief(command)} is no command; give one such as Set('x', '1'), or its text to a client's run: {', '.join(EXAMPLES.values())}"
        )
    for field in command.__struct_fields__:
        if field == "mode":
            _check_mode(getattr(command, field))
        else:
            _check_text(field, getattr(command, field))
    if not command.key:
        raise CommandError(f"the key is empty; it needs a character or more: {EXAMPLES[type(command)]}")
    values = [getattr(command, field) for field in command.__struct_fields__]
    return type(command)(*map(plain, values)) if any(plain(value) is not value for value in values) else command


def _check_mode(mode: object) -> None:
    if mode is not None and not isinstance(mode, ReadMode):
        raise CommandError(f"{brief(mode)} is no way to read; give one of {', '.join(map(str, ReadMode))}, or None")


def _check_text(field: str, text: object) -> None:
    name, limit_bytes = _LIMITS[field]
    if not isinstance(text, str):
        raise CommandError(f"the {name} {brief(text)} is no text; write {brief(text)!r}")
    try:
        length_bytes = size_bytes(text)
    except UnicodeEncodeError as error:
        raise CommandError(f"the {name} is no text: its character {error.start + 1} is half of a surrogate pair") from None
    if length_bytes > limit_bytes:
        raise CommandError(f"the {name} is {length_bytes:,} bytes long; it may have {limit_bytes:,}")


# ---- actions


def check_action(action: Action) -> Action:
    """The action. Raises ConfigError or CommandError for what it can never mean; names that a server or client can't have stay in it."""
    if type(action) not in KINDS:
        raise ConfigError(f"{brief(action)} is no action; give one of raftcore.vocabulary.actions, for example Crash(at_ms, 'S1')")
    changes = {field: plain(value) for field, value in asdict(action).items() if isinstance(value, str)}
    changes |= _CHECKS.get(type(action), _nothing)(action)
    return replace(action, at_ms=check_time("act at", action.at_ms), **changes)


def check_time(doing: str, ms: object) -> float:
    """The simulated milliseconds. Raises ConfigError."""
    time_ms = number(ms)
    if time_ms is None or not 0 <= time_ms <= LONGEST_MS:
        raise ConfigError(f"can't {doing} {brief(ms)} ms; give a finite number that is not negative, at most {LONGEST_MS:g}")
    return time_ms


def group(names: object) -> tuple[Address, ...]:
    """The names of a group, those of a set in order of name. Raises ConfigError."""
    found = items(names)
    if found is None:
        raise ConfigError(f'{brief(names)} is no group of servers; write their names in braces: {{"S1", "S2"}}')
    members = tuple(map(plain, found))
    return tuple(sorted(members, key=str)) if isinstance(names, AbstractSet) else members


def items(values: object, most: int = 10_000) -> list[Any] | None:
    """What this holds; None: it is a text, nothing that holds anything, or holds more than so many.

    >>> items({1: 2}), items("S1"), items(5), items(range(10**12))
    ([1], None, None, None)
    """
    if isinstance(values, str | bytes):
        return None
    try:
        found = list(islice(iter(values), most + 1))  # type: ignore[call-overload]  # it says so itself where it is none
    except TypeError:
        return None
    return found if len(found) <= most else None


def plain(value: Any) -> Any:
    """A text as Python's own; everything else as it is."""
    return str.__str__(value) if isinstance(value, str) and type(value) is not str else value


def named(action: Action) -> Iterator[tuple[str, object]]:
    """Whom the action names: "server", "client" or "address" (either), and the name."""
    match action:
        case act.SetLink():
            yield from (("address", name) for name in (action.source, action.target))
        case act.Partition():
            yield from (("address", name) for members in action.groups for name in members)
        case act.ChangeMembership():
            yield from (("server", name) for name in (*action.voters, *action.learners))
        case act.TransferLeadership():
            yield "server", action.target
        case act.Submit():
            yield "client", action.client
            if action.through is not None:
                yield "server", action.through
        case act.Heal():
            return
        case _:
            yield "server", action.server


def can_be(kind: str, name: object) -> bool:
    """Whether a server, a client or either can have this name."""
    return (kind != "client" and is_server_name(name)) or (kind != "server" and is_client_name(name))


def _nothing(_action: Any) -> dict[str, Any]:
    return {}


def _link(action: act.SetLink) -> dict[str, Any]:
    changes = given(action, Link.__struct_fields__)
    link = Link(**({"delay_ms": (0.0, 0.0)} | changes))
    return {name: getattr(link, name) for name in changes}


def _disk(action: act.SetDisk) -> dict[str, Any]:
    changes = given(action, DiskState.__struct_fields__)
    state = DiskState(**changes)
    return {name: getattr(state, name) for name in changes}


def given(action: Action, names: Iterable[str]) -> dict[str, Any]:
    """Those of these fields that are not left unset."""
    return {name: getattr(action, name) for name in names if getattr(action, name) is not UNSET}


def _partition(action: act.Partition) -> dict[str, Any]:
    given_groups = items(action.groups)
    if given_groups is None:
        raise ConfigError(f'groups={brief(action.groups)} must be some groups of servers, for example (("S1", "S2"), ("S3",))')
    groups = tuple(map(group, given_groups))
    names = Counter(name for members in groups for name in members if is_server_name(name) or is_client_name(name))
    for name, count in names.items():
        if count > 1:
            raise ConfigError(f"{name} stands in two groups of the partition; name it once")
    if not any(groups):
        raise ConfigError('a partition needs a group that has members, for example {"S1", "S2"}; the others are the rest')
    return {"groups": groups}


def _membership(action: act.ChangeMembership) -> dict[str, Any]:
    return {"voters": group(action.voters), "learners": group(action.learners)}


def _clock_rate(action: act.SetClockRate) -> dict[str, Any]:
    rate = number(action.rate)
    if rate is None or not 0.01 <= rate <= 100:
        raise ConfigError(f"rate={brief(action.rate)} must be a number from 0.01 to 100; 1 is a true clock")
    return {"rate": rate}


def _crash(action: act.Crash) -> dict[str, Any]:
    power_loss = truth(action.power_loss)
    if power_loss is None:
        raise ConfigError(
            f"power_loss={brief(action.power_loss)} must be True (the machine loses power) or False (only the process crashes)"
        )
    return {"power_loss": power_loss}


def _created(action: act.CreateServer) -> dict[str, Any]:
    if not is_server_name(action.server):
        raise ConfigError(f"{brief(action.server)} can't be a server's name; servers are named S1, S2 …")
    return {}


_CHECKS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    act.Crash: _crash,
    act.SetLink: _link,
    act.SetDisk: _disk,
    act.Partition: _partition,
    act.ChangeMembership: _membership,
    act.SetClockRate: _clock_rate,
    act.CreateServer: _created,
    act.Submit: lambda action: {"command": check_command(action.command)},
}

KINDS = frozenset(Action.__args__)


# ---- paths


def check_path(path: object) -> Path:
    """The path. Raises ConfigError for what can't be one."""
    try:
        found = Path(path)  # type: ignore[arg-type]  # it says so itself
        fsencode(found)
    except (TypeError, UnicodeError):
        found = None
    if found is None or "\0" in str(found):
        raise ConfigError(f'{brief(path)} is no path; give a text or a Path, for example "run.json"')
    return found
