"""The stream of events and its fold to views: a view is what happened up to it, whenever it is asked for, and never changes."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_random_runs import RandomRun

from raftcore import Cluster, Config
from raftcore.trace.fold import FOLDS, absorb, empty_view
from raftcore.trace.log_view import CHUNK, LogView
from raftcore.trace.stream import Trace
from raftcore.trace.view import ClusterView
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Set
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import Reason, Role


def folded(trace: Trace, count: int, servers: tuple[str, ...]) -> ClusterView:
    view = empty_view(servers)
    for event in trace[:count]:
        view = absorb(view, event)
    return view


def written_out(view: ClusterView) -> object:
    """A view as plain values that share nothing with it."""
    servers = {
        name: (replace(server, log=None, kv_store=None, progress=None), list(server.log), dict(server.kv_store), dict(server.progress))
        for name, server in view.servers.items()
    }
    return servers, dict(view.links), dict(view.messages), dict(view.pending), view.completed, view.at_ms


# ---- the fold


@pytest.mark.parametrize("seed", range(12))
def test_a_view_equals_the_fold_from_the_start_and_stays_as_it_was(seed: int) -> None:
    run = RandomRun(seed)
    kept = []
    for _ in range(12):
        run.trouble(rounds=4)
        view = run.cluster.trace.view()
        kept.append((view, len(run.cluster.trace), written_out(view)))
    for view, count, written in kept:
        assert written_out(view) == written
        assert written_out(folded(run.cluster.trace, count, run.cluster.trace.server_ids)) == written


@pytest.mark.parametrize("seed", range(30))
def test_a_view_shows_what_the_servers_know(seed: int) -> None:
    """Nobody needs to look into a server: the trace tells all of it."""
    run = RandomRun(seed)
    for _ in range(15):
        run.trouble(rounds=4)
        for name, server in run.cluster._world.servers.items():
            seen, state = run.cluster.view.servers[name], server.node.state
            entries = state.log.after(state.snapshot_index, state.log.last_index)
            assert (seen.alive, tuple(seen.log)) == (server.alive, entries)
            if not server.alive:
                continue
            assert (seen.role, seen.current_term, seen.voted_for, seen.leader) == (
                state.role, state.current_term, state.voted_for, state.leader_id,
            )  # fmt: skip
            assert (seen.commit_index, seen.paused, set(seen.votes)) == (state.commit_index, server.paused, state.votes)
            assert dict(seen.kv_store) == dict(server._machine.kv_store)
            assert {peer: (it.next_index, it.match_index) for peer, it in seen.progress.items()} == {
                peer: (it.next_index, it.match_index) for peer, it in state.progress.items() if peer in state.configuration.members
            }
            assert seen.timer_ms is not None
            assert seen.timer_ms[1] == state.deadline_ms


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_view_shows_the_snapshot_that_a_power_loss_brings_back_after_a_crash_of_the_process(seed: int) -> None:
    """The restarted server has read its latest snapshot from the page cache, and its disk may keep only the one before."""
    cluster = Cluster(size=1, seed=seed, config=Config(sync_ms=5))
    for value in "ab":
        cluster.client("C1").set(value, value)
        cluster.run_for(20 if value == "a" else 0)
        cluster.take_snapshot("S1")
        cluster.run_for(20 if value == "a" else 0)
    latest = cluster.view.servers["S1"].snapshot
    brought_back = set()
    for power_loss in (False, False, True):
        cluster.crash("S1", power_loss)
        cluster.restart("S1")
        server, shown = cluster._world.servers["S1"], cluster.view.servers["S1"]
        assert shown.kv_store == server._machine.kv_store
        assert list(shown.sessions) == list(server._machine.sessions)
        assert shown.log.base_term == server.node.state.log.base_term
        brought_back.add(shown.snapshot.last_included_index)
    assert latest.last_included_index in brought_back
    cluster.run_for(500)
    assert dict(cluster.view.servers["S1"].kv_store) == {"a": "a", "b": "b"}


def test_a_view_keeps_the_snapshot_that_was_synced_while_later_ones_are_not() -> None:
    entries = tuple(Entry(1, Set("x", str(index))) for index in (1, 2, 3, 4))
    events: list[ev.Event] = [ev.EntriesAppended(0, "S1", 1, entries)]
    for index in (1, 2, 3, 4):
        events += [ev.Applied(index, "S1", index, "x", str(index)), ev.SnapshotTaken(index, "S1", index, 1, 10)]
        if index == 1:
            events.append(ev.Synced(index, "S1", 1, None, 4))
    events += [ev.Crashed(5, "S1"), ev.Restarted(6, "S1", 1, None, kept_index=1, entries=entries[1:], snapshot_index=1)]
    shown = Trace(["S1"], events).view().servers["S1"]
    assert shown.snapshot
    assert (shown.snapshot.last_included_index, dict(shown.kv_store)) == (1, {"x": "1"})


def test_the_messages_of_a_view_are_those_in_flight() -> None:
    cluster = Cluster(3)
    cluster.run_until(lambda view: view.leader is not None)
    gone = {event.id for event in cluster.trace if isinstance(event, ev.MessageDelivered | ev.MessageDropped)}
    sent = {event.id: event for event in cluster.trace if isinstance(event, ev.MessageSent)}
    assert dict(cluster.view.messages) == {number: event for number, event in sent.items() if number not in gone}
    assert all(event.deliver_at_ms >= cluster.now_ms for event in cluster.view.messages.values())


def test_every_kind_of_event_has_its_fold() -> None:
    assert set(FOLDS) == set(ev.AnyEvent.__args__)


def test_who_denied_a_vote_is_known_until_the_candidate_asks_anew() -> None:
    def denied(*events: ev.Event) -> dict[str, Reason]:
        view = empty_view(("S1", "S2"))
        for event in events:
            view = absorb(view, event)
        return dict(view.servers["S1"].denied)

    asks = ev.PreVoteStarted(1.0, "S1", 1), ev.VoteCounted(1.0, "S1", "S1", 1, pre_vote=True)
    stands = ev.RoleChanged(2.0, "S1", Role.CANDIDATE, 1)
    no_promise = ev.VoteDenied(3.0, "S2", "S1", 1, Reason.LEADER_HEARD, pre_vote=True)
    no_vote = ev.VoteDenied(3.0, "S2", "S1", 1, Reason.LOG_BEHIND)
    assert denied(*asks, no_promise) == {"S2": Reason.LEADER_HEARD}
    assert denied(stands, no_vote) == {"S2": Reason.LOG_BEHIND}
    for over in (asks[0], stands, ev.LeaderRecognized(4.0, "S1", "S2", 1)):
        assert denied(*asks, no_promise, over) == {}
    for late in ((*asks, stands, no_promise), (stands, ev.RoleChanged(2.0, "S1", Role.CANDIDATE, 2), no_vote), (stands, *asks, no_vote)):
        assert denied(*late) == {}


def test_a_pending_command_is_shown_until_its_outcome_is_known() -> None:
    cluster = Cluster(3)
    cluster.submit("C1", Set("x", "1"))
    assert cluster.view.pending["C1"].command == Set("x", "1")
    cluster.run_until(lambda view: view.completed)
    assert cluster.view.pending == {}
    assert [(outcome.client, outcome.ok) for outcome in cluster.view.completed] == [("C1", True)]


# ---- the stream


def test_a_subscriber_takes_each_event_once() -> None:
    cluster = Cluster(3)
    reader = cluster.trace.subscribe()
    taken = []
    for _ in range(20):
        cluster.run_for(37)
        taken += reader.take()
    assert taken == list(cluster.trace)
    assert list(reader.take()) == []
    late = cluster.trace.subscribe(len(cluster.trace) - 3)
    assert list(late.take()) == list(cluster.trace)[-3:]


def test_events_come_in_order_of_time() -> None:
    run = RandomRun(2)
    run.trouble(rounds=60)
    times = [event.at_ms for event in run.cluster.trace]
    assert times == sorted(times)


# ---- logs in views


moves = st.lists(st.tuples(st.integers(0, 30), st.one_of(st.just("truncate"), st.just("append")), st.integers(0, 9)), max_size=30)


@given(moves, st.integers(0, 3))
def test_every_log_ever_shown_stays_as_a_plain_list_says(steps: list[tuple[int, str, int]], chunks: int) -> None:
    """Any earlier view may be the root of a new branch; none may change under another one's hands."""
    start = [Entry(1, None, "", number) for number in range(chunks * CHUNK - 3 if chunks else 0)]
    views, models = [LogView().append(tuple(start))], [start]
    for number, (root, move, size) in enumerate(steps):
        view, model = views[root % len(views)], models[root % len(models)]
        if move == "truncate":
            last_index = max(0, len(model) - size * 20)
            views.append(view.truncate(last_index))
            models.append(model[:last_index])
        else:
            new = [Entry(2, None, f"C{number}", at) for at in range(size)]
            views.append(view.append(tuple(new)))
            models.append(model + new)
    for view, model in zip(views, models, strict=True):
        assert list(view) == model
        assert (len(view), view.last_index) == (len(model), len(model))


def test_a_log_is_read_by_the_papers_indexes() -> None:
    log = LogView().append((Entry(1), Entry(1), Entry(3)))
    assert [log.term_at(index) for index in range(4)] == [0, 1, 1, 3]
    assert log.window(2, 9) == (Entry(1), Entry(3))
    assert log.window(-4, 1) == (Entry(1),)
    for index in (0, 4, -1):
        with pytest.raises(IndexError, match=f"no entry at index {index}; this log holds 1 … 3"):
            log[index]


def test_appending_to_a_long_log_shares_its_storage() -> None:
    log = LogView().append(tuple(Entry(1) for _ in range(10 * CHUNK + 5)))
    longer = log.append((Entry(2),))
    assert all(log.chunks[number] is longer.chunks[number] for number in log.chunks)
    other = log.append((Entry(3),))
    assert sum(log.chunks[number] is not other.chunks[number] for number in log.chunks) == 1
    assert (longer[len(longer)].term, other[len(other)].term) == (2, 3)


def test_random_reads_of_a_log_agree_with_its_window() -> None:
    random = Random(1)
    log = LogView().append(tuple(Entry(1, None, "", number) for number in range(1, 1_000)))
    for _ in range(100):
        first, last = random.randint(1, 999), random.randint(1, 999)
        assert [entry.sequence_num for entry in log.window(first, last)] == list(range(first, last + 1))
