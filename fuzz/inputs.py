"""The inputs of the lab: for each kind a function that makes one case and looks at what comes of it. AssertionError: it is wrong."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.calls import CALLS, sound_cluster
from fuzz.junk import broken_bytes, broken_json
from fuzz.screens import SCREENS_AND_FIGURES
from raftcore import Cluster, Config, Scenario
from raftcore.checks.history_files import read_edn, read_jepsen, read_kv
from raftcore.checks.linearizability import KEY_VALUE, check
from raftcore.hunting.random_run import RandomRun
from raftcore.recording import Recording
from raftcore.recording.columns import SCHEMA, WORDS
from raftcore.recording.file import from_parquet, sealed
from raftcore.recording.frames import FRAMES
from raftcore.recording.stream import from_frames
from raftcore.statemachine.language import parse_command, show_command
from raftcore.vocabulary.errors import CommandError, FileError, RaftLabError

SCRIPT = "</script><script>alert(1)</script>"
_FILE = Path(mkdtemp(prefix="raftlab-fuzz-"), "case")


@contextmanager
def only(*allowed: type[Exception]) -> Iterator[None]:
    """These errors may come, with a sentence that is not too long."""
    try:
        yield
    except allowed as error:
        assert str(error), "an error that says nothing"
        assert len(str(error)) < 5_000, f"an error of {len(str(error)):,} characters"


# ---- text


_WORDS = (
    "SET",
    "get",
    "CAS",
    "x",
    "1",
    "'",
    '"',
    "\\",
    " ",
    "\t",
    "\n",
    "STALE",
    "'a b'",
    '"\\u00e9"',
    "é",
    "\ud800",
    "\0",
    "LOG",
    "DELETE",
)


def command(random: Random) -> None:
    """What is typed into the command bar."""
    text = "".join(random.choice(_WORDS) + random.choice((" ", "")) for _ in range(random.randrange(9)))
    with only(CommandError):
        made = parse_command(text)
        assert parse_command(show_command(made)) == made


_TOKENS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b"null",
    b"1e999",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"-1",
    b"NaN",
    b"[" * 3_000,
    b":ok",
)


def scenario(random: Random) -> None:
    """A scenario's file. What is loaded can be saved, and run."""
    whole = _scenario()
    tree = msgspec.json.encode(broken_json(random, msgspec.json.decode(whole)))
    text = broken_bytes(random, whole, _TOKENS) if random.random() < 0.3 else tree
    with only(FileError):
        loaded = Scenario.from_json(text)
        assert Scenario.from_json(loaded.to_json()) == loaded
        with only(RaftLabError):
            cluster = Cluster.from_scenario(loaded, checks=False)
            cluster.run_for(30)


@cache
def _scenario() -> bytes:
    cluster = sound_cluster()
    rule = {
        "server": None,
        "rule": "answer_request_vote",
        "function": "raftcore.consensus.election:answer_request_vote",
        "importable": True,
    }
    said = json.loads(cluster.scenario.to_json())
    said["scenario"]["rules"] = [rule]
    return json.dumps(said).encode()


_HISTORIES = {
    read_kv: b'{:process 0, :type :invoke, :f :put, :key "x", :value "1"}\n{:process 0, :type :ok, :f :put, :key "x", :value "1"}\n'
    b'{:process 1, :type :invoke, :f :get, :key "x", :value nil}\n{:process 1, :type :ok, :f :get, :key "x", :value "1"}\n',
    read_edn: b"{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :info, :f :write, :value 1, :time 3}\n"
    b"{:process 1, :type :invoke, :f :cas, :value [1 2]}\n{:process 1, :type :fail, :f :cas, :value [1 2]}\n",
    read_jepsen: b"INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok\t:write\t1\n"
    b"INFO  jepsen.util - 1\t:invoke\t:read\tnil\nINFO  jepsen.util - 1\t:ok\t:read\t1\n",
}


def history(random: Random) -> None:
    """A file of what clients saw."""
    read = random.choice(list(_HISTORIES))
    _FILE.write_bytes(
        broken_bytes(random, _HISTORIES[read] * random.choice((1, 3)), (*_TOKENS, b"#", b"\t", b"\n", b"nil", b":info", b":cas"))
    )
    with only(FileError):
        check(read(_FILE), KEY_VALUE, budget=2_000)


# ---- recordings


@cache
def _recordings() -> tuple[bytes, ...]:
    lone, run = Cluster(size=1, seed=1, config=Config(snapshot_every=3)), RandomRun(3)
    lone.client("C1").set("x", SCRIPT)
    lone.run_for(100)
    run.trouble(rounds=10)
    found = []
    for cluster in (lone, run.cluster):
        cluster.recording.save(_FILE)
        found.append(_FILE.read_bytes())
    return tuple(found)


def recording(random: Random) -> None:
    """A recording's file: broken, or forged and sealed. What is loaded can be looked at in every way."""
    data = random.choice(_recordings())
    broken = broken_bytes(random, data, (b"PAR1", b"RAFTLAB>", b"\x00" * 9)) if random.random() < 0.3 else _forged(random, data)
    with only(FileError):
        _look(random, broken)


def page(random: Random) -> None:
    """The page of a forged recording: nothing that stands in the file can become a part of the page's own code."""
    with only(FileError):
        _load(_forged(random, random.choice(_recordings()))).to_html(_FILE)
        text = _FILE.read_text(encoding="utf-8")
        assert "<script>alert" not in text


def _load(data: bytes) -> Recording:
    _FILE.write_bytes(data)
    return Recording.load(_FILE)


def _look(random: Random, data: bytes) -> None:
    loaded = _load(data)
    looks: tuple[Callable[[], Any], ...] = (
        lambda: loaded.view,
        lambda: loaded.violations,
        lambda: loaded.trace,
        lambda: loaded.server_ids,
        lambda: loaded.to_edn(_FILE),
        lambda: loaded.to_shiviz(_FILE),
        lambda: loaded.save(_FILE),
        *(lambda name=name: getattr(loaded, name) for name in FRAMES),
    )
    for look in random.sample(looks, 4):
        with only(FileError):
            look()


@cache
def _parsed(data: bytes) -> tuple[pa.Table, Any]:
    return from_parquet(data, "sound")


def _forged(random: Random, data: bytes) -> bytes:
    table, header = _parsed(data)
    said = json.loads(msgspec.json.encode(header))
    if random.random() < 0.4:
        said = broken_json(random, said)
    for _ in range(random.choice((0, 1, 1, 2))):
        table = _broken_table(random, table)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="none", use_dictionary=list(WORDS)) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"raftlab": json.dumps(said).encode(), b"raftlab_checksum": b"0" * 8})
    return sealed(sink.getvalue().to_pybytes())


_VALUES = {
    pa.float64(): (0.0, -1.0, 1e300, float("nan"), float("inf"), 5.0),
    pa.int64(): (0, 1, 2, 3, -1, 2**62, 10**6, 60, 300),
    pa.binary(): (b"", b"\x90", b"\xc1", b"\x91" * 2_000, b"\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff"),
}
_NAMES = (
    "S1",
    "S2",
    "S9",
    "C1",
    "",
    SCRIPT,
    "follower",
    "leader",
    "Crashed",
    "Committed",
    "SnapshotInstalled",
    "LogTruncated",
    "stale term",
)


def _broken_table(random: Random, table: pa.Table) -> pa.Table:
    place = random.randrange(len(SCHEMA))
    values = table.column(place).to_pylist()
    junk = (*_VALUES.get(SCHEMA.field(place).type, _NAMES), None, *random.sample(values, min(3, len(values))))
    for _ in range(random.choice((1, 1, 3))):
        values[random.randrange(len(values))] = random.choice(junk)
    field = SCHEMA.field(place).with_nullable(True)
    return table.set_column(place, field, pa.array(values, field.type))


def part(random: Random) -> None:
    """What is left of a recording that was broken off."""
    with only(FileError):
        from_frames(broken_bytes(random, _part(), (b"RAFTLAB>", b"PAR1", b"\xff" * 8)), "part")


@cache
def _part() -> bytes:
    cluster = Cluster(size=1, seed=1)
    writing = cluster.recording.stream_to(_FILE)
    cluster.run_for(300)
    writing.flush()
    data = writing.part.read_bytes()
    writing.close()
    return data


KINDS: dict[str, Callable[[Random], None]] = {
    "command": command, "scenario": scenario, "history": history, "recording": recording, "part": part, "page": page,
} | CALLS | SCREENS_AND_FIGURES  # fmt: skip
