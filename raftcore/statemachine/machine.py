"""The state machine: the key-value store, and a session for each client, by which a command that is sent twice is applied once.

Every server feeds it the committed entries in the order of the log, and comes to the same state and the same results: nothing here
looks at a clock, only at the time that stands in the entries (thesis 6.3).
"""

from collections import OrderedDict
from collections.abc import Iterable
from math import inf

import msgspec
from immutables import Map, MapMutation

from raftcore.statemachine.kv import FAILURES, Result, carry_out
from raftcore.vocabulary.commands import OpenSession
from raftcore.vocabulary.durable import Image, Session
from raftcore.vocabulary.errors import CorruptSnapshotError
from raftcore.vocabulary.messages import Entry
from raftcore.vocabulary.names import ClientId, Index, Reason

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Image)

_REFUSED = Result(False, reason=Reason.SESSION_EXPIRED)
_OVERTAKEN = Result(False, repeated=True, reason=Reason.OVERTAKEN)


class StateMachine:
    """A map from text to text, and the clients' sessions by number, the least recently active first.

    session_timeout_ms: how long a client may be silent, in log time, before its session is forgotten. `kv_store` is persistent: to
    keep it is to keep this moment, and costs nothing.
    """

    def __init__(self, session_timeout_ms: float) -> None:
        self.kv_store: Map[str, str] = Map()
        self.sessions: OrderedDict[Index, Session] = OrderedDict()
        self._session_timeout_ms = session_timeout_ms
        # No session expires before this. Only past it is the first session looked at: mostly it has been active meanwhile.
        self._none_expires_before_ms = inf

    def apply_all(self, first_index: Index, entries: Iterable[Entry]) -> list[Result]:
        """Carry out the entries in order, the first of which stands at `first_index`; one result an entry."""
        # One mutation for all of them: to make a new map for each would cost more than twice as much.
        store = self.kv_store.mutate()
        results = [self._apply(store, index, entry) for index, entry in enumerate(entries, first_index)]
        self.kv_store = store.finish()
        return results

    def read(self, key: str) -> str | None:
        """What the key holds now; None when it is absent."""
        return self.kv_store.get(key)

    # ---- one entry

    def _apply(self, store: MapMutation[str, str], index: Index, entry: Entry) -> Result:
        expired = self._expire(entry.at_ms) if entry.at_ms > self._none_expires_before_ms else ()
        if type(entry.command) is OpenSession:
            result = self._open_session(index, entry)
        elif entry.session_id:
            result = self._carry_out_once(store, entry)
        else:
            result = carry_out(store, entry.command)
        return msgspec.structs.replace(result, expired=expired) if expired else result

    def _open_session(self, index: Index, entry: Entry) -> Result:
        self.sessions[index] = Session(entry.client_id, 0, True, None, entry.at_ms)
        self._none_expires_before_ms = min(self._none_expires_before_ms, entry.at_ms + self._session_timeout_ms)
        return Result(True)

    def _carry_out_once(self, store: MapMutation[str, str], entry: Entry) -> Result:
        """Carry out the command unless its session, in which commands are numbered upwards, has seen it (Figure 6.1 of the thesis)."""
        number, sequence_num = entry.session_id, entry.sequence_num
        session = self.sessions.get(number)
        if session is None:
            return _REFUSED
        if sequence_num > session.sequence_num:
            result = carry_out(store, entry.command)
            self.sessions[number] = Session(session.client_id, sequence_num, result.ok, result.value, entry.at_ms)
        else:
            # A client waits for its latest command only: the answer to one before it is remembered no more, nor missed.
            latest = sequence_num == session.sequence_num
            reason = None if session.ok else FAILURES.get(type(entry.command))
            result = Result(session.ok, session.value, repeated=True, reason=reason) if latest else _OVERTAKEN
            self.sessions[number] = msgspec.structs.replace(session, active_at_ms=entry.at_ms)
        self.sessions.move_to_end(number)
        return result

    def _expire(self, at_ms: float) -> tuple[tuple[ClientId, Index], ...]:
        """Forget the sessions that have been silent for too long. Log time never falls, so they stand first."""
        expired: list[tuple[ClientId, Index]] = []
        while self.sessions:
            number, session = next(iter(self.sessions.items()))
            self._none_expires_before_ms = session.active_at_ms + self._session_timeout_ms
            if at_ms <= self._none_expires_before_ms:
                return tuple(expired)
            del self.sessions[number]
            expired.append((session.client_id, number))
        self._none_expires_before_ms = inf
        return tuple(expired)

    # ---- snapshots

    def image(self) -> bytes:
        """The whole state, as the MessagePack of an Image. The same state gives the same bytes, on every server and in every process."""
        # A map has an order of its own in each process; to sort its keys takes about two thirds of the time that all this takes.
        kv_store = self.kv_store
        return _ENCODER.encode(Image({key: kv_store[key] for key in sorted(kv_store)}, dict(self.sessions)))

    def restore(self, data: bytes) -> None:
        """Become what `image` wrote. Raises CorruptSnapshotError, and changes nothing, where the data is no image."""
        try:
            image = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptSnapshotError(
                f"a snapshot's data should be the store and its sessions, and is not ({error}); take one anew from a server that is well"
            ) from None
        self.kv_store = Map(image.kv_store)
        self.sessions = OrderedDict(image.sessions)
        first = next(iter(self.sessions.values()), None)
        self._none_expires_before_ms = first.active_at_ms + self._session_timeout_ms if first else inf
