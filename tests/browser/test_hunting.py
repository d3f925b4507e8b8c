"""A small world gone through by hand, and a student's mistake in a rule: what a person sees and clicks."""

import re

from browser.notebooks import open_notebook, run_all, write_notebook
from browser.test_lab import LIMIT_MS, button, opened
from playwright.sync_api import Locator, Page, expect

WALK = """
from raftcore.hunting.explore import explore
from raftcore.hunting.mutants import MUTANTS
from raftcore.hunting.small_world import World
from widgets import Walking

(rules,) = (mutant.rules for mutant in MUTANTS if mutant.name == "Votes of any term count")
walk = explore(World(rules=rules, commands=0, crashes=1)).walk()
Walking(walk)
"""

FORGETFUL = """
from raftcore import Cluster, Rules
from widgets import Lab

def grant(me, ask):
    me.voted_for = ask.candidate_id

lab = Lab(Cluster(size=3, seed=1, rules=Rules(answer_request_vote=grant)))
lab
"""


def choices(page: Page) -> Locator:
    return page.get_by_role("list", name="what can happen next").get_by_role("button")


def test_a_person_goes_back_from_a_violation_and_goes_another_way(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "walk.ipynb", WALK))
    run_all(page)
    broken = page.locator(".rl-choices .rl-violation")
    expect(broken).to_contain_text("Election Safety is broken", timeout=LIMIT_MS)
    said = page.get_by_role("list", name="what was chosen").get_by_role("listitem")
    expect(said).to_have_count(7)

    page.get_by_role("button", name="Take back").click()
    expect(broken).to_be_hidden(timeout=LIMIT_MS)
    expect(said).to_have_count(6)
    choices(page).get_by_text("S3 crashes").click()
    expect(said.last).to_have_text("S3 crashes", timeout=LIMIT_MS)
    expect(page.locator(".rl-ring [data-server=S3]")).to_have_attribute("aria-label", re.compile("crashed"))
    offered = page.locator(".rl-ring .rl-buttons button:visible")
    expect(offered).to_have_text(["Crash", "Time out"])
    expect(page.locator(".rl-ring .link-target")).to_have_count(0)
    page.locator(".rl-ring [data-server=S3]").click()
    expect(offered).to_have_text(["Restart", "Time out"])
    page.keyboard.press("h")  # heals a cluster; here nothing is to be healed
    page.keyboard.press("m")
    expect(page.locator(".rl-ring .rl-more")).to_be_hidden()
    page.keyboard.press("r")
    expect(said.last).to_have_text("S3 restarts", timeout=LIMIT_MS)


def test_a_rule_that_forgets_its_answer_is_named_and_the_lab_plays_on(page: Page, jupyter):
    opened(page, jupyter, FORGETFUL)
    sentence = "the rule answer_request_vote (grant) returned None; it must return a RequestVoteReply"
    expect(page.locator(".rl-status")).to_contain_text(sentence, timeout=LIMIT_MS)
    expect(button(page, "play")).to_contain_text("Play")
    stopped = page.locator("[data-clock]").first.inner_text()
    button(page, "play").click()
    expect(page.locator("[data-clock]").first).not_to_have_text(stopped, timeout=LIMIT_MS)
