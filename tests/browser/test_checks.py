"""The laws and Why? in the lab: what a person sees and clicks when a rule is wrong, and when an entry is not committed."""

import re

from playwright.sync_api import Page, expect

from browser.test_lab import LIMIT_MS, button, opened, server

PLANTED = """
from raftcore import Cluster, Config, Rules
from raftcore.vocabulary.messages import RequestVoteReply
from widgets import Lab

def grant_always(me, ask):
    me.voted_for = None
    me.vote_for(ask.candidate_id)
    return RequestVoteReply(me.current_term, me.id, vote_granted=True)

cluster = Cluster(size=3, seed=3, config=Config(pre_vote=False, leader_guard=False), rules=Rules(answer_request_vote=grant_always))
cluster.run_for(140)
for name in ("S1", "S2"):
    cluster.time_out(name)
lab = Lab(cluster)
lab
"""

FIGURE_8 = """
from raftcore.hunting.mutants import MUTANTS
from widgets import Lab

lab = Lab(next(one for one in MUTANTS if one.name == "Old terms are counted").play())
lab
"""

CUT_OFF = """
from raftcore import Cluster
from widgets import Lab

cluster = Cluster(size=5, seed=1)
cluster.run_until(lambda view: view.leader is not None)
leader = cluster.leader
cluster.client("C1").set("x", "1")
cluster.partition([leader, "S1" if leader != "S1" else "S2"])
cluster.submit("C1", "SET y 7", through=leader)
cluster.run_for(60)
lab = Lab(cluster)
lab.pause()
lab
"""


NOBODY_LEADS = """
from raftcore import Cluster, Rules
from raftcore.consensus import election
from raftcore.vocabulary.names import Reason
from widgets import Lab

cluster = Cluster(size=3, rules=Rules(answer_request_vote=lambda me, ask: election.refuse(me, Reason.ALREADY_VOTED)))
cluster.run_for(10_000)
lab = Lab(cluster)
lab.pause()
lab
"""


def strip(page: Page):
    return page.locator(".rl-checks")


def test_a_planted_bug_stops_time_and_leads_to_its_evidence(notebook: Page):
    opened(notebook, PLANTED)
    broken = strip(notebook).locator(".rl-violation[data-property='Vote Once']")
    expect(broken).to_contain_text("Vote Once, at ", timeout=LIMIT_MS)
    expect(strip(notebook).locator("[data-law='Vote Once']")).to_have_class(re.compile("rl-broken"))
    expect(strip(notebook).locator("[data-law='Election Safety']")).to_have_attribute("aria-label", "Election Safety is not exercised")
    expect(notebook.locator(".rl-status")).to_contain_text("Vote Once is broken")
    expect(button(notebook, "play")).to_contain_text("Play")
    stopped = notebook.locator("[data-clock]").first.inner_text()
    expect(notebook.locator(".rl-ring .violated").first).to_be_visible()
    expect(notebook.locator(".rl-log .rl-violated").first).to_be_visible()
    notebook.wait_for_timeout(300)
    assert notebook.locator("[data-clock]").first.inner_text() == stopped

    sentence = broken.locator("p").inner_text()
    places = broken.locator(".rl-evidence button")
    expect(places.last).to_have_attribute("title", re.compile("with its vote of term 1 for "))
    law = strip(notebook).locator("[data-law='Vote Once']")
    compared = ((places.last, "Vote Once is broken"), (places.first, f"Vote Once is broken at {places.last.inner_text()}"))
    for place, standing in compared:  # one after the other, without going back to now
        place.click()
        expect(notebook.locator("[data-clock]").first).to_have_text(re.compile(f"^{place.inner_text()}"), timeout=LIMIT_MS)
        expect(law).to_have_attribute("aria-label", standing, timeout=LIMIT_MS)
        expect(broken.locator("p")).to_have_text(sentence)
        expect(notebook.locator(".rl-ring .violated").first).to_be_visible()

    button(notebook, "back").click()  # to where nothing that shows it has happened
    expect(broken).to_have_count(0, timeout=LIMIT_MS)


def test_the_entries_that_show_a_violation_say_so(notebook: Page):
    opened(notebook, FIGURE_8)

    def entry(name: str):
        return notebook.locator(f".rl-log [data-log='{name}'] [data-index='2'] .rl-entry")

    shows = re.compile("part of a violation: .*State Machine Safety")
    for name in ("S1", "S5"):  # one committed this entry, and the other one overwrote it
        expect(entry(name)).to_have_attribute("title", shows, timeout=LIMIT_MS)
        expect(entry(name)).to_contain_class("rl-shows")
    expect(entry("S2")).not_to_have_attribute("title", shows)
    place = strip(notebook).locator("[data-property='State Machine Safety'] .rl-evidence button").first
    place.click()
    expect(entry("S1")).to_have_attribute("aria-label", re.compile("^entry 2 of S1 is not committed: why\\?, part of"), timeout=LIMIT_MS)
    expect(entry("S5")).not_to_contain_class("rl-shows")  # it has no such entry yet


def test_a_run_that_does_not_converge_says_so_from_the_moment_when_it_should_have(notebook: Page):
    opened(notebook, NOBODY_LEADS)
    sign = strip(notebook).locator(".rl-overdue")
    expect(sign).to_have_text(
        "The run has not converged: for 10,000 ms all was whole, and no server leads with a quorum behind it.", timeout=LIMIT_MS
    )
    names = strip(notebook).locator(".rl-law")
    expect(names.first).to_have_text(re.compile(r"–\s*Election Safety: not exercised"))
    expect(button(notebook, "more-laws")).to_have_text("+ 12 more, 10 not exercised")
    button(notebook, "back").click()  # to where there still was time
    expect(sign).to_be_hidden(timeout=LIMIT_MS)


def test_an_entry_that_is_not_committed_says_why_when_it_is_clicked(notebook: Page):
    opened(notebook, CUT_OFF)
    notebook.get_by_role("button", name=re.compile(r"^entry \d+ of S\d is not committed: why\?")).first.click()
    why = strip(notebook).locator(".rl-why")
    expect(why).to_contain_text("not committed?", timeout=LIMIT_MS)
    expect(why).to_be_in_viewport()  # far below the entry, which is at the top of the page
    expect(why).to_contain_text(
        re.compile(r"a commit needs 3 of 5, and .* cut off from S\d since [\d,]+ ms; no majority has answered .* §5\.3")
    )
    expect(strip(notebook).locator("[data-law^=Linearizable]")).to_have_text(
        re.compile(r"–\s*Linearizable \(2 operations\): not exercised")
    )

    why.get_by_role("button", name="Put the answer away").click()
    expect(why).to_be_hidden()


def test_a_client_that_waits_and_a_missing_leader_say_why(notebook: Page):
    opened(notebook, CUT_OFF)
    button(notebook, "why-operation").click()
    why = strip(notebook).locator(".rl-why")
    expect(why).to_contain_text("Why does C1 wait for set y=7?", timeout=LIMIT_MS)

    for name in ("S1", "S2", "S3"):
        server(notebook, name).click()
        button(notebook, "crash").click()
        expect(server(notebook, name)).to_have_attribute("aria-label", re.compile("crashed"))
    button(notebook, "why-leader").click()
    expect(why).to_contain_text(
        "Why does no server lead with a majority? A leader needs the votes of 3 of 5, and S1, S2 and S3 are crashed. §5.2"
    )
