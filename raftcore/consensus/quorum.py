"""The arithmetic that decides safety: pure functions, nothing else."""

from collections.abc import Collection

from raftcore.vocabulary.names import Index, ServerId


def majority(size: int) -> int:
    """How many of `size` servers are a majority.

    >>> [majority(size) for size in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return size // 2 + 1


def has_majority(voters: Collection[ServerId], agreeing: Collection[ServerId]) -> bool:
    """Whether a majority of the voters agrees. Who is no voter does not count.

    >>> has_majority(("S1", "S2", "S3"), {"S1", "S9"})
    False
    """
    return sum(voter in agreeing for voter in voters) >= majority(len(voters))


def agreed_index(match_indexes: Collection[Index]) -> Index:
    """The highest index that a majority has reached (§5.3).

    >>> agreed_index([7, 4, 5]), agreed_index([1, 2, 3, 4])
    (5, 2)
    """
    return sorted(match_indexes)[(len(match_indexes) - 1) // 2]
