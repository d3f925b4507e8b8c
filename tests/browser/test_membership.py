"""A running lab grows and shrinks by clicks, and hands its leadership over."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.test_lab import LAB, LIMIT_MS, button, leader, opened, server


@pytest.fixture
def lab(notebook: Page) -> Page:
    return opened(notebook, LAB)


def test_a_server_is_added_leads_and_is_removed_by_clicks(lab: Page):
    first = leader(lab)
    button(lab, "more").click()
    button(lab, "add_server").click()
    majority = lab.locator(".rl-quorum[data-group=voters]")
    expect(majority).to_contain_text(f"6 of 6 follow {first}", timeout=LIMIT_MS)

    server(lab, "S6").click()
    button(lab, "transfer").click()
    expect(server(lab, "S6")).to_have_attribute("aria-label", re.compile("^S6, leader"), timeout=LIMIT_MS)
    expect(majority).to_contain_text("6 of 6 follow S6", timeout=LIMIT_MS)

    server(lab, "S6").click()
    server(lab, "S1").click()
    button(lab, "transfer").click()
    expect(server(lab, "S1")).to_have_attribute("aria-label", re.compile("^S1, leader"), timeout=LIMIT_MS)
    server(lab, "S6").click()
    expect(button(lab, "remove")).to_be_enabled(timeout=LIMIT_MS)
    button(lab, "remove").click()
    expect(majority).to_contain_text("5 of 5 follow S1", timeout=LIMIT_MS)
    expect(server(lab, "S6")).to_have_attribute("aria-label", re.compile("not a member"))


def test_a_control_says_what_it_does_and_why_not(lab: Page):
    button(lab, "more").click()
    button(lab, "transfer").hover(force=True)
    expect(lab.locator(".rl-ring .rl-about")).to_contain_text("(thesis 3.10)")

    first = leader(lab)
    server(lab, first).click()
    expect(button(lab, "transfer")).to_have_attribute("title", "it leads already")
    button(lab, "disk-slow").click()
    expect(button(lab, "disk-slow")).to_have_attribute("aria-pressed", "true", timeout=LIMIT_MS)
    expect(lab.locator(f".rl-ring [data-notes={first}]")).to_contain_text("disk 80 ms a sync")
    button(lab, "disk-slow").click()
    expect(button(lab, "disk-slow")).to_have_attribute("aria-pressed", "false", timeout=LIMIT_MS)


def test_the_ring_with_all_its_controls_fits_a_low_screen(lab: Page):
    lab.set_viewport_size({"width": 1440, "height": 757})
    button(lab, "more").click()
    expect(lab.locator(".rl-ring .rl-legend")).to_be_visible()
    ring, notebook = lab.locator(".rl-ring").bounding_box(), lab.locator(".jp-WindowedPanel-outer").bounding_box()

    assert ring
    assert notebook
    assert ring["height"] <= notebook["height"]


def test_a_read_can_be_asked_for_in_each_way(lab: Page):
    leader(lab)
    lab.locator("[data-field=op]").select_option("get")
    lab.locator("[data-field=mode]").select_option("lease")
    expect(lab.locator(".rl-command .rl-about")).to_contain_text("(thesis 6.4.1)")
    lab.locator("[data-field=key]").fill("x")
    button(lab, "submit").click()
    expect(lab.locator(".rl-outcomes")).to_contain_text("C1 get x (lease) →", timeout=LIMIT_MS)
