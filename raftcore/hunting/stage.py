"""Where a small world happens: what can be chosen in a state, and what comes of it."""

from collections.abc import Iterable
from typing import NamedTuple

from raftcore.consensus.door import DeadlineReached
from raftcore.hunting import beliefs, laws
from raftcore.hunting.laws import Finding, History
from raftcore.hunting.minds import Minds, Outcome
from raftcore.hunting.shapes import Shapes, shape_of
from raftcore.hunting.small_world import (
    BEAT,
    CRASH,
    DELIVER,
    DROP,
    DUPLICATE,
    REQUEST,
    RESTART,
    SYNC,
    TIME_OUT,
    Choice,
    Left,
    State,
    World,
)
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.messages import ClientRequest


class Step(NamedTuple):
    """What comes of a choice: the state, what a server did, if one did anything, and the law that does not hold any more, if any."""

    state: State
    outcome: Outcome | None
    finding: Finding | None


class Case(NamedTuple):
    """What there is to judge about what a server does: what it breaks by itself, and which other laws must look at it."""

    finding: Finding | None
    is_memorable: bool
    writes: bool
    commits: bool
    counts_rounds: bool


class Stage:
    """One world, and its servers' minds. What was found out about it once is remembered."""

    def __init__(self, world: World, minds: type[Minds] = Minds) -> None:
        self.world = world
        self.shapes = Shapes()
        self.minds = minds(world, self.shapes)
        self.histories: dict[int, History] = {}
        self._voters = Configuration(voters=world.server_ids)
        self._cases: dict[int, Case] = {}
        self._remembered: dict[tuple[int, int], tuple[int, Finding | None]] = {}
        self._matched: dict[tuple[int, int], Finding | None] = {}
        self._believed: dict[tuple[int, int], Finding | None] = {}
        self._heard: dict[tuple[int, int, int], int] = {}
        self._counted: dict[tuple[int, int], Finding | None] = {}
        self.start = State(tuple(birth.mind for birth in self.minds.births), (), self._keep(History()), Left.all_of(world))

    # ---- what can happen

    def choices(self, state: State) -> list[Choice]:
        """Everything that can happen next, always in the same order.

        What reaches a server while its disk syncs waits there until the sync ends, or for ever: as if it were late.
        """
        left, minds, terms = state.left, self.minds.known, self.world.terms
        choices: list[Choice] = []
        deaf = []
        for place, number in enumerate(state.minds):
            mind = minds[number]
            if mind.life is None:
                deaf.append(mind.server)
                choices.append((RESTART, place))
                continue
            if mind.syncs:
                deaf.append(mind.server)
                choices.append((SYNC, place))
            elif mind.leads:
                if left.commands:
                    choices.append((REQUEST, place))
                if left.heartbeats:
                    choices.append((BEAT, place))
            elif mind.term < terms:
                choices.append((TIME_OUT, place))
            if left.crashes:
                choices.append((CRASH, place))
        mail, packets = state.mail, self.minds.packets
        for place, packet in enumerate(mail):
            if packet in mail[:place]:  # the same once more
                continue
            if not deaf or packets[packet].target not in deaf:
                choices.append((DELIVER, place))
            if left.losses:
                choices.append((DROP, place))
            if left.duplications:
                choices.append((DUPLICATE, place))
        return choices

    def next_request(self, state: State) -> ClientRequest:
        """What the next client asks for."""
        number = self.world.commands - state.left.commands + 1
        return ClientRequest(f"C{number}", 1, Set("x", str(number)))

    # ---- what comes of it

    def state_after(self, path: Iterable[int]) -> State:
        """What these choices come to, each given as its place among all that could happen."""
        state = self.start
        for index in path:
            state = self.after(state, self.choices(state)[index]).state
        return state

    def after(self, state: State, choice: Choice) -> Step:
        """Let it happen."""
        kind, place = choice
        minds, mail, history, left = state
        if kind == DELIVER:
            packet = mail[place]
            server = int(self.minds.packets[packet].target[1:]) - 1
            mail = mail[:place] + mail[place + 1 :]
            if self.minds.packets[packet].round:
                state = state._replace(history=self._hear(state.history, packet, minds[server]))
            return self._done(state, server, self.minds.hearing(minds[server], packet), mail, left)
        if kind == DROP:
            return Step(State(minds, mail[:place] + mail[place + 1 :], history, left._replace(losses=left.losses - 1)), None, None)
        if kind == DUPLICATE:
            return Step(State(minds, (*mail, mail[place]), history, left._replace(duplications=left.duplications - 1)), None, None)
        return self._act(state, kind, place)

    def _act(self, state: State, kind: str, server: int) -> Step:
        left, mind, outcome = state.left, state.minds[server], self.minds.outcome
        if kind == REQUEST:
            ask = self.next_request(state)
            return self._done(state, server, outcome(mind, ask), state.mail, left._replace(commands=left.commands - 1))
        if kind == BEAT:
            left = left._replace(heartbeats=left.heartbeats - 1)
        elif kind == CRASH:
            left = left._replace(crashes=left.crashes - 1)
        return self._done(state, server, outcome(mind, DeadlineReached() if kind in (BEAT, TIME_OUT) else kind), state.mail, left)

    def _done(self, state: State, server: int, outcome: Outcome, mail: tuple[int, ...], left: Left) -> Step:
        minds = state.minds
        mind = outcome.mind
        if mind != minds[server]:
            minds = (*minds[:server], mind, *minds[server + 1 :])
        history, finding = self._judge(state, server, outcome, minds)
        return Step(State(minds, mail + outcome.sends, history, left), outcome, finding)

    # ---- laws

    def _judge(self, state: State, server: int, outcome: Outcome, minds: tuple[int, ...]) -> tuple[int, Finding | None]:
        case = self._cases.get(outcome.number) or self._case(outcome)
        history, finding = state.history, case.finding
        if finding is None and case.is_memorable:
            history, finding = self._remember(history, outcome)
        if finding is None and case.writes:
            finding = self._match(server, minds)
        if finding is None and outcome.mind != state.minds[server]:
            finding = self._believe(server, minds)
        if finding is None and case.counts_rounds:
            finding = self._rounds(history, outcome.mind)
        if finding is None and case.commits:
            finding = laws.judge_commit(outcome, [self.minds.known[mind] for mind in minds], self._voters)
        return history, finding

    def _case(self, outcome: Outcome) -> Case:
        """What there is to judge about an outcome, whatever state it comes from."""
        before, after = outcome.before, outcome.after
        commits = after.leads and after.commit > before.commit
        counts_rounds = after.notes is not None and len(after.notes.answered) > 1
        finding = laws.judge_step(outcome) or beliefs.judge_own(outcome)
        case = Case(finding, laws.is_memorable(outcome), before.log != after.log, commits, counts_rounds)
        self._cases[outcome.number] = case
        return case

    def _remember(self, history: int, outcome: Outcome) -> tuple[int, Finding | None]:
        known = self._remembered.get((history, outcome.number))
        if known is None:
            new, finding = laws.remember(self.histories[history], outcome)
            known = self._remembered[history, outcome.number] = self._keep(new), finding
        return known

    def _keep(self, history: History) -> int:
        number = self.shapes.number(shape_of(history))
        self.histories.setdefault(number, history)
        return number

    def _match(self, server: int, minds: tuple[int, ...]) -> Finding | None:
        """Compare the log that was written with all others."""
        me = self.minds.known[minds[server]]
        for number in minds:
            other = self.minds.known[number]
            logs = me.log, other.log
            if logs not in self._matched:
                self._matched[logs] = laws.judge_logs(me, other)
            if self._matched[logs]:
                return self._matched[logs]
        return None

    # ---- beliefs

    def _believe(self, server: int, minds: tuple[int, ...]) -> Finding | None:
        """Compare what leaders believe of followers with what these have: where this server is either."""
        known, believed, me = self.minds.known, self._believed, minds[server]
        for other in minds:
            for pair in ((me, other), (other, me)):
                if known[pair[0]].leads:
                    if pair not in believed:
                        believed[pair] = beliefs.judge_match(known[pair[0]], known[pair[1]])
                    if believed[pair]:
                        return believed[pair]
        return None

    def _hear(self, history: int, packet: int, mind: int) -> int:
        """The history after a message of a round has reached this server."""
        heard = history, packet, mind
        if heard not in self._heard:
            self._heard[heard] = self._keep(beliefs.hear(self.histories[history], self.minds.packets[packet], self.minds.known[mind]))
        return self._heard[heard]

    def _rounds(self, history: int, mind: int) -> Finding | None:
        """Compare the rounds that a leader counts as answered with what was delivered."""
        counted = history, mind
        if counted not in self._counted:
            self._counted[counted] = beliefs.judge_rounds(self.histories[history], self.minds.known[mind])
        return self._counted[counted]
