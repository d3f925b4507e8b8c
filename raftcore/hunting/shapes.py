"""What makes two states the same: their shapes, plain immutable data in which time and chance do not occur.

Of a server all is part of its shape that may change what it does, so also what a variant of it keeps. Of a file of its log it is what the
records add up to: which came before they were overwritten nobody can know any more.

Servers with equal rules are alike: a state in which they have swapped their names leads to nothing new. So of all states that differ in
names alone one is chosen, and only that is remembered.
"""

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import groupby, permutations, product
from typing import Any, TypeAlias

from msgspec import Struct

from raftcore.consensus.door import Ready
from raftcore.consensus.log import Log
from raftcore.consensus.node import RaftNode
from raftcore.consensus.state import NodeState
from raftcore.hunting.lone_server import Files, SmallDisk
from raftcore.server import Server
from raftcore.storage.records import Recovered, file_name, newest_whole
from raftcore.storage.wal import WriteAheadLog, generations
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import Envelope
from raftcore.vocabulary.names import ServerId

Shape: TypeAlias = Hashable

_OF_A_STEP = {"events", "outbox", "reads", "installed"}
_OF_TIME = {"now_ms", "deadline_ms", "clock_rate", "shortest_ms", "spread_ms", "heartbeat_ms", "longest_ms", "lease_ms"}
_GIVEN = {"config", "draw"}
_STATE = tuple(slot for slot in NodeState.__slots__ if slot not in _OF_A_STEP | _OF_TIME | _GIVEN)
"""All of Figure 2's box and of what came after it; what is empty between two steps, stands still, or is never changed is left out."""

_HELD = tuple(field for field in Ready.__struct_fields__ if field not in _OF_A_STEP | _OF_TIME | {"send"})
_AROUND_A_SERVER = {"_config", "_clock", "_send", "_say", "_halted", "_deadline_ms", "_wake_ms"}
_UNSEEN = {"_machine", "_generation", "_name", "_oldest", "_end", "_synced_bytes"}
"""No rule and no law looks at the state machine; and where the log stands in its files says no more than the records do."""


def shape_of(value: Any) -> Shape:
    """The value as immutable data: two are equal if and only if their shapes are. TypeError where it is of no kind that is known."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, Enum):
        return value  # type: ignore[no-any-return]
    if kind in _SHAPES:
        return _SHAPES[kind](value)
    if isinstance(value, Server | WriteAheadLog):  # or a variant, with what it has of its own
        return shape_of({name: it for name, it in vars(value).items() if name not in _AROUND_A_SERVER | _UNSEEN})
    if isinstance(value, tuple):  # with names for its parts
        return _in_order(value)
    if isinstance(value, Struct):
        return (kind, *(shape_of(getattr(value, name)) for name in value.__struct_fields__))
    raise TypeError(f"a {kind.__name__} in a server's state can't be told apart from another: {value!r}")


def _in_order(values: Sequence[Any]) -> Shape:
    return tuple(map(shape_of, values))


_PLAIN = (int, float, str, bytes, bool, type(None))
_SHAPES: Mapping[type, Callable[[Any], Shape]] = {
    tuple: _in_order,
    list: _in_order,
    deque: _in_order,
    set: lambda names: frozenset(map(shape_of, names)),
    frozenset: lambda names: frozenset(map(shape_of, names)),
    dict: lambda table: frozenset((key, shape_of(value)) for key, value in table.items()),
    Configuration: lambda it: (frozenset(it.voters), frozenset(it.next_voters), frozenset(it.learners), frozenset(it.learners_next)),
    Log: lambda log: (log.base_index, log.base_term, _in_order(log.entries), _in_order(log.configurations)),
    RaftNode: lambda node: tuple(shape_of(getattr(node.state, slot)) for slot in _STATE),
    Ready: lambda ready: (_by_target(ready.send), *(shape_of(getattr(ready, field)) for field in _HELD)),
    SmallDisk: lambda disk: tuple(map(shape_of_files, (disk.kept, disk.written, *(covered for covered, _ in disk.syncs)))),
}


def _by_target(envelopes: Sequence[Envelope]) -> Shape:
    """What goes to each. Who is sent to first does not matter: the network puts them in an order of its own."""
    return frozenset((target, tuple(shape_of(message) for to, message in envelopes if to == target)) for target, _ in envelopes)


def shape_of_files(files: Files) -> Shape:
    """What the files of a disk come to: those of the log together, since how often it was written anew means nothing."""
    log = [(generation, files[file_name(generation)]) for generation in generations(list(files))]
    others = frozenset((name, data) for name, data in files.items() if not generations([name]))
    return others, _shape_of_log(tuple(log))


def recovered(files: Files) -> Recovered:
    """What a server would recover from these files."""
    present = generations(list(files))
    return newest_whole(present or [1], lambda generation: files.get(file_name(generation), b""))[1].recovered


@lru_cache(maxsize=10_000)
def _shape_of_log(log: tuple[tuple[int, bytes], ...]) -> Shape:
    return shape_of(recovered({file_name(generation): data for generation, data in log}))


def renamed(shape: Shape, names: Mapping[ServerId, ServerId]) -> Shape:
    """The same shape with other names."""
    if isinstance(shape, str):
        return names.get(shape, shape)
    if isinstance(shape, tuple):
        return tuple(renamed(part, names) for part in shape)
    if isinstance(shape, frozenset):
        return frozenset(renamed(part, names) for part in shape)
    return shape


class Renaming(dict[int, int]):
    """What each number becomes when servers swap their names in its shape; found when it is first asked for."""

    def __init__(self, shapes: "Shapes", names: Mapping[ServerId, ServerId]) -> None:
        super().__init__()
        self._shapes = shapes
        self._names = names

    def __missing__(self, number: int) -> int:
        new = self[number] = self._shapes.number(renamed(self._shapes.known[number], self._names))
        return new


class Shapes:
    """Numbers for shapes, counted from 0: the same shape always has the same number."""

    def __init__(self) -> None:
        self.known: list[Shape] = []
        self._numbers: dict[Shape, int] = {}

    def number(self, shape: Shape) -> int:
        """The number of this shape."""
        found = self._numbers.get(shape)
        if found is None:
            found = self._numbers[shape] = len(self.known)
            self.known.append(shape)
        return found


def alike(marks: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The orders of servers in which their marks do not fall; more than one where some marks are equal.

    Each order says which place every server takes.

    >>> alike((5, 3, 4))
    [(2, 0, 1)]
    >>> alike((7, 7, 1))
    [(1, 2, 0), (2, 1, 0)]
    """
    by_mark = sorted(range(len(marks)), key=lambda server: marks[server])
    groups = [tuple(group) for _, group in groupby(by_mark, key=lambda server: marks[server])]
    orders = []
    for arrangement in product(*(permutations(group) for group in groups)):
        place_of = {server: place for place, server in enumerate(server for group in arrangement for server in group)}
        orders.append(tuple(place_of[server] for server in range(len(marks))))
    return orders


class Symmetry:
    """Which of the states that differ in names alone stands for them all.

    Servers are put in order of a mark that no name is part of; where marks are equal, all their orders are tried, and the least state
    is chosen.
    """

    def __init__(self, shapes: Shapes, servers: Sequence[ServerId]) -> None:
        self._shapes = shapes
        self._servers = tuple(servers)
        self._marks: list[Renaming] = [Renaming(shapes, {name: "me" if name == me else "other" for name in servers}) for me in servers]
        self._orders = lru_cache(maxsize=None)(alike)
        self._renamings: dict[tuple[int, ...], Renaming] = {}

    def least(self, minds: tuple[int, ...], mail: tuple[int, ...], history: int) -> tuple[int, ...]:
        """The numbers of a state, in the names that stand for all names."""
        orders = self._orders(tuple([marks[mind] for marks, mind in zip(self._marks, minds, strict=True)]))
        if len(orders) == 1:
            return self._under(orders[0], minds, mail, history)
        return min([self._under(order, minds, mail, history) for order in orders])

    def _under(self, order: tuple[int, ...], minds: tuple[int, ...], mail: tuple[int, ...], history: int) -> tuple[int, ...]:
        new = self._renamings.get(order) or self._renaming(order)
        placed = [0] * len(order)
        for place, mind in zip(order, minds, strict=True):
            placed[place] = new[mind]
        return (*placed, new[history], *sorted([new[packet] for packet in mail]))

    def _renaming(self, order: tuple[int, ...]) -> Renaming:
        names = {self._servers[server]: self._servers[place] for server, place in enumerate(order)}
        renaming = self._renamings[order] = Renaming(self._shapes, names)
        return renaming
