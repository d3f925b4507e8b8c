"""The network: order, loss, copies and overtaking, each from a random stream of its own."""

import pytest
from msgspec.structs import replace

from raftcore.cluster.clock import VirtualClock
from raftcore.cluster.transport import LoopbackTransport
from raftcore.vocabulary.events import Event, MessageDelivered, MessageDropped, MessageSent
from raftcore.vocabulary.links import Link
from raftcore.vocabulary.messages import RequestVoteReply
from raftcore.vocabulary.names import Reason

HEALTHY = Link((10.0, 20.0))


class Net:
    """A network of S1 and S2; `arrived` holds (time, number) of what S2 got."""

    def __init__(self, seed: int = 1, traced: bool = True) -> None:
        self.clock = VirtualClock()
        self.events: list[Event] = []
        self.arrived: list[tuple[float, int]] = []
        self.transport = LoopbackTransport(self.clock, seed, HEALTHY, self.events.append if traced else None)
        self.transport.join("S1", lambda _message: None)
        self.transport.join("S2", lambda message: self.arrived.append((self.clock.now_ms, message.term)))

    def become(self, source: str = "S1", target: str = "S2", **changes: object) -> None:
        self.transport.set_link(source, target, replace(self.transport.link(source, target), **changes))

    def send(self, count: int = 200, every_ms: float = 1.0, source: str = "S1", target: str = "S2") -> None:
        """Send numbered messages, and let all of them land."""
        for number in range(1, count + 1):
            self.clock.call_at(self.clock.now_ms + number * every_ms, self._send_one, (source, target, number))
        self.clock.run(1e6, 1_000_000)

    def _send_one(self, letter: tuple[str, str, int]) -> None:
        source, target, number = letter
        self.transport.send(source, [(target, RequestVoteReply(number, source, vote_granted=True))])

    def numbers(self) -> list[int]:
        return [number for _, number in self.arrived]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]


def test_a_healthy_link_keeps_order_and_its_range_of_delays() -> None:
    net = Net()
    net.send(every_ms=0.5)
    assert net.numbers() == list(range(1, 201))
    delays = [event.deliver_at_ms - event.at_ms for event in net.of(MessageSent)]
    assert min(delays) >= 10
    assert max(delays) <= 20
    assert len(set(delays)) > 50


def test_what_is_told_is_what_happens() -> None:
    net = Net()
    net.become(loss=0.3, duplication=0.3, reordering=0.3)
    net.send()
    sent = {event.id: event for event in net.of(MessageSent)}
    ends = net.of(MessageDelivered) + net.of(MessageDropped)

    assert sorted(sent) == sorted(event.id for event in ends)
    for event in net.of(MessageDelivered):
        assert event.at_ms == sent[event.id].deliver_at_ms
    for event in net.of(MessageDropped):
        assert sent[event.id].at_ms <= event.at_ms <= sent[event.id].deliver_at_ms
        assert event.reason is Reason.LOST


def test_nothing_else_changes_when_nobody_looks() -> None:
    for faults in ({}, {"loss": 0.3, "duplication": 0.3, "reordering": 0.3}):
        looked_at, unseen = Net(), Net(traced=False)
        for net in (looked_at, unseen):
            net.become(**faults)
            net.send()
        assert looked_at.arrived == unseen.arrived


def test_a_link_that_loses_everything_delivers_nothing() -> None:
    net = Net()
    net.become(loss=1.0, duplication=1.0)
    net.send()
    assert net.arrived == []


def test_about_as_many_are_lost_or_doubled_as_the_probability_says() -> None:
    net = Net()
    net.become(loss=0.25)
    net.send(2_000)
    assert 1_400 < len(net.arrived) < 1_600
    net = Net()
    net.become(duplication=0.25)
    net.send(2_000)
    assert 2_400 < len(net.arrived) < 2_600


def test_a_copy_names_its_original_and_comes_later() -> None:
    net = Net()
    net.become(duplication=1.0)
    net.send(50)
    sent = {event.id: event for event in net.of(MessageSent)}
    copies = [event for event in sent.values() if event.copy_of]
    assert len(copies) == 50
    for copy in copies:
        original = sent[copy.copy_of]
        assert (copy.message, original.copy_of) == (original.message, 0)
        assert copy.deliver_at_ms > original.deliver_at_ms


def test_only_those_kept_back_are_overtaken() -> None:
    net = Net()
    net.become(reordering=0.1)
    net.send()
    numbers = net.numbers()
    assert sorted(numbers) == list(range(1, 201))
    assert numbers != sorted(numbers)
    late = {numbers[i] for i in range(len(numbers)) if any(before > numbers[i] for before in numbers[:i])}
    in_time = [number for number in numbers if number not in late]
    assert in_time == sorted(in_time)
    assert len(late) < 40


def test_messages_of_a_link_that_was_slow_do_not_hold_up_those_that_follow() -> None:
    net = Net()
    net.become(delay_ms=(5_000, 5_000))
    net.transport.send("S1", [("S2", RequestVoteReply(1, "S1", vote_granted=True))])
    net.become(delay_ms=(10, 20))
    net.transport.send("S1", [("S2", RequestVoteReply(2, "S1", vote_granted=True))])
    net.clock.run(1e6, 1_000)
    assert net.numbers() == [2, 1]


def test_a_cut_link_drops_what_is_sent_and_what_was_under_way() -> None:
    net = Net()
    net._send_one(("S1", "S2", 1))
    net.become(up=False)
    net.send(1)
    assert net.arrived == []
    assert [event.reason for event in net.of(MessageDropped)] == [Reason.LINK_CUT] * 2


def test_one_direction_is_cut_without_the_other() -> None:
    net = Net()
    net.become("S2", "S1", up=False)
    net.send(5)
    assert net.numbers() == [1, 2, 3, 4, 5]


def test_a_message_to_a_server_that_is_down_is_dropped_when_it_arrives() -> None:
    net = Net()
    net.transport.join("S2", None)
    net.send(1)
    assert [(event.reason, event.at_ms > 10) for event in net.of(MessageDropped)] == [(Reason.SERVER_DOWN, True)]


@pytest.mark.parametrize("fault", ["loss", "duplication", "reordering"])
def test_a_fault_on_one_link_changes_no_delay_anywhere_else(fault: str) -> None:
    """Nor on the link itself, for those that it does not befall."""
    calm, troubled = Net(), Net()
    troubled.become(**{fault: 0.5})
    for net in (calm, troubled):
        net.send()
        net.send(source="S2", target="S1")
    flights = [
        {(event.source, event.message.term): event.deliver_at_ms - event.at_ms for event in net.of(MessageSent) if not event.copy_of}
        for net in (calm, troubled)
    ]
    back = [{key: delay for key, delay in flight.items() if key[0] == "S2"} for flight in flights]
    assert back[0] == pytest.approx(back[1])
    if fault == "reordering":
        assert sum(flights[0][key] == flights[1][key] for key in flights[0] if key[0] == "S1") > 50
    else:
        assert flights[0] == pytest.approx(flights[1])


def test_another_seed_gives_other_delays() -> None:
    one, same, other = Net(1), Net(1), Net(2)
    for net in (one, same, other):
        net.send()
    assert one.arrived == same.arrived != other.arrived


def test_links_that_differ_are_listed_by_name_whoever_was_spoken_of_first() -> None:
    net = Net()
    net.transport.join("S3", None)
    for source, target in (("S3", "S1"), ("S2", "S3"), ("S1", "S2")):
        net.become(source, target, loss=0.5)
    assert net.transport.changed_links() == [("S1", "S2"), ("S2", "S3"), ("S3", "S1")]
    net.become("S2", "S3", loss=0.0)
    assert net.transport.changed_links() == [("S1", "S2"), ("S3", "S1")]
