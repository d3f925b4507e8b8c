"""The ring's pictures of who belongs, leads and is in trouble, and what the controls for it do to a cluster."""

import re
from pathlib import Path

import pytest
from immutables import Map
from msgspec.structs import replace
from test_parts import cluster_view, draw_ring, sent, server, split_brain

from raftcore import Cluster
from raftcore.trace.view import ProgressView, ServerView
from raftcore.vocabulary import actions
from raftcore.vocabulary.configuration import Configuration
from raftcore.vocabulary.disks import DiskState
from raftcore.vocabulary.errors import CommandError, ControlError
from raftcore.vocabulary.events import MessageDropped, TransferStarted
from raftcore.vocabulary.messages import InstallSnapshot, InstallSnapshotReply, PreVote, PreVoteReply, TimeoutNow
from raftcore.vocabulary.names import PROBE, REPLICATE, SNAPSHOT, Reason, Role
from widgets.command_bar import READS, CommandBar
from widgets.frame import Frame
from widgets.intents import CONTROLS, command, read_mode
from widgets.ring import Ring
from widgets.status_line import say
from widgets.words import line

JOINT = Configuration(("S1", "S2", "S3"), ("S1", "S4", "S5"), ("S6",))


def joint_view():
    """S1 leads while the change from S1 S2 S3 to S1 S4 S5 is joint; S6 learns, S7 stands outside, S4 and S5 do not follow yet."""
    roles = {"S1": Role.LEADER}
    following = {"S1": "S1", "S2": "S1", "S3": "S1"}
    servers = [
        server(name, 2, roles.get(name, Role.FOLLOWER), leader=following.get(name), configuration=JOINT)
        for name in ("S1", "S2", "S3", "S4", "S5", "S6", "S7")
    ]
    return cluster_view(*servers)


def drawn(*servers: ServerView) -> dict:
    return {one["id"]: one for one in draw_ring(cluster_view(*servers))["servers"]}


# ---- the picture of the membership


def test_both_configurations_are_shown_with_who_counts_in_each():
    picture = draw_ring(joint_view())
    old, new = picture["membership"]["groups"]

    assert (old["name"], old["have"], old["need"], old["enough"]) == ("old", 3, 2, True)
    assert (new["name"], new["have"], new["need"], new["enough"]) == ("new", 1, 2, False)
    assert [one["id"] for one in new["servers"] if one["counts"]] == ["S1"]
    assert picture["membership"]["counting"] == "follow S1"
    assert picture["membership"]["changing"]


def test_each_server_knows_its_place():
    servers = {one["id"]: (one["place"], one["groups"]) for one in draw_ring(joint_view())["servers"]}

    assert servers["S1"] == ("voter", ["old", "new"])
    assert servers["S2"] == ("voter", ["old"])
    assert servers["S4"] == ("voter", ["new"])
    assert servers["S6"] == ("learner", [])
    assert servers["S7"] == ("outsider", [])


def test_one_configuration_has_one_group_and_no_arcs():
    picture = draw_ring(split_brain())

    assert [group["name"] for group in picture["membership"]["groups"]] == ["voters"]
    assert all(one["groups"] == [] for one in picture["servers"])
    assert picture["membership"]["counting"] == "follow S4"


def test_without_a_leader_a_candidates_votes_count_and_else_who_runs():
    standing = cluster_view(server("S1", 2, Role.CANDIDATE, votes=("S1", "S2")), server("S2", 2), server("S3", 2))
    down = cluster_view(server("S1", 2), server("S2", 2, alive=False), server("S3", 2, paused=True))

    assert draw_ring(standing)["membership"]["counting"] == "vote for S1"
    assert draw_ring(standing)["membership"]["groups"][0]["have"] == 2
    assert (draw_ring(down)["membership"]["counting"], draw_ring(down)["membership"]["groups"][0]["have"]) == ("run", 1)


# ---- the pictures of single servers


def test_a_server_that_asks_for_promises_is_no_candidate_yet():
    asking = server("S1", 3, pre_votes=("S1", "S2"))
    flying = sent(1, "S3", "S1", PreVoteReply(3, 4, "S3", vote_granted=True))
    picture = draw_ring(cluster_view(asking, server("S2", 3), server("S3", 3), messages=Map({1: flying})))["servers"][0]

    assert (picture["asking"], picture["role"]) == (True, "follower")
    assert {vote["peer"]: vote["state"] for vote in picture["votes"]} == {"S2": "held", "S3": "flying"}


def test_a_leader_shows_its_lease_its_followers_states_and_a_transfer():
    progress = Map({"S2": ProgressView(6, 5, REPLICATE), "S3": ProgressView(2, 0, PROBE), "S4": ProgressView(1, 0, SNAPSHOT)})
    transfer = TransferStarted(990.0, "S1", "S2", 1_290.0)
    leader = server("S1", 2, Role.LEADER, progress=progress, quorum_heard_ms=990.0, lease_until_ms=1_100.0, transfer=transfer)
    servers = drawn(leader, server("S2", 2), server("S3", 2), server("S4", 2))

    assert servers["S1"]["lease"] == [990.0, 1_100.0]
    assert servers["S1"]["transfer"] == "S2"
    assert [(one["id"], one["state"]) for one in servers["S1"]["followers"]] == [("S2", "replicate"), ("S3", "probe"), ("S4", "snapshot")]
    assert servers["S3"]["followed"] == {"state": "probe", "match": 0, "next": 2}
    assert servers["S1"]["followed"] is None


def test_trouble_with_clock_and_disk_is_named_and_a_halt_has_its_reason():
    servers = drawn(
        server("S1", clock_rate=2.0, disk=DiskState(sync_ms=80.0, sync_fails=True, capacity_bytes=0, loses_writes=True)),
        server("S2", disk=DiskState()),
        server("S3", alive=False, halted="its log is damaged"),
    )
    assert servers["S1"]["clock_rate"] == 2.0
    assert servers["S1"]["disk"]["said"] == ["80 ms a sync", "fails to sync", "full", "loses writes"]
    assert servers["S2"]["disk"] == {"said": [], **dict.fromkeys(("slow", "sync_fails", "full", "loses_writes", "reads_fail"), False)}
    assert servers["S3"]["halted"] == "its log is damaged"


def test_each_new_message_has_its_shape_and_its_words():
    flying = [
        sent(1, "S4", "S3", PreVote(4, "S4", 5, 3)),
        sent(2, "S3", "S4", PreVoteReply(3, 4, "S3", vote_granted=False)),
        sent(3, "S4", "S3", InstallSnapshot(3, "S4", 9, 3, Configuration(("S3", "S4")), 0, b"12345", done=True)),
        sent(4, "S3", "S4", InstallSnapshotReply(3, "S3", 9, 5, installed=True)),
        sent(5, "S4", "S3", TimeoutNow(3, "S4")),
    ]
    flights = draw_ring(replace(split_brain(), messages=Map({one.id: one for one in flying})))["flights"]

    assert [(one["kind"], one["reply"], one["ok"], one["term"]) for one in flights] == [
        ("prevote", False, True, 4),
        ("prevote", True, False, 4),
        ("snapshot", False, True, 3),
        ("snapshot", True, True, 3),
        ("timeout", False, True, 3),
    ]
    assert flights[0]["label"] == "S4 → S3: PreVote: would I win term 4? last entry 5 of term 3"
    assert flights[2]["label"] == "S4 → S3: InstallSnapshot up to 9: bytes 0–5, the last piece, term 3"


def test_a_server_that_is_created_takes_a_seat():
    cluster = Cluster(size=3, seed=1)
    cluster.create_server()

    assert [one["id"] for one in Ring(cluster).state["servers"]] == ["S1", "S2", "S3", "S4"]


# ---- the status line


def test_a_joint_change_a_transfer_and_a_halt_are_said():
    view = joint_view()
    assert say(view)[1].startswith("S1 leads term 2, but only 3 of 3 and 1 of 3 voters follow it: a majority is 2 and 2")
    assert "The old and the new configuration each need a majority (§6)." in say(view)[1]

    handing = replace(split_brain().servers["S4"], transfer=TransferStarted(1.0, "S4", "S3", 9.0))
    halted = server("S5", alive=False, halted="its log is damaged")
    said = say(cluster_view(handing, server("S3", 3, leader="S4"), halted))[1]
    assert "It hands its leadership to S3" in said
    assert "S5 halted: its log is damaged" in said


def test_who_asks_for_promises_is_said():
    view = cluster_view(server("S1", 3, pre_votes=("S1",)), server("S2", 3), server("S3", 3))
    assert "S1 asks whether it would win term 4: 1 of 3 say yes (thesis 9.6)." in say(view)[1]


# ---- what the controls do


@pytest.fixture
def led() -> Cluster:
    cluster = Cluster(size=3, seed=5)
    cluster.run_until(lambda view: view.leader is not None and view.servers[view.leader].commit_index > 0)
    return cluster


def do(cluster: Cluster, name: str, **more: object) -> None:
    CONTROLS[name](cluster, {"do": name, **more})


def test_servers_are_created_made_learners_and_voters_and_removed(led: Cluster):
    do(led, "create_server")
    for become, voters, learners in (
        ("learner", 3, 1),
        ("voter", 4, 0),
        ("outsider", 3, 0),
    ):
        do(led, "membership", servers=["S4"], become=become)
        led.run_for(1_000)
        now = led.view.configuration
        assert (len(now.voters), len(now.learners)) == (voters, learners)


def test_two_servers_at_once_go_through_a_joint_configuration(led: Cluster):
    do(led, "create_server")
    do(led, "create_server")
    do(led, "membership", servers=["S4", "S5"], become="voter")

    led.run_until(lambda view: view.configuration.is_joint)
    led.run_until(lambda view: len(view.configuration.voters) == 5 and not view.configuration.is_joint)


def test_a_voter_that_is_to_learn_is_drawn_as_a_voter_until_the_joint_phase_ends(led: Cluster):
    others = [name for name in led.server_ids if name != led.leader]
    led.create_server("S4")
    led.change_membership({led.leader, others[0], "S4"}, {others[1]})
    led.run_until(lambda view: view.configuration.is_joint)
    assert {one["id"]: one["place"] for one in draw_ring(led.view)["servers"]}[others[1]] == "voter"

    led.run_until(lambda view: not view.configuration.is_joint and others[1] not in view.configuration.voters)
    assert {one["id"]: one["place"] for one in draw_ring(led.view)["servers"]}[others[1]] == "learner"


def test_a_transfer_is_redirected_and_cancelled(led: Cluster):
    leader, (one, other) = led.leader, [name for name in led.server_ids if name != led.leader]
    led.isolate(leader)
    do(led, "transfer", server=one)
    do(led, "transfer", server=other)
    assert led.view.servers[leader].transfer.target == other
    do(led, "transfer", server=leader)
    assert led.view.servers[leader].transfer is None


def test_a_server_is_added_in_one_go(led: Cluster):
    do(led, "add_server")
    led.run_for(1_000)

    assert led.view.configuration.voters == ("S1", "S2", "S3", "S4")


def test_leadership_snapshots_clocks_and_disks_are_controlled_and_mended(led: Cluster):
    target = next(name for name in led.server_ids if name != led.leader)
    do(led, "transfer", server=target)
    led.run_for(500)
    assert led.leader == target

    do(led, "take_snapshot", server=target)
    do(led, "clock_rate", server="S1", rate=2)
    do(led, "disk", server="S1", sync_ms=80, capacity_bytes=0)
    assert (led.view.servers["S1"].clock_rate, led.view.servers["S1"].disk) == (2.0, DiskState(sync_ms=80.0, capacity_bytes=0))

    do(led, "clock_rate", server="S1", rate=1)
    do(led, "disk", server="S1", sync_ms=1, capacity_bytes=None)
    do(led, "flip_bit", server="S1")
    assert (led.view.servers["S1"].clock_rate, led.view.servers["S1"].disk) == (1.0, DiskState())
    assert isinstance(led.scenario.actions[-1], actions.FlipBit)


def test_no_place_and_no_way_to_read_that_does_not_exist_is_taken(led: Cluster):
    with pytest.raises(ControlError, match="choose voter, learner or outsider"):
        do(led, "membership", servers=["S1"], become="king")
    with pytest.raises(CommandError, match="no way to read 'magic'"):
        read_mode("magic")


def test_each_control_says_in_one_sentence_with_its_section_what_it_does():
    rooms = [Path("widgets") / name for name in ("ring_controls.js", "ring_more.js")]
    texts = re.findall(r"""["`]([A-Z][^"`]{25,}\.)["`]""", "".join(room.read_text(encoding="utf-8") for room in rooms))
    said = [text for text in texts if ". " not in text]

    assert len(said) == len(set(said)) == 25
    assert [sentence for sentence in said if not re.search(r"\((§|.*thesis \d|Figure 2)", sentence)] == []


# ---- reads


def test_each_way_to_read_is_offered_with_its_sentence_and_reaches_the_command():
    offered = CommandBar().draw(Frame(view=split_brain()))["reads"]

    assert [one["label"] for one in offered] == ["as configured: read index", "read index", "lease", "log", "stale"]
    assert all("§" in one["about"] or "thesis" in one["about"] for one in offered)
    chosen = [command({"op": "get", "key": "x", "mode": one["mode"]}) for one in offered]
    assert [get.mode for get in chosen] == [None, *READS]


# ---- words


def test_a_run_with_everything_can_be_told():
    cluster = Cluster(size=3, seed=3)
    cluster.run_for(600)
    cluster.client("C1").set("x", "1")
    cluster.add_server()
    cluster.run_for(500)
    cluster.transfer_leadership("S4")
    cluster.take_snapshot("S1")
    cluster.run_for(500)
    cluster.client("C1").get("x")
    cluster.disk("S2", sync_fails=True)
    cluster.set_clock_rate("S3", 2)
    cluster.client("C1").set("y", "1")
    cluster.flip_bit("S1")
    cluster.crash("S1")
    cluster.restart("S1")
    cluster.run_for(500)
    told = [line(event) for event in cluster.trace]

    assert "you: transfer leadership to S4" in told
    assert "you: flip a bit on the disk of S1" in told
    assert "S4 was created, with an empty disk" in told
    assert any(text.startswith("S2 halted: ") for text in told)


def test_a_flipped_bit_is_marked_until_the_server_has_read_its_disk_or_put_a_snapshot_in_its_place():
    def said(name: str) -> list[str]:
        return Ring().draw(Frame(view=cluster.view))["servers"][int(name[1:]) - 1]["disk"]["said"]

    cluster = Cluster(size=5, seed=7)
    cluster.run_for(1_000)
    cluster.client("C1").set("x", "1")
    cluster.flip_bit("S2")
    cluster.flip_bit("S3")
    assert (said("S1"), said("S2"), said("S3")) == ([], ["has a flipped bit"], ["has a flipped bit"])

    cluster.take_snapshot("S3")
    cluster.crash("S2")
    cluster.run_for(100)
    assert (said("S2"), said("S3")) == (["has a flipped bit"], [])
    cluster.restart("S2")  # it finds it, and stops, or what was damaged is written no more
    assert cluster.view.servers["S2"].halted or said("S2") == []


def test_a_drop_is_drawn_no_earlier_than_it_happens():
    """A person who goes back in time sees what was lost by then, and nothing of what will be."""
    message = sent(1, "S1", "S2", PreVote(2, "S1", 0, 0))
    view = cluster_view(server("S1"), server("S2"), messages=Map({1: message}))
    lost = MessageDropped(message.at_ms + 5, 1, "S1", "S2", message.message, Reason.LOST)
    ring = Ring()
    ring.draw(Frame(view=replace(view, at_ms=message.at_ms)))
    after = ring.draw(Frame(view=replace(view, at_ms=lost.at_ms, messages=Map()), events=(lost,)))
    assert [drop["at_ms"] for drop in after["dropped"]] == [lost.at_ms]
    before = ring.draw(Frame(view=replace(view, at_ms=lost.at_ms - 1)))
    assert before["dropped"] == []
