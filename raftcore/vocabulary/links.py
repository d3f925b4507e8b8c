"""The state of one direction of a link between two addresses."""

from msgspec import Struct
from msgspec.structs import force_setattr

from raftcore.vocabulary.errors import ConfigError
from raftcore.vocabulary.numbers import number, truth
from raftcore.vocabulary.spelling import brief

LONGEST_MS = 1e12
"""The longest duration, and the end of every run: about 32 years. Up to there a clock still tells a hundredth of a millisecond from none,

which is the shortest heartbeat of the fastest clock. Where now + duration == now an instant would never end.
"""


class Link(Struct, frozen=True):
    """One direction of a link. Without faults it keeps order, as a TCP connection does.

    delay_ms: shortest and longest flight of a message, in simulated milliseconds.
    loss, duplication, reordering: probability, for each message, that it is lost half-way, arrives twice, or stays
    back by one more delay so that later ones overtake it.
    """

    delay_ms: tuple[float, float]
    up: bool = True
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0

    def __post_init__(self) -> None:
        # 5 and 5.0 must leave the same bytes in a trace, whether they were typed or read from a file.
        force_setattr(self, "delay_ms", check_range("delay_ms", self.delay_ms, minimum=0.0))
        for name in ("loss", "duplication", "reordering"):
            probability = number(getattr(self, name))
            if probability is None or not 0.0 <= probability <= 1.0:
                raise ConfigError(f"{name}={brief(getattr(self, name))} is no probability; it must be a number between 0 and 1")
            force_setattr(self, name, probability)
        if (up := truth(self.up)) is None:
            raise ConfigError(f"up={brief(self.up)} must be True, and the link carries messages, or False, and it is cut")
        force_setattr(self, "up", up)

    @property
    def carries(self) -> bool:
        """Whether it lets anything through."""
        return self.up and self.loss < 1


def check_range(name: str, bounds: object, minimum: float) -> tuple[float, float]:
    """The bounds as floats; ConfigError unless they are (shortest, longest) in milliseconds, from `minimum` to LONGEST_MS."""
    pair = tuple(map(number, bounds)) if isinstance(bounds, tuple | list) and len(bounds) == 2 else ()
    match pair:
        case (float(shortest), float(longest)):
            pass
        case _:
            raise ConfigError(f"{name}={brief(bounds)} must be a pair of numbers: (shortest, longest) in milliseconds")
    if not all(minimum <= bound <= LONGEST_MS for bound in (shortest, longest)):
        raise ConfigError(f"{name}={brief(bounds)} must be finite and at least {minimum:g} ms, and at most {LONGEST_MS:g} ms")
    if shortest > longest:
        raise ConfigError(f"{name}={brief(bounds)} is upside down; write the shorter first: ({longest:g}, {shortest:g})")
    return shortest, longest
