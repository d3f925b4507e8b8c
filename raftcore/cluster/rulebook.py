"""Which rules a cluster's servers obey, what they are made of, and by which names both can be found again after the run."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from raftcore.cluster.as_code import rules_text
from raftcore.cluster.rule_budget import BUDGET_S, budgeted
from raftcore.consensus.checked import checked
from raftcore.consensus.rules import Rules
from raftcore.server import Server
from raftcore.vocabulary.errors import ConfigError, UnknownRulesError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import COLON, SERVER_ITSELF, SwappedRule, is_dotted_name
from raftcore.vocabulary.spelling import brief

RAFT = Rules()
"""The rules as they should be."""


class Rulebook(Struct, frozen=True):
    """`by_server`: tables that single servers have for themselves. `everywhere`: that of all others, also those created later.

    `server`: of which kind all of them are; a variant may have another log, another state machine, or less patience with its disk.
    `budget_s`: how many seconds of the processor's time one call of a custom rule may take.
    """

    by_server: Mapping[ServerId, Rules] = {}
    everywhere: Rules = RAFT
    server: type[Server] = Server
    budget_s: float = BUDGET_S

    @classmethod
    def of(cls, rules: object) -> "Rulebook":
        """What a person gave: one table for all, tables by server, or None. Raises ConfigError."""
        if rules is None:
            return CORRECT
        if isinstance(rules, Rulebook):
            return rules
        if isinstance(rules, Rules):
            return cls(everywhere=rules)
        if not isinstance(rules, Mapping) or not all(isinstance(table, Rules) for table in rules.values()):
            raise ConfigError(f'rules={brief(rules)} must be one table, Rules(…), or tables by server: {{"S1": Rules(…)}}')
        return cls(by_server=dict(rules))

    @classmethod
    def named(cls, names: Iterable[SwappedRule]) -> "Rulebook":
        """The rules of these names, of which only those of this package are imported. Raises UnknownRulesError and ConfigError."""
        names = tuple(names)
        _refuse_strangers(names)
        tables: dict[ServerId | None, Rules] = {}
        server: type[Server] = Server
        for name in names:
            if name.rule == SERVER_ITSELF:
                server = _imported(name)
            else:
                tables[name.server] = replace(tables.get(name.server, RAFT), **{name.rule: _imported(name)})
        everywhere = tables.pop(None, RAFT)
        return cls({name: table for name, table in tables.items() if name is not None}, everywhere, server)

    def of_server(self, name: ServerId) -> Rules:
        """The table that this server obeys: custom rules are validated, and have to return in time."""
        return budgeted(checked(self.by_server.get(name, self.everywhere)), self.budget_s)

    def names(self) -> tuple[SwappedRule, ...]:
        """What is not Raft's own, by server and place."""
        tables: list[tuple[ServerId | None, Rules]] = [(None, self.everywhere), *sorted(self.by_server.items())]
        kind = () if self.server is Server else (_named(None, SERVER_ITSELF, self.server),)
        return kind + tuple(_named(server, rule, getattr(table, rule)) for server, table in tables for rule in self._swapped(server, table))

    def _swapped(self, server: ServerId | None, table: Rules) -> list[str]:
        """The places of a table that are not as in Raft; and of a server that alone obeys Raft one place, so that it is not forgotten."""
        alone = server is not None and self.everywhere != RAFT
        return table.swapped or list(Rules.__struct_fields__[:1]) * alone


CORRECT = Rulebook()
"""Raft as it should be, on every server."""


def _named(server: ServerId | None, rule: str, function: Callable[..., Any]) -> SwappedRule:
    module, called = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if is_dotted_name(module) and is_dotted_name(called) and module != "__main__":
        name = SwappedRule(server, rule, f"{module}{COLON}{called}", importable=True)
        with suppress(ImportError, AttributeError, ValueError):
            if _found(name) is function:
                return name
    return SwappedRule(server, rule, f"{module or '?'}{COLON}{called or repr(function)}", importable=False)


def _imported(name: SwappedRule) -> Any:
    """What a name of this package stands for. Raises UnknownRulesError."""
    if name.rule not in (SERVER_ITSELF, *Rules.__struct_fields__):
        raise UnknownRulesError(f"this Raft has no rule {brief(name.rule)}; its rules are {', '.join(Rules.__struct_fields__)}")
    try:
        found = _found(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownRulesError(f"{_whose(name)} was {name.called}, which can't be imported here ({error}); {_ADVICE}") from None
    if name.rule == SERVER_ITSELF and not (isinstance(found, type) and issubclass(found, Server)):
        raise UnknownRulesError(f"{_whose(name)} was {name.called}, which is no kind of Server; {_ADVICE}")
    if not callable(found) or (found.__module__, found.__qualname__) != (name.module, name.name):
        raise UnknownRulesError(f"{_whose(name)} was {name.called}, which is no function that is defined there; {_ADVICE}")
    return found


def _found(name: SwappedRule) -> Any:
    return attrgetter(name.name)(import_module(name.module))


def _whose(name: SwappedRule) -> str:
    if name.rule == SERVER_ITSELF:
        return "the kind of server"
    return f"{name.server}'s rule {name.rule}" if name.server else f"the rule {name.rule}"


_ADVICE = "give the rules to from_scenario yourself: from_scenario(scenario, rules=Rules(…))"


def _refuse_strangers(names: Collection[SwappedRule]) -> None:
    """What is not part of this package is not imported because a file says so. Raises UnknownRulesError, which says what to pass."""
    foreign = [name for name in names if not name.is_ours]
    if not foreign:
        return
    was = ", ".join(f"{_whose(name)} was {name.called}" for name in foreign[:3])
    imports = "".join(f"from {name.module} import {name.name.partition('.')[0]}; " for name in foreign[:3] if name.has_name)
    raise UnknownRulesError(
        f"{was}. Only what belongs to raftcore is imported because a scenario names it. If you trust the other rules, give them "
        f"yourself: {imports}Cluster.from_scenario(scenario, rules={rules_text(names, trusted=True)})"
    )
