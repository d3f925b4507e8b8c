"""Who belongs to a cluster. A configuration is an entry of the log, and holds from the moment it stands there (§6)."""

from msgspec import Struct

from raftcore.vocabulary.names import ServerId


class Configuration(Struct, frozen=True, array_like=True, tag="configuration"):
    """The servers that vote, and those that only learn, each in order of name.

    `next_voters` makes it joint: a decision needs a majority of `voters` and one of `next_voters` (C_old,new of §6). Learners receive
    the log and count nowhere (thesis 4.2.1). `learners_next` are voters who become learners when the joint phase ends; until then their
    votes count, so they are no learners yet (as in etcd's raft).
    """

    voters: tuple[ServerId, ...] = ()
    next_voters: tuple[ServerId, ...] = ()
    learners: tuple[ServerId, ...] = ()
    learners_next: tuple[ServerId, ...] = ()

    @property
    def is_joint(self) -> bool:
        """Whether two majorities decide."""
        return bool(self.next_voters)

    @property
    def all_voters(self) -> tuple[ServerId, ...]:
        """Every server whose vote counts."""
        return tuple(dict.fromkeys(self.voters + self.next_voters))

    @property
    def members(self) -> tuple[ServerId, ...]:
        """Every server that receives the log."""
        return tuple(dict.fromkeys(self.voters + self.next_voters + self.learners))
