"""Where a hunter finds planted bugs soon: in which clusters, and in what trouble.

Each seed draws its own clusters and its own mix where that is enough. A bug in a rule that other parts of Raft make seldom matter is
hunted where those are switched off.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from raftcore.hunting.faults import Faults
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
LINKS = only(commands=2, links=6, snapshots=1)
MEMBERS = only(commands=2, partitions=3, membership=3, timeouts=2)
COMPACTING = replace(FIGURE_2, snapshot_every=3, delay_ms=(1.0, 30.0))

GROUNDS: Mapping[str, Grounds] = {
    "1": Grounds(20, "Commit Only Own Term"),
    "2": Grounds(20),
    "3": Grounds(100, None, VOTES, 5, FIGURE_2),
    "4": Grounds(20),
    "5": Grounds(40),
    "6": Grounds(100),
    "7": Grounds(60),
    "8": Grounds(20, "Monotonic Commit", LINKS, 3, COMPACTING),
    "9": Grounds(60),
    "10": Grounds(20, "Vote Once"),
    "11": Grounds(200, None, LOGS, 3, FIGURE_2),
    "12": Grounds(20, "Monotonic Match", LINKS, 3, COMPACTING),
    "13": Grounds(20),
    "14a": Grounds(60),
    "15": Grounds(150),
    "16": Grounds(20, "Monotonic Commit", LINKS, 3, COMPACTING),
    "17": Grounds(40, "Log Matching", only(commands=2, partitions=3, timeouts=2), 3, replace(FIGURE_2, snapshot_every=3)),
    "18": Grounds(20),
    "19": Grounds(60, "Configuration Follows Log"),
    "21": Grounds(20, "Joint Quorum"),
    "22a": Grounds(60, None, MEMBERS, 3, FIGURE_2),
    "22b": Grounds(20, None, MEMBERS, 4, FIGURE_2),
    "29": Grounds(60),
    "30": Grounds(40),
}
"""By the number of the mutant. A mutant that is not here is beyond a random run of this length: its play exposes it."""
