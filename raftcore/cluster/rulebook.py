"""Which rules a cluster's servers obey, and by which names they can be found again after the run."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from raftcore.consensus.rules import Rules
from raftcore.vocabulary.errors import ConfigError, UnknownRulesError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import SwappedRule

RAFT = Rules()
"""The rules as they should be."""


class Rulebook(Struct, frozen=True):
    """`by_server`: tables that single servers have for themselves. `everywhere`: that of all others, also those created later."""

    by_server: Mapping[ServerId, Rules] = {}
    everywhere: Rules = RAFT

    @classmethod
    def of(cls, rules: object) -> "Rulebook":
        """What a person gave: one table for all, tables by server, or None. Raises ConfigError."""
        if rules is None:
            return cls()
        if isinstance(rules, Rulebook):
            return rules
        if isinstance(rules, Rules):
            return cls(everywhere=rules)
        if not isinstance(rules, Mapping) or not all(isinstance(table, Rules) for table in rules.values()):
            raise ConfigError(f'rules={rules!r} must be one table, Rules(…), or tables by server: {{"S1": Rules(…)}}')
        return cls(by_server=dict(rules))

    @classmethod
    def named(cls, names: Iterable[SwappedRule]) -> "Rulebook":
        """The rules of these names. Raises UnknownRulesError where Python can't import one."""
        tables: dict[ServerId | None, Rules] = {}
        for name in names:
            tables[name.server] = replace(tables.get(name.server, RAFT), **{name.rule: _imported(name)})
        everywhere = tables.pop(None, RAFT)
        return cls({server: table for server, table in tables.items() if server is not None}, everywhere)

    def names(self) -> tuple[SwappedRule, ...]:
        """The rules that are not Raft's own, by server and place."""
        tables: list[tuple[ServerId | None, Rules]] = [(None, self.everywhere), *sorted(self.by_server.items())]
        return tuple(
            _named(server, rule, getattr(table, rule))
            for server, table in tables
            for rule in Rules.__struct_fields__
            if getattr(table, rule) is not getattr(RAFT, rule)
        )


def _named(server: ServerId | None, rule: str, function: Callable[..., Any]) -> SwappedRule:
    called = getattr(function, "__qualname__", repr(function))
    name = SwappedRule(server, rule, f"{getattr(function, '__module__', '?')}:{called}", importable=True)
    try:
        found = _imported(name)
    except UnknownRulesError:
        found = None
    return name if found is function and not name.function.startswith("__main__:") else replace(name, importable=False)


def _imported(name: SwappedRule) -> Callable[..., Any]:
    whose = f"{name.server}'s rule" if name.server else "the rule"
    advice = "give the rules to from_scenario yourself, for example from_scenario(scenario, rules=Rules(…))"
    if not name.importable:
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which has no name that can be imported; {advice}")
    if name.rule not in Rules.__struct_fields__:
        raise UnknownRulesError(f"this Raft has no rule {name.rule!r}; its rules are {', '.join(Rules.__struct_fields__)}")
    module, _, path = name.function.partition(":")
    try:
        found: Callable[..., Any] = attrgetter(path)(import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which can't be imported here ({error}); {advice}") from None
    if not callable(found):
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which is no function; {advice}")
    return found
