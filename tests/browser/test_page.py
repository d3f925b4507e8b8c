"""A run's page as a student opens it: a file, with no server behind it. It plays, goes where one points, and its console is silent."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.jupyter_server import WINDOW
from raftcore import Cluster
from raftcore.hunting.mutants import MUTANTS

LIMIT_MS = 30_000


@pytest.fixture
def open_page(browser: Browser, browser_errors: list[str], tmp_path: Path) -> Iterator[Callable[[Cluster], Page]]:
    """Writes a run's page and opens it, with the network off. Fails in the end if the page said or asked for anything."""
    context = browser.new_context(viewport=WINDOW, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("console", lambda said: browser_errors.append(said.text))
    page.on("pageerror", lambda error: browser_errors.append(f"exception: {error}"))
    page.on("request", lambda request: asked.append(request.url))

    def open_run(cluster: Cluster) -> Page:
        path = tmp_path / "run.html"
        cluster.recording.to_html(path)
        page.goto(path.as_uri())
        expect(server(page, "S1")).to_be_visible(timeout=LIMIT_MS)
        return page

    yield open_run
    urls = [url for url in asked if not url.startswith("blob:")]
    context.close()
    assert browser_errors == [], "the browser's console said this"
    assert [url.rpartition("/")[2] for url in urls] == ["run.html"]


@pytest.fixture
def failover() -> Cluster:
    """A leader crashes at 2,000 ms; a command before, and one after."""
    cluster = Cluster(size=5, seed=7)
    cluster.run_for(1_500)
    cluster.submit("C1", "SET colour <b>green</b>")
    cluster.run_for(500)
    cluster.crash(cluster.leader)
    cluster.run_for(1_500)
    cluster.submit("C1", "SET colour blue")
    cluster.run_for(800)
    return cluster


def server(page: Page, name: str) -> Locator:
    return page.locator(f".rl-ring [data-server={name}]")


def leaders(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile(r"^S\d, leader, term \d+"))


def clock_ms(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("[data-clock]").inner_text()))


def point_at(page: Page, share: float) -> None:
    """Click the timeline at this share of the run."""
    box = page.locator("[data-track]").bounding_box()
    page.mouse.click(box["x"] + share * box["width"], box["y"] + 60)


def test_the_page_plays_and_a_leader_is_elected(open_page, failover):
    page = open_page(failover)
    expect(leaders(page)).to_have_count(0)
    page.get_by_role("slider", name="speed").fill("12")
    page.get_by_role("button", name="Play").click()
    expect(leaders(page)).to_have_count(1, timeout=LIMIT_MS)
    expect(page.locator(".rl-ring [data-flight]").first).to_be_attached(timeout=LIMIT_MS)

    page.get_by_role("button", name="Pause").click()
    stands = clock_ms(page)
    page.wait_for_timeout(300)
    assert clock_ms(page) == stands


def test_pointing_at_the_timeline_shows_the_leader_before_and_after_a_crash(open_page, failover):
    page = open_page(failover)
    crash = next(event for event in failover.trace if type(event).__name__ == "Crashed")
    point_at(page, (crash.at_ms - 20) / failover.now_ms)
    expect(server(page, crash.server)).to_have_attribute("aria-label", re.compile("leader"))
    expect(page.locator(".rl-kv [data-key=colour] td").first).to_have_text("<b>green</b>")

    point_at(page, 0.999)
    expect(server(page, crash.server)).to_have_attribute("aria-label", re.compile("crashed"))
    expect(leaders(page)).to_have_attribute("data-server", failover.leader)
    expect(page.locator(".rl-status")).to_contain_text(f"{failover.leader} leads term")
    expect(page.locator(f".rl-kv [data-key=colour] [data-server-cell={failover.leader}]")).to_have_text("blue")

    point_at(page, (crash.at_ms - 20) / failover.now_ms)  # and back
    expect(server(page, crash.server)).to_have_attribute("aria-label", re.compile("leader"))


def test_the_arrows_go_from_event_to_event_and_space_plays(open_page, failover):
    page = open_page(failover)
    point_at(page, 0.5)
    before = clock_ms(page)
    newest = page.locator(".rl-events li").first
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    at = clock_ms(page)
    assert at > before
    expect(newest).to_have_text(re.compile(f"^{at:,}"))
    told = newest.inner_text().replace("\n", "")

    page.keyboard.press("ArrowLeft")
    expect(newest).not_to_have_text(told)
    page.keyboard.press("ArrowRight")
    expect(newest).to_have_text(told)

    page.keyboard.press("End")
    assert clock_ms(page) == int(failover.now_ms)
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.wait_for_function("() => parseInt(document.querySelector('[data-clock]').textContent) > 0", timeout=LIMIT_MS)


def test_an_event_in_the_list_is_a_way_to_its_moment(open_page, failover):
    page = open_page(failover)
    page.keyboard.press("End")
    page.locator(".rl-events [data-kind]").filter(has_text="messages").click()  # of what is not a message, the list goes further back
    crash = page.locator(".rl-events li", has_text=re.compile(r"S\d crashed"))
    crash.get_by_role("button").first.click()
    assert clock_ms(page) == int(next(event.at_ms for event in failover.trace if type(event).__name__ == "Crashed"))
    expect(page.locator(".rl-ring [data-server][aria-label*=crashed]")).to_have_count(1)


def test_what_was_violated_is_said_and_is_a_way_to_its_moment(open_page):
    mutant = next(one for one in MUTANTS if one.property == "Election Safety")
    cluster = mutant.play()
    page = open_page(cluster)
    broken = page.locator(".film-broken").first
    expect(broken).to_contain_text(f"{cluster.violations[0].property} is broken. {cluster.violations[0].sentence}")
    assert clock_ms(page) == 0
    broken.get_by_role("button").click()
    assert clock_ms(page) == int(cluster.violations[0].at_ms)
    expect(leaders(page)).to_have_count(2)


def test_nothing_in_a_film_can_be_acted_on_and_it_says_so(open_page, failover):
    page = open_page(failover)
    words = page.locator(".film").inner_text()
    assert "undefined" not in words
    assert "Fork" not in words
    expect(page.locator("[data-part=status] button:visible")).to_have_count(0)
    page.keyboard.press("1")
    expect(server(page, "S1")).to_have_attribute("aria-pressed", "true")
    for name in ("Crash", "Heal", "Partition", "Links", "More"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    page.keyboard.press("c")
    expect(page.locator(".rl-status")).to_contain_text("This is a recorded run")


def test_the_scenario_can_be_copied_and_the_theme_changed(open_page, failover):
    page = open_page(failover)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy scenario").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == failover.scenario.to_json()

    ground = "() => getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(ground) != before


def test_a_run_of_100_000_events_opens_and_can_be_gone_through(open_page):
    cluster = Cluster(size=5, seed=7)
    while len(cluster.trace) < 100_000:
        cluster.submit("C1", "SET x 1")
        cluster.run_for(1_000)
    page = open_page(cluster)
    page.keyboard.press("End")
    expect(page.locator(".rl-log")).to_contain_text("x=1")
    applied = str(cluster.view.servers["S1"].last_applied)
    expect(page.locator(".rl-kv tfoot td").first).to_have_text(applied)
    for share in (0.7, 0.2, 0.9):
        point_at(page, share)
        expect(leaders(page)).to_have_count(1)
        assert clock_ms(page) == pytest.approx(share * cluster.now_ms, rel=0.01)
