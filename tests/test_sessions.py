"""The part that shows sessions, the path of reads, and the lease."""

import re

from immutables import Map
from views import cluster_view, server

from raftcore import Cluster
from raftcore.trace.view import SessionView
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.events import ReadServed, ReadStarted
from raftcore.vocabulary.names import Role
from widgets.frame import Frame
from widgets.sessions import MOST_ROWS, Sessions

SESSION = SessionView("C1", 4, 900.0)


def leading(**more: object):
    return server("S1", 2, Role.LEADER, leader="S1", **more)


def drawn(*servers, **more: object) -> dict:
    return Sessions().draw(Frame(view=cluster_view(*servers), **more))


def test_a_session_has_its_client_number_sequence_and_the_time_that_is_left():
    down = server("S3", 2, alive=False)
    [row] = drawn(leading(sessions=Map({3: SESSION})), server("S2", 2), down)["sessions"]
    assert (row["client"], row["number"], row["sequence_num"], row["left_ms"]) == ("C1", 3, 4, 59_900.0)
    assert row["unlike"] == ["S2"]


def test_the_latest_sessions_are_shown_and_the_others_counted():
    many = Map({number: SessionView(f"C{number}", 1, float(number)) for number in range(1, 21)})
    picture = drawn(leading(sessions=many))
    assert [row["number"] for row in picture["sessions"]] == list(range(20, 20 - MOST_ROWS, -1))
    assert picture["more"] == 20 - MOST_ROWS


def test_a_read_that_waits_says_for_what_and_one_that_was_answered_says_why_it_could_be():
    waiting = Map({("C1", 5): ReadStarted(990.0, "S1", "C1", 5, 7, 12)})
    served = ReadServed(995.0, "S1", "C2", 1, ReadMode.LEASE, 7)
    first, second = drawn(leading(reads=waiting, last_applied=6), events=(served,))["reads"]
    assert "for round 12: 1 of 1 answered, a majority must; then for index 7 to be applied (6 is)" in first
    assert second == "C2's read 1 (lease) was answered by S1 as of index 7: its lease said that it still leads (thesis 6.4.1)."


def test_a_read_that_waits_says_how_many_have_answered_its_round_until_they_are_enough():
    cluster = Cluster(size=5, seed=7)
    cluster.run_for(1_000)
    cluster.submit("C1", "GET x", through=cluster.leader)
    counted = []
    while not cluster.view.completed:
        cluster.step()
        said = [line for line in Sessions().draw(Frame(view=cluster.view))["reads"] if "waits" in line]
        counted += [int(re.search(r"(\d) of 5 answered", line)[1]) for line in said]
    assert sorted(set(counted)) == [1, 2]  # the third answer is the majority's, and lets it out
    assert counted == sorted(counted)
    assert cluster.view.servers[cluster.leader].answered == Map()


def test_while_two_configurations_count_a_read_says_how_many_of_each_have_answered():
    waiting = Map({("C1", 5): ReadStarted(990.0, "S1", "C1", 5, 7, 12)})
    joint = Configuration(("S1", "S2", "S3"), next_voters=("S3", "S4"))
    leader = leading(reads=waiting, answered=Map({"S2": 11, "S3": 12, "S4": 13}), configuration=joint)
    [line] = drawn(leader)["reads"]
    assert "2 of 3 and 2 of 2 answered" in line


def test_the_lease_shrinks_and_is_never_negative():
    half = drawn(leading(quorum_heard_ms=950.0, lease_until_ms=1_050.0))["lease"]
    over = drawn(leading(quorum_heard_ms=800.0, lease_until_ms=900.0))["lease"]
    assert (half["left_ms"], half["share"]) == (50.0, 0.5)
    assert (over["left_ms"], over["share"]) == (0.0, 0.0)
    assert drawn(server("S1"))["lease"] is None
