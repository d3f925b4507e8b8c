"""The line under the ring that says in words what matters now. A pure function of the view and the latest notice."""

from raftcore.checks.explain.election import first_to_stand
from raftcore.checks.explain.reach import runs
from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.names import Role
from widgets.frame import Frame
from widgets.part import Part, Picture, together
from widgets.quorums import Quorum, all_enough, backing, quorums, running
from widgets.words import clip

COUNT_WORDS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}


class StatusLine(Part):
    """Sends {"do": "fork"} when the person says yes to the question, and {"do": "dismiss"} to a no, or when the notice was read.

    Sends {"do": "give-up"} when the person stops a fork that is being made.
    Sends {"do": "why", "what": "leader"} where no server leads with a majority.
    """

    _esm = together("kit.js", "status_line.js")
    _css = together("kit.css", "status_line.css")

    def draw(self, frame: Frame) -> Picture:
        return status_picture(frame)

    def still(self, view: ClusterView) -> str:
        return ""  # Its words belong to the moment; the ring's picture shows the same.


def status_picture(frame: Frame) -> Picture:
    """The notices, and the cluster in words."""
    headline, text, alarming = say(frame.view)
    return {
        "notice": frame.notice,
        "note": frame.note,
        "question": frame.question,
        "forking": frame.forking,
        "headline": headline,
        "text": text,
        "alarming": alarming,
        "leaderless": frame.view.leader is None,
    }


def say(view: ClusterView) -> tuple[str, str, bool]:
    """A headline that may be empty, a sentence or two, and whether this deserves alarm."""
    leaders = sorted(view.leaders, key=lambda server: server.current_term)
    if len(leaders) > 1:
        number = COUNT_WORDS.get(len(leaders), str(len(leaders)))
        return f"{number} servers believe they lead.", " ".join(standing(view, leader) for leader in leaders), True
    if leaders:
        return "", lone_leader(view, leaders[0]), False
    return "No leader:", why_no_leader(view), False


def tally(groups: list[Quorum]) -> str:
    """How many of each group count: "3 of 5", or "2 of 3 and 1 of 3"."""
    return " and ".join(f"{len(group.counted)} of {len(group.voters)}" for group in groups)


def needed(groups: list[Quorum]) -> str:
    return " and ".join(str(group.need) for group in groups)


def followers(groups: list[Quorum], leader: ServerView) -> list[str]:
    """The voters that follow this leader, without itself."""
    return sorted({name for group in groups for name in group.counted} - {leader.id})


def standing(view: ClusterView, leader: ServerView) -> str:
    """What one of several leaders is worth."""
    groups = backing(view, leader)
    if all_enough(groups):
        return f"{leader.id} (term {leader.current_term}) has a majority: {tally(groups)}."
    whom = " ".join(followers(groups, leader)) or "nobody"
    return f"{leader.id} (term {leader.current_term}) is followed by {whom} and can't commit: {tally(groups)}."


def lone_leader(view: ClusterView, leader: ServerView) -> str:
    groups = backing(view, leader)
    leads = f"{leader.id} leads term {leader.current_term}"
    rest = under_way(leader) + absent(view)
    if all_enough(groups):
        itself = ", counting itself," if leader.id in leader.configuration.all_voters else ""
        return f"{leads}; {tally(groups)} voters{itself} follow it.{rest}"
    return f"{leads}, but only {tally(groups)} voters follow it: a majority is {needed(groups)}, so nothing new can be committed.{rest}"


def under_way(leader: ServerView) -> str:
    """What the leader is doing about the cluster itself; empty most of the time."""
    said = ""
    if leader.configuration.is_joint:
        said += " The old and the new configuration each need a majority (§6)."
    if leader.transfer:
        said += f" It hands its leadership to {leader.transfer.target}, and takes in no commands meanwhile (thesis 3.10)."
    return said


def absent(view: ClusterView) -> str:
    """Which servers are down or paused, and why one stopped by itself; empty when all run."""
    servers = view.servers.values()
    crashed = [server.id for server in servers if not server.alive and not server.halted]
    paused = [server.id for server in servers if server.alive and server.paused]
    groups = ((crashed, "crashed"), (paused, "paused"))
    said = [f"{' '.join(names)} {'is' if len(names) == 1 else 'are'} {word}" for names, word in groups if names]
    halted = "".join(f" {server.id} halted: {clip(server.halted)}" for server in servers if server.halted)
    return (f" {', '.join(said)}." if said else "") + halted


def why_no_leader(view: ClusterView) -> str:
    able = running(view)
    if not all_enough(able):
        return f"only {tally(able)} voters run, and a majority is {needed(able)}.{absent(view)}"
    awake = [server for server in view.servers.values() if runs(server)]
    standing_for = [server for server in awake if server.role is Role.CANDIDATE or server.pre_votes]
    if standing_for:
        return " ".join(candidacy(candidate) for candidate in standing_for) + absent(view)
    first = first_to_stand(view)
    awaited = f"the election timeout that ends first is that of {first[1]}." if first else "no election timer runs."
    return awaited + absent(view)


def candidacy(candidate: ServerView) -> str:
    if candidate.role is not Role.CANDIDATE or candidate.pre_votes:
        promised = quorums(candidate.configuration, {*candidate.pre_votes, candidate.id})
        asks = f"{candidate.id} asks whether it would win term {candidate.current_term + 1}"
        return f"{asks}: {tally(promised)} say yes (thesis 9.6)."
    groups = quorums(candidate.configuration, {*candidate.votes, candidate.id})
    held = " and ".join(f"{len(group.counted)} of the {group.need}" for group in groups)
    return f"{candidate.id} stands in term {candidate.current_term} with {held} votes that it needs."
