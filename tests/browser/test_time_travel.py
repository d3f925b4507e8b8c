"""Any moment of a run is shown again, gone on from in a fork, and taken away as code: what a person clicks, presses and sees."""

import re

from playwright.sync_api import Locator, Page, expect

from browser.test_lab import LIMIT_MS, button, clock_ms, leader, opened, printed, server, submit, wait_until

RUN = """from raftcore import Cluster
from widgets import Lab, Replay
cluster = Cluster(size=3, seed=7)
cluster.run_for(2000)
"""
LAB = RUN + "lab = Lab(cluster)\nlab.pause()\nlab.speed = 1 / 3\nlab"
REPLAY = RUN + "cluster.crash('S1')\ncluster.run_for(500)\nlab = Replay(cluster)\nlab.pause()\nlab.speed = 1 / 3\nlab"


def scrubber(page: Page) -> Locator:
    return page.get_by_role("slider", name="moment")


def moment_ms(page: Page) -> float:
    """More exactly than the clock tells it."""
    return float(scrubber(page).input_value())


def rings(page: Page) -> Locator:
    return page.locator(".rl-ring")


def expect_clock(page: Page, ms: str) -> None:
    expect(page.locator("[data-clock]")).to_have_text(f"{ms} ms", timeout=LIMIT_MS)


def test_a_person_looks_at_the_past_by_mouse_and_keys_and_comes_back_to_now(notebook: Page):
    lab = opened(notebook, LAB)
    end_ms = clock_ms(lab)
    place = scrubber(lab).bounding_box()
    lab.mouse.click(place["x"] + place["width"] / 4, place["y"] + place["height"] / 2)
    wait_until(lab, lambda: abs(clock_ms(lab) - end_ms / 4) < end_ms / 20)
    expect(scrubber(lab)).to_have_attribute("aria-valuetext", re.compile(rf"^\d+ ms of {end_ms:,} ms$"), timeout=LIMIT_MS)

    before = moment_ms(lab)
    scrubber(lab).press("ArrowLeft")
    wait_until(lab, lambda: moment_ms(lab) < before)
    earlier = moment_ms(lab)
    server(lab, "S2").click()
    lab.keyboard.press("ArrowRight")
    wait_until(lab, lambda: earlier < moment_ms(lab) <= before)

    scrubber(lab).press("Home")
    expect_clock(lab, "0")
    expect(server(lab, "S1")).to_have_attribute("aria-label", re.compile("term 0"), timeout=LIMIT_MS)
    scrubber(lab).press("End")
    expect_clock(lab, f"{end_ms:,}")
    expect(button(lab, "now")).to_be_disabled(timeout=LIMIT_MS)

    elected = lab.locator(".rl-events li", has_text="is leader of term").first
    elected.get_by_role("button").click()
    at = elected.locator(".rl-at").inner_text()
    expect_clock(lab, at)
    leader(lab)
    button(lab, "now").click()
    expect_clock(lab, f"{end_ms:,}")
    assert int(float(printed(lab, "cluster.now_ms"))) == end_ms


def test_a_click_on_the_timeline_goes_to_that_moment(notebook: Page):
    lab = opened(notebook, LAB)
    end_ms = clock_ms(lab)
    plot = lab.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for(timeout=2 * LIMIT_MS)
    plot.scroll_into_view_if_needed()
    wait_until(lab, lambda: "leader" in lab.locator(".js-plotly-plot").inner_text())
    place = plot.bounding_box()
    lab.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    wait_until(lab, lambda: abs(clock_ms(lab) - end_ms / 2) < end_ms / 10)


def test_what_is_done_in_the_past_happens_in_a_fork_beside_the_run(notebook: Page):
    lab = opened(notebook, LAB)
    end_ms = clock_ms(lab)
    first = leader(lab)
    scrubber(lab).press("PageDown")
    wait_until(lab, lambda: clock_ms(lab) < end_ms)
    at_ms = clock_ms(lab)
    server(lab, first).click()
    button(lab, "crash").click()
    asked = lab.locator(".rl-question")
    expect(asked).to_contain_text(f"You look at {at_ms:,} ms, and what was does not change.", timeout=LIMIT_MS)
    expect(server(lab, first)).to_have_attribute("aria-label", re.compile("leader"), timeout=LIMIT_MS)

    button(lab, "fork-and-do").click()
    expect(rings(lab)).to_have_count(2, timeout=LIMIT_MS)
    expect(asked).to_be_hidden(timeout=LIMIT_MS)
    expect(rings(lab).first.locator(f"[data-server={first}]")).to_have_attribute("aria-label", re.compile("crashed"), timeout=LIMIT_MS)
    expect(rings(lab).last.locator(f"[data-server={first}]")).to_have_attribute("aria-label", re.compile("leader"), timeout=LIMIT_MS)
    tree = lab.locator(".rl-forks")
    expect(tree).to_contain_text(f"fork 2 and run 1 first differ at {at_ms:,} ms.", timeout=LIMIT_MS)
    expect(tree.locator(".rl-fork-mark:visible")).to_have_count(2, timeout=LIMIT_MS)

    lab.keyboard.press("Space")  # the question is gone, and the lab still hears its keys
    expect(rings(lab).first.get_by_role("button", name=re.compile(r"^S\d, leader, term [2-9]"))).to_be_visible(timeout=LIMIT_MS)
    expect(rings(lab).last.locator(f"[data-server={first}]")).to_have_attribute(
        "aria-label", re.compile("leader, term 1"), timeout=LIMIT_MS
    )
    lab.locator("[data-run='1']").click()
    expect(rings(lab).first.locator(f"[data-server={first}]")).to_have_attribute(
        "aria-label", re.compile("leader, term 1"), timeout=LIMIT_MS
    )
    button(lab, "alone").click()
    expect(rings(lab)).to_have_count(1, timeout=LIMIT_MS)


def test_what_was_clicked_is_repeated_by_the_copied_code_to_the_byte(notebook: Page, jupyter):
    lab = opened(notebook, LAB)
    submit(lab, "x", "1")
    server(lab, "S3").click()
    button(lab, "isolate").click()
    button(lab, "step").click()
    button(lab, "share").click()
    button(lab, "copy-code").click()
    text = lab.locator(".rl-share textarea")
    expect(text).to_have_value(re.compile("cluster.isolate"), timeout=LIMIT_MS)
    code = text.input_value()
    assert printed(lab, f"(was := cluster) and exec({code!r}) or was.trace.to_bytes() == cluster.trace.to_bytes()") == "True"

    button(lab, "save").click()
    expect(lab.locator(".rl-note")).to_contain_text("which repeats the run", timeout=LIMIT_MS)
    assert len([*jupyter.folder.glob("run-seed7-*.json"), *jupyter.folder.glob("run-seed7-*.parquet")]) == 2


def test_a_replay_plays_a_recording_to_its_end_and_offers_a_fork_for_what_cannot_be_done_in_it(notebook: Page):
    lab = opened(notebook, REPLAY)
    expect(server(lab, "S1")).to_have_attribute("aria-label", re.compile("term 0"), timeout=LIMIT_MS)
    button(lab, "play").click()
    wait_until(lab, lambda: clock_ms(lab) > 100)
    scrubber(lab).press("End")
    expect_clock(lab, "2,500")
    expect(button(lab, "step")).to_have_attribute("title", "the recording ends here", timeout=LIMIT_MS)
    server(lab, "S1").click()
    button(lab, "restart").click()
    expect(lab.locator(".rl-question")).to_contain_text("This is a recording, which does not change.", timeout=LIMIT_MS)
    button(lab, "fork-and-do").click()
    expect(rings(lab)).to_have_count(2, timeout=LIMIT_MS)
    expect(rings(lab).first.locator("[data-server=S1]")).to_have_attribute("aria-label", re.compile("follower"), timeout=LIMIT_MS)
    expect(rings(lab).last.locator("[data-server=S1]")).to_have_attribute("aria-label", re.compile("crashed"), timeout=LIMIT_MS)
