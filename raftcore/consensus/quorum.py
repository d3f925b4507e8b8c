"""The arithmetic that decides safety: pure functions, nothing else."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from itertools import repeat
from math import inf

from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.names import Index, ServerId


def majority(size: int) -> int:
    """How many of `size` servers are a majority.

    >>> [majority(size) for size in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return size // 2 + 1


def has_majority(voters: Collection[ServerId], agreeing: AbstractSet[ServerId]) -> bool:
    """Whether a majority of the voters agrees. Who is no voter does not count, and where nobody votes nothing is against it.

    >>> has_majority(("S1", "S2", "S3"), {"S1", "S9"})
    False
    """
    return not voters or len(agreeing & set(voters)) >= majority(len(voters))


def is_quorum(configuration: Configuration, agreeing: AbstractSet[ServerId]) -> bool:
    """Whether those who agree can decide: a majority of the voters, and while it is joint, of the next voters too (§6).

    A configuration without any voter decides nothing. (One empty half of a joint one agrees to everything, as in etcd.)

    >>> is_quorum(Configuration(), {"S1"}), is_quorum(Configuration(("S1",)), {"S1"}), is_quorum(Configuration((), ("S1",)), {"S1"})
    (False, True, True)
    """
    has_voters = bool(configuration.voters or configuration.next_voters)
    return has_voters and has_majority(configuration.voters, agreeing) and has_majority(configuration.next_voters, agreeing)


def agreed_index(voters: Collection[ServerId], reached: Mapping[ServerId, Index]) -> float:
    """The highest index that a majority of the voters has reached (§5.3); infinity where nobody votes.

    >>> agreed_index("abc", {"a": 7, "b": 4, "c": 5}), agreed_index("abcd", {"a": 1, "b": 2, "c": 3, "d": 4})
    (5, 2)
    """
    if not voters:
        return inf
    return sorted(map(reached.get, voters, repeat(0)))[(len(voters) - 1) // 2]


def quorum_index(configuration: Configuration, reached: Mapping[ServerId, Index]) -> Index:
    """The highest index that a quorum has reached: while the configuration is joint, a majority of either kind of voters (§6).

    0 where the configuration has no voter: nobody agrees to anything there.

    >>> quorum_index(Configuration(), {"S1": 7}), quorum_index(Configuration((), ("S1",)), {"S1": 7})
    (0, 7)
    """
    index = agreed_index(configuration.voters, reached)
    if configuration.next_voters:
        index = min(index, agreed_index(configuration.next_voters, reached))
    return 0 if index == inf else int(index)
