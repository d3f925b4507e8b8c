"""A small world gone through by hand, and a student's mistake in a rule: what a person sees and clicks."""

import re

from playwright.sync_api import Locator, Page, expect

from browser.notebooks import put
from browser.test_lab import LIMIT_MS, button, opened

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
lab.speed = 1
lab
"""


def choices(page: Page) -> Locator:
    return page.get_by_role("list", name="what can happen next").get_by_role("button")


def test_a_person_goes_back_from_a_violation_and_goes_another_way(notebook: Page):
    put(notebook, WALK)
    broken = notebook.locator(".rl-choices .rl-violation")
    expect(broken).to_contain_text("Election Safety is broken", timeout=LIMIT_MS)
    said = notebook.get_by_role("list", name="what was chosen").get_by_role("listitem")
    expect(said).to_have_count(7)

    notebook.get_by_role("button", name="Take back").click()
    expect(broken).to_be_hidden(timeout=LIMIT_MS)
    expect(said).to_have_count(6)
    choices(notebook).get_by_text("S3 crashes").click()
    expect(said.last).to_have_text("S3 crashes", timeout=LIMIT_MS)
    expect(notebook.locator(".rl-ring [data-server=S3]")).to_have_attribute("aria-label", re.compile("crashed"))
    offered = notebook.locator(".rl-ring .rl-buttons button:visible")
    expect(offered).to_have_text(["Crash", "Time out"])
    expect(notebook.locator(".rl-ring .link-target")).to_have_count(0)
    notebook.locator(".rl-ring [data-server=S3]").click()
    expect(offered).to_have_text(["Restart", "Time out"])
    notebook.keyboard.press("h")  # heals a cluster; here nothing is to be healed
    notebook.keyboard.press("m")
    expect(notebook.locator(".rl-ring .rl-more")).to_be_hidden()
    notebook.keyboard.press("r")
    expect(said.last).to_have_text("S3 restarts", timeout=LIMIT_MS)


def test_what_a_disk_has_not_synced_is_said_where_it_is(notebook: Page):
    put(notebook, SLOW_DISKS)
    choices(notebook).get_by_text("S1 times out").click(timeout=LIMIT_MS)
    note = notebook.locator(".rl-ring [data-notes=S1]")
    expect(note).to_have_text("disk has not synced", timeout=LIMIT_MS)
    entry = notebook.locator(".rl-log [data-log=S1] [data-index='1'] .rl-entry")
    expect(entry).to_have_attribute("title", re.compile(r"\(not committed, and not yet synced\)"))
    choices(notebook).get_by_text("S1's disk syncs").click()
    expect(note).to_have_text("", timeout=LIMIT_MS)
    expect(entry).to_have_attribute("title", re.compile(r"\(committed\)"))


def test_a_rule_that_forgets_its_answer_is_named_and_time_stands_still(notebook: Page):
    opened(notebook, FORGETFUL)
    sentence = "the rule answer_request_vote (grant) returned None; it must return a RequestVoteReply"
    expect(notebook.locator(".rl-status")).to_contain_text(sentence, timeout=LIMIT_MS)
    expect(button(notebook, "play")).to_contain_text("Play")
    stopped = notebook.locator("[data-clock]").first.inner_text()
    button(notebook, "play").click()
    expect(notebook.locator(".rl-status")).to_contain_text("fork(at_ms=", timeout=LIMIT_MS)
    expect(notebook.locator("[data-clock]").first).to_have_text(stopped)
