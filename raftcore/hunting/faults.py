"""What may go wrong in a random run, and how often."""

from collections.abc import Iterable
from random import Random

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.numbers import whole
from raftcore.vocabulary.spelling import Spelled, brief
from raftcore.vocabulary.validation import items


class Faults(Struct, metaclass=Spelled, frozen=True, kw_only=True):
    """How often each kind of trouble comes, compared with a usual run: 0 never, 1 as usual, 3 three times as often.

    commands: that clients ask for. links: that lose, double, delay or reorder, or are cut one way. crashes, pauses: with what ends them.
    timeouts: of election timers, also so that two servers lead in turn. partitions: and heals. membership: servers that come and go.
    transfers: also to one that hears of it late, or that nobody hears, and back while a message is very late. clocks: that drift as far as
    they are trusted not to, also while timers run. disks: that
    are slow, full or fail. rot: of bits on them. leaders: what befalls the present leader, or a new one at once. reads: that leaders
    answer, present ones, new ones, and former ones that do not know it yet. rivals: two that stand in the same term, where on either side
    of a partition somebody believes to have a majority, also after two leaders have changed the membership in turn. quorums: in the end,
    links that are cut for good, many in one direction, so that one quorum stays connected.
    Raises ConfigError.
    """

    commands: int = 1
    links: int = 1
    crashes: int = 1
    pauses: int = 1
    timeouts: int = 1
    partitions: int = 1
    membership: int = 1
    transfers: int = 1
    snapshots: int = 1
    clocks: int = 1
    disks: int = 1
    rot: int = 1
    leaders: int = 1
    reads: int = 1
    rivals: int = 1
    quorums: int = 1

    def __post_init__(self) -> None:
        for kind in self.__struct_fields__:
            times = whole(getattr(self, kind))
            if times is None or times < 0:
                raise ConfigError(
                    f"{kind}={brief(getattr(self, kind))} must be a whole number: 0 never, 1 as usual, 3 three times as often"
                )
            force_setattr(self, kind, times)
        if not any(getattr(self, kind) for kind in self.__struct_fields__):
            raise ConfigError("nothing would ever happen; let at least one kind of trouble be 1")

    @classmethod
    def only(cls, kinds: Iterable[str]) -> "Faults":
        """These kinds as usual, and beside them nothing but the commands of clients. Raises ConfigError for one that nobody knows."""
        wanted = items(kinds)
        if wanted is None:
            raise ConfigError(f"faults={brief(kinds)} are no kinds of trouble; there are {', '.join(cls.__struct_fields__)}")
        for kind in wanted:
            if not isinstance(kind, str) or kind not in cls.__struct_fields__:
                raise ConfigError(f"there is no kind of trouble {brief(kind)}; there are {', '.join(cls.__struct_fields__)}")
        return cls(**{kind: int(kind in wanted or kind == "commands") for kind in cls.__struct_fields__})

    @classmethod
    def drawn(cls, random: Random) -> "Faults":
        """A mix of its own: what never comes in a run can't hide what else would have happened in it."""
        mix = {kind: random.choice([0, 0, 1, 3]) for kind in cls.__struct_fields__ if kind != "quorums"}
        return cls(**(mix | {"commands": 1}))
