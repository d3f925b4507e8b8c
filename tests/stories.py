"""Traces made by hand, to show a check what no correct server would do: each call tells what happened, and nothing is believed but that."""

from raftcore.checks.violation import Violation
from raftcore.checks.watch import DEFAULTS, Watch
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.config import Config
from raftcore.vocabulary.messages import Message, RequestVote, RequestVoteReply
from raftcore.vocabulary.names import CANDIDATE, FOLLOWER, LEADER


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
        memory = self.watch._memory.servers[server]
        return self.tell(ev.Synced, server, memory.term, vote, memory.last_index)

    def follow(self, term: int, *servers: str) -> None:
        for server in servers:
            self.tell(ev.RoleChanged, server, FOLLOWER, term)

    def stand(self, server: str, term: int) -> int:
        """Let a server become candidate, and save that."""
        at = self.tell(ev.RoleChanged, server, CANDIDATE, term)
        self.tell(ev.VoteCounted, server, server, term)
        self.save(server, vote=server)
        return at

    def vote(self, voter: str, candidate: str, term: int) -> int:
        """Let a server be asked for its vote, save it, give it, and see it counted; where it was given."""
        self.send(candidate, voter, RequestVote(term, candidate, 0, 0))
        if self.watch._memory.servers[voter].term < term:
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

    # ---- what was found

    @property
    def violations(self) -> list[Violation]:
        return self.watch.violations

    @property
    def broken(self) -> list[str]:
        """The names of the properties that were broken, in order."""
        return list(dict.fromkeys(violation.property for violation in self.violations))
