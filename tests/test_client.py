"""A client: it finds the leader through redirects, tries again where no answer comes, and knows when it does not know."""

import pytest

from raftcore import Cluster, Config
from raftcore.cluster.client import Operation, SimClient
from raftcore.cluster.clock import VirtualClock
from raftcore.vocabulary.commands import Get, Set
from raftcore.vocabulary.events import Completed, Event, Invoked
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Message
from raftcore.vocabulary.names import Reason

CONFIG = Config(client_retry_ms=300, client_limit_ms=1_000, heartbeat_ms=50)


class Stage:
    """A client C1 of three servers that say what the test lets them say. `asked` holds (time, server, number of the command)."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.asked: list[tuple[float, str, int]] = []
        self.events: list[Event] = []
        self.client = SimClient("C1", ("S1", "S2", "S3"), CONFIG, self.clock, self._send, self.events.append)

    def _send(self, _source: str, target: str, message: Message) -> None:
        assert isinstance(message, ClientRequest)
        self.asked.append((self.clock.now_ms, target, message.sequence_num))

    def submit(self, through: str | None = None) -> Operation:
        return self.client.submit(Set("x", "1"), through)

    def run_to(self, at_ms: float) -> None:
        self.clock.run(at_ms, 10_000)
        self.clock.now_ms = at_ms

    def answer(self, server: str, number: int = 1, **result: object) -> None:
        self.client.hear(ClientReply("C1", number, server, **{"ok": True, **result}))

    def redirect(self, server: str, leader: str | None) -> None:
        self.answer(server, ok=False, leader_id=leader, reason=Reason.NOT_LEADER)

    def servers(self) -> list[str]:
        return [server for _, server, _ in self.asked]


def test_an_answer_ends_the_command_and_says_how_it_went() -> None:
    stage = Stage()
    operation = stage.submit()
    stage.run_to(40)
    stage.answer("S1", value="1", index=7)
    assert operation.answer == Completed(40.0, "C1", 1, Set("x", "1"), True, "1", 7, attempts=1, latency_ms=40.0)
    assert [type(event) for event in stage.events] == [Invoked, Completed]
    stage.run_to(5_000)
    assert len(stage.asked) == 1


def test_a_redirect_is_followed_at_once_and_the_leader_remembered() -> None:
    stage = Stage()
    stage.submit()
    stage.redirect("S1", "S3")
    stage.answer("S3")
    stage.submit()
    assert stage.asked == [(0.0, "S1", 1), (0.0, "S3", 1), (0.0, "S3", 2)]


def test_the_first_server_can_be_chosen() -> None:
    stage = Stage()
    stage.submit(through="S2")
    assert stage.servers() == ["S2"]


def test_a_repeated_redirect_does_not_ask_twice() -> None:
    stage = Stage()
    stage.submit()
    for _ in range(3):
        stage.redirect("S1", "S3")
    assert stage.servers() == ["S1", "S3"]


def test_without_a_leader_it_waits_a_little_and_asks_the_next() -> None:
    stage = Stage()
    stage.submit()
    for _ in range(2):
        stage.redirect("S1", None)
    stage.run_to(60)
    assert stage.asked == [(0.0, "S1", 1), (50.0, "S2", 1)]


def test_two_servers_that_name_each_other_do_not_keep_it_busy() -> None:
    stage = Stage()
    stage.submit()
    for _ in range(50):
        asked = stage.servers()[-1]
        stage.redirect(asked, "S1" if asked == "S2" else "S2")
    assert len(stage.asked) <= 5


def test_silence_makes_it_ask_the_others_in_turn() -> None:
    stage = Stage()
    stage.submit()
    stage.run_to(950)
    assert [at_ms for at_ms, _, _ in stage.asked] == [0.0, 300.0, 600.0, 900.0]
    assert set(stage.servers()) == {"S1", "S2", "S3"}


def test_a_deposed_leader_that_all_name_does_not_keep_it_from_asking_everybody() -> None:
    """S1 is silent, and S2 sends on to it; S3 would know better."""
    stage = Stage()
    stage.submit()
    for at_ms in range(0, 1_000, 10):
        stage.run_to(at_ms)
        if stage.servers()[-1] == "S2":
            stage.redirect("S2", "S1")
    assert "S3" in stage.servers()


def test_after_its_time_it_gives_up_and_says_that_it_does_not_know() -> None:
    stage = Stage()
    operation = stage.submit()
    stage.run_to(5_000)
    assert operation.answer is not None
    assert (operation.answer.ok, operation.answer.value, operation.answer.index) == (None, None, 0)
    assert CONFIG.client_limit_ms <= operation.answer.latency_ms <= CONFIG.client_limit_ms + CONFIG.client_retry_ms
    assert operation.answer.attempts == len(stage.asked)


def test_one_command_at_a_time_the_others_wait_their_turn() -> None:
    stage = Stage()
    first, second = stage.submit(), stage.submit()
    assert [number for _, _, number in stage.asked] == [1]
    stage.answer("S1", 1)
    assert first.answer is not None
    assert second.answer is None
    stage.answer("S1", 1)  # again: means nothing to the second
    assert second.answer is None
    stage.answer("S1", 2)
    assert second.answer is not None


def test_an_answer_to_a_command_that_was_given_up_comes_too_late() -> None:
    stage = Stage()
    stage.submit()
    stage.run_to(5_000)
    stage.answer("S1", 1)
    assert len([event for event in stage.events if isinstance(event, Completed)]) == 1


@pytest.mark.parametrize("through", ["S1", "S2", "S3"])
def test_in_a_cluster_any_server_leads_to_the_leader(through: str) -> None:
    cluster = Cluster(3, seed=4)
    cluster.run_until(lambda view: view.leader is not None)
    operation = cluster.submit("C1", Set("x", "1"), through)
    cluster.run_for(200)
    assert operation.answer is not None
    assert operation.answer.attempts == (1 if through == cluster.leader else 2)
    assert cluster.client("C1").run(Get("x")).value == "1"
