"""How fast a lab plays: simulated milliseconds that pass in a real one."""

import math
from typing import Any

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.numbers import is_number
from raftcore.vocabulary.spelling import brief

DEFAULT_SPEED = 1 / 30
SLOWEST, FASTEST = 1 / 1000, 10.0


def possible(speed: Any) -> float:
    """This speed; what is too slow or too fast becomes the slowest or fastest. Raises ConfigError where it is no number."""
    if is_number(speed):
        nearest = float(min(max(speed, SLOWEST), FASTEST))
        if not math.isnan(nearest):
            return nearest
    raise ConfigError(f"speed={brief(speed)} must be a number: simulated milliseconds in a real one, from 1/1000 to 10")
