"""A client: it finds the leader through redirects, tries again where no answer comes, and knows when it does not know.

Its session lets the servers tell a retry from a new wish.
"""

from collections.abc import Iterable
from random import Random

import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config
from raftcore.cluster.client import Operation, SimClient
from raftcore.cluster.clock import VirtualClock
from raftcore.statemachine.machine import StateMachine
from raftcore.vocabulary.commands import Append, Command, Get, OpenSession, ReadMode, Set
from raftcore.vocabulary.events import Completed, Event, Invoked
from raftcore.vocabulary.messages import ClientReply, ClientRequest, Entry, Envelope, Message
from raftcore.vocabulary.names import Reason

CONFIG = Config(client_retry_ms=300, client_limit_ms=1_000, heartbeat_ms=50, client_sessions=False)
WITH_SESSIONS = replace(CONFIG, client_sessions=True, session_timeout_ms=2_000)
WISH = Set("x", "1")


class Stage:
    """A client C1 of three servers that say what the test lets them say. `asked` holds (time, server, number of the request)."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.clock = VirtualClock()
        self.servers_there = ["S1", "S2", "S3"]
        self.asked: list[tuple[float, str, int]] = []
        self.requests: list[ClientRequest] = []
        self.events: list[Event] = []
        self.client = SimClient("C1", self.servers_there, config, self.clock, self._send, self.events.append)

    def _send(self, _source: str, envelopes: Iterable[Envelope]) -> None:
        for target, message in envelopes:
            assert isinstance(message, ClientRequest)
            self.asked.append((self.clock.now_ms, target, message.sequence_num))
            self.requests.append(message)

    def submit(self, through: str | None = None, command: Command = WISH) -> Operation:
        return self.client.submit(command, through)

    def run_to(self, at_ms: float) -> None:
        self.clock.run(at_ms, 10_000)
        self.clock.now_ms = at_ms

    def answer(self, server: str, number: int = 1, **result: object) -> None:
        self.client.hear(ClientReply("C1", number, server, **{"ok": True, **result}))

    def redirect(self, server: str, leader: str | None, number: int = 1, reason: Reason = Reason.NOT_LEADER) -> None:
        self.answer(server, number, ok=False, leader_id=leader, reason=reason)

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


@pytest.mark.parametrize("reason", [Reason.NOT_LEADER, Reason.TRANSFERRING, Reason.TOO_MANY_REQUESTS])
def test_a_redirect_is_followed_at_once_and_the_leader_remembered(reason: Reason) -> None:
    stage = Stage()
    stage.submit()
    stage.redirect("S1", "S3", reason=reason)
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


@pytest.mark.parametrize("reason", [Reason.NOT_LEADER, Reason.TRANSFERRING, Reason.TOO_MANY_REQUESTS])
def test_without_a_leader_it_waits_a_little_and_asks_the_next(reason: Reason) -> None:
    stage = Stage()
    stage.submit()
    for _ in range(2):
        stage.redirect("S1", None, reason=reason)
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


def test_a_server_that_is_new_has_its_turn_too() -> None:
    stage = Stage()
    stage.submit()
    stage.servers_there.append("S4")
    stage.run_to(950)
    assert stage.servers() == ["S1", "S2", "S3", "S4"]


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


# ---- sessions


def in_session(command: Command = WISH) -> Stage:
    """C1 at 40 ms: session 7 was opened at S3, and command 1 is on its way there."""
    stage = Stage(WITH_SESSIONS)
    stage.submit(command=command)
    stage.redirect("S1", "S3", number=-1)
    stage.run_to(40)
    stage.answer("S3", -1, index=7)
    return stage


def test_it_opens_a_session_before_its_first_command_and_keeps_it() -> None:
    stage = in_session()
    stage.run_to(60)
    stage.answer("S3", 1)
    stage.submit()
    assert stage.requests == [
        ClientRequest("C1", -1, OpenSession()),
        ClientRequest("C1", -1, OpenSession()),
        ClientRequest("C1", 1, Set("x", "1"), 7),
        ClientRequest("C1", 2, Set("x", "1"), 7),
    ]
    answer = stage.events[1]
    assert isinstance(answer, Completed)
    assert (answer.attempts, answer.latency_ms) == (1, 60.0)  # waiting for the session counts, asking for it does not
    assert [type(event) for event in stage.events] == [Invoked, Completed, Invoked]


def test_a_session_is_asked_for_until_there_is_an_answer() -> None:
    stage = Stage(WITH_SESSIONS)
    stage.submit()
    stage.run_to(650)
    assert stage.asked == [(0.0, "S1", -1), (300.0, "S2", -1), (600.0, "S3", -1)]


def test_without_a_session_it_gives_up_and_asks_for_another_one_the_next_time() -> None:
    stage = Stage(WITH_SESSIONS)
    operation = stage.submit()
    stage.run_to(5_000)
    assert operation.answer is not None
    assert (operation.answer.ok, operation.answer.attempts, operation.answer.latency_ms) == (None, 0, 1_200.0)
    stage.submit()
    stage.answer("S1", -1, index=7)  # too late
    assert stage.requests[-1] == ClientRequest("C1", -2, OpenSession())
    stage.answer("S1", -2, index=8)
    assert stage.requests[-1] == ClientRequest("C1", 2, Set("x", "1"), 8)


def test_a_second_answer_to_the_same_wish_for_a_session_means_nothing() -> None:
    stage = in_session()
    stage.answer("S3", -1, index=8)
    stage.run_to(400)
    assert [request.session_id for request in stage.requests] == [0, 0, 7, 7]


def test_a_retry_is_the_same_request_in_the_same_session() -> None:
    stage = in_session()
    stage.run_to(950)
    assert stage.requests[2:] == [ClientRequest("C1", 1, Set("x", "1"), 7)] * 4


def test_the_first_server_that_was_chosen_is_asked_for_the_command_and_the_leader_for_the_session() -> None:
    stage = in_session()
    stage.answer("S3", 1)
    stage.run_to(2_000)
    stage.submit(through="S2")
    stage.answer("S3", -2, index=9)
    assert stage.asked[-2:] == [(2_000.0, "S3", -2), (2_000.0, "S2", 2)]


@pytest.mark.parametrize("at_ms,session", [(1_040.0, 7), (1_041.0, 0)])
def test_after_half_the_timeout_of_silence_it_opens_a_new_session(at_ms: float, session: int) -> None:
    """The silence began when the last command that was answered was first sent: later than that no server need have heard of it."""
    stage = in_session()
    stage.run_to(500)
    stage.answer("S3", 1)
    stage.run_to(at_ms)
    stage.submit()
    assert stage.requests[-1].session_id == session


def test_a_read_outside_the_session_does_not_end_the_silence() -> None:
    stage = in_session()
    stage.answer("S3", 1)
    stage.run_to(900)
    stage.submit(command=Get("x"))
    stage.answer("S3", 2)
    stage.run_to(1_100)
    stage.submit()
    assert stage.requests[-1] == ClientRequest("C1", -2, OpenSession())


def test_a_command_without_an_answer_does_not_end_the_silence() -> None:
    stage = in_session()
    stage.answer("S3", 1)
    stage.run_to(900)
    stage.submit()
    stage.run_to(3_000)
    operation = stage.submit()
    assert stage.requests[-1] == ClientRequest("C1", -2, OpenSession())
    stage.run_to(5_000)
    assert operation.answer is not None
    assert (operation.answer.ok, operation.answer.attempts) == (None, 0)


def test_in_a_session_that_expired_the_outcome_is_unknown_and_the_next_command_has_a_new_one() -> None:
    stage = in_session()
    stage.run_to(700)
    stage.answer("S3", 1, ok=False, index=12, reason=Reason.SESSION_EXPIRED)
    assert stage.events[-1] == Completed(700.0, "C1", 1, Set("x", "1"), None, None, 0, attempts=3, latency_ms=700.0)
    stage.submit()
    assert stage.requests[-1] == ClientRequest("C1", -2, OpenSession())


def test_the_outcome_of_a_command_that_was_overtaken_is_unknown_and_its_session_goes_on() -> None:
    stage = in_session()
    stage.run_to(700)
    stage.answer("S3", 1, ok=False, index=12, reason=Reason.OVERTAKEN)
    assert stage.events[-1] == Completed(700.0, "C1", 1, Set("x", "1"), None, None, 0, attempts=3, latency_ms=700.0)
    stage.submit()
    assert stage.requests[-1].session_id == stage.requests[-2].session_id != 0


class CarelessServer:
    """It takes in every request, now or later, once or twice, and loses many an answer."""

    def __init__(self, seed: int, config: Config) -> None:
        self.clock = VirtualClock()
        self.machine = StateMachine(config.session_timeout_ms)
        self.client = SimClient("C1", ["S1"], config, self.clock, self._take, None)
        self._random = Random(seed)
        self._applied = 0

    def _take(self, _source: str, envelopes: Iterable[Envelope]) -> None:
        for _, message in envelopes:
            for _ in range(self._random.choice([1, 2])):
                self.clock.call_after(self._random.choice([1.0, 5.0, 400.0]), self._apply, message)

    def _apply(self, ask: Message) -> None:
        assert isinstance(ask, ClientRequest)
        self._applied += 1
        entry = Entry(1, ask.command, ask.client_id, ask.sequence_num, ask.session_id, self.clock.now_ms)
        [result] = self.machine.apply_all(self._applied, [entry])
        if self._random.random() < 0.5:
            answer = ClientReply("C1", ask.sequence_num, "S1", result.ok, result.value, self._applied, reason=result.reason)
            self.clock.call_after(1.0, self.client.hear, answer)


@pytest.mark.parametrize("sessions", [True, False])
def test_with_sessions_every_command_is_applied_once_however_often_it_arrives(sessions: bool) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    wrong = 0
    for seed in range(20):
        server = CarelessServer(seed, replace(WITH_SESSIONS, client_sessions=sessions, client_limit_ms=60_000, session_timeout_ms=5_000))
        operations = [server.client.submit(Append("x", letter), None) for letter in letters]
        server.clock.run(100_000.0, 100_000)
        assert all(operation.answer and operation.answer.ok for operation in operations)
        answered = [operation.answer.value for operation in operations if operation.answer]
        wrong += server.machine.read("x") != letters or answered != [letters[: end + 1] for end in range(len(letters))]
    assert wrong == (0 if sessions else 20)


# ---- reads


@pytest.mark.parametrize("mode", list(ReadMode))
@pytest.mark.parametrize("asked_for", [True, False])
def test_a_read_carries_its_mode_or_the_configured_one_and_only_one_of_the_log_needs_a_session(mode: ReadMode, asked_for: bool) -> None:
    stage = Stage(WITH_SESSIONS if asked_for else replace(WITH_SESSIONS, reads=mode))
    wish = Get("x", mode if asked_for else None)
    stage.submit(command=wish)
    if mode is ReadMode.LOG:
        stage.answer("S1", -1, index=7)
    assert stage.requests[-1] == ClientRequest("C1", 1, Get("x", mode), 7 if mode is ReadMode.LOG else 0)
    assert stage.events == [Invoked(0.0, "C1", 1, wish)]


def test_a_stale_read_is_answered_by_the_server_that_was_chosen() -> None:
    stage = Stage(WITH_SESSIONS)
    operation = stage.submit(through="S2", command=Get("x", ReadMode.STALE))
    stage.answer("S2", 1, value="old", index=3)
    assert operation.answer is not None
    assert (operation.answer.value, operation.answer.index, stage.servers()) == ("old", 3, ["S2"])


def test_without_sessions_no_command_has_one() -> None:
    stage = Stage()
    stage.submit(command=Append("x", "1"))
    stage.answer("S1", 1)
    stage.submit(command=Get("x", ReadMode.LOG))
    assert [request.session_id for request in stage.requests] == [0, 0]


# ---- in a cluster


@pytest.mark.parametrize("through", ["S1", "S2", "S3"])
def test_in_a_cluster_any_server_leads_to_the_leader(through: str) -> None:
    cluster = Cluster(3, seed=4)
    cluster.run_until(lambda view: view.leader is not None)
    operation = cluster.submit("C1", Set("x", "1"), through)
    cluster.run_for(200)
    assert operation.answer is not None
    assert operation.answer.attempts == (1 if through == cluster.leader else 2)
    assert cluster.client("C1").run(Get("x")).value == "1"
