"""Two at once: what is wrong shows soonest where two servers lead, or are to lead, and neither hears of the other.

Chance seldom brings that about, so these acts look at the cluster first. In Raft as it should be nothing comes of them.
"""

from collections.abc import Callable
from contextlib import suppress

from raftcore.consensus.quorum import has_majority
from raftcore.hunting.hand import Hand, former_leader, latest_leader
from raftcore.hunting.healing import reunite
from raftcore.trace.view import ClusterView, ServerView, voter_groups
from raftcore.vocabulary.commands import ReadMode
from raftcore.vocabulary.errors import ConditionNotReached, ControlError
from raftcore.vocabulary.names import CANDIDATE, LEADER, ServerId

SPLITS = 20
"""Ways to part a cluster that are looked at, until on either side somebody believes to have a majority."""


class Rivals(Hand):
    """Acts that bring two leaders about, or two candidates of one term."""

    # ---- who stand

    def stand_at_once(self) -> None:
        """The network falls in two where on either side somebody believes to have a majority, and both stand in the same term."""
        self._start_again()
        rivals = self._part()
        if rivals:
            term = 1 + max(server.current_term for server in rivals)
            for rival in rivals:
                for _ in range(term - rival.current_term):
                    self.cluster.time_out(rival.id)
            self.cluster.run_for(2 * self.round_ms)

    def _start_again(self) -> None:
        """Some servers know no more than their disks, and lead no more."""
        for server in self.cluster.view.servers.values():
            if self.random.random() < 0.5:
                if server.alive:
                    self.cluster.crash(server.id)
                self.cluster.restart(server.id)

    def _part(self) -> list[ServerView]:
        """Partition the cluster, and say who is to stand on which side; nothing where no side can be found."""
        view, names = self.cluster.view, list(self.cluster.server_ids)
        for _ in range(SPLITS if len(names) > 1 else 0):
            self.random.shuffle(names)
            cut = self.random.randrange(1, len(names))
            sides = names[:cut], names[cut:]
            able = [[view.servers[name] for name in side if _may_win(view, name, side)] for side in sides]
            if all(able):
                self.cluster.partition(*sides)
                return [self.random.choice(some) for some in able]
        return []

    def lead_in_turn(self) -> None:
        """Two servers lead in turn, each for a moment, in which hardly anybody hears of it (Figure 8)."""
        names = self.cluster.server_ids
        pair = self.random.sample(names, min(2, len(names)))
        for turn in range(self.random.choice([3, 4])):
            name = pair[turn % len(pair)]
            reunite(self.cluster)
            for _ in range(2):  # its first term may be known already to those who hear of it
                if self.cluster.view.servers[name].role is not LEADER:
                    self.cluster.time_out(name)
                    self.cluster.run_for(2 * self.round_ms)
            self._leave_alone(name)
            self.cluster.run_for(self.random.choice([0, 1, 4]) * self.round_ms * self.random.random())
            self.cluster.crash(name)
        reunite(self.cluster)

    def _leave_alone(self, name: ServerId) -> None:
        """Cut a server off from all, or from all but one."""
        self.cluster.partition({name, *self.random.sample(self.cluster.server_ids, self.random.choice([0, 1]))})

    # ---- who change the membership

    def change_in_turn(self) -> None:
        """Two leaders, one after the other, change the membership, and hardly anybody hears of it; then two stand at once."""
        self.change_in_secret()
        with suppress(ConditionNotReached):
            self._await_successor()
            if self.random.random() < 0.5:
                self.cluster.heal()
                self.cluster.run_for(self.cluster.config.heartbeat_ms + 2 * self.round_ms)
            self.change_in_secret()
        self.stand_at_once()

    def change_in_secret(self) -> None:
        """The latest leader is cut off, alone or with another server, and asked to change the membership."""
        if self.cluster.view.leaders:
            self._leave_alone(latest_leader(self.cluster.view).id)
            with suppress(ControlError):
                self.random.choice([self.remove_one, self.remove_one, self.change_membership])()
            self.cluster.run_for(2 * self.round_ms)

    def remove_one(self) -> None:
        """Some server is to leave."""
        self.cluster.remove_server(self.any_server())

    def change_membership(self) -> None:
        """Anybody may become a voter, a learner, or nothing."""
        names = list(self.cluster.server_ids)
        self.random.shuffle(names)
        voters, learners = sorted(self.random.sample(range(len(names) + 1), 2)) if len(names) > 1 else (1, 1)
        self.cluster.change_membership(names[:voters], names[voters:learners])

    # ---- who are asked

    def overtake(self) -> None:
        """Somebody stands while another leads, who hears no more from now on; and when both lead, both are asked."""
        with suppress(ConditionNotReached):
            if not self.cluster.view.leader:
                reunite(self.cluster)
                self._await(lambda view: view.leader)
            if self.random.random() < 0.7:  # else it is left to chance who stands next
                with suppress(ControlError):
                    self.random.choice([self._hand_over, self._cut_off])()
            self._await(_has_challenger)
            self.deafen(former_leader(self.cluster.view).id)
            self._await(lambda view: len(view.leaders) > 1)
            self.ask_both()

    def _hand_over(self) -> None:
        self.cluster.transfer_leadership(self.any_server())

    def _cut_off(self) -> None:
        self.cluster.isolate(former_leader(self.cluster.view).id)

    def ask_both(self) -> None:
        """The latest leader is told something, and when it has answered a former one is asked, who may not have heard."""
        key = self.random.choice("xyz")
        client = self.tell(latest_leader(self.cluster.view).id, key)
        with suppress(ConditionNotReached):
            self.cluster.run_until(lambda view: client not in view.pending, limit_ms=10 * self.round_ms)
        if self.cluster.view.leaders:
            mode = self.random.choice([ReadMode.READ_INDEX, ReadMode.LEASE])
            self.ask(former_leader(self.cluster.view).id, key, mode)

    def succeed(self) -> None:
        """A leader crashes when it has just been told something, and who leads next is asked at once, and may not be heard by all."""
        if not self.cluster.view.leaders:
            return
        key, leader = self.random.choice("xyz"), former_leader(self.cluster.view).id
        self.tell(leader, key)
        self.cluster.run_for(self.random.choice([2, 4, 8]) * self.round_ms * self.random.random())
        self.cluster.crash(leader)
        with suppress(ConditionNotReached):
            self._await_successor()
            successor = latest_leader(self.cluster.view).id
            for other in self.cluster.server_ids:
                if other != successor and self.random.random() < 0.5:
                    self.cluster.link(successor, other, up=False)
            self.ask(successor, key, ReadMode.READ_INDEX)

    # ---- whose messages and clocks are late

    def lead_again(self) -> None:
        """A leader of many rounds sends a message that is very late, another leads for a while, and the first one leads again."""
        leader, other = self._leader_and_other()
        if not other:
            return
        self.flood(leader, self.random.choice([3, 10, 20]))
        self.delay_by(leader, other, self.random.choice([3, 5, 8]))
        self.cluster.run_for(self.cluster.config.heartbeat_ms)
        self.cluster.link(leader, other, delay_ms=self.cluster.config.delay_ms)
        with suppress(ConditionNotReached, ControlError):
            self._lead_instead(leader, self.random.choice(self.others(leader)))
            self._await(lambda view: view.leaders)  # the successor may have stepped down by now
            self._lead_instead(latest_leader(self.cluster.view).id, leader)
            if self.random.random() < 0.5:
                self.cluster.isolate(leader)
                self._await(lambda view: len(view.leaders) > 1)
                self.ask_both()

    def _lead_instead(self, leader: ServerId, successor: ServerId) -> None:
        """One leader hands over to another, which leads long enough to be heard."""
        if leader != successor:
            self.cluster.transfer_leadership(successor)
            self._await(lambda view: view.leader == successor)
            self.cluster.run_for(self.cluster.config.heartbeat_ms + 2 * self.round_ms)

    def _leader_and_other(self) -> tuple[ServerId, ServerId]:
        """The latest leader and any other server; "" and "" where there are none."""
        if not self.cluster.view.leaders:
            return "", ""
        leader = latest_leader(self.cluster.view).id
        others = self.others(leader)
        return (leader, self.random.choice(others)) if others else ("", "")

    def drift_apart(self, slow: float, fast: float) -> None:
        """A fast clock has begun to count an election timeout; then it is slow, and so is that of the leader, which hears no more."""
        leader, other = self._leader_and_other()
        if not other:
            return
        self.cluster.set_clock_rate(other, fast)
        self.cluster.run_for(2 * self.cluster.config.heartbeat_ms * self.random.random())
        if self.random.random() < 0.7:
            self.cluster.isolate(leader)
        for name in (leader, other):
            self.cluster.set_clock_rate(name, slow)
        with suppress(ConditionNotReached):
            self._await(lambda view: len(view.leaders) > 1)
            self.ask_both()

    # ---- time

    def _await(self, condition: Callable[[ClusterView], object]) -> None:
        self.cluster.run_until(condition, limit_ms=self.patience_ms)

    def _await_successor(self) -> None:
        """Let time pass until somebody leads in a later term than all who lead now."""
        term = max((leader.current_term for leader in self.cluster.view.leaders), default=0)
        self._await(lambda view: any(leader.current_term > term for leader in view.leaders))


def _may_win(view: ClusterView, name: ServerId, side: list[ServerId]) -> bool:
    """Whether this server believes to have a majority on its side: where its configuration is joint, one of the two."""
    server, alive = view.servers[name], {other for other in side if view.servers[other].alive}
    may_stand = server.alive and not server.paused and server.role is not LEADER
    return may_stand and any(has_majority(voters, alive) for voters in voter_groups(server.configuration))


def _has_challenger(view: ClusterView) -> bool:
    return bool(view.leaders) and any(server.alive and server.role is CANDIDATE for server in view.servers.values())
