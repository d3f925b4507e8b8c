"""A run as a page: its film says at each moment what the lab's parts would draw, it is small, and it is always the same."""

import json
import re
import zlib
from base64 import b64decode
from functools import cache
from html import escape, unescape
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from raftcore import Cluster, Config, Rules, Scenario
from raftcore.hunting.mutants import MUTANTS
from raftcore.recording.recording import Recording
from raftcore.vocabulary.events import MessageDropped, MessageSent, RoleChanged
from raftcore.vocabulary.names import Role
from widgets.frame import Frame
from widgets.log_grid import log_picture
from widgets.page import film as film_module
from widgets.page.drawing import Drawing
from widgets.page.film import film_of, says_something, thinned
from widgets.page.page import facts, page_of
from widgets.page.patches import patch, rounded
from widgets.ring import ring_picture
from widgets.status_line import status_picture
from widgets.timeline_series import series_of

MIB_3 = 3_000_000
NASTY = "<script>alert(1)</script>"


@cache
def eventful() -> Cluster:
    """Commands, a crash and a partition; do not change it."""
    cluster = Cluster(size=5, seed=7, config=Config(heartbeat_ms=60, snapshot_every=20))
    cluster.run_for(1_000)
    for number in range(30):
        cluster.submit(f"C{number % 3 + 1}", f"SET k{number % 5} {NASTY if number == 4 else number}")
        cluster.run_for(80)
        if number == 10:
            cluster.crash(cluster.leader)
        if number == 20:
            cluster.heal()
            cluster.partition({"S1", "S2"}, {"S3", "S4", "S5"})
    cluster.run_for(500)
    return cluster


def patched(old: Any, change: Any) -> Any:
    """As film.js does it."""
    if isinstance(change, list):
        return change[0]
    pairs = old.items() if isinstance(old, dict) else enumerate(old)
    new = {str(key): patched(value, change[str(key)]) if str(key) in change else value for key, value in pairs}
    return new if isinstance(old, dict) else list(new.values())


def shown(film: dict[str, Any]) -> list[tuple[int, Any]]:
    """Every picture with its time in microseconds."""
    at, picture = 0, film["first"]
    pictures = [(0, picture)]
    for step, change in zip(film["at"], film["patches"], strict=True):
        at, picture = at + step, patched(picture, change)
        pictures.append((at, picture))
    return pictures


def unpacked(page: str) -> dict[str, Any]:
    packed = re.search(r"data-film>([^<]*)<", page)
    return json.loads(zlib.decompress(b64decode(packed[1])))


def test_each_picture_of_the_film_is_what_the_parts_draw_of_the_view_at_that_moment():
    run = eventful()
    film = film_of(run)
    pictures = dict(shown(film))  # of several at one moment, the last one is seen
    assert len(pictures) > 500
    for at, picture in list(pictures.items())[::37]:
        view = run.trace.view_at(at / 1_000 + 0.0006)
        assert picture["ring"] == rounded(ring_picture(view, run.config.delay_ms, run.config.sync_ms))
        log = log_picture(view, None)
        assert [film["entries"][number] for number in picture["log"]["entries"]] == log["entries"]
        assert picture["log"]["servers"] == log["servers"]
        assert picture["status"] == {**status_picture(Frame(view=view)), "leaderless": False}
        assert {row["title"] for row in picture["kv"]["rows"]} == {key for server in view.servers.values() for key in server.kv_store}


def test_the_last_picture_is_the_end_of_the_run():
    _, picture = shown(film_of(eventful()))[-1]
    view = eventful().view
    assert [server["commit"] for server in picture["log"]["servers"]] == [server.commit_index for server in view.servers.values()]


def test_every_message_and_every_drop_is_told_once_with_its_flight():
    run = eventful()
    film = film_of(run)
    sent = [event for event in run.trace if type(event) is MessageSent]
    lost = [event for event in run.trace if type(event) is MessageDropped]
    messages, drops = film["messages"], film["drops"]

    assert [film["names"][number] for number in messages["source"]] == [event.source for event in sent]
    assert sum(messages["at"]) == round(sent[-1].at_ms * 1_000)
    assert messages["lasts"][-1] == pytest.approx((sent[-1].deliver_at_ms - sent[-1].at_ms) * 1_000, abs=1)
    assert len(lost) > 10
    assert [sent[number].id for number in drops["message"]] == [event.id for event in lost]
    assert {film["texts"][number] for number in drops["reason"]} == {event.reason.value for event in lost}


def test_a_patch_makes_the_new_picture_of_the_old_one_and_names_only_what_changed():
    old = {"a": [{"b": 1}, {"b": None}], "c": [1, 2], "d": {"e": "x", "f": "y"}}
    new = {"a": [{"b": 1}, {"b": 2}], "c": [1, 2, 3], "d": {"e": "x", "f": None}}
    change = patch(old, new)
    assert change == {"a": {"1": {"b": [2]}}, "c": [[1, 2, 3]], "d": {"f": [None]}}
    assert patched(old, change) == new
    assert patch(new, new) is None


def test_of_a_long_run_all_that_says_something_is_kept_and_the_rest_is_thinned_evenly():
    kept = thinned(list(range(1_000)), 30, lambda number: number in (500, 501, 502))
    assert len(kept) == 30
    assert kept == sorted(kept)
    assert {500, 501, 502} <= set(kept)
    assert max(after - before for before, after in pairwise(kept)) <= 1_000 // 27 + 1
    assert len(thinned(list(range(1_000)), 50, lambda number: number >= 0)) == 50


def test_a_run_that_is_too_long_gives_a_bounded_film_that_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch):
    for name, most in (("MOST_PICTURES", 100), ("MOST_MESSAGES", 600), ("MOST_LINES", 200)):
        monkeypatch.setattr(film_module, name, most)
    run = eventful()
    film = film_of(run)
    sent = [event for event in run.trace if type(event) is MessageSent]

    assert len(film["patches"]) <= 102
    assert len(film["messages"]["at"]) == 600
    assert film["left_out"]["messages"] == len(sent) - 600
    assert sum(map(says_something, sent)) < 600
    told = {film["texts"][number] for number in film["messages"]["text"]}
    assert sum("AppendEntries k" in text for text in told) >= 20  # no command has gone
    assert "are not shown" in page_of(run)


def test_a_run_of_a_minute_with_default_settings_is_a_small_page():
    cluster = Cluster()
    cluster.run_for(60_000)
    assert len(page_of(cluster).encode()) < MIB_3


def test_the_same_run_gives_the_same_page_also_from_a_file(tmp_path):
    page = page_of(eventful())
    eventful().recording.save(tmp_path / "run.parquet")
    Recording.load(tmp_path / "run.parquet").to_html(tmp_path / "run.html")

    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page
    assert page_of(Cluster.from_scenario(eventful().scenario)) != page


def test_what_somebody_typed_is_text_in_the_page_and_in_its_film():
    page = page_of(eventful())
    assert NASTY not in page
    film = unpacked(page)
    assert any(NASTY in entry[2] for entry in film["entries"])
    assert page.count("<script") == 2
    assert set(re.findall(r"https?://[^\"'\s]*", page)) == {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches


def test_the_scenario_in_the_page_repeats_the_run():
    text = re.search(r"<pre data-scenario[^>]*>(.*?)</pre>", page_of(eventful()), re.DOTALL)
    again = Cluster.from_scenario(Scenario.from_json(unescape(text[1])))
    again.run_to(eventful().now_ms)
    assert again.trace.to_bytes() == eventful().trace.to_bytes()


def test_the_facts_name_what_is_unlike_the_default():
    said = list(facts(eventful()))
    assert "heartbeat_ms=60, snapshot_every=20" in said
    assert "3.9 s of simulated time" in said
    assert "default configuration" in list(facts(Cluster()))


def test_a_run_that_has_not_begun_has_a_page_too():
    film = unpacked(page_of(Cluster()))
    assert film["end"] == 0
    assert film["messages"]["at"] == []


def test_the_drawing_has_a_band_for_each_leader_where_and_as_long_as_it_led():
    run = eventful()
    svg = Drawing(series_of(run), run.now_ms).svg()
    for event in run.trace:
        if isinstance(event, RoleChanged) and event.role is Role.LEADER:
            begin = f"{event.at_ms:,.0f}"
            assert f"<title>{event.server} leader · term {event.term}\n" in svg
            assert re.search(rf"{event.server} leader · term {event.term}\n(since )?{begin}", svg)
            assert f'x="{100 * event.at_ms / run.now_ms:.3f}'.rstrip("0") in svg
    assert svg.count("tl-cross") == 1
    assert "partition S1 S2 | S3 S4 S5" in svg


def test_a_server_that_joined_later_has_a_lane_and_stands_in_no_earlier_picture():
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(1_000)
    cluster.add_server()
    cluster.run_for(1_000)
    pictures = shown(film_of(cluster.recording))
    assert [len(pictures[place][1]["ring"]["servers"]) for place in (0, -1)] == [3, 4]
    assert [name for _, name in Drawing(series_of(cluster), 2_000).names()][:4] == ["S1", "S2", "S3", "S4"]


def test_a_film_of_another_configuration_shows_its_own_healthy_links():
    slow = Cluster(size=3, seed=1, config=replace(Config(), delay_ms=(40.0, 50.0)))
    slow.run_for(500)
    assert shown(film_of(slow))[-1][1]["ring"]["links"] == []


def test_what_was_violated_stands_in_the_page_with_its_moment_and_in_a_run_without_nothing_does():
    cluster = next(mutant for mutant in MUTANTS if mutant.property == "Election Safety").play()
    violation = cluster.violations[0]
    page = page_of(cluster.recording)
    assert f"<b>{violation.property} is broken.</b> {escape(violation.sentence)}" in page
    assert f'data-go="{violation.at_ms!r}"' in page
    at = f"{100 * violation.at_ms / cluster.now_ms:.3f}".rstrip("0").rstrip(".")
    assert f'class="tl-violation" x1="{at}%"' in page
    assert page_of(cluster) == page
    sound = page_of(eventful())
    assert 'class="film-broken"' not in sound
    assert 'class="tl-violation"' not in sound


def test_a_page_says_which_invariants_hold_and_which_the_run_has_not_exercised():
    cluster = Cluster(size=3, seed=1)
    cluster.run_for(600)
    page = page_of(cluster.recording)
    assert "<p>Of 16 invariants 11 hold; not exercised: Leader Completeness, Commit Only Own Term, Configuration Follows Log, " in page
    assert "The run has not converged" not in page
    broken = next(mutant for mutant in MUTANTS if mutant.property == "Election Safety").play()
    assert "Election Safety" not in re.search("<p>Of 16 invariants .*?</p>", page_of(broken))[0]
    silent = Cluster(size=3, rules=Rules(start_election=lambda me: me.become_candidate()))
    silent.run_for(10_000)
    said = "The run has not converged: for 10,000 ms all was whole, and no server leads with a quorum behind it."
    assert said in page_of(silent.recording)
    assert "<p>The invariants were not judged.</p>" in page_of(Cluster(size=3, checks=False))
