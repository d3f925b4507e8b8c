"""What compaction, sessions and reads look like in a lab that plays."""

from playwright.sync_api import Page, expect

from browser.notebooks import put

LIMIT_MS = 30_000
RUN = """from raftcore import Cluster
from raftcore.vocabulary.commands import Get, ReadMode
from widgets import Lab
cluster = Cluster(size=5, seed=7)
cluster.run_for(1000)
cluster.client("C1").set("x", "1")
cluster.run_for(200)
cluster.take_snapshot(cluster.leader)
lab = Lab(cluster)
cluster.submit("C1", Get("x", ReadMode.READ_INDEX))
lab"""


def test_a_snapshot_a_session_and_the_path_of_a_read_are_seen(notebook: Page):
    put(notebook, RUN)

    block = notebook.locator(".rl-log [data-snapshot]")
    expect(block).to_have_count(1, timeout=LIMIT_MS)
    expect(block).to_contain_text("to 3")
    expect(notebook.locator(".rl-sessions [data-session]").first).to_contain_text("C1", timeout=LIMIT_MS)
    expect(notebook.locator(".rl-sessions ol")).to_contain_text("(read index) was answered by", timeout=LIMIT_MS)
