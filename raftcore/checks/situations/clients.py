"""Situations of clients: reads, leases, retries and sessions."""

from raftcore.checks.leases import LEASE_EVENTS, LeaseEvent, is_read
from raftcore.checks.situations.situation import Past, situation
from raftcore.vocabulary import events as ev
from raftcore.vocabulary.commands import Cas, Get, ReadMode
from raftcore.vocabulary.names import LEADER, ClientId


@situation(ev.Applied)
def client_command_applied(run: Past, event: ev.Applied) -> bool:
    """A server applies a client's command (§8)."""
    written = run.servers[event.server].at(event.index)
    return written is not None and written.entry.client_id != ""


@situation(ev.Completed)
def read_completed(run: Past, event: ev.Completed) -> bool:
    """A client knows the outcome of a read or of a compare-and-set, which tells what the store held."""
    return event.ok is not None and isinstance(event.command, Get | Cas)


@situation(ev.Completed)
def outcome_unknown(run: Past, event: ev.Completed) -> bool:
    """A client gives up, and does not know whether its command was carried out (§8)."""
    return event.ok is None


@situation(ev.ReadStarted)
def read_awaits_a_majority(run: Past, event: ev.ReadStarted) -> bool:
    """A leader holds a read back until a majority has answered it (thesis 6.4)."""
    return True


@situation(ev.ReadServed, name="read by ReadIndex")
def read_by_read_index(run: Past, event: ev.ReadServed) -> bool:
    """A server answers a read by ReadIndex (thesis 6.4)."""
    return event.mode is ReadMode.READ_INDEX


@situation(ev.ReadStarted, ev.ReadServed)
def read_by_lease(run: Past, event: ev.ReadStarted | ev.ReadServed) -> bool:
    """A leader answers a read by its lease, without asking a majority (thesis 6.4.1)."""
    if isinstance(event, ev.ReadStarted):
        run.awaited[event.client] = event.sequence_num
        return False
    return event.mode is ReadMode.LEASE and run.awaited.get(event.client) != event.sequence_num


@situation(ev.Completed)
def read_by_log(run: Past, event: ev.Completed) -> bool:
    """A client's read is answered as an entry of the log (thesis 6.4)."""
    return event.ok is not None and _is_read(run, event.client, event.sequence_num, ReadMode.LOG)


@situation(ev.ReadServed)
def stale_read(run: Past, event: ev.ReadServed) -> bool:
    """A server answers a read from what it has applied, as the client wished."""
    return event.mode is ReadMode.STALE


@situation(ev.QuorumHeard)
def quorum_heard(run: Past, event: ev.QuorumHeard) -> bool:
    """A majority of several servers answers a leader's round of heartbeats (thesis 6.4)."""
    return len(run.servers[event.server].configuration.all_voters) > 1


@situation(ev.QuorumHeard, *LEASE_EVENTS)
def lease_held(run: Past, event: ev.QuorumHeard | LeaseEvent) -> bool:
    """A leader of several servers holds a lease, and no clock or timer has broken what leases stand on (thesis 6.4.1)."""
    if not isinstance(event, ev.QuorumHeard):
        run.leases.absorb(event)
        return False
    others = len(run.servers[event.server].configuration.all_voters) > 1
    return others and run.memory.config.leader_guard and run.leases.hold(event.sent_ms) and event.lease_until_ms > event.at_ms


@situation(ev.ReadStarted)
def lease_refused(run: Past, event: ev.ReadStarted) -> bool:
    """A leader holds no lease, or none any more, so a read by lease must wait for a majority (thesis 6.4.1)."""
    return _is_read(run, event.client, event.sequence_num, ReadMode.LEASE)


def _is_read(run: Past, client: ClientId, sequence_num: int, mode: ReadMode) -> bool:
    """Whether this command of a client is a read that finds its answer in this way."""
    request = run.memory.request(client, sequence_num)
    return request is not None and is_read(request.command, mode, run.memory.config.reads)


@situation(ev.EntriesAppended)
def retry_across_leaders(run: Past, event: ev.EntriesAppended) -> bool:
    """A second leader writes a command to its log that another one has written, since the client has asked again (§8)."""
    if run.servers[event.server].role is not LEADER:
        return False
    for entry in event.entries:
        if entry.client_id:
            number, writer = run.writers.get(entry.client_id, (0, ""))
            if number == entry.sequence_num and writer != event.server:
                return True
            run.writers[entry.client_id] = entry.sequence_num, event.server
    return False


@situation(ev.Applied)
def duplicate_suppressed(run: Past, event: ev.Applied) -> bool:
    """A server does not carry out a command again, since the client's session knows it already (thesis 6.3)."""
    return event.repeated


@situation(ev.SessionExpired)
def session_expired(run: Past, event: ev.SessionExpired) -> bool:
    """A server forgets a client that has not asked for anything for too long (thesis 6.3)."""
    return True


CLIENTS = (
    client_command_applied,
    read_completed,
    outcome_unknown,
    read_awaits_a_majority,
    read_by_read_index,
    read_by_lease,
    read_by_log,
    stale_read,
    quorum_heard,
    lease_held,
    lease_refused,
    retry_across_leaders,
    duplicate_suppressed,
    session_expired,
)
