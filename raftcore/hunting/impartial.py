"""Whether servers are alike: whether each does what another would do in its place, or names matter to a rule.

Only where they do not, a state stands for all those that differ from it in names alone. So it is not believed but looked at.
"""

from collections import Counter
from itertools import pairwise

from raftcore.consensus.door import DeadlineReached, Stimulus
from raftcore.hunting.laws import JUDGED
from raftcore.hunting.minds import Minds, Outcome
from raftcore.hunting.shapes import Renaming, Shape, Shapes, shape_of
from raftcore.hunting.small_world import BIRTH, CRASH, RESTART, SYNC, World, in_words


class NamesMatter(Exception):
    """A server does what another would not do in its place; the message says which, and about what."""


class ImpartialMinds(Minds):
    """Minds that do the same whatever servers are called; one that does not raises NamesMatter."""

    def __init__(self, world: World, shapes: Shapes) -> None:
        self._swaps = [Renaming(shapes, {one: other, other: one}) for one, other in pairwise(world.server_ids)]
        self._news: dict[int, int] = {}
        super().__init__(world, shapes)

    def _ask(self, mind: int, what: int | str | Stimulus) -> Outcome:
        """Ask this mind, and all that it would be if servers had other names, each about the same under those names.

        Swaps of neighbours are enough, as long as what one leads to is swapped in its turn: any exchange of names is a row of them, and if
        no step of the row changes more than names, neither does the row. Every mind and packet that a swap names is known already, since
        what brought this one about was asked under all names too.
        """
        first = super()._ask(mind, what)
        asked = [(mind, what, first)]
        for mind_here, what_here, here in asked:
            for swap in self._swaps:
                mind_there, what_there = swap[mind_here], swap[what_here] if isinstance(what_here, int) else what_here
                there = self._outcomes.get((mind_there, what_there))
                if there is None:
                    there = super()._ask(mind_there, what_there)
                    asked.append((mind_there, what_there, there))
                if not self._are_alike(here, there, swap):
                    raise NamesMatter(self._in_words(there, what_there, here, what_here))
        return first

    def _are_alike(self, here: Outcome, there: Outcome, swap: Renaming) -> bool:
        """Whether both come to the same; in which order packets leave does not matter, since they arrive in any."""
        if swap[here.mind] != there.mind or swap[self._news_in(here)] != self._news_in(there):
            return False
        return Counter([swap[packet] for packet in here.sends]) == Counter(there.sends)

    def _news_in(self, outcome: Outcome) -> int:
        """The number of what it tells laws besides packets."""
        number = self._news.get(outcome.number)
        if number is None:
            news: Shape = tuple([shape_of(told) for told in outcome.told if isinstance(told, JUDGED)])
            number = self._news[outcome.number] = self._shapes.number(news)
        return number

    def _in_words(self, one: Outcome, what: int | str | Stimulus, other: Outcome, what_other: int | str | Stimulus) -> str:
        about, about_other = self._about(what), self._about(what_other)
        return f"{one.before.server} does not do about {about} what {other.before.server} does about {about_other} in its place"

    def _about(self, what: int | str | Stimulus) -> str:
        if isinstance(what, int):
            packet = self.packets[what]
            return f"{in_words(packet.message)} from {packet.source}"
        if isinstance(what, str):
            return _EVENTS[what]
        return "a deadline" if isinstance(what, DeadlineReached) else "a client's request"


_EVENTS = {BIRTH: "its first start", CRASH: "a crash", RESTART: "a restart", SYNC: "the end of a sync"}
