"""A run as Python, to be pasted into a cell or a test file: what was clicked, line by line, and what is true now.

The run may come from a file that somebody else wrote. So what stands there is written as a literal (repr), as a name that Python's
grammar takes (SwappedRule), or in a comment of printable characters; and whose module is not this package's is not imported.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from raftcore.statemachine.language import show_command
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.actions import Action
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.names import Role, ServerId
from raftcore.vocabulary.scenario import SERVER_ITSELF, Scenario, SwappedRule

INDENT = "    "


def as_code(scenario: Scenario, now_ms: float, trusted: bool = False, beliefs: bool = False) -> str:
    """Lines of Python that repeat the run up to now.

    trusted: import its rules, whoever's they are: the run has them itself. beliefs: judge what servers believe, as the run did.
    """
    return "\n".join([*imports(scenario, ["Cluster"], trusted), "", *_run(scenario, now_ms, trusted, beliefs)]) + "\n"


def as_test(scenario: Scenario, now_ms: float, view: ClusterView, trusted: bool = False, beliefs: bool = False) -> str:
    """A function for pytest that repeats the run up to now, and asserts what is true of every server. trusted, beliefs: as for as_code."""
    body = [*_run(scenario, now_ms, trusted, beliefs), "", *_facts(view)]
    head = [
        *imports(scenario, ["Cluster", "Role"], trusted),
        "",
        "",
        f"def test_the_run_with_seed_{scenario.seed}_at_{now_ms:.0f}_ms() -> None:",
    ]
    return "\n".join([*head, *(INDENT + line if line else "" for line in body)]).replace("seed_-", "seed_minus_") + "\n"


# ---- the run


def imports(scenario: Scenario, names: list[str], trusted: bool) -> Iterator[str]:
    """The imports that lines with these names of raftcore need, and what the scenario's configuration and rules need."""
    changed = _changes(scenario.config)
    swapped = any(rule.rule != SERVER_ITSELF for rule in scenario.rules)
    used = {"Config": bool(changed), "ReadMode": "reads" in changed, "Rules": swapped}
    wanted = sorted([*names, *(name for name in used if used[name])])
    if wanted:
        yield f"from raftcore import {', '.join(wanted)}"
    if scenario.rules and rules_text(scenario.rules, trusted).startswith("Rulebook"):
        yield "from raftcore.cluster.rulebook import Rulebook"
    for rule in scenario.rules:
        if _is_imported(rule, trusted):
            yield f"from {rule.module} import {rule.name.partition('.')[0]}"
        elif rule.has_name:
            yield f"# The rule {rule.rule} was {rule.called}. If you trust it, import it as {_name(rule, trusted)} first."
        else:
            yield f"# The rule {rule.rule} was {rule.called}, which can not be imported: define it as {_name(rule, trusted)} first."


def _is_imported(rule: SwappedRule, trusted: bool) -> bool:
    return rule.is_ours or (trusted and rule.has_name)


def _run(scenario: Scenario, now_ms: float, trusted: bool, beliefs: bool) -> Iterator[str]:
    checks = ['checks="full"'] if beliefs else []
    yield f"cluster = Cluster({', '.join([*arguments(scenario, trusted), *checks])})"
    clock_ms = 0.0
    for action in scenario.actions:
        if action.at_ms > clock_ms:
            clock_ms = action.at_ms
            yield f"cluster.run_to({clock_ms!r})"
        yield f"cluster.{_call(action)}"
    if now_ms > clock_ms:
        yield f"cluster.run_to({now_ms!r})"


def arguments(scenario: Scenario, trusted: bool) -> Iterator[str]:
    """What makes the cluster, as keywords: size, seed, and what is not as usual."""
    yield f"size={scenario.size}"
    yield f"seed={scenario.seed}"
    changed = _changes(scenario.config)
    if changed:
        yield f"config=Config({_keywords(changed)})"
    if scenario.rules:
        yield f"rules={rules_text(scenario.rules, trusted)}"


def rules_text(swapped: Iterable[SwappedRule], trusted: bool) -> str:
    """One table, tables by server, or where that does not say it all, a Rulebook. trusted: call the rules by their own names."""
    tables: dict[ServerId | None, list[SwappedRule]] = {}
    parts: dict[str, str] = {}
    for rule in swapped:
        if rule.rule == SERVER_ITSELF:
            parts["server"] = _name(rule, trusted)
        else:
            tables.setdefault(rule.server, []).append(rule)
    if None in tables:
        parts["everywhere"] = _table(tables.pop(None), trusted)
    if tables:
        parts["by_server"] = f"{{{', '.join(f'{server!r}: {_table(rules, trusted)}' for server, rules in tables.items())}}}"
    alone = next(iter(parts.values())) if len(parts) == 1 and "server" not in parts else ""
    return alone or f"Rulebook({', '.join(f'{name}={part}' for name, part in parts.items())})"


def _table(rules: list[SwappedRule], trusted: bool) -> str:
    return f"Rules({', '.join(f'{rule.rule}={_name(rule, trusted)}' for rule in rules)})"


def _name(rule: SwappedRule, trusted: bool) -> str:
    """The name by which the code calls the rule: its own, or where it has none that of its place."""
    return rule.name if _is_imported(rule, trusted) else f"my_{rule.rule}"


def _changes(config: Config) -> dict[str, object]:
    usual = asdict(Config())
    return {name: value for name, value in asdict(config).items() if value != usual[name]}


def _keywords(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in values.items() if value is not UNSET)


def _value(value: object) -> str:
    return str(value) if isinstance(value, ReadMode) else repr(value)


def _call(action: Action) -> str:
    """The method of Cluster that makes this action."""
    return _CALLS[type(action)](action)


def _on_server(method: str) -> Callable[[Any], str]:
    return lambda action: f"{method}({action.server!r})"


def _crash(action: act.Crash) -> str:
    return f"crash({action.server!r}{'' if action.power_loss else ', power_loss=False'})"


def _link(action: act.SetLink) -> str:
    changes = {name: value for name, value in asdict(action).items() if name not in ("at_ms", "source", "target")}
    return f"link({action.source!r}, {action.target!r}, {_keywords(changes)})"


def _disk(action: act.SetDisk) -> str:
    changes = {name: value for name, value in asdict(action).items() if name not in ("at_ms", "server")}
    return f"disk({action.server!r}, {_keywords(changes)})"


def _submit(action: act.Submit) -> str:
    through = f", through={action.through!r}" if action.through else ""
    return f"submit({action.client!r}, {show_command(action.command)!r}{through})"


_CALLS: Mapping[type, Callable[[Any], str]] = {
    act.Crash: _crash,
    act.Restart: _on_server("restart"),
    act.Pause: _on_server("pause"),
    act.Resume: _on_server("resume"),
    act.TimeOut: _on_server("time_out"),
    act.Isolate: _on_server("isolate"),
    act.CreateServer: _on_server("create_server"),
    act.TakeSnapshot: _on_server("take_snapshot"),
    act.FlipBit: _on_server("flip_bit"),
    act.SetLink: _link,
    act.SetDisk: _disk,
    act.Submit: _submit,
    act.Partition: lambda action: f"partition({', '.join(map(repr, action.groups))})",
    act.Heal: lambda _action: "heal()",
    act.ChangeMembership: lambda action: f"change_membership({action.voters!r}, {action.learners!r})",
    act.TransferLeadership: lambda action: f"transfer_leadership({action.target!r})",
    act.SetClockRate: lambda action: f"set_clock_rate({action.server!r}, {action.rate!r})",
}


# ---- what is true


def _facts(view: ClusterView) -> Iterator[str]:
    yield "view = cluster.view"
    yield f"assert view.leader {_equals(view.leader)}"
    for server in view.servers.values():
        yield ""
        yield f"{server.id.lower()} = view.servers[{server.id!r}]"
        yield from (f"assert {fact}" for fact in _facts_of(server, server.id.lower()))


def _facts_of(server: ServerView, name: str) -> Iterator[str]:
    yield f"{name}.alive {_equals(server.alive)}"
    yield f"{name}.role is {Role(server.role)}"
    yield f"{name}.current_term == {server.current_term}"
    yield f"{name}.commit_index == {server.commit_index}"
    yield f"{name}.log.last_index == {server.log.last_index}"
    yield f"dict({name}.kv_store) == {dict(sorted(server.kv_store.items()))!r}"


def _equals(value: object) -> str:
    return f"is {value}" if value is None or isinstance(value, bool) else f"== {value!r}"
