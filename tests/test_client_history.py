"""The clients' operations as a run's trace tells them."""

from math import inf
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from raftcore import Cluster, Config, ReadMode
from raftcore.checks.client_history import ClientHistory, Operation, history
from raftcore.checks.linearizability import KEY_VALUE, Verdict, check
from raftcore.recording import Recording
from raftcore.vocabulary.commands import Append, Cas, Delete, Get, Set
from raftcore.vocabulary.events import Completed, Invoked, MessageSent
from raftcore.vocabulary.names import Reason

DEFAULTS = Config()


def led_cluster(config: Config = DEFAULTS, size: int = 3) -> Cluster:
    cluster = Cluster(size=size, seed=4, config=config)
    cluster.run_until(lambda view: view.leader is not None)
    return cluster


def test_every_command_becomes_an_operation_with_what_its_answer_said() -> None:
    cluster = led_cluster()
    client = cluster.client("C1")
    for command in ["SET x 1", "CAS x 1 2", "CAS x 1 3", "APPEND x 0", "GET x", "DELETE x", "GET x"]:
        client.run(command)

    operations = history(cluster)
    assert [(it.command, it.ok, it.value) for it in operations] == [
        (Set("x", "1"), True, UNSET),
        (Cas("x", "1", "2"), True, UNSET),
        (Cas("x", "1", "3"), False, "2"),
        (Append("x", "0"), True, "20"),
        (Get("x"), True, "20"),
        (Delete("x"), True, UNSET),
        (Get("x"), True, None),
    ]
    for operation in operations:
        assert isinstance(cluster.trace[int(operation.began)], Invoked)
        assert isinstance(cluster.trace[int(operation.ended)], Completed)
    assert check(operations, KEY_VALUE).verdict is Verdict.LINEARIZABLE


def test_what_has_no_answer_or_was_given_up_stays_open() -> None:
    cluster = led_cluster(Config(client_limit_ms=1_000))
    for server in ("S1", "S2"):
        cluster.crash(server)
    cluster.submit("C1", "SET x 1")
    cluster.run_for(2_000)
    cluster.submit("C2", "SET x 2")
    cluster.run_for(10)
    given_up, waiting = history(cluster)
    assert (given_up.ended, given_up.ok) == (waiting.ended, waiting.ok) == (inf, None)
    assert cluster.view.completed[-1].ok is None


def test_stale_reads_say_so_however_the_mode_was_chosen() -> None:
    asked = led_cluster()
    configured = led_cluster(Config(reads=ReadMode.STALE))
    asked.client("C1").run("GET x STALE")
    asked.client("C1").run("GET x LEASE")
    configured.client("C1").run("GET x")
    configured.client("C1").run("GET x LOG")
    assert [it.stale for it in (*history(asked), *history(configured))] == [True, False, True, False]


def test_a_history_gathered_in_portions_is_the_same() -> None:
    cluster = led_cluster()
    gathered, events = ClientHistory(cluster.server_ids, cluster.config), cluster.trace.subscribe()
    for number in range(5):
        cluster.submit("C1", f"SET x {number}")
        cluster.run_for(70)
        gathered.absorb(events.take())
    assert gathered.first(len(gathered)) == history(cluster)
    assert 1 < len(gathered) <= 5


def test_a_recording_tells_the_same_history(tmp_path: Path) -> None:
    cluster = led_cluster()
    for command in ["SET x 1", "CAS x 2 3", "GET x"]:
        cluster.client("C1").run(command)
    cluster.submit("C2", "APPEND x 4")
    cluster.recording.save(tmp_path / "run.parquet")
    loaded = Recording.load(tmp_path / "run.parquet")
    assert history(loaded) == history(cluster)
    assert check(history(loaded), KEY_VALUE) == check(history(cluster), KEY_VALUE)


def test_a_run_under_faults_is_linearizable_and_a_stale_read_taken_at_its_word_is_not() -> None:
    cluster = led_cluster(size=5)
    deposed = cluster.leader
    assert deposed
    cluster.client("C1").set("x", "old")
    cluster.partition([deposed])
    cluster.run_until(lambda view: view.leader not in (None, deposed))
    cluster.client("C2").set("x", "new")
    stale = cluster.submit("C3", "GET x STALE", through=deposed)
    cluster.run_for(200)
    assert stale.answer is not None
    assert stale.answer.value == "old"
    operations = history(cluster)
    assert check(operations, KEY_VALUE).verdict is Verdict.LINEARIZABLE
    believed = [Operation(it.client, it.command, it.began, it.ended, it.ok, it.value) for it in operations]
    assert check(believed, KEY_VALUE).cannot_follow == believed[-1]


# ---- answers that are lost, and what is true all the same


def deaf_client(command: str, config: Config = DEFAULTS) -> Cluster:
    """C1 has set x to "a"; what it asks for then is carried out, and it hears nothing of that."""
    cluster = led_cluster(config)
    cluster.client("C1").set("x", "a")
    for server in cluster.server_ids:
        cluster.link(server, "C1", up=False)
    cluster.submit("C1", command)
    cluster.run_for(100)
    return cluster


def hear_again(cluster: Cluster) -> None:
    for server in cluster.server_ids:
        cluster.link(server, "C1", up=True)


def judged(cluster: Cluster) -> list[str]:
    """The clients' operations on x, after one more read; they are linearizable, and no invariant is broken."""
    cluster.client("C2").run("GET x")
    operations = history(cluster)
    assert check(operations, KEY_VALUE).verdict is Verdict.LINEARIZABLE
    assert not cluster.violations
    return [str(it) for it in operations if it.command.key == "x"]


def test_an_append_that_was_carried_out_though_its_answer_was_lost_happened_once() -> None:
    cluster = deaf_client("APPEND x b", Config(client_limit_ms=500))
    cluster.run_for(2_000)
    assert judged(cluster) == ["C1 SET x a", "C1 APPEND x b → no answer", "C2 GET x → ab"]
    *before, read = history(cluster)
    for impossible in ("abb", "b", None):
        assert check([*before, replace(read, value=impossible)], KEY_VALUE).verdict is Verdict.NOT_LINEARIZABLE


def test_a_retried_compare_and_set_gets_its_first_answer_whatever_the_key_holds_by_then() -> None:
    done = deaf_client("CAS x a b")
    done.client("C2").set("x", "a")
    hear_again(done)
    done.run_for(1_500)
    assert judged(done) == ["C1 SET x a", "C1 CAS x a b", "C2 SET x a", "C2 GET x → a"]

    refused = deaf_client("CAS x b c")
    refused.client("C2").set("x", "b")
    hear_again(refused)
    refused.run_for(1_500)
    assert judged(refused) == ["C1 SET x a", "C1 CAS x b c → failed, holds a", "C2 SET x b", "C2 GET x → b"]


def test_without_a_session_a_compare_and_set_that_fails_the_second_time_may_have_happened() -> None:
    cluster = deaf_client("CAS x a b", Config(client_sessions=False))
    hear_again(cluster)
    cluster.run_for(1_500)
    assert any(getattr(it.message, "reason", None) is Reason.MISMATCH for it in cluster.trace if isinstance(it, MessageSent))
    assert judged(cluster) == ["C1 SET x a", "C1 CAS x a b → no answer", "C2 GET x → b"]


def test_a_session_that_expires_before_the_retry_leaves_the_outcome_open() -> None:
    cluster = deaf_client("APPEND x b", Config(session_timeout_ms=700, client_retry_ms=2_000))
    hear_again(cluster)
    for _ in range(12):  # log time goes on with the entries of others
        cluster.client("C2").set("y", "1")
        cluster.run_for(100)
    cluster.run_for(2_500)
    assert any(getattr(it.message, "reason", None) is Reason.SESSION_EXPIRED for it in cluster.trace if isinstance(it, MessageSent))
    assert judged(cluster) == ["C1 SET x a", "C1 APPEND x b → no answer", "C2 GET x → ab"]


def test_a_lease_read_by_a_clock_that_was_set_far_off_is_stale() -> None:
    cluster = led_cluster(Config(reads=ReadMode.LEASE))
    slow = cluster.leader
    assert slow
    cluster.client("C1").set("x", "old")
    cluster.set_clock_rate(slow, 0.05)
    cluster.partition([slow, "C1"], [name for name in (*cluster.server_ids, "C2") if name != slow])
    cluster.run_until(lambda view: view.leader not in (None, slow))
    cluster.client("C2").set("x", "new")
    cluster.submit("C1", "GET x", through=slow)
    cluster.run_for(100)
    *others, read = history(cluster)
    assert (str(read), read.stale, [it.stale for it in others]) == ("C1 GET x → old", True, [False, False])
    assert check(history(cluster), KEY_VALUE).verdict is Verdict.LINEARIZABLE
    assert str(check((*others, replace(read, stale=False)), KEY_VALUE).cannot_follow) == "C1 GET x → old"
    assert not cluster.violations  # Raft keeps its promises, but for the one that counts on clocks


def test_an_operation_reads_as_a_line() -> None:
    lines = [
        str(Operation("C1", Set("x", "1"), 1, 2, True)),
        str(Operation("C1", Get("x"), 1, 2, True, None)),
        str(Operation("C1", Cas("x", "1", "2"), 1, 2, False, "5")),
        str(Operation("C1", Set("x", "1"), 1)),
    ]
    assert lines == ["C1 SET x 1", "C1 GET x → absent", "C1 CAS x 1 2 → failed, holds 5", "C1 SET x 1 → no answer"]
