"""Traces made by hand, to show a check what no correct server would do: each call tells what happened, and nothing is believed but that."""

from raftcore.checks.memory import ServerMemory
from raftcore.checks.violation import Violation
from raftcore.checks.watch import DEFAULTS, Watch
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Command, Set
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.messages import Entry, Message, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER


def no_op(term: int) -> Entry:
    return Entry(term)


def put(term: int, number: int, value: str = "1") -> Entry:
    """C1's command of this number, to set x."""
    return Entry(term, Set("x", value), "C1", number, 1)


class Story:
    """What happens to servers S1 … Sn, a millisecond apart. `tell` takes a kind of event and its fields without the time."""

    def __init__(self, size: int = 3, config: Config = DEFAULTS) -> None:
        self.names = [f"S{number}" for number in range(1, size + 1)]
        self.watch = Watch(self.names, config)
        self.now_ms = 0.0

    def tell(self, kind: type[ev.Event], *details: object) -> int:
        """Let something happen; where in the trace it stands."""
        self.now_ms += 1
        self.watch.absorb([kind(self.now_ms, *details)])
        return self.watch.position - 1

    def send(self, source: str, target: str, message: Message) -> int:
        return self.tell(ev.MessageSent, self.watch.position, source, target, message, self.now_ms + 15)

    # ---- elections

    def save(self, server: str, vote: str | None = None) -> int:
        """Let a server's disk keep all that it has, with this vote."""
        return self.tell(ev.Synced, server, self.memory(server).term, vote, self.memory(server).last.index)

    def follow(self, term: int, *servers: str) -> None:
        for server in servers:
            self.tell(ev.RoleChanged, server, FOLLOWER, term)

    def stand(self, server: str, term: int) -> int:
        """Let a server become candidate, and save that; a leader steps down first."""
        if self.memory(server).role is LEADER:
            self.follow(self.memory(server).term, server)
        at = self.tell(ev.RoleChanged, server, CANDIDATE, term)
        self.tell(ev.VoteCounted, server, server, term)
        self.save(server, vote=server)
        return at

    def vote(self, voter: str, candidate: str, term: int) -> int:
        """Let a server be asked for its vote, save it, give it, and see it counted; where it was given."""
        self.send(candidate, voter, RequestVote(term, candidate, 0, 0))
        if self.memory(voter).term < term:
            self.follow(term, voter)
        self.save(voter, vote=candidate)
        given = self.send(voter, candidate, RequestVoteReply(term, voter, vote_granted=True))
        self.tell(ev.VoteCounted, candidate, voter, term)
        return given

    def elect(self, server: str, term: int, by: str) -> int:
        """Let a server win with the votes of these others; where it became leader."""
        self.stand(server, term)
        for voter in by.split():
            self.vote(voter, server, term)
        return self.tell(ev.RoleChanged, server, LEADER, term)

    # ---- logs

    def append(self, server: str, *entries: Entry, behind: int | None = None) -> int:
        """Let a server write entries behind the end of its log, or behind an index."""
        last_index = self.memory(server).last.index if behind is None else behind
        return self.tell(ev.EntriesAppended, server, last_index + 1, entries)

    def keep(self, servers: str, *entries: Entry) -> None:
        """Let servers write entries, and save them."""
        for server in servers.split():
            self.append(server, *entries)
            self.save(server, self.memory(server).saved_vote)

    def commit(self, servers: str, index: int) -> int:
        """Let servers commit up to an index, in this order, and apply what they have not; where the last one committed."""
        at = -1
        for server in servers.split():
            at = self.tell(ev.Committed, server, index)
            while self.memory(server).last_applied < index:
                self.apply(server, self.memory(server).last_applied + 1)
        return at

    def apply(self, server: str, index: int) -> int:
        """Let a server apply what stands at an index of its log, as is right."""
        written = self.memory(server).at(index)
        command = written.entry.command if written else None
        effect = (command.key, command.value) if isinstance(command, Set) else (None, None)
        return self.tell(ev.Applied, server, index, *effect)

    def reign(self, size_by: str = "S2", term: int = 1) -> None:
        """Let S1 lead, with its no-op committed by all those who voted for it."""
        self.elect("S1", term, by=size_by)
        self.keep(f"S1 {size_by}", no_op(term))
        self.commit(f"S1 {size_by}", 1)

    def crash(self, server: str, kept_index: int | None = None) -> None:
        """Let a server crash and come back with what it had saved, or with its log up to an index only."""
        memory = self.memory(server)
        kept = memory.saved_index if kept_index is None else kept_index
        self.tell(ev.Crashed, server)
        self.tell(ev.Restarted, server, memory.saved_term, memory.saved_vote, kept, (), 0)

    # ---- clients

    def ask(self, number: int, command: Command, client: str = "C1") -> int:
        """Let a client begin a command."""
        return self.tell(ev.Invoked, client, number, command)

    def answer(self, number: int, command: Command, index: int, value: str | None = None, client: str = "C1") -> int:
        """Let it know the outcome."""
        return self.tell(ev.Completed, client, number, command, True, value, index, 1, 1.0)

    # ---- what was found

    def memory(self, server: str) -> ServerMemory:
        return self.watch._memory.servers[server]

    @property
    def violations(self) -> list[Violation]:
        return self.watch.violations

    def found(self, name: str) -> list[Violation]:
        """The violations of one property."""
        return [violation for violation in self.violations if violation.property == name]

    @property
    def broken(self) -> list[str]:
        """The names of the properties that were broken, in order."""
        return list(dict.fromkeys(violation.property for violation in self.violations))
