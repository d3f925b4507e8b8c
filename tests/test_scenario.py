"""A scenario is a value: it can be written down, read back, and gives the same run."""

import ast
import builtins
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config, ReadMode, Role, Rules, Scenario, diff
from raftcore.cluster.as_code import as_code
from raftcore.cluster.rulebook import Rulebook
from raftcore.consensus import election
from raftcore.consensus.state import NodeState
from raftcore.files import save_atomically
from raftcore.recording import Recording
from raftcore.recording.sources import Told
from raftcore.server import Server
from raftcore.vocabulary import actions as act
from raftcore.vocabulary.commands import Cas, Get, Set
from raftcore.vocabulary.errors import ConfigError, FileError, RaftLabError, UnknownRulesError
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import RequestVote, RequestVoteReply
from raftcore.vocabulary.scenario import MAX_SERVERS, ScenarioFile, SwappedRule
from widgets import share
from widgets.forking import begun

ROOT = Path(__file__).parents[1]

ACTIONS = (
    act.SetLink(0.0, "S1", "S2", loss=0.5),
    act.Crash(100.0, "S1"),
    act.Submit(150.5, "C1", Cas("x", "1", "2"), "S2"),
    act.Partition(200.0, (("S1",), ("S2", "C1"))),
    act.Restart(300.0, "S1"),
    act.Isolate(310.0, "S2"),
    act.TimeOut(320.0, "S1"),
    act.Pause(330.0, "S1"),
    act.Resume(340.0, "S1"),
    act.Heal(350.0),
)


def test_a_scenario_survives_a_file(tmp_path: Path) -> None:
    scenario = Scenario(size=3, seed=7, config=Config(sync_ms=2), actions=ACTIONS)
    scenario.save(tmp_path / "run.json")
    assert Scenario.load(tmp_path / "run.json") == scenario
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_a_file_that_can_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    old = Scenario(size=3, seed=7)
    old.save(tmp_path / "run.json")
    with pytest.raises(RuntimeError):
        save_atomically(tmp_path / "run.json", lambda file: (file.write_text("half"), fail()))
    assert Scenario.load(tmp_path / "run.json") == old
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def fail() -> None:
    raise RuntimeError


TEXT = Scenario(size=3, seed=7, actions=ACTIONS).to_json()


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "only a part of one"),
        (TEXT[: len(TEXT) // 2], "only a part of one"),
        ("{}", "no scenario of this lab"),
        (TEXT.replace('"raftlab scenario"', '"raftlab recording"'), "holds 'raftlab recording'"),
        (TEXT.replace('"version": 1', '"version": 2'), "version 2, and this lab reads up to 1"),
        (TEXT.replace('"seed": 7', '"seed": "x"'), "damaged scenario: Expected `int`, got `str` - at `$.scenario.seed`"),
        (TEXT.replace('"Crash"', '"Krash"'), "damaged scenario: Invalid value 'Krash'"),
        (TEXT.replace('"seed"', '"seat"'), "damaged scenario: Object contains unknown field `seat`"),
        (TEXT.replace('"size": 3', '"size": 99'), "a cluster of 99 servers can't be"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(FileError, match=re.escape(said)) as caught:
        Scenario.from_json(text, "run.json")
    assert str(caught.value).startswith("run.json ")


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads((ROOT / "docs" / "scenario.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(msgspec.json.encode(msgspec.json.schema(ScenarioFile)))


def test_a_whole_number_and_the_same_with_a_point_make_the_same_run() -> None:
    cluster = Cluster(3, seed=7)
    cluster.link("S1", "S2", delay_ms=(5, 5))
    cluster.disk("S1", sync_ms=7)
    cluster.set_clock_rate("S2", 2)
    again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()))
    again.run_to(0)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()


# ---- rules


def refuse_all(me: NodeState, ask: RequestVote) -> RequestVoteReply:
    return RequestVoteReply(me.current_term, me.id, vote_granted=False)


def test_rules_of_raftcore_come_back_by_their_name_and_others_are_given() -> None:
    cluster = Cluster(3, seed=7, rules={"S2": Rules(answer_request_vote=election.answer_timeout_now)})
    (rule,) = cluster.scenario.rules
    assert rule == SwappedRule("S2", "answer_request_vote", "raftcore.consensus.election:answer_timeout_now", importable=True)

    cluster = Cluster(3, seed=7, rules=Rules(answer_request_vote=refuse_all))
    cluster.run_for(2_000)
    again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()), Rules(answer_request_vote=refuse_all))
    again.run_for(2_000)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()
    assert again.leader is None
    assert cluster.fork(500).trace.to_bytes() == cluster.trace.to_bytes()[: len(cluster.fork(500).trace.to_bytes())]


def test_a_run_with_rules_that_have_no_name_can_not_be_repeated_without_them() -> None:
    rules = Rules(answer_request_vote=lambda me, _ask: RequestVoteReply(me.current_term, me.id, vote_granted=False))
    cluster = Cluster(3, seed=7, rules=rules)
    cluster.run_for(1_000)
    with pytest.raises(
        UnknownRulesError, match=r"the rule answer_request_vote was .*<lambda>\. Only what belongs to raftcore .*=my_answer_request_vote"
    ):
        Cluster.from_scenario(cluster.scenario)
    again = Cluster.from_scenario(cluster.scenario, rules=rules)
    again.run_for(1_000)
    assert again.trace.to_bytes() == cluster.trace.to_bytes()


@pytest.mark.parametrize(
    "function, said",
    [
        ("no.such.module:f", "Only what belongs to raftcore is imported .*from no.such.module import f; "),
        ("math:gcd", "Only what belongs to raftcore is imported .*from math import gcd; "),
        ("raftcorelike:f", "Only what belongs to raftcore is imported"),
        ("raftcore", "Only what belongs to raftcore is imported .*=my_answer_pre_vote"),
        ("raftcore.consensus.nowhere:nobody", "can't be imported here"),
        ("raftcore.consensus.election:nobody", "can't be imported here"),
        ("raftcore.files:os.getpid", "no function that is defined there"),
        ("raftcore.cluster.rulebook:import_module", "no function that is defined there"),
        ("raftcore.vocabulary.scenario:MAX_SERVERS", "no function that is defined there"),
    ],
)
def test_a_rule_that_is_not_imported_is_named(function: str, said: str) -> None:
    scenario = Scenario(size=3, seed=7, rules=(SwappedRule(None, "answer_pre_vote", function, importable=True),))
    with pytest.raises(UnknownRulesError, match=f"the rule answer_pre_vote was {function}.*{said}"):
        Cluster.from_scenario(scenario)


class PatientServer(Server):
    """A server of a kind of its own, that does what all do."""


def test_a_kind_of_server_comes_back_by_its_importable_name() -> None:
    cluster = Cluster(3, seed=7, rules=Rulebook(server=PatientServer))
    assert cluster.scenario.rules == (SwappedRule(None, "server", f"{__name__}:PatientServer", importable=True),)
    assert "cluster = Cluster(size=3, seed=7, rules=Rulebook(server=PatientServer))" in cluster.as_code()

    again = Cluster.from_scenario(Scenario.from_json(cluster.scenario.to_json()), Rulebook(server=PatientServer))
    assert type(again._world.servers["S3"]) is PatientServer


def test_a_rulebook_comes_back_with_all_that_it_says_also_who_alone_obeys_raft() -> None:
    book = Rulebook({"S2": Rules()}, Rules(answer_request_vote=refuse_all), PatientServer)
    cluster = Cluster(3, seed=7, rules=book)
    with pytest.raises(UnknownRulesError, match=r"the kind of server was .*PatientServer, the rule answer_request_vote was .*refuse_all"):
        Cluster.from_scenario(cluster.scenario)

    names: dict[str, Any] = {}
    exec(cluster.as_code(), names)
    assert names["cluster"]._rules == book


def test_what_is_no_kind_of_server_is_named() -> None:
    scenario = Scenario(size=3, seed=7, rules=(SwappedRule(None, "server", "raftcore.consensus.rules:Rules", importable=True),))
    with pytest.raises(UnknownRulesError, match=r"the kind of server was raftcore\.consensus\.rules:Rules, which is no kind of Server"):
        Cluster.from_scenario(scenario)


# ---- files of strangers

MODULE = """
import builtins
builtins.imported = True
from math import gcd as vote
"""


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that lies beside the files that name it, as in a folder that somebody sent."""
    (tmp_path / "sent_along.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    yield
    assert not hasattr(builtins, "imported")
    assert "sent_along" not in sys.modules


def sent(function: str, rule: str = "answer_request_vote") -> Scenario:
    scenario = replace(Cluster(3, seed=1).scenario, rules=(SwappedRule(None, rule, function, importable=True),))
    return Scenario.from_json(scenario.to_json())


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize("rule", ["answer_request_vote", "server"])
def test_no_module_is_imported_because_a_file_names_it(rule: str) -> None:
    scenario = sent("sent_along:vote", rule)
    with pytest.raises(UnknownRulesError, match=r"from sent_along import vote; Cluster\.from_scenario\(scenario, rules=Rule.*vote\)"):
        Cluster.from_scenario(scenario)
    recording = Recording(Told(Cluster(3, seed=1).trace, scenario))
    with pytest.raises(UnknownRulesError):
        begun(recording, 0.0)
    for what in ("code", "test"):
        text = share.text(recording, 0.0, what)
        assert "# The rule" in text if rule != "server" else "Rulebook(server=my_server)" in text
        with pytest.raises(NameError):
            exec(text + "\n" + text.partition("def ")[2].partition("(")[0] + "()" * (what == "test"), {})


STATEMENTS = [
    "math import floor\nprint('PWNED')\nfrom math:floor",
    "a:b\nprint('PWNED')",
    "a:b;print('PWNED')",
    "a\r\u2028print('PWNED')\u202e:f",
]


@pytest.mark.parametrize("function", STATEMENTS)
def test_no_line_of_a_file_becomes_a_line_of_the_code(function: str) -> None:
    scenario = sent(function)
    text = as_code(scenario, 500.0)
    assert [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and node.id == "print"] == []
    assert text.replace("\n", "").isprintable()
    with pytest.raises(UnknownRulesError) as caught:
        Cluster.from_scenario(scenario)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("rule", [
    SwappedRule(None, "a", "math:gcd", True), SwappedRule("S1", "a", "math:gcd", True),
])  # fmt: skip
@pytest.mark.parametrize(
    "field, value", [("rule", "a=1)\nprint('PWNED'"), ("rule", ""), ("rule", "a.b"), ("rule", "class"), ("server", "S1'")]
)
def test_what_can_be_no_rule_of_no_server_is_refused(rule: SwappedRule, field: str, value: str) -> None:
    with pytest.raises(ConfigError, match="rule"):
        replace(rule, **{field: value})
    text = replace(Cluster(3).scenario, rules=(rule,)).to_json()
    known = json.dumps(getattr(rule, field))
    with pytest.raises(FileError, match="damaged scenario"):
        Scenario.from_json(text.replace(f'"{field}": {known}', f'"{field}": {json.dumps(value)}'))


# ---- as code


def everything_done() -> Cluster:
    cluster = Cluster(3, seed=7, config=Config(reads=ReadMode.LEASE, sync_ms=2), rules={"S3": Rules(guards_leader=election.guards_leader)})
    cluster.run_until(lambda view: view.leader)
    cluster.client("C1").set("x", 'it\'s "1"')
    cluster.submit("C2", Get("x y", ReadMode.STALE), through="S2")
    cluster.link("S1", "S2", loss=0.25, delay_ms=(5, 40.125))
    cluster.partition({"S1"}, {"S2", "S3", "C1"})
    cluster.run_for(100 / 3)
    cluster.heal()
    cluster.disk("S1", sync_ms=7)
    cluster.set_clock_rate("S2", 1.5)
    cluster.crash("S3")
    cluster.flip_bit("S1")
    cluster.run_for(500)
    cluster.restart("S3")
    cluster.run_until(lambda view: view.leader)
    cluster.take_snapshot(cluster.leader)
    cluster.run_until(lambda view: view.servers[view.leader].commit_index == view.servers[view.leader].log.last_index)
    cluster.add_server()
    cluster.run_for(1_000)
    for server in ("S1", "S2"):
        cluster.pause(server)
        cluster.isolate(server)
        cluster.resume(server)
    cluster.time_out(next(name for name in ("S1", "S2") if cluster.view.servers[name].role is not Role.LEADER))
    cluster.heal()
    cluster.run_for(3_000)
    cluster.transfer_leadership(next(name for name in ("S1", "S2") if name != cluster.leader))
    cluster.run_for(777.7)
    return cluster


def test_a_run_as_code_is_the_same_run() -> None:
    cluster = everything_done()
    cell: dict[str, Any] = {}
    exec(cluster.as_code(), cell)
    assert diff(cell["cluster"], cluster) is None
    assert {type(action) for action in cluster.scenario.actions} == set(get_args(act.Action))


def test_a_run_as_a_test_asserts_what_is_true_now() -> None:
    cluster = everything_done()
    module: dict[str, Any] = {}
    text = cluster.as_test()
    exec(text, module)
    (test,) = [value for name, value in module.items() if name.startswith("test_")]
    test()
    exec(text.replace("seed=7", "seed=8"), module)
    with pytest.raises((AssertionError, RaftLabError)):
        module[test.__name__]()


def test_code_says_which_rules_have_to_be_defined_first() -> None:
    cluster = Cluster(3, rules=Rules(answer_request_vote=lambda me, _ask: RequestVoteReply(me.current_term, me.id, vote_granted=False)))
    assert "# The rule answer_request_vote was" in cluster.as_code()


def test_numbers_typed_as_whole_ones_give_the_same_bytes_when_they_come_back_from_a_file() -> None:
    scenario = Scenario(
        size=3,
        seed=7,
        config=Config(delay_ms=(5, 9), election_timeout_ms=(150, 300), heartbeat_ms=50, sync_ms=1),
        actions=(act.SetLink(0, "S1", "S2", delay_ms=(1, 2), loss=1), act.Crash(400, "S3"), act.Heal(500)),
    )
    from_file = msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario)
    traces = []
    for it in (scenario, from_file):
        cluster = Cluster.from_scenario(it)
        cluster.run_for(1_000)
        traces.append(cluster.trace.to_bytes())
    assert traces[0] == traces[1]


def test_a_scenario_takes_all_of_its_actions() -> None:
    cluster = Cluster.from_scenario(Scenario(size=3, seed=7, actions=ACTIONS))
    cluster.run_for(1_000)
    assert cluster.scenario.actions == ACTIONS


@pytest.mark.parametrize("size", range(1, MAX_SERVERS + 1))
def test_a_cluster_of_any_allowed_size_finds_a_leader(size: int) -> None:
    cluster = Cluster(size)
    assert cluster.client("C1").set("x", "1").ok


def test_a_link_tells_a_bad_file_from_a_good_one_too() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"loss=1\.5 is no probability"):
        msgspec.json.decode(b'{"delay_ms": [1, 2], "loss": 1.5}', type=Link)


def test_a_heartbeat_must_be_shorter_than_an_election_timeout() -> None:
    with pytest.raises(ConfigError, match=r"heartbeat_ms=150 must be shorter than the shortest election timeout \(150 ms\)"):
        Config(heartbeat_ms=150)


def test_equal_scenarios_are_equal_values() -> None:
    one, other = (Scenario(size=3, seed=1, actions=(act.Submit(1.0, "C1", Set("x", "1")),)) for _ in range(2))
    assert one == other
