"""What changed from one picture to the next, as plain data. film.js applies it.

A patch is [value], which takes the place of what stood there, or {key: patch} for what changed within a dict or a list.
"""

from typing import Any, TypeAlias

Patch: TypeAlias = list[Any] | dict[str, Any]


def patch(old: Any, new: Any) -> Patch | None:
    """What makes the new value of the old one; None if they are the same.

    >>> patch({"a": 1, "b": [{"c": 1}, {"c": 2}]}, {"a": 1, "b": [{"c": 1}, {"c": 3}]})
    {'b': {'1': {'c': [3]}}}
    >>> patch([1, 2], [1, 2, 3])
    [[1, 2, 3]]
    """
    if old == new:
        return None
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return _within({key: (old[key], new[key]) for key in new})
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and any(isinstance(value, dict) for value in new):
        return _within({str(place): pair for place, pair in enumerate(zip(old, new, strict=True))})
    return [rounded(new)]


def _within(pairs: dict[str, tuple[Any, Any]]) -> Patch:
    changes = {key: patch(old, new) for key, (old, new) in pairs.items()}
    return {key: change for key, change in changes.items() if change is not None}


def rounded(value: Any) -> Any:
    """The same data with times to a hundredth of a millisecond: nobody sees more, and it halves a file.

    >>> rounded({"timer": [1.23456, 2], "on": True})
    {'timer': [1.23, 2], 'on': True}
    """
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value
