"""The line under the ring that says in words what matters now. A pure function of the view and the latest notice."""

from raftcore.trace.view import ClusterView, ServerView
from raftcore.vocabulary.names import Role
from widgets.frame import Frame
from widgets.part import Part, Picture, together

COUNT_WORDS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}


class StatusLine(Part):
    """Sends {"do": "dismiss"} when the person has read the notice."""

    _esm = together("kit.js", "status_line.js")
    _css = together("kit.css", "status_line.css")

    def draw(self, frame: Frame) -> Picture:
        headline, text, alarming = say(frame.view)
        return {"notice": frame.notice, "headline": headline, "text": text, "alarming": alarming}

    def still(self, view: ClusterView) -> str:
        return ""  # Its words belong to the moment; the ring's picture shows the same.


def say(view: ClusterView) -> tuple[str, str, bool]:
    """A headline that may be empty, a sentence or two, and whether this deserves alarm."""
    leaders = sorted(view.leaders, key=lambda server: server.current_term)
    if len(leaders) > 1:
        number = COUNT_WORDS.get(len(leaders), str(len(leaders)))
        return f"{number} servers believe they lead.", " ".join(standing(view, leader) for leader in leaders), True
    if leaders:
        return "", lone_leader(view, leaders[0]), False
    return "No leader:", why_no_leader(view), False


def majority(view: ClusterView) -> int:
    return len(view.servers) // 2 + 1


def followers(view: ClusterView, leader: ServerView) -> list[str]:
    """The live servers that know this one as the leader of their term, without itself."""
    return [
        server.id
        for server in view.servers.values()
        if server.alive and server.id != leader.id and server.leader == leader.id and server.current_term == leader.current_term
    ]


def standing(view: ClusterView, leader: ServerView) -> str:
    """What one of several leaders is worth."""
    behind, size = followers(view, leader), len(view.servers)
    if len(behind) + 1 >= majority(view):
        return f"{leader.id} (term {leader.current_term}) has a majority: {len(behind) + 1} of {size}."
    whom = "nobody" if not behind else " ".join(behind)
    return f"{leader.id} (term {leader.current_term}) is followed by {whom} and can't commit: {len(behind) + 1} of {size}."


def lone_leader(view: ClusterView, leader: ServerView) -> str:
    stands_behind, size = len(followers(view, leader)) + 1, len(view.servers)
    if stands_behind >= majority(view):
        return f"{leader.id} leads term {leader.current_term}; {stands_behind} of {size} servers, counting itself, follow it.{absent(view)}"
    need = f"a majority is {majority(view)}, so nothing new can be committed"
    return f"{leader.id} leads term {leader.current_term}, but only {stands_behind} of {size} servers follow it: {need}.{absent(view)}"


def absent(view: ClusterView) -> str:
    """Which servers are crashed or paused; empty when all run."""
    crashed = [server.id for server in view.servers.values() if not server.alive]
    paused = [server.id for server in view.servers.values() if server.alive and server.paused]
    groups = ((crashed, "crashed"), (paused, "paused"))
    said = [f"{' '.join(names)} {'is' if len(names) == 1 else 'are'} {word}" for names, word in groups if names]
    return f" {', '.join(said)}." if said else ""


def why_no_leader(view: ClusterView) -> str:
    running = [server for server in view.servers.values() if server.alive and not server.paused]
    if len(running) < majority(view):
        return f"only {len(running)} of {len(view.servers)} servers run, and a majority is {majority(view)}."
    candidates = [server for server in running if server.role is Role.CANDIDATE]
    if candidates:
        return " ".join(candidacy(view, candidate) for candidate in candidates) + absent(view)
    timed = [(server.timer_ms[1], server.id) for server in running if server.timer_ms]
    awaited = f"the election timeout that ends first is that of {min(timed)[1]}." if timed else "no election timer runs."
    return awaited + absent(view)


def candidacy(view: ClusterView, candidate: ServerView) -> str:
    held = len({*candidate.votes, candidate.id})
    return f"{candidate.id} stands in term {candidate.current_term} with {held} of the {majority(view)} votes that it needs."
