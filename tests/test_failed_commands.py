"""Commands that fail: a compare-and-set on another value, and an append that is too long. That is an answer, unless nobody can know."""

import pytest
from test_client import Stage, in_session

from raftcore.vocabulary.commands import Append, Cas, Command
from raftcore.vocabulary.events import Completed
from raftcore.vocabulary.messages import ClientReply
from raftcore.vocabulary.names import Reason
from widgets.words import describe, outcome

CAN_FAIL = [(Cas("x", "1", "2"), Reason.MISMATCH), (Append("x", "1"), Reason.TOO_LARGE)]


@pytest.mark.parametrize("command, reason", CAN_FAIL)
def test_a_command_that_fails_is_answered_and_not_asked_again(command: Command, reason: Reason) -> None:
    stage = Stage()
    operation = stage.submit(command=command)
    stage.redirect("S1", "S3")
    stage.run_to(40)
    stage.answer("S3", ok=False, value="5", index=7, reason=reason)
    assert operation.answer == Completed(40.0, "C1", 1, command, False, "5", 7, attempts=2, latency_ms=40.0)
    stage.run_to(5_000)
    assert stage.servers() == ["S1", "S3"]


@pytest.mark.parametrize("command, reason", CAN_FAIL)
def test_a_command_that_fails_without_a_session_has_no_known_outcome_once_it_was_asked_for_again(command: Command, reason: Reason) -> None:
    stage = Stage()
    operation = stage.submit(command=command)
    stage.run_to(350)
    for _ in range(3):  # S2 has not taken it in; S1 may have
        stage.redirect("S2", None)
    stage.run_to(450)
    stage.answer("S3", ok=False, value="5", index=7, reason=reason)
    assert operation.answer == Completed(450.0, "C1", 1, command, None, None, 0, attempts=3, latency_ms=450.0)
    again = stage.submit(command=command)
    stage.answer("S3", 2, ok=False, value="5", index=8, reason=reason)
    assert again.answer
    assert again.answer.ok is False, "the doubt was about the command before"


@pytest.mark.parametrize("command, reason", CAN_FAIL)
def test_in_a_session_a_command_that_fails_was_never_carried_out(command: Command, reason: Reason) -> None:
    stage = in_session(command)
    stage.run_to(700)
    stage.answer("S3", 1, ok=False, value="5", index=12, reason=reason)
    answer = stage.events[-1]
    assert isinstance(answer, Completed)
    assert (answer.ok, answer.value, answer.attempts) == (False, "5", 3)


# ---- words


@pytest.mark.parametrize(
    "reply, said",
    [
        (ClientReply("C1", 1, "S1", True, "5", 7), "answers ok, value 5, index 7"),
        (
            ClientReply("C1", 1, "S1", False, "5", 7, None, Reason.MISMATCH),
            "answers failed, the key holds something else, value 5, index 7",
        ),
        (ClientReply("C1", 1, "S1", False, None, 7, None, Reason.TOO_LARGE), "answers failed, the value would be too large, index 7"),
        (ClientReply("C1", 1, "S1", False, reason=Reason.OVERTAKEN), "overtaken by a later command: the outcome is unknown"),
        (ClientReply("C1", 1, "S1", False, reason=Reason.SESSION_EXPIRED), "session expired: the outcome is unknown"),
        (ClientReply("C1", 1, "S1", False, leader_id="S2", reason=Reason.NOT_LEADER), "not the leader: ask S2"),
        (ClientReply("C1", 1, "S1", False, reason=Reason.NOT_LEADER), "not the leader: ask later"),
        (ClientReply("C1", 1, "S1", False, reason=Reason.TRANSFERRING), "leadership is being transferred: ask later"),
    ],
)
def test_an_answer_tells_whether_it_is_one_or_what_its_client_does_next(reply: ClientReply, said: str) -> None:
    assert describe(reply) == said


@pytest.mark.parametrize(
    "command, value, said",
    [
        (Cas("x", "1", "2"), "5", "C1 cas x:1→2 → failed, the key holds something else: 5, index 4, 9 ms"),
        (Append("x", "1"), None, "C1 append x+=1 → failed, the value would be too large, index 4, 9 ms"),
    ],
)
def test_a_command_that_failed_says_why(command: Command, value: str | None, said: str) -> None:
    assert outcome(Completed(9.0, "C1", 2, command, False, value, 4, 1, 9.0)) == said
