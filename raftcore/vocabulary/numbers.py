"""Numbers and truth values, whoever made them: Python, NumPy or pandas. A run keeps Python's own, so that it leaves the same bytes."""

from math import inf
from numbers import Real
from operator import index


def whole(value: object) -> int | None:
    """The whole number that this is, or None. A truth value is none, and neither is 2.0.

    >>> whole(3), whole(2.0), whole(True), whole("3")
    (3, None, None, None)
    """
    if type(value) is int:
        return value
    if truth(value) is not None:
        return None
    try:
        return index(value)  # type: ignore[arg-type]  # it says so itself where it is no number
    except TypeError:
        return None


def number(value: object) -> float | None:
    """The number that this is, or None. What is too large for a float is infinite.

    >>> number(3), number(10**400), number(False), number("3")
    (3.0, inf, None, None)
    """
    if not is_number(value):
        return None
    try:
        return float(value)  # type: ignore[arg-type]  # is_number has looked
    except OverflowError:
        return inf if value > 0 else -inf  # type: ignore[operator]  # as above


def is_number(value: object) -> bool:
    """Whether it is a number; a truth value is none."""
    return type(value) is float or (isinstance(value, Real) and truth(value) is None)


def truth(value: object) -> bool | None:
    """The truth value that this is, or None.

    >>> truth(True), truth(1), truth("yes")
    (True, None, None)
    """
    if isinstance(value, bool):
        return value
    dtype = getattr(value, "dtype", None)
    return bool(value) if getattr(dtype, "kind", None) == "b" and getattr(value, "shape", None) == () else None
