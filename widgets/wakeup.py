"""Wakes a thread that waits. A request is never lost, whenever it comes."""

from queue import Empty, SimpleQueue


class Wakeup:
    """As threading.Event, but `clear` says what it cleared; and since each method is one step of the interpreter, an interrupt of a thread

    that calls `set` can't leave a lock behind.
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake whoever waits, or let the next wait end at once."""
        self._requests.put(None)

    def wait(self, timeout_s: float) -> None:
        """Wait until it is set, at most so many real seconds. It stays set."""
        try:
            self._requests.get(timeout=timeout_s)
        except Empty:
            return
        self._requests.put(None)

    def clear(self) -> bool:
        """Whether it is set; and let the next wait last until it is set anew."""
        was_set = False
        while not self._requests.empty():
            self._requests.get()
            was_set = True
        return was_set
