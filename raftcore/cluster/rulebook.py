"""Which rules a cluster's servers obey, what they are made of, and by which names both can be found again after the run."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from raftcore.consensus.rules import Rules
from raftcore.server import Server
from raftcore.vocabulary.errors import ConfigError, UnknownRulesError
from raftcore.vocabulary.names import ServerId
from raftcore.vocabulary.scenario import SERVER_ITSELF, SwappedRule

RAFT = Rules()
"""The rules as they should be."""


class Rulebook(Struct, frozen=True):
    """`by_server`: tables that single servers have for themselves. `everywhere`: that of all others, also those created later.

    `server`: of which kind all of them are; a variant may have another log, another state machine, or less patience with its disk.
    """

    by_server: Mapping[ServerId, Rules] = {}
    everywhere: Rules = RAFT
    server: type[Server] = Server

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
            raise ConfigError(f'rules={rules!r} must be one table, Rules(…), or tables by server: {{"S1": Rules(…)}}')
        return cls(by_server=dict(rules))

    @classmethod
    def named(cls, names: Iterable[SwappedRule]) -> "Rulebook":
        """The rules of these names. Raises UnknownRulesError where Python can't import one."""
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
        """The table that this server obeys."""
        return self.by_server.get(name, self.everywhere)

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
    called = getattr(function, "__qualname__", repr(function))
    name = SwappedRule(server, rule, f"{getattr(function, '__module__', '?')}:{called}", importable=True)
    try:
        found = _imported(name)
    except UnknownRulesError:
        found = None
    return name if found is function and not name.function.startswith("__main__:") else replace(name, importable=False)


def _imported(name: SwappedRule) -> Any:
    whose = f"{name.server}'s rule" if name.server else "the rule"
    advice = "give the rules to from_scenario yourself, for example from_scenario(scenario, rules=Rules(…))"
    if not name.importable:
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which has no name that can be imported; {advice}")
    if name.rule not in (SERVER_ITSELF, *Rules.__struct_fields__):
        raise UnknownRulesError(f"this Raft has no rule {name.rule!r}; its rules are {', '.join(Rules.__struct_fields__)}")
    module, _, path = name.function.partition(":")
    try:
        found = attrgetter(path)(import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which can't be imported here ({error}); {advice}") from None
    if name.rule == SERVER_ITSELF and not (isinstance(found, type) and issubclass(found, Server)):
        raise UnknownRulesError(f"the servers were {name.function}, which is no kind of Server; {advice}")
    if not callable(found):
        raise UnknownRulesError(f"{whose} {name.rule} was {name.function}, which is no function; {advice}")
    return found
