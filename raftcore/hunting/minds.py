"""What one server can be in a small world, and what it does about anything that happens to it.

The real server does it, with its rules, its log and a disk; but it is asked only once for each of its states and each thing that can
happen. What it does follows from its state and from what happens alone, so the answer stays true.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from msgspec.structs import replace

from raftcore.checks.beliefs.alone import flaws_alone
from raftcore.checks.beliefs.belief import Flaw
from raftcore.checks.beliefs.changes import Notes, notes_of
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus.door import Stimulus
from raftcore.consensus.rules import Rules
from raftcore.hunting.consistency import inconsistent_rule, one_of, sentence
from raftcore.hunting.lone_server import Files, LoneServer, Told
from raftcore.hunting.shapes import Shapes, recovered, shape_of, shape_of_files
from raftcore.hunting.small_world import BIRTH, CRASH, RESTART, Packet, World
from raftcore.vocabulary.errors import CorruptLogError
from raftcore.vocabulary.events import Crashed, Halted, Restarted
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import LEADER, Index, ServerId, Term


class Life(NamedTuple):
    """How a server came to what it is: what its disk had kept when it was started, and what has happened to it since.

    It does the same whenever the same happens to it: so it can be had again, and nobody keeps it.
    """

    began_with: Files
    happened: tuple[str | Stimulus, ...] = ()


class Mind(NamedTuple):
    """One server, and what is often asked of it.

    life: None where it is down. kept: what a crash leaves. entries: its log, of which its disk keeps `saved`; where it is down they are
    the same. log: the number of their shape. syncs: whether it waits for its disk, and does nothing else. kept_term, kept_vote: what its
    disk keeps. notes: what beliefs about changes and about others look at. flaw: a belief about itself that does not hold, or None.
    """

    server: ServerId
    life: Life | None
    kept: Files
    entries: tuple[Entry, ...]
    saved: tuple[Entry, ...]
    log: int
    leads: bool
    term: Term
    commit: Index
    syncs: bool
    kept_term: Term
    kept_vote: ServerId | None
    notes: Notes | None = None
    flaw: Flaw | None = None

    @property
    def base_index(self) -> Index:
        """Nobody compacts in a small world."""
        return 0

    @property
    def kept_index(self) -> Index:
        """Up to where its disk keeps its log as it is."""
        pairs = zip(self.entries, self.saved, strict=False)
        return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(self.entries), len(self.saved)))


class Outcome(NamedTuple):
    """What a server does about something: the mind that it has then, the packets that it sends to servers, and all that is to tell."""

    number: int
    before: Mind
    after: Mind
    mind: int
    sends: tuple[int, ...]
    told: tuple[Told, ...]


class AnotherAnswer(Exception):
    """A server does not come to the same again, though the same has happened to it; the message says which rule is the reason."""


class Minds:
    """Every mind and packet that was met, by the number of its shape; and every outcome.

    births: what each server does when it is started for the first time. asked: which of the world's own rules were asked so far.
    """

    def __init__(self, world: World, shapes: Shapes) -> None:
        self.asked: set[str] = set()
        book = world.rulebook
        self._custom = book.everywhere.swapped
        self._world = replace(world, rules=replace(book, everywhere=_noted(book.everywhere, self.asked)))
        self._shapes = shapes
        self._outcomes: dict[tuple[int, int | str | Stimulus], Outcome] = {}
        self.known: dict[int, Mind] = {}
        self.packets: dict[int, Packet] = {}
        unborn = [self._keep_down(server, {}) for server in world.server_ids]
        self.births = tuple([self.outcome(mind, BIRTH) for mind in unborn])

    def outcome(self, mind: int, stimulus: str | Stimulus) -> Outcome:
        """What this mind does about its birth, a crash, a restart, the end of a sync, or what it can hear."""
        return self._outcomes.get((mind, stimulus)) or self._ask(mind, stimulus)

    def hearing(self, mind: int, packet: int) -> Outcome:
        """What this mind does about a packet."""
        return self._outcomes.get((mind, packet)) or self._ask(mind, packet)

    def _ask(self, mind: int, what: int | str | Stimulus) -> Outcome:
        """Find out what this mind does about a packet, given as its number, or about anything else."""
        found = self._let(mind, self.packets[what].message) if isinstance(what, int) else self._find(mind, what)
        self._outcomes[mind, what] = found
        return found

    def _find(self, mind: int, stimulus: str | Stimulus) -> Outcome:
        me = self.known[mind]
        if stimulus == CRASH:
            return self._outcome(me, self._keep_down(me.server, me.kept), [Crashed(0.0, me.server)])
        if stimulus in (BIRTH, RESTART):
            return self._start(me, is_first=stimulus == BIRTH)
        return self._let(mind, stimulus)

    def _start(self, me: Mind, is_first: bool) -> Outcome:
        try:
            lone = LoneServer(self._world, me.server, me.kept)
        except CorruptLogError as error:
            return self._outcome(me, self._keep_down(me.server, me.kept), [Halted(0.0, me.server, str(error))])
        if not is_first:
            state = lone.server.node.state
            lone.told.append(Restarted(0.0, me.server, state.current_term, state.voted_for, 0, tuple(state.log.entries)))
        lone.server.start()
        return self._outcome(me, self._keep(lone, Life(me.kept)), lone.told)

    def _let(self, mind: int, stimulus: str | Stimulus) -> Outcome:
        """Have the server again, and let one more thing happen to it. Raises AnotherAnswer where it is not the same again."""
        me = self.known[mind]
        assert me.life, "to who is down nothing happens"
        began_with, happened = me.life
        lone = LoneServer(self._world, me.server, began_with)
        lone.server.start()
        for earlier in happened:
            lone.let(earlier)
        if self._custom and self._shapes.number(shape_of(lone.server)) != mind:
            raise AnotherAnswer(self._inconsistent(me))
        lone.told.clear()
        lone.let(stimulus)
        return self._outcome(me, self._keep(lone, Life(began_with, (*happened, stimulus))), lone.told)

    def _inconsistent(self, me: Mind) -> str:
        """Which rule does not answer the same twice."""

        def repeat(book: Rulebook) -> None:
            assert me.life
            lone = LoneServer(replace(self._world, rules=book), me.server, me.life.began_with)
            lone.server.start()
            for earlier in me.life.happened:
                lone.let(earlier)

        return sentence(inconsistent_rule(self._world.rulebook, repeat) or one_of(self._world.rulebook))

    def _outcome(self, me: Mind, mind: int, told: list[Told]) -> Outcome:
        sends = tuple([self._packet(packet) for packet in told if isinstance(packet, Packet)])
        return Outcome(len(self._outcomes), me, self.known[mind], mind, sends, tuple(told))

    def _keep(self, lone: LoneServer, life: Life) -> int:
        server, disk, state = lone.server, lone.disk, lone.server.node.state
        if not server.alive:  # it has stopped by itself
            return self._keep_down(server.id, disk.kept)
        number = self._shapes.number(shape_of(server))
        if number not in self.known:
            entries, found = tuple(state.log.entries), recovered(disk.kept)
            self.known[number] = Mind(
                server=server.id,
                life=life,
                kept=disk.kept,
                entries=entries,
                saved=tuple(found.entries),
                log=self._shapes.number(shape_of(entries)),
                leads=state.role is LEADER,
                term=state.current_term,
                commit=state.commit_index,
                syncs=bool(disk.syncs),
                kept_term=found.hard_state.current_term,
                kept_vote=found.hard_state.voted_for,
                notes=notes_of(state),
                flaw=next(iter(flaws_alone(state, lone.now_ms)), None),
            )
        return number

    def _keep_down(self, server: ServerId, kept: Files) -> int:
        number = self._shapes.number((server, shape_of_files(kept)))
        if number not in self.known:
            found = recovered(kept)
            entries, term, vote = tuple(found.entries), found.hard_state.current_term, found.hard_state.voted_for
            log = self._shapes.number(shape_of(entries))
            self.known[number] = Mind(
                server, None, kept, entries, entries, log, leads=False, term=term, commit=0, syncs=False, kept_term=term, kept_vote=vote
            )
        return number

    def _packet(self, packet: Packet) -> int:
        number = self._shapes.number(shape_of(packet))
        self.packets.setdefault(number, packet)
        return number


def _noted(rules: Rules, asked: set[str]) -> Rules:
    """The same rules, of which those that are not Raft's own are noted when they are asked."""
    return replace(rules, **{name: _noting(asked, name, getattr(rules, name)) for name in rules.swapped})


def _noting(asked: set[str], name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(rule)
    def obey(*arguments: Any) -> Any:
        asked.add(name)
        return rule(*arguments)

    return obey
