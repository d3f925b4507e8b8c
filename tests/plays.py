"""A stage for Raft nodes: a test says who stands for election, who hears of it, who crashes. Nothing else happens.

What a node asks to save is on its disk at once. Mail reaches those who are named in `heard_by` (they may answer) and nobody
else; what is left over is thrown away, or kept where the play says so.
"""

from collections.abc import Iterable, Mapping

from raftcore.consensus.door import DeadlineReached, Ready, Saved, Stimulus
from raftcore.consensus.node import RaftNode
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState, Timing
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.durable import HardState
from raftcore.vocabulary.events import Event
from raftcore.vocabulary.messages import ClientRequest, Entry, Message
from raftcore.vocabulary.names import LEADER, Address, Index, ServerId, Term

TIMING = Timing(election_timeout_ms=(150.0, 300.0), heartbeat_ms=50.0, max_entries_per_message=64, max_messages_in_flight=8)


def start_reign_as_in_figure_2(me: NodeState) -> None:
    """Become leader without a no-op: the paper's figures show logs without any."""
    me.become_leader()


FIGURE_2 = Rules(start_reign=start_reign_as_in_figure_2)


def log_of(terms: str, mark: str = "") -> list[Entry]:
    """A log by the terms of its entries: "1 1 4". Entries are told apart by `mark`, index and term."""
    return [Entry(int(term), Set("x", f"{mark}{index}.{term}"), "C1", index) for index, term in enumerate(terms.split(), 1)]


def terms_of(log: Iterable[Entry]) -> str:
    return " ".join(str(entry.term) for entry in log)


class Play:
    """Servers S1 … Sn, what each has on its disk and has applied, and the mail between them."""

    def __init__(
        self,
        size: int = 5,
        rules: Rules | Mapping[ServerId, Rules] = FIGURE_2,
        logs: Mapping[ServerId, str] | None = None,
        term: Term = 0,
        timing: Timing = TIMING,
    ) -> None:
        self.members = tuple(f"S{number}" for number in range(1, size + 1))
        self.rules = rules if isinstance(rules, Mapping) else dict.fromkeys(self.members, rules)
        self.timing = timing
        self.disks = {name: (HardState(term), log_of((logs or {}).get(name, ""))) for name in self.members}
        self.applied: dict[ServerId, list[Entry]] = {}
        self.mail: list[tuple[ServerId, Address, Message]] = []
        self.events: list[Event] = []
        self.now_ms = 0.0
        self.requests = 0
        self.nodes: dict[ServerId, RaftNode] = {}
        for name in self.members:
            self.restart(name)

    # ---- what a server does

    def restart(self, name: ServerId) -> None:
        """Crash and start from the disk."""
        saved, entries = self.disks[name]
        rules = self.rules.get(name, FIGURE_2)
        self.nodes[name] = RaftNode(name, self.members, self.timing, lambda: 0.5, rules, saved, list(entries))
        self.applied[name] = []
        self.obey(name, self.nodes[name].start(self.now_ms))

    def obey(self, name: ServerId, ready: Ready) -> Ready:
        saved, entries = self.disks[name]
        for record in ready.save:
            if isinstance(record, HardState):
                saved = record
            else:
                entries = [*entries[: record.first_index - 1], *record.entries]
        self.disks[name] = saved, entries
        self.mail += [(name, target, message) for target, message in ready.send]
        self.applied[name] += ready.apply
        self.events += ready.events
        if ready.save:
            self.step(name, Saved())
        return ready

    def step(self, name: ServerId, stimulus: Stimulus) -> Ready:
        """Let one thing happen to a server; its answers wait as mail."""
        return self.obey(name, self.nodes[name].step(stimulus, self.now_ms))

    def tell(self, name: ServerId, message: Message) -> Message:
        """Hand one message to a server, and take its one answer out of the mail."""
        waiting, self.mail = self.mail, []
        self.step(name, message)
        (_, _, answer), self.mail = self.mail[0], waiting
        return answer

    # ---- mail

    def talk(self, *names: ServerId) -> int:
        """Let these servers hear each other until all is said, and throw other mail away; how many messages were heard."""
        heard = 0
        while self.mail:
            source, target, message = self.mail.pop(0)
            if source in names and target in names:
                heard += 1
                self.step(target, message)
        return heard

    def take_mail(self, target: Address = "") -> list[Message]:
        """The mail that waits for an address, or all of it; it will not be delivered unless the play hands it over."""
        taken = [message for _, to, message in self.mail if target in ("", to)]
        self.mail = [letter for letter in self.mail if target not in ("", letter[1])]
        return taken

    # ---- scenes

    def stand(self, name: ServerId, heard_by: str = "") -> None:
        """Let a server's election timer run out."""
        self.mail.clear()
        self.step(name, DeadlineReached())
        self.talk(name, *heard_by.split())

    def elect(self, name: ServerId, heard_by: str) -> None:
        """The same, and it wins, if need be in a second try, with a term that is new to those who hear it."""
        self.stand(name, heard_by)
        if not self.leads(name):
            self.stand(name, heard_by)
        assert self.leads(name), f"{name} did not win"

    def propose(self, leader: ServerId, value: str, heard_by: str = "") -> Entry:
        """Let a client ask the leader to set x."""
        self.requests += 1
        self.step(leader, ClientRequest("C1", self.requests, Set("x", value)))
        entry = self.state(leader).log.entries[-1]
        self.talk(leader, *heard_by.split())
        return entry

    def heartbeat(self, leader: ServerId, heard_by: str) -> None:
        """Let a leader's heartbeat be heard, with all that follows from it."""
        self.mail.clear()
        self.step(leader, DeadlineReached())
        self.talk(leader, *heard_by.split())

    # ---- what there is to see

    def state(self, name: ServerId) -> NodeState:
        return self.nodes[name].state

    def leads(self, name: ServerId) -> bool:
        return self.state(name).role is LEADER

    def terms(self, name: ServerId) -> str:
        """The terms of a server's log: "1 1 4"."""
        return terms_of(self.state(name).log.entries)

    def commit(self, name: ServerId) -> Index:
        return self.state(name).commit_index

    def told(self, kind: type[Event]) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if type(event) is kind]
