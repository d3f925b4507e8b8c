"""The lab as a person uses it, in a real JupyterLab: what is clicked and typed, and what is then to be seen."""

import re
from collections.abc import Callable
from shutil import copyfile

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.notebooks import SHARED, open_notebook, put, write_notebook

LAB = "from raftcore import Cluster\nfrom widgets import Lab\ncluster = Cluster(size=5, seed=7)\nlab = Lab(cluster)\nlab.speed = 1 / 3\nlab"
ALONE = "from raftcore import Cluster\nfrom widgets.ring import Ring\nRing(Cluster(size=5, seed=7))"
LIMIT_MS = 30_000
LED = re.compile(r"^S\d, leader, term \d+")


@pytest.fixture
def lab(notebook: Page) -> Page:
    return opened(notebook, LAB)


@pytest.fixture
def lab_alone(page: Page, jupyter) -> Page:
    """A lab on a page and a kernel that may be ended."""
    open_notebook(page, write_notebook(jupyter.folder, "lab.ipynb", ""))
    return opened(page, LAB)


def opened(notebook: Page, *cells: str) -> Page:
    put(notebook, *cells)
    expect(server(notebook, "S1")).to_be_visible(timeout=LIMIT_MS)
    return notebook


def server(page: Page, name: str) -> Locator:
    return page.locator(f".rl-ring [data-server={name}]")


def button(page: Page, name: str) -> Locator:
    return page.locator(f".rl-part [data-do={name}]").first


def leader(page: Page, other_than: str = "") -> str:
    """Waits for a leader, and says who it is."""
    seen = page.locator(f".rl-ring [data-server]:not([data-server='{other_than}'])").and_(page.get_by_role("button", name=LED)).first
    expect(seen).to_be_visible(timeout=LIMIT_MS)
    return str(seen.get_attribute("data-server"))


def clock_ms(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("[data-clock]").first.inner_text()))


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(LIMIT_MS // 100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come true in time")


def submit(page: Page, key: str, value: str) -> None:
    page.locator("[data-field=key]").fill(key)
    page.locator("[data-field=value]").fill(value)
    button(page, "submit").click()


def held(page: Page, key: str) -> Locator:
    """The cells of a key's row in the table of stores, one a server."""
    row = page.locator(".rl-kv tbody tr").filter(has=page.locator("th", has_text=re.compile(f"^{re.escape(key)}$")))
    return row.locator("td")


def printed(page: Page, expression: str) -> str:
    """What the kernel prints of an expression, in a new cell at the end."""
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(f"print({expression})")
    page.keyboard.press("Control+Enter")
    said = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    expect(said).to_be_visible(timeout=LIMIT_MS)
    return said.inner_text().strip()


def test_a_leader_that_is_crashed_by_a_click_has_a_successor_and_comes_back_as_a_follower(lab: Page):
    first = leader(lab)
    server(lab, first).click()
    button(lab, "crash").click()
    expect(server(lab, first)).to_have_attribute("aria-label", re.compile("crashed"))

    second = leader(lab, other_than=first)
    expect(lab.locator(".rl-status")).to_contain_text(f"{second} leads term", timeout=LIMIT_MS)

    button(lab, "restart").click()
    expect(server(lab, first)).to_have_attribute("aria-label", re.compile(f"follower.*follows {second}"), timeout=LIMIT_MS)


def test_a_key_that_is_set_is_seen_in_every_store_and_in_the_log(lab: Page):
    leader(lab)
    submit(lab, "colour", "green")

    expect(held(lab, "colour")).to_have_text(["green"] * 5, timeout=LIMIT_MS)
    expect(lab.locator(".rl-outcomes")).to_contain_text("C1 set colour=green → ok")
    expect(lab.locator(".rl-log")).to_contain_text("colour")


def test_what_a_student_types_is_text(lab: Page):
    leader(lab)
    submit(lab, "<b>x</b>", "<img src=x onerror=alert(1)>")

    expect(held(lab, "<b>x</b>").first).to_have_text(re.compile("^<img src=x"), timeout=LIMIT_MS)
    assert lab.locator(".rl-lab img").count() == 0


def test_a_link_is_cut_and_healed(lab: Page):
    cut = button(lab, "cut")
    for _ in range(20):  # a message that is just there takes the click
        lab.locator(".rl-ring [data-link=S1-S2]").first.click(force=True)
        lab.wait_for_timeout(500)
        if cut.is_visible():
            break
    cut.click()
    expect(lab.locator(".rl-ring .half.cut")).to_have_count(2)

    button(lab, "heal").click()
    expect(lab.locator(".rl-ring .half.cut")).to_have_count(0)


def test_ring_controls_logs_and_stores_fit_a_laptop_screen_with_a_side_bar_and_without(lab: Page):
    lab.set_viewport_size({"width": 1440, "height": 757})
    leader(lab)
    for key in "abcdefghij":
        submit(lab, key, "1")
    expect(held(lab, "j")).to_have_text(["1"] * 5, timeout=LIMIT_MS)

    def fits() -> bool:
        used = sum(lab.locator(part).bounding_box()["height"] for part in (".rl-player", ".rl-lab-two"))
        return used <= room.bounding_box()["height"]

    room = lab.locator(".jp-WindowedPanel-outer")
    beside_a_bar = room.bounding_box()["width"]
    assert fits()
    lab.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    wait_until(lab, lambda: room.bounding_box()["width"] > beside_a_bar)
    wait_until(lab, fits)


def test_a_link_panel_shows_all_its_fields_in_the_ring_column(lab: Page):
    lab.set_viewport_size({"width": 1440, "height": 757})
    lab.locator(".rl-ring [data-link=S1-S2]").first.click(force=True)
    panel = lab.locator(".rl-link-panel .rl-scroll")

    assert panel.evaluate("(node) => node.scrollWidth <= node.clientWidth")


def test_two_leaders_at_once_are_told_in_words(notebook: Page):
    lab = opened(
        notebook,
        LAB.replace("seed=7", "seed=7, config=Config(check_quorum=False)").replace("import Cluster", "import Cluster, Config"),
    )
    first = leader(lab)
    server(lab, first).click()
    button(lab, "isolate").click()

    second = leader(lab, other_than=first)
    status = lab.locator(".rl-status")
    expect(status).to_contain_text("Two servers believe they lead.", timeout=LIMIT_MS)
    expect(status).to_contain_text(f"{second} (term")
    button(lab, "heal").click()
    expect(status).not_to_contain_text("Two servers", timeout=LIMIT_MS)


def test_a_command_that_does_not_parse_is_answered_with_the_right_form_and_the_lab_plays_on(lab: Page):
    lab.locator("[data-do=type]").click()
    lab.locator("[data-field=text]").fill("SET x")
    lab.locator("[data-field=text]").press("Enter")

    expect(lab.locator(".rl-notice")).to_contain_text("SET x 1")
    before = clock_ms(lab)
    wait_until(lab, lambda: clock_ms(lab) > before)


def test_space_stops_time_and_the_arrow_goes_on_by_one_event(lab: Page):
    leader(lab)
    server(lab, "S1").focus()
    lab.keyboard.press("c")  # nothing is chosen yet, and JupyterLab must not hear it either
    button(lab, "pause").focus()
    lab.keyboard.press("Space")
    expect(button(lab, "play")).to_be_visible()
    lab.wait_for_timeout(300)
    stopped = clock_ms(lab)
    lab.wait_for_timeout(500)
    assert clock_ms(lab) == stopped

    for _ in range(20):
        lab.keyboard.press("ArrowRight")
    wait_until(lab, lambda: clock_ms(lab) > stopped)


def test_keys_choose_and_crash_a_server_and_leave_the_notebook_alone(lab: Page):
    server(lab, "S2").focus()
    lab.keyboard.press("3")
    lab.keyboard.press("c")

    expect(server(lab, "S3")).to_have_attribute("aria-label", re.compile("crashed"))
    lab.keyboard.press("x")
    expect(lab.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1)


def test_a_key_that_can_do_nothing_says_why(lab: Page):
    said = lab.locator(".rl-status .rl-refusal")
    server(lab, "S2").focus()
    lab.keyboard.press("c")
    expect(said).to_have_text("choose a server first: click it, or press its number")
    lab.keyboard.press("ArrowRight")
    expect(said).to_have_text("pause first: then one event at a time")

    lab.keyboard.press("3")
    lab.keyboard.press("c")
    expect(server(lab, "S3")).to_have_attribute("aria-label", re.compile("crashed"))
    lab.keyboard.press("c")
    expect(said).to_have_text("it is crashed already")
    expect(said).to_have_text("", timeout=LIMIT_MS)


def test_after_a_click_on_crash_the_keys_still_belong_to_the_lab(lab: Page):
    server(lab, "S3").click()
    button(lab, "crash").click()
    expect(server(lab, "S3")).to_have_attribute("aria-label", re.compile("crashed"))
    lab.keyboard.press("r")
    expect(server(lab, "S3")).to_have_attribute("aria-label", re.compile("follower"))

    server(lab, "S2").click()
    lab.keyboard.press("Space")
    expect(button(lab, "play")).to_be_visible()


def test_the_lab_plays_while_another_cell_computes(notebook: Page):
    opened(notebook, LAB, "import time\nbefore = cluster.now_ms\ntime.sleep(3)\nprint('moved', cluster.now_ms > before + 300)")

    expect(notebook.get_by_text("moved True")).to_be_visible()


def test_a_cell_that_runs_again_has_one_live_lab_and_the_old_one_stops(notebook: Page):
    opened(notebook, "labs = []", LAB, "labs.append(lab)")
    notebook.locator(".jp-CodeCell .cm-content").nth(1).click()
    notebook.keyboard.press("Control+Enter")
    expect(notebook.locator(".jp-CodeCell").nth(1).locator(".jp-InputArea-prompt")).to_have_text("[4]:", timeout=LIMIT_MS)
    expect(notebook.locator(".rl-lab")).to_have_count(1)

    assert printed(notebook, "[lab.playing for lab in labs], lab.playing") == "[False] True"


def test_a_lab_whose_output_is_closed_stops(notebook: Page):
    opened(notebook, "labs = []", LAB, "labs.append(lab)")
    notebook.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    expect(notebook.locator(".rl-lab")).to_have_count(0)

    notebook.wait_for_timeout(1000)
    assert printed(notebook, "[lab.playing for lab in labs]") == "[False]"


@pytest.mark.parametrize("code", [LAB, ALONE], ids=["lab", "a part alone"])
def test_a_notebook_without_a_kernel_keeps_a_still_picture(notebook: Page, page: Page, jupyter, code: str):
    opened(notebook, code)
    expect(notebook.locator(".jp-RenderedSVG")).to_be_hidden()
    notebook.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    copyfile(jupyter.folder / SHARED, jupyter.folder / "kept.ipynb")
    page.goto("/lab/tree/kept.ipynb?reset")  # whatever kernel it gets, it knows none of the widgets

    expect(page.locator(".jp-RenderedSVG img")).to_be_visible(timeout=LIMIT_MS)


def test_the_timeline_appears(lab: Page):
    timeline = lab.locator(".js-plotly-plot")
    expect(timeline).to_be_visible(timeout=2 * LIMIT_MS)
    leader(lab)
    timeline.scroll_into_view_if_needed()  # out of sight it is not drawn anew
    expect(timeline).to_contain_text("leader · term 1", timeout=LIMIT_MS)


def test_a_kernel_that_ends_while_the_timeline_loads_provokes_no_error_in_the_browser(lab_alone: Page, jupyter, browser_errors: list[str]):
    lab = lab_alone
    lab.wait_for_timeout(800)  # the figure is being made, in the kernel or in the browser
    jupyter.end_kernels(but=SHARED)

    expect(lab.locator(".rl-ring > .rl-veil")).to_contain_text("The kernel has stopped.", timeout=LIMIT_MS)
    assert [said for said in browser_errors if "TypeError" in said] == []
    lab.close()
    browser_errors.clear()  # JupyterLab itself says, as long as it is open, that the connection is gone


def test_a_stopped_kernel_is_told(lab_alone: Page, jupyter, browser_errors: list[str]):
    lab = lab_alone
    expect(lab.locator(".js-plotly-plot")).to_be_visible(timeout=2 * LIMIT_MS)
    jupyter.end_kernels(but=SHARED)

    expect(lab.locator(".rl-ring > .rl-veil")).to_contain_text("The kernel has stopped.", timeout=LIMIT_MS)
    expect(lab.locator(".js-plotly-plot")).to_be_visible()  # of the last picture nothing is missing
    lab.close()
    browser_errors.clear()  # JupyterLab itself says, as long as it is open, that the connection is gone
