"""A stage for Raft nodes: a test says who stands for election, who hears of it, who crashes. Nothing else happens.

What a node asks to save is on its disk at once. Mail reaches those who are named in `heard_by` (they may answer) and nobody
else; what is left over is thrown away, or kept where the play says so.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from raftcore.consensus.door import ChangeWanted, DeadlineReached, ImageTaken, Ready, Saved, Stimulus, TransferWanted
from raftcore.consensus.membership import why_no_change
from raftcore.consensus.node import RaftNode
from raftcore.consensus.rules import Rules
from raftcore.consensus.state import NodeState
from raftcore.vocabulary.commands import Get, ReadMode, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.durable import Checkpoint, HardState, LogSuffix, Record, Snapshot
from raftcore.vocabulary.events import Event, MembershipChangeEnded
from raftcore.vocabulary.messages import ClientRequest, Entry, Message
from raftcore.vocabulary.names import LEADER, Address, Index, ServerId, Term

E = TypeVar("E", bound=Event)

AS_IN_THE_PAPER = Config(pre_vote=False, check_quorum=False, leader_guard=False, snapshot_every=0)
"""What Figure 2 says, and nothing that came after it."""

CAREFUL = Config(snapshot_every=0)
"""The defaults, but for snapshots: a play takes them by hand."""

NO_GUARD = Config(snapshot_every=0, leader_guard=False, pre_vote=False, check_quorum=False)
FOUNDERS = Configuration(("S1", "S2", "S3"))


def start_reign_as_in_figure_2(me: NodeState) -> None:
    """Become leader without a no-op: the paper's figures show logs without any."""
    me.become_leader()


FIGURE_2 = Rules(start_reign=start_reign_as_in_figure_2)
THE_RULES = Rules()


def log_of(terms: str, mark: str = "") -> list[Entry]:
    """A log by the terms of its entries: "1 1 4". Entries are told apart by `mark`, index and term."""
    return [Entry(int(term), Set("x", f"{mark}{index}.{term}"), "C1", index) for index, term in enumerate(terms.split(), 1)]


def terms_of(log: Iterable[Entry]) -> str:
    return " ".join(str(entry.term) for entry in log)


class Play:
    """Servers S1 … Sn, what each has on its disk and has applied, and the mail between them.

    `configuration` holds from the start for its members, who are all servers unless it says otherwise; the others belong to nothing.
    """

    def __init__(
        self,
        size: int = 5,
        rules: Rules | Mapping[ServerId, Rules] = FIGURE_2,
        logs: Mapping[ServerId, str] | None = None,
        term: Term = 0,
        config: Config = AS_IN_THE_PAPER,
        configuration: Configuration | None = None,
    ) -> None:
        self.members = tuple(f"S{number}" for number in range(1, size + 1))
        self.rules = rules if isinstance(rules, Mapping) else dict.fromkeys(self.members, rules)
        self.config = config
        self.configuration = configuration or Configuration(self.members)
        self.snapshots: dict[ServerId, Snapshot | None] = dict.fromkeys(self.members)
        self.disks = {name: (HardState(term), log_of((logs or {}).get(name, ""))) for name in self.members}
        self.applied: dict[ServerId, list[Entry]] = {}
        self.served: list[tuple[ServerId, int, Index]] = []  # reads: by whom, which, and as of which entry
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
        self.nodes[name] = RaftNode(name, self.configuration, self.config, lambda: 0.5, rules, saved, self.snapshots[name], entries)
        self.applied[name] = []
        self.obey(name, self.nodes[name].start(self.now_ms))

    def obey(self, name: ServerId, ready: Ready) -> Ready:
        for record in ready.save:
            self.write(name, record)
        self.mail += [(name, target, message) for target, message in ready.send]
        if ready.install:
            self.applied[name] = []  # what it stands for is in nobody's list
        self.applied[name] += ready.apply
        self.served += [(name, ask.sequence_num, self.state(name).last_applied) for ask in ready.reads]
        self.events += ready.events
        if ready.save:
            self.step(name, Saved())
        return ready

    def write(self, name: ServerId, record: Record) -> None:
        """Keep a record on a server's disk."""
        saved, entries = self.disks[name]
        match record:
            case HardState():
                self.disks[name] = record, entries
            case LogSuffix():
                snapshot = self.snapshots[name]
                kept = record.first_index - 1 - (snapshot.last_included_index if snapshot else 0)
                self.disks[name] = saved, [*entries[:kept], *record.entries]
            case Checkpoint():
                self.snapshots[name] = record.snapshot
                self.disks[name] = record.hard_state, list(record.entries)

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

    def pass_ms(self, duration_ms: float) -> None:
        """Let time pass in which nobody does anything."""
        self.now_ms += duration_ms

    def compact(self, name: ServerId, data: bytes = b"image") -> None:
        """Let a server put a snapshot in place of all that it has applied (§7)."""
        self.step(name, ImageTaken(self.state(name).last_applied, data))

    def change(self, leader: ServerId, voters: str, learners: str = "", heard_by: str = "") -> None:
        """Ask the leader for another configuration (§6)."""
        self.step(leader, ChangeWanted(Configuration(tuple(voters.split()), learners=tuple(learners.split()))))
        self.talk(leader, *heard_by.split())

    def transfer(self, leader: ServerId, target: ServerId) -> None:
        """Ask the leader to hand over (thesis 3.10); what it says waits as mail."""
        self.step(leader, TransferWanted(target))

    def read(self, name: ServerId, mode: ReadMode = ReadMode.READ_INDEX) -> int:
        """Let a client ask for a read that is no entry, and return its number; what the server says waits as mail."""
        self.requests += 1
        self.step(name, ClientRequest("C1", self.requests, Get("x", mode)))
        return self.requests

    # ---- what there is to see

    @property
    def all(self) -> str:
        """Everybody, as an audience."""
        return " ".join(self.members)

    def state(self, name: ServerId) -> NodeState:
        return self.nodes[name].state

    def leads(self, name: ServerId) -> bool:
        return self.state(name).role is LEADER

    def terms(self, name: ServerId) -> str:
        """The terms of a server's log: "1 1 4"."""
        return terms_of(self.state(name).log.entries)

    def voters(self, name: ServerId) -> str:
        """The voters by whom a server goes: "S1 S2 S3", and while they are joint "S1 S2 | S2 S3"."""
        now = self.state(name).configuration
        return " | ".join(" ".join(names) for names in (now.voters, now.next_voters) if names)

    def commit(self, name: ServerId) -> Index:
        return self.state(name).commit_index

    def told(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]


def reign_of_s1(
    size: int = 3,
    config: Config = CAREFUL,
    configuration: Configuration | None = None,
    rules: Rules | Mapping[ServerId, Rules] = THE_RULES,
) -> Play:
    """S1 leads in term 1, and its no-op is committed everywhere."""
    play = Play(size, rules, config=config, configuration=configuration)
    play.pass_ms(300)
    play.elect("S1", heard_by=play.all)
    play.heartbeat("S1", heard_by=play.all)
    assert all(play.commit(name) == 1 for name in play.configuration.members)
    return play


def three_of(size: int, config: Config = CAREFUL) -> Play:
    """S1 leads S1, S2 and S3; the other servers belong to nothing yet."""
    return reign_of_s1(size, config, FOUNDERS)


def objection(play: Play, voters: str, learners: str = "") -> str:
    """Why S1 can't begin to change the membership so; "" if it can."""
    return why_no_change(play.state("S1"), Configuration(tuple(voters.split()), learners=tuple(learners.split())))


def outcomes(play: Play) -> list[str]:
    """How each change of the membership ended: why it was given up, or ""."""
    return [event.why for event in play.told(MembershipChangeEnded)]
