"""What a long run holds in memory: nine servers, a million committed entries, automatic snapshots, no trace."""

import resource
import subprocess
import sys

from bench.figure import Figure
from raftcore import Config, Scenario
from raftcore.cluster.world import SimWorld
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Message
from raftcore.vocabulary.names import LEADER

ENTRIES = 1_000_000
AT_ONCE = 5_000
LIMIT_MB = 500


def commit(entries: int) -> None:
    """Let nine servers commit and apply so many entries."""
    world = SimWorld(Scenario(size=9, seed=3, config=Config(delay_ms=(10.0, 10.0))))
    answered = 0

    def absorb(reply: Message) -> None:
        nonlocal answered
        assert isinstance(reply, ClientReply)
        assert reply.reason is None
        answered += 1

    world.network.join("C1", absorb)
    world.clock.run(1_000, limit=100_000)
    leader = next(server for server in world.servers.values() if server.node.state.role is LEADER)
    sent = 0
    while answered < entries:
        while sent < min(entries, answered + AT_ONCE):
            sent += 1
            leader.hear(ClientRequest("C1", sent, Set(f"k{sent % 100}", "value")))
        world.clock.run(world.clock.next_ms + 20, limit=1_000_000)
    world.clock.run(world.clock.next_ms + 1_000, limit=1_000_000)
    assert all(server.node.state.last_applied > entries for server in world.servers.values())


def used_mb() -> float:
    """Most memory that a process of its own has held for it."""
    program = "from bench.memory import commit, ENTRIES, most_mb; commit(ENTRIES); print(most_mb())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def most_mb() -> float:
    """Most memory that this process has held so far."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


def figures() -> list[Figure]:
    used = used_mb()
    return [Figure("MB, 9 servers, 1,000,000 entries", f"{used:.0f}", f"limit {LIMIT_MB}", used / LIMIT_MB, "≤ 1", used <= LIMIT_MB)]
