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

SLOW_DISKS = """
from raftcore.hunting.small_world import World
from raftcore.hunting.walk import Walk
from widgets import Walking

Walking(Walk(World(size=1, terms=1, commands=0, slow_disks=True)))
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


def test_what_a_disk_has_not_synced_is_said_where_it_is(page: Page, jupyter):
    open_notebook(page, write_notebook(jupyter.folder, "slow_disks.ipynb", SLOW_DISKS))
    run_all(page)
    choices(page).get_by_text("S1 times out").click(timeout=LIMIT_MS)
    note = page.locator(".rl-ring [data-notes=S1]")
    expect(note).to_have_text("disk has not synced", timeout=LIMIT_MS)
    entry = page.locator(".rl-log [data-log=S1] [data-index='1'] .rl-entry")
    expect(entry).to_have_attribute("title", re.compile(r"\(not committed, and not yet synced\)"))
    choices(page).get_by_text("S1's disk syncs").click()
    expect(note).to_have_text("", timeout=LIMIT_MS)
    expect(entry).to_have_attribute("title", re.compile(r"\(committed\)"))


def test_a_rule_that_forgets_its_answer_is_named_and_the_lab_plays_on(page: Page, jupyter):
    opened(page, jupyter, FORGETFUL)
    sentence = "the rule answer_request_vote (grant) returned None; it must return a RequestVoteReply"
    expect(page.locator(".rl-status")).to_contain_text(sentence, timeout=LIMIT_MS)
    expect(button(page, "play")).to_contain_text("Play")
    stopped = page.locator("[data-clock]").first.inner_text()
    button(page, "play").click()
    expect(page.locator("[data-clock]").first).not_to_have_text(stopped, timeout=LIMIT_MS)
