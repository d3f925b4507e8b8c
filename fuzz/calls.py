"""The public calls, with arguments of any kind. A call that is refused leaves the run as it was, and the run can still be repeated."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz.junk import junk
from raftcore import Cluster, Config, Rules, Scenario, diff
from raftcore.checks.explain import why_no_leader, why_not_committed, why_pending, why_refused
from raftcore.checks.history_files import read_edn, read_jepsen, read_kv
from raftcore.checks.linearizability import KEY_VALUE, check, history
from raftcore.hunting.explore import explore
from raftcore.hunting.faults import Faults
from raftcore.hunting.hunt import check_seeds, hunt
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from raftcore.recording import Recording
from raftcore.statemachine.language import parse_command, show_command
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.errors import RaftLabError
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.validation import KINDS as ACTIONS

SOUND: tuple[act.Action, ...] = (
    act.Submit(0.0, "C1", act.Command.__args__[0]("x", "1")),
    act.SetLink(0.0, "S1", "S2", loss=0.5, delay_ms=(1.0, 2.0)),
    act.Partition(300.0, (("S1", "C1"), ("S2", "S3"))),
    act.Heal(400.0),
    act.Crash(400.0, "S1"),
    act.CreateServer(400.0, "S4"),
    act.SetClockRate(400.0, "S2", 1.1),
    act.SetDisk(400.0, "S2", sync_ms=2.0, capacity_bytes=None),
    act.Restart(450.0, "S1"),
)


def sound_cluster() -> Cluster:
    """A small run in which something has happened."""
    cluster = Cluster(size=3, seed=1)
    for action in SOUND:
        cluster.act(action)
    cluster.run_to(500)
    return cluster


METHODS: dict[str, int] = {
    "run_for": 1, "run_to": 1, "run_until": 2, "fork": 1, "begin_fork": 1, "submit": 3, "client": 1, "crash": 1, "restart": 1, "pause": 1,
    "resume": 1, "time_out": 1, "isolate": 1, "partition": 3, "heal": 0, "cut": 2, "mend": 2, "create_server": 1, "change_membership": 2,
    "add_server": 1, "remove_server": 1, "transfer_leadership": 1, "take_snapshot": 1, "set_clock_rate": 2, "flip_bit": 1, "act": 1,
}  # fmt: skip
LINK = ("up", "delay_ms", "loss", "duplication", "reordering", "los")
DISK = ("sync_ms", "sync_fails", "capacity_bytes", "loses_writes", "sync")
CLIENT = {"run": 1, "set": 2, "get": 2, "delete": 1, "append": 2, "cas": 3}


def refused_or_done(call: Callable[[], object], cluster: Cluster | None = None) -> bool:
    """Whether it was done. A documented error is a sentence, and leaves the run as it was."""
    before = _state(cluster) if cluster is not None else None
    try:
        call()
    except (RaftLabError, OSError) as error:
        assert 0 < len(str(error)) < 5_000, f"an error of {len(str(error)):,} characters"
        if cluster is not None and not isinstance(error, TimeoutError):  # time had passed before it was over
            assert _state(cluster) == before, f"a refused call changed the run: {error}"
        return False
    return True


def _state(cluster: Cluster) -> tuple[Any, ...]:
    return cluster.now_ms, len(cluster.trace), cluster.scenario.actions, len(cluster._planned)


def calls(random: Random) -> None:
    """Some calls on one cluster, which can be repeated afterwards."""
    cluster = Cluster(size=3, seed=random.randrange(10), checks=False)
    cluster.run_for(300)
    for _ in range(12):
        refused_or_done(_call(random, cluster), cluster)
    if random.random() < 0.1:
        again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()), checks=False)
        again.run_to(cluster.now_ms)
        assert diff(again, cluster) is None, "a repeated run is another one"


def _call(random: Random, cluster: Cluster) -> Callable[[], object]:
    """One call with values of any kind, most of them wrong."""
    kind = random.randrange(5)
    if kind == 0:
        return lambda: cluster.act(_action(random))
    if kind == 1:
        name, arguments = random.choice(list(CLIENT.items()))
        values = [junk(random) for _ in range(arguments)]
        return lambda: _ask(cluster, name, values)
    if kind == 2:
        method, names = random.choice(((cluster.link, LINK), (cluster.disk, DISK)))
        ends = [junk(random) for _ in range(2 if names is LINK else 1)]
        return lambda: method(*ends, **{random.choice(names): junk(random)})
    name, arguments = random.choice(list(METHODS.items()))
    values = [junk(random) for _ in range(arguments)]
    if name == "run_until" and callable(values[0]):  # what a condition raises is its own affair
        values[0] = lambda view: view.leader
    return lambda: getattr(cluster, name)(*values)


def _ask(cluster: Cluster, method: str, values: list[Any]) -> None:
    """Ask a client whose answer would come, without waiting for it."""
    client = cluster.client("C1")
    client._finish = lambda operation: operation
    getattr(client, method)(*values)


def _action(random: Random) -> Any:
    kind = random.choice(sorted(ACTIONS, key=lambda kind: kind.__name__))
    return kind(*(junk(random) for _ in kind.__struct_fields__))


# ---- what makes things


@cache
def _recording() -> Recording:
    return sound_cluster().recording


def _any_run(random: Random) -> Any:
    return random.choice((_recording(), _recording().source, junk(random)))


def _view(random: Random) -> Any:
    return random.choice((_recording().view, _recording().view, junk(random)))


def _nowhere(random: Random) -> Any:
    """What is no path, or one where nothing can be written."""
    value = junk(random)
    return Path("/dev/null", value) if isinstance(value, str | Path) and "\0" not in str(value) else value


def _named(make: Callable[..., Any]) -> Callable[[Random], object]:
    """A value with a few of its fields given by name, and one by another."""
    names = (*make.__struct_fields__, "nonsense")  # type: ignore[attr-defined]  # it is a Struct
    return lambda random: make(**{random.choice(names): junk(random) for _ in range(random.choice((1, 1, 2, 4)))})


def _link(random: Random) -> object:
    return Link(delay_ms=junk(random), loss=junk(random))


MAKES: tuple[Callable[[Random], object], ...] = (
    _named(Config),
    _named(Faults),
    _named(Rules),
    _link,
    lambda random: Cluster(junk(random), junk(random), *(junk(random) for _ in range(random.randrange(3)))),
    lambda random: Cluster(size=3, rules=junk(random)),
    lambda random: Scenario(size=junk(random), seed=junk(random), actions=junk(random), rules=junk(random)),
    lambda random: Scenario(size=3, seed=1, actions=(_action(random),)).to_json(),
    lambda random: Scenario.from_json(junk(random)),
    lambda random: Scenario.load(junk(random)),
    lambda random: Cluster.from_scenario(Scenario(size=3, seed=1, actions=(_action(random),))),
    lambda random: Recording.load(junk(random)),
    lambda random: _recording().to_shiviz("/nowhere/x", junk(random), junk(random)),
    lambda random: _recording().trace.view_at(junk(random)),
    lambda random: World(size=junk(random)),
    lambda random: World(terms=junk(random), commands=junk(random)),
    lambda random: Walk(junk(random)),
    lambda random: Walk(World(), junk(random)),
    lambda random: Walk(World()).choose(junk(random)),
    lambda random: explore(junk(random)),
    lambda random: explore(World(), limit=random.choice((junk(random), 0, -1))) if random.random() < 0.1 else None,
    lambda random: check_seeds(junk(random)),
    lambda random: hunt(faults=junk(random), seeds=0),
    lambda random: hunt(rules=junk(random), seeds=0),
    lambda random: hunt(wanted=junk(random), seeds=0),
    lambda random: check(junk(random), random.choice((KEY_VALUE, junk(random)))),
    lambda random: check((), KEY_VALUE, junk(random)),
    lambda random: check((), KEY_VALUE, initial=junk(random)),
    lambda random: history(junk(random)),
    lambda random: diff(_any_run(random), _any_run(random), random.choice((0, junk(random)))),
    lambda random: parse_command(junk(random)),
    lambda random: show_command(junk(random)),
    lambda random: _recording().scenario.until(junk(random)),
    # paths
    lambda random: random.choice((read_edn, read_kv, read_jepsen))(_nowhere(random)),
    lambda random: _recording().save(_nowhere(random)),
    lambda random: _recording().scenario.save(_nowhere(random)),
    lambda random: _recording().to_html(_nowhere(random)),
    lambda random: _recording().to_edn(_nowhere(random)),
    lambda random: _recording().to_shiviz(_nowhere(random)),
    lambda random: _recording().stream_to(_nowhere(random)),
    lambda random: _recording().to_csv(_nowhere(random)),
    lambda random: _recording().save_tables(_nowhere(random)),
    # explanations
    lambda random: why_not_committed(_view(random), junk(random), random.choice((None, junk(random)))),
    lambda random: why_not_committed(_view(random), 1, junk(random)),
    lambda random: why_no_leader(junk(random)),
    lambda random: why_pending(_view(random), junk(random)),
    lambda random: why_refused(junk(random)),
)


def makes(random: Random) -> None:
    """One object or question, with junk for its arguments."""
    make = random.choice(MAKES)
    refused_or_done(lambda: make(random))


CALLS: dict[str, Callable[[Random], None]] = {"calls": calls, "makes": makes}
