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
    """What a hunt is to be given. seeds: within so many it finds that the property named for the bug breaks.

    Of faults, size and config, what is None each seed draws. property: what it looks for in place of that property: a belief that breaks
    sooner.
    """

    seeds: int
    faults: Faults | None = None
    size: int | None = None
    config: Config | None = None
    property: str | None = None


def only(**times: int) -> Faults:
    """Commands of clients, and of all trouble only these kinds."""
    return replace(Faults.only([]), **times)


VOTES = only(links=4, timeouts=6, partitions=1)
LOGS = only(commands=2, partitions=3, crashes=1, timeouts=1)
CHANGES_OF_LEADER = only(partitions=3, timeouts=4)
IN_TURN = only(commands=0, timeouts=1)
RESTARTS = only(commands=2, links=3, crashes=2, snapshots=2, timeouts=1)
LINKS = only(commands=3, links=6, leaders=1, crashes=1)
MEMBERS = only(commands=2, partitions=3, membership=3, timeouts=2)
RIVALS = only(rivals=4, partitions=1)
CALLS = only(commands=2, transfers=6, crashes=3, partitions=2)
SHORT_DELAYS = replace(FIGURE_2, delay_ms=(1.0, 5.0))
COMPACTING = replace(FIGURE_2, snapshot_every=3, delay_ms=(1.0, 10.0))
ONE_BY_ONE = replace(FIGURE_2, heartbeat_ms=20.0, max_entries_per_message=1, max_messages_in_flight=1)

READS = only(commands=0, reads=3, crashes=1, partitions=1)
LEASES = Config(
    election_timeout_ms=(300.0, 1000.0),
    heartbeat_ms=100.0,
    delay_ms=(1.0, 5.0),
    sync_ms=0.0,
    pre_vote=False,
    check_quorum=False,
    snapshot_every=0,
    reads=ReadMode.LEASE,
    client_retry_ms=60.0,
)
"""Clients soon leave a leader that does not answer."""
EVEN_LEASES = replace(LEASES, election_timeout_ms=(300.0, 310.0), heartbeat_ms=20.0, delay_ms=(0.1, 1.0), max_clock_drift=0.0)
"""A lease ends just before somebody may stand."""

SELDOM_HEARTBEATS = replace(
    LEASES, election_timeout_ms=(3_000.0, 6_000.0), heartbeat_ms=1_000.0, leader_guard=False, reads=ReadMode.READ_INDEX
)

GROUNDS: Mapping[str, Grounds] = {
    "1": Grounds(60, IN_TURN, 3, ONE_BY_ONE),
    "2": Grounds(30),
    "3": Grounds(400, VOTES, 5, FIGURE_2),
    "4": Grounds(60),
    "5": Grounds(80),
    "6": Grounds(200),
    "7": Grounds(200, CHANGES_OF_LEADER, 3, FIGURE_2),
    "8": Grounds(400, LINKS, 3, COMPACTING),
    "9": Grounds(300),
    "10": Grounds(300, VOTES, 3, FIGURE_2),
    "11": Grounds(300, LOGS, 3, FIGURE_2),
    "12": Grounds(500, only(commands=2, links=6, snapshots=1), 3, replace(COMPACTING, delay_ms=(1.0, 30.0))),
    "13": Grounds(30),
    "14a": Grounds(200),
    "14b": Grounds(60, only(commands=2, rot=2, crashes=3, partitions=2, leaders=1), 3, FIGURE_2),
    "15": Grounds(500, only(crashes=3, partitions=2, disks=1), 3, replace(SHORT_DELAYS, sync_ms=30.0)),
    "16": Grounds(500, only(commands=3, links=8, leaders=1, partitions=1), 3, replace(COMPACTING, snapshot_every=2)),
    "17": Grounds(300, CHANGES_OF_LEADER, 3, replace(FIGURE_2, snapshot_every=3)),
    "18": Grounds(100, replace(RIVALS, commands=0, membership=1), 5, replace(SHORT_DELAYS, snapshot_every=3)),
    "19": Grounds(300, RIVALS, 4, SHORT_DELAYS),
    "20": Grounds(300, RIVALS, 4, SHORT_DELAYS),
    "21": Grounds(150, replace(RIVALS, membership=2), 5, SHORT_DELAYS),
    "22a": Grounds(150, MEMBERS, 3, FIGURE_2),
    "22b": Grounds(150, MEMBERS, 4, FIGURE_2),
    "23": Grounds(60, only(membership=3, partitions=3), 4, Config(pre_vote=False)),
    "24": Grounds(600, CALLS, 2, Config(check_quorum=False)),
    "25": Grounds(150, READS, 3, replace(FIGURE_2, reads=ReadMode.READ_INDEX)),
    "26": Grounds(200, only(commands=2, reads=3, timeouts=3, leaders=2, partitions=1), 3, SELDOM_HEARTBEATS),
    "27a": Grounds(60, replace(READS, transfers=2), 3, LEASES),
    "27b": Grounds(
        300,
        replace(READS, crashes=0, clocks=6),
        3,
        replace(LEASES, election_timeout_ms=(300.0, 400.0), delay_ms=(0.5, 1.0), heartbeat_ms=20.0, max_clock_drift=0.9),
    ),
    "27d": Grounds(60, only(commands=0, leaders=4), 5, EVEN_LEASES, "Lease Excludes"),
    "28": Grounds(300, replace(READS, transfers=6), 3, LEASES),
    "29": Grounds(150, RESTARTS, 3, replace(FIGURE_2, snapshot_every=3)),
    "30": Grounds(60),
    "31": Grounds(60, only(transfers=3), 3, Config(snapshot_every=0), "Round Is Heard"),
    "32": Grounds(30, only(transfers=6, partitions=3, timeouts=3), 3, Config()),
    "33": Grounds(60, only(commands=2, membership=2), 3, Config()),
    "34": Grounds(30, only(quorums=1), 5, Config()),
    "35": Grounds(5),
    "38": Grounds(20, only(clocks=4, reads=1), 3, LEASES, "Deadlines In Bounds"),
    "39": Grounds(20, only(reads=1), 3, Config(), "Rounds Go Forward"),
    "40": Grounds(150),
    "41": Grounds(100, only(commands=2, crashes=3, disks=2), 1, replace(SHORT_DELAYS, sync_ms=30.0)),
}
"""By the number of the mutant. A mutant that is not here is beyond a random run of this length: its play exposes it."""
