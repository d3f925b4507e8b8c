"""Where a hunter finds planted bugs soon: in which clusters, and in what trouble.

Each seed draws its own clusters and its own mix where that is enough. A bug in a rule that other parts of Raft make seldom matter is
hunted where those are switched off.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from raftcore.hunting.faults import Faults
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.config import Config

FIGURE_2 = Config(pre_vote=False, check_quorum=False, leader_guard=False, snapshot_every=0)
"""Elections as in Figure 2: whoever stands disturbs."""


class Grounds(Struct, frozen=True):
    """What a hunt is to be given. seeds: within so many it finds the bug. wanted: the property that breaks first, where that is not the one

    named for the bug. Of faults, size and config, what is None each seed draws for itself.
    """

    seeds: int
    wanted: str | None = None
    faults: Faults | None = None
    size: int | None = None
    config: Config | None = None


def only(**times: int) -> Faults:
    """Commands of clients, and of all trouble only these kinds."""
    return replace(Faults.only([]), **times)


VOTES = only(links=4, timeouts=6, partitions=1)
LOGS = only(commands=2, partitions=3, crashes=1, timeouts=1)
CHANGES_OF_LEADER = only(partitions=3, timeouts=4)
RESTARTS = only(commands=2, links=3, crashes=2, snapshots=2, timeouts=1)
LINKS = only(commands=2, links=6, snapshots=1)
MEMBERS = only(commands=2, partitions=3, membership=3, timeouts=2)
COMPACTING = replace(FIGURE_2, snapshot_every=3, delay_ms=(1.0, 30.0))

GROUNDS: Mapping[str, Grounds] = {
    "1": Grounds(60, "Commit Only Own Term"),
    "2": Grounds(30),
    "3": Grounds(300, None, VOTES, 5, FIGURE_2),
    "4": Grounds(60),
    "5": Grounds(80),
    "6": Grounds(200),
    "7": Grounds(60, None, CHANGES_OF_LEADER, 3, FIGURE_2),
    "8": Grounds(40, "Monotonic Commit", LINKS, 3, COMPACTING),
    "9": Grounds(300),
    "10": Grounds(60, "Vote Once", VOTES, 3, FIGURE_2),
    "11": Grounds(300, None, LOGS, 3, FIGURE_2),
    "12": Grounds(40, "Monotonic Match", LINKS, 3, COMPACTING),
    "13": Grounds(30),
    "14a": Grounds(200),
    "15": Grounds(400),
    "16": Grounds(40, "Monotonic Commit", LINKS, 3, COMPACTING),
    "17": Grounds(150, "Log Matching", CHANGES_OF_LEADER, 3, replace(FIGURE_2, snapshot_every=3)),
    "18": Grounds(60, "Configuration Follows Log"),
    "19": Grounds(200, "Configuration Follows Log"),
    "21": Grounds(200, "Joint Quorum"),
    "22a": Grounds(150, None, MEMBERS, 3, FIGURE_2),
    "22b": Grounds(60, None, MEMBERS, 4, FIGURE_2),
    "25": Grounds(400, None, only(commands=3, links=2, crashes=2, timeouts=3), 3, replace(FIGURE_2, reads=ReadMode.READ_INDEX)),
    "29": Grounds(150, None, RESTARTS, 3, replace(FIGURE_2, snapshot_every=3)),
    "30": Grounds(60),
}
"""By the number of the mutant. A mutant that is not here is beyond a random run of this length: its play exposes it."""
