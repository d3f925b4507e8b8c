"""How far a search is: one line on a screen, a line now and then in a log."""

import sys
from io import StringIO

import pytest

from raftcore.hunting import progress
from raftcore.hunting.hunt import hunt, ignore
from raftcore.hunting.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def seen(screen: StringIO) -> list[str]:
    """The lines that somebody sees in the end: after a carriage return what comes is written over what was there."""
    lines = []
    for line in screen.getvalue().split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_on_a_screen_a_word_takes_the_place_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "WATCHED_S", 0.0)
    screen = Terminal()
    say = Progress(screen)
    say("a rather long word")
    say("short")
    assert seen(screen) == ["short"]
    say.clear()
    assert seen(screen) == [""]
    say("the last")
    say.leave()
    assert seen(screen) == ["the last", ""]


def test_words_that_come_too_soon_are_not_shown_but_the_last_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "WATCHED_S", 1_000.0)
    screen = Terminal()
    say = Progress(screen)
    say("first")
    say("second")
    assert seen(screen) == ["first"]
    assert say.last == "second"
    say.leave()
    assert seen(screen) == ["second", ""]


def test_a_notebook_is_a_screen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    screen = StringIO()
    Progress(screen)("word")
    assert seen(screen) == ["word"]


@pytest.mark.parametrize("pause_s, lines", [(1_000.0, ""), (0.0, "one\ntwo\n")])
def test_in_a_log_a_line_stays_now_and_then(pause_s: float, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOGGED_S", pause_s)
    log = StringIO()
    say = Progress(log)
    say("one")
    say("two")
    say.clear()
    say.leave()
    assert log.getvalue() == lines


def test_a_hunt_shows_how_far_it_is_where_nobody_says_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    assert hunt(seeds=[7, 11], cores=1, on_progress=ignore) is None
    assert capsys.readouterr().out == ""
    assert hunt(seeds=[7, 11], cores=1) is None
    shown = capsys.readouterr().out
    assert "\rseed 11: all is well" in shown
    last, end = seen(StringIO(shown))
    assert (last.split(";")[0], end) == ("2 runs: no violation", "")
